"""What differs between two networks, one thing after the other, each with its places in both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rsinspect.differences.pairs import Comparison, StagePair, Status
from rsinspect.differences.wording import arrowed, blocks_of_stage_in_words, change_in_words


class Place(NamedTuple):
    """A block or layer in both networks.

    Attributes:
        a: Its path in the first; None where that has none.
        b: Its path in the second, likewise.
    """

    a: str | None
    b: str | None


class Difference(NamedTuple):
    """One thing that differs.

    Attributes:
        words: What it is.
        status: ``added``, ``removed``, ``changed``, or ``training_only``.
        places: Where it is, in the order of the forward pass.
    """

    words: str
    status: Status
    places: tuple[Place, ...]


def differences_of(comparison: Comparison) -> tuple[Difference, ...]:
    """List what differs in the order of the forward pass; what only training sees comes last.

    >>> from rsinspect.differences.pairs import compare
    >>> from rsinspect.networks.named import network
    >>> first, *_ = differences_of(compare(network("152").graph, network("200").graph))
    >>> first.words, first.places[0], len(first.places)
    ('+16 identical blocks in c3', Place(a=None, b='c3/block8'), 16)
    """
    order = {block.path: index for index, block in enumerate(comparison.blocks)}
    found = [
        (order[block], each)
        for stage in comparison.stages
        for block, each in _whole_blocks(stage, comparison)
    ]
    for change in comparison.changes:
        places = tuple(
            Place(pair.a and pair.a.path, pair.b and pair.b.path) for pair in change.layers
        )
        status: Status = "training_only" if change.training_only else change.verb
        words = arrowed(change_in_words(change, comparison))
        first = min(order[group.path] for group in change.places)
        found.append((first, Difference(words, status, places)))
    found.sort(key=lambda each: (each[1].status == "training_only", each[0]))
    return tuple(each for _, each in found)


def _whole_blocks(stage: StagePair, comparison: Comparison) -> Iterator[tuple[str, Difference]]:
    """List the blocks of a stage that one of the two has alone, with the path of the first."""
    for status, words in blocks_of_stage_in_words(stage, comparison):
        blocks = [block for block in stage.blocks if block.status == status]
        places = tuple(
            Place(block.a and block.a.path, block.b and block.b.path) for block in blocks
        )
        yield blocks[0].path, Difference(arrowed(words), status, places)


def counterparts(comparison: Comparison) -> dict[str, str]:
    """Tell which path in a each stage, block and layer of b has.

    >>> from rsinspect.differences.pairs import compare
    >>> from rsinspect.networks.named import network
    >>> found = counterparts(compare(network("50").graph, network("resnet50").graph))
    >>> found["c4/block0/conv1"]
    'c4/block0/conv1'
    """
    found: dict[str, str] = {}
    for stage in comparison.stages:
        if stage.path_a is not None and any(block.b is not None for block in stage.blocks):
            found[stage.path] = stage.path_a
    for block in comparison.blocks:
        if block.a is not None and block.b is not None:
            found[block.b.path] = block.a.path
    for layer in comparison.layers:
        if layer.a is not None and layer.b is not None:
            found[layer.b.path] = layer.a.path
    return found
