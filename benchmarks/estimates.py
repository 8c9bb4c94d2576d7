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
import gc
import importlib
import json
import os
import random
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from rsinspect.networks.named import network
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="part", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("file", type=Path)
    recording.add_argument("--batch", type=int, default=1)
    recording.add_argument("--minutes", type=float, default=10)
    recording.add_argument("--alone", action="store_true", help="one thread, its own time")
    recording.add_argument("--models", default=",".join((*PUBLISHED, *OTHERS)))
    asked = parser.parse_args()
    if asked.part == "record":
        record(
            asked.file, batch=asked.batch, minutes=asked.minutes, alone=asked.alone,
            models=tuple(asked.models.split(",")),
        )  # fmt: skip
