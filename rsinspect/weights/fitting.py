"""Which network a weight file belongs to: the one it is meant for, or else a known one.

A file is compared with the graph, array by array, before a model is built, so a wrong file is
refused in milliseconds with a clear message: which network it holds, not which tensor failed first.

The network may have another head in the file, and may lie inside a Sequential or a larger model.
Its body, all but the classifier, is there whole or the file is refused. Layers are found by their
names, where one container has all of them; else by their order, as one unbroken run (in files of
Keras 3, one of each class). The classifier is taken if it is there in its own size, by its name or
as the only layer besides the body; else it is left fresh.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, assert_never

from rsinspect.base.errors import UnknownPath, WeightsError
from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words, plural
from rsinspect.checkpoints.boundary import opened
from rsinspect.checkpoints.contents import Contents, Shapes, StoredLayer, contents_of, sizes
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer
from rsinspect.layers.ops import Op
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_names import layer_path
from rsinspect.networks.network import Network
from rsinspect.weights.anatomy import HEAD_ARRAYS, body_in, head_of
from rsinspect.weights.order import weight_order
from rsinspect.weights.signatures import plain


class Fit(NamedTuple):
    """Where a file has what a network needs.

    Attributes:
        path: The file.
        stored: The layer of the file for each layer of the network, by path.
        fresh: Paths of layers with weights that the file does not have.
        left_out: Layers of the file that the network does not have.
    """

    path: Path
    stored: Mapping[str, StoredLayer]
    fresh: tuple[str, ...] = ()
    left_out: tuple[StoredLayer, ...] = ()

    def note(self, network: Network) -> str | None:
        """Say what does not come from the file, or of it; None where all does."""
        parts = []
        if self.left_out:
            names = names_in_words([str(layer) for layer in self.left_out])
            parts.append(f"left out, as no part of {network.name}: {names}")
        for path in self.fresh:
            (*_, outputs) = weight_shapes(network.graph.layer(path).op)[-1]
            parts.append(f"{path} ({outputs} classes) starts fresh: train it before it is used")
        return f"{showable(str(self.path))}: {'; '.join(parts)}" if parts else None


def check(path: Path, network: Network) -> None:
    """Refuse a weight file that is damaged or belongs to another network.

    Args:
        path: The file.
        network: What it is meant for.

    Raises:
        WeightsError: With the first layer that differs and, where the file is recognised, a hint
            at the network it holds.
    """
    with opened(path) as (file, datasets):
        fit(path, contents_of(path, file, datasets), network)


def fit(path: Path, contents: Contents, network: Network) -> Fit:
    """Find the layers of a network among those of a file.

    Args:
        path: The file, for messages.
        contents: What is in it.
        network: What it is meant for.

    Raises:
        WeightsError: As ``check`` says.
    """
    layers = weight_order(network.graph)
    head = next((layer for layer in layers if layer.path == "head/classifier"), None)
    body = [layer for layer in layers if layer is not head]
    containers: dict[str, Contents] = {}
    for layer in contents:
        containers.setdefault(layer.container, []).append(layer)
    found = [
        stored
        for inside in containers.values()
        if (stored := _by_name(body, inside, network) or _by_order(body, inside))
    ]
    if len(found) > 1:
        raise WeightsError(
            f"{showable(str(path))} holds {len(found)} networks that fit {network.name}",
            "save the one you mean by itself",
        )
    if not found:
        most = max(containers.values(), key=len)
        raise _misfit(path, network, _difference(body, head, most, network), contents)
    (stored,) = found
    inside = containers[next(iter(stored.values())).container]
    taken = {id(layer) for layer in stored.values()}
    besides = [layer for layer in inside if id(layer) not in taken]
    if foreign := next(filter(_path_of, besides), None):
        what = f"{_counts(len(contents), len(layers))}; {_path_of(foreign)} is not in the network"
        raise _misfit(path, network, what, contents)
    if head is not None:
        if len(stored) == len(contents):
            raise _misfit(path, network, _counts(len(contents), len(layers)), contents)
        classifier = _classifier(head, besides, network)
        if classifier is not None:
            stored = {**stored, head.path: classifier}
            taken.add(id(classifier))
    return Fit(
        path,
        stored,
        tuple(layer.path for layer in layers if layer.path not in stored),
        tuple(layer for layer in contents if id(layer) not in taken),
    )


def _misfit(path: Path, network: Network, what: str, contents: Contents) -> WeightsError:
    return WeightsError(
        f"{showable(str(path))} does not fit {network.name}: {what}", recognised(contents)
    )


def _classifier(
    head: Layer, besides: Sequence[StoredLayer], network: Network
) -> StoredLayer | None:
    """Find the classifier by its name, or as the only layer there is besides the body."""
    named = [layer for layer in besides if layer.name == network.names[head.path]]
    candidates = named or (besides if len(besides) == 1 else [])
    return next((one for one in candidates if one.shapes == weight_shapes(head.op)), None)


def _path_of(layer: StoredLayer) -> str | None:
    """Return the path of a layer with a ResNet-RS's name for one of its body's; None for others."""
    for dialect in (DIALECTS["keras"], DIALECTS["article"]):
        try:
            path = layer_path(plain_name(layer.name), dialect)
        except UnknownPath:
            continue
        return path if path.startswith(("stem/", "c")) else None
    return None


def plain_name(name: str) -> str:
    """Undo Keras 2's numbering of the stems of a process, and the article's way of naming its own.

    >>> plain_name("stem_2_stem_conv_1"), plain_name("stemstem_batch_norm_4")
    ('stem_1_stem_conv_1', 'stem_1_stem_batch_norm_4')
    """
    return re.sub(r"^stem_?(\d+_)?(?=stem)", "stem_1_", name)


def _by_name(
    body: Sequence[Layer], inside: Contents, network: Network
) -> dict[str, StoredLayer] | None:
    """Find each layer by Keras's name for it; None where a name or a shape is not there."""
    named = {plain_name(layer.name): layer for layer in inside}
    stored = {layer.path: named.get(plain_name(network.names[layer.path])) for layer in body}
    if any(
        theirs is None or theirs.shapes != weight_shapes(ours.op)
        for ours, theirs in zip(body, stored.values(), strict=True)
    ):
        return None
    return {path: layer for path, layer in stored.items() if layer is not None}


def _by_order(body: Sequence[Layer], inside: Contents) -> dict[str, StoredLayer] | None:
    """Find the layers as an unbroken run, one of each class where the file tells classes apart."""
    numbered = inside[0].kind is not None
    wanted: dict[str, list[Layer]] = {}
    for layer in body:
        wanted.setdefault(class_name_of(layer.op) if numbered else "", []).append(layer)
    there: dict[str, Contents] = {}
    for stored in sorted(inside, key=lambda one: one.kind or ()):  # without kinds, as it is
        there.setdefault(stored.kind[0] if stored.kind else "", []).append(stored)
    found: dict[str, StoredLayer] = {}
    for kind, layers in wanted.items():
        shapes = [weight_shapes(layer.op) for layer in layers]
        run = _run(shapes, there.get(kind, []))
        if run is None:
            return None
        found.update(zip((layer.path for layer in layers), run, strict=True))
    return {layer.path: found[layer.path] for layer in body}


def _run(shapes: Sequence[Shapes], stored: Contents) -> Contents | None:
    """Find the first run of layers of those shapes, in that order."""
    theirs = [layer.shapes for layer in stored]
    for start in range(len(theirs) - len(shapes) + 1):
        if theirs[start : start + len(shapes)] == list(shapes):
            return stored[start : start + len(shapes)]
    return None


def class_name_of(op: Op) -> str:
    """Name a layer as Keras 3 files do, before the running number: by its class."""
    if isinstance(op, ops.Weightless | ops.Opaque):
        raise ValueError(f"a {op.kind} layer has no weights of a known class")
    match op:
        case ops.Conv2D():
            return "conv2d"
        case ops.DepthwiseConv2D():
            return "depthwise_conv2d"
        case ops.SeparableConv2D():
            return "separable_conv2d"
        case ops.Conv2DTranspose():
            return "conv2d_transpose"
        case ops.BatchNorm():
            return "batch_normalization"
        case ops.LayerNorm():
            return "layer_normalization"
        case ops.ChannelScale():
            return "layer_scale"
        case ops.PReLU():
            return "p_re_lu"
        case ops.Normalization():
            return "normalization"
        case ops.Dense():
            return "dense"
        case _:
            assert_never(op)


def _counts(theirs: int, ours: int) -> str:
    return f"it has {plural(theirs, 'layer')} with weights, the network {ours}"


def _difference(
    body: Sequence[Layer], head: Layer | None, inside: Contents, network: Network
) -> str:
    """Say what differs between a network and the container that should have it."""
    ours = len(body) + (head is not None)
    counted = _counts(len(inside), ours) if len(inside) not in (len(body), ours) else None
    named = {plain_name(layer.name): layer for layer in inside}
    strange = not named.keys() & {plain_name(name) for name in network.names.values()}
    in_order = strange and inside[0].kind is None and counted is None
    different = None
    for number, layer in enumerate(body):
        theirs = inside[number] if in_order else named.get(plain_name(network.names[layer.path]))
        if theirs is not None and theirs.shapes != weight_shapes(layer.op):
            different = (
                f"at {layer.path} the network has {sizes(weight_shapes(layer.op))}, "
                f"the file {sizes(theirs.shapes)}"
            )
            break
    return "; ".join(filter(None, (counted, different))) or "its layers are others"


def recognised(contents: Iterable[StoredLayer]) -> str | None:
    """Name the network that the arrays of a file belong to, as a hint; None for an unknown one."""
    found = body_in(plain(shape for layer in contents for shape in layer.shapes))
    if found is None or not found.besides.total() <= HEAD_ARRAYS:
        return None
    head, name = head_of(found.spec, found.besides), found.spec.name
    dialect = found.spec.dialect.name
    whose = "" if dialect in ("keras", found.spec.dialect.family) else f" of the {dialect} dialect"
    if not head.arrays:
        return f"the file is a {name} without top{whose}"
    if head.top:
        return f"the file is a {name} with {head.classes} classes{whose}"
    return f"the file is a {name} with a head of its own{whose}"
