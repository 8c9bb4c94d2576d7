"""What the parent and the worker say to each other: one request, then messages, as lines of JSON.

    parent -> worker   one JSON document on standard input: the request
    worker -> parent   one JSON object a line on standard output: messages

Every sample is told when it is taken, so that whatever ends a worker, what it measured is known.
Both ends use the functions here, so that they cannot disagree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from rsinspect.answers.rows import LEVELS, Level
from rsinspect.base import codec, limits
from rsinspect.base.codec import Tagged
from rsinspect.base.errors import InvalidMeasurement, check_choice
from rsinspect.base.quantities import DEVICE, Count, Name, Ratio, Text
from rsinspect.base.words import Option, advice, shown
from rsinspect.layers import ops
from rsinspect.layers.partition import Level as CutLevel
from rsinspect.networks.network import Network, network_from_json
from rsinspect.profiling.budget import Budget, Estimate
from rsinspect.profiling.choices import (
    BACKENDS,
    MODES,
    PRECISIONS,
    Mode,
    Precision,
    WeightsOf,
)
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.trace import TracedSeconds
from rsinspect.profiling.roofline.roofs import Roofs
from rsinspect.profiling.rounds import MOST_ROUNDS, Finished, Round, RoundDone

JIT = {"tensorflow": (False, True), "jax": (True,), "torch": (False,)}
"""Whether the network can be run as it is, compiled by XLA, or both; the default first."""

DEFAULT_MAX_TIME_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a network is to be measured, whatever network it is.

    Attributes:
        batch: Images in a batch.
        mode: ``forward``: inference. ``train``: forward, backward and optimizer.
        level: What is timed apart: each ``stage`` or each ``block``; ``layer`` divides the time of
            each block among its layers, by their shares in a trace.
        precision: ``float32`` (no TF32), ``tf32``, ``bfloat16`` or ``float16``; the latter two are
            Keras's mixed policies, with weights in float32.
        backend: Keras backend.
        device: ``cpu``, ``gpu`` or ``gpu:1``.
        jit: Compile with XLA; None for the backend's default.
        threads: Of one operation, with one operation at a time; None leaves it to the framework.
        max_time_s: Budget of everything: importing, building, compiling, predicting, warm-up,
            rounds, trace and roofs, in all processes.
        most_rounds: To be measured in a process, if the time lasts.
        processes: Fresh processes that measure one after the other.
        strict_batch: Refuse when the batch does not fit, instead of halving it.
        predict: First time a network of the distinct blocks alone.
        roofs: Measure what the device can do at most.
        trace: Record one pass with the framework's profiler.
        seed: Of weights, images and the order of samples.
        memory_limit_bytes: Memory the worker may take beyond its framework; None for no limit.

    Raises:
        InvalidChoice: If a mode, level, precision or backend is unknown.
        InvalidMeasurement: If nobody can measure that.
    """

    batch: int
    mode: Mode = "forward"
    level: Level = "stage"
    precision: Precision = "float32"
    backend: str = "tensorflow"
    device: str = "cpu"
    jit: bool | None = None
    threads: int | None = None
    max_time_s: float = DEFAULT_MAX_TIME_S
    most_rounds: int = MOST_ROUNDS
    processes: int = 1
    strict_batch: bool = False
    predict: bool = True
    roofs: bool = True
    trace: bool = False
    seed: int = 0
    memory_limit_bytes: Count | None = None

    def __post_init__(self) -> None:
        for limit, number in (
            (limits.MEASURED_BATCH, self.batch),
            (limits.PROCESSES, self.processes),
            (limits.ROUNDS, self.most_rounds),
            (limits.MAX_TIME, self.max_time_s),
            (limits.SEED, self.seed),
            (limits.THREADS, 1 if self.threads is None else self.threads),
        ):
            limit.check(number, InvalidMeasurement)
        for what, value, known in (
            ("mode", self.mode, MODES),
            ("level", self.level, LEVELS),
            ("precision", self.precision, PRECISIONS),
            ("backend", self.backend, BACKENDS),
        ):
            check_choice(what, value, known)
        if not re.match(DEVICE, str(self.device)):
            raise InvalidMeasurement(
                f"unknown device {shown(self.device)}",
                "it is cpu, gpu, or gpu:1 for the second one",
            )
        if self.on_cpu and self.precision == "tf32":
            raise InvalidMeasurement(
                "tf32 is a format of GPUs; the cpu computes float32, bfloat16 or float16",
                advice("leave {} out, or choose {}", Option("precision"), Option("device", "gpu")),
            )
        if not self.on_cpu and self.threads is not None:
            raise InvalidMeasurement("threads are of the cpu; a gpu has no such number")
        if self.jit is not None and self.jit not in JIT[self.backend]:
            raise InvalidMeasurement(
                "jax compiles whatever it runs: it cannot do without jit"
                if self.backend == "jax"
                else "Keras runs torch operation by operation: there is nothing to jit",
                advice("leave {} out", Option("jit")),
            )

    @property
    def on_cpu(self) -> bool:
        """Tell whether the device is the CPU."""
        return self.device == "cpu"

    @property
    def compiles(self) -> bool:
        """Tell whether XLA compiles the network."""
        return JIT[self.backend][0] if self.jit is None else self.jit

    @property
    def computes_in(self) -> str:
        """Name the type of the numbers that are computed with."""
        return {"tf32": "float32"}.get(self.precision, self.precision)

    @property
    def traces(self) -> bool:
        """Tell whether passes are recorded op by op."""
        return self.trace or self.level == "layer"

    @property
    def cut_level(self) -> CutLevel:
        """Name the level at which parts are timed; layers are shares of blocks."""
        return "stage" if self.level == "stage" else "block"


@dataclass(frozen=True, slots=True)
class OwnWeights:
    """Weights that a network has already.

    Attributes:
        path: Of the file they are in.
        origin: Whether that is the network's own file, or was made of a live model.
    """

    path: str
    origin: Literal["file", "model"]

    @classmethod
    def of(cls, network: Network) -> OwnWeights | None:
        """Name those in the file that a network was read from; None where there are none."""
        return None if network.weights is None else cls(str(network.weights.absolute()), "file")


def check_names(options: Iterable[str]) -> None:
    """Refuse names that are of no setting; the batch has an argument of its own.

    Raises:
        InvalidChoice: With the nearest that is one.
    """
    for name in options:
        check_choice("option", name, [x.name for x in fields(Settings) if x.name != "batch"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest(Settings):
    """What is to be measured, and how.

    Attributes:
        network: What is measured.
        weights: With which weights; None for fresh ones.

    Raises:
        InvalidMeasurement: If nobody can measure that.
    """

    network: Network
    weights: OwnWeights | None = None

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        for layer in self.network.graph:
            if isinstance(layer.op, ops.Opaque):
                raise InvalidMeasurement(
                    f"{layer.path} is a layer of class {layer.op.class_name}, "
                    "which is not known here: the network cannot be built to be measured",
                    "summary and graph work without building it",
                )
        if self.mode == "train" and not self.network.cost.trainable_params:
            raise InvalidMeasurement(
                f"nothing in {self.network.name} is trained: it has no trainable params",
                advice("leave {} out", Option("mode", "train")),
            )

    @property
    def settings(self) -> Settings:
        """Return everything but the network."""
        return Settings(**{f.name: getattr(self, f.name) for f in fields(Settings)})

    @property
    def weights_of(self) -> WeightsOf:
        """Tell whose weights the network is measured with."""
        return "fresh" if self.weights is None else self.weights.origin

    def of_distinct(self, network: Network, batch: int) -> ProfileRequest:
        """Request the network of the distinct blocks instead, timed block by block."""
        return replace(self, network=network, batch=batch, level="block", weights=None)

    def again(self, process: int) -> ProfileRequest:
        """Request another process: with a seed of its own and the measurement alone."""
        return replace(
            self, seed=self.seed + process, predict=False, roofs=False, trace=False,
            level=self.cut_level,
        )  # fmt: skip


def request_to_json(request: ProfileRequest, budget: Budget) -> dict[str, Any]:
    """Write a request and what it may take as plain JSON values, its network whole."""
    settings: dict[str, Any] = codec.to_json(request.settings)
    return settings | {
        "network": request.network.to_json(),
        "weights": codec.to_json(request.weights),
        "ends_s": budget.ends_s,
    }


def request_from_json(document: dict[str, Any]) -> tuple[ProfileRequest, Budget]:
    """Read the request that ``request_to_json`` wrote; its network has no spec."""
    settings = codec.from_json(document, Settings, "request")
    request = ProfileRequest(
        **{f.name: getattr(settings, f.name) for f in fields(Settings)},
        network=network_from_json(document["network"]),
        weights=document["weights"] and codec.from_json(document["weights"], OwnWeights, "weights"),
    )
    return request, Budget(whole_s=request.max_time_s, ends_s=document["ends_s"])


PhaseName = Literal[
    "starting", "roofs", "predicting", "building", "compiling", "warm-up", "measuring", "tracing"
]


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A worker is started for that batch."""

    batch: int
    process: int = 0


@dataclass(frozen=True, slots=True)
class Phase:
    """The worker begins another part of its work."""

    name: PhaseName


@dataclass(frozen=True, slots=True)
class Estimated:
    """What the whole network will take is known."""

    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody stopped the worker, which does not go on by itself; it is ended in time."""

    ended_in_s: float


@dataclass(frozen=True, slots=True)
class MemoryUsed:
    """Most memory the worker has had resident so far."""

    peak_rss_bytes: Count


@dataclass(frozen=True, slots=True)
class BatchRefused:
    """A batch of the ladder was skipped or did not fit; the next is half of it."""

    batch: int
    reason: str


Step = Literal["forward", "backward", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The network is compiled; what follows are samples.

    Attributes:
        parts: Path and step of each part of the samples, in the order they run; a path that is not
            of the graph (``loss``, ``optimizer``, ``call``) is a step of its own.
        method: Description of the sampling.
        output_max_abs_diff: Between the outputs with and without instruments; None where chance
            (dropout) makes them differ, or where they are beyond the numbers of the precision.
        output_max_abs: Largest of the latter in magnitude; None where it is no finite number.
        optimizer: Optimizer at the end of a training step; None in inference.
        environment: Where.
        loss: What the optimizer makes smaller; None in inference.
    """

    parts: tuple[tuple[Name, Step], ...]
    method: Text
    output_max_abs_diff: Ratio | None
    output_max_abs: Ratio | None
    optimizer: Name | None
    environment: Environment
    loss: Name | None = None


@dataclass(frozen=True, slots=True)
class RoofsMeasured:
    """What the device can do at most."""

    roofs: Roofs


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """A part of the request that could not be had, and why; the measurement goes on."""

    what: Literal["roofs", "trace", "prediction"]
    reason: Text


@dataclass(frozen=True, slots=True)
class Traced:
    """What the framework's profiler saw."""

    trace: TracedSeconds


Event = (
    AttemptStarted
    | Phase
    | RoundDone
    | MemoryUsed
    | BatchRefused
    | Prediction
    | Estimated
    | Stopped
)
"""What a measurement tells while it runs."""

MEMORY_WORDS = (
    "std::bad_alloc",
    "MemoryError",
    "ResourceExhausted",
    "RESOURCE_EXHAUSTED",
    "could not create a primitive",
    "OutOfMemoryError",
    "can't allocate memory",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "out of memory",
)
"""How TensorFlow, oneDNN, JAX, PyTorch and CUDA word an allocation that failed."""

FailureKind = Literal["unavailable", "memory", "refused", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The worker's last words.

    Attributes:
        kind: ``unavailable``: the framework cannot be imported. ``memory``: an allocation failed.
            ``refused``: an error of rsinspect's own. ``error``: anything else.
        error: Class of the exception.
        message: What it said.
        hint: Of an error of rsinspect's own.
    """

    kind: FailureKind
    error: Text
    message: Text
    hint: Text | None = None


Message = (
    Phase | RoundDone | MemoryUsed | Prediction | Estimated | Ready | Round | RoofsMeasured
    | NotAvailable | Traced | Failure | Finished
)  # fmt: skip
"""What a worker writes."""

_MESSAGES = Tagged(
    "event",
    {
        "phase": Phase,
        "progress": RoundDone,
        "memory": MemoryUsed,
        "predicted": Prediction,
        "estimated": Estimated,
        "ready": Ready,
        "round": Round,
        "roofs": RoofsMeasured,
        "not_available": NotAvailable,
        "traced": Traced,
        "failure": Failure,
        "finished": Finished,
    },
)


def encode(message: Message) -> str:
    """Write a message as one line, without its end.

    >>> encode(Phase("building"))
    '{"event": "phase", "name": "building"}'
    """
    return json.dumps(_MESSAGES.to_json(message))


def decode(line: str) -> Message | None:
    """Read the message of a line; None where the line is no message."""
    try:
        message: Message = _MESSAGES.from_json(json.loads(line), "message")
    except (ValueError, RecursionError):
        return None
    return message
