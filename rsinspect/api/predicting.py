"""What is in photographs, from a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsinspect.api.networks import Model, network, sides_of
from rsinspect.api.results import Plot, TableResult, sheet_for
from rsinspect.drawing.choices import PLOTS
from rsinspect.render.formats import TABLES

if TYPE_CHECKING:
    from rsinspect.images.preprocessing import Preprocessing
    from rsinspect.networks.network import Network
    from rsinspect.prediction.predict import Choices
    from rsinspect.prediction.predictions import Predictions
    from rsinspect.prediction.process import Ran


class Predicted(TableResult):
    """What a network sees in photographs.

    Attributes:
        predictions: All that it said, with what was done to the photographs.
    """

    _formats = TABLES.or_else(PLOTS)

    def __init__(self, predictions: Predictions) -> None:
        from rsinspect.prediction.answer import predict_answer

        super().__init__(predict_answer(predictions))
        self.predictions = predictions

    def plot(
        self,
        theme: str = "light",
        *,
        size: str | None = None,
        title: str | None = None,
        caption: bool = True,
    ) -> Plot:
        """Draw the photographs, and beside each what the network sees in it.

        Args:
            theme: ``paper``, ``light``, ``dark`` or ``print``.
            size: As in ``rsinspect.graph``.
            title: Likewise.
            caption: Likewise.

        Raises:
            InvalidChoice: If the theme is unknown.
            PictureTooLarge: If they do not fit the size.
        """
        from rsinspect.plots.predictions import predictions_plot

        said, sheet = self.predictions, sheet_for(size, title, caption)
        return Plot(lambda format: predictions_plot(said, format, theme, sheet), self.title)

    def _picture(self) -> Plot:
        return self.plot()


def predict(
    images: Any,
    *,
    model: Model | None = None,
    weights: str | Path | None = None,
    resolution: int | tuple[int, int] | None = None,
    limit: int = 5,
    labels: str | Path | None = None,
    crop_ratio: float | None = None,
    interpolation: str = "bicubic",
    scaling: str | None = None,
) -> Predicted:
    """Say what is in photographs: the classes that a network finds likeliest.

    A live model is run as it is; any other network is built in a process of its own.

    Args:
        images: Path of a file, its bytes, pixels (height, width, 3) of 0 to 255 or one of Pillow's
            images; or several in a list.
        model: As in ``network``. By default what is in the file of weights, or else ResNet-RS-50.
        weights: ``imagenet``, ``imagenet-i224`` or the path of a file; by default those in the
            network's own file or model, or else the published ones, which are fetched once.
        resolution: Image side or (height, width); the network's own by default.
        limit: How many classes to show.
        labels: File with the names of classes, one a line or JSON; by default ImageNet's, where
            Keras has fetched its list.
        crop_ratio: Side of the middle that is seen, over what fits the photograph; by default
            size / (size + 32), as in the TPU code.
        interpolation: ``bicubic``, ``bilinear``, ``lanczos`` or ``nearest``.
        scaling: How the network wants pixels: ``none`` (0 to 255), ``unit`` (0 to 1), or ``tf``,
            ``torch`` or ``caffe`` as Keras calls them; by default what suits it.

    Raises:
        ImageError: If one is no photograph that can be decoded.
        WeightsError: If the weights are not the network's; ``WeightsUnavailable`` if they were
            published and cannot be fetched.
        RsInspectError: If the network is of another kind, or an argument is not one there is.

    >>> import rsinspect
    >>> seen = rsinspect.predict("cat.jpg", weights="my.keras")  # doctest: +SKIP
    >>> seen.plot().save("cat.svg")  # doctest: +SKIP
    """
    from rsinspect.images.photograph import photograph
    from rsinspect.networks.keras_live import is_keras_model
    from rsinspect.prediction.predict import Choices, network_for
    from rsinspect.prediction.predict import predict as predictions
    from rsinspect.weights.chosen import weights_for

    choices = Choices(
        crop_ratio=crop_ratio,
        interpolation=interpolation,
        scaling=scaling,
        labels=None if labels is None else Path(labels),
        limit=limit,
    )
    several = images if isinstance(images, list | tuple) else [images]
    photographs = [photograph(image) for image in several]
    named = None if weights is None else str(weights)
    size = sides_of(resolution)
    made = network_for(named, size) if model is None else network(model, resolution=size)
    choices.reading(made)  # what cannot be is refused before anything is fetched
    if is_keras_model(model) and named is None:
        return Predicted(_of_live(model, made, photographs, choices))
    return Predicted(predictions(made, weights_for(made, named), photographs, choices))


def _of_live(
    model: Any, network: Network, photographs: Sequence[Any], choices: Choices
) -> Predictions:
    """Run a model that is live, as it is."""
    import importlib

    from rsinspect.images.preprocessing import batch_of
    from rsinspect.prediction.predict import predict
    from rsinspect.prediction.process import Ran
    from rsinspect.weights.chosen import LIVE

    predictor = importlib.import_module("rsinspect.keras_model.predictor")

    def ran(chosen: Preprocessing) -> Ran:
        return Ran(*predictor.ran(model, batch_of(photographs, chosen)))

    return predict(network, LIVE, photographs, choices, ran)
