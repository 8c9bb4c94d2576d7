"""How honest the latency profile is, as ratios inside one run; see each part's sentence.

    python benchmarks/latency.py                # every part, about forty minutes on two cores
    python benchmarks/latency.py closure causal # some

Frameworks are those installed beside rsinspect; a part that needs another says so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import compress, pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.networks.network import from_graph, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling import machine
from rsinspect.profiling.distinct import distinct_blocks
from rsinspect.profiling.gate import FOREIGN_AT_MOST, Window, between, gate
from rsinspect.profiling.parent import profile
from rsinspect.profiling.record.closure import Excess
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented, Round, Session, garbage_collection_off
from rsinspect.profiling.statistics import Latency, Sampling, t_quantile

HERE = Path(__file__).parent.parent
DEPTHS = (50, 101, 152, 200, 270, 350, 420)


def say(*words: object) -> None:
    """Print at once."""
    print(*words, flush=True)


def signed(excess: Excess | None) -> str:
    """A share with its interval."""
    if excess is None:
        return "unknown"
    low, high = excess.interval or (float("nan"), float("nan"))
    return f"{100 * excess.relative:+.2f} % [{100 * low:+.2f}, {100 * high:+.2f}]"


def at(depth: int, side: int = 160) -> ResNetRSSpec:
    """A variant at a resolution."""
    return ResNetRSSpec.variant(depth).replace(resolution=(side, side))


def sampling_of(rounds: list[Round], kept: tuple[bool, ...] | None = None) -> Sampling:
    """Which rounds count."""
    bursts = tuple(one.burst for one in rounds)
    kept = kept or gate([one.window for one in rounds], bursts).kept
    return Sampling((0,) * len(rounds), bursts, kept)


def first_rounds(run: ProfileRun, calls: int) -> float:
    """Largest half-width of a stage's interval when only that many network passes were spent."""
    sampling = run.rounds.sampling
    spent, count, burst = 0, 0, -1
    for number in sampling.burst:
        spent += 2 + (2 if number != burst else 0)  # plain and instrumented, and what settles
        burst = number
        if spent > calls:
            break
        count += 1
    some = Sampling(sampling.process[:count], sampling.burst[:count], sampling.kept[:count])
    widths = [
        Latency(segment.latency.samples[:count], some).half_width
        for segment in run.segments
        if segment.level != "step" and run.share(segment) >= 0.02
    ]
    return max(width for width in widths if width is not None)


def closure() -> None:
    """Sum of blocks against end to end; instruments; half-widths after 60 passes."""
    say("| network | gap | instruments | stages within, after 60 passes | rounds | foreign |")
    say("| --- | --- | --- | --- | --- | --- |")
    for depth, batch, mode, level in (
        (50, 8, "forward", "block"),
        (152, 4, "forward", "block"),
        (50, 8, "forward", "stage"),
        (50, 4, "train", "block"),
    ):
        request = ProfileRequest(
            network=resnet_rs(at(depth)), batch=batch, mode=mode, level=level, max_time_s=80.0,  # type: ignore[arg-type]
            predict=False, roofs=False,
        )  # fmt: skip
        run = profile(request)
        within = f"{100 * first_rounds(run, 60):.1f} %" if level == "stage" else "-"
        say(
            f"| {depth}, batch {batch}, {mode}, {level} | {signed(run.closure.gap)} | "
            f"{signed(run.closure.overhead)} | {within} | {run.rounds.kept}/{run.rounds.count} | "
            f"{100 * (run.rounds.foreign_median or 0):.1f} % |"
        )


@contextmanager
def network_here(
    spec: ResNetRSSpec, batch: int, backend: str = "tensorflow", **more: Any
) -> Iterator[tuple[Any, ProfileRequest, ModuleType]]:
    """A network with its instruments, in this process; its request, and the backend's module."""
    os.environ["KERAS_BACKEND"] = backend
    module = importlib.import_module(f"rsinspect.profiling.backends.{backend}")
    from rsinspect.profiling.backends.workload import workload

    request = ProfileRequest(network=resnet_rs(spec), batch=batch, backend=backend, **more)
    module.configure(request)
    network = module.instrument(workload(request))
    for _ in range(3):
        network.end_to_end()
        network.instrumented()
    yield network, request, module


def rounds_of(
    end_to_end: Callable[[], object], instrumented: Callable[[], Instrumented], max_time_s: float,
    seed: int = 0,
) -> list[Round]:  # fmt: skip
    """Rounds of two functions, taken as the profile takes them."""
    probe, processors = machine.probe()
    rounds: list[Round] = []
    session = Session(
        end_to_end, instrumented, max_time_s=max_time_s, clock=time.perf_counter_ns,
        sleep=time.sleep, probe=probe, processors=processors, order=random.Random(seed),
        on_round=rounds.append, on_progress=lambda _: None,
    )  # fmt: skip
    session.measure(first_calls_s=1.0)
    return rounds


def coverage() -> None:
    """The same function measured as two: the interval of their difference has to hold zero."""
    with network_here(at(50), 2) as (network, *_):

        def same() -> Instrumented:
            start = time.perf_counter_ns()
            network.end_to_end()
            wall_s = (time.perf_counter_ns() - start) / 1e9
            return Instrumented(wall_s=wall_s, parts_s=(wall_s,))

        covered, widths = 0, []
        for pair in range(A_A_PAIRS):
            rounds = rounds_of(network.end_to_end, same, 15.0, seed=pair)
            sampling = sampling_of(rounds)
            whole = Latency(tuple(one.end_to_end_s for one in rounds), sampling)
            other = Latency(tuple(one.instrumented_s for one in rounds), sampling)
            excess = Excess.of([other], whole)
            assert excess.interval is not None
            covered += excess.interval[0] <= 0 <= excess.interval[1]
            widths.append((excess.interval[1] - excess.interval[0]) / 2)
    say(
        f"A/A, live: {covered} of {A_A_PAIRS} intervals hold zero; "
        f"half-width {100 * statistics.median(widths):.1f} % (15 s each)"
    )


A_A_PAIRS = 20

BURNER = """
import random, time
random.seed({seed})
while True:
    until = time.monotonic() + random.uniform(0.2, 1.2)
    while time.monotonic() < until: pass
    time.sleep(random.uniform(0.4, 1.6))
"""
NEIGHBOURS = 10
QUIET_S, BESIDE_S = 8.0, 15.0


@contextmanager
def neighbour(seed: int) -> Iterator[None]:
    """Another program that is busy now and then."""
    process = subprocess.Popen([sys.executable, "-c", BURNER.format(seed=seed)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def neighbours() -> None:
    """A neighbour that takes about a fifth of the machine in bursts: what it does to the median.

    Each time beside it lies between two without it, whose mean is the truth: a machine drifts.
    """
    with network_here(at(50), 2) as (network, *_):

        def rounds(lasting_s: float, seed: int) -> list[Round]:
            return rounds_of(network.end_to_end, network.instrumented, lasting_s, seed)

        def median(of: list[Round]) -> float:
            samples = tuple(one.end_to_end_s for one in of)
            return Latency(samples, sampling_of(of)).median

        quiet, gated, naive, shares = [median(rounds(QUIET_S, 0))], [], [], []
        for turn in range(NEIGHBOURS):
            with neighbour(turn):
                beside = rounds(BESIDE_S, turn)
            quiet.append(median(rounds(QUIET_S, turn)))
            truth = (quiet[-2] + quiet[-1]) / 2
            gated.append(median(beside) / truth - 1)
            naive.append(statistics.median(one.end_to_end_s for one in beside) / truth - 1)
            shares += [one.window.foreign_share or 0.0 for one in beside]
    say(
        f"neighbour with {100 * statistics.mean(shares):.0f} % of the machine: median of all "
        f"samples {100 * statistics.median(naive):+.1f} %, of those that count "
        + ", ".join(f"{100 * one:+.1f}" for one in gated)
        + f" %: within 1 % in {sum(abs(one) <= 0.01 for one in gated)} of {NEIGHBOURS}; a quiet "
        "time differs from the next by up to "
        f"{100 * max(abs(b / a - 1) for a, b in pairwise(quiet)):.1f} %"
    )


PREDICTED = (
    ("forward", 4, DEPTHS),
    ("train", 2, (50, 101, 152)),
)
PREDICTED_TURNS = 6
PREDICTED_FOR_S = 6.0


def prediction(asked: Sequence[tuple[str, int, Sequence[int]]] = PREDICTED) -> None:
    """Distinct blocks against the whole network, in turns in one process, at every depth.

    A turn is a prediction as ``profile`` makes it, of six seconds, and six seconds of passes of the
    whole network. What a turn's prediction is off from its own passes is the method's; what it
    is off from the median of all turns is the machine's too, and that its interval has to hold.
    """
    say("| network | distinct blocks against the whole | each, from the median of all | held |")
    say("| --- | --- | --- | --- |")
    for mode, batch, depths in asked:
        for depth in depths:
            code = f"import benchmarks.latency as b; b.predicted({depth}, {batch}, {mode!r})"
            subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE)


def predicted(
    depth: int, batch: int, mode: str, backend: str = "tensorflow", turns: int = PREDICTED_TURNS
) -> None:
    """One network of ``prediction``, on one line."""
    from rsinspect.profiling.budget import Budget
    from rsinspect.profiling.extrapolate import Probe

    told, wholes = [], []
    with network_here(at(depth), batch, backend, mode=mode) as (network, request, module):
        distinct = distinct_blocks(request.network)
        assert distinct is not None
        probe = Probe(request, distinct, module, Budget.starting(3600.0))
        for _ in range(turns):
            probe.forget()
            probe.sample(PREDICTED_FOR_S)
            told.append(probe.prediction)
            wholes.append(passes_of(network.end_to_end, PREDICTED_FOR_S))
    medians = [statistics.median(passes) for passes in wholes]
    truth = statistics.median(medians)
    ratios = [one.end_to_end_s / own for one, own in zip(told, medians, strict=True)]
    off = [one.end_to_end_s / truth - 1 for one in told]
    half = t_quantile(turns - 1) * statistics.stdev(ratios) / math.sqrt(turns)
    others = max(one.foreign_share or 0.0 for one in told)
    say(
        f"| {depth} {mode}, batch {batch}, {backend}, {1e3 * truth:.0f} ms | "
        f"{100 * (statistics.mean(ratios) - 1):+.1f} % ± {100 * half:.1f} | "
        f"{100 * min(off):+.1f} to {100 * max(off):+.1f} % | "
        f"{sum(one.covers(truth) is True for one in told)} of {turns}"
        + (f"; others used up to {100 * others:.0f} %" if others > FOREIGN_AT_MOST else "")
        + " |"
    )


def passes_of(call: Callable[[], object], lasting_s: float) -> list[float]:
    """Seconds of passes that count, taken for so long; the first, which settles, does not."""
    probe, processors = machine.probe()
    seconds: list[float] = []
    windows: list[Window] = []
    with garbage_collection_off():
        call()
        until = time.perf_counter() + lasting_s
        while time.perf_counter() < until or len(seconds) < 3:
            before, start = probe(), time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
            windows.append(between(before, probe(), processors))
    return list(compress(seconds, gate(windows, range(len(windows)), fewest=3).kept))


EXTRA = "c4/block3/shortcut/conv"
"""Name of the extra layer: of a layer that an identity block does not have."""


def with_extra_work(graph: LayerGraph) -> LayerGraph:
    """The graph with a 1x1 convolution at the end of c4/block3."""
    after = "c4/block3/out"
    layers: list[Layer] = []
    for layer in graph.layers:
        inputs = tuple(EXTRA if path == after else path for path in layer.inputs)
        layers.append(layer._replace(inputs=inputs))
        if layer.path == after:
            channels = layer.shape.channels
            op = ops.Conv2D(kernel=1, stride=1, in_channels=channels, filters=channels)
            layers.append(Layer(EXTRA, op, (after,), layer.shape))
    return LayerGraph(graph.name, tuple(layers))


def causal() -> None:
    """Known work put into one block: how much of it is billed there, and how much elsewhere."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from rsinspect.profiling.backends import tensorflow as backend
    from rsinspect.profiling.backends.workload import workload

    request = ProfileRequest(network=resnet_rs(at(50)), batch=8, level="block")
    graph = request.network.graph
    networks = [
        backend.instrument(workload(replace(request, network=from_graph(one))))
        for one in (graph, with_extra_work(graph))
    ]
    wholes: list[list[float]] = [[], []]
    parts: list[list[tuple[float, ...]]] = [[], []]
    windows: list[list[Any]] = [[], []]
    from rsinspect.profiling.gate import between, joined

    allowed = machine.processors_allowed()
    count = len(allowed) if allowed else os.cpu_count() or 1
    order = random.Random(0)
    with garbage_collection_off():
        for turn in range(CAUSAL_ROUNDS + 2):
            for which in order.sample((0, 1), 2):
                network = networks[which]
                network.end_to_end()
                before = machine.usage(allowed)
                start = time.perf_counter()
                network.end_to_end()
                whole = time.perf_counter() - start
                middle = machine.usage(allowed)
                network.instrumented()
                settled = machine.usage(allowed)
                found = network.instrumented()
                after = machine.usage(allowed)
                if turn >= 2:
                    wholes[which].append(whole)
                    parts[which].append(found.parts_s)
                    windows[which].append(
                        joined([between(before, middle, count), between(settled, after, count)])
                    )
    kept = [gate(each, range(len(each))).kept for each in windows]

    def median(samples: list[float], which: int) -> float:
        return statistics.median(s for s, ok in zip(samples, kept[which], strict=True) if ok)

    truth = median(wholes[1], 1) - median(wholes[0], 0)
    paths = [path for path, _ in networks[0].parts]
    billed = {
        path: median([p[i] for p in parts[1]], 1) - median([p[i] for p in parts[0]], 0)
        for i, path in enumerate(paths)
    }
    here = billed.pop("c4/block3")
    elsewhere = max(billed.items(), key=lambda item: abs(item[1]))
    say(
        f"causal: the extra convolution takes {1e3 * truth:.2f} ms end to end; billed to c4/block3 "
        f"{1e3 * here:.2f} ms ({100 * here / truth:.0f} %), most elsewhere {elsewhere[0]} "
        f"{1e3 * elsewhere[1]:+.2f} ms ({100 * elsewhere[1] / truth:+.0f} %); "
        f"{sum(kept[0])}+{sum(kept[1])} of {2 * CAUSAL_ROUNDS} rounds count"
    )


CAUSAL_ROUNDS = 60

HAND_WRITTEN = {
    "tensorflow": """
import tensorflow as tf
f = tf.function(lambda x: model(x, training=False)); call = lambda: f(x)
""",
    "jax": """
import jax
t = [v.value for v in model.trainable_variables]
n = [v.value for v in model.non_trainable_variables]
f = jax.jit(lambda t, n, x: model.stateless_call(t, n, x, training=False)[0])
call = lambda: jax.block_until_ready(f(t, n, x))
""",
    "torch": """
import torch
def call():
    with torch.inference_mode(): return model(x, training=False)
""",
}
LOOP = """
import os, statistics, time, sys, json
os.environ["KERAS_BACKEND"] = {backend!r}
import keras, numpy as np, rsinspect
model = rsinspect.ResNetRS50(weights=None, input_shape=(160, 160, 3))
x = keras.ops.convert_to_tensor(np.random.default_rng(0).random(({batch}, 160, 160, 3), "float32"))
{call}
for _ in range(5): call()
samples = []
for _ in range(60):
    start = time.perf_counter(); call(); samples.append(time.perf_counter() - start)
print(json.dumps(samples))
"""


def hand_written(backend: str) -> float:
    """Median of 60 calls in a loop that knows nothing of rsinspect's profile, in a new process."""
    code = LOOP.format(backend=backend, batch=4, call=HAND_WRITTEN[backend])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    samples: list[float] = json.loads(done.stdout.splitlines()[-1])
    return statistics.median(samples)


def in_turns(other: Callable[[], float], **asked: Any) -> str:
    """The profile between two runs of another loop, three times; each against the other's mean."""
    ratios, spreads, inside = [], [], 0
    for turn in range(3):
        before = other()
        request = ProfileRequest(
            batch=4, max_time_s=80.0, processes=2, predict=False, roofs=False, seed=turn, **asked
        )
        latency = profile(request).end_to_end.latency
        after = other()
        ratios.append(2 * latency.median / (before + after) - 1)
        spreads.append(after / before - 1)
        low, high = latency.ci_low or latency.median, latency.ci_high or latency.median
        inside += low <= max(before, after) and high >= min(before, after)

    def percents(shares: list[float]) -> str:
        return ", ".join(f"{100 * share:+.1f} %" for share in shares)

    return (
        f"{percents(ratios)}; the loop against itself, before and after, {percents(spreads)}; "
        f"the interval meets the loop's two medians {inside} of 3 times"
    )


def loops() -> None:
    """Against a loop written by hand for each framework, in turns, in processes of their own."""
    for backend in HAND_WRITTEN:
        command = [sys.executable, "-c", f"import {backend}"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            say(f"{backend}: not installed here")
            continue
        other = partial(hand_written, backend)
        say(f"{backend}: profile against the loop {in_turns(other, spec=at(50), backend=backend)}")


TIMM_BENCHMARK = "TIMM_BENCHMARK"
"""Environment variable: the path of timm's benchmark.py, which is in its repository only."""


TIMM_LOOP = """
import os, sys
os.environ["KERAS_BACKEND"] = "torch"
sys.path.insert(0, os.path.dirname(os.environ["TIMM_BENCHMARK"]))
import torch, rsinspect
from benchmark import InferenceBenchmarkRunner
runner = InferenceBenchmarkRunner(
    "resnetrs50", device="cpu", batch_size=4, img_size=160, num_bench_iter=60
)
if {of_keras}:
    model = rsinspect.ResNetRS(50, (160, 160, 3), weights=None, dialect="timm")
    runner.model = lambda images: model(images, training=False)
    runner.input_size = (160, 160, 3)
print(runner.run()["step_time"])
"""


def timm_loop(of_keras: bool) -> float:
    """Seconds a step in timm's own inference benchmark, a mean of 60: of our network or its own."""
    code = TIMM_LOOP.format(of_keras=of_keras)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1]) / 1e3


def timm() -> None:
    """Against timm's own benchmark loop, in turns: around our network, and around timm's."""
    if TIMM_BENCHMARK not in os.environ:
        say(f"{TIMM_BENCHMARK} does not name timm's benchmark.py: left out")
        return
    spec = ResNetRSSpec.variant(50, dialect="timm", resolution=(160, 160))
    for of_keras, whose in ((True, "the network of Keras"), (False, "timm's resnetrs50")):
        found = in_turns(partial(timm_loop, of_keras), spec=spec, backend="torch")
        say(f"{whose} in timm's loop: profile against it {found}")


PARTS = {
    "closure": closure, "coverage": coverage, "neighbours": neighbours, "prediction": prediction,
    "causal": causal, "loops": loops, "timm": timm,
}  # fmt: skip


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which; default all")
    for name in parser.parse_args().parts or PARTS:
        say(f"\n## {name}: {(PARTS[name].__doc__ or '').splitlines()[0]}\n")
        if name in ("coverage", "neighbours", "causal"):  # a process of its own for a framework
            code = f"import benchmarks.latency as b; b.{name}()"
            subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE)
        else:
            PARTS[name]()


if __name__ == "__main__":
    main()
