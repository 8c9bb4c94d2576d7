"""What came of comparing two measurements, to be shown, drawn and saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsinspect.api.results import Picture, Plot, TableResult, sheet_for
from rsinspect.drawing.choices import PICTURES
from rsinspect.drawing.formats import Style
from rsinspect.render.formats import TABLES

if TYPE_CHECKING:
    from rsinspect.answers.table import Answer
    from rsinspect.comparisons import comparison as values
    from rsinspect.drawing.scene import Scene


class Comparison(TableResult):
    """Whether B is slower or faster than A, by how much, and where.

    A file's suffix that names a picture is for the diagram of ``graph``.

    Attributes:
        record: Both measurements, with what follows from them.
    """

    _formats = TABLES.or_else(PICTURES)

    def __init__(self, answer: Answer, record: values.Comparison) -> None:
        super().__init__(answer)
        self.record = record

    @property
    def verdict(self) -> values.Verdict:
        """Say what B is, where the whole interval says so."""
        return self.record.verdict

    @property
    def ratio(self) -> float:
        """Return how many times as long B takes as A."""
        return self.record.ratio.value

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the ratio; None with too few samples."""
        return self.record.ratio.interval

    def plot(
        self,
        theme: str = "paper",
        *,
        size: str | None = None,
        title: str | None = None,
        caption: bool = True,
    ) -> Plot:
        """Draw the ratio of the whole and of every part, with intervals.

        Args:
            theme: ``paper``, ``light``, ``dark`` or ``print``.
            size: As in ``rsinspect.graph``.
            title: Likewise.
            caption: Whether remarks stand below it.

        Raises:
            InvalidChoice: If the theme is unknown.
        """
        from rsinspect.plots.comparison import comparison_plot, comparison_title

        sheet = sheet_for(size, title, caption)
        return Plot(
            lambda format: comparison_plot(self.record, format, theme, sheet),
            comparison_title(self.record),
        )

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
        """Draw the network, or the two, coloured by which parts became slower and which faster.

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
        from rsinspect.drawing.size import parse_size
        from rsinspect.plots.overlay import compared

        def scene(view: str, deep: bool) -> Scene:
            return compared(self.record, name=view, direction=direction, deep=deep)

        place = None if size is None else parse_size(size)
        return Picture(scene, view, Style(theme=theme, size=place, title=title, caption=caption))

    def _picture(self) -> Picture:
        return self.graph()
