"""Two networks side by side: what one has and the other has not, layer by layer, and what it costs.

Layers are paired by path, so what has a path in both graphs is the same place in both. A pair is
compared in what it is (op), how it is configured (field by field), what comes out (shape) and what
it reads. Three things would drown a real difference and are kept apart from it:

* Size of the image. Shapes are compared as if both networks had the larger of the two images, so a
  shape counts as changed only where the wiring changes it. Costs stay those of each own image.
* What follows from a layer that only one side has. An input is followed through such layers to the
  nearest that both have: behind sixteen more blocks, c4 reads what it read before.
* Training. Drop path, dropout and the momentum of batch norm are regularisation that differs from
  depth to depth and does nothing in inference: ``training_only``, unless a whole block is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from rsinspect.cost import LEGEND, Cost, layers_cost
from rsinspect.errors import InvalidSpec
from rsinspect.fold import fold
from rsinspect.graph import (
    Group,
    Input,
    Layer,
    LayerGraph,
    Op,
    TensorShape,
    infer_shape,
)
from rsinspect.report import Column, Report, Table, Value, describe, model_document
from rsinspect.resnet_rs import build_graph
from rsinspect.spec import ResNetRSSpec, dialect_named, parse_model, parse_resolution
from rsinspect.units import count, percent

Status = Literal["same", "added", "removed", "changed", "training_only"]
"""What became of a layer, block or stage on the way from a to b."""

STATUSES: tuple[Status, ...] = ("same", "added", "removed", "changed", "training_only")

_REGULARISERS = {"DropPath": "drop path", "Dropout": "dropout"}
"""Ops that do nothing in inference, in words."""

MOST_NOTES = 12
MOST_PHRASES = 3  # in the conclusion
MOST_NAMES = 4  # of layers in one phrase


class FieldChange(NamedTuple):
    """One thing in which a layer differs.

    Attributes:
        field: ``op``, a field of the op (``use_bias``), ``output_shape`` or ``inputs``.
        a: Its value in a.
        b: Its value in b.
    """

    field: str
    a: Any
    b: Any


class LayerPair(NamedTuple):
    """One path in both graphs.

    Attributes:
        path: Of the layer.
        a: The layer in a, or None.
        b: The layer in b, or None.
        status: What became of it.
        changes: In which fields the two differ; empty where one is missing.
    """

    path: str
    a: Layer | None
    b: Layer | None
    status: Status
    changes: tuple[FieldChange, ...] = ()


class BlockPair(NamedTuple):
    """A block, or a stage without blocks, in both graphs.

    Attributes:
        path: Of the block.
        status: What became of it; ``added`` or ``removed`` only as a whole.
        layers: All layers of either.
    """

    path: str
    status: Status
    layers: tuple[LayerPair, ...]


class StagePair(NamedTuple):
    """A stage in both graphs.

    Attributes:
        path: Of the stage.
        status: What became of it.
        blocks: All blocks of either; the stage itself where it has none.
        cost_a: Of the stage in a, for one image; zero where it is missing.
        cost_b: Likewise in b.
    """

    path: str
    status: Status
    blocks: tuple[BlockPair, ...]
    cost_a: Cost
    cost_b: Cost

    @property
    def layers(self) -> tuple[LayerPair, ...]:
        """All layers of either."""
        return tuple(layer for block in self.blocks for layer in block.layers)


class Change(NamedTuple):
    """The same difference in several layers of blocks that both networks have.

    Attributes:
        verb: ``added``, ``removed`` or ``changed``.
        training_only: Whether it makes no difference in inference.
        names: The layers' names within their blocks: ``se/reduce``, ``se/expand``.
        places: Paths of these blocks.
        layers: The layers.
    """

    verb: Literal["added", "removed", "changed"]
    training_only: bool
    names: tuple[str, ...]
    places: tuple[str, ...]
    layers: tuple[LayerPair, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How b differs from a.

    Attributes:
        a: The one.
        b: The other.
        stages: Every stage of either, in the order of the forward pass. Together their blocks have
            every path of either graph once.
        image: Height and width at which shapes were compared.
    """

    a: LayerGraph
    b: LayerGraph
    stages: tuple[StagePair, ...]
    image: tuple[int, int]

    @property
    def blocks(self) -> tuple[BlockPair, ...]:
        """Every block (and stage without blocks) of either."""
        return tuple(block for stage in self.stages for block in stage.blocks)

    @property
    def layers(self) -> tuple[LayerPair, ...]:
        """Every layer of either."""
        return tuple(layer for block in self.blocks for layer in block.layers)

    @property
    def cost_a(self) -> Cost:
        """Of the whole of a, for one image."""
        return Cost.total(stage.cost_a for stage in self.stages)

    @property
    def cost_b(self) -> Cost:
        """Of the whole of b, for one image."""
        return Cost.total(stage.cost_b for stage in self.stages)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Differences inside the blocks that both have; those of most layers first."""
        return _changes(self.blocks)


def compare(a: LayerGraph, b: LayerGraph) -> Comparison:
    """How b differs from a, layer by layer.

    Raises:
        ShapeMismatch: If the networks' images differ in size and the layers of one do not fit the
            larger.

    >>> a, b = (build_graph(ResNetRSSpec.variant(depth)) for depth in (152, 200))
    >>> added = [block.path for block in compare(a, b).blocks if block.status == "added"]
    >>> len(added), added[0], added[-1]
    (16, 'c3/block8', 'c3/block23')
    """
    image = max(_image(a), _image(b), key=lambda size: (size[0] * size[1], size))
    pairs = _Pairs(a, b, image)
    groups_a, groups_b = ({g.path: g for g in graph.groups()} for graph in (a, b))
    stages: dict[str, list[BlockPair]] = {}
    for path in _merged(groups_a, groups_b):
        block = pairs.block(path, groups_a.get(path), groups_b.get(path))
        stages.setdefault(path.split("/", 1)[0], []).append(block)
    return Comparison(
        a,
        b,
        tuple(
            StagePair(
                path=stage,
                status=_status_of([block.status for block in blocks]),
                blocks=tuple(blocks),
                cost_a=_cost(a, (layer.a for block in blocks for layer in block.layers)),
                cost_b=_cost(b, (layer.b for block in blocks for layer in block.layers)),
            )
            for stage, blocks in stages.items()
        ),
        image,
    )


class _Pairs:
    """Pairs the layers of two graphs."""

    def __init__(self, a: LayerGraph, b: LayerGraph, image: tuple[int, int]) -> None:
        both = {layer.path for layer in a} & {layer.path for layer in b}
        self.shapes_a, self.shapes_b = _shapes(a, image), _shapes(b, image)
        self.reads_a, self.reads_b = _reads(a, both), _reads(b, both)

    def block(self, path: str, a: Group | None, b: Group | None) -> BlockPair:
        layers_a = {} if a is None else {layer.path: layer for layer in a.layers}
        layers_b = {} if b is None else {layer.path: layer for layer in b.layers}
        whole = a is None or b is None
        layers = tuple(
            self.layer(name, layers_a.get(name), layers_b.get(name), whole=whole)
            for name in _merged(layers_a, layers_b)
        )
        return BlockPair(path, _status_of([layer.status for layer in layers]), layers)

    def layer(self, path: str, a: Layer | None, b: Layer | None, *, whole: bool) -> LayerPair:
        """The pair of that path; ``whole`` where all of its block is added or removed."""
        if a is not None and b is not None:
            changes = tuple(self.changes(a, b))
            if not changes:
                return LayerPair(path, a, b, "same")
            trains = all(change.field in _training_fields(a.op) for change in changes)
            return LayerPair(path, a, b, "training_only" if trains else "changed", changes)
        op = cast("Layer", a or b).op
        if op.kind in _REGULARISERS and not whole:
            return LayerPair(path, a, b, "training_only")
        return LayerPair(path, a, b, "added" if a is None else "removed")

    def changes(self, a: Layer, b: Layer) -> Iterator[FieldChange]:
        if a.op.kind != b.op.kind:
            yield FieldChange("op", describe(a.op), describe(b.op))
        elif a.op != b.op:
            for field, value in a.op._asdict().items():
                other = getattr(b.op, field)
                if value != other and field != "shape":  # of an image or a view: what comes out
                    yield FieldChange(field, value, other)
        if self.shapes_a[a.path] != self.shapes_b[b.path]:
            yield FieldChange("output_shape", self.shapes_a[a.path], self.shapes_b[b.path])
        if self.reads_a[a.path] != self.reads_b[b.path]:
            yield FieldChange("inputs", a.inputs, b.inputs)


def _training_fields(op: Op) -> tuple[str, ...]:
    """Fields of an op that make no difference in inference."""
    return ("rate",) if op.kind in _REGULARISERS else ("momentum",)


def _status_of(statuses: list[Status]) -> Status:
    """Status of a whole from those of its parts."""
    found = set(statuses)
    if len(found) == 1:
        return statuses[0]
    return "changed" if found - {"same", "training_only"} else "training_only"


def _image(graph: LayerGraph) -> tuple[int, int]:
    """Height and width of what enters the network."""
    shape = next((layer.shape for layer in graph if isinstance(layer.op, Input)), TensorShape(1))
    return shape.height, shape.width


def _shapes(graph: LayerGraph, image: tuple[int, int]) -> dict[str, TensorShape]:
    """Output shape of every layer on images of that size."""
    if _image(graph) == image:
        return {layer.path: layer.shape for layer in graph}
    shapes: dict[str, TensorShape] = {}
    for layer in graph:
        op = layer.op
        if isinstance(op, Input):
            op = Input(TensorShape(*image, op.shape.channels))
        shapes[layer.path] = infer_shape(op, tuple([shapes[path] for path in layer.inputs]))
    return shapes


def _reads(graph: LayerGraph, both: set[str]) -> dict[str, tuple[frozenset[str], ...]]:
    """What every layer reads, each input followed to the nearest layers that both graphs have."""
    followed: dict[str, frozenset[str]] = {}
    reads: dict[str, tuple[frozenset[str], ...]] = {}
    for layer in graph:
        read = reads[layer.path] = tuple([followed[path] for path in layer.inputs])
        here = layer.path in both
        followed[layer.path] = frozenset((layer.path,)) if here else frozenset().union(*read)
    return reads


def _merged(a: Iterable[str], b: Iterable[str]) -> tuple[str, ...]:
    """Names of either in b's order, with those that b lacks where they stood in a.

    >>> _merged(("pad", "conv", "norm", "add"), ("conv", "drop", "add"))
    ('pad', 'conv', 'norm', 'drop', 'add')
    """
    in_b = dict.fromkeys(b)
    after: dict[str | None, list[str]] = {}  # the name before -> names that b lacks
    before = None
    for name in a:
        if name in in_b:
            before = name
        else:
            after.setdefault(before, []).append(name)
    merged = after.get(None, [])
    for name in in_b:
        merged += [name, *after.get(name, [])]
    return tuple(merged)


def _cost(graph: LayerGraph, layers: Iterable[Layer | None]) -> Cost:
    return layers_cost(graph, (layer for layer in layers if layer is not None))


def _changes(blocks: tuple[BlockPair, ...]) -> tuple[Change, ...]:
    alike: dict[tuple[Any, ...], list[tuple[str, LayerPair]]] = {}  # the same layer in many blocks
    for block in blocks:
        if block.status in ("added", "removed"):
            continue
        for layer in block.layers:
            if layer.status == "same":
                continue
            verb = "added" if layer.a is None else "removed" if layer.b is None else "changed"
            fields = tuple(change.field for change in layer.changes)
            name = layer.path.removeprefix(f"{block.path}/")
            key = (verb, layer.status == "training_only", fields, name)
            alike.setdefault(key, []).append((block.path, layer))
    together: dict[tuple[Any, ...], list[tuple[str, list[LayerPair]]]] = {}
    for (verb, trains, fields, name), found in alike.items():
        places = tuple(place for place, _ in found)
        together.setdefault((verb, trains, fields, places), []).append(
            (name, [layer for _, layer in found])
        )
    changes = [
        Change(
            verb=verb,
            training_only=trains,
            names=tuple(name for name, _ in named),
            places=places,
            layers=tuple(layer for _, layers in named for layer in layers),
        )
        for (verb, trains, _, places), named in together.items()
    ]
    return tuple(sorted(changes, key=lambda change: -len(change.layers)))


# words


def places_in_words(paths: Iterable[str], whole: Mapping[str, int] | None = None) -> str:
    """Blocks in as few words as will do.

    Args:
        paths: Of blocks and stages, in order.
        whole: How many blocks make a whole stage, by stage; such a stage is named alone.

    >>> places_in_words(("stem", "c3/block0", "c4/block0", "c5/block1", "c5/block2"))
    'stem, c3-c4/block0, c5/block1-2'
    >>> places_in_words(("c2/block0", "c3/block0", "c3/block1"), {"c2": 1, "c3": 2})
    'c2-c3'
    """
    numbers: dict[str, list[int]] = {}
    for path in paths:
        stage, _, block = path.partition("/block")
        numbers.setdefault(stage, []).extend([int(block)] if block else [])
    found: list[tuple[list[str], str]] = []  # stages in a row that share the same blocks
    for stage, blocks in numbers.items():
        all_of_it = not blocks or len(blocks) == (whole or {}).get(stage)
        span = "" if all_of_it else f"/block{_spans(blocks)}"
        if found and blocks and found[-1][1] == span and _follows(found[-1][0][-1], stage):
            found[-1][0].append(stage)
        else:
            found.append(([stage], span))
    return ", ".join(
        (stages[0] if len(stages) == 1 else f"{stages[0]}-{stages[-1]}") + span
        for stages, span in found
    )


def _follows(stage: str, other: str) -> bool:
    one, two = stage.removeprefix("c"), other.removeprefix("c")
    return one.isdecimal() and two.isdecimal() and int(two) == int(one) + 1


def _spans(numbers: list[int]) -> str:
    """Whole numbers, with runs as spans: ``0,2-4``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    return ",".join("-".join(map(str, span)) for span in spans)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def names_in_words(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The names, or the first of them and how many more; one more is named instead.

    >>> names_in_words(("conv1", "bn1", "act1", "conv2"), 2)
    'conv1, bn1 and 2 more'
    """
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def change_in_words(change: Change, comparison: Comparison) -> str:
    """What changed, in which layers of which blocks, and in how many."""
    shared = (block for block in comparison.blocks if block.status not in ("added", "removed"))
    whole: dict[str, int] = {}
    for block in shared:
        stage = block.path.split("/", 1)[0]
        whole[stage] = whole.get(stage, 0) + 1
    place = places_in_words(change.places, whole)
    names, layers = names_in_words(change.names), _plural(len(change.layers), "layer")
    if change.verb == "changed":
        return f"{_fields_in_words(change)} in {names} of {place} ({layers})"
    ops = {_noun(layer) for layer in change.layers}
    if len(ops) == 1 and ops != {change.names[0]}:
        names += f" ({ops.pop()})"
    return f"{names} {change.verb} {'to' if change.verb == 'added' else 'from'} {place} ({layers})"


def _noun(layer: LayerPair) -> str:
    op = cast("Layer", layer.a or layer.b).op
    return _REGULARISERS.get(op.kind) or describe(op)


def _fields_in_words(change: Change) -> str:
    """Each field with its values where these are the same in all layers, then the other fields."""
    words, other = [], []
    for index, (field, *_) in enumerate(change.layers[0].changes):
        name = "output shape" if field == "output_shape" else field
        values = {(_word(c.a), _word(c.b)) for c in (pair.changes[index] for pair in change.layers)}
        if len(values) == 1:
            words.append(f"{name} {' -> '.join(values.pop())}")
        else:
            other.append(name)
    return ", ".join([*words, f"other {', '.join(other)}"] if other else words)


def _word(value: object) -> str:
    if isinstance(value, tuple) and not isinstance(value, TensorShape):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def blocks_in_words(comparison: Comparison) -> tuple[str, ...]:
    """Blocks that only one has, a phrase per stage: ``+16 identical blocks in c3``."""
    phrases = []
    sides: tuple[tuple[Status, str, LayerGraph], ...] = (
        ("added", "+", comparison.b),
        ("removed", "-", comparison.a),
    )
    for stage in comparison.stages:
        for status, sign, graph in sides:
            paths = {block.path for block in stage.blocks if block.status == status}
            if paths == {stage.path}:
                phrases.append(f"{stage.path} {status}")
            elif paths:
                runs = fold(graph, graph.groups(stage.path))
                alike = any(
                    run.repeats > 1 and paths <= {group.path for group in run.groups}
                    for run in runs
                )
                noun = f"{'identical ' if alike else ''}block"
                phrases.append(f"{sign}{_plural(len(paths), noun)} in {stage.path}")
    return tuple(phrases)


def structure_in_words(comparison: Comparison) -> str:
    """What differs besides the image, in half a sentence; blocks first, then the commonest."""
    phrases = list(blocks_in_words(comparison))
    changes = comparison.changes
    structural = [change for change in changes if not change.training_only]
    shown = structural[: max(1, MOST_PHRASES - len(phrases))]
    phrases += [change_in_words(change, comparison) for change in shown]
    if left := len(structural) - len(shown):
        phrases.append(f"and {_plural(left, 'more kind')} of change")
    training = _training_in_words(changes)
    if not phrases:
        return f"the same but for {training}" if training else "no difference"
    words = ", ".join(phrases).replace(", and ", " and ")
    if structural:
        return f"{words}; in training also {training}" if training else words
    return f"{words}, nothing else" + (f" but {training}" if training else "")


def _training_in_words(changes: Iterable[Change]) -> str:
    """Which regularisation differs: ``drop path and dropout (training only)``."""
    found = dict.fromkeys(
        {"batch norm": "batch-norm momentum"}.get(noun := _noun(change.layers[0]), noun)
        for change in changes
        if change.training_only
    )
    return f"{' and '.join(found)} (training only)" if found else ""


def _delta_in_words(a: int, b: int, noun: str) -> str:
    """``+6.61 M params (+7.6 %)``."""
    if a == b:
        return f"as many {noun}"
    sign = "+" if b > a else "-"
    share = percent(abs(b - a) / a) if a else ""
    bracket = f" ({share if share.startswith('<') else sign + share})" if share else ""
    return f"{sign}{count(abs(b - a))} {noun}{bracket}"


def conclusion(a: ResNetRSSpec, b: ResNetRSSpec, comparison: Comparison) -> str:
    """The comparison in one sentence: what differs, and what that does to params and MACs."""
    one, two = comparison.cost_a, comparison.cost_b
    params = _delta_in_words(one.params, two.params, "params")
    if a.resolution == b.resolution:
        names = [spec.title.replace(f" @ {spec.size}", "") for spec in (a, b)]
        costs = f"{params}, {_delta_in_words(one.macs, two.macs, 'MACs')} at {a.size}"
    else:
        names = [spec.title for spec in (a, b)]
        macs = " -> ".join(
            f"{count(cost.macs)} at {spec.size}" for cost, spec in ((one, a), (two, b))
        )
        costs = f"{params}, MACs {macs}"
    return f"{' -> '.join(names)}: {structure_in_words(comparison)}; {costs}."


# the report


def models(a: str, b: str, *, resolution: str | None = None) -> tuple[ResNetRSSpec, ResNetRSSpec]:
    """Two networks by name, at one resolution unless the names say otherwise.

    A model that names no resolution takes the other's; where neither does, both take the larger of
    their published ones, so that MACs differ by structure alone.

    Args:
        a: MODEL or MODEL:DIALECT: ``152``, ``152@224``, ``101:article``.
        b: Likewise.
        resolution: Image side or height x width, for both.

    Raises:
        SpecError: If a name, dialect or resolution is unknown, or the resolution disagrees with one
            in a name.

    >>> [spec.title for spec in models("50", "101:article")]
    ['resnet-rs-50 @ 192x192', 'resnet-rs-101 @ 192x192 (article)']
    """
    given = None if resolution is None else parse_resolution(resolution)
    asked = []
    for text in (a, b):
        model, colon, dialect = text.partition(":")
        depth, at = parse_model(model)
        if given is not None and at is not None and at != given:
            raise InvalidSpec(f"{text} and the resolution {resolution} disagree", "give one")
        dialect = dialect_named(dialect if colon else "keras").name
        asked.append((depth, at or given, dialect))
    sizes = [at for _, at, _ in asked if at is not None] or [
        max(ResNetRSSpec.variant(depth).resolution for depth, _, _ in asked)
    ]
    one, two = (
        ResNetRSSpec.variant(depth, resolution=at or sizes[0], dialect=dialect)
        for depth, at, dialect in asked
    )
    return one, two


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
