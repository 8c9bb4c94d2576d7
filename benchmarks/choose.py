"""Whether `choose` picks what a full sweep would, and what it takes; run from the repository.

    python -m benchmarks.choose                     # eleven ResNet-RS, EfficientNetB0 to B4
    python -m benchmarks.choose --batch 8 50@160 101@192 EfficientNetB0

Whole networks and those of their distinct blocks stand in one process and are timed in turns, so
that a busy machine does to both alike: each ratio is of sums of blocks over whole networks. Then,
for every latency between two neighbours, the network that `choose` picks by the blocks is held to
the one that it picks by the whole networks. Last it times the command itself, which a busy machine
makes slower.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from rsinspect import paper
from rsinspect.base.units import seconds
from rsinspect.layers.partition import segments
from rsinspect.networks.named import network as named_network
from rsinspect.networks.network import Network
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.distinct import Distinct, small_network
from rsinspect.profiling.projection import prediction_of
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rotation import Rotation
from rsinspect.profiling.rounds import Round, garbage_collection_off
from rsinspect.profiling.survey import passes_of

NAMES = (
    *(f"{row.depth}@{row.resolution}" for row in paper.table7()),
    *(f"EfficientNetB{number}" for number in range(5)),
)


def whole_of(network: Network) -> Distinct:
    """The network itself, in place of a small one."""
    parts = segments(network.graph, "block")
    return Distinct(network, parts, {part.path: 1 for part in parts})


def in_turns(
    networks: Sequence[Network], small: Sequence[Distinct], batch: int, max_time_s: float
) -> dict[int, Prediction]:
    """Time networks in turns in this process; of those for which there was time, by position."""
    from rsinspect.profiling.backends import tensorflow
    from rsinspect.profiling.extrapolate import Probe

    budget = Budget.starting(max_time_s)
    probes: dict[int, Probe] = {}
    rounds: dict[int, list[Round]] = {}

    def enter(position: int) -> Probe:
        request = ProfileRequest(network=networks[position], batch=batch)
        probes[position] = Probe(request, small[position], tensorflow, budget)
        print(f"built {len(probes)} of {len(networks)}", file=sys.stderr, flush=True)
        return probes[position]

    rotation = Rotation(
        small,
        enter,
        budget=budget,
        order=random.Random(0),
        on_entered=lambda *_: None,
        on_round=lambda position, one: rounds.setdefault(position, []).append(one),
    )
    with garbage_collection_off():
        rotation.run()
    return {
        position: prediction_of(
            networks[position].graph,
            small[position],
            [path for path, _ in probes[position].instrument.parts],
            passes_of(taken),
            batch=batch,
            timed_batch=batch,
            ready_s=budget.elapsed_s,
        )
        for position, taken in rounds.items()
    }


def agreement(names: Sequence[str], batch: int, max_time_s: float) -> Iterator[str]:
    """Hold sums of blocks to whole networks, and picks by the one to picks by the other."""
    networks = [named_network(name) for name in names]
    twice = [network for network in networks for _ in ("blocks", "whole")]
    both = [make(network) for network in networks for make in (small_network, whole_of)]
    found = in_turns(twice, both, batch, max_time_s)
    blocks: dict[str, float] = {}
    whole: dict[str, float] = {}
    yield "| network | sum of blocks | whole network | ratio | in the interval |"
    yield "| --- | --- | --- | --- | --- |"
    errors = []
    covered = 0
    for position, name in enumerate(names):
        if 2 * position + 1 not in found:
            continue
        predicted, measured = found[2 * position], found[2 * position + 1]
        blocks[name], whole[name] = predicted.end_to_end_s, measured.end_to_end_s
        errors.append(abs(blocks[name] / whole[name] - 1))
        covers = bool(predicted.covers(whole[name]))
        covered += covers
        yield (
            f"| {name} | {seconds(blocks[name])} | {seconds(whole[name])} | "
            f"{blocks[name] / whole[name]:.3f} | {'yes' if covers else 'no'} |"
        )
    yield (
        f"\nMean error {100 * sum(errors) / len(errors):.1f} %, worst {100 * max(errors):.1f} %; "
        f"{covered} of {len(errors)} within the interval."
    )
    yield picks(blocks, whole)


def picks(blocks: Mapping[str, float], whole: Mapping[str, float]) -> str:
    """Count the latencies for which both pick the same network."""
    top1 = {row.model.partition("@")[0] if "Eff" in row.model else row.model: row.top1
            for row in paper.accuracies("paper")}  # fmt: skip

    def pick(latencies_s: Mapping[str, float], bound_s: float) -> str:
        within = [name for name, value in latencies_s.items() if value <= bound_s]
        return max(within, key=lambda name: (top1[name], -latencies_s[name]))

    ordered = sorted(whole.values())
    bounds = [(low + high) / 2 for low, high in pairwise(ordered)]
    bounds = [bound for bound in bounds if any(value <= bound for value in blocks.values())]
    pairs = [(bound, pick(blocks, bound), pick(whole, bound)) for bound in bounds]
    others = [f"{seconds(bound)}: {one}, not {two}" for bound, one, two in pairs if one != two]
    said = f"{len(pairs) - len(others)} of {len(pairs)} bounds have the same pick."
    return said + (f" Others: {'; '.join(others)}." if others else "")


def command_s(*arguments: str) -> float:
    """Time the command."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "rsinspect", "choose", *arguments], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=list(NAMES))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--max-time", type=float, default=500.0)
    asked = parser.parse_args()
    for line in agreement(asked.names, asked.batch, asked.max_time):
        print(line, flush=True)
    for family in (("--family", "resnet-rs"), ()):
        taken_s = command_s("--max-latency", "200ms", "--batch", str(asked.batch), *family)
        print(f"\nchoose {' '.join(family)}: {taken_s:.0f} s", flush=True)


if __name__ == "__main__":
    main()
