"""Networks that tests are about."""

from __future__ import annotations

import gzip
import json
import random
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from rsinspect import paper
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.applications import named_in
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_cache import file_name, keras_version
from rsinspect.networks.keras_config import from_keras_config
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec


def network_of(depth: int, **changes: Any) -> Network:
    """A published network."""
    return resnet_rs(ResNetRSSpec.variant(depth, **changes))


EACH = [
    (depth, dialect)
    for dialect in DIALECTS
    for depth in (paper.variants() if dialect == "keras" else (50, 200))
]
"""Each published depth, and each dialect without drop path and with it.

What a dialect changes lies in the stem and in a block, whatever the number of blocks.
"""


def layout_of(*blocks: int, **changes: Any) -> Network:
    """A network of another block layout."""
    return resnet_rs(ResNetRSSpec.layout(blocks, **changes))


DATA = Path(__file__).parent / "data"
SAVED = sorted(path.name.partition(".")[0] for path in DATA.glob("*.json.gz"))
"""Configurations that Keras wrote."""


EFFICIENTNETS = tuple(f"EfficientNetB{number}" for number in range(8))


def configuration(name: str) -> bytes:
    """The text of a configuration."""
    if name in EFFICIENTNETS:
        with ZipFile(DATA / "efficientnets.zip") as archive:
            return archive.read(f"{name}.json")
    return gzip.decompress((DATA / f"{name}.json.gz").read_bytes())


def keep(folder: Path, *names: str) -> None:
    """Put networks of ``keras.applications`` where those are kept that Keras has built."""
    for name in names:
        application = named_in(name)
        assert application is not None
        kept = folder / file_name(application.application(), keras_version())
        kept.write_bytes(configuration(name))


@cache
def saved(name: str, resolution: tuple[int, int] | None = None) -> Network:
    """The network of a configuration; of images of 224 by 224 where it takes any."""
    size = resolution or ((224, 224) if name == "MobileNetV3Small" else None)
    return from_keras_config(json.loads(configuration(name)), resolution=size)


SHAPE = ops.TensorShape(8, 8, 4)


def wired(*rows: tuple[str, ops.Op, tuple[str, ...]], shape: ops.TensorShape = SHAPE) -> LayerGraph:
    """A graph of an image called ``image`` and some layers on it."""
    layers = [Layer("image", ops.Input(shape), (), shape)]
    shapes = {"image": shape}
    for path, op, inputs in rows:
        shapes[path] = infer_shape(op, tuple(shapes[name] for name in inputs))
        layers.append(Layer(path, op, inputs, shapes[path]))
    return LayerGraph("by hand", tuple(layers))


def made(count: int, *, skips: bool = False, seed: int = 1) -> Network:
    """A network of so many layers that nobody would draw: one after the other, or with skips."""
    shape, chance = ops.TensorShape(32, 32, 16), random.Random(seed)
    image, conv = ops.Input(ops.TensorShape(32, 32, 3)), ops.Conv2D(3, in_channels=16, filters=16)
    stem = conv._replace(in_channels=3)
    layers = [Layer("image", image, (), image.shape), Layer("conv0", stem, ("image",), shape)]
    for number in range(1, count - 3):
        before = layers[-1].path
        if skips and number > 6 and chance.random() < 0.3:
            inputs = (before, layers[-chance.randint(2, 5)].path)
            layers.append(Layer(f"add{number}", ops.Add(), inputs, shape))
        else:
            name, op = (f"conv{number}", conv) if number % 2 else (f"relu{number}", RELU)
            layers.append(Layer(name, op, (before,), shape))
    layers.append(Layer("pool", ops.GlobalAvgPool(), (layers[-1].path,), ops.TensorShape(16)))
    dense = ops.Dense(in_channels=16, units=10)
    layers.append(Layer("classifier", dense, ("pool",), ops.TensorShape(10)))
    return from_graph(LayerGraph("made", tuple(layers)))


RELU = ops.Activation("relu")
