"""Places of two networks that have no names in common: what is most alike, in the order of each.

Stages are paired first, then the blocks of paired stages, then the layers of paired blocks, each
time so that the pairs are as alike as can be and their order is that of both networks (Needleman
and Wunsch's alignment). Of several equal choices the earliest is taken: blocks that one network has
more of are those at the end of a stage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from rsinspect.differences.matching import GroupPair, ordered
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op
from rsinspect.layers.structure import Group, Stage, structure_of

T = TypeVar("T")

Forms = Counter[Any]
"""How often each form of an op is there."""
_Stage = tuple[Stage, Forms, float | None]

LEAST_ALIKE = 0.3
"""Of blocks and stages that are taken for counterparts: 1 for the same ops."""

MOST_CELLS = 250_000
"""Of the table of an alignment; longer sequences are aligned by equal runs."""

_ACTIVATIONS = ("Activation", "ReLU", "PReLU")
_FAMILIES = {
    **dict.fromkeys(_ACTIVATIONS, "activation"),
    **{op.__name__: "convolution" for op in ops.CONVOLUTIONS},
}
"""Kinds of ops that may stand for each other."""


def aligned(
    a: Sequence[T], b: Sequence[T], likeness: Callable[[T, T], float]
) -> Iterator[tuple[T, T]]:
    """Pair what is most alike, without crossing.

    Args:
        a: Some things in order.
        b: Others.
        likeness: Of two; nothing is paired that is not above zero.

    >>> list(aligned("abcd", "xbd", lambda x, y: x == y))
    [('b', 'b'), ('d', 'd')]
    """
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, one in enumerate(a, 1):
        row, above = best[i], best[i - 1]
        for j, other in enumerate(b, 1):
            alone = row[j - 1] if row[j - 1] >= above[j] else above[j]
            score = likeness(one, other)
            together = above[j - 1] + score
            row[j] = together if score > 0 and together > alone else alone
    pairs = []
    i, j = len(a), len(b)
    while i and j:
        if best[i][j] == best[i][j - 1]:
            j -= 1
        elif best[i][j] == best[i - 1][j]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((a[i], b[j]))
    return reversed(pairs)


def alike_groups(a: LayerGraph, b: LayerGraph) -> tuple[GroupPair, ...]:
    """Pair the blocks, and stages without blocks, of two networks."""
    paired: dict[str, str] = {}
    for (mine, *_), (theirs, *_) in aligned(_described(a), _described(b), _stages):
        for (one, _), (other, _) in aligned(_with_forms(mine), _with_forms(theirs), _groups):
            paired[one.path] = other.path
    return ordered(structure_of(a).groups, structure_of(b).groups, paired)


def _described(graph: LayerGraph) -> list[_Stage]:
    """Say of each stage what its ops are, and how much smaller than the image its maps are."""
    image = graph.resolution
    described = []
    for stage in structure_of(graph).stages:
        shape = stage.layers[-1].shape
        stride = round(image[0] / shape[0], 1) if image and len(shape) == 3 else None
        described.append((stage, _forms(stage.layers), stride))
    return described


def _with_forms(stage: Stage) -> list[tuple[Group, Forms]]:
    return [(group, _forms(group.layers)) for group in stage.groups]


def alike_layers(
    a: LayerGraph, b: LayerGraph, groups: Sequence[GroupPair]
) -> Iterator[tuple[str, str]]:
    """Pair the layers of paired groups: path in a, path in b."""
    for mine, theirs in groups:
        if mine is not None and theirs is not None:
            ours, others = _by_part(a, mine), _by_part(b, theirs)
            for part in ours:
                yield from _layers(ours[part], others.get(part, []))


def _by_part(graph: LayerGraph, group: Group) -> dict[str, list[Layer]]:
    """Sort the layers of a group by where they stand: an order of branches says nothing."""
    parts: dict[str, list[Layer]] = {}
    structure = structure_of(graph)
    for layer in group.layers:
        parts.setdefault(structure.part(layer.path), []).append(layer)
    return parts


def _layers(a: Sequence[Layer], b: Sequence[Layer]) -> Iterator[tuple[str, str]]:
    if len(a) * len(b) <= MOST_CELLS:
        for one, other in aligned(a, b, _layer):
            yield one.path, other.path
        return
    from difflib import SequenceMatcher

    ours, theirs = ([_form(layer.op) for layer in side] for side in (a, b))
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    for start, start_b, size in matcher.get_matching_blocks():
        for step in range(size):
            yield a[start + step].path, b[start_b + step].path


def _layer(a: Layer, b: Layer) -> float:
    return _ops(a.op, b.op) + (0.5 if a.shape == b.shape else 0)


@lru_cache(maxsize=4096)
def _ops(a: Op, b: Op) -> float:
    """Tell how alike two ops are; below zero where neither could stand for the other."""
    if a == b:
        return 3
    if a.kind != b.kind:
        family = _FAMILIES.get(a.kind)
        return 0.6 if family is not None and family == _FAMILIES.get(b.kind) else -1
    if isinstance(a, ops.Opaque) and isinstance(b, ops.Opaque) and a.class_name != b.class_name:
        return -1
    values, others = a._asdict(), b._asdict()
    same = sum([values[field] == others[field] for field in values])
    return float(1 + same / len(values))


def _groups(a: tuple[Group, Forms], b: tuple[Group, Forms]) -> float:
    (one, forms), (other, others) = a, b
    if one.is_block != other.is_block:
        return -1
    likeness = _likeness(forms, others)
    if not one.is_block:
        likeness = max(likeness, 0.05)  # what is left of a stage has no better counterpart
    elif likeness < LEAST_ALIKE:
        return -1
    return likeness + (0.1 if one.layers[-1].shape == other.layers[-1].shape else 0)


def _stages(a: _Stage, b: _Stage) -> float:
    (one, forms, stride), (other, others, stride_b) = a, b
    if one.role != other.role:
        return -1
    likeness = _likeness(forms, others)
    if one.role != "stage":
        return 1 + likeness
    return -1 if likeness < LEAST_ALIKE else likeness + (0.5 if stride == stride_b else 0)


def _forms(layers: Sequence[Layer]) -> Forms:
    """Count the ops of some layers, by what they are whatever their width."""
    return Counter(chain.from_iterable((_form(layer.op), layer.op.kind) for layer in layers))


@lru_cache(maxsize=4096)
def _form(op: Op) -> tuple[Any, ...]:
    """Write what an op is, whatever its width and what it does in training."""
    values = op._asdict()
    kept = ("kernel", "size", "stride", "class_name")
    return (_FAMILIES.get(op.kind, op.kind), *(values[key] for key in kept if key in values))


def _likeness(a: Counter[Any], b: Counter[Any]) -> float:
    """Tell which part of two sets of ops is in both (Dice's coefficient)."""
    both = sum(min(number, b[form]) for form, number in a.items() if form in b)
    return 2 * both / (a.total() + b.total())
