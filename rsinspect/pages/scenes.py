"""What is known of a network, in the picture of it that a reader explores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rsinspect.comparisons.comparison import Comparison
from rsinspect.drawing.overlay import overlay
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.weighed import Weighed
from rsinspect.pages.subject import Subject
from rsinspect.plots.overlay import measured_of, with_comparison


def coloured(scene: Scene, subject: Subject, compared: Comparison | None = None) -> Scene:
    """Colour a network by its latency where it was measured, else by FLOPs; add what is known.

    Args:
        scene: The network.
        subject: What is known of it.
        compared: A comparison of a run of it, whose changes are among that.
    """
    network, weights = subject.network, subject.weights
    return overlay(
        scene if compared is None else with_comparison(scene, compared),
        "latency" if subject.runs else "flops",
        measured=measured_of(subject.runs[0], network) if subject.runs else None,
        weighed=None if weights is None else Weighed.of(weights, network),
    )


def on_one_scale(scenes: Sequence[Scene]) -> tuple[Scene, ...]:
    """Colour networks that stand side by side alike: what has as much has the same colour."""
    return tuple(
        overlay(
            replace(
                scene,
                beside=tuple(x for other in scenes if other is not scene for x in other.panels),
            ),
            "latency" if scene.measured else "flops",
        )
        for scene in scenes
    )
