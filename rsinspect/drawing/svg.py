"""Graphviz's SVG made readable by everyone and the same on every machine.

The picture gets ``role="img"``, a title and a description that name it, fallbacks for the font, and
loses what a build of Graphviz writes about itself. The font is a wide one and the fallbacks are no
wider, so that text stays in its box where the font is missing. A picture that ``auto`` themes has a
style sheet that repaints it, colour by colour, where the page is dark.
"""

from __future__ import annotations

from xml.etree import ElementTree

from rsinspect.base.errors import RenderError
from rsinspect.base.text import visible
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.theme import darkening

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
FALLBACKS = {
    "DejaVu Sans": ", Verdana, Geneva, sans-serif",
    "DejaVu Sans Mono": ", Menlo, Consolas, monospace",
}
SERIF = ", Georgia, Times, serif"


def finish(
    svg: bytes, scene: Scene, *, dark: bool = False, page: tuple[str, str] | None = None
) -> bytes:
    """Finish the SVG of a scene: name and describe it.

    Args:
        svg: As Graphviz wrote it.
        scene: What it shows.
        dark: Whether it turns dark where the reader's pages are.
        page: Width and height with their unit, in place of Graphviz's.

    Raises:
        RenderError: If it is no SVG.
    """
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314  # drawn here, by Graphviz or matplotlib
    except ElementTree.ParseError as exc:
        raise RenderError(f"what Graphviz wrote is no SVG: {exc}") from exc
    root.set("role", "img")
    if page is not None:
        root.set("width", page[0])
        root.set("height", page[1])
    root.set("aria-labelledby", "title desc")
    named = [
        ("desc", {"id": "desc"}, scene.description),
        ("title", {"id": "title"}, scene.title or scene.name),
    ]
    if dark:
        named.insert(0, ("style", {}, _style_sheet()))
    for tag, attributes, text in named:
        element = ElementTree.Element(f"{{{SVG}}}{tag}", attributes)
        element.text = visible(text)
        element.tail = "\n"
        root.insert(0, element)
    for element in root.iter(f"{{{SVG}}}text"):
        family = element.get("font-family")
        if family:
            element.set("font-family", family + FALLBACKS.get(family, SERIF))
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _style_sheet() -> str:
    """Write rules that turn the light theme's colours into the dark theme's."""
    rules = "".join(
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
        for light, dark in darkening().items()
    )
    return f"@media (prefers-color-scheme: dark){{{rules}}}"
