"""The application: its commands, and how errors become exit codes.

Exit codes: 0 done, 2 the request was wrong, 3 something is missing on this machine, 1 the rest,
130 interrupted. Only here ``RsInspectError`` is caught, and nothing wider, so a bug keeps its
traceback.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from rsinspect.cli.graph import graph
from rsinspect.cli.summary import summary, variants
from rsinspect.errors import RsInspectError

app = typer.Typer(
    name="rsinspect",
    help="Choose, understand, draw, measure and use ResNet-RS networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(variants)
app.command()(summary)
app.command()(graph)

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever Typer keeps it


def _version(wanted: bool) -> None:
    if wanted:
        from rsinspect import __version__

        typer.echo(f"rsinspect {__version__}")
        raise typer.Exit


@app.callback()
def callback(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Choose, understand, draw, measure and use ResNet-RS networks (Bello et al. 2021)."""


def complain(message: str, hint: str | None) -> None:
    """One line on stderr, and a second with the remedy."""
    sys.stderr.write(f"error: {message}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except RsInspectError as exc:
        complain(exc.message, exc.hint)
        return exc.exit_code
    except _UsageError as exc:
        context = getattr(exc, "ctx", None)
        command = "rsinspect" if context is None else context.command_path
        complain(exc.format_message(), f"{command} --help")  # type: ignore[attr-defined]
        return 2
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted", None)
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point."""
    sys.exit(run())
