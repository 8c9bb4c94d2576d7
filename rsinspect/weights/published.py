"""The published ImageNet weight files: which there are, of which networks, kept where."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rsinspect import paper
from rsinspect.base.errors import UnknownVariant, WeightsError
from rsinspect.base.files import takes_files
from rsinspect.base.units import dimensions
from rsinspect.base.words import near, quoted
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.fold import whole_cost
from rsinspect.networks.grammar import parse_model
from rsinspect.networks.keras_cache import keras_home
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.order import weight_order


def is_published(weights: str) -> bool:
    """Tell whether ``weights`` asks for published ones: ``imagenet`` or ``imagenet-i224``."""
    return re.fullmatch(r"imagenet(-i[^./\\]*)?", weights) is not None


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
        raise WeightsError(
            f"no ImageNet weights are published for {spec.name}",
            f"published depths: {_depths()}; or pass weights=None or the path of a file",
        )
    sizes = [str(size) for size in variant.resolutions]
    size = weights.removeprefix("imagenet").removeprefix("-i") or sizes[-1]
    if size not in sizes:
        raise WeightsError(
            f"no ImageNet weights of size {size!r} are published for resnet-rs-{variant.depth}",
            f"published: {', '.join(f'imagenet-i{size}' for size in sizes)}",
        )
    _require_published_network(spec)
    return _file_name(variant.depth, size, include_top=spec.include_top)


def _depths() -> str:
    return ", ".join(str(v.depth) for v in paper.variants().values() if v.published)


class PublishedFile(NamedTuple):
    """A published weight file.

    Attributes:
        name: Of the file.
        depth: Of the network.
        resolution: Side of the images that it was trained on.
        include_top: Whether the classifier's weights are in it.
        md5: Of the file.
        params: Numbers in it, four bytes each.
    """

    name: str
    depth: int
    resolution: int
    include_top: bool
    md5: str
    params: int

    @property
    def weights_bytes(self) -> int:
        """Return the bytes of all weights; the file has some more, which say what each is."""
        return 4 * self.params


@cache
def published_files() -> tuple[PublishedFile, ...]:
    """List the published files, shallowest and smallest first, each with and without classifier.

    >>> [file.name for file in published_files()][1:3]
    ['resnet-rs-50-i160_notop.h5', 'resnet-rs-101-i160.h5']
    """
    md5 = paper.published_weights().md5
    files = []
    for variant in paper.variants().values():
        params = {
            top: whole_cost(
                build_graph(ResNetRSSpec.variant(variant.depth, include_top=top))
            ).params
            for top in (True, False)
            if variant.published
        }
        for size in variant.resolutions:
            for top in (True, False):
                name = _file_name(variant.depth, size, include_top=top)
                file = PublishedFile(name, variant.depth, size, top, md5[name], params[top])
                files.append(file)
    return tuple(files)


def _file_name(depth: int, size: int | str, *, include_top: bool) -> str:
    return f"resnet-rs-{depth}-i{size}{'' if include_top else '_notop'}.h5"


def file_named(text: str, *, include_top: bool = True) -> PublishedFile:
    """Find the published file that a text means.

    Args:
        text: The name of a file, ``resnet-rs-50-i160_notop.h5``, or of a network, ``152@224``, for
            the largest size where it names none.
        include_top: Whether the classifier is wanted, where a network is named.

    Raises:
        WeightsError: If none was published for it; the hint says which were.
        SpecError: If the text names no network of anybody's.
        InvalidChoice: If it names a dialect that nobody has.

    >>> file_named("152@192", include_top=False).name
    'resnet-rs-152-i192_notop.h5'
    """
    files = {file.name: file for file in published_files()}
    if text in files:
        return files[text]
    if text.endswith(".h5"):
        raise WeightsError(f"no file {quoted(text)} was published", near(text, files))
    try:
        spec = parse_model(text).spec(include_top=include_top)
    except UnknownVariant as exc:
        raise WeightsError(
            f"no ImageNet weights are published for {quoted(text)}",
            f"published depths: {_depths()}",
        ) from exc
    sides = set(spec.resolution)
    if len(sides) > 1:
        raise WeightsError(
            f"no ImageNet weights of size {dimensions(spec.resolution)} are published",
            "the published networks are square: 152@224",
        )
    return files[published_name(f"imagenet-i{sides.pop()}", spec)]


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


def places(name: str) -> tuple[Path, ...]:
    """List where a published file may lie, ours or one that Keras 2 has fetched, the best first.

    Keras 2 keeps them in the same folders, under the same names (tf_keras 2.21, ``get_file`` in
    utils/data_utils.py).
    """
    usual = Path(os.path.expanduser("~/.keras"))  # noqa: PTH111  # there may be no home
    homes = (keras_home(), usual, *_spare())
    return tuple(
        dict.fromkeys([cache_folder() / name, *(home / "models" / name for home in homes)])
    )


def _spare() -> Iterator[Path]:
    """Give the place for a machine whose user has none; nothing where there is no such folder."""
    with contextlib.suppress(OSError):
        yield Path(tempfile.gettempdir(), ".keras")


def cache_folder() -> Path:
    """Locate where published files are kept: Keras's own place, so that a file serves both.

    ``$KERAS_HOME/models``, else ``~/.keras/models``; where that cannot be written, the same
    under the machine's temporary folder.
    """
    home = keras_home()
    nearest = next(
        folder for folder in (home / "models", *(home / "models").parents) if _is_folder(folder)
    )
    return (home if takes_files(nearest) else next(_spare(), home)) / "models"


def md5_of(path: Path) -> str | None:
    """Digest a file; None where there is none that can be read."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return None


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  # False also where nobody may look
