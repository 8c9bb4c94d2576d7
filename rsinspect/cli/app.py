"""The program: a call of the command line from its first moment to its exit code.

Exit codes: 0 done, 2 the request was wrong, 3 something is missing on this machine, 1 the rest,
130 interrupted, 143 ended by SIGTERM, 129 by SIGHUP (its terminal is gone). Only here
``RsInspectError`` is caught, and nothing wider, so a bug keeps its traceback.

Nothing but the standard library is loaded before ``main`` begins, so that Ctrl-C is met in one line
also while the rest is being loaded.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import time
from contextvars import copy_context
from typing import NamedTuple

from rsinspect.cli import streams
from rsinspect.cli.talk import complain


class Command(NamedTuple):
    """A command before it is loaded.

    Attributes:
        module: What holds the function of its name, words joined by underscores.
        says: What it is for, which the help of all commands lists without loading any.
    """

    module: str
    says: str


COMMANDS = {
    "variants": Command(
        "rsinspect.cli.summary",
        "List the published networks, computed figures beside the paper's Table 7.",
    ),
    "summary": Command(
        "rsinspect.cli.summary",
        "Show params, MACs, FLOPs and activation memory, by stage, block or layer.",
    ),
    "graph": Command("rsinspect.cli.graph", "Draw the network; no system package is needed."),
    "diff": Command(
        "rsinspect.cli.diff",
        "Show what B has more, less or otherwise than A, and what that costs.",
    ),
    "profile": Command(
        "rsinspect.cli.profile",
        "Time a forward pass or training step, its parts and the whole; say if they add up.",
    ),
    "sweep": Command(
        "rsinspect.cli.sweep",
        "Measure many networks in many ways, interrupted or not, here, by shard or on Ray.",
    ),
    "compare": Command(
        "rsinspect.cli.compare",
        "Say whether B is really slower than A, by how much, and where.",
    ),
    "choose": Command(
        "rsinspect.cli.choose",
        "Name the best network under a bound on this machine.",
    ),
    "pareto": Command(
        "rsinspect.cli.pareto",
        "Plot accuracy against what it costs here, as the paper does.",
    ),
    "estimate": Command(
        "rsinspect.cli.estimate",
        "Estimate latencies from a few networks that were measured.",
    ),
    "runs list": Command(
        "rsinspect.cli.runs.list",
        "List the measurements that are kept.",
    ),
    "runs show": Command(
        "rsinspect.cli.runs.show",
        "Show a measurement that is kept.",
    ),
    "runs tag": Command(
        "rsinspect.cli.runs.tag",
        "Name a measurement, or take its name away.",
    ),
    "runs export": Command(
        "rsinspect.cli.runs.export",
        "Write measurements for other programs: JSON, CSV, Parquet.",
    ),
    "runs import": Command(
        "rsinspect.cli.runs.imports",
        "Take in measurements from files and other databases.",
    ),
    "runs prune": Command(
        "rsinspect.cli.runs.prune",
        "Delete measurements, by age or number; those with a tag stay.",
    ),
    "runs check": Command(
        "rsinspect.cli.runs.check",
        "Check that the database is whole; exit code 1 where not.",
    ),
    "check": Command(
        "rsinspect.cli.check",
        "Hold a network to bounds, for CI: exit code 1 and a line for each that is broken.",
    ),
    "table": Command(
        "rsinspect.cli.table",
        "Show a table of the paper, computed figures beside the printed ones.",
    ),
    "figure": Command(
        "rsinspect.cli.table",
        "List the networks of Figure 2 or 3, the paper's scaling study, and what they cost.",
    ),
    "recipe": Command(
        "rsinspect.cli.recipe",
        "Show how a published model was trained (Table 8), or write the program that does it.",
    ),
    "scale": Command(
        "rsinspect.cli.scale",
        "Compare depths, widths and resolutions: costs within limits, and the Pareto front.",
    ),
    "report": Command(
        "rsinspect.cli.report",
        "Write one page that explains a network and opens anywhere.",
    ),
    "predict": Command(
        "rsinspect.cli.predict",
        "Say what is in a picture: the classes that a network with weights finds likeliest.",
    ),
    "export": Command(
        "rsinspect.cli.export",
        "Write a network for another runtime, open the file there, and compare what it says.",
    ),
    "weights list": Command(
        "rsinspect.cli.weights.list",
        "List the published ImageNet weight files, how big they are and where they lie.",
    ),
    "weights fetch": Command(
        "rsinspect.cli.weights.fetch", "Fetch published weight files, each whole or not at all."
    ),
    "weights inspect": Command(
        "rsinspect.cli.weights.inspect",
        "Say what a weight file is, what is in it, and whether it is safe to load.",
    ),
    "weights verify": Command(
        "rsinspect.cli.weights.verify",
        "Name every tensor that a file lacks, or has besides, or in another shape.",
    ),
    "weights diff": Command(
        "rsinspect.cli.weights.diff", "Compare two weight files, tensor by tensor."
    ),
    "weights convert": Command(
        "rsinspect.cli.weights.convert",
        "Convert weights between Keras 2, Keras 3, timm and the TPU code's checkpoints.",
    ),
    "doctor": Command(
        "rsinspect.cli.doctor",
        "Check this machine: renderers, fonts, frameworks; exit code 3 where no renderer draws.",
    ),
    "cite": Command("rsinspect.cli.cite", "Show how to cite the paper and this tool, as BibTeX."),
    "help": Command("rsinspect.cli.help", "Show the help of a command, as its option does."),
}
"""The commands, in the order of the help; those of a group begin with its name."""

PANELS = {
    "Understand and draw": ("variants", "summary", "graph", "diff", "report"),
    "Measure and choose": (
        "profile", "sweep", "compare", "choose", "pareto", "estimate", "runs",
    ),
    "The paper": ("table", "figure", "recipe", "scale"),
    "Files and other runtimes": ("weights", "check", "predict", "export"),
    "This program": ("doctor", "cite", "help"),
}  # fmt: skip
"""What commands and groups of commands are for, which the help of all lists them by."""

GROUPS = {
    "runs": "Keep measurements, name them, and carry them from one machine to another.",
    "weights": "Fetch, understand, judge, compare and convert weight files.",
}
"""What the commands of each group are for."""


def named(words: list[str]) -> str | None:
    """Find the command that a line names, or else its group; None where it names neither.

    Args:
        words: Of the line, without options.

    >>> named(["summary", "50"]), named(["weights", "diff", "a.h5"]), named(["weights"])
    ('summary', 'weights diff', 'weights')
    """
    line = (" ".join(words[:2]), words[0] if words else "")
    return next((name for name in line if name in COMMANDS or name in GROUPS), None)


WIDEST = 9_999
"""Columns of a terminal; help that fills as many as a variable names would fill the memory."""

COMPLETION = "_RSINSPECT_COMPLETE"
"""Variable in which a shell asks how a line may go on."""


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code.

    A reader that closes the pipe, such as ``head``, has seen enough: that is no failure, whether
    the first to notice is Rich, Typer, a write of ours or the last flush.
    """
    code = 0
    try:
        try:
            code = copy_context().run(_exit_code, arguments)
        except SystemExit as exc:  # how Rich and Typer end, also on a closed pipe
            if isinstance(exc.__context__, BrokenPipeError):
                raise exc.__context__ from None
            code = exc.code if isinstance(exc.code, int) else 0
        sys.stdout.flush()
    except BrokenPipeError:
        streams.silence(sys.stdout)
    except streams.StdoutLost as exc:
        complain(f"stdout cannot be written: {exc}", None)
        streams.silence(sys.stdout)
        code = 1
    return code


def _exit_code(arguments: list[str]) -> int:
    """Run the command line and turn its errors into exit codes."""
    if COMPLETION in os.environ:
        from rsinspect.cli.completion import complete

        return complete()
    from rsinspect.base.errors import RsInspectError
    from rsinspect.base.flags import flag
    from rsinspect.cli.application import (
        Interruption,
        UsageError,
        application,
        overview,
        page_for,
    )

    only = named([word for word in arguments if not word.startswith("-")])
    app = application([only]) if only in COMMANDS else overview()
    try:
        code = app(args=arguments, prog_name="rsinspect", standalone_mode=False)
    except RsInspectError as exc:
        complain(*exc.worded(flag))
        return exc.exit_code
    except UsageError as exc:
        if message := exc.format_message():  # type: ignore[attr-defined]  # else help was shown
            complain(message, page_for(exc, only))
        return 2
    except Interruption:
        code = 130
    if code == 130:  # Ctrl-C, which Typer turns into this code
        complain("interrupted", None)
    return code if isinstance(code, int) else 0


def _bound_environment() -> None:
    """Leave aside what variables say that no command can heed."""
    os.environ["MPLBACKEND"] = "agg"  # plots are files; the name of no screen can be wrong
    os.environ["MATPLOTLIBRC"] = os.devnull  # and they look alike for everybody
    for name in ("COLUMNS", "LINES"):
        number = os.environ.get(name, "")
        if not number.isascii() or set(number) == {"0"}:  # Rich takes them for numbers of cells
            del os.environ[name]
        elif number.isdecimal() and (len(number) > len(str(WIDEST)) or int(number) > WIDEST):
            os.environ[name] = str(WIDEST)


_SIGNALLED: list[int] = []
"""Exit codes of the signals that came, the first of which is the call's."""

_AGAIN_AFTER_S = 2.0
"""A terminal that closes says so twice; what is tidied up meanwhile is not to be cut short."""


def _terminated(number: int, _: object) -> None:
    """End by an exit that cleans up, with the code that a shell gives to such an end."""
    global _deaf_until_s
    if time.monotonic() < _deaf_until_s:
        return
    _deaf_until_s = time.monotonic() + _AGAIN_AFTER_S
    _SIGNALLED.append(128 + number)
    sys.exit(128 + number)


_deaf_until_s = 0.0


def _interrupted(*_: object) -> None:
    """End as Python does."""
    _SIGNALLED.append(130)
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line and exit."""
    try:
        signal.signal(signal.SIGTERM, _terminated)
        hang_up = getattr(signal, "SIGHUP", None)  # Windows has none, and nohup ignores it
        if hang_up is not None and signal.getsignal(hang_up) is signal.SIG_DFL:
            signal.signal(hang_up, _terminated)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else left to the shell
            signal.signal(signal.SIGINT, _interrupted)
        streams.secure()
        _bound_environment()
        gc.disable()  # a call lives for a moment; a tenth of it would go into collecting nothing
        code = run(sys.argv[1:])
        code = _SIGNALLED[0] if _SIGNALLED else code  # Ray makes 1 of every exit
    except KeyboardInterrupt:  # while modules are loaded, or the last words are said
        complain("interrupted", None)
        code = 130
    except Exception:
        if not _SIGNALLED:
            raise
        code = _SIGNALLED[0]  # a library made an error of its own of it
        complain("interrupted" if code == 130 else "terminated", None)
    atexit._run_exitfuncs()  # folders of libraries: matplotlib's, where HOME cannot be written
    sys.stderr.flush()
    os._exit(code)  # taking every module apart would take a twelfth of a light call
