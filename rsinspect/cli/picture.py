"""Options that the commands that draw share, and where a picture goes."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rsinspect.base import limits
from rsinspect.base.errors import UnknownPicture
from rsinspect.base.formats import STDOUT
from rsinspect.base.talk import say
from rsinspect.cli.declaration import option
from rsinspect.cli.outputs import put, write
from rsinspect.drawing.choices import AUTO, DIRECTIONS, FONT, FONTS, PNG_DPI, RENDERERS, THEME_NAMES

if TYPE_CHECKING:
    from rsinspect.drawing.formats import Style
    from rsinspect.drawing.scene import Scene
    from rsinspect.drawing.size import Size
    from rsinspect.plots.sheet import Sheet


def _style(name: str, help: str, choices: Iterable[str] = ()) -> Any:
    return option(name, help=help, choices=choices, panel="Style")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOptions:
    """The place that a figure or plot is for."""

    size: Annotated[
        str | None,
        _style(
            "--size",
            "The place it is for: a width (84mm, 3.5in), a box (160x90mm, 1280x720) or a slide "
            "(16:9). It is laid out so that its type has 8 pt or more there.",
        ),
    ] = None
    title: Annotated[
        str | None, _style("--title", "Another title; '' for none. Default: what is shown.")
    ] = None
    caption: Annotated[
        bool, _style("--caption/--no-caption", "With or without what its numbers mean.")
    ] = True

    @property
    def place(self) -> "Size | None":
        """Read the size.

        Raises:
            UnknownPicture: If it is none.
        """
        from rsinspect.drawing.size import parse_size

        return None if self.size is None else parse_size(self.size)

    def sheet(self) -> "Sheet":
        """Make the sheet of a plot.

        Raises:
            UnknownPicture: If the size is none.
            PictureTooLarge: If no plot can be read on it.
        """
        from rsinspect.plots.sheet import Sheet

        return Sheet(self.place, self.title, self.caption)


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleOptions(PlaceOptions):
    """How a picture looks."""

    direction: Annotated[
        str,
        _style(
            "--direction",
            "{}: the data runs top to bottom or left to right.",
            DIRECTIONS,
        ),
    ] = DIRECTIONS[0]
    theme: Annotated[
        str,
        _style(
            "--theme",
            "{}. auto: light, and dark where the reader's pages are dark.",
            THEME_NAMES,
        ),
    ] = AUTO
    font: Annotated[str, _style("--font", "{}. STIXGeneral resembles Times.", FONTS)] = FONT
    dpi: Annotated[int, _style("--dpi", "Dots per inch of a PNG file.")] = PNG_DPI
    renderer: Annotated[
        str,
        _style(
            "--renderer",
            "Which Graphviz: {}. rsinspect doctor lists what is installed.",
            RENDERERS,
        ),
    ] = RENDERERS[0]

    def __post_init__(self) -> None:
        limits.DPI.check(self.dpi, UnknownPicture)

    def make(self) -> "Style":
        """Check the style; the direction is checked by what draws.

        Raises:
            InvalidChoice: If a name is unknown.
            UnknownPicture: If the resolution is out of range.
        """
        from rsinspect.drawing.formats import Style

        return Style(
            theme=self.theme,
            font=self.font,
            dpi=self.dpi,
            renderer=self.renderer,
            size=self.place,
            title=self.title,
            caption=self.caption,
        )


def show(scene: "Scene", format: str, style: "Style", output: Path | None) -> None:
    """Put a picture on stdout or into a file, with the files that belong beside it.

    Raises:
        OutputNotWritable: If a file cannot be written.
        RenderError: If the picture cannot be drawn.
    """
    from rsinspect.drawing.formats import files, render

    if output is not None and output != STDOUT:
        picture, *companions = files(scene, format, style, output).items()
        write(dict([picture]), beside=dict(companions))
        return
    if format == "txt":
        from rsinspect.render.console import console_for

        console = console_for()
        style = replace(
            style,
            width=console.width,
            colour=console.is_terminal and not console.no_color,
            ascii_only=not (console.encoding or "utf-8").lower().startswith("utf"),
        )
    put(render(scene, format, style), None)
    if output is None and format == "txt" and not sys.stdout.isatty():
        say("wrote a picture of characters; -o NAME.svg draws a figure")
