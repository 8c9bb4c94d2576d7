"""Which layers, blocks and stages of two networks stand at the same place.

Where both call their layers alike, a layer's path is its place, also where one network holds the
other as a model inside it. Where they are one network under other names, its wiring tells
(``layers.document.digests``). Else places are found by likeness (``differences.likeness``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, TypeVar

from rsinspect.layers import ops
from rsinspect.layers.document import digests, fingerprint
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.stages import is_automatic
from rsinspect.layers.structure import Group, structure_of

Name = TypeVar("Name")

By = Literal["path", "wiring", "likeness"]

LEAST_SHARED = 0.2
"""Part of the smaller network's layers that have a namesake of their kind, where names count."""

GroupPair = tuple[Group | None, Group | None]


class Matching(NamedTuple):
    """What of a stands where in b.

    Attributes:
        by: How places were found.
        layers: Path in b, by path in a, of what both have.
        groups: Blocks (and stages without blocks) of a and of b, in the order of the forward pass;
            each is there once.
    """

    by: By
    layers: Mapping[str, str]
    groups: tuple[GroupPair, ...]

    @property
    def stages(self) -> dict[str, str]:
        """Pair the stages: label in b by label in a, of those that have most in common."""
        shared = Counter(
            {(a.stage, b.stage): 0 for a, b in self.groups if a is not None and b is not None}
        )
        for a, b in self.groups:
            if a is not None and b is not None:
                shared[a.stage, b.stage] += len(a.layers)
        return dict(_one_to_one(shared))


def matched(a: LayerGraph, b: LayerGraph) -> Matching:
    """Find what of a stands where in b.

    >>> from rsinspect.networks.named import network
    >>> matching = matched(network("50").graph, network("101").graph)
    >>> matching.by, matching.layers["c5/block2/conv1"]
    ('path', 'c5/block2/conv1')
    """
    named, telling = _namesakes(a, b)
    if telling and telling >= LEAST_SHARED * min(_telling(a), _telling(b)):
        named |= _beside(a, b, named)
        return Matching("path", named, _groups_by_layers(a, b, named))
    if len(a) == len(b) and fingerprint(a) == fingerprint(b):
        same = _by_wiring(a, b)
        by: By = "wiring" if any(one != other for one, other in same.items()) else "path"
        return Matching(by, same, _groups_by_layers(a, b, same))
    from rsinspect.differences.likeness import alike_groups, alike_layers

    groups = alike_groups(a, b)
    return Matching("likeness", dict(alike_layers(a, b, groups)), groups)


def _telling(graph: LayerGraph) -> int:
    """Count the layers whose names somebody chose."""
    return sum(not _is_automatic(layer.path) for layer in graph)


def _is_automatic(path: str) -> bool:
    return is_automatic(path.rpartition("/")[2])


def _namesakes(a: LayerGraph, b: LayerGraph) -> tuple[dict[str, str], int]:
    """Pair layers of one name, also where all of one network is a model in the other.

    Returns:
        Path in b by path in a; how many of them are of one kind and have names that say something.
    """
    best: tuple[dict[str, str], int] = {}, 0
    nests = (("", ""), *((nest, "") for nest in _nests(a)), *(("", nest) for nest in _nests(b)))
    for before_a, before_b in nests:
        found, telling = {}, 0
        for layer in a:
            other = before_b + layer.path.removeprefix(before_a)
            if other not in b:
                continue
            alike, automatic = b.layer(other).op.kind == layer.op.kind, _is_automatic(other)
            if alike or not automatic:
                found[layer.path] = other
            telling += alike and not automatic
        if telling > best[1]:
            best = found, telling
    return best


def _beside(a: LayerGraph, b: LayerGraph, named: Mapping[str, str]) -> dict[str, str]:
    """Pair layers of other names that stand by themselves: inputs, and what reads the same.

    A layer of a part is what it is called there; one that stands by itself, such as a classifier,
    may be called anything, or by a number.
    """
    found = dict(named)
    taken = set(named.values())
    left = [x for x in b if x.path not in taken and "/" not in x.path]
    for layer in a:
        if layer.path in named or "/" in layer.path:
            continue
        read = tuple(found.get(path) for path in layer.inputs)
        alike = (x for x in left if x.op.kind == layer.op.kind and x.inputs == read)
        if (other := next(alike, None)) is not None:
            found[layer.path] = other.path
            left.remove(other)
    return found


def _nests(graph: LayerGraph) -> Iterator[str]:
    """List the models inside that layers are named after, with a slash."""
    return iter(
        dict.fromkeys(f"{layer.path.partition('/')[0]}/" for layer in graph if "/" in layer.path)
    )


def _by_wiring(a: LayerGraph, b: LayerGraph) -> dict[str, str]:
    """Pair the layers of one network under two sets of names, twins by name where they have one."""
    places, theirs = digests(a), digests(b)
    free: dict[bytes, list[Layer]] = {}
    for layer in b:
        free.setdefault(theirs[layer.path], []).append(layer)
    found: dict[str, str] = {}
    for layer in a:
        read = _read(layer, (found[path] for path in layer.inputs))
        candidates = free[places[layer.path]]
        chosen = min(candidates, key=lambda x: (_read(x, x.inputs) != read, x.path != layer.path))
        candidates.remove(chosen)
        found[layer.path] = chosen.path
    return found


def _read(layer: Layer, paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths) if isinstance(layer.op, ops.COMMUTATIVE) else paths)


def _groups_by_layers(
    a: LayerGraph, b: LayerGraph, layers: Mapping[str, str]
) -> tuple[GroupPair, ...]:
    """Pair the groups that have most layers in common."""
    groups_a, structure_b = structure_of(a).groups, structure_of(b)
    shared: Counter[tuple[str, str]] = Counter()
    for group in groups_a:
        for layer in group.layers:
            if (other := layers.get(layer.path)) is not None:
                home = structure_b.group_of(other).path
                shared[group.path, home] += 1 + (home == group.path)
    paired = dict(_one_to_one(shared))
    return ordered(groups_a, structure_b.groups, paired)


def _one_to_one(shared: Counter[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Choose pairs, those with most in common first, each side once."""
    ones, others = set(), set()
    for (one, other), _ in shared.most_common():
        if one not in ones and other not in others:
            ones.add(one)
            others.add(other)
            yield one, other


def ordered(
    groups_a: Iterable[Group], groups_b: Iterable[Group], paired: Mapping[str, str]
) -> tuple[GroupPair, ...]:
    """List pairs of groups in b's order, with those that b lacks where they stood in a.

    Args:
        groups_a: Of a.
        groups_b: Of b.
        paired: Path in b by path in a, of those that both have.
    """
    of_a = {group.path: group for group in groups_a}
    of_b = {group.path: group for group in groups_b}
    back = {other: one for one, other in paired.items()}
    places = merged(
        [(paired[path], True) if path in paired else (path, False) for path in of_a],
        [(path, True) for path in of_b],
    )
    return tuple(
        (of_a.get(back.get(path, "")), of_b[path]) if is_in_b else (of_a[path], None)
        for path, is_in_b in places
    )


def merged(a: Iterable[Name], b: Iterable[Name]) -> tuple[Name, ...]:
    """Merge names in b's order, with those that b lacks where they stood in a.

    >>> merged(("pad", "conv", "norm", "add"), ("conv", "drop", "add"))
    ('pad', 'conv', 'norm', 'drop', 'add')
    """
    in_b = dict.fromkeys(b)
    after: dict[Name | None, list[Name]] = {}  # the name before -> names that b lacks
    before = None
    for name in a:
        if name in in_b:
            before = name
        else:
            after.setdefault(before, []).append(name)
    every = after.get(None, [])
    for name in in_b:
        every += [name, *after.get(name, [])]
    return tuple(every)
