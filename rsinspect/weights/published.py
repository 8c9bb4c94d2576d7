"""The published ImageNet weight files: which there are, of which networks, kept where."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from rsinspect import paper
from rsinspect.base.errors import WeightsError
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.kept import keras_home
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.order import weight_order


def published_name(weights: str, spec: ResNetRSSpec) -> str:
    """Name the file of the published weights that ``weights`` asks for.

    Raises:
        WeightsError: If none were published for this network; the hint says which there are.

    >>> published_name("imagenet", ResNetRSSpec.variant(152))
    'resnet-rs-152-i256.h5'
    >>> published_name("imagenet-i192", ResNetRSSpec.variant(152, include_top=False))
    'resnet-rs-152-i192_notop.h5'
    """
    variant = paper.variants().get(spec.depth) if spec.depth is not None else None
    if variant is None or not variant.published:
        depths = ", ".join(str(v.depth) for v in paper.variants().values() if v.published)
        raise WeightsError(
            f"no ImageNet weights are published for {spec.name}",
            f"published depths: {depths}; or pass weights=None or the path of a file",
        )
    sizes = [str(size) for size in variant.resolutions]
    size = weights.removeprefix("imagenet").removeprefix("-i") or sizes[-1]
    if size not in sizes:
        raise WeightsError(
            f"no ImageNet weights of size {size!r} are published for resnet-rs-{variant.depth}",
            f"published: {', '.join(f'imagenet-i{size}' for size in sizes)}",
        )
    _require_published_network(spec)
    return f"resnet-rs-{variant.depth}-i{size}{'' if spec.include_top else '_notop'}.h5"


def _require_published_network(spec: ResNetRSSpec) -> None:
    """Refuse ImageNet weights for a network that they were not trained for."""
    top = spec.include_top
    for wrong, message, hint in (
        (
            spec.dialect.name != "keras",
            f"the ImageNet weights are of the keras dialect, not of {spec.dialect.name}",
            "pass dialect='keras'",
        ),
        (
            spec.width != 1,
            f"the ImageNet weights are of width 1, not {spec.width:g}",
            "pass weights=None for a width of your own",
        ),
        (
            spec.channels != 3,
            f"the ImageNet weights take 3 image channels, not {spec.channels}",
            "repeat a grey image in all three",
        ),
        (
            top and spec.classes != 1000,
            f"the ImageNet weights have 1000 classes, not {spec.classes}",
            "pass include_top=False and add a classifier of your own",
        ),
        (
            top and spec.classifier_activation not in ("softmax", "linear"),
            "the ImageNet classifier ends in softmax or, for logits, in nothing; "
            f"not in {spec.classifier_activation}",
            "pass classifier_activation='softmax' or None",
        ),
    ):
        if wrong:
            raise WeightsError(message, hint)
    assert spec.depth is not None
    published = weight_order(build_graph(ResNetRSSpec.variant(spec.depth, include_top=top)))
    for ours, theirs in zip(weight_order(build_graph(spec)), published, strict=False):
        if (ours.path, weight_shapes(ours.op)) != (theirs.path, weight_shapes(theirs.op)):
            raise WeightsError(
                f"the ImageNet weights are of another network: first difference at {theirs.path}",
                "leave block_args and se_ratio at their defaults, or pass weights=None",
            )
    if len(published) != len(weight_order(build_graph(spec))):
        raise WeightsError(
            "the ImageNet weights are of another network: another number of layers",
            "leave block_args at its default, or pass weights=None",
        )


def cache_folder() -> Path:
    """Locate where published files are kept: Keras's own place, so that a file serves both.

    ``$KERAS_HOME/models``, else ``~/.keras/models``; where that cannot be written, the same
    under the machine's temporary folder.
    """
    home = keras_home()
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
    if not os.access(home, os.W_OK):
        with contextlib.suppress(OSError):  # where there is none, writing says so
            home = Path(tempfile.gettempdir(), ".keras")
    return home / "models"
