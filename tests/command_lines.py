"""Command lines that nobody would write, made of every command's own arguments.

python -m tests.command_lines SEED COUNT        tries that many by hand
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import typer

from rsinspect.cli.app import COMMANDS
from rsinspect.cli.application import application
from rsinspect.networks.dialects import DIALECTS
from tests.mutants import fault
from tests.runs import a_run

GARBAGE = (
    "", "x", "-1", "0", "-0.0", "1e400", "nan", "-inf", "9" * 400, "1_000", "0x10", "٣", "½",
    " 50 ", "\udc80", "a\x1b[31mb", "a\nb", "é" * 500, "--", "-", "=", "{}", "%s", "$(x)", "a,b,,c",
    "1:2:3:4", "~nosuchuser/x", "/", ".", "..", "/dev/null/x.svg", "no/such/folder/x.csv",
    "x" * 300 + ".svg", "x.xlsx", ".svg", "a.SVG", "x.json.json",
)  # fmt: skip
NUMBERS = ("1", "2", "3", "0.25", "0.5", "32", "64", "7", "9", "12", "1001", "1e9")
MODELS = (
    "50", "101@64", "50:resnet+se", "ResNet50", "resnet-rs-152-i64", "EfficientNetB9", "420:timm",
    "50@64x96", "run.json", "net.json", "a.html", "a.html#b",
)  # fmt: skip
FILES = ("a.svg", "a.csv", "a.json", "a.tex", "a.html", "a.png", "a.txt", "run.json", "net.json",
         "a.toml")  # fmt: skip
WORDS: dict[str, tuple[str, ...]] = {
    "format": ("json", "csv", "yaml", "latex", "markdown", "table", "svg", "dot", "tikz", "bibtex"),
    "dialect": tuple(DIALECTS),
    "convention": ("mac", "paper", "timm", "full"),
    "dtype": ("float32", "int8"),
    "level": ("layer", "block", "stage"),
    "view": ("figure6", "stages", "blocks", "layers"),
    "color": ("params", "macs", "latency", "activations"),
    "theme": ("light", "dark", "paper", "auto"),
    "direction": ("TB", "LR"),
    "size": ("84mm", "16:9", "4:3", "800x600"),
    "activation": ("relu", "swish", "custom:x"),
    "pooling": ("avg", "max"),
    "blocks": ("1,1,1,1", "1,2"),
    "notes": ("short", "full"),
    "axis": ("depth=50", "width=0.5:1:0.25", "resolution=64,96", "c2=1:3"),
    "preset": ("published",),
    "sort": ("-flops", "params", "path"),
    "columns": ("path,params", "all"),
    "filter": ("conv", "c2/*"),
    "expand": ("c2", "c4/block1-22"),
    "explain": ("c2", "flops"),
    "objective": ("max:params,min:flops",),
    "mode": ("forward", "train"),
    "precision": ("float32", "tf32", "bfloat16"),
    "backend": ("tensorflow", "jax", "torch"),
    "device": ("cpu", "gpu:1"),
    "renderer": ("pip", "system", "auto"),
    "command": ("summary", "diff"),
    "run": ("run.json", "a.html", "a.html#b2"),
    "gallery": ("50", "net.json,101@64"),
    "only": ("facts", "tables,provenance", "graph"),
}
NEVER = ("devices", "help", "version", "strict")
"""Asks frameworks, says nothing about what is given beside it, or fails for what was measured."""


def loaded_commands() -> dict[str, Any]:
    """Load every command, by its name with its group's before it."""
    found: dict[str, Any] = {}
    ahead: list[tuple[str, Any]] = [("", typer.main.get_command(application()))]
    while ahead:
        name, command = ahead.pop()
        inside = getattr(command, "commands", None)
        if inside is None:
            found[name] = command
        else:
            ahead += [(f"{name} {own}".lstrip(), one) for own, one in inside.items()]
    return {name: found[name] for name in COMMANDS}


@cache
def commands() -> dict[str, list[Any]]:
    """List the parameters of each command, by its name."""
    return {
        name: [p for p in command.params if p.name not in NEVER]
        for name, command in loaded_commands().items()
    }


def command_line(random: Random) -> list[str]:
    """Write a command with some of its arguments; two in three values make sense by themselves."""
    name = random.choice(list(commands()))
    positional = [p for p in commands()[name] if p.param_type_name == "argument"]
    options = [p for p in commands()[name] if p.param_type_name == "option"]
    line = name.split()
    for parameter in positional:
        if random.random() < 0.9:
            line.append(_value(random, parameter))
    count = min(len(options), random.choice((0, 1, 1, 2, 3, 5)))
    for parameter in random.sample(options, k=count):
        flags = [*parameter.opts, *parameter.secondary_opts]
        line.append(random.choice(flags))
        if not parameter.is_flag:
            line.append(_value(random, parameter))
    if name == "scale" and "-a" not in line and "--axis" not in line and random.random() < 0.8:
        line += ["--axis", "depth=50,101"]
    if random.random() < 0.03:
        line.insert(random.randrange(len(line) + 1), random.choice(GARBAGE))
    return line


def _value(random: Random, parameter: Any) -> str:
    if random.random() < 1 / 3:
        return random.choice(GARBAGE)
    if parameter.name in ("model", "a", "b", "more"):
        return random.choice(MODELS)
    if parameter.type.name == "path":
        return random.choice(FILES)
    return random.choice(WORDS.get(parameter.name, NUMBERS))


def tried(seed: int, count: int, folder: Path) -> Iterator[tuple[list[str], str | None]]:
    """Try command lines in a folder, where nothing is measured; tell the fault of each.

    Args:
        seed: Of all choices.
        count: How many.
        folder: The working directory meanwhile.
    """
    from rsinspect.base.errors import InvalidMeasurement
    from rsinspect.profiling.record.document import to_json
    from tests.mutants import saved_networks, written

    random = Random(seed)
    before = Path.cwd()
    os.chdir(folder)
    try:
        nowhere = InvalidMeasurement("nothing is measured here")
        with (
            mock.patch("rsinspect.cli.progress.measure", return_value=a_run()),
            mock.patch("rsinspect.cli.progress.watched", side_effect=nowhere),
            mock.patch("rsinspect.cli.progress.watching", side_effect=nowhere),
            mock.patch("rsinspect.profiling.parent.run_worker", side_effect=nowhere),
            mock.patch("rsinspect.sweeps.local_executor.carry_out", new=_refused),
        ):
            for _ in range(count):
                Path("run.json").write_text(written(to_json(a_run())))
                Path("net.json").write_text(written(saved_networks()[0]))
                line = command_line(random)
                yield line, fault(line)
    finally:
        os.chdir(before)


def _refused(cell: Any, **_: Any) -> Any:
    """Carry out no cell."""
    from rsinspect.sweeps.execution import Outcome

    return Outcome(key=cell.key, kind="refused", reason="nothing is measured here")


def main() -> None:
    """Try command lines by hand."""
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for line, wrong in tried(int(sys.argv[1]), int(sys.argv[2]), Path(folder)):
            found[wrong or "fine"] += 1
            if wrong and found[wrong] == 1:
                print(line, wrong, sep="\n  ", flush=True)
    print(found.most_common(30))


if __name__ == "__main__":
    main()
