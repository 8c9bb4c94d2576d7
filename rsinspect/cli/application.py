"""The commands as a Typer application.

A command's module is loaded when the command is called or its help is asked for: a call pays for
the one command it is.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from rsinspect import __version__
from rsinspect.base.errors import OutputNotWritable
from rsinspect.base.talk import quieten
from rsinspect.cli.app import COMMANDS, GROUPS, PANELS

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever Typer keeps it
Interruption = (KeyboardInterrupt, typer.Abort)
_OF_ONE_NETWORK = ("summary", "graph", "profile")
_OF_TWO = "rsinspect diff A B compares two networks; a file to write is named with -o"

_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but what went wrong.")
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rsinspect {__version__}")
        raise typer.Exit


def _install(wanted: bool) -> None:
    if wanted:
        from rsinspect.cli.shells import install, shell_above

        shell = shell_above()
        try:
            script = install(shell)
        except (OSError, RuntimeError) as exc:  # of folders, or there is no home
            raise OutputNotWritable(
                f"completion cannot be installed: {exc}",
                "rsinspect --show-completion shows what to put into your shell's files",
            ) from exc
        typer.echo(f"Tab completes rsinspect in every new {shell}, by {script}")
        raise typer.Exit


def _show(wanted: bool) -> None:
    if wanted:
        from rsinspect.cli.shells import SCRIPTS, shell_above

        typer.echo(SCRIPTS[shell_above()].rstrip())
        raise typer.Exit


def _of_shell(option: str, act: Callable[[bool], None], help: str) -> Any:
    return typer.Option(option, callback=act, is_eager=True, help=help, rich_help_panel="Shell")


def callback(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    quiet: _Quiet = False,
    install_completion: Annotated[
        bool,
        _of_shell("--install-completion", _install, "Let Tab complete calls in this shell."),
    ] = False,
    show_completion: Annotated[
        bool, _of_shell("--show-completion", _show, "Show what does, to be copied.")
    ] = False,
) -> None:
    """Choose, understand, draw, measure and use ResNet-RS networks (Bello et al. 2021).

    And other Keras networks: my.keras, EfficientNetB0@260, train.py:make_model.

    Examples:
        rsinspect summary 152@224
        rsinspect graph my.keras -o my.svg
    """
    quieten(quiet)


def application(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Make the Typer application with the commands of those names."""
    return _assembled({name: _with_quiet(_function(name)) for name in names}, _Command)


def overview() -> typer.Typer:
    """Make an application that lists all commands, without loading any."""

    def listed() -> None: ...

    return _assembled(dict.fromkeys(COMMANDS, listed), TyperCommand)


def _function(name: str) -> Callable[..., None]:
    """Load a command."""
    module = importlib.import_module(COMMANDS[name].module)
    function: Callable[..., None] = getattr(module, name.replace(" ", "_"))
    return function


def _assembled(
    commands: Mapping[str, Callable[..., None]], command_class: type[TyperCommand]
) -> typer.Typer:
    """Make an application of commands, each in its group."""
    app = _group("rsinspect")
    app.callback()(callback)
    groups: dict[str, typer.Typer] = {}
    for name, function in commands.items():
        group, _, own = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = _group(group)
            app.add_typer(groups[group], help=GROUPS[group], rich_help_panel=_panel(group))
        inside = groups[group] if group else app
        inside.command(
            own, cls=command_class, help=COMMANDS[name].says, rich_help_panel=_panel(name)
        )(function)
    return app


def _panel(name: str) -> str | None:
    """Find the panel of a command or a group of commands; None for one within a group."""
    return next((panel for panel, names in PANELS.items() if name in names), None)


def _group(name: str) -> typer.Typer:
    """Make a group without commands."""
    return typer.Typer(
        name=name,
        cls=_Group,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


class _Command(TyperCommand):
    """A command whose page of help is there in a moment."""

    def format_help(self, context: Any, formatter: Any) -> None:
        """Write the page."""
        from rsinspect.cli.help_page import write_page

        write_page(self, context)


class _Group(TyperGroup):
    """A list of commands, likewise, in the order of ours."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """List names as ``COMMANDS`` has them."""
        group = "" if self.name == "rsinspect" else f"{self.name} "
        return sorted(
            super().list_commands(ctx),
            key=lambda own: [*COMMANDS].index(
                next(n for n in COMMANDS if n.startswith(group + own))
            ),
        )

    def format_help(self, context: Any, formatter: Any) -> None:
        """Write the page."""
        from rsinspect.cli.help_page import write_page

        write_page(self, context)


def _with_quiet(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option to be quiet, after its own."""

    @wraps(command)
    def run(*, quiet: bool, **values: Any) -> None:
        quieten(quiet)
        command(**values)

    own = inspect.signature(command, eval_str=True)
    asked = inspect.Parameter(
        "quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Quiet
    )
    run.__signature__ = own.replace(parameters=(*own.parameters.values(), asked))  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "quiet": _Quiet}
    return run


def page_for(error: Exception, command: str | None) -> str:
    """Name the page of the help that a wrong call should have read."""
    context = getattr(error, "ctx", None)
    path = f"rsinspect {command or ''}".strip() if context is None else context.command_path
    page = f"{path} --help"
    if command in _OF_ONE_NETWORK and "extra argument" in str(error):
        return _OF_TWO
    if command in COMMANDS and "requires an argument" in str(error):
        return f"{page}{_help_of(getattr(error, 'option_name', ''), command)}"
    return page


def _help_of(option: str, command: str) -> str:
    """Say what an option takes, behind its page; nothing where nobody wrote it down."""
    loaded: Any = typer.main.get_command(application([command]))
    for word in command.split():
        loaded = loaded.commands[word]
    found = [parameter.help for parameter in loaded.params if option in parameter.opts]
    return f". {option}: {found[0]}" if found and found[0] else ""
