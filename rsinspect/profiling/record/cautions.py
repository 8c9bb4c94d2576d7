"""Reasons to read a run's numbers with care, as values; ``wording`` puts one into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from rsinspect.base.codec import Tagged
from rsinspect.base.quantities import Count, Finite, Images, Positive, Ratio, Seconds
from rsinspect.base.units import percent, seconds
from rsinspect.base.words import plural
from rsinspect.profiling.statistics import FEWEST_FOR_INTERVAL

WIDE_SPREAD = 0.1
OVER_BUDGET = 1.1


@dataclass(frozen=True, slots=True)
class BatchReduced:
    """The batch that was asked for did not fit."""

    requested: Images
    used: Images


@dataclass(frozen=True, slots=True)
class FewSamples:
    """Too few rounds for an interval of the median, and what would give one.

    Attributes:
        samples: Rounds that count.
        wanted: As many as an interval needs.
        batch: One that has an interval in the same time; None where none has or nobody knows.
        time_s: In which this batch has one; None where nobody knows.
    """

    samples: Count
    wanted: Count = FEWEST_FOR_INTERVAL
    batch: Count | None = None
    time_s: Count | None = None


@dataclass(frozen=True, slots=True)
class NotSteady:
    """Warm-up ended before two rounds in a row agreed."""

    rounds: Count


@dataclass(frozen=True, slots=True)
class FirstCall:
    """There was time for one pass alone, in the call that compiled the network."""


@dataclass(frozen=True, slots=True)
class WideSpread:
    """The quartiles of the end-to-end samples are far apart."""

    spread: Ratio


@dataclass(frozen=True, slots=True)
class BusyMachine:
    """Other processes were running when the measurement began."""

    load: Ratio
    processors: Positive


@dataclass(frozen=True, slots=True)
class DoesNotClose:
    """The segments do not add up to the whole."""

    relative_error: Finite


@dataclass(frozen=True, slots=True)
class OutputsDiffer:
    """With instruments inside, the network computed something else than without."""

    max_abs_diff: Ratio


@dataclass(frozen=True, slots=True)
class NeverQuiet:
    """Other programs used the machine in almost every round; the quietest had to do."""

    foreign_share: Ratio
    kept: Count


@dataclass(frozen=True, slots=True)
class CutShort:
    """The measurement was interrupted."""

    rounds: Count


@dataclass(frozen=True, slots=True)
class OverBudget:
    """Everything together took longer than the time budget."""

    measured_s: Seconds
    max_time_s: Seconds


Caution = (
    BatchReduced | FewSamples | NotSteady | WideSpread | BusyMachine | DoesNotClose | OutputsDiffer
    | OverBudget | NeverQuiet | CutShort | FirstCall
)  # fmt: skip
"""A reason to read the numbers with care; ``wording`` puts it into words."""

CAUTIONS = Tagged(
    "kind",
    {
        "batch_reduced": BatchReduced,
        "few_samples": FewSamples,
        "not_steady": NotSteady,
        "wide_spread": WideSpread,
        "busy_machine": BusyMachine,
        "does_not_close": DoesNotClose,
        "outputs_differ": OutputsDiffer,
        "over_budget": OverBudget,
        "never_quiet": NeverQuiet,
        "cut_short": CutShort,
        "first_call": FirstCall,
    },
)
"""The JSON of a caution: ``kind`` tells which it is."""


def wording(caution: Caution) -> str:
    """Write a caution as a sentence.

    >>> wording(FewSamples(3))
    'only 3 rounds: an interval needs 6; allow more time'
    """
    match caution:
        case BatchReduced(requested, used):
            return f"batch {requested} did not fit into memory: all latencies are of batch {used}"
        case FewSamples(samples, wanted, batch, time_s):
            ways = [
                *([f"batch {batch} has them in this time"] if batch else []),
                *([f"this batch in {time_s} s"] if time_s else []),
            ]
            return f"only {plural(samples, 'round')}: an interval needs {wanted}; " + (
                ", ".join(ways) or "allow more time"
            )
        case NotSteady(rounds):
            return (
                f"warm-up was not steady after {plural(rounds, 'round')}: medians may be too high"
            )
        case FirstCall():
            return "measured in the call that compiled it: a later one may take less"
        case WideSpread(spread):
            return f"half of the samples lie {percent(spread)} of the median apart: a noisy machine"
        case BusyMachine(load, processors):
            return (
                f"the load average was {load:.1f} on {processors} processors before the "
                "measurement: other processes take time from it"
            )
        case DoesNotClose(relative_error):
            return (
                f"the segments add up to {percent(abs(relative_error))} "
                f"{'more' if relative_error > 0 else 'less'} than the whole network"
            )
        case OutputsDiffer(max_abs_diff):
            return f"with instruments inside, outputs differ by {max_abs_diff:.2g}"
        case NeverQuiet(foreign_share, kept):
            return (
                f"other programs were busy in almost every round: the quietest {kept} count, with "
                f"{percent(foreign_share)} of the processors used by others; latencies are too high"
            )
        case CutShort(rounds):
            return f"interrupted after {plural(rounds, 'round')}"
        case OverBudget(measured_s, max_time_s):
            return (
                f"the measurement took {seconds(measured_s)} of a budget of {seconds(max_time_s)}"
            )
        case _:
            assert_never(caution)
