"""Where the layers of a diagram stand: how far along the data, and on which of several tracks.

A chain is one track. Where paths part, the first goes on in its track and each other one gets a
track of its own, which is free again where the path has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from rsinspect.drawing.scene import Edge


class Place(NamedTuple):
    """Where a node stands.

    Attributes:
        rank: Length of the longest path to it: nodes of one rank stand beside each other.
        track: From 0.
        alone: Whether nothing stands beside it or passes it.
    """

    rank: int
    track: int
    alone: bool


def tracked(
    paths: Sequence[str], edges: Iterable[Edge], aside: Collection[str] = ()
) -> dict[str, Place]:
    """Place nodes.

    Args:
        paths: Of the nodes, in the order of the data.
        edges: Between them; others are left out of account.
        aside: Those that stand on no track, as shortcuts and gates have lanes of their own.

    >>> ways = [("in", "a"), ("a", "b"), ("in", "c"), ("b", "join"), ("c", "join")]
    >>> edges = [Edge(tail=tail, head=head) for tail, head in ways]
    >>> tracked(["in", "a", "b", "c", "join"], edges)["c"]
    Place(rank=1, track=1, alone=False)
    """
    entering: dict[str, list[str]] = {path: [] for path in paths}
    last_read = dict.fromkeys(paths, 0)
    ranks: dict[str, int] = {}
    for edge in edges:
        if edge.head in entering and edge.tail in entering:
            entering[edge.head].append(edge.tail)
    for path in paths:
        ranks[path] = max((ranks[tail] + 1 for tail in entering[path]), default=0)
        for tail in entering[path]:
            last_read[tail] = max(last_read[tail], ranks[path])
    tracks = dict.fromkeys(aside, -1)
    ends: list[str] = []  # the last node of each track

    def put(path: str, track: int) -> None:
        ends[track : track + 1] = [path]
        tracks[path] = track

    standing = sorted((path for path in paths if path not in aside), key=ranks.__getitem__)
    for _, beside in groupby(standing, key=ranks.__getitem__):
        parting: list[str] = []  # that do not go on in a track, but leave one
        for path in beside:
            if went := [tracks[tail] for tail in entering[path] if tail in ends]:
                put(path, min(went))
            else:
                parting.append(path)
        for path in parting:
            begin = min((ranks[tail] for tail in entering[path]), default=ranks[path] - 1)
            free = (n for n, end in enumerate(ends) if max(ranks[end], last_read[end] - 1) <= begin)
            put(path, next(free, len(ends)))
    busy: dict[int, int] = {}
    for path in paths:
        for rank in range(ranks[path], max(ranks[path] + 1, last_read[path])):
            busy[rank] = busy.get(rank, 0) + 1
    return {path: Place(ranks[path], tracks[path], busy[ranks[path]] == 1) for path in paths}


def levelled(spans: Iterable[tuple[float, float]]) -> dict[tuple[float, float], int]:
    """Give paths that pass nodes a level each, so that no two of one level meet; short ones first.

    >>> levelled([(0, 9), (2, 5), (6, 8)])
    {(6, 8): 0, (2, 5): 0, (0, 9): 1}
    """
    found: dict[tuple[float, float], int] = {}
    for span in sorted(spans, key=lambda span: (span[1] - span[0], span)):
        met = {level for (begin, end), level in found.items() if begin < span[1] and span[0] < end}
        found[span] = next(level for level in range(len(found) + 1) if level not in met)
    return found
