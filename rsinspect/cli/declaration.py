"""How an option is declared: its names, what it does, and what there is to choose from.

Knows no network, so a command that is about none loads none.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import typer

from rsinspect.cli.app import COMPLETION

OUTPUT = "Output"
"""Panel of the options that say what an answer looks like and where it goes."""


def one_of(choices: Iterable[str]) -> str:
    """List choices for a help text.

    >>> one_of(("mac", "paper", "full"))
    'mac, paper or full'
    """
    *some, last = choices
    return f"{', '.join(some)} or {last}" if some else last


def option(
    *names: str,
    help: str,
    panel: str | None = None,
    choices: Iterable[str] = (),
    **more: Any,
) -> Any:
    """Declare an option.

    Args:
        names: Long and short.
        help: With ``{}`` where the choices are to stand.
        panel: Of the help.
        choices: What there is to choose from; a shell completes them too.
        more: Whatever else Typer takes.
    """
    if choices:
        help, more["autocompletion"] = help.format(one_of(choices)), completing(choices)
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


def completing(choices: Iterable[str] | Callable[[str], Iterable[str]]) -> Any:
    """Tell a shell what to offer; None where no shell asks, which spares every call the work.

    Args:
        choices: Words, or what makes them of the word as far as it is typed.
    """
    if COMPLETION not in os.environ:
        return None
    if callable(choices):
        return lambda incomplete: list(choices(incomplete))
    return lambda: list(choices)
