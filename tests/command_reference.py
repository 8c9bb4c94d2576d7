"""The reference of the command line, a page per command, made of the commands themselves."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rsinspect.cli.app import COMMANDS, GROUPS, PANELS
from rsinspect.cli.application import callback
from rsinspect.cli.help_page import examples_of, help_of, in_order, names_of, usage_of, value_of
from tests.command_lines import loaded_commands
from tests.conftest import Outcome

MADE = "<!-- Made of the commands by tests/test_reference.py, which says how. -->"
SCHEMAS = Path(__file__).parent.parent / "docs" / "schemas" / "README.md"
LISTED = re.compile(r"^\| \[([^]]+)\]\(([^)]+)\) \| (.*?) \| (.*?) \|$", re.MULTILINE)
"""A schema as its list has it: its name, its file, who writes it, and what it says."""

SHOWN = (
    "variants", "summary 152@224 --level block", "diff 101 152", "table 7", "figure 2",
    "recipe 152@224", "scale -a depth=50,101,152 -a resolution=160:320:32 --pareto",
    "check my.keras --max-params 30M --max-flops 12G", "cite",
    "weights diff imagenet.pth finetuned.weights.h5",
)  # fmt: skip
"""Examples whose output is shown: light ones that say the same on every machine."""

EXIT_CODES = """\
| code | when |
| --- | --- |
| 0 | done |
| 1 | no: a bound is broken, B is slower, a file does not fit; or a fault that is not the caller's |
| 2 | the request was wrong: a line says what, and what would be right |
| 3 | something is missing on this machine: a package, a device, weights, a renderer |
| 129, 130, 143 | ended by a closed terminal, by Ctrl-C, by SIGTERM; nothing half-written is left |
"""

Run = Callable[..., Outcome]


def pages(run: Run) -> Iterator[tuple[str, str]]:
    """Write every page: its file, and what is in it.

    Args:
        run: The command line.
    """
    yield "README.md", _index()
    for name, command in loaded_commands().items():
        yield f"{name.replace(' ', '-')}.md", _page(name, command, run)


def _index() -> str:
    """Write the page that lists them all."""
    lines = [MADE, "# Command line", "", _prose(callback.__doc__ or ""), ""]
    for panel, listed in PANELS.items():
        lines += [f"## {panel}", "", "| command | does |", "| --- | --- |"]
        for name in (one for each in listed for one in COMMANDS if one.split()[0] == each):
            page = f"{name.replace(' ', '-')}.md"
            lines.append(f"| [`{name}`]({page}) | {_cell(COMMANDS[name].says)} |")
        lines.append("")
    lines += ["## For all of them", ""]
    lines += [
        "The answer goes to stdout and everything else to stderr, so that it can be piped. The",
        "suffix of the file after `-o` chooses the format; `-o -` is stdout. `-q` says nothing but",
        "what went wrong. Every command reads `MODEL` alike: [`summary`](summary.md) says what it",
        "can be. `rsinspect --install-completion` makes Tab complete commands, options, choices",
        "and networks in bash, zsh and fish.",
        "",
        "## Exit codes",
        "",
        EXIT_CODES,
    ]
    return "\n".join(lines)


def _page(name: str, command: Any, run: Run) -> str:
    """Write the page of a command."""
    parameters = command.get_params(_context(name, command))
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    group = name.rpartition(" ")[0]
    lines = [MADE, f"# rsinspect {name}", "", command.help, ""]
    if group:
        lines += [f"One of `rsinspect {group}`: {_lower(GROUPS[group])}", ""]
    usage = " ".join([f"rsinspect {name} [OPTIONS]", *map(usage_of, arguments)])
    lines += ["```text", usage, "```", ""]
    lines += [f"`{value_of(argument)}`: {_cell(help_of(argument))}\n" for argument in arguments]
    lines += ["## Examples", "", *_examples(command, run)]
    lines += ["## Options", ""]
    for panel, options in _panels(p for p in parameters if p not in arguments).items():
        lines += [f"### {panel}", ""] if panel else []
        lines += ["| option | value | what it does |", "| --- | --- | --- |"]
        lines += [_row(option) for option in options] + [""]
    lines += _documents(name)
    lines += ["[All commands and exit codes](README.md)", ""]
    return "\n".join(lines)


def _documents(name: str) -> Iterator[str]:
    """Say which documents of JSON a command writes, as the list of schemas has it."""
    found = [
        (schema, file, says)
        for schema, file, writers, says in LISTED.findall(SCHEMAS.read_text("utf-8"))
        if any(re.match(rf"{name}(?! [a-z])", one) for one in re.findall(r"`([^`]*)`", writers))
    ]
    if found:
        yield "## Documents of JSON\n"
        for schema, file, says in found:
            yield f"- [{schema}](../../schemas/{file}): {says}"
        yield ""


def _context(name: str, command: Any) -> Any:
    names = ["-h", "--help"]
    return command.make_context(name, [], resilient_parsing=True, help_option_names=names)


def _panels(options: Iterable[Any]) -> dict[str, list[Any]]:
    """Sort options by their panels of the help, those without one first."""
    found: dict[str, list[Any]] = defaultdict(list)
    found[""] = []
    for option in in_order(options):
        found[getattr(option, "rich_help_panel", None) or ""].append(option)
    return found


def _row(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in names_of(option))
    value = f"`{value}`" if (value := value_of(option)) else ""
    return f"| {names} | {value} | {_cell(help_of(option))} |"


def _examples(command: Any, run: Run) -> Iterator[str]:
    """Write the examples of a command, with what they print where that is the same everywhere."""
    for example in examples_of(command.callback):
        yield "```console"
        yield f"$ {example}"
        if example.removeprefix("rsinspect ") in SHOWN:
            outcome = run(*shlex.split(example)[1:])
            assert outcome.code in (0, 1), outcome.err
            yield "\n".join(line.rstrip() for line in outcome.out.rstrip().split("\n"))
        yield "```\n"


def _cell(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return re.sub(r"([|*<])", r"\\\1", text)


def _prose(docstring: str) -> str:
    said = docstring.partition("Examples:")[0]
    return "\n\n".join(" ".join(part.split()) for part in said.strip().split("\n\n"))


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
