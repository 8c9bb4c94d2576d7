"""The application: its commands, and how errors become exit codes.

Exit codes: 0 done, 2 the request was wrong, 3 something is missing on this machine, 1 the rest,
130 interrupted, 143 ended by SIGTERM. Only here ``RsInspectError`` is caught, and nothing wider, so
a bug keeps its traceback.

A command's module is loaded when the command is called (or help asks for all of them): a call pays
for the one command it is.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import importlib
import io
import os
import signal
import sys
from typing import Annotated

import typer

from rsinspect.base.errors import WORKER_LINE, RsInspectError
from rsinspect.base.text import showable
from rsinspect.cli.flags import flag

COMMANDS = {
    "variants": "rsinspect.cli.summary",
    "summary": "rsinspect.cli.summary",
    "graph": "rsinspect.cli.graph",
    "diff": "rsinspect.cli.diff",
    "profile": "rsinspect.cli.profile",
    "table": "rsinspect.cli.table",
    "figure": "rsinspect.cli.table",
    "recipe": "rsinspect.cli.table",
    "scale": "rsinspect.cli.scale",
    "doctor": "rsinspect.cli.doctor",
}
"""Each command and the module that holds the function of that name, in the order of the help."""

_OF_ONE_NETWORK = ("summary", "graph", "profile")
_OF_TWO = "rsinspect diff A B compares two networks; a file to write is named with -o"
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever Typer keeps it


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rsinspect {version('rsinspect')}")
        raise typer.Exit


def callback(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Choose, understand, draw, measure and use ResNet-RS networks (Bello et al. 2021)."""


def application(only: str | None = None) -> typer.Typer:
    """Make the Typer application with all commands, or with one of them."""
    app = typer.Typer(
        name="rsinspect",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(callback)
    for name, module in COMMANDS.items():
        if only in (None, name):
            app.command(name)(getattr(importlib.import_module(module), name))
    return app


def complain(message: str, hint: str | None) -> None:
    """Write one line to stderr, and a second with the remedy."""
    sys.stderr.write(f"error: {_lines(message)}\n")
    if hint:
        sys.stderr.write(f"hint: {_lines(hint)}\n")


def _lines(message: str) -> str:
    """Keep a worker's last lines below a message apart; other breaks come from names in it."""
    return WORKER_LINE.join(map(showable, message.split(WORKER_LINE)))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code.

    A reader that closes the pipe, such as ``head``, has seen enough: that is no failure, whether
    the first to notice is Rich, Typer, a write of ours or the last flush.
    """
    code = 0
    try:
        code = _exit_code(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    except SystemExit as exc:  # how Rich and Typer end on a closed pipe
        if not isinstance(exc.__context__, BrokenPipeError):
            raise
        _close_output()
    return code


def _exit_code(arguments: list[str]) -> int:
    """Run the command line and turn its errors into exit codes."""
    only = arguments[0] if arguments and arguments[0] in COMMANDS else None
    try:
        code = application(only)(args=arguments, prog_name="rsinspect", standalone_mode=False)
    except RsInspectError as exc:
        complain(*exc.worded(flag))
        return exc.exit_code
    except _UsageError as exc:
        if not (message := exc.format_message()):  # type: ignore[attr-defined]  # help was shown
            return 2
        context = getattr(exc, "ctx", None)
        command = "rsinspect" if context is None else context.command_path
        two = "unexpected extra argument" in message and command.split()[-1] in _OF_ONE_NETWORK
        complain(message, _OF_TWO if two else f"{command} --help")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:  # Ctrl-C, which Typer turns into this code
        complain("interrupted", None)
    return code if isinstance(code, int) else 0


def _close_output() -> None:
    """Let what is still to be written to stdout go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _spelt_out(exc: UnicodeError) -> tuple[str, int]:
    """Spell out what a stream's encoding has no character for: ``x`` for a multiplication sign."""
    from rsinspect.base.cells import in_ascii

    assert isinstance(exc, UnicodeEncodeError)
    return in_ascii(exc.object[exc.start : exc.end]), exc.end


def main() -> None:
    """Run the command line and exit."""
    codecs.register_error("spelt out", _spelt_out)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # there may be none
            stream.reconfigure(errors="spelt out")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit that cleans up behind itself
    gc.disable()  # a call lives for a moment; a tenth of it would go into collecting nothing
    sys.exit(run(sys.argv[1:]))
