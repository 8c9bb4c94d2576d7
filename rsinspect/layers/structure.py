"""What belongs together in a graph: stages, blocks, shortcuts and gates, from the wiring alone.

A *cut* is a layer after which exactly one tensor is still to be read. Between two cuts lies either
one layer of a chain or a part that branches; a part whose inside has many resolutions falls apart
at cuts of two tensors, or more (``layers.cuts``). From this everything follows
(``layers.division``):

* A part that branches and ends in an addition or another join is a **block**, together with an
  activation that follows it. A part that only scales a tensor by a gate is no block: it belongs
  to the chain it stands in.
* In a chain, a depthwise convolution with the 1x1 convolutions around it is a block as well, and
  so is what has the form of the block that it stands before, save for the shortcut. Groups of two
  forms that take turns, as in a transformer, are one block each time.
* The **shortcut** of a block is the input of its addition with the fewest layers behind it:
  none (the identity) or some (a projection). The others are the residual **branch**.
* A **gate** is what a multiplication scales by: the input that was computed from the other one.
* A **stage** begins at each block whose shortcut has weights, because only such a block can change
  the width; elsewhere where the resolution changes, or at a block of a chain the width. A pool
  in a chain closes the stage that it pools. The chain before the first block is the **stem** (the
  image and its preprocessing stand apart, as ``input``), the chain after the last is the **head**;
  in a network without blocks the parts of one resolution are stages.
* What depends on one of several inputs alone is divided by itself.

Names only label what the wiring has found (``layers.stages``). So a network whose layer names were
scrambled has the same structure as the one built here.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from rsinspect.base.errors import UnknownPath
from rsinspect.layers.division import StageRole, draft_stages
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.stages import Group, Stage, labelled

if TYPE_CHECKING:
    from rsinspect.layers.blocks import Block, Gate

__all__ = ["Carries", "Group", "Part", "Stage", "StageRole", "Structure", "structure_of"]

Part = Literal["trunk", "branch", "shortcut", "gate"]
"""Where a layer stands: in no block's inside, in a residual branch, a shortcut or a gate."""
Carries = Literal["flow", "identity", "projection", "gate"]
"""What goes along an edge: the data, a shortcut of either kind, or the factors of a gate."""


class Structure:
    """The stages and blocks of a graph, and questions about them.

    Attributes:
        graph: What was looked at.
        stages: In the order of the forward pass; every layer is in one.
    """

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.stages = labelled(graph, draft_stages(graph))
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
        if numbered := re.fullmatch(r"(.*?)(\d+|(?<=\d)[a-z])-(\d+|[a-z])", path):
            ends = [self.group(f"{numbered[1]}{end}") for end in numbered.groups()[1:]]
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
