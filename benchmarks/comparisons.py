"""How often ``compare`` cries wolf, and how often it finds a wolf that is there.

A pair is one network, built twice in one process, which nothing else is compared with. Both are
sampled in turns as ``rsinspect compare`` samples them, for ``SECONDS`` twice: as they are, of which
no test should say that they differ; and where the second spins after each pass for 5 % of what the
pass took, so that the true ratio is 1.05 (times whatever the two copies differ by) whatever else
the machine does. With building both and a fifth of starting a process, which five pairs share, a
pair takes some eight seconds on a quiet machine.
The tests of asv and pyperf are applied to the very same samples, as two groups:

* asv 0.6 (``asv_runner/statistics.py``, ``asv/_stats.py is_different``): different where
  Mann-Whitney's U test has p < 0.002, or, where there are too few samples for that p, where the
  99 % intervals of the medians do not overlap;
* pyperf 2 (``pyperf/_utils.py is_significant``): different where Student's t of two samples, pooled
  variance, is beyond its 95 % value.

    python -m benchmarks.comparisons record FOLDER --pairs 100   # a quarter of an hour; goes on
    python -m benchmarks.comparisons report FOLDER               # writes benchmarks/results

What was recorded before Ctrl-C is kept; the same command goes on. ``BETWEEN_COPIES`` of
``comparisons/ratio.py`` is in the intervals and was fitted on pairs like these: a folder tells how
often ``compare`` is wrong only if it is a fresh one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from rsinspect.comparisons.ratio import BETWEEN_COPIES, Ratio, ratio_in_turns
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
PAIRS_EACH = 5
"""Pairs in a process."""
SECONDS = 2.5
"""Of sampling, for each of the two comparisons of a pair; one of rsinspect's takes a minute by
default, start-up included."""
KINDS = ("same", "slower")

Pair = dict[str, Any]
"""By kind: samples of both in seconds, with the burst of each, and the share of the processors that
others took; ``process`` and ``load``, the system's average of the last minute, this process in it.
"""


def slowed(runs: Runs, share: float = SLOWDOWN) -> Runs:
    """Add a spin after each pass, for a share of what it took."""

    plain = runs.end_to_end
    assert plain is not None

    def spin(since_ns: int) -> None:
        now_ns = time.perf_counter_ns()
        until_ns = now_ns + share * (now_ns - since_ns)
        while time.perf_counter_ns() < until_ns:
            pass

    def end_to_end() -> None:
        began_ns = time.perf_counter_ns()
        plain()
        spin(began_ns)

    return Runs(end_to_end, runs.instrumented)


def record_some(file: Path, seed: int, pairs: int) -> None:
    """Record pairs in this process, a line of JSON for each."""
    os.environ |= {
        "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1",
    }  # fmt: skip
    from rsinspect.profiling.backends import tensorflow
    from rsinspect.profiling.backends.workload import workload

    tensorflow.configure(REQUEST)

    def copy() -> Runs:
        return _plain(tensorflow.instrument(workload(REQUEST)))

    kept = [copy()]  # as the worker of ``compare`` does: the first one is slower
    for number in range(pairs):
        one, other = copy(), copy()
        kept += one, other
        pair: Pair = {"process": seed, "load": os.getloadavg()[0]}
        for kind, second in zip(KINDS, (other, slowed(other)), strict=True):
            pair[kind] = _sampled((one, second), 100 * seed + number)
        with file.open("a") as lines:
            lines.write(json.dumps(pair) + "\n")
        print(number, flush=True)


def _plain(network: Any) -> Runs:
    """Compile a network, and leave its instruments away: so there are twice as many rounds."""
    network.end_to_end()
    return Runs(network.end_to_end, lambda: Instrumented(wall_s=0.0, parts_s=()))


def _sampled(pair: tuple[Runs, Runs], seed: int) -> dict[str, Any]:
    """Sample two in turns."""
    from rsinspect.profiling import machine

    taken: list[tuple[Round, Round]] = []
    probe, processors = machine.probe()
    with garbage_collection_off():
        Turns(
            pair, max_time_s=SECONDS, most_rounds=4000, clock=time.perf_counter_ns, probe=probe,
            processors=processors, order=random.Random(seed),
            on_rounds=lambda *rounds: taken.append(rounds), on_progress=lambda _: None,
        ).measure()  # fmt: skip
    foreign = [a.foreign_s for a, _ in taken if a.foreign_s is not None]
    return {
        "a_s": [a.end_to_end_s for a, _ in taken],
        "b_s": [b.end_to_end_s for _, b in taken],
        "burst": [a.burst for a, _ in taken],
        "foreign": sum(foreign) / sum(a.capacity_s for a, _ in taken) if foreign else None,
    }


SOME = (sys.executable, "-m", "benchmarks.comparisons", "some")
"""Command of a process that records some pairs."""


def record(folder: Path, pairs: int, some: Sequence[str] = SOME) -> None:
    """Record until there are so many pairs, in fresh processes of a few each.

    Args:
        folder: Where they are kept.
        pairs: How many there shall be, with those that are there already.
        some: Command of a process that records some.

    Raises:
        SystemExit: If such a process fails, or on Ctrl-C; what was recorded is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began_s, had = time.monotonic(), len(load(folder))
    print(f"{had} of {pairs} pairs in {folder}", file=sys.stderr, flush=True)
    try:
        while (have := len(load(folder))) < pairs:
            seed = max((int(file.stem) for file in folder.glob("*.jsonl")), default=-1) + 1
            wanted = str(min(PAIRS_EACH, pairs - have))
            for _ in _lines([*some, str(folder), str(seed), "--pairs", wanted]):
                have = len(load(folder))
                each_s = (time.monotonic() - began_s) / max(1, have - had)
                left = f"{each_s:.1f} s each, {each_s * (pairs - have) / 60:.0f} min left"
                print(f"{have} of {pairs} pairs; {left}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        kept = len(load(folder))
        sys.exit(f"interrupted: {kept} of {pairs} pairs are kept; the same command goes on")


def _lines(command: Sequence[str]) -> Iterator[str]:
    """Run a command, and hand on what it writes line by line; it ends with this one.

    Raises:
        SystemExit: If it fails, with the end of what it said of that.
    """
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            assert child.stdout is not None
            yield from child.stdout
            code = child.wait()
        finally:
            child.kill()
            child.wait()
        if code:
            said.seek(0)
            sys.exit(f"{' '.join(command)} failed ({code}):\n{said.read()[-2000:]}")


def load(folder: Path) -> list[Pair]:
    """Read what was recorded; a line that a killed process did not finish is none."""
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text().splitlines(keepends=True)
        if line.endswith("}\n")
    ]


def ours(pair: Pair) -> Ratio:
    """Compare as ``rsinspect compare`` does."""
    count = len(pair["burst"])
    sampling = Sampling((0,) * count, tuple(pair["burst"]), (True,) * count)
    a, b = (Latency(tuple(pair[side]), sampling) for side in ("a_s", "b_s"))
    found = ratio_in_turns(a, b)
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
    differs = test(pair["a_s"], pair["b_s"])
    return differs, differs and mean(pair["b_s"]) > mean(pair["a_s"])


def report(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Count false alarms, slowdowns that were found, and intervals that cover."""
    same, slower = ([pair[kind] for pair in pairs] for kind in KINDS)
    ratios = {kind: [ours(pair[kind]) for pair in pairs] for kind in KINDS}

    def covers(ratio: Ratio, truth: float) -> bool:
        return ratio.interval is not None and ratio.interval[0] <= truth <= ratio.interval[1]

    return {
        "pairs": len(pairs),
        "processes": len({pair["process"] for pair in pairs}),
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
        "between_copies": BETWEEN_COPIES,
        "ratio_of_copies_spread": _spread([math.log(ratio.value) for ratio in ratios["same"]]),
        "half_width_median": median(ratio.half_width for ratio in ratios["slower"]),
        "rounds_median": median(len(pair["a_s"]) for pair in slower),
        "load": _least_to_most([pair["load"] for pair in pairs]),
        "foreign_share": _least_to_most(
            [one["foreign"] for one in (*same, *slower) if one["foreign"] is not None]
        ),
        "seconds": SECONDS,
        "network": NETWORK.title,
        "conditions": REQUEST.conditions(REQUEST.batch),
    }


def _spread(values: Sequence[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None


def _least_to_most(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Return the least, the median and the most."""
    return (min(values), median(values), max(values)) if values else None


def sentence(found: dict[str, Any]) -> str:
    """Say in words what a report says."""
    tests, covered, pairs = found["tests"], found["covered"], found["pairs"]
    alarms, hits = (
        {name: test[what] for name, test in tests.items()} for what in ("false_alarms", "found")
    )
    foreign, load = found["foreign_share"], found["load"]
    others = "" if foreign is None else f"other programs took {100 * foreign[1]:.0f} % of the CPU, "
    return (
        f"While {others}load average {load[1]:.1f} ({load[0]:.1f} to {load[2]:.1f}), it called "
        f"{alarms['rsinspect']} of {pairs} pairs of copies of one network different (asv's test "
        f"{alarms['asv']}, pyperf's {alarms['pyperf']} of the same samples), found a slowdown of "
        f"{100 * found['slowdown']:.0f} % in {hits['rsinspect']} of {pairs} within "
        f"{found['seconds']:g} s (asv {hits['asv']}, pyperf {hits['pyperf']}), and its interval "
        f"held the true ratio in {covered['same']} and {covered['slower']} of {pairs}, from "
        f"{found['processes']} processes."
    )


def main() -> None:
    """Record, or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("record", "some", "report"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--into", type=Path, default=RESULTS, help="of report")
    asked = parser.parse_args()
    if asked.what == "record":
        record(asked.folder, asked.pairs)
    elif asked.what == "some":
        record_some(asked.folder / f"{asked.seed:04d}.jsonl", asked.seed, asked.pairs)
    else:
        pairs = load(asked.folder)
        if not pairs:
            sys.exit(f"there is no pair in {asked.folder}: record some first")
        found = report(pairs)
        asked.into.write_text(json.dumps(found, indent=2) + "\n")
        print(json.dumps(found, indent=2), sentence(found), sep="\n\n")


if __name__ == "__main__":
    main()
