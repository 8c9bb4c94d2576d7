"""Network to scene: what each view shows.

figure6   the stage table beside the two blocks and the SE module
stages    one node per stage, its blocks folded
blocks    one node per block or run of identical blocks, in its stage
layers    every layer, in its block, in its stage
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rsinspect.base.errors import UnknownPicture, check_choice
from rsinspect.base.words import Option, advice
from rsinspect.drawing import figure6
from rsinspect.drawing.choices import DIRECTIONS, VIEWS
from rsinspect.drawing.scene import Direction, Mark, Panel, Scene
from rsinspect.drawing.tree import Tree, layout_in_words, title
from rsinspect.layers.fold import Likeness
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

DEFAULT_QUESTION = Question()
"""The paper's FLOPs, one image, float32."""


def check_view(name: str, direction: str = "TB") -> Direction:
    """Validate both names; return the direction.

    Raises:
        InvalidChoice: If there is no view or direction of that name.
    """
    check_choice("view", name, VIEWS)
    check_choice("direction", direction, DIRECTIONS)
    return "TB" if direction == "TB" else "LR"


def view(
    network: Network,
    name: str = "figure6",
    *,
    direction: str = "TB",
    expand: tuple[str, ...] = (),
    question: Question = DEFAULT_QUESTION,
    deep: bool = False,
    marks: Mapping[str, Mark] | None = None,
) -> Scene:
    """Make the scene of a view.

    Args:
        network: What to draw.
        name: One of VIEWS.
        direction: Of the data: top to bottom or left to right.
        expand: Paths of stages, runs or blocks that are opened one level further.
        question: What a FLOP is, and the batch and dtype of bytes.
        deep: Whether closed nodes have their children too, and edges run between layers.
        marks: What a comparison found, by path of stage, block or layer; figure6 shows none.

    Raises:
        InvalidChoice: If there is no such view or direction.
        UnknownPicture: If there is nothing to expand in the view.
        UnknownPath: If nothing in the network has a path of ``expand``.
    """
    way = check_view(name, direction)
    for path in expand:
        network.structure.within(path)
    if expand and name in ("figure6", "layers"):
        raise UnknownPicture(
            f"the {name} view has nothing to expand",
            advice("{} or {} has", Option("view", "stages"), Option("view", "blocks")),
        )
    if name == "figure6":
        return figure6.scene(network, direction=way, question=question)
    panel, tree = diagram(
        network, name, expand=frozenset(expand), question=question, deep=deep, marks=marks
    )
    layout = f"{said}. " if (said := layout_in_words(network)) else ""
    folded = panel.folded
    repeats = f"{repeats_in_words(folded, network)} " if folded else ""
    return Scene(
        name=network.name,
        view=name,
        title=title(network, tree),
        description=(
            f"{network.title}, from {network.example} to output: "
            f"{', '.join(node.title for node in panel.nodes)}. {layout}{repeats}"
            f"{len(network.graph)} layers."
        ),
        caption=caption(question, repeats=repeats, example=network.example),
        direction=way,
        panels=(panel,),
        question=question,
        example=network.example,
    )


def diagram(
    network: Network,
    name: str,
    *,
    expand: frozenset[str] = frozenset(),
    question: Question = DEFAULT_QUESTION,
    deep: bool = False,
    marks: Mapping[str, Mark] | None = None,
) -> tuple[Panel, Tree]:
    """Make the panel of one network in a view other than figure6; return it and its maker."""
    structure = network.structure
    runs = [run for path in expand if len(run := structure.run(path)) > 1]
    unfolded = frozenset(group.path for run in runs for group in run)
    opened = frozenset(label for path in expand for label in structure.around(path)) - unfolded
    if name == "blocks":
        stages = frozenset(stage.path for stage in structure.stages if stage.has_blocks)
        opened |= stages
        unfolded |= expand & stages
    tree = Tree(
        network.graph,
        question=question,
        opened=opened,
        unfolded=unfolded,
        everything=name == "layers",
        deep=deep,
        marks=marks,
    )
    nodes = tree.nodes()
    if not (deep or tree.everything):
        return Panel(name=network.name, nodes=nodes, edges=tree.edges()), tree
    edges, names = tree.edges(), dict(network.names)
    panel = Panel(name=network.name, nodes=nodes, edges=edges, names=names, graph=network.graph)
    return panel, tree


def caption(question: Question, *, repeats: str = "", example: str = "image") -> str:
    """Say where the numbers are from, and what they count."""
    words = (
        f"Derived from the layer graph. FLOPs ({question.convention}), per {example}: "
        f"{question.legend}. {repeats}"
    )
    return words.rstrip()


_ALIKE: dict[Likeness, str] = {
    "identical": "alike in op, configuration and shape",
    "inference": "alike in all but the rates of dropout and drop path",
    "growing": "of one form, each wider than the one before",
    "form": "of one form, of other widths",
}


def repeats_in_words(folded: Collection[Likeness], *networks: Network) -> str:
    """Say in what blocks are alike that one thing stands for, and whose weights they have."""
    found = [words for likeness, words in _ALIKE.items() if likeness in folded]
    own = all(layer.shares is None for network in networks for layer in network.graph)
    return f"Repeats (×) are {' or '.join(found)}{', each with its own weights' * own}."
