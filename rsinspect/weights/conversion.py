"""Weights from one convention to another: what became of every tensor of both sides."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.errors import WeightsError
from rsinspect.base.words import Option, advice, plural
from rsinspect.checkpoints.layout import said
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.checkpoints.tensors import StoredTensor
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, at_size, resnet_rs
from rsinspect.weights.by_name import shapes_of
from rsinspect.weights.naming import TensorPlace
from rsinspect.weights.resnet_rs_file import ResNetRSFile, resnet_rs_file
from rsinspect.weights.written import OUTPUTS, Written, write

SCHEMA = "rsinspect.weights_convert/1"
"""Version of the JSON. 1: first."""

_WHOSE = {"keras-2": "Keras 2", "keras-3": "Keras 3", "timm": "timm", "tpu": "TPU"}
MOMENTUM = 0.99
"""Of batch norms in a model that is written: fit for training, as in ``applications``."""


class Moved(NamedTuple):
    """A weight on both sides.

    Attributes:
        place: Which weight, and its axes in the source.
        shape: As Keras has it.
        source: Its tensor in the source.
        name: In the output.
        output: Its axes there.
    """

    place: TensorPlace
    shape: tuple[int, ...]
    source: StoredTensor
    name: str
    output: TensorPlace

    @property
    def kind(self) -> str:
        """Say what kind of weight it is, for a table."""
        path, weight = self.place.path, self.place.weight
        if path.startswith("head/"):
            return f"classifier {weight}"
        if "/se/" in path:
            return f"gate {'kernels' if weight == 'kernel' else 'biases'}"
        return _KINDS[weight]

    @property
    def elements(self) -> int:
        """Count its elements."""
        return math.prod(self.shape)


_KINDS = {
    "kernel": "convolution kernels",
    "bias": "convolution biases",
    "gamma": "batch-norm scales",
    "beta": "batch-norm offsets",
    "moving_mean": "batch-norm means",
    "moving_variance": "batch-norm variances",
}


class Conversion(NamedTuple):
    """What became of every tensor of both sides.

    Attributes:
        path: Of the source.
        output: What was written.
        format: Of the source.
        network: Whose weights.
        convention: Of the source.
        moved: The weights.
        left_out: Why a tensor of the source is not in the output.
        written: What else is known of the output.
    """

    path: Path
    output: Path
    format: str
    network: Network
    convention: str
    moved: tuple[Moved, ...]
    left_out: tuple[tuple[StoredTensor, str], ...]
    written: Written


def convert(
    path: Path,
    output: Path,
    network: Network | None = None,
    *,
    include_top: bool = True,
    preprocessing: bool = True,
    averaged: bool = True,
) -> Conversion:
    """Write the weights of a file in the convention that the name of another one asks for.

    Args:
        path: Of the source, any format.
        output: ``.h5`` for Keras 2, ``.weights.h5`` and ``.keras`` for Keras 3, ``.safetensors``
            and ``.pth`` for timm.
        network: Whose weights they are; by default what the file is recognised as.
        include_top: Whether the classifier is taken along, where there is one.
        preprocessing: Whether the model in a ``.keras`` file takes pixels of 0 to 255.
        averaged: Whether the moving averages of a TensorFlow 1 checkpoint are taken.

    Raises:
        UnknownFormat: If the name of the output means none of these.
        WeightsError: If the source is damaged, is no ResNet-RS, or lacks weights of it.
        OutputNotWritable: If the output cannot be written; nothing is left of it then.
        BackendUnavailable: If PyTorch or Keras, which write ``.pth`` and ``.keras``, is not here.
    """
    OUTPUTS.of(output)
    if network is None:
        network = _recognised(path)
    with resnet_rs_file(path, network, include_top=include_top, averaged=averaged) as source:
        new = _as_model(source.network, preprocessing)
        written = write(source, new, output)
        return Conversion(
            path,
            output,
            source.file.format,
            new,
            source.assigned.convention,
            tuple(_moved(source, written)),
            tuple(
                (source.file.tensors[name], why) for name, why in source.assigned.besides.items()
            ),
            written,
        )


def _recognised(path: Path) -> Network:
    """Tell whose weights a file has.

    Raises:
        WeightsError: If no ResNet-RS's.
    """
    from rsinspect.weights.identity import identified

    with tensor_file(path) as file:
        found = identified(file)
    network = found.network
    if network is None or not found.is_resnet_rs:
        raise WeightsError(
            f"{said(path)} has no weights of a ResNet-RS that is known here: {found.sentence()}",
            advice("if it is one, name it: {}", Option("model", "50")),
        )
    spec = network.spec
    assert spec is not None
    variant = paper.variants().get(spec.depth) if spec.depth is not None else None
    if found.image_size is None and variant is not None and variant.resolutions:
        return at_size(network, (variant.resolutions[-1],) * 2)
    return network


def _as_model(network: Network, preprocessing: bool) -> Network:
    """Make the network as Keras has it: what no weight shows is that of its depth."""
    spec = network.spec
    assert spec is not None
    dialect = DIALECTS["keras"] if spec.dialect.name == "timm" else spec.dialect
    variant = paper.variants().get(spec.depth) if spec.depth is not None else None
    rates = {} if variant is None else {
        "dropout_rate": variant.dropout_rate or 0.0, "drop_path_rate": variant.drop_path_rate or 0.0
    }  # fmt: skip
    changes = {"dialect": dialect, "preprocessing": preprocessing, "bn_momentum": MOMENTUM, **rates}
    return resnet_rs(spec.replace(**changes))


def _moved(source: ResNetRSFile, written: Written) -> Iterator[Moved]:
    shapes = shapes_of(source.network)
    for _, place, tensor in source.weights():
        name, there = written.names[place.path, place.weight]
        yield Moved(place, shapes[place.path, place.weight], tensor, name, there)


def conversion_answer(done: Conversion) -> Answer:
    """Tabulate a conversion: a row per kind of weight, and what is on one side alone."""
    written = done.written
    title = f"{done.network.short_title}, {_WHOSE[done.convention]} to {_WHOSE[written.convention]}"
    kinds = dict.fromkeys(each.kind for each in done.moved)
    rows = tuple(_row([one for one in done.moved if one.kind == kind]) for kind in kinds)
    alone: list[dict[str, Value]] = []
    for why in dict.fromkeys(why for _, why in done.left_out):
        those = [tensor for tensor, other in done.left_out if other == why]
        alone.append({"what": f"left out: {why}", "tensors": len(those), "source": those[0].name})
    for why in dict.fromkeys(written.made.values()):
        names = [name for name, other in written.made.items() if other == why]
        alone.append({"what": f"made: {why}", "tensors": len(names), "output": names[0]})
    axes = (Column("axes", "Axes"),) if any(row["axes"] for row in rows) else ()
    totals: dict[str, Value] = {
        "what": "all weights",
        "tensors": len(done.moved),
        "params": sum(each.elements for each in done.moved),
    }
    return Answer(
        Table(
            title=title,
            columns=(
                Column("what", "What", wraps=True),
                Column("tensors", "Tensors", "integer"),
                Column("params", "Params", "count"),
                Column("source", f"First in {done.path.name}", wraps=True),
                Column("output", f"First in {done.output.name}", wraps=True),
                *axes,
            ),
            rows=(*rows, *alone),
            totals=(totals,),
            notes=tuple(_notes(done)),
            lead=(_lead(done),),
        ),
        lambda: _document(done),
    )


def _row(those: list[Moved]) -> dict[str, Value]:
    first = those[0]
    return {
        "what": first.kind,
        "tensors": len(those),
        "params": sum(each.elements for each in those),
        "source": _shown(first.source.name),
        "output": _shown(first.name),
        "axes": _axes(first),
    }


def _shown(name: str) -> str:
    """Leave out the group of a layer in a file of Keras 2, which has the name of the layer."""
    group, _, rest = name.partition("/")
    return rest if rest.startswith(f"{group}/") else name


def _axes(moved: Moved) -> str | None:
    """Say how the axes of a kernel lie on both sides; None where they lie alike."""
    if moved.place.transform == moved.output.transform:
        return None
    letters = "HWIO" if len(moved.shape) == 4 else "IO"
    before, after = (
        "".join(letters[axis] for axis in place.transform or range(len(letters)))
        for place in (moved.place, moved.output)
    )
    return f"{before} → {after}"


def _lead(done: Conversion) -> str:
    spec = done.network.spec
    assert spec is not None
    classes = plural(spec.classes, "class") if spec.include_top else "no top"
    return (
        f"{done.network.short_title}, {classes}: all {len(done.moved)} weights are in "
        f"{done.output.name}, read again and the same bit for bit."
    )


def _notes(done: Conversion) -> Iterator[Note]:
    mean = ", ".join(f"{value:g}" for value in paper.IMAGENET_MEAN)
    deviation = ", ".join(f"{value:g}" for value in paper.IMAGENET_DEVIATION)
    normalised = f"(pixel / 255 - mean) / deviation, mean {mean}, deviation {deviation}"
    spec = done.network.spec
    assert spec is not None
    if done.written.convention == "timm":
        yield f"timm's network takes normalised images: {normalised}; Keras's does that inside."
    elif OUTPUTS.of(done.output) == "keras-archive":
        yield advice(
            f"The model in the file takes {{}}, {done.network.size}; {{}} and {{}} make others.",
            "pixels of 0 to 255"
            if spec.preprocessing
            else f"images normalised before, {normalised}",
            Option("preprocessing", not spec.preprocessing),
            Option("model", f"{spec.depth or 50}@224"),
        )
    elif done.convention != done.written.convention and not done.convention.startswith("keras"):
        whose = "timm" if done.convention == "timm" else "The TPU code"
        yield (
            f"{whose} normalises outside the network: {normalised}. A model of Keras that these "
            "weights are loaded into does it inside, unless it is made without."
        )
    changed = {each.source.dtype for each in done.moved} - {"float32"}
    if changed:
        exact = "rounded" if done.written.rounded else "which holds them exactly"
        yield f"Written as float32 from {', '.join(sorted(changed))}, {exact}."


def _document(done: Conversion) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": done.network.document(),
        "source": {
            "path": str(done.path),
            "format": done.format,
            "convention": done.convention,
            "tensors": len(done.moved) + len(done.left_out),
        },
        "output": {
            "path": str(done.output),
            "format": OUTPUTS.of(done.output),
            "convention": done.written.convention,
            "tensors": len(done.moved) + len(done.written.made),
            "bytes": done.output.stat().st_size,
        },
        "tensors": [
            {
                "path": each.place.path,
                "weight": each.place.weight,
                "source": {
                    "name": each.source.name,
                    "shape": list(each.source.shape),
                    "dtype": each.source.dtype,
                },
                "output": {
                    "name": each.name,
                    "shape": list(each.output.stored_shape(each.shape)),
                    "dtype": "float32",
                },
            }
            for each in done.moved
        ],
        "left_out": [
            {"name": tensor.name, "shape": list(tensor.shape), "why": why}
            for tensor, why in done.left_out
        ],
        "made": [{"name": name, "what": what} for name, what in done.written.made.items()],
        "verified": {"weights": len(done.moved), "equal_bit_for_bit": len(done.moved)},
    }
