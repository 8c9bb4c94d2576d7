"""Scene to one offline HTML page that can be searched, opened, panned and zoomed.

The page holds the whole scene as JSON and draws it with its own script, so a reader opens what the
picture left closed. The browser does the layout: boxes are as large as their text, whatever the
font, and arrows are measured from the boxes afterwards. Each open box draws its own arrows. One
that comes from outside enters it at an ``in`` port and one that goes on leaves at an ``out`` port;
so opening a block redraws that block and what is around it, not two thousand arrows.

Nothing is fetched: no library, no font, no picture. A policy in the page forbids it.
"""

from __future__ import annotations

import json
from typing import Any

from rsinspect.base.files import template
from rsinspect.drawing.choices import AUTO
from rsinspect.drawing.scene import EDGE_WORDS, Fact, Heat, Node, Panel, Scene
from rsinspect.drawing.theme import DARK, PAPER, text_on, theme_named

HEAT_STEPS = 40
"""Colours of the heat scale in a page. (One step is a fortieth of the hottest value.)"""


def page(scene: Scene, *, theme: str = AUTO) -> str:
    """Write the scene as an HTML page of its own.

    A *deep* scene can be opened down to its layers; what is open at first is the scene's choice.

    Args:
        scene: What to show.
        theme: One of THEME_NAMES. ``auto`` follows the reader's system and has a switch.

    Raises:
        InvalidChoice: If there is no such theme.
    """
    import jinja2

    chosen = theme_named(theme)
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    steps = [step / HEAT_STEPS for step in range(HEAT_STEPS + 1)] if scene.legend else []
    return environment.get_template("page.html").render(
        scene=scene,
        data=_json(_document(scene)),
        edges=[(kind, EDGE_WORDS[kind]) for kind in ("flow", *scene.edge_kinds)],
        choice=theme,
        paper=PAPER if chosen is DARK else chosen,  # a dark page is printed on white
        dark=DARK if chosen is DARK or theme == AUTO else None,
        steps=steps,
        step=_step,
        text_on=text_on,
    )


def _json(document: object) -> str:
    """Write ASCII without characters of HTML, so that it cannot end its own element."""
    text = json.dumps(document, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _document(scene: Scene) -> dict[str, Any]:
    """Collect what the script draws. Equal facts stand once; a node has their number."""
    facts: dict[tuple[Fact, ...], int] = {}
    panels = [_panel(panel, facts) for panel in scene.panels]
    return {
        "direction": scene.direction,
        "words": EDGE_WORDS,
        "facts": [
            [{"key": fact.key, "value": fact.value, "text": fact.text} for fact in known]
            for known in facts
        ],
        "panels": panels,
    }


def _panel(panel: Panel, facts: dict[tuple[Fact, ...], int]) -> dict[str, Any]:
    rows = panel.grid.rows if panel.grid else ()
    return {
        "nodes": [_node(node, facts) for node in panel.nodes],
        "edges": [[edge.tail, edge.head, edge.kind, edge.label] for edge in panel.edges],
        "rows": [
            {
                "path": row.path,
                "title": " ".join(row.cells[0]),
                "role": row.role,
                "facts": facts.setdefault(row.facts, len(facts)),
            }
            for row in rows
        ],
    }


def _node(node: Node, facts: dict[tuple[Fact, ...], int]) -> dict[str, Any]:
    parts = [
        {"title": part.title, "repeats": part.repeats, "lines": part.lines} for part in node.parts
    ]
    optional: dict[str, Any] = {
        "aside": node.aside,
        "repeats": node.repeats if node.repeats > 1 else None,
        "lines": node.lines,
        "parts": parts,
        "footer": node.footer,
        "heat": node.heat and [_step(node.heat), node.heat.text],
        "mark": node.mark,
        "open": node.open,
        "children": [_node(child, facts) for child in node.children],
    }
    return {
        "path": node.path,
        "title": node.title,
        "role": node.role,
        "facts": facts.setdefault(node.facts, len(facts)),
        **{key: value for key, value in optional.items() if value},
    }


def _step(heat: Heat) -> int:
    return round(heat.level * HEAT_STEPS)
