"""The paper's Figure 6 of a network, or the like of another."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, partial

from rsinspect.base.errors import PictureTooLarge
from rsinspect.drawing.formats import Style, render
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.size import parse_size
from rsinspect.drawing.theme import darkening
from rsinspect.drawing.views import view
from rsinspect.pages.inline_svg import Draw
from rsinspect.pages.parts import Drawn, Heading, Part, Section
from rsinspect.pages.report import Report

_PLACE = parse_size("1000px")
"""Of a figure: what most screens show beside the margins of a page, in type of 8 points."""


def section(report: Report) -> Section | None:
    """Draw each network of a report: its stages in a table, beside each form of block it has."""
    parts: list[Part] = []
    for subject in report.subjects:
        if len(report.subjects) > 1:
            parts.append(Heading(subject.network.title))
        scene = view(subject.network, "figure6", question=report.question)
        drawn = Drawn(f"figure-{subject.key}", _drawer(scene), scene.description, scene.caption)
        parts.append(drawn)
    return Section("figure", "The architecture", tuple(parts))


def _drawer(scene: Scene) -> Draw:
    """Make what draws a figure: laid out once, as it takes seconds to fit many diagrams."""
    drawn = cache(partial(_drawn, scene))
    dark = {light.encode(): dark.encode() for light, dark in darkening().items()}

    def draw(theme: str) -> bytes:
        """Draw it; the dark one is the light one in other colours."""
        if theme != "dark":
            return drawn(theme)
        return re.sub(rb"#[0-9a-f]{6}", lambda found: dark.get(found[0], found[0]), drawn("light"))

    return draw


def _drawn(scene: Scene, theme: str) -> bytes:
    """Draw a figure for its place on a page, or as large as it comes where it does not fit."""
    style = Style(theme=theme, title="", caption=False)
    try:
        return render(scene, "svg", replace(style, size=_PLACE))
    except PictureTooLarge:
        return render(scene, "svg", style)
