"""How often a file is told what it is: ``python -m benchmarks.identification``; six minutes.

Names and shapes of files are made, as many as there are kinds, and ``weights.identity`` says what
each is: every depth, dialect, convention of names and head of a ResNet-RS, its ancestors, the
networks of ``keras.applications`` and of timm's ``resnet`` module with ten classes, and noise. No
file has a configuration, a name or a checksum that could help. Needs timm.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rsinspect import paper
from rsinspect.base.errors import RsInspectError
from rsinspect.base.words import names_in_words
from rsinspect.checkpoints.tensors import Format, StoredTensor, TensorFile
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.identity import Identity, identified
from rsinspect.weights.naming import CONVENTIONS, tensors

Shapes = dict[str, tuple[int, ...]]
_FORMATS: dict[str, Format] = {"keras-3": "keras-3-weights", "tpu": "tf1-checkpoint"}


class Case(NamedTuple):
    """A file, and what it is."""

    group: str
    architecture: str | None
    dialect: str | None
    classes: int | None
    shapes: Shapes
    format: Format


def resnets() -> Iterator[Case]:
    """Every depth, dialect and head of a ResNet-RS under the names of every code base."""
    for name, dialect in DIALECTS.items():
        for depth in paper.variants():
            for convention in CONVENTIONS if dialect.family == "resnet-rs" else ("keras-3",):
                yield from _heads(name, depth, convention)


def _heads(dialect: str, depth: int, convention: str) -> Iterator[Case]:
    spec = ResNetRSSpec.variant(depth, dialect=dialect)
    family = spec.dialect.family
    group = f"ResNet-RS, {convention} names" if family == "resnet-rs" else f"{dialect} of He et al."
    format = _FORMATS.get(convention, "npz")

    def case(classes: int | None, shapes: Shapes) -> Case:
        title = spec.title.partition(" @")[0]
        return Case(group, title, dialect, classes, shapes, format)

    whole = shapes_of(resnet_rs(spec), convention)
    bare = shapes_of(resnet_rs(spec.replace(include_top=False)), convention)
    yield case(spec.classes, whole)
    yield case(10, shapes_of(resnet_rs(spec.replace(classes=10)), convention))
    yield case(None, bare)
    is_torch = convention == "timm"
    head = {"head.0": (2048, 64), "head.1": (64,), "head.2": (64, 5), "head.3": (5,)}
    yield case(5, bare | {key: shape[::-1] if is_torch else shape for key, shape in head.items()})
    kernel = (256, 256, 3, 3) if is_torch else (3, 3, 256, 256)
    between = "." if is_torch else "/"
    outer = {f"encoder{between}{key}": shape for key, shape in bare.items()}
    yield case(None, outer | {f"decoder{between}{n}": kernel for n in range(20)})


def shapes_of(network: Network, convention: str) -> Shapes:
    """Names and shapes of tensors as a code base has them."""
    try:
        places = tensors(network, convention)
    except RsInspectError:  # layers of an ancestor's stem
        places = {}
    left = {layer.path: list(weight_shapes(layer.op)) for layer in network.graph}
    if not places:
        return {f"{path}/vars/{n}": s for path, each in left.items() for n, s in enumerate(each)}
    return {name: place.stored_shape(left[place.path].pop(0)) for name, place in places.items()}


def of_keras() -> Iterator[Case]:
    """Networks of ``keras.applications``, with ten classes and without top."""
    import keras

    for name, make in inspect.getmembers(keras.applications, inspect.isfunction):
        if name[0].isupper():
            for bare in (False, True):
                more = {"include_top": False} if bare else {"classes": 10}
                arrays = make(weights=None, **more).weights
                shapes = {f"layers/x_{n}/vars/0": tuple(a.shape) for n, a in enumerate(arrays)}
                known, classes = f"keras.applications.{name}", None if bare else 10
                yield Case("keras.applications", known, None, classes, shapes, "keras-3-weights")
                keras.utils.clear_session()


def of_timm() -> Iterator[Case]:
    """Networks of timm's ``resnet`` module, with ten classes and without."""
    import timm
    import torch

    with torch.device("meta"):
        for name in timm.list_models(module="resnet"):
            for classes in (10, 0):
                state = timm.create_model(name, num_classes=classes).state_dict()
                shapes = {key: tuple(array.shape) for key, array in state.items()}
                rs = name.removeprefix("resnetrs")
                known = f"ResNet-RS-{rs}" if name.startswith("resnetrs") else f"timm.{name}"
                dialect = "timm" if name.startswith("resnetrs") else None
                yield Case("timm, resnet", known, dialect, classes or None, shapes, "safetensors")


def noise() -> Iterator[Case]:
    """Arrays of random shapes."""
    rng = random.Random(1)
    for _ in range(1000):
        shapes = {
            f"x{n}": tuple(rng.choice((1, 3, 7, 8, 64, 256)) for _ in range(rng.randint(0, 4)))
            for n in range(rng.randint(0, 300))
        }
        yield Case("noise", None, None, None, shapes, "npz")


def identity_of(case: Case) -> Identity:
    """What is said of a file."""
    stored = {name: StoredTensor(name, s, "float32", 4) for name, s in case.shapes.items()}
    return identified(TensorFile(Path("file"), case.format, stored, {}, lambda _: iter(())))


class Tally:
    """What became of the files of a group."""

    def __init__(self) -> None:
        self.files = self.named = self.among = self.judged = self.dialect = self.classes = 0
        self.misses: list[str] = []

    def add(self, case: Case, found: Identity) -> None:
        """Count a file."""
        self.files += 1
        named = found.architecture == case.architecture
        among = named or case.architecture in found.names
        self.named += named
        self.among += among
        is_rs = (case.architecture or "").startswith("ResNet-RS")
        self.judged += found.is_resnet_rs == is_rs
        self.dialect += case.dialect is None or case.dialect == found.dialect
        classes = found.head.classes if found.head else None
        self.classes += classes == case.classes
        if not among or found.is_resnet_rs != is_rs:
            self.misses.append(f"{case.architecture} ({case.dialect}): {found.sentence()}")


def main() -> None:
    """Print the table."""
    groups: dict[str, Tally] = {}
    for cases in (resnets(), of_keras(), of_timm(), noise()):
        for case in cases:
            groups.setdefault(case.group, Tally()).add(case, identity_of(case))
    print("| files of | number | ResNet-RS or not | architecture | among those named | dialect "
          "| classes |")  # fmt: skip
    print("| --- " + "| ---: " * 6 + "|")
    for name, tally in groups.items():
        numbers = (tally.files, tally.judged, tally.named, tally.among, tally.dialect,
                   tally.classes)  # fmt: skip
        print(f"| {name} | {' | '.join(map(str, numbers))} |")
    for name, tally in groups.items():
        if tally.misses:
            print(f"\n{name}: {len(tally.misses)} missed: {names_in_words(tally.misses, 12)}")


if __name__ == "__main__":
    main()
