"""A scene as a component of a page: what its template shows and the document its script draws.

What is known of parts that are alike stands once; a part has its number.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rsinspect.base.embedded import embedded
from rsinspect.base.units import percent
from rsinspect.drawing.change import with_changes
from rsinspect.drawing.details import Details, Explanation
from rsinspect.drawing.overlay import overlay, quantities_of
from rsinspect.drawing.scene import (
    EDGE_WORDS,
    EdgeKind,
    Fact,
    Heat,
    Legend,
    Mark,
    Node,
    Panel,
    Part,
    Scale,
    Scene,
)
from rsinspect.drawing.wording import alike
from rsinspect.layers.cost import CONVENTIONS

HEAT_STEPS = 40
"""Colours of the heat scale in a page. (One step is a fortieth of the hottest value.)"""

QUANTITY_WORDS = {
    "params": "params", "macs": "MACs", "flops": "FLOPs", "activations": "activations",
    "intensity": "intensity", "latency": "latency", "weight_std": "spread of weights",
    "weight_max": "largest weight", "dead_channels": "dead channels",
    "change": "change of latency",
}  # fmt: skip


COLOURS: dict[Scale, str] = {"amount": "", "change": "change-"}
"""Beginning of what the colours of a scale are called in a page."""


class Quantity(NamedTuple):
    """Something that a graph can be coloured by, as its legend says; ``colours`` names its own.

    Without a name it is none.
    """

    name: str = ""
    key: str = ""
    words: str = ""
    title: str = ""
    low: str = ""
    high: str = ""
    unknown: str = ""
    colours: str = ""


class Viewer(NamedTuple):
    """What the template shows of one graph."""

    scene: Scene
    quantities: tuple[Quantity, ...]
    quantity: Quantity
    edges: tuple[tuple[EdgeKind, str], ...]
    marks: tuple[tuple[Mark, str], ...]
    data: str


def viewer_of(scene: Scene) -> Viewer:
    """Make what the template shows of a scene, and the document that its script draws."""
    coloured = {name: overlay(scene, name) for name in quantities_of(scene)}
    if scene.changes is not None:
        coloured["change"] = with_changes(scene, scene.changes)
    quantities = tuple(
        _quantity(name, made.legend) for name, made in coloured.items() if made.legend is not None
    )
    key = scene.legend.key if scene.legend else ""
    shown = next((each for each in quantities if each.key == key), Quantity())
    document = {
        "name": scene.name,
        "view": scene.view,
        "title": scene.title,
        "description": scene.description,
        "caption": scene.caption,
        "direction": scene.direction,
        "words": EDGE_WORDS,
        "conventions": list(CONVENTIONS),
        "quantities": [each._asdict() for each in quantities],
        "quantity": shown.name,
        **_Document(scene, coloured).content(),
    }
    kinds: tuple[EdgeKind, ...] = ("flow", *scene.edge_kinds)
    edges = tuple((kind, EDGE_WORDS[kind]) for kind in kinds)
    found = {node.mark for panel in scene.panels for node in panel.walk()}
    marks = tuple((mark, words) for mark, words in scene.mark_words.items() if mark in found)
    return Viewer(scene, quantities, shown, edges, marks, embedded(document))


def _quantity(name: str, legend: Legend) -> Quantity:
    said = (legend.title, legend.low, legend.high, legend.unknown, COLOURS[legend.scale])
    return Quantity(name, legend.key, QUANTITY_WORDS[name], *said)


class Known(NamedTuple):
    """What is known of an item, and of all that are like it.

    Attributes:
        facts: All there are.
        costs: What its footer says.
        heats: By every quantity.
        explanation: How its numbers come about.
        look: What else its box says, by name, where it says anything.
    """

    facts: tuple[Fact, ...]
    costs: tuple[Fact, ...]
    heats: tuple[Heat | None, ...]
    explanation: Explanation | None = None
    look: tuple[tuple[str, str | tuple[str, ...]], ...] = ()


class _Document:
    """Collects what the script draws. What is known stands once; a node has its number.

    Args:
        scene: What to show.
        coloured: The same by every quantity there is.
    """

    def __init__(self, scene: Scene, coloured: dict[str, Scene]) -> None:
        self.scene = scene
        self.coloured = coloured
        self.known: dict[Known, int] = {}
        self.explained: dict[Explanation, int] = {}

    def content(self) -> dict[str, Any]:
        """Write the panels, and what is known of their parts."""
        panels = [
            self._panel(panel, twins)
            for panel, *twins in zip(
                self.scene.panels, *(each.panels for each in self.coloured.values()), strict=True
            )
        ]
        known = list(map(self._words, self.known))
        return {"known": known, "explained": list(self.explained), "panels": panels}

    def _words(self, known: Known) -> dict[str, Any]:
        facts, costs, heats, explanation, look = known
        explained = self.explained
        why = {"why": explained.setdefault(explanation, len(explained))} if explanation else {}
        return {
            **({"look": dict(look)} if look else {}),
            **why,
            "facts": [[fact.key, fact.value, fact.text, *(fact.interval or ())] for fact in facts],
            "costs": [[fact.key, fact.text] for fact in costs],
            "heat": {
                name: [step_of(heat), heat.text, *([percent(heat.share)] if heat.share else [])]
                for name, heat in zip(self.coloured, heats, strict=True)
                if heat is not None
            },
        }

    def _known(self, known: Known) -> int:
        return self.known.setdefault(known, len(self.known))

    def _panel(self, panel: Panel, twins: list[Panel]) -> dict[str, Any]:
        rows = [twin.grid.rows if twin.grid else () for twin in (panel, *twins)]
        details = Details(panel.graph, self.scene.question) if panel.graph else None
        layers = [node.path for node in panel.walk() if not node.children] if details else []
        return {
            "name": panel.name,
            "nodes": self._nodes(panel.nodes, [twin.nodes for twin in twins], details),
            "edges": _edges(panel),
            "called": _front_coded([panel.names.get(path, path) for path in layers]),
            "sees": [details.field(path) for path in layers] if details else [],
            "rows": [
                {
                    "path": row.path,
                    "title": " ".join(row.cells[0]),
                    "role": row.role,
                    "known": self._known(
                        Known(row.facts, row.costs, tuple(each.heat for each in coloured))
                    ),
                }
                for row, *coloured in zip(*rows, strict=True)
            ],
        }

    def _nodes(
        self,
        nodes: tuple[Node, ...],
        twins: list[tuple[Node, ...]],
        details: Details | None,
        box: str = "",
    ) -> list[dict[str, Any]]:
        """Write the parts of a box."""
        return [
            _place(node.path, box) | self._node(node, coloured, details)
            for node, *coloured in zip(nodes, *twins, strict=True)
        ]

    def _node(self, node: Node, twins: list[Node], details: Details | None) -> dict[str, Any]:
        parts = [
            {"title": part.title, "repeats": part.repeats, "lines": part.lines} | _block(part)
            for part in node.parts
        ]
        said: dict[str, str | tuple[str, ...]] = {
            "title": node.title,
            "aside": node.aside,
            "role": node.role,
            "lines": node.lines,
        }
        known = Known(
            node.facts,
            node.costs,
            tuple(twin.heat for twin in twins),
            details.explanation(node.path) if details else None,
            tuple((name, words) for name, words in said.items() if words),
        )
        optional: dict[str, Any] = _block(node) | {
            "repeats": node.repeats if node.repeats > 1 else None,
            "parts": parts,
            "mark": node.mark,
            "open": node.open,
            "children": self._nodes(
                node.children, [twin.children for twin in twins], details, node.path
            ),
        }
        return {
            "known": self._known(known),
            **{key: value for key, value in optional.items() if value},
        }


def _place(path: str, box: str) -> dict[str, str]:
    """Say where a node is: a path that goes on from its box's stands without that."""
    within = f"{box}/"
    return (
        {"step": path.removeprefix(within)} if box and path.startswith(within) else {"path": path}
    )


def _block(item: Node | Part) -> dict[str, str]:
    """Say what leads around a block, and in what blocks are alike."""
    said = {"shortcut": item.shortcut, "alike": alike(item)}
    return {key: words for key, words in said.items() if words}


def _front_coded(names: list[str]) -> list[str]:
    """Write of each name how many characters it begins with as the one before, and the rest.

    >>> _front_coded(["block_1_conv", "block_1_bn", "top"])
    ['0 block_1_conv', '8 bn', '0 top']
    """
    written = []
    for before, name in zip(("", *names), names, strict=False):
        shorter = min(len(before), len(name))
        shared = next((at for at in range(shorter) if before[at] != name[at]), shorter)
        written.append(f"{shared} {name[shared:]}")
    return written


def _edges(panel: Panel) -> list[int | list[int | str]]:
    """Write tail and head by their places in the walk, kind and label where they say anything new.

    Most edges are flow to the next, and most are labelled with the shape that their tail has: of
    such a one the tail alone stands.
    """
    places: dict[str, int] = {}
    asides: dict[str, str] = {}
    for place, node in enumerate(panel.walk()):
        places.setdefault(node.path, place)
        asides.setdefault(node.path, node.aside)
    edges: list[int | list[int | str]] = []
    for edge in panel.edges:
        label = [] if edge.label == asides[edge.tail] else [edge.label]
        kind = [edge.kind] if label or edge.kind != "flow" else []
        tail, head = places[edge.tail], places[edge.head]
        is_plain = head == tail + 1 and not kind
        edges.append(tail if is_plain else [tail, head, *kind, *label])
    return edges


def step_of(heat: Heat) -> int | str:
    """Choose the colour of a heat: its place on the scale, or that of the unknown."""
    if heat.known == "none":
        return "unknown"
    step = round(heat.level * HEAT_STEPS)
    return f"{COLOURS[heat.scale]}{step}" if COLOURS[heat.scale] else step
