"""``rsinspect table``, ``figure`` and ``recipe``: the paper, beside what rsinspect computes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.answers.figures import FIGURES, TABLE_AXES
from rsinspect.base.errors import UnknownVariant
from rsinspect.cli.declaration import OUTPUT, completing, one_of, option
from rsinspect.cli.options import Convention, models, with_options
from rsinspect.cli.outputs import (
    ChartedFormat,
    ChartedOutput,
    Format,
    Notes,
    Output,
    Plot,
    Theme,
    answer,
    answer_charted,
)
from rsinspect.cli.picture import PlaceOptions
from rsinspect.layers.question import Question
from rsinspect.networks.grammar import parse_model

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
    """Show a table of the paper, computed figures beside the printed ones."""
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
    """List the networks of Figure 2 or 3, the paper's scaling study, and what they cost."""
    from rsinspect.answers.figures import figure_answer, figure_chart

    def draw(format: "PlotFormat") -> bytes:
        from rsinspect.plots.chart import chart_plot

        return chart_plot(figure_chart(number), format, theme, place.sheet())

    answer_charted(figure_answer(number, Question(convention)), draw, format, output, notes, plot)


def recipe(
    model: Annotated[
        str,
        typer.Argument(
            help="A published model: 270, 152@224, ResNetRS101.",
            show_default=False,
            autocompletion=completing(models),
        ),
    ],
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Show how a published model was trained (Table 8), code base by code base."""
    from rsinspect.answers.recipe import CODE_BASES, recipe_answer
    from rsinspect.networks import applications

    if applications.named_in(model):
        raise UnknownVariant(
            f"no recipe of {model} is known here", "those of ResNet-RS are: 270, 152@224"
        )
    named = parse_model(model)
    depth, size = named.depth, named.resolution
    covered = (None, *(dialect for _, dialect in CODE_BASES.values()))
    if named.dialect not in covered or named.se is not None:
        raise UnknownVariant(
            f"no recipe of {model} was published", "name the model alone: 270, 152@224"
        )
    if size is not None and size[0] != size[1]:
        raise UnknownVariant(
            f"no recipe of {model} was published", "the published models are square: 152@224"
        )
    answer(recipe_answer(depth, None if size is None else size[0]), format, output, notes)
