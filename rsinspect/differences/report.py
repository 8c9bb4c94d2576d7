"""A comparison as a table and as a document, and the two models that a command names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from rsinspect.answers.table import Column, Report, Table, Value, model_document
from rsinspect.base.errors import InvalidSpec
from rsinspect.differences.pairs import (
    STATUSES,
    BlockPair,
    Comparison,
    LayerPair,
    StagePair,
    Status,
    compare,
)
from rsinspect.differences.wording import change_in_words, conclusion, places_in_words
from rsinspect.layers.cost import LEGEND, Cost
from rsinspect.networks.dialects import dialect_named
from rsinspect.networks.named import parse_model, parse_resolution
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

MOST_NOTES = 12


def networks(*names: str, resolution: str | None = None) -> tuple[ResNetRSSpec, ...]:
    """Networks by name, at one resolution unless the names say otherwise.

    A model that names no resolution takes the first one named; where none does, all take the
    largest of their published ones, so that MACs differ by structure alone.

    Args:
        names: Each MODEL, MODEL:DIALECT, or with squeeze-and-excitation put in or taken out,
            MODEL:DIALECT+se or -se: ``152``, ``152@224``, ``101:article``, ``200:resnet+se``.
        resolution: Image side or height x width, for all.

    Raises:
        SpecError: If a name, dialect or resolution is unknown, or the resolution disagrees with one
            in a name.

    >>> networks("200:resnet+se")[0].title
    'resnet-200 + SE @ 256x256'
    """
    given = None if resolution is None else parse_resolution(resolution)
    asked = []
    for text in names:
        found = re.fullmatch(r"(.*?)([+-]se)?", text.strip())
        assert found is not None
        model, colon, dialect = found[1].partition(":")
        depth, at = parse_model(model)
        if given is not None and at is not None and at != given:
            raise InvalidSpec(f"{text} and the resolution {resolution} disagree", "give one")
        changes = {} if found[2] is None else {"se_ratio": 0.25 if found[2] == "+se" else 0.0}
        dialect = dialect_named(dialect if colon else "keras").name
        asked.append((depth, at or given, dialect, changes))
    sizes = [at for _, at, _, _ in asked if at is not None] or [
        max(ResNetRSSpec.variant(depth).resolution for depth, _, _, _ in asked)
    ]
    return tuple(
        ResNetRSSpec.variant(depth, resolution=at or sizes[0], dialect=dialect, **changes)
        for depth, at, dialect, changes in asked
    )


def models(a: str, b: str, *, resolution: str | None = None) -> tuple[ResNetRSSpec, ResNetRSSpec]:
    """Two ``networks``.

    >>> [spec.title for spec in models("50", "101:article")]
    ['resnet-rs-50 @ 192x192', 'resnet-rs-101 @ 192x192 (article)']
    """
    one, two = networks(a, b, resolution=resolution)
    return one, two


def chain_report(specs: Sequence[ResNetRSSpec]) -> Report:
    """What each network has more, less or otherwise than the one before, a row each.

    The chain of the paper's Table 1 is ``200:resnet``, ``200:resnet+se``, ``200``.

    Args:
        specs: Two networks or more, in order.
    """
    comparisons = [compare(build_graph(a), build_graph(b)) for a, b in pairwise(specs)]
    costs = [comparisons[0].cost_a, *(comparison.cost_b for comparison in comparisons)]
    rows: list[dict[str, Value]] = [
        {"network": specs[0].title, "params": costs[0].params, "macs": costs[0].macs}
    ]
    rows += [
        {
            "network": spec.title,
            "params": cost.params,
            "params_delta": cost.params - before.params,
            "macs": cost.macs,
            "macs_delta": cost.macs - before.macs,
            "macs_delta_percent": round(100 * (cost.macs - before.macs) / before.macs, 1),
        }
        for spec, before, cost in zip(specs[1:], costs, costs[1:], strict=False)
    ]
    steps = [
        conclusion(a, b, comparison)
        for (a, b), comparison in zip(pairwise(specs), comparisons, strict=True)
    ]
    return Report(
        Table(
            title=" -> ".join(spec.title for spec in specs),
            columns=(
                Column("network", "Network"),
                Column("params", "Params", "count"),
                Column("params_delta", "Params\n+", "count"),
                Column("macs", "MACs", "count"),
                Column("macs_delta", "MACs\n+", "count"),
                Column("macs_delta_percent", "MACs\n+ %", "number"),
            ),
            rows=tuple(rows),
            notes=(*steps, f"MACs: {LEGEND['mac']}; for one image. +: more than the row above."),
        ),
        lambda: {
            "schema": "rsinspect.diff-chain/1",
            "networks": [model_document(spec) for spec in specs],
            "steps": [
                _document(a, b, comparison)
                for (a, b), comparison in zip(pairwise(specs), comparisons, strict=True)
            ],
            "totals_delta": _delta_document(costs[0], costs[-1]),
        },
    )


def diff_report(a: ResNetRSSpec, b: ResNetRSSpec) -> Report:
    """What b has, lacks and does otherwise, stage by stage, with the difference in cost."""
    comparison = compare(build_graph(a), build_graph(b))
    table = Table(
        title=f"{a.title} -> {b.title}",
        columns=(
            Column("path", "Path"),
            Column("blocks_a", "Blocks\nA", "integer"),
            Column("blocks_b", "Blocks\nB", "integer"),
            Column("added", "Added", "integer"),
            Column("removed", "Removed", "integer"),
            Column("changed", "Changed", "integer"),
            Column("training_only", "Train.\nonly", "integer"),
            Column("params_delta", "Params\nB - A", "count"),
            Column("macs_delta", "MACs\nB - A", "count"),
            Column("macs_delta_percent", "MACs\n%", "number"),
        ),
        rows=tuple(_row(stage) for stage in comparison.stages),
        totals=(_total(comparison),),
        notes=_notes(a, b, comparison),
    )
    return Report(table, lambda: _document(a, b, comparison))


def _tally(layers: Iterable[LayerPair]) -> dict[Status, int]:
    found = dict.fromkeys(STATUSES, 0)
    for layer in layers:
        found[layer.status] += 1
    return found


def _numbers(layers: tuple[LayerPair, ...], a: Cost, b: Cost) -> dict[str, Value]:
    tally = _tally(layers)
    return {
        **{status: tally[status] for status in STATUSES if status != "same"},
        "params_delta": b.params - a.params,
        "macs_delta": b.macs - a.macs,
        "macs_delta_percent": round(100 * (b.macs - a.macs) / a.macs, 1) if a.macs else None,
    }


def _blocks(blocks: Iterable[BlockPair], missing: Status) -> tuple[str, ...]:
    """Paths of blocks, without those of a status and without stages that have no blocks."""
    return tuple(b.path for b in blocks if b.status != missing and "/" in b.path)


def _row(stage: StagePair) -> dict[str, Value]:
    has_blocks = any("/" in block.path for block in stage.blocks)
    return {
        "path": stage.path,
        "blocks_a": len(_blocks(stage.blocks, "added")) if has_blocks else "",
        "blocks_b": len(_blocks(stage.blocks, "removed")) if has_blocks else "",
        **_numbers(stage.layers, stage.cost_a, stage.cost_b),
    }


def _total(comparison: Comparison) -> dict[str, Value]:
    return {
        "path": "total",
        "blocks_a": len(_blocks(comparison.blocks, "added")),
        "blocks_b": len(_blocks(comparison.blocks, "removed")),
        **_numbers(comparison.layers, comparison.cost_a, comparison.cost_b),
    }


def _notes(a: ResNetRSSpec, b: ResNetRSSpec, comparison: Comparison) -> tuple[str, ...]:
    notes = [conclusion(a, b, comparison)]
    changes = comparison.changes
    for verb in ("added", "removed"):
        paths = [block.path for block in comparison.blocks if block.status == verb]
        if paths:
            notes.append(f"{places_in_words(paths)} {verb}.")
    notes += [
        f"{'In training only: ' if change.training_only else ''}"
        f"{change_in_words(change, comparison)}."
        for change in sorted(changes, key=lambda change: change.training_only)[:MOST_NOTES]
    ]
    if len(changes) > MOST_NOTES:
        notes.append(f"{len(changes) - MOST_NOTES} more kinds of change: --format json has all.")
    notes.append(
        "Added, removed, changed: layers, paired by path. Drop path, dropout and batch-norm "
        "momentum do nothing in inference and count as training only, except in new blocks."
    )
    if a.resolution != b.resolution:
        image = "x".join(map(str, comparison.image))
        notes.append(
            f"The images differ, {a.size} and {b.size}: shapes are compared as if both were "
            f"{image}, MACs are each at its own."
        )
    notes.append(f"MACs: {LEGEND['mac']}; for one image.")
    return tuple(notes)


def _document(a: ResNetRSSpec, b: ResNetRSSpec, comparison: Comparison) -> dict[str, Any]:
    one, two = comparison.cost_a, comparison.cost_b
    return {
        "schema": "rsinspect.diff/1",
        "a": model_document(a),
        "b": model_document(b),
        "totals": {
            "a": {**_cost_document(one), "layers": len(comparison.a)},
            "b": {**_cost_document(two), "layers": len(comparison.b)},
        },
        "totals_delta": _delta_document(one, two),
        "layers": _tally(comparison.layers),
        "shapes_compared_at": list(comparison.image),
        "stages": [
            {
                "path": stage.path,
                "status": stage.status,
                "blocks_a": len(_blocks(stage.blocks, "added")),
                "blocks_b": len(_blocks(stage.blocks, "removed")),
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
                        "fields": {c.field: {"a": c.a, "b": c.b} for c in layer.changes},
                    }
                    for layer in change.layers
                ],
            }
            for change in comparison.changes
        ],
        "conclusion": conclusion(a, b, comparison),
    }


def _cost_document(cost: Cost) -> dict[str, int]:
    return {
        "params": cost.params,
        "trainable_params": cost.trainable_params,
        "macs": cost.macs,
    }


def _delta_document(a: Cost, b: Cost) -> dict[str, int]:
    one, two = _cost_document(a), _cost_document(b)
    return {key: two[key] - one[key] for key in one}
