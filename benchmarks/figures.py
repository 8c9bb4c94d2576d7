"""What a figure costs: ``python benchmarks/figures.py``.

    figure6 and stages of ResNet-RS-101    beside an empty Typer and Rich command
    all layers of ResNet-RS-270            beside Keras's ``plot_model`` of the same network

Both as ``startup.py`` does it: whole processes in turn, ratios of CPU and wall time pair by pair.
``plot_model`` needs a built model, so its program imports Keras and builds one; a third program
that does this and draws nothing tells how much of the time that is.

``plot_model`` runs a program called ``dot``. It gets one that calls the same Graphviz from pip as
rsinspect does, on a PATH of its own, so the two differ in what they ask of Graphviz and not in its
version. ``--dot PROGRAM`` gives it that one instead.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from startup import PROGRAM, compare, prepare

from rsinspect.base.units import grouped
from rsinspect.drawing.engine import choose

KERAS_ROUNDS = 3
DOT = """#!{python} -IS
import sys
sys.path.append({package!r})
import _graphviz as graphviz
format = next(word[2:] for word in sys.argv[1:] if word.startswith("-T")).encode()
source = next(word for word in sys.argv[1:] if not word.startswith("-"))
with open(source, "rb") as file:
    graph = graphviz.agread(file, None)
context = graphviz.gvContextWithBuiltins()
if graphviz.gvLayout(context, graph, b"dot"):
    sys.exit("it could not be laid out")
sys.stdout.buffer.write(graphviz.gvRenderData(context, graph, format)[1])
"""
"""``dot -Tsvg FILE`` as pydot calls it."""

BUILD = """
import keras, rsinspect
model = rsinspect.ResNetRS270(weights=None)
"""
PLOT = """
keras.utils.plot_model(model, to_file={picture!r}, show_shapes=True)
"""


def private_dot(directory: Path, program: str | None) -> str:
    """Put a ``dot`` into the directory; what it is, in words."""
    path = directory / "dot"
    if program is not None:
        path.symlink_to(Path(program).resolve())
        said = subprocess.run([path, "-V"], capture_output=True, text=True, check=True)
        return said.stderr.strip()
    engine = choose("pip")
    path.write_text(DOT.format(python=sys.executable, package=str(engine.path)))
    path.chmod(0o755)
    return f"Graphviz {engine.version()} of pygraphviz"


def main() -> None:
    """Compare figures with an empty command, and ``plot_model`` with all layers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--dot", help="the Graphviz program that plot_model runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        empty, scratch = prepare(name), Path(name)
        picture, plotted = scratch / "picture.svg", scratch / "plotted.svg"
        for line in ("graph 101", "graph 101 --view stages"):
            compare(line, [*PROGRAM, *line.split(), "-o", str(picture)], empty)
        programs = scratch / "bin"
        programs.mkdir()
        print(f"plot_model runs {private_dot(programs, options.dot)}")
        os.environ["PATH"] = os.pathsep.join((str(programs), os.environ["PATH"]))
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        layers = "graph 270 --view layers"
        ours = [*PROGRAM, *layers.split(), "-o", str(picture)]
        for words, code in (
            ("plot_model", BUILD + PLOT.format(picture=str(plotted))),
            ("the model, no picture", BUILD),
        ):
            script = scratch / "keras_model.py"
            script.write_text(code)
            theirs = [sys.executable, str(script)]
            compare(words, theirs, ours, than=layers, rounds=KERAS_ROUNDS)
        sizes = [grouped(path.stat().st_size) for path in (plotted, picture)]
        print(f"SVG files: plot_model {sizes[0]} bytes, {layers} {sizes[1]} bytes")


if __name__ == "__main__":
    main()
