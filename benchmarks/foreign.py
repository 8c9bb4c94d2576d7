"""How honest the profile of networks of keras.applications is, as ratios inside one run.

    python benchmarks/foreign.py                        # on every backend that is installed here
    python benchmarks/foreign.py tensorflow --train     # training steps
    python benchmarks/foreign.py jax --loops            # against a loop written by hand, in turns

A quiet machine is needed for the last digit of it; what other programs took is said.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from latency import HAND_WRITTEN, in_turns, say, signed  # beside this file

import rsinspect
from rsinspect.networks.network import Network
from rsinspect.profiling.parent import profile
from rsinspect.profiling.request import ProfileRequest

MODELS = ("ResNet50", "EfficientNetB0", "MobileNetV2", "DenseNet121", "ConvNeXtTiny")

LOOP = """
import os, time, json
os.environ["KERAS_BACKEND"] = {backend!r}
import keras, numpy as np
model = keras.applications.{model}(weights=None)
x = keras.ops.convert_to_tensor(np.random.default_rng(0).random(({batch}, 224, 224, 3), "float32"))
{call}
for _ in range(5): call()
samples = []
for _ in range(40):
    start = time.perf_counter(); call(); samples.append(time.perf_counter() - start)
print(json.dumps(samples))
"""


def network(model: str) -> Network:
    """A network of keras.applications."""
    return rsinspect.network(f"keras.applications.{model}")


def closure(models: Iterable[str], **asked: Any) -> None:
    """Sum of blocks against end to end; predictions of latency and of memory.

    The fastest instrumented pass against the fastest plain one is what is left to go by where
    other programs are busy all the time.
    """
    say("| network | parts | gap | fastest passes | rounds | predicted | memory | others used |")
    say("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for model in models:
        run = profile(ProfileRequest(network=network(model), level="block", roofs=False, **asked))
        error, peak = run.prediction_error, run.environment.peak_rss_bytes
        foreign = run.rounds.foreign_median
        fastest = min(run.rounds.instrumented_s) / min(run.end_to_end.latency.samples) - 1
        say(
            f"| {model}, {run.conditions} | {sum(s.level != 'step' for s in run.segments)} | "
            f"{signed(run.closure.gap)} | {100 * fastest:+.2f} % | "
            f"{run.rounds.kept} of {run.rounds.count} | "
            f"{'no repeats' if error is None else f'{100 * error:+.1f} %'} | "
            f"{'?' if peak is None else f'{100 * (run.predicted_bytes / peak - 1):+.0f} %'} | "
            f"{'?' if foreign is None else f'{100 * foreign:.0f} %'} |"
        )


def hand_written(model: str, backend: str) -> float:
    """Median of 40 calls of Keras's own model in a loop that knows nothing of rsinspect."""
    code = LOOP.format(backend=backend, model=model, batch=4, call=HAND_WRITTEN[backend])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    samples: list[float] = json.loads(done.stdout.splitlines()[-1])
    return statistics.median(samples)


def loops(models: Iterable[str], backend: str) -> None:
    """End to end against that loop, in turns, in processes of their own."""
    for model in models:
        other = partial(hand_written, model, backend)
        say(f"{model} {backend}: {in_turns(other, network=network(model), backend=backend)}")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("backends", nargs="*", choices=[*HAND_WRITTEN, []])
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--loops", action="store_true")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--max-time", type=float, default=90.0)
    asked = parser.parse_args()
    for backend in asked.backends or HAND_WRITTEN:
        if importlib.util.find_spec(backend) is None:
            say(f"{backend}: not installed here")
        elif asked.loops:
            loops(asked.models, backend)
        else:
            closure(
                asked.models,
                backend=backend,
                batch=asked.batch,
                mode="train" if asked.train else "forward",
                max_time_s=asked.max_time,
            )


if __name__ == "__main__":
    main()
