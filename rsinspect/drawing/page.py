"""Scenes to one offline HTML page that can be searched, opened, coloured, panned and saved.

The page holds each whole scene as JSON and draws it with its own script, so a reader opens what the
picture left closed, and colours it by any quantity. The browser does the layout: boxes are as large
as their text, whatever the font, and arrows are measured from the boxes afterwards. Each open box
draws its own arrows. One that comes from outside enters it at an ``in`` port and one that goes on
leaves at an ``out`` port; so opening a block redraws that block and what is around it, not two
thousand arrows.

A graph is one component (``drawing.viewer``, ``templates/viewer/``), so that several can stand on
a page, and on a page with other things (``pages``); ``templates/page/`` has what they share.
Nothing is fetched: no library, no font, no picture. A policy in the page forbids it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsinspect.base.markup import environment
from rsinspect.drawing.choices import AUTO
from rsinspect.drawing.scene import EDGE_WORDS, Scene
from rsinspect.drawing.strokes import STROKES
from rsinspect.drawing.theme import DARK, PAPER, text_on, theme_named
from rsinspect.drawing.viewer import COLOURS, HEAT_STEPS, Viewer, step_of, viewer_of
from rsinspect.drawing.wording import cost_lines


def page(*scenes: Scene, theme: str = AUTO) -> str:
    """Write scenes as an HTML page of their own, one below the other.

    A *deep* scene can be opened down to its layers; what is open and coloured at first is the
    scene's choice.

    Args:
        scenes: What to show; the page has the title of the first.
        theme: One of THEME_NAMES. ``auto`` follows the reader's system and has a switch.

    Raises:
        InvalidChoice: If there is no such theme.
    """
    viewers = [viewer_of(scene) for scene in scenes]
    return environment().get_template("page/page.html").render(dressing(viewers, theme))


def dressing(viewers: Sequence[Viewer], theme: str = AUTO) -> dict[str, Any]:
    """Give the templates of a page with these graphs what their colours and arrows are.

    Raises:
        InvalidChoice: If there is no such theme.
    """
    chosen = theme_named(theme)
    return {
        "viewers": viewers,
        "kinds": [kind for kind in EDGE_WORDS if any(kind in dict(each.edges) for each in viewers)],
        "choice": theme,
        "paper": PAPER if chosen is DARK else chosen,  # a dark page is printed on white
        "dark": DARK if chosen is DARK or theme == AUTO else None,
        "steps": [step / HEAT_STEPS for step in range(HEAT_STEPS + 1)],
        "step": step_of,
        "scales": COLOURS,
        "changes": any(viewer.scene.changes for viewer in viewers),
        "cost_lines": cost_lines,
        "strokes": STROKES,
        "text_on": text_on,
    }
