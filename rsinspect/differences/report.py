"""A comparison as a table and as a document, and the two models that a command names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import dimensions, typed
from rsinspect.differences.matching import By
from rsinspect.differences.pairs import (
    STATUSES,
    BlockPair,
    Comparison,
    LayerPair,
    StagePair,
    Status,
    compare,
)
from rsinspect.differences.wording import (
    arrowed,
    change_in_words,
    conclusion,
    places_in_words,
)
from rsinspect.layers.cost import LEGEND, Cost
from rsinspect.networks.network import Network

MOST_NOTES = 12


def chain_answer(networks: Sequence[Network], note: Note | None = None) -> Answer:
    """Compare each network with the one before, a row each.

    The chain of the paper's Table 1 is ``200:resnet``, ``200:resnet+se``, ``200``.

    Args:
        networks: Two or more, in order.
        note: How their sizes were chosen, if that needs saying.
    """
    comparisons = [compare(a.graph, b.graph) for a, b in pairwise(networks)]
    costs = [comparisons[0].cost_a, *(comparison.cost_b for comparison in comparisons)]
    rows: list[dict[str, Value]] = [
        {"network": networks[0].title, "params": costs[0].params, "macs": costs[0].macs}
    ]
    rows += [
        {
            "network": network.title,
            "params": cost.params,
            "params_delta": cost.params - before.params,
            "macs": cost.macs,
            "macs_delta": cost.macs - before.macs if comparison.is_counted else None,
            "macs_delta_percent": _percent(before, cost) if comparison.is_counted else None,
        }
        for network, comparison, before, cost in zip(
            networks[1:], comparisons, costs, costs[1:], strict=False
        )
    ]
    steps = [
        conclusion(a, b, comparison)
        for (a, b), comparison in zip(pairwise(networks), comparisons, strict=True)
    ]
    return Answer(
        Table(
            title=" → ".join(network.title for network in networks),
            columns=(
                Column("network", "Network"),
                Column("params", "Params", "count"),
                Column("params_delta", "Params\n+", "count"),
                Column("macs", "MACs", "count"),
                Column("macs_delta", "MACs\n+", "count"),
                Column("macs_delta_percent", "MACs\n+ %", "number", decimals=1),
            ),
            rows=tuple(rows),
            lead=(*map(arrowed, steps), *_said(note)),
            notes=(
                f"MACs: {LEGEND['mac']}; for one {_example(networks)}. +: more than the row above.",
            ),
            name=f"diff-{'-'.join(network.title for network in networks)}",
        ),
        lambda: {
            "schema": "rsinspect.diff-chain/1",
            "networks": [network.document() for network in networks],
            "resolution_note": None if note is None else str(note),
            "steps": [
                _document(a, b, comparison, None)
                for (a, b), comparison in zip(pairwise(networks), comparisons, strict=True)
            ],
            "totals_delta": _delta_document(costs[0], costs[-1]),
        },
    )


def diff_answer(a: Network, b: Network, note: Note | None = None) -> Answer:
    """Compare two networks stage by stage, with the difference in cost.

    Args:
        a: What is compared with.
        b: What is read as what a became.
        note: How their sizes were chosen, if that needs saying.
    """
    comparison = compare(a.graph, b.graph)
    table = Table(
        title=f"{a.title} → {b.title}",
        columns=(
            Column("path", "Path"),
            Column("blocks_a", "Blocks\nA", "integer"),
            Column("blocks_b", "Blocks\nB", "integer"),
            Column("added", "Added", "integer"),
            Column("removed", "Removed", "integer"),
            Column("changed", "Changed", "integer"),
            Column("training_only", "Train.\nonly", "integer"),
            Column("params_delta", "Params\nB − A", "count"),
            Column("macs_delta", "MACs\nB − A", "count"),
            Column("macs_delta_percent", "MACs\n%", "number", decimals=1),
        ),
        rows=tuple(_row(stage) for stage in comparison.stages),
        totals=(_total(comparison),),
        lead=(arrowed(conclusion(a, b, comparison)), *_said(note)),
        notes=_notes(a, b, comparison),
        name=f"diff-{a.title}-{b.title}",
        strong=frozenset(arrowed(stage.label) for stage in comparison.stages),
    )
    return Answer(table, lambda: _document(a, b, comparison, note))


_BY: dict[By, str] = {
    "path": "path",
    "wiring": "their place in the wiring: it is one network under other names",
    "likeness": "likeness, stage by stage and block by block, as their names have little in common",
}
"""How places were found, in words."""


def _said(note: Note | None) -> tuple[Note, ...]:
    return () if note is None else (note,)


def _tally(layers: Iterable[LayerPair]) -> dict[Status, int]:
    tally = dict.fromkeys(STATUSES, 0)
    for layer in layers:
        tally[layer.status] += 1
    return tally


def _percent(a: Cost, b: Cost) -> float | None:
    return round(100 * (b.macs - a.macs) / a.macs, 1) if a.macs else None


def _numbers(layers: tuple[LayerPair, ...], a: Cost, b: Cost, *, counted: bool) -> dict[str, Value]:
    tally = _tally(layers)
    return {
        **{status: tally[status] for status in STATUSES if status != "same"},
        "params_delta": b.params - a.params,
        "macs_delta": b.macs - a.macs if counted else None,
        "macs_delta_percent": _percent(a, b) if counted else None,
    }


def _blocks_a(blocks: Iterable[BlockPair]) -> int:
    """Count the blocks of a."""
    return sum(block.a is not None and block.a.is_block for block in blocks)


def _blocks_b(blocks: Iterable[BlockPair]) -> int:
    """Count the blocks of b."""
    return sum(block.b is not None and block.b.is_block for block in blocks)


def _row(stage: StagePair) -> dict[str, Value]:
    return {
        "path": arrowed(stage.label),
        "blocks_a": _blocks_a(stage.blocks) if stage.has_blocks else "",
        "blocks_b": _blocks_b(stage.blocks) if stage.has_blocks else "",
        **_numbers(stage.layers, stage.cost_a, stage.cost_b, counted=stage.is_counted),
    }


def _total(comparison: Comparison) -> dict[str, Value]:
    return {
        "path": "total",
        "blocks_a": _blocks_a(comparison.blocks),
        "blocks_b": _blocks_b(comparison.blocks),
        **_numbers(
            comparison.layers,
            comparison.cost_a,
            comparison.cost_b,
            counted=comparison.is_counted,
        ),
    }


def _example(networks: Iterable[Network]) -> str:
    """Say what all of the networks are given at a time."""
    return "image" if all(network.example == "image" for network in networks) else "example"


def _notes(a: Network, b: Network, comparison: Comparison) -> tuple[str, ...]:
    notes = [f"MACs: {LEGEND['mac']}; for one {_example((a, b))}."]
    changes = comparison.changes
    for verb in ("added", "removed"):
        if groups := [block.group for block in comparison.blocks if block.status == verb]:
            notes.append(f"{places_in_words(groups, comparison)} {verb}.")
    notes += [
        f"{'In training only: ' if change.training_only else ''}"
        f"{change_in_words(change, comparison)}."
        for change in sorted(changes, key=lambda change: change.training_only)[:MOST_NOTES]
    ]
    if len(changes) > MOST_NOTES:
        notes.append(
            f"{len(changes) - MOST_NOTES} more kinds of change: the JSON document has all."
        )
    notes.append(
        f"Added, removed, changed: layers, paired by {_BY[comparison.by]}. Drop path, dropout and "
        "batch-norm momentum do nothing in inference and count as training only, except in new "
        "blocks."
    )
    if not comparison.is_counted:
        notes.append(
            "No difference in MACs is given where layers differ that no op describes: what they "
            "cost is unknown."
        )
    if a.size != b.size and comparison.image is not None:
        image = dimensions(comparison.image)
        notes.append(
            f"The images differ, {a.size} and {b.size}: shapes are compared as if both were "
            f"{image}, MACs are each at its own."
        )
    return tuple(map(arrowed, notes))


def _document(a: Network, b: Network, comparison: Comparison, note: Note | None) -> dict[str, Any]:
    one, two = comparison.cost_a, comparison.cost_b
    return {
        "schema": "rsinspect.diff/1",
        "a": a.document(),
        "b": b.document(),
        "totals": {
            "a": {**_cost_document(one), "layers": len(comparison.a)},
            "b": {**_cost_document(two), "layers": len(comparison.b)},
        },
        "totals_delta": _delta_document(one, two),
        "layers": _tally(comparison.layers),
        "paired_by": comparison.by,
        "counterparts": comparison.counterparts,
        "resolution_note": None if note is None else str(note),
        "shapes_compared_at": comparison.image and list(comparison.image),
        "stages": [
            {
                "path": stage.path,
                "path_a": stage.path_a,
                "status": stage.status,
                "blocks_a": _blocks_a(stage.blocks),
                "blocks_b": _blocks_b(stage.blocks),
                "blocks_added": [x.path for x in stage.blocks if x.status == "added"],
                "blocks_removed": [x.path for x in stage.blocks if x.status == "removed"],
                "blocks_changed": [x.path for x in stage.blocks if x.status == "changed"],
                "layers": _tally(stage.layers),
                "a": _cost_document(stage.cost_a),
                "b": _cost_document(stage.cost_b),
                "delta": _delta_document(stage.cost_a, stage.cost_b),
            }
            for stage in comparison.stages
        ],
        "changes": [
            {
                "verb": change.verb,
                "training_only": change.training_only,
                "words": change_in_words(change, comparison),
                "layers": [
                    {
                        "path": layer.path,
                        "path_a": None if layer.a is None else layer.a.path,
                        "fields": {
                            c.field: {"a": _plain(c.a), "b": _plain(c.b)} for c in layer.changes
                        },
                    }
                    for layer in change.layers
                ],
            }
            for change in comparison.changes
        ],
        "conclusion": conclusion(a, b, comparison),
    }


def _plain(value: object) -> object:
    """Write a value of a layer for programs: a shape as a list, sizes with the letter x."""
    if isinstance(value, tuple):
        return list(value)
    return typed(value) if isinstance(value, str) else value


def _cost_document(cost: Cost) -> dict[str, int]:
    return {
        "params": cost.params,
        "trainable_params": cost.trainable_params,
        "macs": cost.macs,
        "uncounted_layers": cost.uncounted,
    }


def _delta_document(a: Cost, b: Cost) -> dict[str, int]:
    one, two = _cost_document(a), _cost_document(b)
    return {key: two[key] - one[key] for key in one if key != "uncounted_layers"}
