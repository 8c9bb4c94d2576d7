"""The inside of a block: its entry, residual branch, shortcut and gates, from the wiring alone.

The rules stand in ``layers.structure``, which finds the blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph

if TYPE_CHECKING:
    from rsinspect.layers.structure import Group

BlockKind = Literal["downsampling", "projection", "identity"]


class Gate(NamedTuple):
    """What a tensor is scaled by: squeeze-and-excitation, or another function of itself.

    Attributes:
        layers: From the tensor to the factors, without the multiplication.
        scale: The multiplication.
        scaled: Path of the tensor that is scaled.
    """

    layers: tuple[Layer, ...]
    scale: Layer
    scaled: str

    @property
    def factors(self) -> str:
        """Return the path of the factors."""
        return self.layers[-1].path


class Block(NamedTuple):
    """The inside of a block.

    Attributes:
        group: The block.
        entry: The layer whose output enters it.
        kind: ``downsampling`` where it halves the map; else what its shortcut is.
        addition: Where branch and shortcut meet; None where nothing is added.
        branch: Layers of the residual branch, gates left out.
        shortcut: Layers of the projection; empty for the identity.
        gates: In the branch.
        position: Which input of the addition is the shortcut.
    """

    group: Group
    entry: Layer
    kind: BlockKind
    addition: Layer | None
    branch: tuple[Layer, ...]
    shortcut: tuple[Layer, ...]
    gates: tuple[Gate, ...]
    position: int


def take_apart(graph: LayerGraph, group: Group) -> Block:
    """Take a block apart: its entry, branch, shortcut and gates."""
    inside = {layer.path: layer for layer in group.layers}
    entry = _entry(graph, group.layers)
    addition = _addition(group.layers)
    shortcut: frozenset[str] = frozenset()
    branch = frozenset(inside)
    position = 0
    if addition is not None:
        behind = [_ancestors(inside, path) for path in addition.inputs]
        position = min(range(len(behind)), key=lambda index: len(behind[index]))
        branch = frozenset().union(*behind[:position], *behind[position + 1 :])
        shortcut = behind[position] - branch
    gates = gates_of([layer for layer in group.layers if layer.path in branch])
    gated = {layer.path for gate in gates for layer in gate.layers}
    size, end = entry.shape, group.layers[-1].shape
    kind: BlockKind = "projection" if shortcut else "identity"
    if (size.height, size.width) != (end.height, end.width):
        kind = "downsampling"
    return Block(
        group=group,
        entry=entry,
        kind=kind,
        addition=addition,
        branch=tuple(x for x in group.layers if x.path in branch and x.path not in gated),
        shortcut=tuple(x for x in group.layers if x.path in shortcut),
        gates=gates,
        position=position,
    )


def _addition(layers: Sequence[Layer]) -> Layer | None:
    """Find the sum that ends a block; None where its paths meet in another way at last."""
    for layer in reversed(layers):
        if len(layer.inputs) > 1 and not isinstance(layer.op, ops.Multiply):
            return layer if isinstance(layer.op, ops.Add | ops.ScaledAdd) else None
    return None


def _entry(graph: LayerGraph, layers: Iterable[Layer]) -> Layer:
    """Find the one layer outside that some layers read; an input where they read nothing."""
    layers = tuple(layers)
    inside = {layer.path for layer in layers}
    outside = (path for layer in layers for path in layer.inputs if path not in inside)
    return graph.layer(next(outside, layers[0].path))


def _ancestors(inside: Mapping[str, Layer], path: str) -> frozenset[str]:
    """Collect a layer and all inside that it is computed from."""
    seen: set[str] = set()
    ahead = [path]
    while ahead:
        path = ahead.pop()
        if path in inside and path not in seen:
            seen.add(path)
            ahead.extend(inside[path].inputs)
    return frozenset(seen)


def gates_of(layers: Sequence[Layer]) -> tuple[Gate, ...]:
    """Find gates among some layers: one input of a product is computed from the other."""
    inside = {layer.path: layer for layer in layers}
    gates = []
    for layer in layers:
        if not isinstance(layer.op, ops.Multiply):
            continue
        for factors in reversed(layer.inputs):
            behind = _ancestors(inside, factors)
            scaled = next(
                (x for x in layer.inputs if x != factors and _reads(inside, behind, x)), ""
            )
            if scaled:
                own = behind - _ancestors(inside, scaled)
                gates.append(Gate(tuple(x for x in layers if x.path in own), layer, scaled))
                break
    return tuple(gates)


def _reads(inside: Mapping[str, Layer], behind: frozenset[str], path: str) -> bool:
    """Tell whether some layers read a path."""
    return any(path in inside[one].inputs for one in behind)
