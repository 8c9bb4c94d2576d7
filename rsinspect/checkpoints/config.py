"""The model that a file of Keras's holds: its configuration as plain JSON values, and its weights.

A configuration says which classes Keras would make with which arguments. Here it is data: what it
names is neither imported nor called, and code in it is not decoded.

    .keras           a zip archive: ``config.json`` beside the weights
    .h5, .hdf5       an HDF5 file with the configuration as an attribute, of Keras 2 and 3
    config.json      the configuration alone; ``model.to_json()`` writes it too

The weights lie in an HDF5 file, which is opened when the shapes of a first layer's are asked for
and not before: most networks need none of them, and then neither h5py nor NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.layout import ARCHIVE, HDF5_SIGNATURE, layout_of, said, start_of

if TYPE_CHECKING:
    from rsinspect.checkpoints.hazards import Form

Config = Mapping[str, Any]
Shapes = tuple[tuple[int, ...], ...]

MOST_BYTES = 1 << 26
"""Of a configuration; that of a thousand layers has one or two million."""

_NO_NUMBER = re.compile(rb"[\s,:\[]-?(NaN|Infinity)\s*[,\]}]")


class StoredWeights(NamedTuple):
    """The shapes of a layer's weights.

    Attributes:
        shapes: The trainable ones first, each part in order.
        constants: How many of them, the last ones, are not trainable.
    """

    shapes: Shapes
    constants: int = 0


Lookup = Callable[[tuple[str, ...]], StoredWeights | None]
"""The weights of a layer by its name, after those of the models around it: ``("tower", "lstm")``;
None where they are not known."""


class Saved(NamedTuple):
    """What a file holds.

    Attributes:
        config: Of the model: ``{"class_name": "Functional", "config": {"layers": ...}}``.
        weights: Shapes of its weights, read when they are asked for.
        hazards: What somebody who loads the file should know, a sentence each.
    """

    config: Config
    weights: Lookup
    hazards: tuple[str, ...] = ()


def saved_model(path: Path) -> Saved:
    """Read the model in a ``.keras``, ``.h5`` or ``.hdf5`` file.

    Raises:
        WeightsError: If there is no such file, it is damaged or points at anything outside
            itself, or it holds weights without a model.
    """
    from rsinspect.checkpoints.shapes import weights_in

    name, start = said(path), start_of(path)
    if start == HDF5_SIGNATURE:
        content = _from_hdf5(path)
    elif layout_of(path) == ARCHIVE:
        content = _from_archive(path)
    elif start.startswith(b"PK"):
        raise WeightsError(
            f"{name} is a zip archive, not an HDF5 file",
            "if it is a .keras archive, let its name end in .keras",
        )
    else:
        raise WeightsError(
            f"{name} is {'not an HDF5 file' if start else 'empty'}",
            "fetch or save it again; a page saved in its place is a common cause",
        )
    config = parsed(content, name)
    form: Form = "hdf5" if start == HDF5_SIGNATURE else "archive"
    return saved(config, content, weights_in(path, config), form)


def saved(
    config: Config, content: bytes, weights: Lookup = lambda _: None, form: Form = "config"
) -> Saved:
    """Put together what a configuration says, and what its text gives away."""
    from rsinspect.checkpoints.config_hazards import hazards_of

    hazards = hazards_of(config, content)
    if not hazards:
        return Saved(config, weights)
    from rsinspect.checkpoints.hazards import sentences

    return Saved(config, weights, sentences(hazards, form))


def parsed(content: bytes, name: str) -> Config:
    """Read the text of a configuration.

    Args:
        content: In JSON.
        name: Of its file, for messages.

    Raises:
        WeightsError: If it is no JSON object.
    """
    from rsinspect.base import codec

    try:
        config = codec.from_text(content)
    except codec.Damaged as exc:
        odd = _NO_NUMBER.search(content)
        raise WeightsError(
            f"the configuration in {name} is no JSON: {odd[1].decode() if odd else exc}"
            f"{', which is no number' if odd else ''}",
            "save the model again",
        ) from exc
    if not isinstance(config, dict):
        raise WeightsError(f"the configuration in {name} is no JSON object", "save it again")
    return config


def is_config(document: object) -> bool:
    """Tell whether a JSON document is the configuration of a model, or of its layers."""
    if not isinstance(document, dict) or "schema" in document:
        return False  # rsinspect's own documents say what they are
    return isinstance(document.get("layers"), list) or (
        "class_name" in document and isinstance(document.get("config"), dict | list)
    )


def _from_archive(path: Path) -> bytes:
    """Read the configuration in a ``.keras`` archive."""
    from rsinspect.checkpoints.archive import CONFIG, archive_at

    with archive_at(path) as archive:
        return archive.content(CONFIG, MOST_BYTES)


def _from_hdf5(path: Path) -> bytes:
    """Read the configuration in an HDF5 file, of Keras 2 or 3."""
    from rsinspect.checkpoints.archive import is_archive
    from rsinspect.checkpoints.boundary import attribute, opened

    if layout_of(path) == ARCHIVE and is_archive(path):
        raise WeightsError(
            f"{said(path)} is an HDF5 file and an archive at once: readers disagree on what it is",
            "do not trust it; nothing of it was read",
        )
    with opened(path) as (file, _):
        content = attribute(file, "model_config", said(path))
    if content is None:
        raise WeightsError(
            f"{said(path)} holds weights without a model: no graph says what they belong to",
            "save the whole model, model.save('my.keras'), or name a file with its configuration, "
            "model.to_json()",
        )
    return content
