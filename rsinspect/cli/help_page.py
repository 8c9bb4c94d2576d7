"""The page of help of a command: what Typer lays out, in fewer words and columns, and examples.

A page is for people, so a value is called by what it is (``FILE``, ``N``) and not by its type, a
switch and its opposite stand once (``--[no-]top``), and a default stands in the sentence.
"""

from __future__ import annotations

import importlib
import inspect
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from types import ModuleType
from typing import Any

_NEVER_SHOWN = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}
"""What Typer's help loads and ours, written in neither, has no use for: a third of its time."""

_WIDEST = 100
"""Columns of a page: longer lines are hard to read."""

_CALLED = {"int": "N", "integer": "N", "float": "X", "path": "FILE"}
"""Values by the name of their type; every other is ``TEXT``."""

_LAST: Mapping[str | None, int] = {"Store of runs": 1, "Style": 2, "Output": 3}
"""Panels that come last on every page, and where."""

_EXAMPLES = "\n\nExamples:\n"


def examples_of(command: Callable[..., Any]) -> tuple[str, ...]:
    """List the examples in the docstring of a command, each a line to type.

    >>> examples_of(examples_of)
    ()
    """
    return tuple(
        line.strip() for line in (inspect.getdoc(command) or "").partition(_EXAMPLES)[2].split("\n")
        if line.strip()
    )  # fmt: skip


def write_page(command: Any, context: Any) -> None:
    """Write the page of a command or of a group to stdout.

    Args:
        command: Typer's, whose callback has the examples in its docstring.
        context: Click's, of the call.
    """
    typers = _typers_layout()
    shown = copy(command)
    shown.params = [_shown(parameter) for parameter in in_order(command.get_params(context))]
    shown.add_help_option = False  # it is among them
    shown.help = (command.help or "").partition(_EXAMPLES)[0]
    columns = shutil.get_terminal_size().columns
    typers.MAX_WIDTH = _WIDEST if columns > _WIDEST else typers.MAX_WIDTH
    typers.highlighter.highlights = [*typers.highlighter.highlights, r"(?P<option>--\[no-\][\w-]+)"]
    typers.STYLE_OPTIONS_TABLE_PADDING = (0, 1, 0, 0)  # three of its columns are empty
    typers.rich_format_help(obj=shown, ctx=context, markup_mode=command.rich_markup_mode)
    if command.callback and (examples := examples_of(command.callback)):
        console = typers._get_rich_console()
        console.print("\n [usage]Examples:[/usage]")
        for example in examples:
            console.print(f"   {example}", soft_wrap=True, markup=False)


def in_order(parameters: Iterable[Any]) -> list[Any]:
    """Put parameters in the order of a page: a command's own, then those that many have."""
    return sorted(parameters, key=lambda each: _LAST.get(getattr(each, "rich_help_panel", None), 0))


def _typers_layout() -> Any:
    """Load what lays out a page, without what it never shows."""
    spared = [module for module in _NEVER_SHOWN if module not in sys.modules]
    for module in spared:
        sys.modules[module] = ModuleType(module)
        setattr(sys.modules[module], _NEVER_SHOWN[module], type(_NEVER_SHOWN[module], (), {}))
    try:
        return importlib.import_module("typer.rich_utils")
    finally:
        for module in spared:
            del sys.modules[module]


class _Untyped:
    """The type of a value whose name says enough."""

    name = ""

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """Return nothing to be shown."""
        return ""


def _shown(parameter: Any) -> Any:
    """Make a parameter as it stands on the page."""
    seen = copy(parameter)
    seen.required = seen.show_default = False
    seen.help = help_of(parameter)
    if parameter.param_type_name == "argument":
        seen.get_usage_pieces = lambda _: [usage_of(parameter)]
    else:
        seen.opts, seen.secondary_opts = names_of(parameter), []
    if value := value_of(parameter):
        seen.metavar, seen.type = value, _Untyped()
    return seen


def names_of(option: Any) -> list[str]:
    """List the names of an option, long before short, those that mean the opposite with them."""
    long = [name for name in option.opts if name.startswith("--")]
    short = [name for name in option.opts if not name.startswith("--")]
    if option.secondary_opts == [f"--no-{name[2:]}" for name in long]:
        return [f"--[no-]{long[0][2:]}", *short]
    return ["/".join([*long, *option.secondary_opts]), *short]


def value_of(parameter: Any) -> str:
    """Name the value that an argument is or an option takes; nothing for a switch.

    A ``MODEL`` that may be given several times is one all the same.
    """
    if parameter.metavar:
        return str(parameter.metavar).strip("[].")
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    kind = str(parameter.type.name).split()[0]
    return "" if parameter.is_flag else _CALLED.get(kind, "TEXT")


def usage_of(argument: Any) -> str:
    """Write an argument as it stands in the line of usage."""
    name = value_of(argument)
    several = "" if argument.nargs == 1 else "..."
    return (name if argument.required else f"[{name}]") + several


def help_of(parameter: Any) -> str:
    """Say what a parameter is for, and what holds without it."""
    required = parameter.required and parameter.param_type_name == "option"
    default = "Required." if required else _default(parameter)
    return " ".join(part for part in (parameter.help, default) if part)


def _default(parameter: Any) -> str:
    """Say what holds without a parameter; nothing where its text says so, or it is nothing."""
    value, shown = parameter.default, parameter.show_default
    if isinstance(shown, str):
        value = shown
    elif value is None or callable(value) or not shown:
        return ""
    if isinstance(value, bool):
        if not parameter.secondary_opts:
            return ""
        value = (parameter.opts if value else parameter.secondary_opts)[0]
    if isinstance(value, float):
        value = f"{value:g}" + "s" * (parameter.metavar == "TIME")
    return f"Default: {value}."
