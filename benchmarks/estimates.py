"""How far estimates of latency are off, and whether their intervals hold the truth.

    python -m benchmarks.estimates record FILE --batch 1  # all networks in turns; fifteen minutes
    python -m benchmarks.estimates local FILE...          # each from three others, of such files
    python -m benchmarks.estimates timm CLONE             # published tables, of a clone of timm

``record`` times the eleven published ResNet-RS and EfficientNetB0 to B4 in one process, a pass of
each in random order, round after round: what slows the machine for a while slows all alike, and
what is asked is how the one follows from the others. Where others keep the machine busy,
``--alone`` takes one thread on one processor: what it computes for is then what it would take in
peace, whoever else runs, and that is what counts (``own_s``). Nothing here is looked at to make an
estimate but the passes of the networks that it is made from.
"""

from __future__ import annotations

import argparse
import csv
import gc
import importlib
import io
import itertools
import json
import math
import os
import random
import statistics
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from rsinspect.estimates.estimate import Estimator
from rsinspect.estimates.parts import parts_of
from rsinspect.estimates.timings import Timing
from rsinspect.layers import ops
from rsinspect.networks.named import network
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling import machine
from rsinspect.profiling.gate import between
from rsinspect.profiling.request import ProfileRequest

PUBLISHED = (
    "50@160", "101@160", "101@192", "152@192", "152@224", "152@256", "200@256", "270@256",
    "350@256", "350@320", "420@320",
)  # fmt: skip
OTHERS = tuple(f"EfficientNetB{number}" for number in range(5))


def say(*words: object) -> None:
    """Print at once."""
    print(*words, flush=True)


def record(file: Path, *, batch: int, minutes: float, models: tuple[str, ...], alone: bool) -> None:
    """Time passes of all networks in turns, and keep every one of them."""
    if alone:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    backend = importlib.import_module("rsinspect.profiling.backends.tensorflow")
    workload = importlib.import_module("rsinspect.profiling.backends.workload").workload
    instruments = {}
    begun = time.monotonic()
    for text in models:
        request = ProfileRequest(network=network(text), batch=batch, level="block")
        instruments[text] = backend.instrument(workload(request))
        instruments[text].instrumented()
        say(f"{time.monotonic() - begun:.0f} s: {text}")
    probe, processors = machine.probe()
    draw = random.Random(0)
    rounds: list[dict[str, Any]] = []
    paths = {text: [path for path, _ in one.parts] for text, one in instruments.items()}
    gc.collect()
    gc.freeze()
    gc.disable()
    ends = time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        order = draw.sample(list(instruments), len(instruments))
        passes = {}
        for text in order:
            before, own_s = probe(), time.process_time()
            timed = instruments[text].instrumented()
            own_s = time.process_time() - own_s
            share = between(before, probe(), processors).foreign_share
            passes[text] = {
                "wall_s": timed.wall_s, "own_s": own_s, "parts_s": timed.parts_s, "foreign": share,
            }  # fmt: skip
        rounds.append(passes)
        document = {
            "batch": batch,
            "threads": 1 if alone else None,
            "backend": "tensorflow",
            "paths": paths,
            "rounds": rounds,
        }
        file.write_text(json.dumps(document))
    walls = {text: [one[text]["wall_s"] for one in rounds[2:]] for text in models}
    for text, all_s in walls.items():
        say(text, f"{1e3 * statistics.median(all_s):.1f} ms, least {1e3 * min(all_s):.1f} ms")


class Case(NamedTuple):
    """A network whose latency is known, and what an estimate from it is made from."""

    network: Network
    batch: int
    seconds: float
    timing: Timing


class Off(NamedTuple):
    """How far estimates were off, as shares of what was measured, and how many held it."""

    errors: tuple[float, ...]
    held: float

    def __str__(self) -> str:
        each = [100 * error for error in self.errors]
        return f"{statistics.fmean(each):.1f} / {max(each):.0f} | {100 * self.held:.0f}"


def off(known: Sequence[Case], asked: Iterable[Case]) -> Off:
    """Estimate some networks from others."""
    estimator = Estimator.of_timings([case.timing for case in known])
    errors, held = [], []
    for case in asked:
        found = estimator.latency(case.network, case.batch)
        errors.append(abs(found.latency_s / case.seconds - 1))
        held.append(found.low_s <= case.seconds <= found.high_s)
    return Off(tuple(errors), statistics.fmean(held))


def joined(all_off: Iterable[Off]) -> Off:
    """All of several."""
    each = list(all_off)
    errors = tuple(error for one in each for error in one.errors)
    return Off(errors, sum(one.held * len(one.errors) for one in each) / len(errors))


def cases_of(file: Path) -> dict[str, Case]:
    """Read a recording: medians of passes, and of the like blocks in them."""
    document = json.loads(file.read_text())
    cases = {}
    for text, paths in document["paths"].items():
        made = network(text)
        passes = [one[text] for one in document["rounds"]]
        counts = "own_s" if document.get("threads") == 1 else "wall_s"
        whole_s = statistics.median(one[counts] for one in passes)
        columns = zip(*(each["parts_s"] for each in passes), strict=True)
        by_path = dict(zip(paths, map(statistics.median, columns), strict=True))
        seconds = {
            part.path: statistics.median(by_path[path] for path in part.paths)
            for part in parts_of(made.graph)
        }
        sum_s = math.fsum(part.repeats * seconds[part.path] for part in parts_of(made.graph))
        scaled = {path: value * whole_s / sum_s for path, value in seconds.items()}
        batch = document["batch"]
        cases[text] = Case(made, batch, whole_s, Timing.of_parts(made, batch, scaled))
    return cases


THREE = ("50@160", "200@256", "420@320"), ("101@160", "152@256", "350@320")
"""Small, middle and large; one that is asked for gives way to the one at its place."""


def local(files: Sequence[Path]) -> None:
    """Each network of a recording from three others; mean and worst error, intervals that hold."""
    say("| recording | asked | from | mean / worst % | held % |\n| --- | --- | --- | ---: | ---: |")
    for file in files:
        cases = cases_of(file)
        ours = [text for text in PUBLISHED if text in cases]
        others = [text for text in OTHERS if text in cases]
        place = dict(zip(*THREE, strict=True))
        out = [
            off([cases[place[t] if t == text else t] for t in THREE[0]], [cases[text]])
            for text in ours
        ]
        named = ", ".join(THREE[0])
        say(f"| {file.stem} | each ResNet-RS | {named} | {joined(out)} |")
        every = [
            off([cases[t] for t in three], [cases[t] for t in ours if t not in three])
            for three in itertools.combinations(ours, 3)
        ]
        say(f"| {file.stem} | each ResNet-RS | every three others | {joined(every)} |")
        every = [
            off([cases[t] for t in three], [cases[t] for t in others if t not in three])
            for three in itertools.combinations(others, 3)
        ]
        say(f"| {file.stem} | each EfficientNet | every three others | {joined(every)} |")
        across = off([cases[t] for t in THREE[0]], [cases[t] for t in others])
        say(f"| {file.stem} | EfficientNets | {named} | {across} |")
    for one, other in itertools.pairwise(files):
        before, after = cases_of(one), cases_of(other)
        three, asked = [before[text] for text in THREE[0]], [after[text] for text in PUBLISHED]
        say(f"| {other.stem} | ResNet-RS | these in {one.stem} | {off(three, asked)} |")
        more = off([*three, asked[0]], asked[1:])
        say(f"| {other.stem} | ResNet-RS | these in {one.stem}, and {PUBLISHED[0]} | {more} |")


def tables(clone: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Read timm's tables of inference: name and the rows of ResNet-RS, smallest first."""
    git = ["git", "-C", str(clone)]
    listed = subprocess.run(
        [*git, "ls-tree", "-r", "--name-only", "HEAD", "results"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    for name in listed:
        if "benchmark-infer" not in name:
            continue
        text = subprocess.run(
            [*git, "show", f"HEAD:{name}"], capture_output=True, text=True, check=True
        ).stdout
        rows = [
            row
            for row in csv.DictReader(io.StringIO(text))
            if row["model"].startswith("resnetrs") and row["infer_step_time"]
        ]
        if len(rows) == 14:
            yield Path(name).stem.removeprefix("benchmark-infer-"), rows


@lru_cache
def of_timm(depth: int, side: int) -> Network:
    """Make a ResNet-RS as timm has it."""
    return resnet_rs(ResNetRSSpec.variant(depth, dialect="timm", resolution=side))


def regressed(known: Sequence[Case], asked: Sequence[Case]) -> Off:
    """Fit the two numbers of the tables, GMACs and what convolutions write, by least squares."""

    def numbers(case: Case) -> list[float]:
        weighted = (ops.Conv2D, ops.DepthwiseConv2D, ops.Dense)
        written = sum(x.shape.elements for x in case.network.graph if isinstance(x.op, weighted))
        return [case.network.cost.macs * case.batch, float(written * case.batch)]

    rows = np.array([[value / case.seconds for value in numbers(case)] for case in known])
    found = np.linalg.lstsq(rows, np.ones(len(known)), rcond=None)[0]
    errors = [abs(float(np.array(numbers(c)) @ found) / c.seconds - 1) for c in asked]
    return Off(tuple(errors), math.nan)


def timm(clone: Path) -> None:
    """Published tables: a fit of two numbers to 13 points, one to three, and our estimate."""
    say("| table | two numbers, 13 points | two numbers, 3 points | ours, 3 points | held % |")
    say("| --- | ---: | ---: | ---: | ---: |")
    for name, rows in tables(clone):
        cases = []
        for row in rows:
            made = of_timm(int(row["model"][8:]), int(float(row["infer_img_size"])))
            batch, seconds = (
                int(float(row["infer_batch_size"])),
                float(row["infer_step_time"]) / 1e3,
            )
            cases.append(Case(made, batch, seconds, Timing.whole(made, batch, seconds)))
        cases.sort(key=lambda case: case.network.cost.macs)
        three = [cases[0], cases[len(cases) // 2], cases[-1]]
        asked = [case for case in cases if case not in three]
        out = joined(regressed([c for c in cases if c is not one], [one]) for one in cases)
        cells = (str(each).partition(" |")[0] for each in (out, regressed(three, asked)))
        say(f"| {name} | {' | '.join(cells)} | {off(three, asked)} |")


def main() -> None:
    """Run the part that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="part", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("file", type=Path)
    recording.add_argument("--batch", type=int, default=1)
    recording.add_argument("--minutes", type=float, default=10)
    recording.add_argument("--alone", action="store_true", help="one thread, its own time")
    recording.add_argument("--models", default=",".join((*PUBLISHED, *OTHERS)))
    commands.add_parser("local").add_argument("files", type=Path, nargs="+")
    commands.add_parser("timm").add_argument("clone", type=Path)
    asked = parser.parse_args()
    if asked.part == "local":
        local(asked.files)
    elif asked.part == "timm":
        timm(asked.clone)
    else:
        models = tuple(asked.models.split(","))
        record(
            asked.file, batch=asked.batch, minutes=asked.minutes, models=models, alone=asked.alone
        )


if __name__ == "__main__":
    main()
