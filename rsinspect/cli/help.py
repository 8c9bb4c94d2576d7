"""``rsinspect help``: the page of a command."""

from typing import Annotated

import typer

from rsinspect.base.errors import check_choice
from rsinspect.cli.app import COMMANDS, GROUPS, named
from rsinspect.cli.declaration import completing


def help(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND",
            help="The command: summary, weights diff.",
            show_default=False,
            autocompletion=completing(
                dict.fromkeys(word for name in COMMANDS for word in name.split())
            ),
        ),
    ] = None,
) -> None:
    """Show the help of a command, as its option does.

    Examples:
        rsinspect help summary
        rsinspect help weights diff
    """
    from rsinspect.cli.application import application, overview

    words = command or []
    if words and named(words) != (name := " ".join(words)):
        check_choice("command", name, (*COMMANDS, *GROUPS))
    app = application([name]) if words and name in COMMANDS else overview()
    page = [*words, "--help"]
    app(args=page, prog_name="rsinspect", standalone_mode=False)
