"""Networks side by side: their graphs with what differs marked, and which parts belong together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rsinspect.comparisons import comparison
from rsinspect.differences.pairs import Comparison, compare
from rsinspect.differences.places import Place, counterparts, differences_of
from rsinspect.drawing.comparison import alongside
from rsinspect.drawing.scene import Node, Scene
from rsinspect.pages.parts import Explorer, Step, Steps, Tied
from rsinspect.pages.report import Report
from rsinspect.pages.runs import RunBeside
from rsinspect.pages.scenes import coloured, on_one_scale

MOST_STEPS = 60
"""Differences that are listed of two networks: of more, nobody sees them one by one."""


def tied(report: Report, runs: Sequence[RunBeside] = ()) -> Tied:
    """Put the networks of a report side by side, each compared with the first.

    Args:
        report: About two networks or more.
        runs: Measurements beside the first, whose changes colour the graphs.
    """
    first, *others = report.subjects
    networks = [subject.network for subject in report.subjects]
    compared = _compared(runs, len(networks))
    scenes = [
        coloured(scene, subject, compared.get(number))
        for number, (scene, subject) in enumerate(
            zip(alongside(*networks, question=report.question), report.subjects, strict=True)
        )
    ]
    found = [compare(first.network.graph, other.network.graph) for other in others]
    listed = [
        _steps(f"{first.network.title} → {other.network.title}", number, one, scenes)
        for number, (other, one) in enumerate(zip(others, found, strict=True), 1)
    ]
    links = [
        links_of(scene, scenes[0], counterparts(one))
        for scene, one in zip(scenes[1:], found, strict=True)
    ]
    return Tied(tuple(map(Explorer, on_one_scale(scenes))), tuple(listed), ({}, *links))


def _compared(runs: Sequence[RunBeside], networks: int) -> dict[int, comparison.Comparison]:
    """Choose the comparison that each graph is coloured by: its first run beside the very first."""
    found: dict[int, comparison.Comparison] = {}
    for run in runs:
        if run.number and run.comparison is not None:
            found.setdefault(run.number, run.comparison)
    return {0: found[1], **found} if networks == 2 and found else found


def _steps(title: str, number: int, found: Comparison, scenes: Sequence[Scene]) -> Steps:
    """List what differs between the first network and one of the others."""
    differences = differences_of(found)
    steps = []
    for difference in differences[:MOST_STEPS]:
        of_a = [place.a for place in difference.places if place.a is not None]
        of_b = [place.b for place in difference.places if place.b is not None]
        place = difference.places[0]
        a = place.a and _shown(scenes[0], place.a, of_a)
        b = place.b and _shown(scenes[number], place.b, of_b)
        steps.append(Step(difference.words, difference.status, number, Place(a, b)))
    return Steps(title, tuple(steps), len(differences) - len(steps))


def _shown(scene: Scene, path: str, paths: Collection[str]) -> str:
    """Find the outermost node that stands for a place, and for nothing but those paths."""
    if path not in paths:
        return path
    for node in _nodes(scene):
        if path in node.paths and node.role == "block" and set(node.paths) <= set(paths):
            return node.path
    return path


def links_of(scene: Scene, first: Scene, found: Mapping[str, str]) -> dict[str, str | None]:
    """Tell which part of the first scene each part has, where that is not the one of its path.

    A run of blocks that are alike has that in which its first block's counterpart is.

    Args:
        scene: Whose parts.
        first: Where their counterparts are.
        found: Counterparts of stages, blocks and layers.
    """
    there = {node.path for node in _nodes(first)}
    runs: dict[str, str] = {}
    for node in _nodes(first):
        if node.repeats > 1:
            runs.update(dict.fromkeys(node.paths, node.path))
    links: dict[str, str | None] = {}
    for node in _nodes(scene):
        blocks = [found[path] for path in node.paths if path in found]
        if node.repeats > 1:
            other = runs.get(blocks[0], blocks[0]) if blocks else None
        else:
            other = found.get(node.path)
        if other != (node.path if node.path in there else None):
            links[node.path] = other
    return links


def _nodes(scene: Scene) -> list[Node]:
    return [node for panel in scene.panels for node in panel.walk()]
