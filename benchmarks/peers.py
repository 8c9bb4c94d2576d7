"""The same question put to us and to those we are compared with: ``python benchmarks/peers.py``.

Each question is a whole program of ours and one of a peer, run in turns: CPU time, the ratio, and
what comes out. ResNet-RS-152 at 256 x 256 where the peer has it (timm's), He et al.'s ResNet-152
where it is Keras's own. ``--python`` names the Python that has the peers (``pip install torch timm
torchinfo fvcore torchview torchlens torchvista visualkeras``); a peer that is missing or fails is a
row that says with which words.

What a viewer does with a thousand layers is ``pages.py``; how fast networks run is ``speed.py``.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

PROGRAM = str(Path(sys.executable).with_name("rsinspect"))
TIMM = """
import timm, torch
model, images = timm.create_model("resnetrs152").eval(), torch.zeros(1, 3, 256, 256)
"""
KERAS = """
import keras
model = keras.applications.ResNet152(weights=None)
"""


class Question(NamedTuple):
    """What is asked, and how each side is asked.

    Attributes:
        words: The question.
        ours: What follows ``rsinspect``.
        peer: Its name.
        program: Python that asks it.
        made: The file that both leave, "" where they print.
    """

    words: str
    ours: str
    peer: str
    program: str
    made: str = ""


COSTS = "What does each part cost?"
PICTURE = "What does it look like?"
PAGE = "As a page to click?"
QUESTIONS = (
    Question(
        COSTS, "summary keras.applications.ResNet152", "Keras `summary`",
        KERAS + "model.summary()",
    ),
    Question(
        COSTS, "summary 152", "torchinfo",
        TIMM + "import torchinfo; print(torchinfo.summary(model, input_data=images, verbose=0))",
    ),
    Question(
        COSTS, "summary 152", "fvcore",
        TIMM + "from fvcore.nn import FlopCountAnalysis, flop_count_table\n"
        "print(flop_count_table(FlopCountAnalysis(model, images)))",
    ),
    Question(
        COSTS, "summary 152", "TorchLens",
        TIMM + "import torchlens; print(torchlens.trace(model, images).summary())",
    ),
    Question(
        PICTURE, "graph keras.applications.ResNet152 -o made.svg", "Keras `plot_model`",
        KERAS + "keras.utils.plot_model(model, 'made.svg')", "made.svg",
    ),
    Question(
        PICTURE, "graph 152 -o made.svg", "torchview",
        TIMM + "from torchview import draw_graph\n"
        "draw_graph(model, input_data=images).visual_graph.render('made', format='svg')",
        "made.svg",
    ),
    Question(
        PICTURE, "graph 152 -o made.svg", "TorchLens",
        TIMM + "import torchlens\n"
        "torchlens.trace(model, images).draw(vis_outpath='made', vis_fileformat='svg')",
        "made.svg",
    ),
    Question(
        PICTURE, "graph keras.applications.ResNet152 -o made.png", "visualkeras",
        KERAS + "import visualkeras; visualkeras.layered_view(model, to_file='made.png')",
        "made.png",
    ),
    Question(
        PAGE, "graph 152 -o made.html", "torchvista",
        TIMM + "from torchvista import trace_model\n"
        "trace_model(model, images, export_format='html', export_path='made.html')",
        "made.html",
    ),
)  # fmt: skip


class Answer(NamedTuple):
    """What a program took and gave.

    Attributes:
        cpu_s: CPU time in seconds, of child processes too.
        gave: Lines that it printed, the size of the file it left, or the last words of its failure.
    """

    cpu_s: float
    gave: str


def ask(command: list[str], made: str, limit_s: float) -> Answer:
    """Run a program in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, timeout=limit_s, check=False
            )
        except subprocess.TimeoutExpired:
            return Answer(float("nan"), f"nothing within {limit_s:.0f} s")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        file = Path(folder) / made
        if done.returncode or (made and not file.is_file()):
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            return Answer(cpu_s, f"fails: {said[-1][:120]}" if said else "fails without a word")
        if made:
            return Answer(cpu_s, f"{file.stat().st_size / 1e3:.0f} kB")
        return Answer(cpu_s, f"{len(done.stdout.splitlines())} lines")


def row(question: Question, python: str, rounds: int, limit_s: float) -> str:
    """Ask both in turns; a line of a Markdown table."""
    ours = [PROGRAM, *question.ours.split()]
    theirs = [python, "-c", question.program]
    ask(ours, question.made, limit_s)  # files of bytecode, and what Keras builds once and is kept
    pairs = [
        (ask(ours, question.made, limit_s), ask(theirs, question.made, limit_s))
        for _ in range(rounds)
    ]
    mine, other = (
        statistics.median(side.cpu_s for side in sides) for sides in zip(*pairs, strict=True)
    )
    ratio = statistics.median(peer.cpu_s / our.cpu_s for our, peer in pairs)
    our, peer = pairs[-1]
    cells = (
        question.words, f"`{question.ours}`", f"{mine:.2f} s", our.gave,
        question.peer, f"{other:.1f} s", peer.gave, f"**{ratio:.0f}**",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="which has the peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=300, help="seconds for one program")
    parser.add_argument("peers", nargs="*", help="by name; all")
    options = parser.parse_args()
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    print("| question | ours | CPU | gives | peer | CPU | gives | times ours |")
    print("| --- | --- | ---: | --- | --- | ---: | --- | ---: |")
    for question in QUESTIONS:
        if not options.peers or any(name in question.peer for name in options.peers):
            print(row(question, options.python, options.rounds, options.limit), flush=True)


if __name__ == "__main__":
    main()
