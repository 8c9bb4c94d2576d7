"""Scene to the files of Google's Model Explorer, which opens and closes stages and blocks itself.

One document holds the graph; one more per quantity holds a value for each layer, which Model
Explorer adds up for the layers, blocks and stages it shows. Stages and blocks are its namespaces,
and the SE module and the projection shortcut are namespaces inside their block.

Model Explorer draws no edge between the layers of two blocks. So shortcuts are edge overlays too:
whoever selects a sum sees where its shortcut comes from. An overlay opens every block it ends in,
which would be all of them, so it is limited to what is connected to the selected layer.

Documents are plain values: writing them needs nothing of Model Explorer. Keys and their meaning
are those of ``input_graph.ts``, ``edge_overlays.ts`` and ``types.ts`` in its sources
(google-ai-edge/model-explorer, 0.1.34).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.errors import UnknownPicture
from rsinspect.base.units import grouped
from rsinspect.base.words import Option, advice
from rsinspect.drawing.overlay import numbers, total
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    Edge,
    EdgeKind,
    Fact,
    Lane,
    Node,
    Panel,
    Role,
    Scene,
)
from rsinspect.drawing.theme import LIGHT, text_on
from rsinspect.drawing.wording import alike

SUFFIX = ".me.json"
ADDITIVE = ("params", "macs", "flops", "activation_bytes")
METRICS = {
    "params": "params",
    "macs": "MACs",
    "flops": "FLOPs",
    "activation_bytes": "activation bytes, float32",
    "latency_s": "measured latency of one batch, seconds",
}
"""Quantities that add up over layers, and what Model Explorer calls them."""

SHORTCUTS: tuple[EdgeKind, ...] = ("identity", "projection")
INNER: dict[Lane, tuple[str, Role]] = {"gate": ("se", "gate"), "shortcut": ("shortcut", "conv")}
"""Namespaces inside a block, and the role that colours them."""

LEFT_TO_RIGHT = 1
LONGEST_SHORTCUT = 4
"""Edges of a projection shortcut with a pool: to the pool, the convolution, the norm, the sum."""


def graph_collection(scene: Scene) -> dict[str, Any]:
    """Write the document of ``.me.json``: one graph per panel, with all layers.

    Every value an attribute has is text. The batch is left open in tensor shapes (``?``).

    Args:
        scene: With every layer, as the layers view or a deep scene has.

    Raises:
        UnknownPicture: If a stage or block of the scene has no layers in it.

    >>> from rsinspect.drawing.views import view
    >>> from rsinspect.networks.named import network
    >>> graph = graph_collection(view(network("50"), "layers"))["graphs"][0]
    >>> graph["id"], len(graph["nodes"]), graph["nodes"][4]["namespace"]
    ('resnet-rs-50', 274, 'stem')
    """
    return {"label": scene.name, "graphs": [_graph(scene, panel) for panel in scene.panels]}


def node_data(scene: Scene) -> dict[str, dict[str, Any]]:
    """Write values of the layers, as one node-data document per quantity of METRICS.

    Model Explorer takes values of layers only and shows their sum for a block or stage. So a
    quantity that is known of stages alone, as a measured latency is, has no document: any value
    given to a layer would be made up. It stands among the attributes of its stage instead.

    Raises:
        UnknownPicture: As ``graph_collection``.

    >>> from rsinspect.drawing.views import view
    >>> from rsinspect.networks.named import network
    >>> documents = node_data(view(network("50"), "layers"))
    >>> list(documents)
    ['params', 'macs', 'flops', 'activation_bytes']
    >>> documents["params"]["resnet-rs-50"]["results"]["head/classifier"]
    {'value': 2049000}
    """
    documents: dict[str, dict[str, Any]] = {}
    for panel in scene.panels:
        layers = [place.layer for place in _places(panel)]
        for metric in METRICS:
            if values := numbers(layers, metric):
                documents.setdefault(metric, {})[panel.name] = _values(metric, values)
    return documents


def file_names(path: Path, metrics: Iterable[str]) -> dict[str, Path]:
    """Name the files of node data beside a ``.me.json``, one per quantity.

    >>> {metric: str(name) for metric, name in file_names(Path("a/b.me.json"), ["macs"]).items()}
    {'macs': 'a/b.macs.node_data.json'}
    """
    cut = len(SUFFIX if path.name.lower().endswith(SUFFIX) else path.suffix)
    stem = path.name[: len(path.name) - cut]
    return {metric: path.with_name(f"{stem}.{metric}.node_data.json") for metric in metrics}


class _Place(NamedTuple):
    """A layer and the namespace it is in."""

    namespace: str
    layer: Node


def _places(panel: Panel) -> tuple[_Place, ...]:
    """List every layer, in the order of the forward pass, in its stage, block and part of it."""
    places = tuple(place for stage in panel.nodes for place in _inside(stage, stage.path, ""))
    if not places or any(place.layer.paths or not place.namespace for place in places):
        raise UnknownPicture(
            "Model Explorer files need every layer, and this picture leaves layers out",
            advice("{} has them all", Option("view", "layers")),
        )
    return places


def _inside(node: Node, stage: str, namespace: str) -> Iterator[_Place]:
    if node.children:
        for child in node.children:
            yield from _inside(child, stage, _namespace(stage, node.path))
        return
    inner = INNER.get(node.lane)
    yield _Place(f"{namespace}/{inner[0]}" if inner else namespace, node)


def _namespace(stage: str, path: str) -> str:
    """Put a block into its stage, also where its label does not begin with the stage's.

    >>> _namespace("c4", "c4/block0"), _namespace("block2", "block2a")
    ('c4/block0', 'block2/block2a')
    """
    return path if f"{path}/".startswith(f"{stage}/") else f"{stage}/{path}"


def _graph(scene: Scene, panel: Panel) -> dict[str, Any]:
    incoming: dict[str, list[Edge]] = {}
    for edge in panel.edges:
        incoming.setdefault(edge.head, []).append(edge)
    nodes = [
        _layer(place, incoming.get(place.layer.path, []), panel.names.get(place.layer.path))
        for place in _places(panel)
    ]
    return {
        "id": panel.name,
        "nodes": nodes,
        "groupNodeAttributes": {"": _about(scene, panel)} | dict(_groups(panel)),
        "groupNodeConfigs": _group_configs(panel),
        "tasksData": {"edgeOverlaysDataListLeftPane": _overlays(panel)},
    }


def _about(scene: Scene, panel: Panel) -> dict[str, str]:
    """List attributes of the whole graph."""
    sums = {key: total(panel.nodes, key) for key in ADDITIVE}
    totals = {key: words for key, words in sums.items() if words is not None}
    about = {"network": scene.title, **totals, "output_shape": panel.nodes[-1].aside}
    if scene.legend and scene.legend.key == "latency_s":
        about["latency_s"] = scene.legend.title
    return about | {"numbers": scene.caption, "description": scene.description}


def _layer(place: _Place, incoming: list[Edge], name: str | None) -> dict[str, Any]:
    namespace, node = place
    called = {} if name in (None, node.path) else {"name": name}
    document: dict[str, Any] = {
        "id": node.path,
        "label": node.title,
        "namespace": namespace,
        "attrs": _pairs({**called, **_words(node.facts)}),
        "incomingEdges": [
            {"sourceNodeId": edge.tail, "sourceNodeOutputId": "0", "targetNodeInputId": str(index)}
            for index, edge in enumerate(incoming)
        ],
        "outputsMetadata": [{"id": "0", "attrs": _pairs({"tensor_shape": _tensor(node.aside)})}],
        "style": _colours(node.role) | {"hoveredBorderColor": LIGHT.ink},
    }
    if len(incoming) > 1:
        document["inputsMetadata"] = [
            {"id": str(index), "attrs": _pairs({"__tensor_tag": EDGE_WORDS[edge.kind]})}
            for index, edge in enumerate(incoming)
        ]
    return document


def _groups(panel: Panel) -> Iterator[tuple[str, dict[str, str]]]:
    """List attributes of each stage and block, by namespace."""
    for stage in panel.nodes:
        attributes = _words(stage.facts)
        for part in stage.parts:
            words = (part.kind, alike(part), *part.lines)
            attributes[part.name or "layers"] = "; ".join(filter(None, words))
        yield stage.path, attributes
        parts = {path: part for part in stage.parts for path in part.paths}
        for block in stage.walk():
            if block.role != "block" or block.repeats > 1:
                continue
            about = {"block": block.title, "layers": "; ".join(block.lines)}
            part = parts[block.path]
            if several := alike(part):
                key = "identical" if part.likeness == "identical" else "alike"
                about[key] = f"one of {several}"
            yield _namespace(stage.path, block.path), about | _words(block.facts)


def _group_configs(panel: Panel) -> list[dict[str, Any]]:
    """Colour the namespaces; Model Explorer takes the first that matches."""
    configs: list[dict[str, Any]] = [
        {"namespaceRegex": f"/{name}$", "layoutDirection": LEFT_TO_RIGHT} | _colours(role)
        for name, role in INNER.values()
    ]
    configs.append({"namespaceRegex": "^[^/]+/[^/]+$"} | _colours("block"))
    return configs + [
        {"namespaceRegex": f"^{re.escape(stage.path)}$"} | _colours(stage.role)
        for stage in panel.nodes
    ]


def _overlays(panel: Panel) -> list[dict[str, Any]]:
    overlays = [
        {
            "name": f"{EDGE_WORDS[kind]}s",
            "edgeColor": LIGHT.edges[kind],
            "edgeWidth": 2,
            "showEdgesConnectedToSelectedNodeOnly": True,
            "visibleEdgeHops": LONGEST_SHORTCUT,
            "edges": [
                {"sourceNodeId": edge.tail, "targetNodeId": edge.head, "label": edge.label}
                for edge in panel.edges
                if edge.kind == kind
            ],
        }
        for kind in SHORTCUTS
    ]
    overlays = [overlay for overlay in overlays if overlay["edges"]]
    if not overlays:
        return []
    return [
        {
            "type": "edge_overlays",
            "name": "shortcuts",
            "graphName": panel.name,
            "overlays": overlays,
        }
    ]


def _colours(role: Role) -> dict[str, str]:
    return {
        "backgroundColor": LIGHT.fills[role],
        "borderColor": LIGHT.line,
        "textColor": LIGHT.ink,
    }


def _pairs(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in attributes.items()]


def _words(facts: tuple[Fact, ...]) -> dict[str, str]:
    """Write facts as text."""
    return {fact.key: _text(fact) for fact in facts}


def _text(fact: Fact) -> str:
    """Write a large number exactly, and then with its unit.

    >>> _text(Fact(key="params", value=66112, text="66.1 k params"))
    '66 112 ≈ 66.1 k params'
    """
    match fact.value:
        case str():
            return fact.value
        case int() if fact.value >= 1000:
            return f"{grouped(fact.value)} ≈ {fact.text}"
        case _:
            return fact.text


def _tensor(shape: str) -> str:
    """Write the type of an output, its batch left open.

    >>> _tensor("40×40×64")
    'float32[?,40,40,64]'
    """
    return f"float32[?,{shape.replace('×', ',')}]"


def _values(metric: str, values: dict[str, float]) -> dict[str, Any]:
    return {
        "name": METRICS[metric],
        "results": {path: {"value": value} for path, value in values.items()},
        "gradient": _gradient(),
        "hideAggregatedStats": ["min", "avg"],
    }


def _gradient() -> list[dict[str, Any]]:
    """Write the heat scale. Where black text turns white there are two stops, one of each.

    Model Explorer would pass through grey text between two stops that differ in it.
    """
    stops: list[dict[str, Any]] = []
    steps = 100 * (len(LIGHT.heat) - 1)
    for step in range(steps + 1):
        fill = LIGHT.heat_at(step / steps)
        stop = {"stop": step / steps, "bgColor": fill, "textColor": text_on(fill)}
        turned = bool(stops) and stops[-1]["textColor"] != stop["textColor"]
        if turned:
            stops.append(stop | {"textColor": stops[-1]["textColor"]})
        if turned or step % 100 == 0:
            stops.append(stop)
    return stops
