"""The worker of a measurement: the only file of this room that imports frameworks.

A process reads one request from standard input, builds the network, measures it and writes events
and its result to standard output, a JSON object a line. Whatever else writes to standard output
goes to standard error instead.

Each stage or block is a Keras model between two cuts of the graph, made of the very layers of the
whole network, and compiled on its own: ``tf.function`` without XLA on TensorFlow, ``jax.jit`` on
JAX, inference mode on PyTorch. Frameworks are imported inside functions: the environment they read
on import (backend, devices, precision) has to be set before.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

import rsinspect
from rsinspect.errors import MeasurementError, RsInspectError
from rsinspect.graph import LayerGraph
from rsinspect.layer_names import keras_name
from rsinspect.partition import segments
from rsinspect.profiling import machine
from rsinspect.profiling.protocol import (
    MEMORY_WORDS,
    Failure,
    MemoryUsed,
    Message,
    Phase,
    ProfileRequest,
    RoundDone,
    WorkerResult,
    encode,
    request_from_json,
)
from rsinspect.profiling.rounds import Progress, measure
from rsinspect.profiling.run import Environment
from rsinspect.resnet_rs import build_graph

Forward = Callable[[Any], Any]
"""One compiled forward pass, ready when it returns."""

METHODS = {
    "tensorflow": "chain of {level}s, each a tf.function, paired with the whole network",
    "jax": "chain of {level}s, each a jax.jit that is waited for, paired with the whole network",
    "torch": "chain of {level}s in inference mode, paired with the whole network",
}

LOWER_PRECISION = (
    "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE",
)  # fmt: skip
"""Variables that let oneDNN compute float32 convolutions in bfloat16."""


def main() -> int:
    """Serve one request; exit code 0 with a result, 1 with a failure."""
    emit = _Emitter(_claim_standard_output())
    load_before = machine.load_average()
    try:
        request = request_from_json(json.loads(sys.stdin.readline()))
        emit(Phase("starting"))
        _prefer_to_be_killed()
        _prepare(request)
        try:
            _import(request)
        except ImportError as exc:
            emit(Failure(kind="unavailable", error=type(exc).__name__, message=str(exc)))
            return 1
        emit.memory()
        emit(_measure(request, load_before, emit))
    except RsInspectError as exc:
        emit(Failure(kind="refused", error=type(exc).__name__, message=exc.message, hint=exc.hint))
        return 1
    except Exception as exc:  # the last door of this process: the parent judges by what it says
        emit.memory()
        emit(Failure(kind=_failure_kind(exc), error=type(exc).__name__, message=str(exc)[:2000]))
        raise
    return 0


class _Emitter:
    """Writes messages for the parent."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, message: Message) -> None:
        self.stream.write(encode(message) + "\n")
        self.stream.flush()

    def memory(self) -> None:
        """Tell how much memory was used so far, where the system says."""
        if (peak := machine.peak_rss_bytes()) is not None:
            self(MemoryUsed(peak))


def _claim_standard_output() -> TextIO:
    """Standard output for messages alone: what frameworks print goes to standard error."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "w", encoding="utf-8")


def _failure_kind(exc: Exception) -> Any:
    said = f"{type(exc).__name__} {exc}"
    short = any(word in said for word in MEMORY_WORDS)
    return "memory" if short else "error"


def _prefer_to_be_killed() -> None:
    """Should memory run out, the kernel is to end this process and not the user's others."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")


def _prepare(request: ProfileRequest) -> None:
    """Everything frameworks read from the environment when they are imported."""
    os.environ["KERAS_BACKEND"] = request.backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["KERAS_TORCH_DEVICE"] = "cpu"
    for name in LOWER_PRECISION:
        os.environ.pop(name, None)
    if request.backend == "jax" and request.threads is not None:
        _pin(request.threads)


def _pin(processors: int) -> None:
    """Keep to that many processors; XLA sizes its thread pool by them and has no option for it."""
    if not hasattr(os, "sched_setaffinity"):
        raise MeasurementError("the number of threads of jax cannot be set on this system")
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[:processors])


def _import(request: ProfileRequest) -> None:
    """Import the backend and Keras, and set threads, precision and seeds.

    Raises:
        ImportError: If one is not installed or does not load.
    """
    importlib.import_module(request.backend)
    keras = importlib.import_module("keras")
    threads = request.threads
    match request.backend:
        case "tensorflow":
            import tensorflow as tf

            if threads is not None:
                tf.config.threading.set_intra_op_parallelism_threads(threads)
                tf.config.threading.set_inter_op_parallelism_threads(1)
            tf.config.experimental.enable_tensor_float_32_execution(False)
        case "jax":
            import jax

            jax.config.update("jax_default_matmul_precision", "highest")
        case _:
            import torch

            if threads is not None:
                torch.set_num_threads(threads)
                torch.set_num_interop_threads(1)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    if request.backend == "tensorflow":
        keras.utils.set_random_seed(request.seed)
    else:  # which would import tensorflow, half a gigabyte; initialisers draw seeds from here
        random.seed(request.seed)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The network as functions of the backend.

    Attributes:
        end_to_end: The whole.
        parts: Its stages or blocks; each takes what the one before returned.
    """

    end_to_end: Forward
    parts: tuple[Forward, ...]


def compile_network(request: ProfileRequest, graph: LayerGraph, model: Any) -> Compiled:
    """The whole network and its stages or blocks, which share their layers and weights.

    Args:
        request: Batch, level and backend.
        graph: Whose cuts to use.
        model: The Keras model of that graph.
    """
    import keras

    def tensor(path: str) -> Any:
        if path == graph.layers[0].path:
            return model.inputs[0]
        return model.get_layer(keras_name(path, request.spec.dialect)).output

    parts = []
    for segment in segments(graph, request.level):
        part = keras.Model(tensor(segment.input), tensor(segment.output))
        shape = (request.batch, *graph.layer(segment.input).shape)
        parts.append(_compile(request.backend, part, shape))
    shape = (request.batch, *graph.layers[0].shape)
    return Compiled(_compile(request.backend, model, shape), tuple(parts))


def _compile(backend: str, model: Any, shape: tuple[int, ...]) -> Forward:
    match backend:
        case "tensorflow":
            return _tensorflow(model, shape)
        case "jax":
            return _jax(model)
        case _:
            return _torch(model)


def _tensorflow(model: Any, shape: tuple[int, ...]) -> Forward:
    """On a CPU a ``tf.function`` returns when its result is ready."""
    import tensorflow as tf

    def forward(x: Any) -> Any:
        return model(x, training=False)

    signature = [tf.TensorSpec(shape, tf.float32)]
    compiled: Forward = tf.function(forward, input_signature=signature, autograph=False)
    return compiled


def _jax(model: Any) -> Forward:
    import jax

    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def forward(trainable: Any, others: Any, x: Any) -> Any:
        return model.stateless_call(trainable, others, x, training=False)[0]

    compiled = jax.jit(forward)
    return lambda x: jax.block_until_ready(compiled(trainable, others, x))


def _torch(model: Any) -> Forward:
    import torch

    model.eval()

    def forward(x: Any) -> Any:
        with torch.inference_mode():
            return model(x, training=False)

    return forward


def _images(request: ProfileRequest, graph: LayerGraph) -> Any:
    """A batch of random images, as a tensor of the backend."""
    import keras
    import numpy as np

    shape = (request.batch, *graph.layers[0].shape)
    values = np.random.default_rng(request.seed).random(shape, dtype=np.float32)
    values *= 255
    return keras.ops.convert_to_tensor(values)


def _max_abs_diff(expected: Any, found: Any) -> tuple[float, float]:
    """Largest difference between two tensors, and largest number of the first, in magnitude."""
    import keras
    import numpy as np

    wanted = keras.ops.convert_to_numpy(expected)
    difference = np.abs(wanted - keras.ops.convert_to_numpy(found))
    return float(np.max(difference)), float(np.max(np.abs(wanted)))


@contextlib.contextmanager
def _seconds_into(samples: list[float]) -> Iterator[None]:
    start = time.perf_counter_ns()
    yield
    samples.append((time.perf_counter_ns() - start) / 1e9)


def _measure(
    request: ProfileRequest, load_before: tuple[float | None, str | None], emit: _Emitter
) -> WorkerResult:
    from rsinspect.keras_model.build import build_model

    emit(Phase("building"))
    graph = build_graph(request.spec)
    model = build_model(graph, request.spec.dialect)
    network = compile_network(request, graph, model)
    images = _images(request, graph)
    emit.memory()

    emit(Phase("compiling"))
    first_calls: list[float] = []
    with _seconds_into(first_calls):
        expected = network.end_to_end(images)
    emit.memory()
    with _seconds_into(first_calls):
        value = images
        for part in network.parts:
            value = part(value)
    difference, largest = _max_abs_diff(expected, value)
    del expected, value
    emit.memory()

    emit(Phase("warm-up"))
    measuring = False

    def on_progress(progress: Progress) -> None:
        nonlocal measuring
        if progress.phase == "measuring" and not measuring:
            measuring = True
            emit(Phase("measuring"))
        emit(RoundDone(progress.phase, progress.round, progress.elapsed_s, progress.remaining_s))
        emit.memory()

    rounds = measure(
        network.end_to_end,
        network.parts,
        images,
        first_calls_s=sum(first_calls),
        max_time_s=request.max_time_s,
        clock=time.perf_counter_ns,
        order=random.Random(request.seed),
        on_progress=on_progress,
    )
    return WorkerResult(
        end_to_end_s=rounds.end_to_end,
        segments_s=rounds.segments,
        warm_up_s=rounds.warm_up,
        steady=rounds.steady,
        stopped_because=rounds.stopped_because,
        measured_s=rounds.elapsed_s,
        chain_max_abs_diff=difference,
        output_max_abs=largest,
        method=METHODS[request.backend].format(level=request.level),
        environment=_environment(request, load_before).to_json(),
    )


def _environment(
    request: ProfileRequest, load_before: tuple[float | None, str | None]
) -> Environment:
    import keras

    unknown: dict[str, str] = {}

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
        versions=(
            ("python", platform.python_version()),
            ("keras", str(keras.__version__)),
            (request.backend, str(backend.__version__)),
            ("rsinspect", rsinspect.__version__),
        ),
        load_before=fact("load_before", *load_before),
        load_after=fact("load_after", *machine.load_average()),
        seed=request.seed,
        peak_rss_bytes=fact("peak_rss_bytes", machine.peak_rss_bytes(), None),
        unknown=tuple(unknown.items()),
    )


def _threads(request: ProfileRequest) -> str:
    if request.threads is None:
        return "the framework's default"
    if request.backend == "jax":
        return f"pinned to {request.threads} processors"
    return f"{request.threads} within an operation, 1 operation at a time"


if __name__ == "__main__":
    sys.exit(main())
