"""Differences as people say them: ``+16 identical blocks in c3``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from rsinspect.base.units import count, grouped, percent
from rsinspect.base.words import names_in_words, plural, spans
from rsinspect.differences.changes import Change
from rsinspect.differences.pairs import REGULARISERS, Comparison, LayerPair, StagePair, Status
from rsinspect.layers.cost import Cost
from rsinspect.layers.fold import fold_stages
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.structure import Group
from rsinspect.layers.wording import describe
from rsinspect.networks.network import Network

MOST_PHRASES = 3  # in the conclusion
LITTLE = 0.4
"""Of ``Comparison.likeness``, where names do not tell what belongs together: below, a list of
differences says less than that."""


def places_in_words(
    groups: Iterable[Group], comparison: Comparison, whole: Mapping[str, int] | None = None
) -> str:
    """Name blocks and stages in as few words as possible: ``stem, c3-c4/block0, c5/block1-2``.

    Args:
        groups: Blocks and stages, in order.
        comparison: What they are of: stages that follow each other there are named as a span.
        whole: How many blocks make a whole stage, by stage; such a stage is named alone.
    """
    numbers: dict[str, list[int]] = {}
    for group in groups:
        numbers.setdefault(group.stage, []).extend([] if group.number is None else [group.number])
    order = {stage.path_a: index for index, stage in enumerate(comparison.stages)}
    order |= {stage.path: index for index, stage in enumerate(comparison.stages)}
    phrases: list[tuple[list[str], str]] = []  # stages in a row that share the same blocks
    for stage, blocks in numbers.items():
        all_of_it = not blocks or len(blocks) == (whole or {}).get(stage)
        span = "" if all_of_it else f"/block{spans(blocks)}"
        stages, before = phrases[-1] if phrases else ([], "")
        if stages and blocks and before == span and order[stage] == order[stages[-1]] + 1:
            stages.append(stage)
        else:
            phrases.append(([stage], span))
    return ", ".join(
        (stages[0] if len(stages) == 1 else f"{stages[0]}-{stages[-1]}") + span
        for stages, span in phrases
    )


def change_in_words(change: Change, comparison: Comparison) -> str:
    """Describe a change: its fields, its layers, and the number of its blocks."""
    whole = Counter(
        block.group.stage for block in comparison.blocks if block.status not in ("added", "removed")
    )
    place = places_in_words(change.places, comparison, whole)
    names, layers = names_in_words(change.names), plural(len(change.layers), "layer")
    if change.is_scattered:
        return f"{_fields_in_words(change)} in {layers}"
    if change.verb == "changed":
        return f"{_fields_in_words(change)} in {names} of {place} ({layers})"
    ops = {_noun(layer) for layer in change.layers}
    if len(ops) == 1 and ops != {change.names[0]}:
        names += f" ({ops.pop()})"
    return f"{names} {change.verb} {'to' if change.verb == 'added' else 'from'} {place} ({layers})"


def _noun(layer: LayerPair) -> str:
    op = cast("Layer", layer.a or layer.b).op
    return REGULARISERS.get(op.kind) or describe(op)


def _fields_in_words(change: Change) -> str:
    """Write each field, with its values where these are the same in all layers."""
    if change.is_scattered and _is_width(change):
        return "other widths"
    words, differing = [], []
    for index, (field, *_) in enumerate(change.layers[0].telling):
        name = {"output_shape": "output shape", "shares": "weights"}.get(field, field)
        fields = [pair.telling[index] for pair in change.layers]
        values = {(_word(each.a, field), _word(each.b, field)) for each in fields}
        if len(values) == 1:
            words.append(f"{name} {' -> '.join(values.pop())}")
        else:
            differing.append(name)
    return ", ".join([*words, f"other {', '.join(differing)}"] if differing else words)


def _word(value: object, field: str) -> str:
    if field == "shares":
        return "of its own" if value is None else "of another layer"
    if isinstance(value, tuple) and not isinstance(value, TensorShape):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def blocks_in_words(comparison: Comparison) -> tuple[str, ...]:
    """Count the blocks of one network alone, a phrase per stage."""
    return tuple(
        phrase
        for stage in comparison.stages
        for _, phrase in blocks_of_stage_in_words(stage, comparison)
    )


def blocks_of_stage_in_words(
    stage: StagePair, comparison: Comparison
) -> Iterator[tuple[Status, str]]:
    """Count the blocks of a stage that are added, then those that are removed, if there are any."""
    sides: tuple[tuple[Status, str, LayerGraph], ...] = (
        ("added", "+", comparison.b),
        ("removed", "-", comparison.a),
    )
    for status, sign, graph in sides:
        groups = [block.group for block in stage.blocks if block.status == status]
        if not groups:
            continue
        if not any(group.is_block for group in groups):
            yield status, f"{names_in_words([group.path for group in groups])} {status}"
            continue
        own = groups[0].stage
        groups = [group for group in groups if group.is_block]
        runs = next(runs for whole, runs in fold_stages(graph) if whole.path == own)
        alike = any(
            run.repeats > 1 and run.likeness == "identical" and {*groups} <= {*run.groups}
            for run in runs
        )
        noun = f"{'identical ' if alike else ''}block"
        yield status, f"{sign}{plural(len(groups), noun)} in {own}"


def structure_in_words(comparison: Comparison) -> str:
    """Say in half a sentence what differs besides the image; blocks first."""
    if comparison.by == "likeness" and comparison.likeness < LITTLE:
        same = sum(layer.status in ("same", "training_only") for layer in comparison.layers)
        return (
            f"little in common: {comparison.counterparts} of {grouped(len(comparison.a))} and "
            f"{plural(len(comparison.b), 'layer')} have a counterpart, {grouped(same)} the same"
        )
    phrases = list(blocks_in_words(comparison))
    changes = comparison.changes
    structural = [change for change in changes if not change.training_only]
    most = max(1, MOST_PHRASES - len(phrases))
    if len(structural) > most:
        structural = _by_fields(structural)
    shown = structural[:most]
    phrases += [change_in_words(change, comparison) for change in shown]
    if left := len(structural) - len(shown):
        phrases.append(f"and {plural(left, 'more kind')} of change")
    training = _training_in_words(comparison)
    if not phrases:
        nothing = f"no difference{' but in names' if comparison.by == 'wiring' else ''}"
        return f"the same but for {training} (training only)" if training else nothing
    words = ", ".join(phrases).replace(", and ", " and ")
    if structural:
        return f"{words}; in training also {training}" if training else words
    return f"{words}, nothing else" + (f" but {training} (training only)" if training else "")


def _by_fields(changes: Iterable[Change]) -> list[Change]:
    """Join the changes of the same fields, wherever they are."""
    joined: dict[object, Change] = {}
    for change in changes:
        fields = tuple(field.field for field in change.layers[0].telling)
        key: object = (change.names, change.places)
        if change.verb == "changed":
            key = "widths" if _is_width(change) else fields
        before = joined.get(key)
        joined[key] = change if before is None else before.joined(change)
    return sorted(joined.values(), key=lambda change: (change.is_slight, -len(change.layers)))


def _is_width(change: Change) -> bool:
    """Tell whether all that differs is how many channels there are."""
    return all(
        field in ("channels", "in_channels", "filters")
        or (field == "output_shape" and len(a) == len(b) and a[:-1] == b[:-1])
        for layer in change.layers
        for field, a, b in layer.telling
    )


def _training_in_words(comparison: Comparison) -> str:
    """List what differs in training alone: ``batch-norm momentum, drop path and dropout``."""
    trains = [change for change in comparison.changes if change.training_only]
    kinds = dict.fromkeys(
        {"batch norm": "batch-norm momentum"}.get(noun := _noun(change.layers[0]), noun)
        for change in trains
        if {field.field for field in change.layers[0].changes} != {"frozen"}
    )
    *some, last = [*kinds, *_frozen_in_words(comparison.layers)] or [""]
    return f"{', '.join(some)} and {last}" if some else last


def _frozen_in_words(layers: Iterable[LayerPair]) -> Iterator[str]:
    """Count the layers that are kept from training in one network alone."""
    frozen = [field.b for x in layers for field in x.changes if field.field == "frozen"]
    if number := sum(frozen):
        yield f"{plural(number, 'layer')} frozen"
    if number := len(frozen) - sum(frozen):
        yield f"{plural(number, 'layer')} no longer frozen"


def _delta_in_words(a: int, b: int, noun: str) -> str:
    """Write a difference such as ``+6.61 M params (+7.6 %)``."""
    if a == b:
        return f"as many {noun}"
    sign = "+" if b > a else "-"
    share = percent(abs(b - a) / a) if a else ""
    bracket = f" ({share if share.startswith('<') else sign + share})" if share else ""
    return f"{sign}{count(abs(b - a))} {noun}{bracket}"


def conclusion(a: Network, b: Network, comparison: Comparison) -> str:
    """Sum the comparison up in one sentence: what differs, and its effect on params and MACs."""
    one, two = comparison.cost_a, comparison.cost_b
    params = _delta_in_words(one.params, two.params, "params")
    names = [network.title for network in (a, b)]
    if any(layer.frozen for graph in (comparison.a, comparison.b) for layer in graph):
        trainable = one.trainable_params, two.trainable_params
        params += f", {_delta_in_words(*trainable, 'trainable params')}"
    macs = _delta_in_words(one.macs, two.macs, "MACs")
    if not comparison.is_counted:
        macs = f"MACs {_macs(one)} -> {_macs(two)}"
    if a.size == b.size:
        names = [network.short_title for network in (a, b)]
        costs = f"{params}, {macs} at {a.size}"
    elif not comparison.changes and not any(
        block.status in ("added", "removed") for block in comparison.blocks
    ):
        return (
            f"{' -> '.join(names)}: same layers, {params}; at {b.size} instead of {a.size}: {macs}."
        )
    else:
        macs = " -> ".join(
            f"{_macs(cost)} at {network.size}" for cost, network in ((one, a), (two, b))
        )
        costs = f"{params}, MACs {macs}"
    return f"{' -> '.join(names)}: {structure_in_words(comparison)}; {costs}."


def _macs(cost: Cost) -> str:
    return f"at least {count(cost.macs)}" if cost.uncounted else count(cost.macs)


def arrowed(text: str) -> str:
    """Write arrows as a page has them; programs are given those of a keyboard.

    >>> arrowed("units 1000 -> 10")
    'units 1000 → 10'
    """
    return text.replace("->", "→")
