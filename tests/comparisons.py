"""Comparisons that tests are about."""

from __future__ import annotations

import random
from typing import Any

from rsinspect.comparisons.comparison import Comparison, How, Side
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.statistics import Latency, Sampling
from tests.networks import network_of
from tests.runs import run_of

PARTS = {"stem": 0.010, "c2": 0.020, "c3": 0.030, "c4": 0.040, "c5": 0.050, "head": 0.001}
"""Seconds of each stage of the runs here."""


def measured(
    seed: int,
    *,
    factor: float = 1.0,
    parts: dict[str, float] = PARTS,
    bursts: int = 20,
    rounds: int = 2,
    weather: int = 0,
    noise: float = 0.01,
    depth: int = 50,
    **changes: Any,
) -> ProfileRun:
    """Make a run of made-up samples.

    Args:
        seed: Of its own noise.
        factor: Of all times.
        parts: Seconds of each part.
        bursts: How many there are.
        rounds: In a burst.
        weather: Seed of what makes whole bursts slow; the same for two that ran in turns.
        noise: Of a sample, as a share.
        depth: Of the network.
        changes: Other fields of the run.
    """
    own, shared = random.Random(seed), random.Random(weather)
    slow = [1 + abs(shared.gauss(0, 0.1)) for _ in range(bursts) for _ in range(rounds)]
    count = bursts * rounds
    sampling = Sampling(
        (0,) * count,
        tuple(burst for burst in range(bursts) for _ in range(rounds)),
        (True,) * count,
    )
    return run_of(
        [
            Segment(
                path=path,
                level="block" if "/" in path else "stage",
                latency=Latency(
                    tuple(factor * part * slow[i] * own.gauss(1, noise) for i in range(count)),
                    sampling,
                ),
            )
            for path, part in parts.items()
        ],
        network=network_of(depth),
        **changes,
    )


def compared(a: ProfileRun, b: ProfileRun, how: How = "paired", *across: str) -> Comparison:
    """Compare two runs, called ``before`` and ``after``."""
    return Comparison(
        a=Side(reference="before", run=a), b=Side(reference="after", run=b), how=how, across=across
    )
