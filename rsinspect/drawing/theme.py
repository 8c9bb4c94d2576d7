"""Colours: themes, the heat scale, and text that can be read on both.

Hues are Okabe and Ito's (2008, "Color Universal Design"), told apart with any common colour vision;
fills are light tints of them that differ in lightness too. The heat scale runs from light to dark
(``dark``: from dark to light) so that it survives a grey print. That of changes has a hue for each
side (after ColorBrewer's PuOr) and greys in a grey print, where a sign in the text tells them
apart. Text on heat is black or white,
whichever contrasts more: on any colour one of them has at least 4.5:1.
"""

from __future__ import annotations

from dataclasses import dataclass

from rsinspect.base.errors import check_choice
from rsinspect.drawing.choices import AUTO, THEME_NAMES
from rsinspect.drawing.scene import EdgeKind, Heat, Mark, Role, Scale

BLACK, WHITE = "#000000", "#fffffe"
"""Text on heat. (Not quite white, so that a theme's paper is another colour than this text.)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours of a picture, as ``#rrggbb``.

    Attributes:
        name: What people choose it by.
        paper: Background.
        card: Background of nodes that are no op.
        ink: Text.
        muted: Text of the second rank, and arrows.
        line: Borders.
        fills: Of a node's head, or of a whole op.
        edges: By kind.
        marks: Border and text of what a comparison found.
        heat: From cold to hot, evenly spaced.
        change: From less over the same to more, likewise.
        unknown: Of what nobody knows the heat of.
    """

    name: str
    paper: str
    card: str
    ink: str
    muted: str
    line: str
    fills: dict[Role, str]
    edges: dict[EdgeKind, str]
    marks: dict[Mark, str]
    heat: tuple[str, ...]
    change: tuple[str, ...]
    unknown: str

    def heat_of(self, heat: Heat) -> str:
        """Return the colour of a heat; that of the unknown where nothing of it is known."""
        return self.unknown if heat.known == "none" else self.heat_at(heat.level, heat.scale)

    def heat_at(self, level: float, scale: Scale = "amount") -> str:
        """Return the colour of a level from 0 to 1."""
        colours = self.heat if scale == "amount" else self.change
        position = min(max(level, 0.0), 1.0) * (len(colours) - 1)
        index = min(int(position), len(colours) - 2)
        pairs = zip(_parts(colours[index]), _parts(colours[index + 1]), strict=True)
        return "#" + "".join(f"{round(a + (b - a) * (position - index)):02x}" for a, b in pairs)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Compute relative luminance, 0 to 1. Source: WCAG 2.2.

    >>> luminance("#ffffff"), luminance("#000000")
    (1.0, 0.0)
    """
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (part / 255 for part in _parts(colour))
    ]
    return round(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2], 12)


def contrast(a: str, b: str) -> float:
    """Compute the contrast ratio of two colours, 1 to 21. Source: WCAG 2.2."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_on(fill: str) -> str:
    """Choose black or white, whichever contrasts more."""
    return max((BLACK, WHITE), key=lambda text: contrast(text, fill))


_LIGHT_FILLS: dict[Role, str] = {
    "input": "#e4e7eb", "stem": "#cfe3f5", "stage": "#f6dfb5", "head": "#d3ead6",
    "block": "#fbf1dc", "conv": "#d6e8f7", "dense": "#d7ecdb", "norm": "#eef0f2",
    "activation": "#fdf0d2", "pool": "#f7dcd0", "gate": "#efdcea", "add": "#fcfcfd",
    "join": "#dff0ef", "scale": "#fbfbfc", "plain": "#f5f6f8",
}  # fmt: skip
_DARK_FILLS: dict[Role, str] = {
    "input": "#3a424b", "stem": "#1d4468", "stage": "#5e4512", "head": "#214c2b",
    "block": "#3d3219", "conv": "#1c3f5e", "dense": "#23472b", "norm": "#2b3138",
    "activation": "#4a3a14", "pool": "#5a2f1c", "gate": "#4d2b45", "add": "#1d2228",
    "join": "#1f4344", "scale": "#1e2329", "plain": "#262c33",
}  # fmt: skip
_GREY_FILLS: dict[Role, str] = {
    "input": "#e6e6e6", "stem": "#d4d4d4", "stage": "#dedede", "head": "#cacaca",
    "block": "#f2f2f2", "conv": "#dcdcdc", "dense": "#cecece", "norm": "#f6f6f6",
    "activation": "#f0f0f0", "pool": "#c6c6c6", "gate": "#e2e2e2", "add": "#fdfdfd",
    "join": "#eaeaea", "scale": "#fcfcfc", "plain": "#f8f8f8",
}  # fmt: skip

LIGHT = Theme(
    name="light",
    paper="#ffffff",
    card="#fefefe",
    ink="#1f2933",
    muted="#52606d",
    line="#9aa5b1",
    fills=_LIGHT_FILLS,
    edges={
        "flow": "#52606e",
        "identity": "#0072b2",
        "projection": "#b34e00",
        "gate": "#8f4a76",
    },
    marks={"added": "#005b8f", "removed": "#a14600", "changed": "#7b3f66"},
    heat=("#fff7e6", "#fdd49e", "#fc8d59", "#d7301f", "#7f0000"),
    change=("#542788", "#998ec3", "#f7f7f7", "#f1a340", "#b35806"),
    unknown="#ced4da",
)
DARK = Theme(
    name="dark",
    paper="#14181d",
    card="#1b2026",
    ink="#e8ecf0",
    muted="#aab4bf",
    line="#5b6773",
    fills=_DARK_FILLS,
    edges={
        "flow": "#aab4c0",
        "identity": "#56b4e9",
        "projection": "#f0a05a",
        "gate": "#dd9ec2",
    },
    marks={"added": "#6cc0f0", "removed": "#f2a868", "changed": "#e0a6c8"},
    heat=("#2a1a12", "#6b2413", "#b5401d", "#ec8a4c", "#fde3b8"),
    change=("#c9b8f0", "#7d68b3", "#262c33", "#b5651d", "#fdb863"),
    unknown="#4a535d",
)
PAPER = Theme(
    name="paper",
    paper="#ffffff",
    card="#ffffff",
    ink="#000000",
    muted="#3c3c3c",
    line="#6e6e6e",
    fills=_LIGHT_FILLS,
    edges={"flow": "#333333", "identity": "#0072b2", "projection": "#b34e00", "gate": "#8f4a76"},
    marks=LIGHT.marks,
    heat=LIGHT.heat,
    change=LIGHT.change,
    unknown=LIGHT.unknown,
)
PRINT = Theme(
    name="print",
    paper="#ffffff",
    card="#ffffff",
    ink="#000000",
    muted="#333333",
    line="#555555",
    fills=_GREY_FILLS,
    edges={"flow": "#000000", "identity": "#000000", "projection": "#000000", "gate": "#000000"},
    marks={"added": "#000000", "removed": "#000000", "changed": "#000000"},
    heat=("#ffffff", "#d0d0d0", "#9c9c9c", "#606060", "#202020"),
    change=("#8a8a8a", "#d0d0d0", "#ffffff", "#9c9c9c", "#202020"),
    unknown="#fafafa",
)

THEMES = {theme.name: theme for theme in (PAPER, LIGHT, DARK, PRINT)}


def theme_named(name: str) -> Theme:
    """Look up a theme; ``auto`` is light, and a format that can turns dark with its page.

    Raises:
        InvalidChoice: If there is none of that name.
    """
    if name == AUTO:
        return LIGHT
    check_choice("theme", name, THEME_NAMES)
    return THEMES[name]


def darkening() -> dict[str, str]:
    """Pair the light theme's colours with the dark theme's; heat stays as it is."""
    pairs = {LIGHT.paper: DARK.paper, LIGHT.card: DARK.card, LIGHT.ink: DARK.ink}
    pairs |= {LIGHT.muted: DARK.muted, LIGHT.line: DARK.line}
    pairs |= {LIGHT.fills[role]: DARK.fills[role] for role in LIGHT.fills}
    pairs |= {LIGHT.edges[kind]: DARK.edges[kind] for kind in LIGHT.edges}
    return pairs | {LIGHT.marks[mark]: DARK.marks[mark] for mark in LIGHT.marks}
