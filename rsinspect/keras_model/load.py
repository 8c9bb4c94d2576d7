"""Loading a weight file into a model: the file behind a ``weights`` argument, checked, then loaded.

All files are read by ``checkpoints.boundary`` and assigned layer by layer under our own eyes;
Keras's loader is not called. The body of the network is loaded whole or the file is refused; a head
that differs is left out or starts fresh, and a ``WeightsWarning`` says so: Python's own warnings
are how Keras tells of skipped weights too, they reach a notebook, and can be silenced or made
errors by their category.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes

from rsinspect.base.errors import WeightsError, WeightsWarning
from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words
from rsinspect.checkpoints.arrays import arrays_in
from rsinspect.checkpoints.boundary import opened
from rsinspect.checkpoints.contents import contents_of, sizes
from rsinspect.checkpoints.layout import one_line, said
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.keras_model.backend import keras
from rsinspect.keras_model.build import built
from rsinspect.keras_model.folded_weights import Norm, folded_weights, folds_by_layer
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.network import Network
from rsinspect.weights.fetch import fetch_published
from rsinspect.weights.fitting import Fit, fit
from rsinspect.weights.naming import weights_of
from rsinspect.weights.published import is_published, published_name
from rsinspect.weights.resnet_rs_file import resnet_rs_file

_INSIDE = (str(Path(__file__).parents[1]), contextlib.__file__)


@contextlib.contextmanager
def resolved(weights: str | os.PathLike[str] | None, network: Network) -> Iterator[Fit | None]:
    """Find the file behind a ``weights`` argument, on this machine, and open and check it.

    Args:
        weights: None; the path of a file; ``imagenet`` for the published weights of the depth at
            its largest size, or ``imagenet-i224`` for those of one size.
        network: What the weights are for.

    Returns:
        What ``load`` takes, good while the context lasts, or None for no file. At its end a
        ``WeightsWarning`` names what of the file, or of the network, was left out.

    Raises:
        WeightsUnavailable: If a published file is not here and cannot be fetched.
        WeightsError: If the file is missing, damaged or belongs to another network, or if there
            are no published weights for this one.
    """
    path = _path(weights, network)
    if path is None:
        yield None
        return
    with opened(path) as (file, datasets):
        found = fit(path, contents_of(path, file, datasets), network)
        note = found.note(network)
        yield found
    if note is not None:
        warnings.warn(note, WeightsWarning, stacklevel=_callers_level())


def _path(weights: str | os.PathLike[str] | None, network: Network) -> Path | None:
    if weights is None:
        return None
    if isinstance(weights, str) and is_published(weights):
        if network.spec is None:
            raise WeightsError(
                f"no ImageNet weights are published for {network.name}",
                "pass weights=None or the path of a file",
            )
        return fetch_published(published_name(weights, network.spec), watch=_bar())
    if isinstance(weights, str | os.PathLike):
        return Path(weights).expanduser()
    raise WeightsError(
        f"weights is a {type(weights).__name__}; it must be None, 'imagenet' or a path"
    )


def _bar() -> Callable[[int, int | None], object]:
    """Make a progress bar of Keras's, on stderr: in a notebook it is what people know."""
    bars: list[Any] = []

    def show(came: int, size: int | None) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            if not bars:
                bars.append(keras.utils.Progbar(size))
            bars[0].update(came)

    return show


def load(model: keras.Model, stored: Fit, network: Network) -> None:
    """Set the weights of the model built from ``network``, by path.

    That is right also where the model has layers before ours.

    Raises:
        WeightsError: If an array cannot be read, or holds no numbers.
    """
    for path, layer in stored.stored.items():
        values = _values(layer.arrays, f"{stored.path}", path)
        assign(model.get_layer(network.names[path]), values)


def load_own(path: Path, network: Network, layers: Mapping[str, keras.Layer]) -> None:
    """Set the weights of a network that was read from a file to those in the file.

    Where batch norms were folded, the file has the weights from before, and they are folded here.

    Args:
        path: Of the file.
        network: What was read from it.
        layers: The Keras layer of each layer of the network (``build.Built``).

    Raises:
        WeightsError: If the file is damaged, or lacks weights or has them in other shapes.
    """
    folds = folds_by_layer(network.folding)
    with arrays_in(path) as arrays:

        def values(layer_path: str, *expected: tuple[tuple[int, ...], ...]) -> list[Any]:
            found = arrays(tuple(network.names[layer_path].split("/")))
            theirs = tuple(tuple(map(int, array.shape)) for array in found)
            if theirs not in expected:
                raise WeightsError(
                    f"{said(path)} does not fit the network: at {layer_path} it has "
                    f"{sizes(theirs)}, the network {sizes(expected[-1])}",
                    "a network at another resolution may need other weights",
                )
            return _values(found, f"{path}", layer_path)

        for layer in network.graph:
            shapes = weight_shapes(layer.op)
            if not shapes or layer.shares is not None:
                continue
            if own := folds.get(layer.path):
                norms = [Norm(x, values(x.norm, weight_shapes(x.op))) for x in own]
                before = values(layer.path, shapes[:-1], shapes)
                assign(layers[layer.path], folded_weights(layer.op, before, norms))
            else:
                assign(layers[layer.path], values(layer.path, shapes))


def weighted(network: Network, weights: Path, *, own: bool) -> keras.Model:
    """Build a network with the weights of a file: all of them, or it is refused.

    Args:
        network: What to build.
        weights: The file.
        own: Whether the network was read from it.

    Raises:
        ModelBuildError: If it cannot be built.
        WeightsError: If the file is damaged, belongs to another network, or lacks the classifier.
    """
    made = built(network)
    if own:
        load_own(weights, network, made.layers)
        return made.model
    with tensor_file(weights) as file:
        is_keras = file.is_keras
    if not is_keras:
        _load_of_others(made.model, weights, network)
        return made.model
    with opened(weights) as (inside, datasets):
        found = fit(weights, contents_of(weights, inside, datasets), network)
        for path in found.fresh:
            there = names_in_words([str(layer) for layer in found.left_out]) or "none"
            (*_, outputs) = weight_shapes(network.graph.layer(path).op)[-1]
            raise WeightsError(
                f"{said(weights)} has no classifier of {outputs} classes, as {network.name} has; "
                f"beside its body there is {there}",
                "name a network of the classes that the file has, or give a whole model's file",
            )
        load(made.model, found, network)
    return made.model


def _load_of_others(model: keras.Model, weights: Path, network: Network) -> None:
    """Set the weights of a model to those in a file of timm's or of the TPU code's.

    Raises:
        WeightsError: If the file is damaged, belongs to another network or lacks some of its.
    """
    wanted = [layer for layer in network.graph if weight_shapes(layer.op)]
    with resnet_rs_file(weights, network) as there:
        stored = {(place.path, place.weight): name for name, place, _ in there.weights()}
        for layer in wanted:
            names = [stored.get((layer.path, weight)) for weight in weights_of(layer.op)]
            values = [there.read(name) for name in names if name is not None]
            shapes = tuple(tuple(map(int, array.shape)) for array in values)
            if shapes != weight_shapes(layer.op):
                raise WeightsError(
                    f"{said(weights)} does not fit {network.name}: at {layer.path} it has "
                    f"{sizes(shapes) or 'nothing'}, the network {sizes(weight_shapes(layer.op))}"
                )
            assign(model.get_layer(network.names[layer.path]), values)


def assign(layer: keras.Layer, values: Sequence[Any]) -> None:
    """Set the weights of a layer, and what it keeps of them to compute with."""
    layer.set_weights(values)
    if isinstance(layer, keras.layers.Normalization) and values:
        layer.finalize_state()


def _values(arrays: Sequence[Any], file: str, path: str) -> list[Any]:
    """Read the arrays of a layer.

    Raises:
        WeightsError: If one cannot be read, or holds no numbers.
    """
    try:
        return [_numbers(array) for array in arrays]
    except (OSError, ValueError, TypeError, RuntimeError) as exc:
        raise WeightsError(
            f"{showable(file)} could not be loaded, at {path}: {one_line(exc)}"
        ) from exc


def _numbers(array: Any) -> Any:
    """Read an array; two bytes without a type are bfloat16, which HDF5 has no name for."""
    if array.dtype == "V2":
        return array[()].view(ml_dtypes.bfloat16).astype("float32")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{array.dtype} is no kind of number")
    return array[()]


def _callers_level() -> int:
    """Count the frames up to the first outside this package: whose line the warning is about."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    return level
