"""What a worker tells its parent: messages, as lines of JSON, after the one request it is given.

    parent -> worker   one JSON document on standard input: the request
    worker -> parent   one JSON object a line on standard output: messages

Every sample is told when it is taken, so that whatever ends a worker, what it measured is known.
Both ends use the functions here, so that they cannot disagree.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from rsinspect.base.codec import Tagged
from rsinspect.base.quantities import Count, Images, Name, Ratio, Seconds, Text
from rsinspect.profiling.budget import Estimate
from rsinspect.profiling.heats import Bout, Verdict
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.trace import TracedSeconds
from rsinspect.profiling.roofline.roofs import Roofs
from rsinspect.profiling.rounds import Finished, Round, RoundDone
from rsinspect.profiling.ways import Way

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
class Roughly:
    """What a pass takes at the rate of a matrix product; known before a framework is imported.

    Few networks are faster; some take twice as long.
    """

    pass_s: Seconds


@dataclass(frozen=True, slots=True)
class Estimated:
    """What the whole network will take is known."""

    estimate: Estimate


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long it will take from here, as far as is known.

    Attributes:
        left_s: Until all is done; in this process.
        passes: That will have been measured then, where each is a round; None for pairs of them.
    """

    left_s: Seconds
    passes: Count | None


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
        energy_by: Which counters tell the energy of a round; None where none does.
    """

    parts: tuple[tuple[Name, Step], ...]
    method: Text
    output_max_abs_diff: Ratio | None
    output_max_abs: Ratio | None
    optimizer: Name | None
    environment: Environment
    loss: Name | None = None
    energy_by: Text | None = None


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
class Entered:
    """A way of running the network is built now, to be compared with others at that batch."""

    number: Count
    way: Way
    batch: Images


@dataclass(frozen=True, slots=True)
class Prepared:
    """A way was built and run once.

    Attributes:
        number: Of the way, in the order in which they entered.
        ready_s: What that took, compiling included.
        output_max_abs_diff: Between its outputs and those of the first way, in inference.
        output_max_abs: Largest output of the first way in magnitude.
    """

    number: Count
    ready_s: Seconds
    output_max_abs_diff: Ratio
    output_max_abs: Ratio


WhyOut = Literal["failed", "differs", "time"]


@dataclass(frozen=True, slots=True)
class Out:
    """A way is not compared: it cannot be built, computes something else, or came too late."""

    number: Count
    why: WhyOut
    reason: Text


@dataclass(frozen=True, slots=True)
class Judged:
    """A way was compared with the fastest before it, whose place it takes if it is faster."""

    number: Count
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A small network was built, and is timed in turns with those before it from now on.

    Attributes:
        number: Of the network, as it was asked for.
        of: Networks that were asked for.
        ready: Its parts, and how they are timed.
        built_s: What building it took.
        compiled_s: What its first pass took, compiling included.
    """

    number: Count
    of: Count
    ready: Ready
    built_s: Seconds
    compiled_s: Seconds


@dataclass(frozen=True, slots=True)
class Timed:
    """A pass of one of several networks."""

    number: Count
    round: Round


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows is of the network of the request (0) or of the one beside it (1)."""

    side: Literal[0, 1]


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
    | Roughly
    | Estimated
    | TimeLeft
    | Stopped
    | Entered
    | Out
    | Judged
    | Joined
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
    Phase | RoundDone | MemoryUsed | Prediction | Roughly | Estimated | TimeLeft | Ready | Round
    | RoofsMeasured | NotAvailable | Traced | Failure | Finished | Entered | Prepared | Out | Judged
    | Bout | Turn | Joined | Timed
)  # fmt: skip
"""What a worker writes."""

_MESSAGES = Tagged(
    "event",
    {
        "phase": Phase,
        "progress": RoundDone,
        "memory": MemoryUsed,
        "predicted": Prediction,
        "roughly": Roughly,
        "estimated": Estimated,
        "time_left": TimeLeft,
        "ready": Ready,
        "round": Round,
        "roofs": RoofsMeasured,
        "not_available": NotAvailable,
        "traced": Traced,
        "failure": Failure,
        "finished": Finished,
        "entered": Entered,
        "prepared": Prepared,
        "out": Out,
        "judged": Judged,
        "bout": Bout,
        "turn": Turn,
        "joined": Joined,
        "timed": Timed,
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
