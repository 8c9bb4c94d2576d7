"""``rsinspect table`` and ``figure``: the paper, beside what rsinspect computes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.answers.figures import FIGURES, TABLE_AXES
from rsinspect.cli.declaration import OUTPUT, completing, one_of, option
from rsinspect.cli.options import Convention, with_options
from rsinspect.cli.outputs import (
    ChartedFormat,
    ChartedOutput,
    Notes,
    Plot,
    Theme,
    answer_charted,
)
from rsinspect.cli.picture import PlaceOptions
from rsinspect.layers.question import Question

if TYPE_CHECKING:
    from rsinspect.plots.page import PlotFormat


def _number(help: str, numbers: Iterable[int]) -> Any:
    return typer.Argument(
        metavar="N",
        help=help,
        show_default=False,
        autocompletion=completing(map(str, numbers)),
    )


@with_options
def table(
    number: Annotated[int, _number("1 to 12.", range(1, 13))],
    place: PlaceOptions,
    convention: Convention = "paper",
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    notes: Notes = "short",
    plot: Plot = None,
    x: Annotated[
        str,
        option("--x", help="Axis of the plot of table 7: {}.", choices=TABLE_AXES, panel=OUTPUT),
    ] = "v100",
    theme: Theme = "light",
    others: Annotated[
        bool,
        option(
            "--computed",
            help="Compute EfficientNet's rows too, in tables 3 and 7; Keras builds each once.",
        ),
    ] = False,
) -> None:
    """Show a table of the paper, computed figures beside the printed ones.

    Examples:
        rsinspect table 7
        rsinspect table 1 -o table1.tex
    """
    from rsinspect.answers.figures import table_chart
    from rsinspect.answers.printed import table_answer

    def draw(format: "PlotFormat") -> bytes:
        from rsinspect.plots.chart import chart_plot

        return chart_plot(table_chart(number, x=x), format, theme, place.sheet())

    found = table_answer(number, Question(convention), others=others)
    answer_charted(found, draw, format, output, notes, plot)


@with_options
def figure(
    number: Annotated[int, _number(f"{one_of(map(str, FIGURES))}.", FIGURES)],
    place: PlaceOptions,
    convention: Convention = "paper",
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    notes: Notes = "short",
    plot: Plot = None,
    theme: Theme = "light",
) -> None:
    """List the networks of Figure 2 or 3, the paper's scaling study, and what they cost.

    Examples:
        rsinspect figure 2
        rsinspect figure 3 --plot figure3.svg
    """
    from rsinspect.answers.figures import figure_answer, figure_chart

    def draw(format: "PlotFormat") -> bytes:
        from rsinspect.plots.chart import chart_plot

        return chart_plot(figure_chart(number), format, theme, place.sheet())

    answer_charted(figure_answer(number, Question(convention)), draw, format, output, notes, plot)
