"""How often ``compare`` cries wolf, and how often it finds a wolf that is there.

Pairs of one network, built twice in one process, are sampled in turns as ``rsinspect compare``
samples them. Of each pair two comparisons are made: of the two as they are, of which no test should
say that they differ; and of the same two where the second spins after each pass for 5 % of what the
pass took, so that the true ratio is 1.05 (times whatever the two copies differ by) whatever else
the machine does. The tests of asv and pyperf are applied to the very same samples, as two groups:

* asv 0.6 (``asv_runner/statistics.py``, ``asv/_stats.py is_different``): different where
  Mann-Whitney's U test has p < 0.002, or, where there are too few samples for that p, where the
  99 % intervals of the medians do not overlap;
* pyperf 2 (``pyperf/_utils.py is_significant``): different where Student's t of two samples, pooled
  variance, is beyond its 95 % value.

    python -m benchmarks.comparisons record FOLDER --pairs 100   # some fifty minutes; goes on
    python -m benchmarks.comparisons report FOLDER               # writes benchmarks/results
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from rsinspect.comparisons.ratio import Ratio, ratio_in_turns
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented, Round, garbage_collection_off
from rsinspect.profiling.statistics import Latency, Sampling
from rsinspect.profiling.turns import Runs, Turns

RESULTS = Path(__file__).parent / "results" / "2026-11-26-comparisons.json"
NETWORK = resnet_rs(ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32)))
REQUEST = ProfileRequest(network=NETWORK, batch=1, threads=1)
SLOWDOWN = 0.05
COPIES = 4
"""Of the network in a process; every two of them are a pair."""
SECONDS = {"same": 5.0, "slower": 12.0}
"""Of sampling at most; a comparison of rsinspect's takes a minute by default, start-up included."""
PRECISE = 0.025
"""Half of an interval that is enough: no test looks at where it lies."""

Pair = dict[str, Any]
"""``kind`` and samples of both in seconds, with the burst of each."""


def slowed(runs: Runs, share: float = SLOWDOWN) -> Runs:
    """Add a spin after each pass, for a share of what it took."""

    def spin(since_ns: int) -> None:
        now_ns = time.perf_counter_ns()
        until_ns = now_ns + share * (now_ns - since_ns)
        while time.perf_counter_ns() < until_ns:
            pass

    def end_to_end() -> None:
        began_ns = time.perf_counter_ns()
        runs.end_to_end()
        spin(began_ns)

    return Runs(end_to_end, runs.instrumented)


def record_some(file: Path, seed: int) -> None:
    """Record pairs in this process, one line of JSON for each comparison."""
    os.environ |= {
        "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1",
    }  # fmt: skip
    from rsinspect.profiling.backends import tensorflow
    from rsinspect.profiling.backends.workload import workload

    tensorflow.configure(REQUEST)
    built = [_plain(tensorflow.instrument(workload(REQUEST))) for _ in range(1 + COPIES)]
    copies = built[1:]  # as the worker of ``compare`` does: the first one is slower
    for number, (one, other) in enumerate(combinations(copies, 2)):
        for kind, second in (("same", other), ("slower", slowed(other))):
            row = {"kind": kind, **_sampled((one, second), SECONDS[kind], 100 * seed + number)}
            with file.open("a") as lines:
                lines.write(json.dumps(row | {"load": os.getloadavg()[0]}) + "\n")


def _plain(network: Any) -> Runs:
    """Compile a network, and leave its instruments away: so there are twice as many rounds."""
    network.end_to_end()
    return Runs(network.end_to_end, lambda: Instrumented(wall_s=0.0, parts_s=()))


def _sampled(pair: tuple[Runs, Runs], seconds: float, seed: int) -> dict[str, list[Any]]:
    """Sample two in turns."""
    from rsinspect.profiling import machine

    taken: list[tuple[Round, Round]] = []
    probe, processors = machine.probe()
    with garbage_collection_off():
        Turns(
            pair, max_time_s=seconds, most_rounds=4000, clock=time.perf_counter_ns, probe=probe,
            processors=processors, order=random.Random(seed), precise=PRECISE,
            on_rounds=lambda *rounds: taken.append(rounds), on_progress=lambda _: None,
        ).measure()  # fmt: skip
    return {
        "a_s": [a.end_to_end_s for a, _ in taken],
        "b_s": [b.end_to_end_s for _, b in taken],
        "burst": [a.burst for a, _ in taken],
    }


def record(folder: Path, pairs: int) -> None:
    """Record until there are so many pairs, in fresh processes of a few each."""
    folder.mkdir(parents=True, exist_ok=True)
    while (have := len(load(folder)) // 2) < pairs:
        print(f"{have} pairs of {pairs}", file=sys.stderr)
        seed = len(list(folder.glob("*.jsonl")))
        command = [sys.executable, "-m", "benchmarks.comparisons", "some", str(folder), str(seed)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def load(folder: Path) -> list[Pair]:
    """Read what was recorded."""
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]


def ours(pair: Pair) -> Ratio:
    """Compare as ``rsinspect compare`` does."""
    count = len(pair["burst"])
    sampling = Sampling((0,) * count, tuple(pair["burst"]), (True,) * count)
    found = ratio_in_turns(*(Latency(tuple(pair[side]), sampling) for side in ("a_s", "b_s")))
    assert found is not None
    return found


def by_asv(a: Sequence[float], b: Sequence[float]) -> bool:
    """Tell whether asv calls them different: U test, else intervals of the medians."""
    from scipy.stats import mannwhitneyu

    attainable = 2 / math.comb(len(a) + len(b), len(a))
    if attainable < 0.002:
        return bool(mannwhitneyu(a, b, alternative="two-sided").pvalue < 0.002)
    (a_low, a_high), (b_low, b_high) = (_interval_99(x) for x in (a, b))
    return a_low > b_high or b_low > a_high


def _interval_99(samples: Sequence[float]) -> tuple[float, float]:
    """Bound a median by the order statistics that hold it in 99 %."""
    from scipy.stats import binom

    ordered = sorted(samples)
    outside = max(0, int(binom.ppf(0.005, len(ordered), 0.5)) - 1)
    return ordered[outside], ordered[-1 - outside]


def by_pyperf(a: Sequence[float], b: Sequence[float]) -> bool:
    """Tell whether pyperf calls them different: Student's t, two-sided, 95 %."""
    from scipy.stats import ttest_ind

    return bool(ttest_ind(a, b, equal_var=True).pvalue < 0.05)


TESTS: dict[str, Callable[[Pair], tuple[bool, bool]]] = {
    "rsinspect": lambda pair: _sides(ours(pair)),
    "asv": lambda pair: _with_sign(pair, by_asv),
    "pyperf": lambda pair: _with_sign(pair, by_pyperf),
}
"""Whether each calls B other than A, and slower."""


def _sides(ratio: Ratio) -> tuple[bool, bool]:
    low, high = ratio.interval or (0.0, math.inf)
    return low > 1 or high < 1, low > 1


def _with_sign(
    pair: Pair, test: Callable[[Sequence[float], Sequence[float]], bool]
) -> tuple[bool, bool]:
    from statistics import mean

    differs = test(pair["a_s"], pair["b_s"])
    return differs, differs and mean(pair["b_s"]) > mean(pair["a_s"])


def report(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Count false alarms, slowdowns that were found, and intervals that cover."""
    same = [pair for pair in pairs if pair["kind"] == "same"]
    slower = [pair for pair in pairs if pair["kind"] == "slower"]
    ratios = {"same": list(map(ours, same)), "slower": list(map(ours, slower))}
    widths = sorted(ratio.half_width for ratio in ratios["slower"])
    loads = sorted(pair["load"] for pair in pairs)

    def covers(ratio: Ratio, truth: float) -> bool:
        return ratio.interval is not None and ratio.interval[0] <= truth <= ratio.interval[1]

    return {
        "pairs": len(same),
        "slowdown": SLOWDOWN,
        "tests": {
            name: {
                "false_alarms": sum(test(pair)[0] for pair in same),
                "found": sum(test(pair)[1] for pair in slower),
            }
            for name, test in TESTS.items()
        },
        "covered": {
            "same": sum(covers(ratio, 1.0) for ratio in ratios["same"]),
            "slower": sum(covers(ratio, 1 + SLOWDOWN) for ratio in ratios["slower"]),
        },
        "half_width_median": widths[len(widths) // 2],
        "rounds_median": sorted(len(pair["a_s"]) for pair in slower)[len(slower) // 2],
        "load_median": loads[len(loads) // 2],
        "seconds": SECONDS,
        "network": NETWORK.title,
        "conditions": REQUEST.conditions(REQUEST.batch),
    }


def main() -> None:
    """Record, or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("record", "some", "report"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--pairs", type=int, default=100)
    asked = parser.parse_args()
    if asked.what == "record":
        record(asked.folder, asked.pairs)
    elif asked.what == "some":
        record_some(asked.folder / f"{asked.seed:04d}.jsonl", asked.seed)
    else:
        found = report(load(asked.folder))
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
