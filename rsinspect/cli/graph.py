"""``rsinspect graph``: the network as a figure, a page or an interchange file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rsinspect.cli.claims import reads, writes
from rsinspect.cli.declaration import one_of, option
from rsinspect.cli.layer_weights import Weights, weights_in
from rsinspect.cli.options import Convention, model_command
from rsinspect.cli.outputs import chosen
from rsinspect.cli.picture import StyleOptions, show
from rsinspect.drawing import choices
from rsinspect.drawing.choices import PICTURES, QUANTITIES, VIEWS
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

if TYPE_CHECKING:
    from rsinspect.drawing.overlay import Measured
    from rsinspect.drawing.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOptions:
    """What is drawn of the network, and where it goes."""

    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help=f"The file: {one_of(PICTURES.suffixes)}; '-' for stdout. Default: a picture of "
            "characters on the terminal.",
            callback=writes,
        ),
    ] = None
    format: Annotated[
        str | None,
        option(
            "--format",
            "-f",
            help="{}. Default: from the suffix; svg for '-o -'.",
            choices=PICTURES.names,
        ),
    ] = None
    view: Annotated[
        str | None,
        option(
            "--view",
            help="{}. Default: figure6, in .html, .mmd and .txt stages; .me.json and .netron.json "
            "always have every layer.",
            choices=VIEWS,
        ),
    ] = None
    expand: Annotated[
        list[str] | None,
        option(
            "--expand",
            help="Open a stage (c4), a run (c4/block1-22) or a block (c4/block1) one level "
            "further; repeatable.",
        ),
    ] = None

    def scene(self, network: Network, direction: str, question: Question) -> "Scene":
        """Arrange what is drawn.

        Raises:
            InvalidChoice: If view, format or direction is unknown.
            UnknownPicture: If the format cannot show the view.
        """
        from rsinspect.drawing.formats import view_in
        from rsinspect.drawing.views import view as scene_of

        format = self.chosen_format()
        return scene_of(
            network,
            view_in(format, self.view),
            direction=direction,
            expand=tuple(self.expand or ()),
            question=question,
            deep=format in choices.DEEP,
        )

    def chosen_format(self) -> str:
        """Choose the format, given or from the suffix of the file.

        Raises:
            UnknownFormat: If there is no such format or suffix, or the two disagree.
        """
        from rsinspect.drawing import formats

        return formats.chosen(self.output, chosen(PICTURES, self.output, self.format))


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourOptions:
    """What the colours of the nodes say."""

    color: Annotated[
        str | None, option("--color", "--colour", help="Colour by {}.", choices=QUANTITIES)
    ] = None
    profile: Annotated[
        Path | None,
        option(
            "--profile",
            help="A run that rsinspect profile --save wrote, for --color latency.",
            callback=reads,
        ),
    ] = None
    weights: Weights = None
    convention: Convention = "paper"

    def quantity(self) -> str | None:
        """Choose the quantity: latency where only a run is given, the spread of weights where only
        a file of these is; None for the plain colours.

        Raises:
            InvalidChoice: If there is no quantity of that name.
            UnknownPicture: If it is the latency and there is no run, or about weights and no file.
        """
        from rsinspect.drawing.overlay import check_quantity

        usual = "latency" if self.profile is not None else "weight_std" if self.weights else None
        color = self.color or usual
        if color is not None:
            check_quantity(color, self.profile is not None, self.weights is not None)
        return color


@model_command()
def graph(
    network: Network, picture: PictureOptions, colour: ColourOptions, style: StyleOptions
) -> None:
    """Draw the network; no system package is needed.

    Examples:
        rsinspect graph 101 -o resnet-rs-101.svg
        rsinspect graph my.keras --view stages --color flops -o flops.pdf
    """
    question = Question(colour.convention)
    format, how = picture.chosen_format(), style.make()
    quantity = colour.quantity()
    measured = None if colour.profile is None else _measured(colour.profile, network)
    weights = weights_in(colour.weights, network)
    scene = picture.scene(network, style.direction, question)
    if quantity is not None:
        from rsinspect.drawing.overlay import overlay
        from rsinspect.drawing.weighed import Weighed

        weighed = None if weights is None else Weighed.of(weights, network)
        scene = overlay(scene, quantity, measured=measured, weighed=weighed)
    show(scene, format, how, picture.output)


def _measured(path: Path, network: Network) -> "Measured":
    """Read what a saved run says about the network."""
    from rsinspect.plots.overlay import measured_of
    from rsinspect.profiling.record.saved import load_run

    return measured_of(load_run(path), network)
