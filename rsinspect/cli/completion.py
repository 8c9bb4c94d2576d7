"""What a shell may put in at a press of Tab: commands, options and the values they take.

A shell runs the program with the line in its environment, as Typer and Click have it. Only the
command that is being typed is loaded, so an answer takes as long as its help.

Bash breaks words at ``:``, ``@`` and ``=``; for it they are put together again, and what it has
already behind the last break is left out of what is offered.
"""

from __future__ import annotations

import os
import re
import sys

from typer._completion_classes import BashComplete, completion_init

from rsinspect.cli.app import COMMANDS, named
from rsinspect.cli.application import application, overview

_BREAKS = re.compile(r"[:@=]+")


def complete() -> int:
    """Answer the shell that asks."""
    completion_init()
    shells = sys.modules[BashComplete.__mro__[1].__module__]  # click's, wherever Typer keeps it
    shells.add_completion_class(_Bash, "bash")
    command = _command()
    app = application([command]) if command in COMMANDS else overview()
    app(args=[], prog_name="rsinspect", standalone_mode=False)
    return 0


def _command() -> str | None:
    """Tell the command that the line names; None while it is being typed, or of options alone."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    typed = line.split()
    words = [word for word in typed if not word.startswith("-")]
    name = named(words[1:])
    ended = (
        "COMP_WORDS" in os.environ or line.endswith((" ", "\n")) or typed[-1:] != words[-1:]
    )  # what stands behind a command, if only an option, ends it
    return name if name and (ended or len(words) > 1 + len(name.split())) else None


class _Bash(BashComplete):
    """Bash, whose words are not ours."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is being typed, and that one."""
        words = os.environ.get("COMP_WORDS", "").split("\n")
        at = int(os.environ.get("COMP_CWORD", 0))
        before = joined([*words, ""][: at + 1])  # bash leaves out an empty last word
        return before[1:-1], before[-1]

    def format_completion(self, item: object) -> str:
        """Write a proposal without what stands before bash's own word."""
        value = str(item.value)  # type: ignore[attr-defined]  # click's, which is not ours to name
        typed = self.get_completion_args()[1]
        breaks = [found.end() for found in _BREAKS.finditer(typed)]
        return value[breaks[-1] :] if breaks and not typed.startswith("-") else value


def joined(words: list[str]) -> list[str]:
    """Put words together that bash broke at ``:``, ``@`` and ``=``.

    >>> joined(["rsinspect", "summary", "101", "@", "19"]), joined(["graph", "50", ":"])
    (['rsinspect', 'summary', '101@19'], ['graph', '50:'])
    """
    whole: list[str] = []
    glue = False
    for word in words:
        breaks = _BREAKS.fullmatch(word) is not None
        if whole and (breaks or glue):
            whole[-1] += word
        else:
            whole.append(word)
        glue = breaks
    return whole
