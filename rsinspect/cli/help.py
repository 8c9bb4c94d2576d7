"""``rsinspect help``: the page of a command."""

from typing import Annotated

import typer

from rsinspect.base.errors import check_choice
from rsinspect.cli.app import COMMANDS


def help(
    command: Annotated[str | None, typer.Argument(help="The command.", show_default=False)] = None,
) -> None:
    """Show the help of a command, as its option does."""
    from rsinspect.cli.application import application

    if command is not None:
        check_choice("command", command, COMMANDS)
    page = [] if command is None else [command]
    application(command)(args=[*page, "--help"], prog_name="rsinspect", standalone_mode=False)
