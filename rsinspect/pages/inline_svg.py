"""A picture made part of a page: in the page's colours, with ids that no other picture has.

A plot or a diagram is drawn as a file of its own, in the light theme and again in the dark one. The
two differ in nothing but colours, so they become one picture each of whose colours is a pair that
follows the page (``light-dark()`` of CSS, which browsers have had since May 2024: Chrome 123,
Firefox 120, Safari 17.5). Only shapes and text are taken over, so nothing that a file brought can
act in the page or style what is around it. What many shapes have in common is written once: a third
of the file's bytes are left.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from rsinspect.base.errors import RenderError
from rsinspect.base.text import visible
from rsinspect.drawing.choices import AUTO

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Draw = Callable[[str], bytes]
"""Draws a picture in a theme, given by its name, as a file of SVG."""

Palette = dict[tuple[str, str], int]
"""Colours that differ between the themes, light and dark, in the order they were met."""

SHAPES = frozenset(
    ("g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan",
     "use", "defs", "clipPath", "image")
)  # fmt: skip
_OF_PLACE = frozenset(
    ("d", "x", "y", "dx", "dy", "width", "height", "cx", "cy", "r", "rx", "ry", "x1", "y1", "x2",
     "y2", "points", "preserveAspectRatio")
)  # fmt: skip
"""What says where a shape is; the like of no two shapes."""

_OF_LOOK = frozenset(
    ("fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity",
     "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
     "stroke-miterlimit", "opacity", "clip-path", "clip-rule", "font-family", "font-size",
     "font-weight", "font-style", "text-anchor", "paint-order", "image-rendering")
)  # fmt: skip
_OF_ONE = frozenset(("opacity", "clip-path"))
"""Of a look, what several shapes together may have otherwise than each of them."""

_DEFAULTS = {"text-anchor": "start", "stroke-dashoffset": "0", "font-weight": "normal"}
_OF_MATPLOTLIB = {"stroke-linejoin": "round", "stroke-linecap": "butt"}
"""What its style sheet says of all shapes."""

_NUMBER = re.compile(r"-?\d+\.\d+")
_STEP = re.compile(r"\s*([MLHVCSQTAZmlhvcsqtaz])\s*")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_STILL = re.compile(r"(scale\(1 1\) )?rotate\(-?0( [^)]*)?\) ?")
_REFERENCE = re.compile(r"(?:url\()?#([^)]+)\)?")
_TITLE = "{http://www.w3.org/1999/xlink}title"
PX_PER_PT = 96 / 72


def inline_svg(draw: Draw, *, name: str, says: str, theme: str = AUTO) -> str:
    """Draw a picture as an element of a page.

    Args:
        draw: Draws it.
        name: Of the picture, unique in the page: letters, digits and hyphens.
        says: What it shows, for who cannot see it.
        theme: Of the page, one of THEME_NAMES: ``auto`` follows it, as ``dark`` does, which is
            printed in light colours.

    Raises:
        RenderError: If what was drawn is no SVG.
    """
    from xml.etree import ElementTree

    if theme in (AUTO, "dark"):
        pictures = [_read(draw("light")), _read(draw("dark"))]
    else:
        pictures = [_read(draw(theme))]
    drawn = [_shapes(picture) for picture in pictures]
    palette: Palette = {}
    root = _dyed(drawn[0], drawn[-1], palette)
    if root is None:  # the two differ in more than colours: light, on its own paper
        root, palette = drawn[0], {}
    _rename(root, name)
    _set_type(root)
    _share(root)
    width, height = _size_px(pictures[0])
    root.attrib |= {
        "viewBox": pictures[0].get("viewBox") or f"0 0 {width:g} {height:g}",
        "width": f"{width:g}",
        "height": f"{height:g}",
        "role": "img",
        "aria-label": visible(says),
    }
    if palette:
        root.set("style", _rules(palette))
    return ElementTree.tostring(root, encoding="unicode")


def _read(svg: bytes) -> Element:
    from xml.etree import ElementTree

    try:
        return ElementTree.fromstring(svg)  # noqa: S314  # drawn here, by Graphviz or matplotlib
    except ElementTree.ParseError as exc:
        raise RenderError(f"what was drawn is no SVG: {exc}") from exc


def _size_px(picture: Element) -> tuple[float, float]:
    """Read width and height; Graphviz and matplotlib give points."""
    sides = []
    for side in ("width", "height"):
        number = re.match(r"([\d.]+)(pt|px|)$", picture.get(side, ""))
        if number is None:
            raise RenderError(f"what was drawn has no {side} in points or pixels")
        sides.append(float(number[1]) * (PX_PER_PT if number[2] == "pt" else 1))
    return round(sides[0], 1), round(sides[1], 1)


def _shapes(picture: Element) -> Element:
    """Take the shapes and texts of a picture over, and what they look like."""
    from xml.etree.ElementTree import Element

    styles = "".join(each.text or "" for each in picture.iter() if _tag(each) == "style")
    root = Element("svg", _OF_MATPLOTLIB if styles.startswith("*{stroke-linejoin: round") else {})
    root.extend(_taken(picture))
    wide = [each for each in root.iter("clipPath") if _covers(each, picture)]
    ids = {each.get("id") for each in wide}
    for element in root.iter():
        if _referred("clip-path", element.get("clip-path", "")) in ids:
            del element.attrib["clip-path"]
    for defs in [*root.iter("defs")]:
        defs[:] = [each for each in defs if each not in wide]
    return root


def _covers(clip: Element, picture: Element) -> bool:
    """Tell whether a clip cuts nothing off: matplotlib has one for axes as large as a page."""
    box = clip.find("rect")
    sides = [] if box is None else [box.get(key) for key in ("x", "y", "width", "height")]
    return sides == picture.get("viewBox", "").split()


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _taken(element: Element) -> Iterator[Element]:
    """Copy what is in an element, without groups that say nothing and words that are none."""
    from xml.etree.ElementTree import Element

    for child in element:
        tag = _tag(child)
        tag = "g" if tag == "a" else tag
        inside = list(_taken(child)) if tag in SHAPES else []
        if tag not in SHAPES or (tag in ("g", "defs", "clipPath") and not inside):
            continue
        made = Element(tag, dict(_attributes(child)))
        if said := child.get(_TITLE):
            inside.insert(0, Element("title"))
            inside[0].text = said
        elif tag == "g" and not made.attrib:
            yield from inside
            continue
        made.extend(inside)
        if tag in ("text", "tspan"):
            made.text, made.tail = child.text, child.tail if tag == "tspan" else None
        if tag != "text" or (child.text or "").strip() or inside:
            yield made


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    """List what is kept of an element's attributes and of its style, shortened."""
    style = dict(_declarations(element.get("style", "")))
    for key, value in (*element.items(), *style.items()):
        match key:
            case "id":
                yield key, value
            case "href" | "{http://www.w3.org/1999/xlink}href":
                if value.startswith(("#", "data:image/png;base64,")):
                    yield "href", value
            case "transform":
                if moved := _STILL.sub("", value):
                    yield key, moved
            case "d":
                yield key, _STEP.sub(r"\1", _rounded(value)).strip()
            case _ if key in _OF_PLACE:
                yield key, _rounded(value)
            case "clip-path":
                if _referred(key, value):
                    yield key, value
            case _ if key in _OF_LOOK and _DEFAULTS.get(key) != value and "(" not in value:
                yield key, _rounded(value)


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split(";"):
        key, colon, value = declaration.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _rounded(text: str) -> str:
    """Write numbers to a hundredth of a pixel."""
    return _NUMBER.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), text)


def _colour(light: str, dark: str, palette: Palette) -> str:
    """Write a colour of both themes."""
    if light == dark:
        return light
    return f"var(--{palette.setdefault((light, dark), len(palette))})"


def _rules(palette: Palette) -> str:
    """Write what the colours of a palette are."""
    return ";".join(
        f"--{number}:light-dark({one},{other})" for (one, other), number in palette.items()
    )


def _dyed(light: Element, dark: Element, palette: Palette) -> Element | None:
    """Make one picture of two that differ in colours alone; None if they differ in more."""
    from xml.etree.ElementTree import Element

    words = [(each.tag, each.text, each.tail, len(each), [*each.keys()]) for each in (light, dark)]
    if words[0] != words[1]:
        return None
    attributes = {}
    for key, one in light.items():
        other = dark.attrib[key]
        if _COLOUR.fullmatch(one) and _COLOUR.fullmatch(other):
            attributes[key] = _colour(one, other, palette)
        elif one == other or key == "id" or _referred(key, one):
            attributes[key] = one
        else:
            return None
    made = Element(light.tag, attributes)
    made.text, made.tail = light.text, light.tail
    for child, twin in zip(light, dark, strict=True):
        both = _dyed(child, twin, palette)
        if both is None:
            return None
        made.append(both)
    return made


def _referred(key: str, value: str) -> str:
    """Read which id an attribute refers to; empty if it does to none."""
    found = _REFERENCE.fullmatch(value) if key in ("href", "clip-path") else None
    return found[1] if found else ""


def _rename(root: Element, name: str) -> None:
    """Give what is referred to an id that begins with a name, and nothing else one."""
    wanted: dict[str, str] = {}
    for element in root.iter():
        for key, value in element.items():
            if old := _referred(key, value):
                new = wanted.setdefault(old, f"{name}-{len(wanted)}")
                element.set(key, value.replace(old, new))
    for element in root.iter():
        old = element.attrib.pop("id", "")
        if old in wanted:
            element.set("id", wanted[old])


def _set_type(root: Element) -> None:
    """Write the family and size that most text has once, on the picture."""
    for key in ("font-family", "font-size"):
        found = Counter(each.get(key, "") for each in root.iter("text"))
        if not found or "" in found:
            continue
        usual = found.most_common(1)[0][0]
        root.set(key, usual)
        for each in root.iter("text"):
            if each.get(key) == usual:
                del each.attrib[key]


def _share(element: Element) -> None:
    """Write what neighbouring shapes, or all there are, have in common once, on a group."""
    from xml.etree.ElementTree import Element

    for child in element:
        _share(child)
    if element.tag in ("text", "defs", "clipPath"):
        return
    children: list[Element] = []
    for look, alike in groupby(element, _look):
        run = list(alike)
        if len(run) > 1 and look:
            group = Element("g", dict(look))
            group.extend(_bare(_without(run, dict(look))))
            run = [group]
        children += run
    del element[:]
    element.extend(children)
    if element.tag in ("svg", "g"):
        common = _common(element)
        element.attrib.update(common)
        element[:] = [*_bare(_without(element, common))]


def _look(element: Element) -> tuple[tuple[str, str], ...]:
    """List what an element looks like, where a group of such elements can say so."""
    return tuple((key, value) for key, value in sorted(element.items()) if _shared(element, key))


def _shared(element: Element, key: str) -> bool:
    """Tell whether a group can say so of its shapes; a clip stays where a transform moves it."""
    if key == "clip-path":
        return "transform" not in element.attrib
    return key in _OF_LOOK - _OF_ONE


def _common(element: Element) -> dict[str, str]:
    """Find what all of an element's shapes look like, and it says nothing of."""
    shapes = [child for child in element if child.tag not in ("defs", "title")]
    if not shapes:
        return {}
    looks = [dict(_look(shape)) for shape in shapes]
    return {
        key: value
        for key, value in looks[0].items()
        if key not in element.attrib and all(look.get(key) == value for look in looks)
    }


def _without(elements: Iterable[Element], look: Mapping[str, str]) -> list[Element]:
    """Take a look off elements."""
    elements = list(elements)
    for element in elements:
        for key in look:
            element.attrib.pop(key, None)
    return elements


def _bare(elements: Iterable[Element]) -> Iterator[Element]:
    """Put what is in groups that say nothing in their place."""
    for element in elements:
        if element.tag == "g" and not element.attrib and element.find("title") is None:
            yield from element
        else:
            yield element
