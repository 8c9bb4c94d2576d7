"""From passes of the distinct blocks to the whole network, and how far off that may be."""

import json
import math
import random
import statistics
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

import pytest

from rsinspect.layers.cost import layers_cost
from rsinspect.profiling import projection
from rsinspect.profiling.distinct import Distinct, distinct_blocks
from rsinspect.profiling.projection import Passes, drift, interval_of, multiples, projected
from tests.networks import DATA, network_of

RECORDED = json.loads((DATA / "passes.json").read_text())
SECONDS: list[float] = RECORDED["seconds"]
QUIET = [share <= 0.03 for share in RECORDED["foreign_share"]]
TRUTH = statistics.median(s for s, quiet in zip(SECONDS, QUIET, strict=True) if quiet)


def windows(lasting_s: float) -> Iterator[Passes]:
    """Quiet passes of so many seconds, from each moment of the recorded series."""
    ends = list(accumulate(SECONDS))
    for first, end_s in enumerate(ends):
        if end_s + lasting_s > ends[-1]:
            return
        last = next(i for i, later_s in enumerate(ends) if later_s >= end_s + lasting_s)
        passes = [(SECONDS[i],) for i in range(first, last) if QUIET[i]]
        if len(passes) > 1:
            yield Passes(parts_s=tuple(passes), lasted_s=lasting_s, foreign_share=0.0)


def covered(lasting_s: float) -> float:
    """Share of those windows whose interval holds the median of the whole series."""
    found = []
    for passes in windows(lasting_s):
        total_s = projected(["whole"], passes, [1.0])["whole"]
        interval = interval_of(total_s, passes, [1.0])
        assert interval is not None
        found.append(interval[0] <= TRUTH <= interval[1])
    return statistics.mean(found)


@pytest.mark.parametrize("lasting_s", [0.5, 1.5, 3.0, 8.0])
def test_the_interval_of_a_few_seconds_covers_the_median_of_a_minute(lasting_s: float) -> None:
    assert covered(lasting_s) >= 0.93


def test_without_the_drift_of_machines_it_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "DRIFT", 0.0)
    assert covered(3.0) < 0.85


def test_the_drift_is_that_of_the_recorded_series() -> None:
    for lasting_s in (0.5, 1.5, 3.0, 8.0, 15.0):
        medians = [statistics.median(p[0] for p in x.parts_s) for x in windows(lasting_s)]
        off = math.sqrt(statistics.mean((median / TRUTH - 1) ** 2 for median in medians))
        assert drift(lasting_s) == pytest.approx(off, abs=0.006)


def test_the_interval_covers_a_sum_of_blocks_many_times_over() -> None:
    """One block stands for 22: its own noise counts 22 times, the machine's once."""
    rng, held = random.Random(1), 0
    times = (1.0, 22.0, 2.0)
    truth = 0.1 * 25
    for _ in range(200):
        speed = rng.gauss(1, drift(3.0))
        rows = tuple(tuple(0.1 * speed * rng.gauss(1, 0.1) for _ in times) for _ in range(12))
        passes = Passes(parts_s=rows, lasted_s=3.0, foreign_share=None)
        total_s = sum(projected(["stem", "c4/block1", "c5/block1"], passes, times).values())
        interval = interval_of(total_s, passes, times)
        assert interval is not None
        held += interval[0] <= truth <= interval[1]
    assert held >= 186


def test_what_is_known_less_well_has_a_wider_interval() -> None:
    steady = Passes(parts_s=((1.0,),) * 12, lasted_s=3.0, foreign_share=0.0)
    busy = Passes(parts_s=steady.parts_s, lasted_s=3.0, foreign_share=0.2)
    hurried = Passes(parts_s=steady.parts_s, lasted_s=0.5, foreign_share=0.0)

    def half_width(passes: Passes, **how: bool) -> float:
        interval = interval_of(1.0, passes, (1.0,), **how)
        assert interval is not None
        return interval[1] - 1.0

    assert half_width(steady) < half_width(steady, other_batch=True) < half_width(hurried)
    assert half_width(busy) > 0.2
    alone = Passes(parts_s=((1.0,),), lasted_s=1.0, foreign_share=0.0)
    assert interval_of(1.0, alone, (1.0,)) is None


@pytest.fixture
def small() -> Distinct:
    distinct = distinct_blocks(network_of(101))
    assert distinct is not None
    return distinct


def test_blocks_grow_with_the_batch_the_optimizer_with_params_a_call_with_layers(
    small: Distinct,
) -> None:
    whole = network_of(101).graph
    paths = ("stem", "c4/block1", "loss", "optimizer", "call")
    stem, block, loss, optimizer, call = multiples(whole, small, paths, images=8.0)
    assert (stem, block, loss) == (8.0, 8.0 * 22, 8.0)
    params = [layers_cost(x, x.layers).trainable_params for x in (whole, small.network.graph)]
    assert optimizer == pytest.approx(params[0] / params[1])
    assert 1 < call < optimizer


def test_medians_are_taken_part_by_part_and_paths_of_two_steps_added_up() -> None:
    rows = ((1.0, 2.0, 0.5), (1.5, 9.0, 0.5), (2.0, 3.0, 0.5))
    passes = Passes(parts_s=rows, lasted_s=3.0, foreign_share=None)
    assert projected(("stem", "c2", "stem"), passes, (1.0, 10.0, 1.0)) == {"stem": 2.0, "c2": 30.0}


def test_a_whole_without_instruments_is_predicted_and_its_doubt_counts() -> None:
    inside = Passes(parts_s=((1.0,), (1.1,), (0.9,)) * 4, lasted_s=3.0, foreign_share=None)
    shares = (0.93, 0.94, 0.95, 0.94)
    plain = replace(inside, plain_share=shares)
    assert projected(("whole",), plain, (1.0,)) == {"whole": pytest.approx(0.94)}
    one, other = (interval_of(1.0, passes, (1.0,)) for passes in (inside, plain))
    assert one is not None
    assert other is not None
    assert other[0] < one[0] < 1.0 < one[1] < other[1]
