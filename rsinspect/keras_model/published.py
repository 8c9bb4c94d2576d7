"""The published ImageNet weight files: which there are, for which network, and how one gets here.

They are fetched once, by Keras's own ``get_file``, into Keras's own cache, and compared with the
md5 that ``paper`` has. Nothing is left behind that is not what was published.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import tempfile
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from rsinspect import paper
from rsinspect.base.errors import WeightsError, WeightsUnavailable
from rsinspect.keras_model.backend import keras
from rsinspect.keras_model.build import weight_order
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

MIRROR_VARIABLE = "RSINSPECT_WEIGHTS_URL"
"""Environment variable with the folder URL to fetch published files from instead."""

TIMEOUT_S = 30.0
"""Silence after which a download is given up."""


def published_name(weights: str, spec: ResNetRSSpec) -> str:
    """File name of the published weights that ``weights`` asks for.

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
    """Where published files are kept: Keras's own place, so that a file serves both.

    ``$KERAS_HOME/models``, else ``~/.keras/models``; where that cannot be written, the same
    under the machine's temporary folder.
    """
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
    if not os.access(home, os.W_OK):
        home = Path(tempfile.gettempdir(), ".keras")
    return home / "models"


def fetch_published(name: str) -> Path:
    """A published file, from the cache or, once, from the network, with its md5 verified.

    Args:
        name: One of ``paper.published_weights().md5``.

    Returns:
        The file in ``cache_folder``, or the one in Keras's cache where that is read-only.

    Raises:
        WeightsUnavailable: If it is not here and cannot be fetched, or is not what was published;
            the hint names the place to put it. Nothing is left behind.
    """
    published = paper.published_weights()
    md5 = published.md5[name]
    read_only = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models" / name
    folder = cache_folder()
    target = folder / name
    for place in dict.fromkeys((target, read_only)):
        if _md5(place) == md5:
            return place
    url = f"{(os.environ.get(MIRROR_VARIABLE) or published.base_url).rstrip('/')}/{name}"
    hint = f"put the file at {target}, or set {MIRROR_VARIABLE} to a folder that has it"
    try:
        with _impatient(), contextlib.redirect_stdout(sys.stderr):
            return Path(
                keras.utils.get_file(
                    fname=name,
                    origin=url,
                    cache_dir=str(folder.parent),
                    cache_subdir=folder.name,
                    file_hash=md5,
                    hash_algorithm="md5",
                )
            )
    except Exception as exc:  # Keras wraps failures of the network in a bare Exception
        arrived = _md5(target)
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        if arrived is not None:
            message = f"{name} with md5 {md5} was expected from {url}; what came has md5 {arrived}"
        else:
            message = f"{name} (md5 {md5}) could not be fetched from {url}: {_reason(exc)}"
        raise WeightsUnavailable(message, hint) from exc


def _md5(path: Path) -> str | None:
    """Digest of a file, or None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return None


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Give sockets a time limit, which Keras's download leaves open."""
    before = socket.getdefaulttimeout()
    if before is None:
        socket.setdefaulttimeout(TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(exc: Exception) -> str:
    """Why a download failed, in one line."""
    cause = exc.__context__
    if isinstance(cause, urllib.error.HTTPError):
        return f"HTTP {cause.code} {cause.reason}"
    if isinstance(cause, urllib.error.URLError):
        return one_line(cause.reason)
    return one_line(exc)


def one_line(value: object) -> str:
    """What an exception or a value says, without line breaks."""
    return " ".join(str(value).split()) or type(value).__name__
