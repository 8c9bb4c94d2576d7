"""Graph to scene: what each view shows.

figure6   the stage table beside the two blocks and the SE module
stages    one node per stage, its blocks folded
blocks    one node per block or run of identical blocks, in its stage
layers    every layer, in its block, in its stage
"""

from __future__ import annotations

from collections.abc import Mapping

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.units import count
from rsinspect.base.words import near
from rsinspect.drawing import figure6
from rsinspect.drawing.scene import Direction, Mark, Panel, Scene
from rsinspect.drawing.tree import CONVENTION, Tree, blocks_of_run, enclosing, layout_in_words
from rsinspect.layers.cost import LEGEND, convention_weights
from rsinspect.networks.network import Network

VIEWS = ("figure6", "stages", "blocks", "layers")
DIRECTIONS = ("TB", "LR")


def check_view(name: str, direction: str = "TB") -> Direction:
    """The direction, if there is a view and a direction of those names.

    Raises:
        UnknownPicture: If there is none of that name.
    """
    if name not in VIEWS:
        raise UnknownPicture(f"unknown view {name!r}", near(name, list(VIEWS)))
    if direction not in DIRECTIONS:
        raise UnknownPicture(f"unknown direction {direction!r}", "TB or LR")
    return "TB" if direction == "TB" else "LR"


def view(
    network: Network,
    name: str = "figure6",
    *,
    direction: str = "TB",
    expand: tuple[str, ...] = (),
    convention: str = CONVENTION,
    deep: bool = False,
) -> Scene:
    """The scene of a view.

    Args:
        network: What to draw.
        name: One of VIEWS.
        direction: Of the data: top to bottom or left to right.
        expand: Paths of stages, runs or blocks that are opened one level further.
        convention: What a FLOP is.
        deep: Whether closed nodes have their children too, and edges run between layers.

    Raises:
        UnknownPicture: If there is no such view or direction, or nothing to expand in it.
        UnknownPath: If nothing in the network has a path of ``expand``.
        InvalidQuestion: If the convention is unknown.
    """
    way = check_view(name, direction)
    convention_weights(convention)
    for path in expand:
        for part in blocks_of_run(path) or (path,):
            network.structure.within(part)
    if expand and name in ("figure6", "layers"):
        raise UnknownPicture(
            f"the {name} view has nothing to expand", "--view stages or blocks has"
        )
    if name == "figure6":
        return figure6.scene(network, direction=way, convention=convention)
    panel, tree = diagram(network, name, expand=frozenset(expand), convention=convention, deep=deep)
    layout = layout_in_words(network)
    folded = any(node.repeats > 1 for node in panel.walk(deep=False)) or any(
        part.repeats > 1 for node in panel.nodes if not node.open for part in node.parts
    )
    repeats = "Repeated blocks are identical and have weights of their own. " if folded else ""
    return Scene(
        name=network.name,
        view=name,
        title=title(network, tree),
        description=(
            f"{network.title}, from image to output: "
            f"{', '.join(node.title for node in panel.nodes)}. {layout}. {repeats}"
            f"{len(network.graph)} layers."
        ),
        caption=caption(convention, folded=folded),
        direction=way,
        panels=(panel,),
    )


def diagram(
    network: Network,
    name: str,
    *,
    expand: frozenset[str] = frozenset(),
    convention: str = CONVENTION,
    deep: bool = False,
    marks: Mapping[str, Mark] | None = None,
) -> tuple[Panel, Tree]:
    """The panel of one network in a view other than figure6, and its maker."""
    unfolded = frozenset(block for path in expand for block in blocks_of_run(path))
    opened = enclosing(expand) - unfolded
    if name == "blocks":
        stages = frozenset(stage.path for stage in network.structure.stages if stage.has_blocks)
        opened |= stages
        unfolded |= expand & stages
    tree = Tree(
        network.graph,
        convention=convention,
        opened=opened,
        unfolded=unfolded,
        everything=name == "layers",
        deep=deep,
        marks=marks,
    )
    nodes = tree.nodes()
    return Panel(name=network.name, nodes=nodes, edges=tree.edges()), tree


def title(network: Network, tree: Tree) -> str:
    """Name, size and cost of the network in one line."""
    whole = tree.whole
    flops = whole.flops(tree.convention)
    return f"{network.title}: {count(whole.params)} params, {count(flops)} FLOPs per image"


def caption(convention: str, *, folded: bool) -> str:
    """Where the numbers are from, and what they count."""
    words = f"Derived from the layer graph. FLOPs ({convention}), per image: {LEGEND[convention]}."
    if folded:
        words += " Repeats (×) are alike in op, configuration and shape, each with its own weights."
    return words
