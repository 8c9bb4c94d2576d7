"""Answers that show themselves in a notebook and in a terminal, and save themselves to a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rsinspect.answers.table import Answer, Value
from rsinspect.base.files import write_whole
from rsinspect.drawing.choices import PICTURES, PLOTS
from rsinspect.drawing.formats import Style, render, save, view_in
from rsinspect.networks.network import Network
from rsinspect.render.console import table_text
from rsinspect.render.content import table_content
from rsinspect.render.formats import TABLES
from rsinspect.render.html import table_html

if TYPE_CHECKING:
    from rsinspect.answers.chart import Chart
    from rsinspect.differences.pairs import Comparison
    from rsinspect.drawing.scene import Scene
    from rsinspect.plots.page import PlotFormat
    from rsinspect.plots.sheet import Sheet
    from rsinspect.profiling.record.contest import Contest
    from rsinspect.profiling.record.run import ProfileRun

SceneMaker = Callable[[str, bool], "Scene"]
"""Makes the scene of a view, deep or not."""

PlotWriter = Callable[["PlotFormat"], bytes]
"""Draws a plot in a format."""


def _columns() -> int:
    """Ask for the columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


class TableResult:
    """A table of exact values.

    Its text is the table of the command line; a notebook shows it as HTML.
    """

    _formats = TABLES

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def title(self) -> str:
        """Say what the table is about."""
        return self._answer.table.heading

    @property
    def rows(self) -> list[dict[str, Value]]:
        """List exact values, a record per row: ``pandas.DataFrame(result.rows)``."""
        keys = [column.key for column in self._answer.table.columns]
        return [{key: row.get(key) for key in keys} for row in self._answer.table.rows]

    @property
    def totals(self) -> list[dict[str, Value]]:
        """List the rows below the line."""
        keys = [column.key for column in self._answer.table.columns]
        return [{key: row.get(key) for key in keys} for row in self._answer.table.totals]

    @property
    def notes(self) -> tuple[str, ...]:
        """List legend and remarks."""
        return tuple(map(str, self._answer.table.notes))

    def to_json(self) -> dict[str, Any]:
        """Give the JSON document: the one that ``--format json`` prints, as plain values."""
        return self._answer.document

    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write it to a file, whole or not at all.

        Args:
            path: The suffix chooses the format: .json, .yaml, .csv, .md, .tex, .html, .parquet or
                .txt; where there is a picture, .svg, .pdf and .png draw it.
            format: For a path without a suffix: ``json``, ``markdown`` ...; ``table`` by default.

        Raises:
            UnknownFormat: If the suffix names none of these, or another format than the given one.
            OutputNotWritable: If the file cannot be written.
        """
        path = Path(path)
        format = self._formats.chosen(path, format) or "table"
        if format in TABLES.names:
            write_whole(path, table_content(self._answer, format))
        else:
            self._picture().save(path, format)

    def _picture(self) -> Picture | Plot:
        """Draw what ``_formats`` has beyond tables."""
        raise NotImplementedError

    def to_text(self, width: int | None = None, *, notes: str = "full") -> str:
        """Write the table of the command line, which ``print`` shows with the first notes alone.

        Args:
            width: In characters; that of the terminal by default.
            notes: ``short`` for what fits in two lines, ``full`` or ``none``.

        Raises:
            InvalidChoice: If there is no such choice of notes.
        """
        text = table_text(self._answer.table, width or _columns(), notes=notes, more=".to_text()")
        return text.rstrip("\n")

    def to_html(self, *, notes: str = "short") -> str:
        """Write the table of a notebook as a fragment of HTML.

        Args:
            notes: ``short`` for all but the first notes one click away, ``full`` or ``none``.

        Raises:
            InvalidChoice: If there is no such choice of notes.
        """
        return table_html(self._answer.table, notes=notes)

    def __repr__(self) -> str:
        return self.to_text(notes="short")

    def _repr_html_(self) -> str:
        return self.to_html()


class CheckResult(TableResult):
    """What became of the bounds that a network was held to; true where all of them hold.

    Attributes:
        broken: What is broken, a line per bound.
    """

    def __init__(self, answer: Answer, broken: tuple[str, ...]) -> None:
        super().__init__(answer)
        self.broken = broken

    @property
    def holds(self) -> bool:
        """Tell whether every bound holds."""
        return not self.broken

    def __bool__(self) -> bool:
        return self.holds


class Diff(TableResult):
    """How one network differs from another.

    Attributes:
        a: The one.
        b: The other.
    """

    _formats = TABLES.or_else(PICTURES)

    def __init__(self, answer: Answer, a: Network, b: Network, comparison: Comparison) -> None:
        super().__init__(answer)
        self.a = a
        self.b = b
        self._comparison = comparison

    @property
    def conclusion(self) -> str:
        """Say the difference in one sentence."""
        from rsinspect.differences.wording import conclusion

        return conclusion(self.a, self.b, self._comparison)

    def graph(
        self,
        view: str = "blocks",
        *,
        direction: str = "TB",
        theme: str = "auto",
        size: str | None = None,
        title: str | None = None,
        caption: bool = True,
    ) -> Picture:
        """Draw both side by side, with what differs marked.

        Args:
            view: ``stages``, ``blocks`` or ``layers``.
            direction: ``TB`` (top to bottom) or ``LR`` (left to right).
            theme: As in ``rsinspect.graph``.
            size: Likewise.
            title: Likewise.
            caption: Likewise.

        Raises:
            InvalidChoice: If one of them is unknown.
        """
        from rsinspect.drawing.comparison import comparison
        from rsinspect.drawing.size import parse_size

        def scene(view: str, deep: bool) -> Scene:
            return comparison(self.a, self.b, view=view, direction=direction, deep=deep)

        place = None if size is None else parse_size(size)
        style = Style(theme=theme, size=place, title=title, caption=caption)
        return Picture(scene, view, style)

    def _picture(self) -> Picture:
        return self.graph()


class Picture:
    """A drawing of a network.

    A notebook shows it as a page that can be explored, with an SVG for whoever runs no scripts; a
    terminal as a picture of characters.
    """

    def __init__(self, scene: SceneMaker, view: str | None, style: Style) -> None:
        self._scene = scene
        self._view = view
        self._style = style

    def _scene_for(self, format: str) -> Scene:
        from rsinspect.drawing.choices import DEEP, EVERY_LAYER

        view = self._view if format not in EVERY_LAYER else None
        return self._scene(view_in(format, view), format in DEEP)

    @property
    def title(self) -> str:
        """Say in one line what it shows."""
        return self._scene_for("svg").title

    def to_svg(self) -> str:
        """Draw it as SVG, with its own fonts measured and nothing outside it needed."""
        return render(self._scene_for("svg"), "svg", self._style).decode()

    def to_json(self) -> dict[str, Any]:
        """Give what the picture shows, before any format: panels of nodes, edges and cells."""
        scene = self._scene_for("svg")
        bare = replace(scene, panels=tuple(replace(each, graph=None) for each in scene.panels))
        document = asdict(bare)
        for panel in document["panels"]:
            del panel["graph"]  # what it is of is a network's to tell
        return {"schema": "rsinspect.scene/1", **document}

    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write it to a file, whole or not at all, with the files that belong beside it.

        Args:
            path: The suffix chooses the format: .svg, .png, .pdf, .webp, .dot, .tex, .html, .mmd,
                .txt, .me.json or .netron.json.
            format: For a path without a suffix.

        Raises:
            UnknownFormat: If the suffix names no format.
            RenderError: If the picture cannot be drawn.
            OutputNotWritable: If a file cannot be written.
        """
        path = Path(path)
        format = PICTURES.of(path, format)
        save(self._scene_for(format), format, self._style, path)

    def to_html(self) -> str:
        """Write what a notebook shows, as a fragment of HTML.

        It is the page that ``save("graph.html")`` writes, in a frame.
        """
        from rsinspect.render.frame import framed

        scene = self._scene_for("html")
        page = render(scene, "html", self._style).decode()
        return framed(page, svg=self.to_svg(), says=scene.title or scene.description)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __repr__(self) -> str:
        style = replace(self._style, width=_columns(), size=None)
        return render(self._scene_for("txt"), "txt", style).decode().rstrip("\n")


class Plot:
    """A chart of measured or computed numbers."""

    def __init__(self, draw: PlotWriter, title: str) -> None:
        self._draw = draw
        self.title = title

    def to_svg(self) -> str:
        """Draw it as SVG."""
        return self._draw("svg").decode()

    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write it to a file, whole or not at all.

        Args:
            path: The suffix chooses the format: .svg, .pdf or .png.
            format: For a path without a suffix.

        Raises:
            UnknownFormat: If the suffix names none of these.
            OutputNotWritable: If the file cannot be written.
        """
        from rsinspect.plots.page import plot_format

        path = Path(path)
        write_whole(path, self._draw(plot_format(path, format)))

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __repr__(self) -> str:
        return f"<Plot: {self.title}>"


def sheet_for(size: str | None, title: str | None, caption: bool) -> Sheet:
    """Make the sheet that a plot is for."""
    from rsinspect.drawing.size import parse_size
    from rsinspect.plots.sheet import Sheet

    return Sheet(None if size is None else parse_size(size), title, caption)


class Charted(TableResult):
    """A table that can be drawn as a chart too."""

    _formats = TABLES.or_else(PLOTS)

    def __init__(self, answer: Answer, chart: Callable[[], Chart]) -> None:
        super().__init__(answer)
        self._chart = chart

    def plot(
        self,
        theme: str = "light",
        *,
        size: str | None = None,
        title: str | None = None,
        caption: bool = True,
    ) -> Plot:
        """Draw the chart of this table.

        Args:
            theme: ``paper``, ``light``, ``dark`` or ``print``.
            size: As in ``rsinspect.graph``.
            title: Likewise.
            caption: Whether remarks and sources stand below it.

        Raises:
            RsInspectError: If this table has no chart.
        """
        from rsinspect.plots.chart import chart_plot

        chart, sheet = self._chart(), sheet_for(size, title, caption)
        return Plot(lambda format: chart_plot(chart, format, theme, sheet), chart.title)

    def _picture(self) -> Plot:
        return self.plot()


class Run(TableResult):
    """A measurement.

    Attributes:
        record: All that was measured, with the statistics that follow from it.
    """

    _formats = TABLES.or_else(PLOTS)

    def __init__(self, record: ProfileRun) -> None:
        from rsinspect.profiling.answer import profile_answer

        super().__init__(profile_answer(record))
        self.record = record

    def plot(
        self,
        kind: Literal["latency", "roofline"] = "latency",
        theme: str = "paper",
        *,
        size: str | None = None,
        title: str | None = None,
        caption: bool = True,
    ) -> Plot:
        """Draw the latencies of the parts, or how near they come to what the machine can do.

        Args:
            kind: ``latency`` or ``roofline``.
            theme: ``paper``, ``light``, ``dark`` or ``print``.
            size: As in ``rsinspect.graph``.
            title: Likewise.
            caption: Whether remarks stand below it.

        Raises:
            InvalidChoice: If the kind is unknown.
            InvalidMeasurement: If the run has no roofs to draw.
        """
        from rsinspect.base.errors import check_choice
        from rsinspect.plots.latency import latency_plot
        from rsinspect.plots.roofline import roofline_plot

        check_choice("kind of plot", kind, ("latency", "roofline"))
        draw = latency_plot if kind == "latency" else roofline_plot
        sheet = sheet_for(size, title, caption)
        return Plot(lambda format: draw(self.record, format, theme, sheet), f"{kind}: {self.title}")

    def _picture(self) -> Plot:
        return self.plot()


class Fastest(TableResult):
    """The fastest way of running a network here.

    Attributes:
        record: All that was measured, with what follows from it.
    """

    def __init__(self, record: Contest) -> None:
        from rsinspect.profiling.ranking import ranking_answer

        super().__init__(ranking_answer(record))
        self.record = record

    @property
    def changes(self) -> dict[str, Any]:
        """Return the choices that make it fastest, as ``rsinspect.profile`` takes them."""
        return self.record.fastest.changes(self.record.first)

    @property
    def conclusion(self) -> str:
        """Say which way is fastest, and by how much."""
        from rsinspect.profiling.ranking import headline

        return headline(self.record)
