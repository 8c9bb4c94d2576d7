"""``rsinspect predict``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.base.formats import STDOUT
from rsinspect.cli.claims import reads, reads_model
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.downloads import download
from rsinspect.cli.options import models, with_options
from rsinspect.cli.outputs import (
    CHARTED,
    ChartedFormat,
    ChartedOutput,
    Notes,
    Plot,
    Theme,
    answer_charted,
    chosen,
)
from rsinspect.cli.picture import PlaceOptions
from rsinspect.images.preprocessing import INTERPOLATIONS, SCALINGS
from rsinspect.networks.grammar import parse_resolution

if TYPE_CHECKING:
    from rsinspect.images.photograph import Photograph
    from rsinspect.networks.network import Network
    from rsinspect.plots.page import PlotFormat
    from rsinspect.prediction.predict import Choices

_NETWORK, _IMAGES = "Network", "Photographs"


@dataclass(kw_only=True, repr=False)
class AskedOptions:
    """Which network is asked."""

    model: Annotated[
        str | None,
        option(
            "--model",
            "-m",
            help="The network: 101@192, EfficientNetB0, my.keras. Default: what is in the file of "
            "weights, else 50.",
            panel=_NETWORK,
            callback=reads_model,
            autocompletion=completing(models),
        ),
    ] = None
    weights: Annotated[
        str | None,
        option(
            "--weights",
            "-w",
            help="A file, imagenet or imagenet-i224. Default: those in the network's own file, "
            "else the published ones.",
            panel=_NETWORK,
        ),
    ] = None
    resolution: Annotated[
        str | None,
        option(
            "--resolution",
            "-r",
            help="Image side, or height x width. Default: the network's own.",
            panel=_NETWORK,
        ),
    ] = None

    def network(self) -> "Network":
        """Make the network.

        Raises:
            RsInspectError: If there is none.
        """
        from rsinspect.networks.named import network
        from rsinspect.prediction.predict import network_for

        size = None if self.resolution is None else parse_resolution(self.resolution)
        if self.model is None:
            return network_for(self.weights, size)
        return network(self.model, resolution=size)


@dataclass(kw_only=True, repr=False)
class LookOptions:
    """How photographs are looked at."""

    limit: Annotated[int, option("--limit", "-n", help="How many classes to show.")] = 5
    labels: Annotated[
        Path | None,
        option(
            "--labels",
            help="Names of the classes: a text file, one a line, or JSON. Default: ImageNet's, "
            "where Keras has fetched its list.",
            callback=reads,
        ),
    ] = None
    crop_ratio: Annotated[
        float | None,
        option(
            "--crop-ratio",
            help="Side of the middle that is seen, over what fits. Default: size / (size + 32), "
            "as in the TPU code: 0.833 at 160, 0.875 at 224.",
            panel=_IMAGES,
        ),
    ] = None
    interpolation: Annotated[
        str,
        option("--interpolation", help="{}.", choices=INTERPOLATIONS, panel=_IMAGES),
    ] = "bicubic"
    scaling: Annotated[
        str | None,
        option(
            "--scaling",
            help="How the network wants pixels: {}. Default: what suits it.",
            choices=SCALINGS,
            panel=_IMAGES,
        ),
    ] = None

    def make(self) -> "Choices":
        """Check the options.

        Raises:
            InvalidPrediction: If a number is out of its range.
        """
        from rsinspect.prediction.predict import Choices

        return Choices(
            crop_ratio=self.crop_ratio,
            interpolation=self.interpolation,
            scaling=self.scaling,
            labels=self.labels,
            limit=self.limit,
        )


@with_options
def predict(
    image: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE",
            help="Files of photographs: JPEG, PNG, WebP, GIF or TIFF; - for stdin.",
            show_default=False,
        ),
    ],
    asked: AskedOptions,
    look: LookOptions,
    place: PlaceOptions,
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    notes: Notes = "short",
    plot: Plot = None,
    theme: Theme = "light",
) -> None:
    """Say what is in a picture: the classes that a network with weights finds likeliest.

    Examples:
        rsinspect predict cat.jpg
        rsinspect predict cat.jpg dog.jpg --model my.keras --labels names.txt
    """
    from rsinspect.prediction.answer import predict_answer
    from rsinspect.prediction.predict import predict as predictions
    from rsinspect.weights.chosen import weights_for

    format, choices, sheet = chosen(CHARTED, output, format), look.make(), place.sheet()
    photographs = [_photograph(each) for each in image]
    network = asked.network()
    choices.reading(network)  # what cannot be is refused before anything is fetched
    with download("weights") as watch:
        weights = weights_for(network, asked.weights, watch)
    said = predictions(network, weights, photographs, choices)

    def draw(format: "PlotFormat") -> bytes:
        from rsinspect.plots.predictions import predictions_plot

        return predictions_plot(said, format, theme, sheet)

    answer_charted(predict_answer(said), draw, format, output, notes, plot)


def _photograph(text: str) -> "Photograph":
    """Decode a photograph from a file or from stdin."""
    from rsinspect.images.photograph import MOST_BYTES, photograph

    if Path(text) != STDOUT:
        return photograph(Path(text))
    return photograph(sys.stdin.buffer.read(MOST_BYTES + 1), "stdin")
