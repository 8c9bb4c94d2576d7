"""How fast it all is beside its best rivals: one table of paired ratios from one run.

    python benchmarks/speed.py                       # what twelve minutes allow, in order
    python benchmarks/speed.py --max-time 1800       # all rows
    python benchmarks/speed.py torch-50-forward fold # rows whose name begins so
    python benchmarks/speed.py --rounds 3            # a first look
    python benchmarks/speed.py --torch ../torch/bin/python -o benchmarks/results/2026-11-25.md

The sides of a ratio take turns in one process, in random order, with the same weights and images,
and what they return is compared in that run; a row about whole programs runs them in turns. A speed
is the rival's median time over ours, with a 95 % interval: above 1 ours is faster. Absolute times
hold for that machine and minute. A row whose rival is not installed says so; ``--torch`` names a
Python that has PyTorch, timm and torchinfo, where the one that runs this has not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata, util
from pathlib import Path
from typing import Any

from paired import ROW, Row, contest, emit, in_turns, programs
from rivals import Pass

from rsinspect.base.errors import RsInspectError
from rsinspect.networks.network import Network
from rsinspect.profiling import machine
from rsinspect.profiling.choices import MODES
from rsinspect.profiling.request import JIT
from rsinspect.profiling.ways import Way

HERE = Path(__file__).parent.parent
ROUNDS = 9
MAX_TIME_S = 720.0
SIDE = 160
BATCH = {"forward": 8, "train": 4}

_FIRST: dict[str, Any] = {"layout": "channels_first"}
_KEPT_LAST: dict[str, Any] = {"layout": "channels_first", "memory_format": "channels_last"}
WAYS: dict[str, tuple[Way, ...]] = {
    "tensorflow": (
        Way(jit=False),
        Way(jit=False, fold_batch_norm=True),
        Way(jit=True, fold_batch_norm=True),
        Way(jit=False, fused_batch_norm=True),
    ),
    "jax": (Way(jit=True), Way(jit=True, fold_batch_norm=True)),
    "torch": (
        Way(jit=False, **_FIRST),
        Way(jit=False, **_KEPT_LAST),
        Way(jit=False, fold_batch_norm=True, **_KEPT_LAST),
    ),
    "compiled": (Way(jit=True, **_FIRST), Way(jit=True, fold_batch_norm=True, **_FIRST)),
}
"""Ways of ours that keep float32 results, by the options of ``profile`` that ask for them."""

TIMM = {
    "torch": (("contiguous", False), ("channels_last", False)),
    "compiled": (("channels_last", False), ("channels_last", True)),
}
"""How timm's network lies in memory, and whether torch.compile takes it."""


def passes_of(name: str, network: Network) -> tuple[dict[str, Pass], Any]:
    """Our passes in every way of a row, by what the table calls them, and the work of the first."""
    from rivals import ours

    which, _, chosen = name.split("-")
    mode = next(mode for mode in MODES if mode == chosen)
    backend = "torch" if which == "compiled" else which
    start = Way(jit=JIT[backend][0])
    made: dict[str, Pass] = {}
    work = None
    for way in WAYS[which]:
        if mode == "train" and way.fold_batch_norm:
            continue  # there is no batch norm left to train
        words = f"{backend}: {way.words(start, backend)}"
        try:
            found = ours(backend, network, way, BATCH[mode], mode)
        except RsInspectError as exc:
            emit(Row(name, words, "", remark=str(exc)))
            continue
        made[words], work = found.call, work or found.work
    return made, work


def keras2(name: str, rounds: int) -> None:
    """Ours on TensorFlow or JAX, against Keras 2's own network, which is on TensorFlow."""
    from rivals import original, original_pass, prepared

    import rsinspect

    prepared(name.split("-")[0])
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "original.h5"
        model = original(int(name.split("-")[1]), SIDE, path)
        made, work = passes_of(name, rsinspect.network(path))
    contest(name, made, {"tf_keras": original_pass(model, work)}, rounds)


def torch(name: str, rounds: int) -> None:
    """Against timm's network, on PyTorch."""
    from rivals import of_ours, prepared, timm_model, timm_pass

    import rsinspect

    which, depth, _ = name.split("-")
    prepared("torch")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "ours.keras"
        of_ours(int(depth), SIDE, path)
        made, work = passes_of(name, rsinspect.network(path))
    rivals = {}
    for lies, compiled in TIMM[which]:
        words = f"timm {lies}{', torch.compile' if compiled else ''}"
        model = timm_model(int(depth), work.layers)
        rivals[words] = timm_pass(model, work, lies, compiled=compiled)
    contest(name, made, rivals, rounds)


def fold(name: str, rounds: int) -> None:
    """A network of keras.applications folded, against itself as it is."""
    from rivals import prepared, randomise

    prepared("tensorflow")
    import keras
    import numpy as np
    import tensorflow as tf

    import rsinspect

    model = getattr(keras.applications, name.removeprefix("fold-"))(weights=None)
    randomise(model)
    images = tf.constant(np.random.default_rng(0).random((8, 224, 224, 3), np.float32) * 255)

    def forward(model: Any) -> Pass:
        run = tf.function(lambda x: model(x, training=False), autograph=False)
        return lambda: run(images).numpy()

    folded = rsinspect.fold_batch_norm(model)
    contest(name, {"folded": forward(folded)}, {"as it is": forward(model)}, rounds)


def build(name: str, rounds: int) -> None:
    """Build the deepest network, against Keras 2's own."""
    from rivals import prepared

    prepared("tensorflow")
    from tf_keras.src.applications import resnet_rs

    import rsinspect

    calls = {
        "ResNetRS420()": lambda: rsinspect.ResNetRS420(weights=None),
        "tf_keras": lambda: resnet_rs.ResNetRS420(weights=None),
    }
    took = in_turns(calls, min(rounds, 2), warm_up=1)
    mine, theirs = took.values()
    emit(Row.of(name, "ResNetRS420()", "tf_keras", mine, theirs))


PYTHON = sys.executable
PROGRAM = [PYTHON, "-m", "rsinspect"]
KERAS = """
import os; os.environ["KERAS_BACKEND"] = "tensorflow"; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import rsinspect
model = rsinspect.ResNetRS420(weights=None)
"""
TORCHINFO = """
import timm, torchinfo
torchinfo.summary(timm.create_model("resnetrs420"), (1, 3, 320, 320), device="cpu")
"""
FIRST = """
import os
from rsinspect.networks.named import network
from rsinspect.profiling.extrapolate import Prediction
from rsinspect.profiling.parent import profile
from rsinspect.profiling.request import ProfileRequest
class Answered(Exception): pass
def listen(event):
    if isinstance(event, Prediction): raise Answered
try: profile(ProfileRequest(network=network("420@320"), batch=1), on_event=listen)
except Answered: pass
"""
REAL = (
    KERAS.replace("=None", "=None, input_shape=(320, 320, 3)")
    + """
import numpy as np, tensorflow as tf
images = tf.constant(np.random.default_rng(0).random((1, 320, 320, 3), np.float32))
run = tf.function(lambda x: model(x, training=False), autograph=False)
for _ in range(3): run(images)
"""
)


def summary(name: str, rounds: int) -> None:
    """A summary, against Keras's own of the built network."""
    keras = ("Keras: build, summary()", [PYTHON, "-c", KERAS + "model.summary()"])
    programs(name, ("summary 420", [*PROGRAM, "summary", "420"]), keras, rounds)


def torchinfo(name: str, rounds: int) -> None:
    """A summary, against torchinfo's of timm's network."""
    rival = ("torchinfo of timm's resnetrs420", [PYTHON, "-c", TORCHINFO])
    line = [*PROGRAM, "summary", "420", "--level", "layer", "--no-fold"]
    ours = ("summary 420 --level layer --no-fold", line)
    programs(name, ours, rival, rounds, needs="torchinfo")


def graph(name: str, rounds: int) -> None:
    """A picture of all layers, against Keras's plot_model with the same Graphviz."""
    from figures import private_dot

    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        (scratch / "bin").mkdir()
        private_dot(scratch / "bin", None)
        os.environ["PATH"] = os.pathsep.join((str(scratch / "bin"), os.environ["PATH"]))
        picture = str(scratch / "picture.svg")
        plot = "import keras; keras.utils.plot_model(model, {!r}, show_shapes=True)"
        code = KERAS.replace("420", "101") + plot.format(picture)
        line = [*PROGRAM, "graph", "101", "--view", "layers", "-o", picture]
        ours = ("graph 101 --view layers", line)
        programs(name, ours, ("Keras: build, plot_model()", [PYTHON, "-c", code]), rounds)


def first(name: str, rounds: int) -> None:
    """The first answer of a profile, against building the network and running it three times."""
    ours = ("profile 420@320: first answer", [PYTHON, "-c", FIRST])
    programs(name, ours, ("Keras: build, three passes", [PYTHON, "-c", REAL]), rounds)


def overhead(name: str, rounds: int) -> None:
    """What measuring the parts of a network costs, on each backend that is here."""
    import rsinspect
    from rsinspect.profiling.parent import profile
    from rsinspect.profiling.request import ProfileRequest

    for backend in ("tensorflow", "jax", "torch"):
        words = ("pass with its blocks timed", f"{backend}: pass without")
        if util.find_spec(backend) is None:
            emit(Row(name, *words, remark=f"{backend} is not installed"))
            continue
        run = profile(
            ProfileRequest(
                network=rsinspect.network(f"50@{SIDE}"), batch=8, level="block", backend=backend,
                max_time_s=15.0, most_rounds=3 * rounds, predict=False, roofs=False,
            )
        )  # fmt: skip
        closure = run.closure
        difference, largest = closure.output_max_abs_diff, closure.output_max_abs
        outputs = None if difference is None or largest is None else difference / largest
        emit(Row.of(name, *words, closure.instrumented, closure.end_to_end, outputs))


MAKERS: dict[str, tuple[str, str]] = {
    **{f"tensorflow-50-{mode}": ("keras2", "tf_keras") for mode in BATCH},
    **{f"torch-50-{mode}": ("torch", "timm") for mode in BATCH},
    "compiled-50-forward": ("torch", "timm"),
    **{f"fold-{name}": ("fold", "keras") for name in ("EfficientNetB0", "MobileNetV2")},
    **{f"jax-50-{mode}": ("keras2", "tf_keras") for mode in BATCH},
    "summary": ("summary", "keras"),
    "torchinfo": ("torchinfo", "torchinfo"),
    "first": ("first", "keras"),
    "build": ("build", "tf_keras"),
    **{f"torch-101-{mode}": ("torch", "timm") for mode in BATCH},
    **{f"tensorflow-101-{mode}": ("keras2", "tf_keras") for mode in BATCH},
    "overhead": ("overhead", "keras"),
    "compiled-50-train": ("torch", "timm"),
    "compiled-101-forward": ("torch", "timm"),
    "graph": ("graph", "keras"),
    "compiled-101-train": ("torch", "timm"),
}
"""Each row: the function that makes it and the package of the rival; the longest come last."""


def run(name: str, rounds: int) -> None:
    """Make a row in this process."""
    function, rival = MAKERS[name]
    if not installed(rival):
        emit(Row(name, "", rival, remark=f"{rival} is not installed"))
        return
    globals()[function](name, rounds)


def installed(package: str) -> bool:
    """Whether a package is here."""
    return util.find_spec(package) is not None


def rows(names: list[str], rounds: int, torch_python: str, max_time_s: float) -> Iterator[Row]:
    """Make rows, each in a process of its own, while the time lasts, and tell how it goes."""
    until = time.monotonic() + max_time_s
    for name in names:
        _, rival = MAKERS[name]
        python = torch_python if rival in IN_TORCH or name == "overhead" else sys.executable
        start = time.perf_counter()
        printed, failure = child(
            [python, __file__, name, "--rounds", str(rounds), "--row"], until - time.monotonic()
        )
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        for line in printed.splitlines():
            if line.startswith(ROW):
                yield Row(**json.loads(line.removeprefix(ROW)))
        if failure is not None:
            yield Row(name, "", rival, remark=failure)


IN_TORCH = ("timm", "torchinfo")
"""Packages that stand beside PyTorch, in the Python that ``--torch`` names."""


def child(line: list[str], timeout_s: float) -> tuple[str, str | None]:
    """Run a program of rows: what it printed, and why that is not all."""
    if timeout_s < 1:
        return "", "not run: the time was up"
    try:
        done = subprocess.run(
            line, env=environment(), capture_output=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as exc:
        return (exc.stdout or b"").decode(), "not finished: the time was up"
    if not done.returncode:
        return done.stdout.decode(), None
    said = done.stderr.decode(errors="replace")
    print(said, file=sys.stderr, flush=True)
    return done.stdout.decode(), f"failed: {(said.strip().splitlines() or ['no message'])[-1]}"


HEADS = ("row", "ours", "rival", "ours", "rival", "times as fast", "95 %", "outputs")


def described(torch_python: str) -> Iterator[str]:
    """Describe the machine, the versions and the day."""
    quota = machine.cgroup_cpus()[0]
    cores = f"{machine.affinity()[0] or os.cpu_count()} cores"
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit()}."
    yield (
        f"{machine.cpu_model()[0] or 'unknown processor'}, {cores}"
        + ("" if quota is None else f" (a quota of {quota:g})")
        + f", {platform.system()}, Python {platform.python_version()}."
    )
    code = "import speed, sys; print(', '.join(speed.versions(sys.argv[1:])))"
    packages = ("keras", "tensorflow", "tf_keras", "jax", "torch", "timm", "torchinfo")
    for python, names in ((sys.executable, packages[:4]), (torch_python, packages[4:])):
        done = subprocess.run(
            [python, "-c", code, *names],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        yield done.stdout.strip()


def versions(names: list[str]) -> list[str]:
    """List those packages that are here, with their versions."""
    return [f"{name} {metadata.version(name)}" for name in names if installed(name)]


def environment() -> dict[str, str]:
    """Variables for a program that imports this checkout, whatever Python it runs in."""
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), str(HERE / "benchmarks")))}


def quiet() -> Callable[[], str]:
    """Begin to watch who else uses the machine; what this returns tells how much they did."""
    processors = machine.processors_allowed()

    def now() -> tuple[float | None, float, float]:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = children.ru_utime + children.ru_stime + time.process_time()
        return machine.busy_s(processors), spent, time.monotonic()

    began = now()

    def told() -> str:
        ended = now()
        if began[0] is None or ended[0] is None:
            return "Nobody knows what other programs used of the machine meanwhile."
        available = (ended[2] - began[2]) * len(processors or range(os.cpu_count() or 1))
        others = (ended[0] - began[0] - ended[1] + began[1]) / available
        return f"Other programs used {100 * max(0.0, others):.0f} % of the machine meanwhile."

    return told


def commit() -> str:
    """Name the commit that is measured."""
    line = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(line, cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="rows, by the beginning of their names")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--torch", default=sys.executable, help="a Python that has PyTorch and timm"
    )
    parser.add_argument("--max-time", type=float, default=MAX_TIME_S, help="seconds for all rows")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)  # in this process
    asked = parser.parse_args()
    if asked.row:
        run(asked.names[0], asked.rounds)
        return
    names = [n for n in MAKERS if not asked.names or n.startswith(tuple(asked.names))]
    if not names:
        parser.error(f"no row begins so; there are {', '.join(MAKERS)}")
    head = [
        *described(asked.torch),
        f"`python benchmarks/speed.py` with {asked.rounds} rounds.",
        "",
    ]
    table = [f"| {' | '.join(HEADS)} |", "| --- | --- | --- | ---: | ---: | ---: | --- | --- |"]
    print("\n".join((*head, *table)), flush=True)
    title = f"# Speed beside rivals, {datetime.now(UTC):%Y-%m-%d}"
    told = quiet()
    for row in rows(names, asked.rounds, asked.torch, asked.max_time):
        table.append(f"| {' | '.join(row.cells())} |")
        print(table[-1], flush=True)
        if asked.output:  # each time: who ends it early has what there is
            lines = (title, "", *head, *table, "", told(), "")
            asked.output.write_text("\n".join(lines), encoding="utf-8")
    print(told())


if __name__ == "__main__":
    main()
