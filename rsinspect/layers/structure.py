"""What belongs together in a graph: stages, blocks, shortcuts and gates, from the wiring alone.

A *cut* is a layer after which exactly one tensor is still to be read. Between two cuts lies either
one layer of a chain or a part that branches. From this everything follows:

* A part that branches and ends in an addition or another join is a **block**, together with an
  activation that follows it. A part that only scales a tensor by a gate is no block: it belongs
  to the chain it stands in.
* The **shortcut** of a block is the input of its addition with the fewest layers behind it:
  none (the identity) or some (a projection). The others are the residual **branch**.
* A **gate** is what a multiplication scales by: the input that was computed from the other one.
* A **stage** begins at each block whose shortcut is not the identity, because only such a block
  can change the shape. The chain before the first block is the **stem** (the image and its
  preprocessing stand apart, as ``input``), the chain after the last is the **head**.

Names only label what the wiring has found: a stage is called by the first part of its layers'
paths where they all share it and nobody else has it, a block by the first two; else they are
called ``c2``, ``c3``, ... after the paper, and ``c2/block0``. So a network whose layer names were
scrambled has the same structure, under the same names, as the one built here.

Annotations are types, not strings, where a named tuple is made: it compiles each string, and every
command pays for that.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from rsinspect.base.errors import UnknownPath
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph

if TYPE_CHECKING:
    from rsinspect.layers.blocks import Block, Gate

StageRole = Literal["input", "stem", "stage", "head"]
Part = Literal["trunk", "branch", "shortcut", "gate"]
"""Where a layer stands: in no block's inside, in a residual branch, a shortcut or a gate."""
Carries = Literal["flow", "identity", "projection", "gate"]
"""What goes along an edge: the data, a shortcut of either kind, or the factors of a gate."""

FIRST_STAGE = 2
"""Stages of blocks are c2, c3, ... in the paper: c1 is the stem."""


class Group(NamedTuple):
    """Layers that stand together: a block, or a stage without blocks.

    Attributes:
        path: Its label: ``c4/block22``, ``stem``.
        layers: In order.
        stage: Label of its stage.
        number: Of the block in its stage, from 0; None where it is no block.
    """

    path: str
    layers: tuple[Layer, ...]
    stage: str = ""
    number: int | None = None

    @property
    def is_block(self) -> bool:
        """Tell whether it is a block."""
        return self.number is not None

    def name_of(self, path: str) -> str:
        """Name a layer within the group: its path without the group's, where it begins with that.

        >>> Group("c2/block0", ()).name_of("c2/block0/se/reduce"), Group("c2", ()).name_of("conv")
        ('se/reduce', 'conv')
        """
        return path.removeprefix(f"{self.path}/")


class Stage(NamedTuple):
    """Neighbouring groups of one stage.

    Attributes:
        path: Its label.
        role: What it is to the network.
        groups: Its blocks; one group with all layers where it has none.
    """

    path: str
    role: StageRole
    groups: tuple[Group, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """List all its layers, in order."""
        return tuple(layer for group in self.groups for layer in group.layers)

    @property
    def has_blocks(self) -> bool:
        """Tell whether its groups are blocks."""
        return self.groups[0].is_block


class Structure:
    """The stages and blocks of a graph, and questions about them.

    Attributes:
        graph: What was looked at.
        stages: In the order of the forward pass; every layer is in one.
    """

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.stages = _labelled(_stages(graph))
        self._blocks: dict[str, Block] = {}
        self._gates: dict[str, tuple[Gate, ...]] = {}
        self._parts_of: dict[str, dict[str, Part]] = {}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Blocks, and stages without blocks, in order."""
        return tuple(group for stage in self.stages for group in stage.groups)

    @cached_property
    def _stage_of(self) -> Mapping[str, Stage]:
        return {stage.path: stage for stage in self.stages}

    @cached_property
    def _group_of(self) -> Mapping[str, Group]:
        return {group.path: group for group in self.groups}

    @cached_property
    def _position(self) -> Mapping[str, int]:
        return {group.path: index for index, group in enumerate(self.groups)}

    @cached_property
    def _home(self) -> Mapping[str, Group]:
        return {layer.path: group for group in self.groups for layer in group.layers}

    def stage(self, path: str) -> Stage | None:
        """Look up the stage of that label; None if there is none."""
        return self._stage_of.get(path)

    def group(self, path: str) -> Group | None:
        """Look up the block, or stage without blocks, of that label; None for neither."""
        return self._group_of.get(path)

    def group_of(self, path: str) -> Group:
        """Look up the group that a layer is in."""
        return self._home[self.graph.layer(path).path]

    def within(self, path: str) -> tuple[Layer, ...]:
        """List the layers of a stage, a block, a run of blocks or one layer.

        Also of a part that the layers' own names make out, such as ``c4/block0/se``.

        Raises:
            UnknownPath: If nothing has that path.
        """
        if path in self.graph:
            return (self.graph.layer(path),)
        if stage := self.stage(path):
            return stage.layers
        if groups := self.run(path):
            return tuple(layer for group in groups for layer in group.layers)
        named = tuple(layer for layer in self.graph if layer.path.startswith(f"{path}/"))
        if not named:
            raise self.unknown(path)
        return named

    def run(self, path: str) -> tuple[Group, ...]:
        """List the blocks that ``c4/block1-22`` stands for, or the one of that label; else none.

        >>> from rsinspect.networks.resnet_rs import build_graph
        >>> from rsinspect.networks.spec import ResNetRSSpec
        >>> structure = structure_of(build_graph(ResNetRSSpec.variant(50)))
        >>> [group.path for group in structure.run("c5/block1-2")]
        ['c5/block1', 'c5/block2']
        """
        if group := self.group(path):
            return (group,)
        ends = self._ends(path)
        if ends is None or ends[0].stage != ends[1].stage:
            return ()
        first, last = (self._position[end.path] for end in ends)
        return self.groups[first : last + 1]

    def _ends(self, path: str) -> tuple[Group, Group] | None:
        """Read what ``span`` wrote: the first and the last group."""
        if numbered := re.fullmatch(r"(.*?)(\d+)-(\d+)", path):
            ends = [self.group(f"{numbered[1]}{number}") for number in numbered.groups()[1:]]
        else:
            ends = [self.group(end) for end in path.split(" to ", 1)]
        first, last = ends[0], ends[-1]
        return None if first is None or last is None else (first, last)

    def around(self, path: str) -> tuple[str, ...]:
        """List the stages and blocks that are open where a path is seen: it too, if it is one.

        A run of blocks is seen in its stage, with its blocks closed.

        Raises:
            UnknownPath: If nothing has that path.

        >>> from rsinspect.networks.resnet_rs import build_graph
        >>> from rsinspect.networks.spec import ResNetRSSpec
        >>> structure = structure_of(build_graph(ResNetRSSpec.variant(50)))
        >>> structure.around("c5/block0/conv1"), structure.around("c5/block1-2")
        (('c5', 'c5/block0'), ('c5',))
        """
        if self.stage(path):
            return (path,)
        groups = self.run(path)
        if len(groups) > 1:
            return (groups[0].stage,)
        homes = groups or [self.group_of(layer.path) for layer in self.within(path)]
        return tuple(dict.fromkeys(label for home in homes for label in (home.stage, home.path)))

    def unknown(self, path: str) -> UnknownPath:
        """Make the error for a path that nothing has, with the nearest ones there are."""
        import difflib  # only on the way to an error

        stages = [stage.path for stage in self.stages]
        known = dict.fromkeys(
            (*stages, *(group.path for group in self.groups), *(x.path for x in self.graph))
        )
        close = difflib.get_close_matches(path, known, n=3, cutoff=0.5)
        return UnknownPath(
            f"{self.graph.name} has no {path!r}",
            f"near it: {', '.join(close)}" if close else f"stages: {', '.join(stages)}",
        )

    def block(self, group: Group) -> "Block":
        """Take a block apart: its entry, branch, shortcut and gates."""
        from rsinspect.layers.blocks import take_apart  # a table of costs opens no block

        if group.path not in self._blocks:
            self._blocks[group.path] = take_apart(self.graph, group)
        return self._blocks[group.path]

    def gates(self, group: Group) -> "tuple[Gate, ...]":
        """List the gates among the layers of a group."""
        from rsinspect.layers.blocks import gates_of

        if group.path not in self._gates:
            own = self.block(group).gates if group.is_block else gates_of(group.layers)
            self._gates[group.path] = own
        return self._gates[group.path]

    def _parts(self, group: Group) -> Mapping[str, Part]:
        """Say where the layers of a group stand that do not stand in the trunk."""
        if group.path not in self._parts_of:
            parts = self._parts_of[group.path] = {}
            if group.is_block:
                block = self.block(group)
                parts |= dict.fromkeys((layer.path for layer in block.branch), "branch")
                parts |= dict.fromkeys((layer.path for layer in block.shortcut), "shortcut")
            for gate in self.gates(group):
                parts |= dict.fromkeys((layer.path for layer in gate.layers), "gate")
        return self._parts_of[group.path]

    def part(self, path: str) -> Part:
        """Tell where a layer stands."""
        return self._parts(self.group_of(path)).get(path, "trunk")

    def gate_at(self, path: str) -> "Gate | None":
        """Look up the gate that a multiplication scales by; None for any other layer."""
        gates = self.gates(self.group_of(path))
        return next((gate for gate in gates if gate.scale.path == path), None)

    def carries(self, layer: Layer, position: int) -> Carries:
        """Tell what goes into a layer's input ``position``."""
        source = layer.inputs[position]
        if "shortcut" in (self.part(layer.path), self.part(source)):
            return "projection"
        group = self.group_of(layer.path)
        if group.is_block:
            block = self.block(group)
            if block.addition is not None and layer.path == block.addition.path:
                return "identity" if position == block.position else "flow"
        gate = self.gate_at(layer.path)
        enters = gate is not None and source == gate.factors
        return "gate" if enters or self.part(layer.path) == "gate" else "flow"


def structure_of(graph: LayerGraph) -> Structure:
    """Find the stages and blocks of a graph; worked out once per graph.

    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> structure = structure_of(build_graph(ResNetRSSpec.variant(50)))
    >>> [(stage.path, len(stage.groups)) for stage in structure.stages]
    [('input', 1), ('stem', 1), ('c2', 3), ('c3', 4), ('c4', 6), ('c5', 3), ('head', 1)]
    """
    return graph.derived(Structure)


def cut_positions(graph: LayerGraph) -> tuple[int, ...]:
    """Positions of all layers after which exactly one tensor is still to be read, their own.

    The last layer counts as one. An output that nothing reads does not keep a tensor alive.
    """
    position = {layer.path: index for index, layer in enumerate(graph.layers)}
    last_read = list(range(len(graph)))
    for index, layer in enumerate(graph.layers):
        for path in layer.inputs:
            last_read[position[path]] = index
    ends = [0] * len(graph)
    for index, end in enumerate(last_read):
        if end > index:
            ends[end] += 1
    cuts = []
    alive = 0
    for index, end in enumerate(last_read):
        alive -= ends[index]
        if end > index:
            alive += 1
            if alive == 1:
                cuts.append(index)
        elif alive == 0:
            cuts.append(index)
    return tuple(cuts)


class _Draft(NamedTuple):
    """A stage before it has a label: its role and its groups of layers."""

    role: StageRole
    groups: tuple[tuple[Layer, ...], ...]


def _stages(graph: LayerGraph) -> tuple[_Draft, ...]:
    layers = graph.layers
    entered = 0
    while entered < len(layers) and _prepares(layers[entered]):
        entered += 1
    chain: list[Layer] = []  # layers that wait for the group they belong to
    stages: list[list[tuple[Layer, ...]]] = []
    stem: tuple[Layer, ...] = ()
    start = entered
    for cut in cut_positions(graph):
        part = layers[start : cut + 1]
        if not part:
            continue
        start = cut + 1
        if not _is_block(part):
            if not chain and stages and isinstance(part[-1].op, ops.Activation) and len(part) == 1:
                stages[-1][-1] += part
            else:
                chain += part
            continue
        if not stages:
            stem, chain = tuple(chain), []
        block, chain = (*chain, *part), []
        if not stages or not _keeps(part):
            stages.append([])
        stages[-1].append(block)
    chain += layers[start:]
    if not stages:
        stem, chain = _without_head(chain)
    drafts = [_Draft("input", (layers[:entered],)), _Draft("stem", (stem,))]
    drafts += [_Draft("stage", tuple(blocks)) for blocks in stages]
    drafts.append(_Draft("head", (tuple(chain),)))
    return tuple(draft for draft in drafts if draft.groups[0])


def _prepares(layer: Layer) -> bool:
    """Whether a layer is the image or its preprocessing."""
    return isinstance(layer.op, ops.Input | ops.Rescaling | ops.Normalization)


def _is_block(part: Sequence[Layer]) -> bool:
    """Whether layers between two cuts branch, and for more than a gate."""
    return len(part) > 1 and not isinstance(part[-1].op, ops.Multiply)


def _keeps(part: Sequence[Layer]) -> bool:
    """Whether a part that branches adds its own entry to its end: an identity shortcut."""
    inside = {layer.path for layer in part}
    return isinstance(part[-1].op, ops.Add) and any(x not in inside for x in part[-1].inputs)


def _without_head(chain: list[Layer]) -> tuple[tuple[Layer, ...], list[Layer]]:
    """A network without blocks: what comes before its first global pool or classifier, the rest."""
    ends = ops.GlobalAvgPool | ops.GlobalMaxPool | ops.Dense
    start = next((i for i, layer in enumerate(chain) if isinstance(layer.op, ends)), len(chain))
    return tuple(chain[:start]), chain[start:]


def _labelled(drafts: Sequence[_Draft]) -> tuple[Stage, ...]:
    """Stages and groups under the names that the layers agree on, or else the paper's."""
    shared = [[_shared(layers) for layers in draft.groups] for draft in drafts]
    firsts = [{parts[0] if parts else "" for parts in groups} for groups in shared]
    labels: list[str] = []
    number = FIRST_STAGE
    for index, draft in enumerate(drafts):
        generic = draft.role if draft.role != "stage" else f"c{number}"
        number += draft.role == "stage"
        label = next(iter(firsts[index])) if len(firsts[index]) == 1 else ""
        alone = label and not any(
            label in firsts[other] or ("" in firsts[other] and _has(drafts[other], label))
            for other in range(len(drafts))
            if other != index
        )
        labels.append(label if alone else generic)
    if len(set(labels)) < len(labels):  # a name that another stage would be given
        numbers = iter(range(FIRST_STAGE, FIRST_STAGE + len(drafts)))
        labels = [d.role if d.role != "stage" else f"c{next(numbers)}" for d in drafts]
    return tuple(
        Stage(label, draft.role, _groups(label, draft, prefixes))
        for label, draft, prefixes in zip(labels, drafts, shared, strict=True)
    )


def _shared(layers: Sequence[Layer]) -> list[str]:
    """Parts with which the paths of all layers begin; their own names left out.

    What the first and the last path in the order of the alphabet begin with, all do.
    """
    paths = [layer.path for layer in layers]
    low, high = min(paths).split("/")[:-1], max(paths).split("/")[:-1]
    parts = []
    for one, other in zip(low, high, strict=False):
        if one != other:
            break
        parts.append(one)
    return parts


def _has(draft: _Draft, label: str) -> bool:
    """Whether a layer of a stage would be called by a label."""
    return any(layer.path.startswith(f"{label}/") for group in draft.groups for layer in group)


def _groups(stage: str, draft: _Draft, prefixes: Sequence[list[str]]) -> tuple[Group, ...]:
    if draft.role != "stage":
        return (Group(stage, draft.groups[0], stage),)
    labels = [f"{stage}/{parts[1]}" if parts[1:] else "" for parts in prefixes]
    agreed = all(parts[:1] == [stage] for parts in prefixes) and all(labels)
    if not agreed or len(set(labels)) < len(labels):
        labels = [f"{stage}/block{number}" for number in range(len(labels))]
    return tuple(
        Group(label, layers, stage, number)
        for number, (label, layers) in enumerate(zip(labels, draft.groups, strict=True))
    )
