"""The diagram of a comparison: which parts became slower, which faster."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rsinspect.base.errors import check_choice
from rsinspect.cli.declaration import OUTPUT, option
from rsinspect.cli.outputs import chosen
from rsinspect.cli.picture import PlaceOptions, show
from rsinspect.drawing import choices
from rsinspect.drawing.choices import COMPARED_VIEWS, PICTURES

if TYPE_CHECKING:
    from rsinspect.comparisons.comparison import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagramOptions:
    """Whether what was compared is drawn, and in what detail."""

    graph: Annotated[
        bool,
        option(
            "--graph",
            help="Draw the network instead, coloured by what became slower or faster; two "
            "networks side by side. In every format of graph.",
            panel=OUTPUT,
        ),
    ] = False
    view: Annotated[
        str | None,
        option(
            "--view",
            help="Of --graph: {}. Default: blocks.",
            choices=COMPARED_VIEWS,
            panel=OUTPUT,
        ),
    ] = None

    def check(self, output: Path | None, format: str | None) -> None:
        """Refuse what cannot be drawn, before anything is measured.

        Raises:
            UnknownFormat: If the format or suffix is unknown, or the two disagree.
            InvalidChoice: If the view is unknown.
        """
        chosen(PICTURES, output, format)
        if self.view is not None:
            check_choice("view of two runs", self.view, COMPARED_VIEWS)

    def put(
        self,
        found: "Comparison",
        theme: str,
        place: PlaceOptions,
        output: Path | None,
        format: str | None,
    ) -> None:
        """Draw what was compared.

        Args:
            found: What was compared.
            theme: Of the picture.
            place: The place it is for.
            output: The file; none, or STDOUT, for stdout.
            format: One of PICTURES; by default that of the file.

        Raises:
            OutputNotWritable: If a file cannot be written.
            RenderError: If it cannot be drawn.
        """
        from rsinspect.drawing import formats
        from rsinspect.drawing.formats import Style
        from rsinspect.plots.overlay import compared

        name = formats.chosen(output, chosen(PICTURES, output, format))
        view = self.view or ("blocks" if name not in choices.EVERY_LAYER else None)
        scene = compared(found, name=formats.view_in(name, view), deep=name in choices.DEEP)
        style = Style(theme=theme, size=place.place, title=place.title, caption=place.caption)
        show(scene, name, style, output)
