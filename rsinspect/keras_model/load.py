"""Loading a weight file into a model: the file behind a ``weights`` argument, checked, then loaded.

Keras 2 files are assigned layer by layer under our own eyes, the others by Keras. Nothing falls
back to random weights: a file is loaded whole or refused.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from rsinspect.base.errors import RsInspectError, WeightsError
from rsinspect.keras_model.backend import keras
from rsinspect.keras_model.fetch import fetch_published
from rsinspect.networks.network import Network
from rsinspect.weights.contents import (
    ARCHIVE,
    DAMAGE,
    INSIDE_ARCHIVE,
    KERAS_2,
    keras_2_arrays,
    layout_of,
    one_line,
    opened,
)
from rsinspect.weights.identify import check
from rsinspect.weights.order import weight_order
from rsinspect.weights.published import published_name


def resolve(weights: str | os.PathLike[str] | None, network: Network) -> Path | None:
    """Find the file behind a ``weights`` argument, on this machine, and check it.

    Args:
        weights: None; the path of a file; ``imagenet`` for the published weights of the depth at
            its largest size, or ``imagenet-i224`` for those of one size.
        network: What the weights are for.

    Returns:
        The file to load, or None for none.

    Raises:
        WeightsUnavailable: If a published file is not here and cannot be fetched.
        WeightsError: If the file is missing, damaged or belongs to another network, or if there
            are no published weights for this one.
    """
    if weights is None:
        return None
    if isinstance(weights, str) and re.fullmatch(r"imagenet(-i[^./\\]*)?", weights):
        if network.spec is None:
            raise WeightsError(
                f"no ImageNet weights are published for {network.name}",
                "pass weights=None or the path of a file",
            )
        path = fetch_published(published_name(weights, network.spec))
    elif isinstance(weights, str | os.PathLike):
        path = Path(weights).expanduser()
    else:
        raise WeightsError(
            f"weights is a {type(weights).__name__}; it must be None, 'imagenet' or a path"
        )
    check(path, network)
    return path


def load(model: keras.Model, path: Path, network: Network) -> None:
    """Load a checked file into the model built from ``network``.

    Raises:
        WeightsError: If the file cannot be read after all.
    """
    try:
        if layout_of(path) in KERAS_2:
            _assign(model, path, network)
        elif layout_of(path) == ARCHIVE:
            _load_archive(model, path)
        else:
            model.load_weights(path)
    except RsInspectError:
        raise
    except (*DAMAGE, EOFError, zipfile.BadZipFile) as exc:
        raise WeightsError(f"{path} could not be loaded: {one_line(exc)}") from exc


def _load_archive(model: keras.Model, path: Path) -> None:
    """Unpack, then load: inside the archive Keras would read from the start for each array.

    Four seconds for depth 50, and growing with the square of the size (Keras 3.15).
    """
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder, INSIDE_ARCHIVE)
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(INSIDE_ARCHIVE) as packed,
            unpacked.open("wb") as file,
        ):
            shutil.copyfileobj(packed, file)
        model.load_weights(unpacked)


def _assign(model: keras.Model, path: Path, network: Network) -> None:
    """Set weights layer by layer, by path: right also where the model has layers before ours."""
    with opened(path, layout_of(path)) as file:
        for layer, (_, arrays) in zip(
            weight_order(network.graph), keras_2_arrays(file), strict=True
        ):
            model.get_layer(network.names[layer.path]).set_weights([array[()] for array in arrays])
