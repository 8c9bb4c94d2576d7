"""A page in pixels: what charts, the latency plot and the roofline are drawn on.

A drawing is laid out in pixels of a page of WIDTH, a README's, and matplotlib is only the pen:
every text is measured before it is put down, so none leaves the page or covers another. Text in SVG
stays text, which can be searched, copied and edited; a browser without DejaVu takes a font that is
no wider. Colours are those of the diagrams (``drawing.theme``).

The same drawing gives the same bytes: no dates, no random ids, no settings of the user's
matplotlib.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.units import count
from rsinspect.base.words import near
from rsinspect.drawing.theme import FONT, THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 830
"""Pixels across, at 96 per inch: what a README on GitHub shows unscaled."""

PNG_DPI = 192
FORMATS = (".svg", ".pdf", ".png")

MARGIN = 20
INCH, POINT = 96, 96 / 72
TITLE, TEXT, SMALL = 12.0, 9.0, 8.0  # points
LEADING = 1.42
FALLBACKS = ("Verdana", "Arial", "Helvetica")
"""Fonts of a browser without DejaVu, the nearest first."""


def check_plot(path: Path, theme: str) -> None:
    """Refuse a drawing that nobody can make, before anything is measured for it.

    Args:
        path: Where it is to go; its suffix names the format.
        theme: Its colours.

    Raises:
        UnknownPicture: If the suffix names no format or the theme is unknown.
    """
    if path.suffix.lower() not in FORMATS:
        raise UnknownPicture(
            f"cannot draw a {path.suffix} plot" if path.suffix else f"{path} has no suffix",
            f"name it {', '.join(FORMATS)}",
        )
    if theme not in THEMES:
        raise UnknownPicture(f"unknown theme {theme!r}", near(theme, list(THEMES)))


@contextmanager
def pen() -> Iterator[None]:
    """Matplotlib's own defaults with our fonts, whatever the user's settings."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")  # of a name
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": ["sans-serif"],
                "font.sans-serif": [FONT, *FALLBACKS],
                "text.hinting": "no_hinting",  # as wide in every format as it was measured
                "svg.fonttype": "none",
                "svg.hashsalt": "rsinspect",
                "pdf.fonttype": 42,
            }
        )
        yield


def file_content(figure: Figure, path: Path, title: str) -> bytes:
    """The drawing as a file of the format that the path names."""
    format = path.suffix.lower().removeprefix(".")
    title = printable(title)
    metadata: dict[str, dict[str, str | None]] = {
        "svg": {"Title": title, "Date": None, "Creator": None},
        "pdf": {"Title": title, "CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Title": title, "Software": None},
    }
    content = io.BytesIO()
    with pen():
        figure.savefig(
            content,
            format=format,
            metadata=metadata[format],
            facecolor=figure.get_facecolor(),
            dpi=PNG_DPI if format == "png" else INCH,
        )
    return content.getvalue()


def printable(text: str) -> str:
    """One line that every format can hold; names may have any characters."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def text_width(text: str, size: float = TEXT, *, bold: bool = False) -> float:
    """Pixels that a text is wide."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0]) * POINT


def cut(text: str, room: float, size: float = TEXT, *, bold: bool = False) -> str:
    """The text in one printable line, with an ellipsis where it is too long."""
    text = printable(text)
    if text_width(text, size, bold=bold) <= room:
        return text
    while text and text_width(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text + "…"


def broken(text: str, room: float, size: float = SMALL) -> list[str]:
    """The text in lines of at most that many pixels; a word that is longer is cut."""
    lines: list[str] = []
    for word in printable(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(cut(word, room, size))
    return lines


class Box(NamedTuple):
    """A rectangle on the page, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The place in the box that is nearest to a point."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)

    def distance(self, x: float, y: float) -> float:
        """Pixels from a point; 0 inside."""
        return math.dist((x, y), self.nearest(x, y))

    def inside(self, other: Box) -> bool:
        """Whether the other holds all of it."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


Line = tuple[tuple[float, float], tuple[float, float]]
"""From one point to another."""

Side = Literal["left", "center", "right"]


@dataclass(frozen=True)
class Page:
    """A page in pixels from the top left."""

    figure: Figure
    theme: Theme
    axes: Any = field(repr=False)

    @classmethod
    def blank(cls, height: float, theme: Theme) -> Page:
        """An empty page of that height in pixels."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH / INCH, height / INCH), dpi=INCH, facecolor=theme.paper)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        return cls(figure, theme, axes)

    def words(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = TEXT,
        colour: str | None = None,
        side: Side = "left",
        bold: bool = False,
        degrees: float = 0,
        over: bool = False,
    ) -> None:
        """Text that stands on ``y``; ``over`` hides what is below it."""
        self.axes.text(
            x,
            y,
            text,
            size=size,
            color=colour or self.theme.ink,
            ha=side,
            va="baseline",
            weight="bold" if bold else "normal",
            rotation=degrees,
            rotation_mode="anchor",
            parse_math=False,
            zorder=10,
            bbox={"facecolor": self.theme.paper, "edgecolor": "none", "pad": 1} if over else None,
        )

    def line(self, xs: Sequence[float], ys: Sequence[float], colour: str, width: float = 1,
             style: str = "-", rank: float = 2) -> None:  # fmt: skip
        """A line through the points."""
        self.axes.plot(
            xs, ys, color=colour, linewidth=width, linestyle=style, zorder=rank,
            solid_capstyle="butt",
        )  # fmt: skip

    def stroke(self, line: Line, colour: str, width: float = 1, style: str = "-",
               rank: float = 2) -> None:  # fmt: skip
        """A line from one point to another."""
        (x, y), (to_x, to_y) = line
        self.line((x, to_x), (y, to_y), colour, width, style, rank)

    def bar(self, box: Box, fill: str, edge: str | None = None) -> None:
        """A filled rectangle."""
        from matplotlib.patches import Rectangle

        left, top, right, bottom = box
        self.axes.add_patch(
            Rectangle((left, top), right - left, bottom - top, facecolor=fill,
                      edgecolor=edge or "none", linewidth=0.8, zorder=3)
        )  # fmt: skip

    def marks(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        sign: str,
        size: float,
        *,
        fill: str,
        edge: str = "none",
        alpha: float = 1,
        rank: float = 5,
    ) -> None:
        """The same mark in several places; its size in pixels across."""
        self.axes.plot(
            xs, ys, linestyle="none", marker=sign, markersize=size / POINT, alpha=alpha,
            markerfacecolor=fill, markeredgecolor=edge,
            markeredgewidth=0 if edge == "none" else 0.8, zorder=rank,
        )  # fmt: skip

    def interval(self, low: float, high: float, y: float) -> None:
        """An error bar."""
        for colour, width, grown in ((self.theme.paper, 3.4, 1.2), (self.theme.ink, 1.3, 0)):
            self.line((low - grown, high + grown), (y, y), colour, width, rank=6 if grown else 7)
            for end in (low, high):
                self.line(
                    (end, end), (y - 4 - grown, y + 4 + grown), colour, width,
                    rank=6 if grown else 7,
                )  # fmt: skip

    def floor(self, x: float, top: float, bottom: float) -> None:
        """The mark of the least time."""
        self.line((x, x), (top, bottom), self.theme.edges["projection"], 2.2, rank=8)

    def key(self, y: float, entries: Iterable[tuple[str, str]]) -> None:
        """What the signs mean, in one line."""
        theme, x, middle = self.theme, float(MARGIN), y - 3.5
        for sign, text in entries:
            match sign:
                case "interval":
                    self.interval(x + 2, x + 16, middle)
                case "floor":
                    self.floor(x + 9, middle - 6, middle + 6)
                case "dot":
                    self.marks((x + 3, x + 9, x + 15), (middle - 2, middle + 2, middle - 1), "o",
                               3, fill=theme.ink, alpha=0.45)  # fmt: skip
                case "ring":
                    self.marks((x + 9,), (middle,), "o", 5.5, fill=theme.paper, edge=theme.ink)
                case "ridge":
                    self.marks((x + 9,), (middle,), "D", 6, fill=theme.paper, edge=theme.ink)
                case "bubble":
                    self.marks((x + 9,), (middle,), "o", 13, fill=theme.fills["stage"],
                               edge=theme.muted)  # fmt: skip
                case "attainable":
                    self.line((x + 9, x + 9), (middle - 5, middle + 6), theme.muted, 0.9, ":")
                    self.line((x + 4, x + 14), (middle - 5, middle - 5),
                              theme.edges["projection"], 2)  # fmt: skip
                case _:
                    self.bar(Box(x, middle - 5, x + 18, middle + 5), sign, theme.line)
            self.words(x + 24, y, text, size=SMALL, colour=theme.muted)
            x += 24 + text_width(text, SMALL) + 18


def mixed(one: str, other: str, part: float) -> str:
    """A colour between two."""
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def log_ticks(low: float, high: float) -> list[tuple[float, bool]]:
    """Ones to nines of each decade, and whether they are named: of few decades more are."""
    decades = math.log10(high / low)
    named = (1, 2, 5) if decades < 2 else (1, 3) if decades < 3 else (1,)
    ticks = [
        (digit * 10.0**power, digit in named)
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in range(1, 10)
    ]
    return [(tick, is_named) for tick, is_named in ticks if low <= tick <= high]


def short(rate: float) -> str:
    """A round number with its suffix, such as ``100 G``."""
    number, _, suffix = count(round(rate)).partition(" ")
    return f"{float(number):g} {suffix}".rstrip()


def crosses(line: Line, box: Box) -> bool:
    """Whether a straight line goes through the box. (Liang and Barsky 1984: clipping.)"""
    (x, y), (to_x, to_y) = line
    enters, leaves = 0.0, 1.0
    for start, step, low, high in (
        (x, to_x - x, box.left, box.right),
        (y, to_y - y, box.top, box.bottom),
    ):
        if step == 0:
            if not low < start < high:
                return False
            continue
        first, last = sorted(((low - start) / step, (high - start) / step))
        enters, leaves = max(enters, first), min(leaves, last)
    return enters < leaves


class Labels:
    """What lies in the plot already, so that a name finds a place of its own."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.texts: list[Box] = []
        self.marks: list[Box] = []
        self.leaders: list[Line] = []
        self.stems: list[Line] = []
        self.roofs: list[Line] = []

    def cost(
        self, boxes: Sequence[Box], leader: Line | None = None, own: Line | None = None
    ) -> float:
        """Of text in these boxes; infinite if it would cover other text, marks or leaders.

        Slices of a slope are too coarse to be told from the line they name, ``own``.
        """
        if not all(box.inside(self.box) for box in boxes):
            return math.inf
        if any(box.meets(other) for box in boxes for other in self.texts + self.marks):
            return math.inf
        if any(crosses(line, box) for box in boxes for line in self.leaders):
            return math.inf
        cost = 0.0
        for lines, each in ((self.stems, 45.0), (self.roofs, 80.0)):
            crossed = [line for line in lines if any(crosses(line, box) for box in boxes)]
            cost += each * sum(line is not own for line in crossed)
        if leader is not None:
            if any(crosses(leader, box) for box in self.texts):
                return math.inf
            cost += 20 * sum(crosses(leader, box) for box in self.marks)
        return cost


def leader_to(at: tuple[float, float], radius: float, place: Box) -> Line:
    """A line from a point's rim to its name."""
    near = place.nearest(*at)
    part = min(1, radius / (math.dist(at, near) or 1))
    return (at[0] + (near[0] - at[0]) * part, at[1] + (near[1] - at[1]) * part), near
