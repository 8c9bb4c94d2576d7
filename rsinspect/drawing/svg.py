"""Graphviz's SVG made readable by everyone and the same on every machine.

The picture gets ``role="img"``, a title and a description that name it, fallbacks for the font, and
loses what a build of Graphviz writes about itself.
"""

from __future__ import annotations

from xml.etree import ElementTree

from rsinspect.drawing.scene import Scene

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
FALLBACKS = ", Verdana, Geneva, sans-serif"


def finish(svg: bytes, scene: Scene) -> bytes:
    """The SVG of a scene, named and described."""
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(svg)
    root.set("role", "img")
    root.set("aria-labelledby", "title desc")
    for tag, text in (("desc", scene.description), ("title", scene.title)):
        element = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": tag})
        element.text = text
        element.tail = "\n"
        root.insert(0, element)
    for element in root.iter(f"{{{SVG}}}text"):
        family = element.get("font-family")
        if family:
            element.set("font-family", family + FALLBACKS)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"
