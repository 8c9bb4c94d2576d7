"""Pages of Markdown that are carried out: every block, from top to bottom, in one folder.

A remark above a block says what its reader need not see:

* ``<!-- given: run.json -->``: a file that is there before (``GIVEN``);
* ``<!-- file: plan.toml -->``: the block is that file;
* ``<!-- exit code: 1 -->``: how its last command ends; what it says on stderr is shown too;
* ``<!-- measured: run-50-train.json -->``: what its measurements give, as it was recorded;
* ``<!-- not here: it takes a cluster -->``: why it cannot run where the tests do;
* ``<!-- command: run -->``: what CI reads; of it only the commands behind an installation.

A block of text right behind one of Python is what that prints.

``python -m tests.documents FOLDER`` makes the files that pages are given, to type along.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from PIL import Image
from safetensors.numpy import save_file

from rsinspect.profiling.record.document import to_json
from rsinspect.weights.naming import tensors
from tests.conftest import Cli
from tests.hostile import CODE
from tests.keras_files import conv, functional, image, keras_file, row, small
from tests.networks import configuration, layout_of
from tests.processes import PATIENCE_S
from tests.recordings import recorded
from tests.weight_files import fine_tuned, weights_for

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted((*DOCS.glob("*.md"), *DOCS.glob("how-to/*.md"))))
"""All that somebody wrote; the reference is made by a program."""
BLOCK = re.compile(
    r"(?P<remarks>(?:^<!-- [^\n]* -->\n)*)^```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = ("console", "sh", "python")
SHELL = re.compile(r"[|<>*;&`]|\$\(|^(?!rsinspect )")
"""What only a shell understands, or what is another program."""
PROGRAM = f'rsinspect() {{ {shlex.quote(sys.executable)} -m rsinspect "$@"; }}\n'


def as_safetensors(path: Path) -> None:
    """Write the weights of a small network as timm does."""
    made = layout_of(1, 1, 1, 1, width=0.25, resolution=(64, 64))
    weights, places = weights_for(made), tensors(made, "timm")
    save_file({name: at.stored(weights[at.path, at.weight]) for name, at in places.items()}, path)


HIDING_CODE = functional(
    image(),
    row("Lambda", "mine", "image", shape=[None, 8, 8, 3], function=CODE, arguments={}),
    conv("conv", "mine", shape=[None, 8, 8, 3]),
    name="stranger",
)
GIVEN: dict[str, Callable[[Path], object]] = {
    "run.json": lambda folder: (folder / "run.json").write_text(
        json.dumps(to_json(recorded("run-50-train.json"))), encoding="utf-8"
    ),
    "imagenet.pth": fine_tuned,
    "finetuned.weights.h5": fine_tuned,
    "my.keras": lambda folder: keras_file(folder / "my.keras", small(name="mine")),
    "main.keras": lambda folder: keras_file(folder / "main.keras", small(name="main")),
    "lambda.keras": lambda folder: keras_file(
        folder / "lambda.keras", HIDING_CODE, {"conv/vars/0": (3, 3, 3, 4)}
    ),
    "timm.safetensors": lambda folder: as_safetensors(folder / "timm.safetensors"),
    "photo.jpg": lambda folder: Image.new("RGB", (64, 48), "teal").save(folder / "photo.jpg"),
    "unet.json": lambda folder: (folder / "unet.json").write_bytes(configuration("unet")),
}
"""Files that a page begins with, and what makes them."""


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        page: The page.
        line: Its first line there.
        language: What is written behind the fence.
        body: What stands in it.
        remarks: What the remarks above say, by their name.
        span: Where its body begins and ends.
    """

    page: Path
    line: int
    language: str
    body: str
    remarks: dict[str, str]
    span: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> tuple[str, ...]:
        """List the commands that somebody would type, as they are typed."""
        if self.language == "console":
            found = re.findall(r"^\$ (.*(?:(?<=\\)\n.*)*)", self.body, re.MULTILINE)
        else:
            found = re.findall(r"^([^#\n].*(?:(?<=\\)\n.*)*)", self.body, re.MULTILINE)
        return tuple(found)


def blocks(page: Path) -> Iterator[Block]:
    """List the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        remarks = (line[5:-4].partition(":")[::2] for line in found["remarks"].splitlines())
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start("body")),
            language=found["language"],
            body=found["body"],
            remarks={name.strip(): value.strip() for name, value in remarks},
            span=found.span("body"),
        )


@dataclass
class Reader:
    """Somebody who does what a page says.

    Attributes:
        cli: The command line in this process.
        folder: Where all of it happens.
        measured: Says what the measurements of a block give, by the name of a recording.
        said: Names of Python, from block to block.
    """

    cli: Cli
    folder: Path
    measured: Callable[[str | None], object]
    said: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def read(self, page: Path) -> str:
        """Carry a page out; the page as it would be with what was printed now."""
        text, printed, done, end = page.read_text(encoding="utf-8"), None, [], 0
        for block in blocks(page):
            fresh = block.body
            if block.language == "text" and printed is not None:
                fresh = printed
            printed = None
            for name in block.remarks.get("given", "").split(","):
                if name.strip():
                    GIVEN[name.strip()](self.folder)
            if block.remarks.get("command") == "run":
                self.set_up(block)
            elif "not here" in block.remarks or "command" in block.remarks:
                pass
            elif "file" in block.remarks:
                self.put(block)
            elif block.language in RUN:
                self.measured(block.remarks.get("measured"))
                if block.language == "python":
                    printed = self.execute(block)
                elif block.language == "sh":
                    self.type(block)
                else:
                    fresh = self.type(block)
            done += [text[end : block.span[0]], fresh]
            end = block.span[1]
        return "".join([*done, text[end:]])

    def set_up(self, block: Block) -> None:
        """Carry out what follows an installation in the command that does both."""
        for command in block.body.strip().split(" && "):
            if command.startswith(".venv/bin/rsinspect "):
                self.typed(block, command.removeprefix(".venv/bin/"), 0)

    def put(self, block: Block) -> None:
        """Write a block into its file; of one for a CI service, run the steps too."""
        file = self.folder / block.remarks["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.body, encoding="utf-8")
        if block.language == "yaml":
            for job in yaml.safe_load(block.body)["jobs"].values():
                for step in job["steps"]:
                    if (command := step.get("run", "")).startswith("rsinspect "):
                        self.typed(block, command, 0)

    def type(self, block: Block) -> str:
        """Type the commands of a block; them with what they print."""
        shown = []
        for number, command in enumerate(block.commands, start=1):
            last = number == len(block.commands)
            code = int(block.remarks.get("exit code", 0)) if last else 0
            page = self.typed(block, command, code)
            page = "\n".join(part.rstrip() for part in page.splitlines())
            shown.append(f"$ {command}\n{page}\n" if page else f"$ {command}\n")
        return "\n".join(shown)

    def typed(self, block: Block, command: str, code: int) -> str:
        """Type a command; what it prints."""
        command = re.sub(r"  +#.*|\\\n", "", command).strip()
        if SHELL.search(command):
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", PROGRAM + command],
                cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
            )  # fmt: skip
            outcome = (ended.returncode, ended.stdout, ended.stderr)
        else:
            called = self.cli(*shlex.split(command)[1:])
            outcome = (called.code, called.out, called.err)
        assert outcome[0] == code, f"{block}: {command}\n{outcome[1]}{outcome[2]}"
        return outcome[1] + (outcome[2] if code else "")

    def execute(self, block: Block) -> str:
        """Execute a block of Python; what it prints."""
        program = compile("\n" * block.line + block.body, str(block.page), "exec")
        with redirect_stdout(StringIO()) as printed, warnings.catch_warnings():
            warnings.simplefilter("default")
            exec(program, self.said)
        return printed.getvalue()


def main(folder: Path) -> None:
    """Make all files that pages are given, and say which they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for make in GIVEN.values():
        make(folder)
    print(", ".join(sorted(GIVEN)), "are in", folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
