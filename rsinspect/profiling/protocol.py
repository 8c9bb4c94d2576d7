"""What the parent and the worker say to each other: one request, then events, as lines of JSON.

    parent -> worker   one JSON document on standard input: the request
    worker -> parent   one JSON object a line on standard output: events, the result last

Both ends use the functions here, so that they cannot disagree.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, assert_never

from rsinspect.errors import InvalidMeasurement
from rsinspect.partition import Level
from rsinspect.spec import DIALECTS, ResNetRSSpec, dialect_named, near

Backend = Literal["tensorflow", "jax", "torch"]
BACKENDS: tuple[Backend, ...] = ("tensorflow", "jax", "torch")
LEVELS: tuple[Level, ...] = ("stage", "block")

DEFAULT_MAX_TIME_S = 60.0
MAX_BATCH = 65_536
MAX_TIME_S = 86_400.0
MAX_THREADS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest:
    """What is to be measured.

    Attributes:
        spec: The network.
        batch: Images in a batch.
        level: What is timed apart: each ``stage`` or each ``block``.
        max_time_s: Budget of warm-up and measuring together; importing, building and compiling come
            on top.
        backend: Keras backend.
        device: ``cpu``.
        threads: Of one operation, with one operation at a time; None leaves it to the framework.
        strict_batch: Refuse when the batch does not fit, instead of halving it.
        seed: Of weights, images and the order of samples.

    Raises:
        InvalidMeasurement: If nobody can measure that.
    """

    spec: ResNetRSSpec
    batch: int
    level: Level = "stage"
    max_time_s: float = DEFAULT_MAX_TIME_S
    backend: str = "tensorflow"
    device: str = "cpu"
    threads: int | None = None
    strict_batch: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _whole(self.batch, MAX_BATCH, "batch", "images")
        if self.threads is not None:
            _whole(self.threads, MAX_THREADS, "number of threads", "threads")
        if not (math.isfinite(self.max_time_s) and 0 < self.max_time_s <= MAX_TIME_S):
            raise InvalidMeasurement(
                f"the time budget is {self.max_time_s:g} s; "
                f"it must be above 0 and at most {MAX_TIME_S:g} s"
            )
        if self.level not in LEVELS:
            raise InvalidMeasurement(
                f"unknown level {self.level!r}", near(self.level, list(LEVELS))
            )
        if self.backend not in BACKENDS:
            raise InvalidMeasurement(
                f"unknown backend {self.backend!r}", near(self.backend, list(BACKENDS))
            )
        if self.device != "cpu":
            raise InvalidMeasurement(
                f"cannot measure on device {self.device!r}; profiles are of the cpu so far",
                "leave the device out, or write cpu",
            )
        if DIALECTS.get(self.spec.dialect.name) != self.spec.dialect:
            raise InvalidMeasurement(
                f"the dialect {self.spec.dialect.name!r} is not one of rsinspect's; "
                "only those are measured"
            )


def _whole(value: object, highest: int, what: str, unit: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
        raise InvalidMeasurement(f"the {what} is {value}; it must be 1 to {highest} {unit}")


def spec_to_json(spec: ResNetRSSpec) -> dict[str, Any]:
    """A spec as plain JSON values, its dialect by name."""
    return asdict(spec) | {"dialect": spec.dialect.name}


def spec_from_json(document: dict[str, Any]) -> ResNetRSSpec:
    """The spec that ``spec_to_json`` wrote.

    >>> spec = ResNetRSSpec.variant(50)
    >>> spec_from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec
    True
    """
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document.items()
    }
    values["dialect"] = dialect_named(document["dialect"])
    return ResNetRSSpec(**values)


def request_to_json(request: ProfileRequest) -> dict[str, Any]:
    """A request as plain JSON values."""
    values = {f.name: getattr(request, f.name) for f in fields(request)}
    return values | {"spec": spec_to_json(request.spec)}


def request_from_json(document: dict[str, Any]) -> ProfileRequest:
    """The request that ``request_to_json`` wrote."""
    return ProfileRequest(**(document | {"spec": spec_from_json(document["spec"])}))


PhaseName = Literal["starting", "building", "compiling", "warm-up", "measuring"]


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A worker is started for that batch."""

    batch: int


@dataclass(frozen=True, slots=True)
class Phase:
    """The worker begins another part of its work."""

    name: PhaseName


@dataclass(frozen=True, slots=True)
class RoundDone:
    """A round is over.

    Attributes:
        phase: Warm-up or measuring.
        round: Its number in that phase, from 1.
        elapsed_s: Since warm-up began.
        remaining_s: At most; a precise result ends earlier.
    """

    phase: PhaseName
    round: int
    elapsed_s: float
    remaining_s: float


@dataclass(frozen=True, slots=True)
class MemoryUsed:
    """Most memory the worker has had resident so far."""

    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class BatchRefused:
    """A batch of the ladder was skipped or did not fit; the next is half of it."""

    batch: int
    reason: str


Event = AttemptStarted | Phase | RoundDone | MemoryUsed | BatchRefused
"""What a measurement tells while it runs."""

MEMORY_WORDS = (
    "std::bad_alloc",
    "MemoryError",
    "ResourceExhausted",
    "RESOURCE_EXHAUSTED",
    "could not create a primitive",
    "OutOfMemoryError",
)
"""How TensorFlow, oneDNN, JAX and PyTorch word an allocation that failed."""

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
    error: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerResult:
    """What a worker measured; the parent adds what follows from the graph.

    Attributes:
        end_to_end_s: One sample per round.
        segments_s: Per segment of the graph, one sample per round.
        warm_up_s: Discarded rounds, the compiling calls first.
        steady: Whether warm-up became steady.
        stopped_because: Why there are not more rounds.
        measured_s: Warm-up and rounds together.
        chain_max_abs_diff: Between the output of the chain and that of the whole network.
        output_max_abs: Largest of the latter in magnitude.
        method: How samples were taken.
        environment: Where; see ``run.Environment``.
    """

    end_to_end_s: tuple[float, ...]
    segments_s: tuple[tuple[float, ...], ...]
    warm_up_s: tuple[float, ...]
    steady: bool
    stopped_because: Literal["precise", "time", "rounds"]
    measured_s: float
    chain_max_abs_diff: float
    output_max_abs: float
    method: str
    environment: dict[str, Any]


Message = Phase | RoundDone | MemoryUsed | Failure | WorkerResult
"""What a worker writes."""

_MESSAGES: dict[str, type[Phase | RoundDone | MemoryUsed | Failure | WorkerResult]] = {
    "phase": Phase,
    "round": RoundDone,
    "memory": MemoryUsed,
    "failure": Failure,
    "result": WorkerResult,
}


def encode(message: Message) -> str:
    """A message as one line, without its end.

    >>> encode(Phase("building"))
    '{"event": "phase", "name": "building"}'
    """
    match message:
        case Phase():
            name = "phase"
        case RoundDone():
            name = "round"
        case MemoryUsed():
            name = "memory"
        case Failure():
            name = "failure"
        case WorkerResult():
            name = "result"
        case _:
            assert_never(message)
    return json.dumps({"event": name} | asdict(message))


def decode(line: str) -> Message | None:
    """The message of a line; None where the line is none."""
    try:
        document = json.loads(line)
        values = {key: _frozen(value) for key, value in document.items() if key not in ("event",)}
        return _MESSAGES[document["event"]](**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
