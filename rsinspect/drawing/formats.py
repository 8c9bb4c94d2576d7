"""Every format a scene can be lowered to: its suffix, its views, and what writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rsinspect.base import limits
from rsinspect.base.errors import PictureTooLarge, UnknownPicture, check_choice
from rsinspect.base.files import check_writable, write_all
from rsinspect.base.formats import STDOUT
from rsinspect.base.units import grouped
from rsinspect.base.words import Option, advice
from rsinspect.drawing import choices, engine
from rsinspect.drawing.arrangement import AS_IT_COMES, Arrangement
from rsinspect.drawing.choices import AUTO, FIGURES, FONT, PICTURES, PNG_DPI
from rsinspect.drawing.fit import Fitted, fitted
from rsinspect.drawing.layout import size_px
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.size import Size
from rsinspect.drawing.theme import theme_named

LONGEST_WEBP_PX = 16_383  # 14 bits, RFC 9649, 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a picture looks.

    Attributes:
        theme: Name of a theme, or ``auto``.
        font: Family of all text, where Graphviz draws it.
        dpi: Dots per inch of raster pictures.
        width: Columns of text pictures.
        colour: Whether text pictures have terminal colours.
        ascii_only: Whether text pictures do without line-drawing characters.
        renderer: Which Graphviz: auto, pip or system.
        timeout_s: Seconds after which Graphviz is killed.
        size: Of the place it is for; None for as large as it comes.
        title: In place of the one that says what is shown; empty for none.
        caption: Whether it says what its numbers mean.

    Raises:
        InvalidChoice: If theme, font or renderer is unknown.
        UnknownPicture: If the resolution is out of range.
    """

    theme: str = AUTO
    font: str = FONT
    dpi: int = PNG_DPI
    width: int = 80
    colour: bool = False
    ascii_only: bool = False
    renderer: str = "auto"
    timeout_s: float = 60.0
    size: Size | None = None
    title: str | None = None
    caption: bool = True

    def __post_init__(self) -> None:
        theme_named(self.theme)
        if self.font != FONT:
            engine.check_font(self.font)
        check_choice("renderer", self.renderer, choices.RENDERERS)
        limits.DPI.check(self.dpi, UnknownPicture)

    @property
    def pixels_per_inch(self) -> int:
        """Return the resolution of a bitmap: a size in pixels is meant as such."""
        return (self.size and self.size.dpi) or self.dpi

    def worded(self, scene: Scene) -> Scene:
        """Give the scene the title and caption that are wanted."""
        return replace(
            scene,
            title=scene.title if self.title is None else self.title,
            caption=scene.caption if self.caption else "",
        )


def chosen(output: Path | None, format: str | None) -> str:
    """Choose the format: the given one, or what the output's suffix names; text on a terminal.

    Raises:
        UnknownFormat: If there is no such format, the two disagree, or the file has no suffix.
    """
    found = PICTURES.chosen(output, format)
    if found is not None:
        return found
    if output is None:
        return "txt"
    return "svg" if output == STDOUT else PICTURES.of(output)


def view_in(format: str, view: str | None) -> str:
    """Choose the view: the given one, or the one that suits the format.

    Raises:
        UnknownPicture: If the format cannot show that view.
    """
    if format in choices.EVERY_LAYER:
        if view not in (None, "layers"):
            raise UnknownPicture(
                f"{choices.EVERY_LAYER[format]} has every layer; it has no {view} view",
                advice("leave {} out, or choose another format", Option("view")),
            )
        return "layers"
    if view is not None:
        return view
    return "figure6" if format in FIGURES else "stages"


def render(scene: Scene, format: str, style: Style | None = None) -> bytes:
    """Write the scene as a file's content.

    Args:
        scene: What to show; deep for formats of DEEP.
        format: One of PICTURES.
        style: How it looks.

    Raises:
        InvalidChoice: If format, theme or renderer is unknown.
        RenderError: If Graphviz fails or hangs.
        GraphvizNotFound: If there is no engine.
    """
    PICTURES.check(format)
    style = style or Style()
    if style.size is not None and format not in FIGURES:
        raise UnknownPicture(
            f"a picture as {format} is as large as its reader shows it",
            advice(
                f"{{}} is for {', '.join(FIGURES)}, as of {{}}",
                Option("size"),
                Option("output", "figure.svg", "save('figure.svg')"),
            ),
        )
    scene = style.worded(scene)
    match format:
        case "html":
            from rsinspect.drawing.page import page

            text = page(scene, theme=style.theme)
        case "mermaid":
            from rsinspect.drawing.mermaid import mermaid

            text = mermaid(scene, theme=style.theme)
        case "tikz":
            from rsinspect.drawing.tikz import tikz

            theme = "paper" if style.theme == AUTO else style.theme
            text = tikz(scene, theme=theme, size=style.size)
        case "txt":
            from rsinspect.drawing.terminal import terminal

            text = terminal(
                scene, width=style.width, colour=style.colour, ascii_only=style.ascii_only
            )
        case "me.json":
            from rsinspect.drawing.model_explorer import graph_collection

            text = _json(graph_collection(scene))
        case "netron.json":
            from rsinspect.drawing.netron import attachment

            text = _json(attachment(scene))
        case "dot":
            text = _dot(*_arranged(scene, style), style)
        case "svg" | "png" | "pdf":
            return _drawn(scene, format, style)
        case "webp":
            return webp(_drawn(scene, "png", style))
        case _:
            raise AssertionError(f"{format} is in PICTURES and nobody writes it")
    return text.encode(errors="replace")  # a name may hold half a character


def webp(png: bytes) -> bytes:
    """Turn a PNG into a WebP of the same pixels.

    Raises:
        PictureTooLarge: If a side is longer than a WebP has.
    """
    import io

    from PIL import Image  # matplotlib brings it

    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    if max(width, height) > LONGEST_WEBP_PX or width * height > (Image.MAX_IMAGE_PIXELS or 0):
        raise PictureTooLarge(
            f"a picture of {grouped(width)} × {grouped(height)} px is too large for WebP, the "
            f"limit is {grouped(LONGEST_WEBP_PX)} px a side",
            advice("{}, or a lower {}", Option("format", "png"), Option("dpi")),
        )
    content = io.BytesIO()
    Image.open(io.BytesIO(png)).save(content, "WEBP", lossless=True, exact=True)
    return content.getvalue()


def companions(scene: Scene, format: str, output: Path) -> dict[Path, bytes]:
    """Make the files beside a picture: Model Explorer's node data, a file per quantity."""
    if format != "me.json":
        return {}
    from rsinspect.drawing.model_explorer import file_names, node_data

    documents = node_data(scene)
    names = file_names(output, documents)
    return {
        names[metric]: _json(document).encode(errors="replace")
        for metric, document in documents.items()
    }


def files(scene: Scene, format: str, style: Style, output: Path) -> dict[Path, bytes]:
    """Make the picture's file and those that belong beside it.

    Raises:
        RenderError: If the picture cannot be drawn.
    """
    return {output: render(scene, format, style)} | companions(scene, format, output)


def save(scene: Scene, format: str, style: Style, output: Path) -> None:
    """Write the scene to a file, and the files that belong beside it, all or none.

    Raises:
        OutputNotWritable: If a file cannot be written.
        RenderError: If the picture cannot be drawn.
    """
    check_writable(output)
    write_all(files(scene, format, style, output))


def _json(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _arranged(scene: Scene, style: Style) -> tuple[Scene, Fitted | None]:
    """Arrange the scene for its place, if it has one."""
    if style.size is None:
        return scene, None
    from rsinspect.drawing.dot import dot

    theme = theme_named(style.theme)

    def measure(scene: Scene, arranged: Arrangement) -> tuple[float, float]:
        source = dot(scene, theme=theme, font=style.font, arranged=arranged)
        picture = engine.run(source, "svg", renderer=style.renderer, timeout_s=style.timeout_s)
        return size_px(picture)  # in points: dots are 72 to the inch

    fit = fitted(scene, style.size, measure)
    return fit.scene, fit


def _dot(scene: Scene, fit: Fitted | None, style: Style, dpi: int | None = None) -> str:
    from rsinspect.drawing.dot import dot

    return dot(
        scene,
        theme=theme_named(style.theme),
        font=style.font,
        dpi=dpi,
        arranged=AS_IT_COMES if fit is None else fit.arranged,
        viewport="" if fit is None else fit.viewport,
    )


def _drawn(scene: Scene, format: Literal["svg", "png", "pdf"], style: Style) -> bytes:
    """Draw through Graphviz."""
    from rsinspect.drawing import pdf
    from rsinspect.drawing.svg import finish

    scene, fit = _arranged(scene, style)
    source = _dot(scene, fit, style, style.pixels_per_inch if format == "png" else None)
    picture = engine.run(source, format, renderer=style.renderer, timeout_s=style.timeout_s)
    if format == "svg":
        page = None
        if fit is not None and style.size is not None:
            page = style.size.length(fit.page[0]), style.size.length(fit.page[1])
        return finish(picture, scene, dark=style.theme == AUTO, page=page)
    return pdf.finish(picture, scene.title or scene.name) if format == "pdf" else picture
