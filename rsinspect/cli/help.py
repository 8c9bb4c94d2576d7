"""``rsinspect help``: the page of a command."""

from typing import Annotated

import typer

from rsinspect.base.errors import check_choice
from rsinspect.cli.app import COMMANDS
from rsinspect.cli.declaration import completing


def help(
    command: Annotated[
        str | None,
        typer.Argument(
            help="The command.", show_default=False, autocompletion=completing(COMMANDS)
        ),
    ] = None,
) -> None:
    """Show the help of a command, as its option does."""
    from rsinspect.cli.application import application, overview

    if command is None:
        app, page = overview(), ["--help"]
    else:
        check_choice("command", command, COMMANDS)
        app, page = application([command]), [command, "--help"]
    app(args=page, prog_name="rsinspect", standalone_mode=False)
