"""The network to explore: stages, blocks, layers and all that is known of them."""

from __future__ import annotations

from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.views import view
from rsinspect.drawing.weighed import Weighed
from rsinspect.pages.parts import Explorer, Section
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.plots.overlay import measured_of


def section(report: Report) -> Section | None:
    """Make each network of a report explorable."""
    explorers = tuple(Explorer(_scene(subject, report)) for subject in report.subjects)
    return Section("graph", "The network" if len(explorers) == 1 else "The networks", explorers)


def _scene(subject: Subject, report: Report) -> Scene:
    """Draw a network, coloured by its latency where it was measured, else by FLOPs."""
    network, weights = subject.network, subject.weights
    return overlay(
        view(network, "stages", question=report.question, deep=True),
        "latency" if subject.runs else "flops",
        measured=measured_of(subject.runs[0], network) if subject.runs else None,
        weighed=None if weights is None else Weighed.of(weights, network),
    )
