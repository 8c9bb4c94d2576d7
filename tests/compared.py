"""Comparisons to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from rsinspect.comparisons.comparison import Comparison, How, Side
from rsinspect.layers.partition import segments
from rsinspect.networks.network import Network
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.statistics import Latency, Sampling
from tests.networks import layout_of
from tests.runs import run_of

SMALL = layout_of(1, 2, 3, 1, width=0.25, resolution=(64, 64))
BURSTS, ROUNDS = 12, 3


def a_run(
    network: Network = SMALL, *, slower: Mapping[str, float] | None = None, seed: int = 0,
    noise: float = 0.01, level: str = "block",
) -> ProfileRun:  # fmt: skip
    """Each block takes as long as its MACs, times what ``slower`` has at its path."""
    random = Random(seed)
    count = BURSTS * ROUNDS
    bursts = tuple(index // ROUNDS for index in range(count))
    sampling = Sampling((0,) * count, bursts, (True,) * count)

    def latency(around: float) -> Latency:
        return Latency(tuple(around * random.gauss(1, noise) for _ in range(count)), sampling)

    found = [
        Segment(
            path=part.path,
            level="block" if "block" in part.path else "stage",
            latency=latency(
                (1e-4 + part.cost(network.graph).macs / 5e10) * (slower or {}).get(part.path, 1.0)
            ),
        )
        for part in segments(network.graph, "stage" if level == "stage" else "block")
    ]
    found.append(
        Segment(path="call", level="step", latency=latency(2e-6 * (slower or {}).get("call", 1.0)))
    )
    return run_of(found, network=network, level=level)


def a_comparison(
    slower: Mapping[str, float] | None = None,
    *,
    networks: Sequence[Network] = (SMALL, SMALL),
    names: Sequence[str] = ("before", "after"),
    how: How = "paired",
    noise: float = 0.01,
    level: str = "block",
) -> Comparison:
    """Of two runs of which the second takes so many times as long at each path."""
    (a, b), runs = (
        names,
        (
            a_run(networks[0], noise=noise, level=level),
            a_run(networks[1], slower=slower, seed=1, noise=noise, level=level),
        ),
    )
    return Comparison(a=Side(reference=a, run=runs[0]), b=Side(reference=b, run=runs[1]), how=how)
