"""Scene to an attachment of Netron: a second file, opened over a model, with our numbers.

Netron shows the rows of an attachment in its sidebars, under Metadata and Metrics, of the node that
a row has as its target: a layer by its name in the user's own file, one of a nested model by
``outer/inner``. Of what is used several times Netron makes a node per use, ``tower[0]`` and
``tower[1]``, and one graph inside of it, whose layers go by their own names. A target that is not
there is passed over without a word.

Keys and rules are those of ``view.js`` (``metadata.Attachment``) and ``keras.js`` (``keras.Graph``)
in its sources (lutzroeder/netron, 9.3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.words import Option, advice
from rsinspect.drawing.overlay import numbers, total
from rsinspect.drawing.scene import Node, Panel, Scene

METRICS = {
    "params": "parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "activation_bytes": "activation bytes",
}
"""Quantities that add up over layers, and what Netron shows them as; the first replaces its own."""

Row = dict[str, Any]


class _Place(NamedTuple):
    """A layer and what it is in, from the outside in."""

    layer: Node
    around: tuple[Node, ...]


class _Use(NamedTuple):
    """A layer as the user's own file has it.

    Attributes:
        name: Parts of its name: of the nested models it is in, and its own.
        uses: Which use of each of them it is, from 0.
    """

    name: tuple[str, ...]
    uses: tuple[int, ...]


def attachment(scene: Scene) -> dict[str, Any]:
    """Write the document of ``.netron.json``.

    Args:
        scene: Of one network, with every layer, as the layers view or a deep scene has.

    Raises:
        UnknownPicture: If it is of two networks, or leaves layers out.

    >>> from rsinspect.drawing.views import view
    >>> from rsinspect.networks.named import network
    >>> document = attachment(view(network("50"), "layers"))
    >>> [row for row in document["metrics"] if row["target"] == "predictions"][0]
    {'kind': 'node', 'target': 'predictions', 'name': 'parameters', 'value': 2049000, \
'type': 'attribute'}
    """
    panels = {
        panel.name: tuple(place for node in panel.nodes for place in _inside(node, ()))
        for panel in scene.panels
    }
    if any(not places or any(place.layer.paths for place in places) for places in panels.values()):
        raise UnknownPicture(
            "a Netron attachment has a row for every layer, and this picture leaves layers out",
            advice("{} has them all", Option("view", "layers")),
        )
    if len(panels) != 1:
        raise UnknownPicture(
            "a Netron attachment is of one network, and this picture is of two",
            advice("{} shows both", Option("format", "html")),
        )
    (panel,), (places,) = scene.panels, panels.values()
    named = _targets(panel, places)
    return {
        "signature": "netron:attachment",
        "metadata": [*_about(scene, panel), *_metadata(named)],
        "metrics": [
            *_rows("model", "", _sums(panel.nodes)),
            *(
                row
                for target, some in named.items()
                for row in _rows("node", target, _sums([place.layer for place in some]))
            ),
        ],
    }


def _inside(node: Node, around: tuple[Node, ...]) -> Iterator[_Place]:
    if not node.children:
        yield _Place(node, around)
    for child in node.children:
        yield from _inside(child, (*around, node))


def _sums(nodes: Sequence[Node]) -> dict[str, float | str]:
    """Add up each quantity of some nodes; one that none of them has is left out.

    A sum is a number, and words where it is only the least that it can be.
    """
    sums: dict[str, float | str] = {}
    for key, name in METRICS.items():
        if (words := total(nodes, key)) is not None:
            exact = sum(numbers(nodes, key).values())
            sums[name] = words if words.startswith("at least") else exact
    return sums


def _rows(kind: str, target: str, values: Mapping[str, object]) -> Iterator[Row]:
    for name, value in values.items():
        yield {"kind": kind, "target": target, "name": name, "value": value, "type": "attribute"}


def _about(scene: Scene, panel: Panel) -> Iterator[Row]:
    """Say of the whole what it is and costs, where Netron shows the model and its graph.

    Metrics of a graph would be shown of every nested one too; its metadata are those of its name.
    """
    yield from _rows("model", "", {"network": scene.title, "numbers": scene.caption})
    yield from _rows("graph", panel.name, {"network": scene.title, **_totals(panel.nodes)})
    yield from _rows("graph", panel.name, {"numbers": scene.caption})


def _totals(nodes: Sequence[Node]) -> dict[str, str]:
    sums = {name: total(nodes, key) for key, name in METRICS.items()}
    return {name: words for name, words in sums.items() if words is not None}


def _metadata(named: Mapping[str, tuple[_Place, ...]]) -> Iterator[Row]:
    """Say what a layer is and where it stands; of a nested model, what it consists of."""
    graphs: dict[str, dict[str, str]] = {}  # of nested models, by name: that of the first use
    for target, places in named.items():
        layer, around = places[0]
        if len(places) > 1:
            inside = {"layers": str(len(places)), **_totals([place.layer for place in places])}
            yield from _rows("node", target, {"layers": inside["layers"]})
            graphs.setdefault(target.rpartition("/")[2].partition("[")[0], inside)
            continue
        stands = {"stage": around[0].path} if around else {}
        if len(around) > 1:
            stands["block"] = around[-1].path
        if layer.path != target:
            stands["path"] = layer.path
        words = ", ".join(fact.text for fact in layer.facts if fact.key != "output_shape")
        costs = {"costs": words} if words else {}
        measured = {
            f"latency of {node.path}": fact.text
            for node in around
            for fact in node.facts
            if fact.key == "latency_s"
        }
        what = {"op": layer.title, "output": layer.aside}
        yield from _rows("node", target, {**what, **stands, **costs, **measured})
    for name, inside in graphs.items():
        yield from _rows("graph", name, inside)


def _targets(panel: Panel, places: tuple[_Place, ...]) -> dict[str, tuple[_Place, ...]]:
    """List what Netron has a node for, and the layers in it, by the node's name."""
    used = [_use(place.layer.path, panel.names) for place in places]
    several = {
        use.name[: depth + 1] for use in used for depth, number in enumerate(use.uses) if number
    }
    own = {"/".join(use.name) for use in used}
    found: dict[str, list[_Place]] = {}
    for use, place in zip(used, places, strict=True):
        for target, inner in _nodes_of(use, several):
            if inner and target in own and target != "/".join(use.name):
                continue  # of two nodes of one name that of the outer graph has the row
            found.setdefault(target, []).append(place)
    return {target: tuple(some) for target, some in found.items()}


def _nodes_of(use: _Use, several: set[tuple[str, ...]]) -> Iterator[tuple[str, bool]]:
    """Name the nodes that a layer is or is in; tell of each whether it is inside a function.

    A function, which is what Netron makes of something that is used several times, is shown once:
    what is inside of it is the first use.
    """
    start, first = 0, True  # where names begin anew, and whether all uses before were the first
    for depth in range(1, len(use.name) + 1):
        name = "/".join(use.name[start:depth])
        number = use.uses[depth - 1]
        if use.name[:depth] not in several:
            if first:
                yield name, start > 0
            continue
        if first:
            yield f"{name}[{number}]", start > 0
        first, start = first and not number, depth
    if use.name in several and first:
        yield use.name[-1], True


def _use(path: str, names: Mapping[str, str]) -> _Use:
    """Find out which use of a layer, and of the models around it, a path stands for.

    >>> _use("tower.2/conv", {"tower.2/conv": "tower/conv"})
    _Use(name=('tower', 'conv'), uses=(1, 0))
    """
    name = tuple(names.get(path, path).split("/"))
    parts = path.split("/")
    if len(parts) != len(name):
        return _Use(name, (0,) * len(name))
    return _Use(name, tuple(_number(part, own) for part, own in zip(parts, name, strict=True)))


def _number(part: str, name: str) -> int:
    """Read ``tower.2`` as the second use of ``tower``, from 0."""
    behind = part.removeprefix(f"{name}.") if part.startswith(f"{name}.") else ""
    return int(behind) - 1 if behind.isdecimal() and int(behind) > 1 else 0
