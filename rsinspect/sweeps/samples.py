"""What the runs of one point say together: each is a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rsinspect.profiling.statistics import Latency, Sampling


class Samples(NamedTuple):
    """Whole passes of one run.

    Attributes:
        samples_s: Each pass.
        process: Number of the process of each, in its run.
        burst: Likewise, of the burst.
        kept: Whether it counts.
    """

    samples_s: tuple[float, ...]
    process: tuple[int, ...]
    burst: tuple[int, ...]
    kept: tuple[bool, ...]

    @classmethod
    def of(cls, document: dict[str, Any]) -> Samples:
        """Take them from the document of a run, which the store has checked."""
        rounds = document["rounds"]
        return cls(
            samples_s=tuple(document["end_to_end"]["latency_s"]["samples"]),
            process=tuple(rounds["process"]),
            burst=tuple(rounds["burst"]),
            kept=tuple(rounds["kept"]),
        )


def pooled(runs: Sequence[Samples]) -> Latency:
    """Put the passes of several runs together; those of each remain processes of their own.

    >>> one = Samples((1.0, 1.2), (0, 0), (0, 1), (True, True))
    >>> pooled([one, one]).sampling.process
    (0, 0, 1, 1)
    """
    process: list[int] = []
    for run in runs:
        first = max(process, default=-1) + 1
        process += [first + number for number in run.process]
    sampling = Sampling(
        process=tuple(process),
        burst=tuple(number for run in runs for number in run.burst),
        kept=tuple(kept for run in runs for kept in run.kept),
    )
    return Latency(tuple(sample for run in runs for sample in run.samples_s), sampling)
