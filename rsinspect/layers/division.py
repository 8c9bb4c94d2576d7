"""Where a network's stages and blocks begin and end, from the wiring alone.

The rules stand in ``layers.structure``, which labels what is found here. Drafts are plain classes:
every command pays for the making of a named tuple or a dataclass.
"""

from collections.abc import Sequence
from typing import Literal

from rsinspect.layers import ops
from rsinspect.layers.chains import (
    POOLS,
    after_pool,
    convolves,
    form,
    head_start,
    is_light_way,
    joined,
    pieces_of,
    resizes,
    shrinks,
    start_of_form,
    units_of,
)
from rsinspect.layers.cuts import Part, cut_positions, parts_between
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape

StageRole = Literal["input", "stem", "stage", "head"]
Kind = Literal["block", "unit", "closing", "plain"]
"""What a group is: a part that branches; convolutions of a chain that stand for a block; layers
of a chain that a pool ends; other layers of a chain."""

PREPARES = (ops.Input, ops.Rescaling, ops.Normalization, ops.Augmentation, ops.Arithmetic)
JOINS = (ops.Add, ops.ScaledAdd)


class DraftGroup:
    """Layers that stand together, before they have a label.

    Attributes:
        layers: In order.
        kind: What they are.
        is_block: Whether they count as a block of their stage.
    """

    __slots__ = ("is_block", "kind", "layers")

    def __init__(self, layers: Part, kind: Kind) -> None:
        self.layers = layers
        self.kind = kind
        self.is_block = kind in ("block", "unit")


class Draft:
    """A stage before it has a label: its role and its groups of layers."""

    __slots__ = ("groups", "role")

    def __init__(self, role: StageRole, groups: tuple[DraftGroup, ...]) -> None:
        self.role = role
        self.groups = groups


class Tower:
    """The stages of a whole network, or of what stands between one of its inputs and the rest.

    Attributes:
        name: Of a tower; empty for a whole network, and for what several inputs lead to.
        drafts: Its stages.
        prefix: What the paths of its layers begin with.
    """

    __slots__ = ("drafts", "name", "prefix")

    def __init__(self, name: str, drafts: tuple[Draft, ...], prefix: str = "") -> None:
        self.name = name
        self.drafts = drafts
        self.prefix = prefix


def draft_stages(graph: LayerGraph) -> tuple[Tower, ...]:
    """Divide all layers of a graph into stages, and these into blocks."""
    layers = graph.layers
    entered = 0
    while entered < len(layers) and isinstance(layers[entered].op, PREPARES):
        entered += 1
    entry = Draft("input", (DraftGroup(layers[:entered], "plain"),))
    if len([layer for layer in layers if not layer.inputs]) == 1:
        return (Tower("", _full((entry, *_Section(graph, layers, entered).drafts()))),)
    towers = [Tower("", _full((entry,)))]
    parts = _by_inputs(layers, entered)
    for number, name, part in parts:
        drafts = _full(_Section(graph, part, 0).drafts())
        if number > 1 or len(parts) == 1:
            whole = drafts if any(x.role == "stage" for x in drafts) else (_one("head", part),)
            towers.append(Tower("", whole))
            continue
        if not any(group.is_block for draft in drafts for group in draft.groups):
            drafts = (_one("stage", part),)
        first = {layer.path.partition("/")[0] for layer in part if "/" in layer.path}
        nested = first.pop() if len(first) == 1 and all("/" in x.path for x in part) else ""
        prefix = f"{nested}/" if nested else ""
        towers.append(Tower(nested or f"{name}/tower", drafts, prefix))
    return tuple(towers)


def _full(drafts: Sequence[Draft]) -> tuple[Draft, ...]:
    """Leave out stages without layers."""
    return tuple(draft for draft in drafts if draft.groups and draft.groups[0].layers)


def _one(role: StageRole, layers: Part) -> Draft:
    return Draft(role, (DraftGroup(layers, "plain"),))


def _by_inputs(layers: Part, entered: int) -> list[tuple[int, str, Part]]:
    """Part a network of several inputs by the inputs that a layer depends on; few come first.

    Returns:
        For each part how many inputs, the path of the first, and its layers.
    """
    inputs = [layer.path for layer in layers if not layer.inputs]
    bits = {path: 1 << number for number, path in enumerate(inputs)}
    seen: dict[str, int] = {}
    parts: dict[int, list[Layer]] = {}
    for position, layer in enumerate(layers):
        above = bits.get(layer.path, 0)
        for path in layer.inputs:
            above |= seen[path]
        seen[layer.path] = above
        if position >= entered:
            parts.setdefault(above, []).append(layer)
    return [
        (above.bit_count(), inputs[(above & -above).bit_length() - 1], tuple(parts[above]))
        for above in sorted(parts, key=int.bit_count)
    ]


class _Section:
    """Neighbouring layers that are divided on their own: a whole network, or one of its towers."""

    def __init__(self, graph: LayerGraph, layers: Part, start: int) -> None:
        self.graph = graph
        self.layers = layers
        self.start = start
        self.groups: list[DraftGroup] = []
        self.stem: list[Layer] = []
        self.head: list[Layer] = []

    def drafts(self) -> list[Draft]:
        """List stem, stages and head."""
        chain: list[Part] = []  # parts that wait for the group they belong to
        end = self.start
        cuts = cut_positions(self.layers)
        for part in parts_between(self.graph, self.layers, self.start, cuts):
            if self._is_last_of_many(part, end):
                break
            end += len(part)
            if is_branching(part):
                self._block(chain, part)
                chain = []
            elif self._belongs_to_last(chain, part):
                self._extend(part)
            else:
                chain.append(part)
        rest = self.layers[end:]
        self._finish(chain, rest)
        stages = _staged(self.graph, _paired(self.groups))
        return [
            Draft("stem", (DraftGroup(tuple(self.stem), "plain"),)),
            *(Draft("stage", tuple(groups)) for groups in stages),
            Draft("head", (DraftGroup(tuple(self.head), "plain"),)),
        ]

    def _is_last_of_many(self, part: Part, start: int) -> bool:
        """Whether a part ends a network and several outputs are in it."""
        outputs = self.graph.outputs
        if len(outputs) == 1 or start + len(part) < len(self.layers):
            return False
        return len([layer for layer in part if layer.path in outputs]) > 1

    def _belongs_to_last(self, chain: Sequence[Part], part: Part) -> bool:
        """Whether a part is the activation after a block."""
        return (
            not chain
            and bool(self.groups)
            and len(part) == 1
            and isinstance(part[0].op, ops.Activation | ops.ReLU | ops.PReLU)
        )

    def _extend(self, layers: Part) -> None:
        last = self.groups[-1]
        self.groups[-1] = DraftGroup(last.layers + layers, last.kind)

    def _block(self, chain: list[Part], part: Part) -> None:
        """Add a part that branches, after the chain before it."""
        alone = bool(chain) and keeps(part)
        if chain:
            chain = self._units(chain, part if alone else None)
        if chain and not self.groups:
            start = after_pool(chain) if not alone else len(chain)
            self.stem, chain = list(joined(chain[:start])), chain[start:]
        if chain and not alone:
            *before, chain = pieces_of(chain)
            if any(convolves(one) for one in chain):
                before, chain = [*before, chain], []
            self.groups += map(_plain, before)
        elif chain and self.groups and not any(convolves(one) for one in chain):
            self._extend(joined(chain))
            chain = []
        elif chain:
            self.groups += map(_plain, pieces_of(chain))
            chain = []
        self.groups.append(DraftGroup(joined(chain) + part, "block"))

    def _units(self, chain: list[Part], following: Part | None) -> list[Part]:
        """Add the units among a chain, and what stands before them; return the rest."""
        start = 0
        for begin, end in units_of(chain):
            self._unit(chain[start:begin], chain[begin:end])
            start = end
        rest = chain[start:]
        if following is not None and rest:
            begin = start_of_form(rest, form(following[:-1]))
            if begin < len(rest) and (self.groups or any(map(convolves, rest[:begin]))):
                self._unit(rest[:begin], rest[begin:])
                rest = []
        return rest

    def _unit(self, before: list[Part], unit: list[Part]) -> None:
        if before and not self.groups:
            self.stem += joined(before)
        elif before:
            self.groups += map(_plain, pieces_of(before))
        self.groups.append(DraftGroup(joined(unit), "unit"))

    def _finish(self, chain: list[Part], rest: Part) -> None:
        """Add the chain after the last block, and layers after which nothing is read alone."""
        blocks = bool(self.groups)
        chain = self._units(self._ended_alike(chain), None)
        start = head_start(chain)
        pieces = pieces_of(chain[:start])
        if not blocks and not self.groups and len(pieces) == 1:
            self.stem = list(joined(pieces[0]))
            pieces = []
        if self.groups:  # what keeps the size is the head's
            sizes = [index for index, piece in enumerate(pieces) if any(map(resizes, piece))]
            last = sizes[-1] + 1 if sizes else 0
        else:
            last = len(pieces)
        self.groups += map(_plain, pieces[:last])
        tail = [part for piece in pieces[last:] for part in piece] + chain[start:]
        if not tail and not rest and not self.stem and self.groups:
            tail = self._classifier()
        self.head = [*joined(tail), *rest]

    def _ended_alike(self, chain: list[Part]) -> list[Part]:
        """Let what follows the join of the last block be as after one of its form before it.

        An activation is handed back to the chain, or a norm taken from it; returns the chain.
        """
        if len(self.groups) < 2:
            return chain
        last = self.groups[-1]
        own = _until_join(last.layers)
        for before in self.groups[-2:-4:-1]:
            model = _until_join(before.layers)
            if len(model) == len(own) and form(model) == form(own):
                break
        else:
            return chain
        tail = last.layers[len(own) :]
        every = [*((layer,) for layer in tail), *chain]
        wanted = before.layers[len(model) :]
        taken = every[: len(wanted)]
        if form(joined(taken)) != form(wanted):
            return chain
        self.groups[-1] = DraftGroup(own + joined(taken), last.kind)
        return every[len(wanted) :]

    def _classifier(self) -> list[Part]:
        """Take the last 1x1 convolution of a chain, which says what each pixel is."""
        last = self.groups[-1]
        for index in range(len(last.layers) - 1, 0, -1):
            op = last.layers[index].op
            if isinstance(op, ops.Conv2D) and op.kernel == 1 and last.kind == "plain":
                self.groups[-1] = DraftGroup(last.layers[:index], "plain")
                return [last.layers[index:]]
            if not isinstance(op, ops.Activation):
                break
        return []


def _plain(piece: Sequence[Part]) -> DraftGroup:
    closes = len(piece) > 1 and shrinks(piece[-1][-1]) and isinstance(piece[-1][-1].op, POOLS)
    return DraftGroup(joined(piece), "closing" if closes else "plain")


def is_branching(part: Part) -> bool:
    """Tell whether layers between two cuts branch, and for more than a gate.

    A map that is enlarged and put beside a skip is no block either.
    """
    if len(part) == 1 or isinstance(part[-1].op, ops.Multiply):
        return False
    return not (isinstance(part[-1].op, ops.Concatenate) and is_light_way(part))


def keeps(part: Part) -> bool:
    """Tell whether a part adds its own entry to its end: a shortcut without weights."""
    if not isinstance(part[-1].op, JOINS):
        return False
    if part[0].inputs and part[0].inputs[0] in part[-1].inputs:
        return True
    inside = {layer.path: layer for layer in part}
    for path in part[-1].inputs:
        while path in inside and isinstance(inside[path].op, (*POOLS, ops.ZeroPad2D, ops.Crop2D)):
            path = inside[path].inputs[0]
        if path not in inside:
            return True
    return False


def _paired(groups: list[DraftGroup]) -> list[DraftGroup]:
    """Join groups of two forms that take turns: attention and what follows it in a transformer."""
    paired: list[DraftGroup] = []
    index = 0
    while index < len(groups):
        end = _turns(groups, index)
        for begin in range(index, end, 2):
            paired.append(DraftGroup(groups[begin].layers + groups[begin + 1].layers, "unit"))
        if end == index:
            paired.append(groups[index])
            end += 1
        index = end
    return paired


def _turns(groups: list[DraftGroup], start: int) -> int:
    """Find where groups end that take turns from a start on; the start where they do not."""
    end = start + 2
    while (
        end + 1 < len(groups)
        and len(groups[end].layers) == len(groups[start].layers)
        and len(groups[end + 1].layers) == len(groups[start + 1].layers)
        and len(groups[end].layers) != len(groups[end + 1].layers)
        and groups[end].layers[-1].shape == groups[start].layers[-1].shape
        and groups[end + 1].layers[-1].shape == groups[start].layers[-1].shape
        and form(groups[end].layers) == form(groups[start].layers)
        and form(groups[end + 1].layers) == form(groups[start + 1].layers)
    ):
        end += 2
    return end if end > start + 2 else start


def _staged(graph: LayerGraph, groups: Sequence[DraftGroup]) -> list[list[DraftGroup]]:
    """Put groups together whose outputs have one resolution, and in residual networks one width."""
    stages: list[list[DraftGroup]] = []
    size: tuple[int, ...] = ()
    for group in groups:
        entry, end = entry_shape(graph, group.layers), group.layers[-1].shape
        if not stages or _begins(group, entry, end, size):
            stages.append([])
            size = end[:-1]
            if group.kind == "closing":
                size = entry[:-1]
        stages[-1].append(group)
    return stages


def _begins(group: DraftGroup, entry: TensorShape, end: TensorShape, size: tuple[int, ...]) -> bool:
    """Whether a group begins a stage, where the one before it had outputs of that size."""
    if entry[:-1] != size and group.kind != "unit":
        return True
    if group.kind == "closing":
        return False
    if group.kind == "block":
        part = _until_join(group.layers)
        if isinstance(part[-1].op, JOINS):
            return not keeps(part)
    if group.kind == "unit":
        return end[:-1] != size or entry.channels != end.channels
    return end[:-1] != size


def _until_join(layers: Part) -> Part:
    """Leave out what follows the join of a block."""
    end = len(layers)
    while end > 1 and len(layers[end - 1].inputs) == 1:
        end -= 1
    return layers[:end]


def entry_shape(graph: LayerGraph, layers: Part) -> TensorShape:
    """Look up the shape that the first of some layers reads; its own where it reads nothing."""
    first = layers[0]
    return graph.layer(first.inputs[0]).shape if first.inputs else first.shape
