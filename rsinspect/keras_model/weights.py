"""Weight files: what is in one, whether it fits a network, and loading it.

Three layouts are read, told apart by the end of the name as Keras does:

    .h5, .hdf5    Keras 2: layers in order, names as attributes; the layout of the published files
    .weights.h5   Keras 3: arrays under ``layers/<class>_<n>/vars/<i>``
    .keras        Keras 3: a zip archive with such a file inside

A file is compared with the graph, array by array, before a model is built, so a wrong file is
refused in milliseconds and in words: which network it holds, not which tensor failed first. Keras
2 files are then assigned layer by layer under our own eyes, the other two by Keras.

Nothing falls back to random weights: a file is loaded whole or refused.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import h5py

from rsinspect import paper
from rsinspect.base.errors import RsInspectError, WeightsError
from rsinspect.keras_model.backend import keras
from rsinspect.keras_model.build import weight_order
from rsinspect.keras_model.published import fetch_published, one_line, published_name
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.networks.dialects import DIALECTS, Dialect
from rsinspect.networks.keras_names import keras_name
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

_KERAS_2 = (".h5", ".hdf5")
_KERAS_3 = ".weights.h5"
_ARCHIVE = ".keras"
_INSIDE_ARCHIVE = "model.weights.h5"
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_DAMAGE = (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError)
"""What h5py raises on a file that is not what it seems."""

Shapes = tuple[tuple[int, ...], ...]
Contents = list[tuple[str, Shapes]]
"""Layers with weights as a file has them: name and shapes of the arrays, in the file's order."""


def resolve(
    weights: str | os.PathLike[str] | None, spec: ResNetRSSpec, graph: LayerGraph
) -> Path | None:
    """The file behind a ``weights`` argument, on this machine and checked against the graph.

    Args:
        weights: None; the path of a file; ``imagenet`` for the published weights of the depth at
            its largest size, or ``imagenet-i224`` for those of one size.
        spec: The network the weights are for.
        graph: Its graph.

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
        path = fetch_published(published_name(weights, spec))
    elif isinstance(weights, str | os.PathLike):
        path = Path(weights).expanduser()
    else:
        raise WeightsError(
            f"weights is a {type(weights).__name__}; it must be None, 'imagenet' or a path"
        )
    check(path, graph)
    return path


def check(path: Path, graph: LayerGraph) -> None:
    """Refuse a weight file that is damaged or belongs to another network.

    Args:
        path: The file.
        graph: The network it is meant for.

    Raises:
        WeightsError: With the first layer that differs and, where the file is recognised, a hint
            at the network it holds.
    """
    expected = _expected(path, graph)
    found = read_contents(path)
    if _fits(expected, found):
        return
    message = f"{path} does not fit {graph.name}: {_difference(expected, found)}"
    raise WeightsError(message, _recognised(found))


def _expected(path: Path, graph: LayerGraph) -> list[tuple[Layer, str | None, Shapes]]:
    """Layers with weights in file order; the name each must have there, None for any."""
    layers = weight_order(graph)
    if _layout(path) in _KERAS_2:
        return [(layer, None, weight_shapes(layer.op)) for layer in layers]
    seen: Counter[str] = Counter()
    expected: list[tuple[Layer, str | None, Shapes]] = []
    for layer in layers:
        kind = _GROUPS[type(layer.op)]
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        expected.append((layer, name, weight_shapes(layer.op)))
    return expected


_GROUPS: Mapping[type, str] = {
    ops.Conv2D: "conv2d",
    ops.BatchNorm: "batch_normalization",
    ops.Dense: "dense",
}
"""How Keras 3 files name a layer: its class, then a running number."""


def _fits(expected: list[tuple[Layer, str | None, Shapes]], found: Contents) -> bool:
    return _first_difference(expected, found) is None and len(expected) == len(found)


def _first_difference(
    expected: list[tuple[Layer, str | None, Shapes]], found: Contents
) -> tuple[Layer, Shapes, Shapes] | None:
    """First layer whose arrays differ: the layer, its shapes, the file's (empty for none)."""
    named = dict(found)
    for number, (layer, name, shapes) in enumerate(expected):
        if name is None:
            other = found[number][1] if number < len(found) else ()
        else:
            other = named.get(name, ())
        if other != shapes:
            return layer, shapes, other
    return None


def _difference(expected: list[tuple[Layer, str | None, Shapes]], found: Contents) -> str:
    if len(expected) != len(found):
        return f"it has {len(found)} layers with weights, the network {len(expected)}"
    different = _first_difference(expected, found)
    assert different is not None
    layer, ours, theirs = different
    return f"at {layer.path} the network has {_text(ours)}, the file {_text(theirs)}"


def _text(shapes: Shapes) -> str:
    return ", ".join("x".join(map(str, shape)) or "a scalar" for shape in shapes) or "nothing"


def _layout(path: Path) -> str:
    """The ending that tells the layout.

    Raises:
        WeightsError: If it is none of ours.
    """
    for ending in (_KERAS_3, _ARCHIVE, *_KERAS_2):
        if path.name.endswith(ending):
            return ending
    raise WeightsError(
        f"{str(path)!r} is not a weight file that can be read",
        "weights is None, imagenet, imagenet-i<size>, or the path of an .h5, .weights.h5 or "
        ".keras file",
    )


def read_contents(path: Path) -> Contents:
    """Names and shapes of the arrays in a weight file; the arrays themselves stay on disk.

    Raises:
        WeightsError: If there is no such file, it cannot be read, or it is not of the layout that
            its name says.
    """
    layout = _layout(path)
    if path.is_dir():
        raise WeightsError(f"{path} is a directory, not a weight file")
    if not path.exists():
        raise WeightsError(f"there is no weight file {path}")
    try:
        with _opened(path, layout) as file:
            contents = _keras_2(file) if layout in _KERAS_2 else _keras_3(file)
    except RsInspectError:
        raise
    except _DAMAGE as exc:
        raise WeightsError(
            f"{path} cannot be read: {one_line(exc)}", "fetch or save it again"
        ) from exc
    if not contents:
        other = _KERAS_3 if layout in _KERAS_2 else ".h5"
        raise WeightsError(
            f"{path} holds no weights in the layout of {layout} files",
            f"if it is of the other layout, let its name end in {other}",
        )
    return contents


@contextlib.contextmanager
def _opened(path: Path, layout: str) -> Iterator[Any]:
    """The HDF5 file at a path, or inside the archive there."""
    if layout == _ARCHIVE:
        with h5py.File(io.BytesIO(_from_archive(path)), "r") as file:
            yield file
        return
    with path.open("rb") as raw:
        start = raw.read(len(_HDF5_SIGNATURE))
    if start != _HDF5_SIGNATURE:
        raise WeightsError(
            f"{path} is {'empty' if not start else 'not an HDF5 file'}",
            "fetch or save it again; a page saved in its place is a common cause",
        )
    with h5py.File(path, "r") as file:
        yield file


def _from_archive(path: Path) -> bytes:
    """The weight file inside a ``.keras`` archive, its checksum verified."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(_INSIDE_ARCHIVE)
    except KeyError as exc:
        raise WeightsError(f"{path} has no {_INSIDE_ARCHIVE} inside") from exc
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as exc:
        raise WeightsError(
            f"{path} is damaged, or no .keras archive: {one_line(exc)}", "save it again"
        ) from exc


def _keras_2(file: Any) -> Contents:
    return [
        (name, tuple(tuple(array.shape) for array in arrays))
        for name, arrays in _keras_2_arrays(file)
    ]


def _keras_2_arrays(file: Any) -> Iterator[tuple[str, list[Any]]]:
    """Layers with weights of a Keras 2 file, of weights alone or of a whole model, in order."""
    group = file.get("model_weights", file)
    for name in _strings(group, "layer_names"):
        names = _strings(group[name], "weight_names")
        if names:
            yield name, [group[name][weight] for weight in names]


def _strings(group: Any, name: str) -> list[str]:
    """A list of strings kept as an attribute, or in numbered pieces where it is long."""
    if name in group.attrs:
        pieces = [group.attrs[name]]
    else:
        pieces = []
        while f"{name}{len(pieces)}" in group.attrs:
            pieces.append(group.attrs[f"{name}{len(pieces)}"])
    return [text.decode() if isinstance(text, bytes) else str(text) for p in pieces for text in p]


def _keras_3(file: Any) -> Contents:
    """Layers with weights of a Keras 3 file; random states of dropouts lie deeper and stay out."""
    contents: Contents = []
    for name, group in file["layers"].items() if "layers" in file else ():
        arrays = group.get("vars", {})
        if len(arrays):
            shapes = [tuple(arrays[str(index)].shape) for index in range(len(arrays))]
            contents.append((name, tuple(shapes)))
    return contents


@cache
def _known_bodies() -> tuple[tuple[ResNetRSSpec, Counter[tuple[int, ...]]], ...]:
    """Every published depth in every dialect without a classifier, with its weights counted."""
    specs = [
        ResNetRSSpec.variant(depth, dialect=dialect, include_top=False)
        for dialect in DIALECTS
        for depth in paper.variants()
    ]
    return tuple(
        (spec, Counter(shape for layer in build_graph(spec) for shape in weight_shapes(layer.op)))
        for spec in specs
    )


def _recognised(found: Contents) -> str | None:
    """Which network the arrays of a file belong to, as a hint, where it is one we know."""
    arrays = Counter(shape for _, shapes in found for shape in shapes)
    for spec, body in _known_bodies():
        if body - arrays:
            continue
        head = sorted((arrays - body).elements(), key=len)
        dialect = "" if spec.dialect.name == "keras" else f" of the {spec.dialect.name} dialect"
        if not head:
            return f"the file is a {spec.name} without top{dialect}"
        if len(head) == 2 and len(head[0]) == 1 and len(head[1]) == 2:
            return f"the file is a {spec.name} with {head[0][0]} classes{dialect}"
    return None


def load(model: keras.Model, path: Path, graph: LayerGraph, dialect: Dialect) -> None:
    """Load a checked file into the model built from ``graph``.

    Raises:
        WeightsError: If the file cannot be read after all.
    """
    try:
        if _layout(path) in _KERAS_2:
            _assign(model, path, graph, dialect)
        elif _layout(path) == _ARCHIVE:
            _load_archive(model, path)
        else:
            model.load_weights(path)
    except RsInspectError:
        raise
    except (*_DAMAGE, EOFError, zipfile.BadZipFile) as exc:
        raise WeightsError(f"{path} could not be loaded: {one_line(exc)}") from exc


def _load_archive(model: keras.Model, path: Path) -> None:
    """Unpack, then load: inside the archive Keras reads from its start again at every array.

    Four seconds for depth 50, and growing with the square of the size (Keras 3.15).
    """
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder, _INSIDE_ARCHIVE)
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(_INSIDE_ARCHIVE) as packed,
            unpacked.open("wb") as file,
        ):
            shutil.copyfileobj(packed, file)
        model.load_weights(unpacked)


def _assign(model: keras.Model, path: Path, graph: LayerGraph, dialect: Dialect) -> None:
    """Set weights layer by layer, by path: right also where the model has layers before ours."""
    with _opened(path, _layout(path)) as file:
        for layer, (_, arrays) in zip(weight_order(graph), _keras_2_arrays(file), strict=True):
            found = model.get_layer(keras_name(layer.path, dialect))
            found.set_weights([array[()] for array in arrays])
