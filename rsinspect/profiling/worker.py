"""The worker of a measurement: a process that imports a framework and runs the network.

It reads one request from standard input and writes messages to standard output, a JSON object a
line. Whatever else writes to standard output goes to standard error instead.

``course`` says what comes when; here is what it takes: devices, frameworks, the network. Frameworks
are imported inside functions: the environment they read on import (backend, devices, precision) has
to be set before.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

import rsinspect
from rsinspect.base.errors import BackendUnavailable, MeasurementError, RsInspectError
from rsinspect.base.process import end_with_parent
from rsinspect.base.quantities import LARGEST
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.kernels import step_macs
from rsinspect.profiling import machine
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.course import Course, Hands
from rsinspect.profiling.distinct import Distinct
from rsinspect.profiling.energy import Meter, energy_meter
from rsinspect.profiling.protocol import (
    MEMORY_WORDS,
    Failure,
    MemoryUsed,
    Message,
    NotAvailable,
    Phase,
    Ready,
    RoofsMeasured,
    Roughly,
    Traced,
    encode,
)
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.request import ProfileRequest, request_from_json

if TYPE_CHECKING:
    from rsinspect.profiling.backends.workload import Instrument, Workload
    from rsinspect.profiling.extrapolate import Probe

FLAGS = (
    "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA", "MALLOC_ARENA_MAX", "MALLOC_CONF", "LD_PRELOAD",
)  # fmt: skip
"""Variables that change how fast frameworks are; the run records those that are set."""

ALLOCATED_AHEAD = 1.25
"""Allocated memory may be that many times what may be resident: allocators take it in advance."""

LOWER_PRECISION = (
    "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE",
)  # fmt: skip
"""Variables that let oneDNN compute float32 convolutions in bfloat16."""


Load = tuple[float | None, str | None]
"""Of the machine before anything ran, or why it is not known."""


def main(serve: Serve | None = None) -> int:
    """Serve one request; exit code 0 with a result, 1 with a failure.

    Args:
        serve: Measures what is requested; by default the network, part by part.
    """
    emit = Emitter(_claim_standard_output())
    load_before = machine.load_average()
    try:
        request, budget = request_from_json(json.loads(sys.stdin.readline()))
        end_with_parent(sys.stdin)
        emit(Phase("starting"))
        _prefer_to_be_killed()
        _prepare(request)
        if request.on_cpu and request.precision == "float32":
            emit(Roughly(_roughly_s(request)))
        try:
            backend = _import(request)
        except ImportError as exc:
            emit(Failure(kind="unavailable", error=type(exc).__name__, message=str(exc)))
            return 1
        emit.memory()
        if request.memory_limit_bytes is not None:
            machine.limit_memory(round(ALLOCATED_AHEAD * request.memory_limit_bytes))
        (serve or _serve)(request, budget, backend, load_before, emit)
    except RsInspectError as exc:
        emit(Failure(kind="refused", error=type(exc).__name__, message=exc.message, hint=exc.hint))
        return 1
    except Exception as exc:  # the last door of this process: the parent judges by what it says
        emit.memory()
        emit(Failure(kind=_failure_kind(exc), error=type(exc).__name__, message=str(exc)[:2000]))
        raise
    return 0


class Emitter:
    """Writes messages for the parent."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, message: Message) -> None:
        """Send a message."""
        self.stream.write(encode(message) + "\n")
        self.stream.flush()

    def memory(self) -> None:
        """Send the memory used so far, where the system says."""
        if (peak := machine.peak_rss_bytes()) is not None:
            self(MemoryUsed(peak))


Serve = Callable[[ProfileRequest, Budget, ModuleType, Load, Emitter], None]
"""Measures a request within a budget with a backend, and sends messages."""


def _claim_standard_output() -> TextIO:
    """Reserve standard output for messages: what frameworks print goes to standard error."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "w", encoding="utf-8")


def _failure_kind(exc: Exception) -> Any:
    said = f"{type(exc).__name__} {exc}"
    short = any(word in said for word in MEMORY_WORDS)
    return "memory" if short else "error"


def _prefer_to_be_killed() -> None:
    """Ask the kernel to end this process first when memory runs out."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")


def _prepare(request: ProfileRequest) -> None:
    """Set the environment variables that frameworks read when they are imported."""
    os.environ["KERAS_BACKEND"] = request.backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if request.on_cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["KERAS_TORCH_DEVICE"] = "cpu"
    else:
        _, _, number = request.device.partition(":")
        os.environ["CUDA_VISIBLE_DEVICES"] = number or "0"
        os.environ["JAX_PLATFORMS"] = "cuda,cpu"
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        os.environ["KERAS_TORCH_DEVICE"] = "cuda"
    for name in LOWER_PRECISION:
        os.environ.pop(name, None)
    if request.backend == "jax" and request.threads is not None:
        _pin(request.threads)


def _roughly_s(request: ProfileRequest) -> float:
    """Work out what a pass takes at the rate of a matrix product, in seconds."""
    graph = request.network.graph
    trains = request.mode == "train"
    macs = step_macs(graph, graph.layers) if trains else layers_cost(graph, graph.layers).macs
    return 2 * macs * request.batch / product_flops_per_s()


def product_flops_per_s(side: int = 768, most_s: float = 0.15) -> float:
    """Time products of two square matrices of float32; the rate of the fastest.

    It takes a fraction of a second, where a framework takes seconds to be imported.

    Args:
        side: Of the matrices.
        most_s: When no other product is begun, but for the first five: the first wakes threads.
    """
    import numpy as np

    left = np.ones((side, side), dtype=np.float32)
    samples_s: list[float] = []
    began = time.perf_counter()
    while len(samples_s) < 5 or time.perf_counter() - began < most_s:
        before = time.perf_counter()
        left @ left
        samples_s.append(time.perf_counter() - before)
    return 2 * side**3 / min(samples_s)


def _pin(processors: int) -> None:
    """Keep to that many processors; XLA sizes its thread pool by them and has no option for it."""
    if not hasattr(os, "sched_setaffinity"):
        raise MeasurementError("the number of threads of jax cannot be set on this system")
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[:processors])


def _import(request: ProfileRequest) -> ModuleType:
    """Import the backend and Keras, and set devices, threads, precision and seeds.

    Raises:
        ImportError: If one is not installed or does not load.
        BackendUnavailable: If Keras does not start.
        DeviceUnavailable: If the backend does not find the device.
    """
    importlib.import_module(request.backend)
    try:
        keras = importlib.import_module("keras")
    except (ValueError, RuntimeError) as exc:  # its answers to settings it cannot read
        raise BackendUnavailable(
            f"Keras does not start: {type(exc).__name__}: {exc}", "look at its keras.json"
        ) from exc
    backend = importlib.import_module(f"rsinspect.profiling.backends.{request.backend}")
    backend.configure(request)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(_POLICY[request.precision])
    keras.config.set_image_data_format("channels_last")
    if request.backend == "tensorflow":
        keras.utils.set_random_seed(request.seed)
    else:  # which would import tensorflow, half a gigabyte; initialisers draw seeds from here
        random.seed(request.seed)
    return backend


_POLICY = {
    "float32": "float32", "tf32": "float32",
    "bfloat16": "mixed_bfloat16", "float16": "mixed_float16",
}  # fmt: skip
"""Keras's dtype policy: what is computed in; weights stay float32."""


class Runner:
    """The network of a request, run by a framework.

    Args:
        request: What is measured.
        budget: Of the whole measurement.
        backend: Module of ``profiling.backends``.
        load_before: Load of the machine before, or why it is not known.
        energy: The counter of energy, or why there is none.
    """

    def __init__(
        self,
        request: ProfileRequest,
        budget: Budget,
        backend: ModuleType,
        load_before: Load,
        energy: tuple[Meter | None, str | None] = (None, None),
    ) -> None:
        self.request = request
        self.budget = budget
        self.backend = backend
        self.load_before = load_before
        self.meter, self.no_energy = energy
        self.work: Workload | None = None
        self.network: Instrument | None = None

    def probe(self, distinct: Distinct) -> Probe:
        """Make the network of the distinct blocks."""
        from rsinspect.profiling.extrapolate import Probe

        return Probe(self.request, distinct, self.backend, self.budget)

    def build(self) -> Instrument:
        """Make the network itself."""
        from rsinspect.profiling.backends.workload import workload

        gc.collect()  # the network of the distinct blocks, and what its compiler left behind
        machine.return_freed_memory()
        self.work = workload(self.request)
        self.network = self.backend.instrument(self.work)
        return self.network

    def ready(self, *, compared: bool) -> Ready:
        """Say what the samples will be of; outputs are compared where both passes ran."""
        from rsinspect.profiling.backends.workload import OPTIMIZER, loss_name

        assert self.work is not None
        assert self.network is not None
        difference, largest = _differences(self.network) if compared else (None, None)
        return Ready(
            parts=self.network.parts,
            method=self.network.method,
            output_max_abs_diff=difference,
            output_max_abs=largest,
            optimizer=OPTIMIZER if self.work.trains else None,
            loss=loss_name(self.work) if self.work.trains else None,
            environment=environment_of(self.request, self.load_before, self.no_energy),
            energy_by=None if self.meter is None else self.meter.source,
        )

    def trace(self, passes: int, *, alone: bool) -> Traced | NotAvailable:
        """Record passes op by op."""
        assert self.work is not None
        assert self.network is not None
        try:
            from rsinspect.profiling.backends.traces import trace_layers

            return Traced(trace_layers(self.work, self.network, passes, alone=alone))
        except MeasurementError as exc:
            return NotAvailable("trace", exc.message)

    def roofs(self, max_time_s: float) -> RoofsMeasured | NotAvailable:
        """Measure what the device can do, once the network is gone."""
        self.work = self.network = None
        gc.collect()
        try:
            from rsinspect.profiling.backends.roofs import measure_roofs

            return RoofsMeasured(
                measure_roofs(
                    self.request.backend,
                    self.request.precision,
                    jit=self.request.compiles,
                    clock=time.perf_counter_ns,
                    max_time_s=max_time_s,
                )
            )
        except MeasurementError as exc:
            return NotAvailable("roofs", exc.message)


def _serve(
    request: ProfileRequest,
    budget: Budget,
    backend: ModuleType,
    load_before: Load,
    emit: Emitter,
) -> None:
    """Predict, build and measure the network, and send a message for each result."""
    energy = energy_meter(request.device)
    subject = Runner(request, budget, backend, load_before, energy)
    Course(request, budget, subject, hands(energy[0]), emit).run()


def hands(meter: Meter | None = None) -> Hands:
    """Return the clock and the probe of this machine, which reads a counter of energy too."""
    probe, processors = machine.probe(None if meter is None else meter.read)
    return Hands(clock=time.perf_counter_ns, sleep=time.sleep, probe=probe, processors=processors)


def _differences(network: Instrument) -> tuple[float | None, float | None]:
    """Return the largest change of the outputs by the instruments, and the largest output.

    None each where the outputs are beyond what the precision can hold: they cannot be compared.
    """
    import numpy as np

    expected, instrumented = network.outputs()
    largest = float(np.max(np.abs(expected)))
    if not largest <= LARGEST:
        return None, None
    return float(np.max(np.abs(expected - instrumented))), largest


def environment_of(
    request: ProfileRequest, load_before: Load, no_energy: str | None = None
) -> Environment:
    """Describe the machine, the process and the frameworks in it.

    Args:
        request: What is measured.
        load_before: Load of the machine before, or why it is not known.
        no_energy: Why no counter of energy can be read.
    """
    import keras

    unknown: dict[str, str] = {} if no_energy is None else {"energy": no_energy}

    def fact(name: str, value: Any, reason: str | None) -> Any:
        if value is None:
            unknown[name] = reason or "not told by this system"
        return value

    backend = sys.modules[request.backend]
    return Environment(
        platform=platform.platform(),
        cpu_model=fact("cpu_model", *machine.cpu_model()),
        cpus_visible=fact("cpus_visible", os.cpu_count(), None),
        cpus_affinity=fact("cpus_affinity", *machine.affinity()),
        cpus_quota=fact("cpus_quota", *machine.cgroup_cpus()),
        governor=fact("governor", *machine.governor()),
        threads_requested=request.threads,
        threads=_threads(request),
        versions={
            "python": platform.python_version(),
            "keras": str(keras.__version__),
            request.backend: str(backend.__version__),
            "rsinspect": rsinspect.__version__,
        },
        flags={name: os.environ[name] for name in FLAGS if name in os.environ},
        load_before=fact("load_before", *load_before),
        load_after=fact("load_after", None, "the measurement had not ended"),
        seed=request.seed,
        peak_rss_bytes=fact("peak_rss_bytes", machine.peak_rss_bytes(), None),
        unknown=unknown,
    )


def _threads(request: ProfileRequest) -> str:
    if request.threads is None:
        return "the framework's default"
    if request.backend == "jax":
        return f"pinned to {request.threads} processors"
    return f"{request.threads} within an operation, 1 operation at a time"


def end(exit_code: int) -> None:
    """End this process at once: to take a framework down in order takes a second or two."""
    sys.stderr.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    end(main())
