"""A page in pixels, from the top left: what every plot is drawn on.

A plot is laid out on a page of WIDTH, a README's, and matplotlib is only the pen: every text is
measured before it is put down (``plots.text``), so none leaves the page or covers another. Text in
SVG stays text, which can be searched, copied and edited. Colours are those of the diagrams
(``drawing.theme``).

The same plot gives the same bytes: no dates, no random ids, no settings of the user's matplotlib.
"""

from __future__ import annotations

import io
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from rsinspect.base.errors import RenderError, check_choice
from rsinspect.base.files import scratch, takes_files
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.drawing.choices import FONT, PLOTS, PNG_DPI
from rsinspect.drawing.theme import THEMES, Theme
from rsinspect.plots.text import POINT, SMALL, TEXT, drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PlotFormat = Literal["svg", "pdf", "png"]

WIDTH = 830
"""Pixels across, at 96 per inch: what a README on GitHub shows unscaled."""

MARGIN = 20
"""Pixels at each side."""

_ITS_FOLDER = "MPLCONFIGDIR"
"""Variable with the folder that matplotlib keeps files in, in place of one in the user's home."""

_MOST_SETTINGS_BYTES = 2**20

_INCH = 96
_FALLBACKS = ("Verdana", "Arial", "Helvetica")
"""Fonts of a browser without DejaVu, the nearest first."""


def plot_format(path: Path, format: str | None = None) -> PlotFormat:
    """Choose the format of a plot, by the suffix of its path.

    Args:
        path: Of the file.
        format: For a path without a suffix.

    Raises:
        UnknownFormat: If the suffix names none, or another than the given one.

    >>> plot_format(Path("front.PDF"))
    'pdf'
    """
    return cast(PlotFormat, PLOTS.of(path, format))


def check_plot(format: str, theme: str) -> None:
    """Refuse an unknown format or theme, before anything is measured for the plot.

    Raises:
        InvalidChoice: With the nearest known name.
    """
    PLOTS.check(format)
    check_choice("theme", theme, THEMES)


@contextmanager
def own_settings() -> Iterator[None]:
    """Set matplotlib's defaults and our fonts, whatever the user's settings.

    Raises:
        NoTemporaryDirectory: If matplotlib finds no place to keep what it knows of fonts.
        RenderError: If it would read settings that are none.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")  # of a name
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": ["sans-serif"],
                "font.sans-serif": [FONT, *_FALLBACKS],
                "text.hinting": "no_hinting",  # as wide in every format as it was measured
                "svg.fonttype": "none",
                "svg.hashsalt": "rsinspect",
                "pdf.fonttype": 42,
            }
        )
        yield


def _matplotlib() -> Any:
    """Load matplotlib; where it cannot keep what it learns of fonts, it learns it every time.

    By itself it would then say so in two lines, and leave a folder behind.
    """
    with ExitStack() as stack:
        if "matplotlib" not in sys.modules:
            _check_settings(Path("matplotlibrc"))
            if not all(map(_can_be_kept_in, _its_folders())):
                stack.enter_context(_variable(_ITS_FOLDER, str(stack.enter_context(scratch()))))
        import matplotlib.font_manager

        matplotlib.get_configdir()  # which it asks for once
        return matplotlib


def _check_settings(path: Path) -> None:
    """Refuse a file of the working directory that matplotlib would read whatever it is."""
    if path.exists() and not path.is_dir():
        try:
            if not path.is_file():
                raise Unreadable("it is no file")
            content_of(path, _MOST_SETTINGS_BYTES).decode()
        except ValueError as exc:
            raise RenderError(
                f"{path} in the working directory cannot be read: {exc}",
                "matplotlib takes it for settings: move it, or work elsewhere",
            ) from exc


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _its_folders() -> tuple[Path, ...]:
    """List the folders that matplotlib keeps files in (3.11, ``_get_config_or_cache_dir``)."""
    if named := os.environ.get(_ITS_FOLDER):
        return (Path(named),)
    if not sys.platform.startswith(("linux", "freebsd")):
        return ()
    homes = (("XDG_CONFIG_HOME", "~/.config"), ("XDG_CACHE_HOME", "~/.cache"))
    return tuple(
        Path(os.environ.get(name) or os.path.expanduser(usual), "matplotlib")  # noqa: PTH111
        for name, usual in homes
    )


def _can_be_kept_in(folder: Path) -> bool:
    """Tell whether matplotlib can keep files in a folder, which it makes where there is none."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return takes_files(folder)


def file_content(figure: Figure, format: PlotFormat, title: str, dpi: int | None = None) -> bytes:
    """Write a plot as a file's content.

    Args:
        figure: The plot.
        format: Of the file.
        title: For the file's own description.
        dpi: Dots per inch of a bitmap; None for the usual.
    """
    title = drawable(title)
    metadata: dict[PlotFormat, dict[str, str | None]] = {
        "svg": {"Title": title, "Date": None, "Creator": None},
        "pdf": {"Title": title, "CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Title": title, "Software": None},
    }
    content = io.BytesIO()
    with own_settings():
        figure.savefig(
            content,
            format=format,
            metadata=metadata[format],
            facecolor=figure.get_facecolor(),
            dpi=(dpi or PNG_DPI) if format == "png" else _INCH,
        )
    return content.getvalue()


Place = tuple[float, float]
"""Pixels from the left and from the top."""


class Box(NamedTuple):
    """A rectangle on the page, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, place: Place, half_width: float, half_height: float) -> Box:
        """Make a box with that centre."""
        x, y = place
        return cls(x - half_width, y - half_height, x + half_width, y + half_height)

    @property
    def middle(self) -> Place:
        """Return the centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def meets(self, other: Box) -> bool:
        """Tell whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def nearest(self, x: float, y: float) -> Place:
        """Find the place in the box that is nearest to a point."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)

    def distance(self, x: float, y: float) -> float:
        """Measure the pixels from a point; 0 inside."""
        return math.dist((x, y), self.nearest(x, y))

    def inside(self, other: Box) -> bool:
        """Tell whether the other holds all of it."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


class Stroke(NamedTuple):
    """A straight line from one place to another."""

    start: Place
    end: Place

    def crosses(self, box: Box) -> bool:
        """Tell whether it goes through the box, by Liang and Barsky's clipping (1984)."""
        (x, y), (to_x, to_y) = self
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


Side = Literal["left", "center", "right"]


class Lettering(NamedTuple):
    """How a text is set.

    Attributes:
        size: In points.
        colour: The theme's ink where none is given.
        side: Which side of the text stands at the place it is put at.
        bold: Whether it is.
        degrees: Of its slope, counter-clockwise.
        over: Whether it hides what is below it.
    """

    size: float = TEXT
    colour: str | None = None
    side: Side = "left"
    bold: bool = False
    degrees: float = 0
    over: bool = False


class Pen(NamedTuple):
    """How a line is drawn.

    Attributes:
        colour: As ``#rrggbb``.
        width: In points.
        style: Matplotlib's: ``-``, ``--`` or ``:``.
        rank: What has a higher one lies above.
    """

    colour: str
    width: float = 1
    style: str = "-"
    rank: float = 2


class Dot(NamedTuple):
    """How a mark is drawn.

    Attributes:
        size: Pixels across.
        fill: As ``#rrggbb``.
        edge: Of its rim; none by default.
        shape: Matplotlib's: ``o``, ``s``, ``D`` ...
        alpha: Opacity.
        rank: What has a higher one lies above.
        rim: Width of the rim in points.
    """

    size: float
    fill: str
    edge: str = "none"
    shape: str = "o"
    alpha: float = 1
    rank: float = 5
    rim: float = 0.8


@dataclass(frozen=True)
class Page:
    """A page in pixels from the top left.

    Attributes:
        figure: Matplotlib's.
        theme: Its colours.
        axes: Matplotlib's, as large as the page.
    """

    figure: Figure
    theme: Theme
    axes: Any = field(repr=False)

    @classmethod
    def blank(cls, height: float, theme: Theme, width: float = WIDTH) -> Page:
        """Make an empty page of that height and width in pixels."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width / _INCH, height / _INCH), dpi=_INCH, facecolor=theme.paper)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        return cls(figure, theme, axes)

    def words(self, place: Place, text: str, lettering: Lettering | None = None) -> None:
        """Put text down; it stands on the place's ``y``."""
        lettering = lettering or Lettering()
        self.axes.text(
            *place,
            text,
            size=lettering.size,
            color=lettering.colour or self.theme.ink,
            ha=lettering.side,
            va="baseline",
            weight="bold" if lettering.bold else "normal",
            rotation=lettering.degrees,
            rotation_mode="anchor",
            parse_math=False,
            zorder=10,
            bbox={"facecolor": self.theme.paper, "edgecolor": "none", "pad": 1}
            if lettering.over
            else None,
        )

    def remark(self, place: Place, text: str, side: Side = "left") -> None:
        """Put small text of the second rank down."""
        self.words(place, text, Lettering(SMALL, self.theme.muted, side))

    def line(self, places: Sequence[Place], pen: Pen) -> None:
        """Draw a line through the places."""
        self.axes.plot(
            [x for x, _ in places],
            [y for _, y in places],
            color=pen.colour,
            linewidth=pen.width,
            linestyle=pen.style,
            zorder=pen.rank,
            solid_capstyle="butt",
        )

    def bar(self, box: Box, fill: str, edge: str = "none") -> None:
        """Draw a filled rectangle."""
        from matplotlib.patches import Rectangle

        left, top, right, bottom = box
        self.axes.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                facecolor=fill,
                edgecolor=edge,
                linewidth=0.8,
                zorder=3,
            )
        )

    def picture(self, image: Any, box: Box) -> None:
        """Show one of Pillow's images in a box, its pixels as they are."""
        extent = (box.left, box.right, box.bottom, box.top)
        self.axes.imshow(image, extent=extent, aspect="auto", interpolation="none", zorder=3)

    def marks(self, places: Sequence[Place], dot: Dot) -> None:
        """Draw the same mark in several places."""
        self.axes.plot(
            [x for x, _ in places],
            [y for _, y in places],
            linestyle="none",
            marker=dot.shape,
            markersize=dot.size / POINT,
            alpha=dot.alpha,
            markerfacecolor=dot.fill,
            markeredgecolor=dot.edge,
            markeredgewidth=0 if dot.edge == "none" else dot.rim,
            zorder=dot.rank,
        )


def mixed(one: str, other: str, part: float) -> str:
    """Mix two colours; ``part`` is the share of the other.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)
