"""The option that names a weight file to look at beside a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rsinspect.cli.claims import reads
from rsinspect.cli.declaration import option
from rsinspect.networks.network import Network

if TYPE_CHECKING:
    from rsinspect.weights.layer_weights import LayerWeights

Weights = Annotated[
    Path | None,
    option(
        "--weights",
        help="A file with its weights, of any format that rsinspect weights reads: what their "
        "numbers are like, layer by layer.",
        callback=reads,
    ),
]


def weights_in(path: Path | None, network: Network) -> "LayerWeights | None":
    """Read the weights of a network in a file; None where no file is named.

    Raises:
        WeightsError: As ``layer_weights`` says.
    """
    if path is None:
        return None
    from rsinspect.weights.layer_weights import layer_weights

    return layer_weights(path, network)
