"""What measurements say about the parts of a network, for a picture to be coloured by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rsinspect.base.errors import UnknownPicture, check_choice
from rsinspect.base.words import Option, advice
from rsinspect.comparisons.comparison import Comparison
from rsinspect.drawing.change import Change, changes_of, with_changes
from rsinspect.drawing.choices import COMPARED_VIEWS
from rsinspect.drawing.comparison import comparison
from rsinspect.drawing.overlay import Measured
from rsinspect.drawing.scene import Node, Scene
from rsinspect.drawing.views import view
from rsinspect.layers import ops
from rsinspect.networks.network import Network
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.statistics import interval_of_sum


def measured_of(run: ProfileRun, network: Network) -> Measured:
    """Take the latencies of a run for a picture of a network.

    Raises:
        InvalidMeasurement: If the run is of another network.
    """
    run.check_model(network)
    latencies = {segment.path: segment.latency for segment in run.segments}
    return Measured(
        latency_s={path: latency.median for path, latency in latencies.items()},
        interval_s=lambda paths: interval_of_sum([latencies[path] for path in paths]),
        conditions="; ".join(_conditions(run, network)),
        sum_s=run.closure.sum_s,
    )


def _conditions(run: ProfileRun, network: Network) -> Iterator[str]:
    yield run.conditions
    apart = [segment.path for segment in run.segments if segment.level == "step"]
    beside = f", {', '.join(apart)} included" if apart else ""
    yield f"shares of the sum of all segments{beside}"
    if any(isinstance(layer.op, ops.Rescaling | ops.Normalization) for layer in network.graph):
        yield "preprocessing in the stem"
    groups = map(network.structure.group, (segment.path for segment in run.segments))
    if any(group is not None and group.is_block for group in groups):
        yield "runs and stages are sums of their blocks' medians"


def compared(
    found: Comparison, *, name: str = "blocks", direction: str = "TB", deep: bool = False
) -> Scene:
    """Draw what was compared, coloured by which parts became slower and which faster.

    One network that was measured twice is drawn once, two networks side by side.

    Args:
        found: The comparison.
        name: View, one of ``drawing.choices.COMPARED_VIEWS``.
        direction: Of the data: top to bottom or left to right.
        deep: As for ``drawing.views.view``.

    Raises:
        InvalidChoice: If view or direction is unknown.
        UnknownPicture: If a run is of before and does not carry its network.
    """
    check_choice("view of two runs", name, COMPARED_VIEWS)
    a, b = found.a.run.network, found.b.run.network
    if a is None or b is None:
        raise UnknownPicture(
            "a run that an older release saved does not hold its network",
            advice("{} draws the ratios all the same", Option("plot", "ratios.svg")),
        )
    if a.fingerprint == b.fingerprint:
        scene = view(b, name, direction=direction, deep=deep)
    else:
        scene = comparison(a, b, view=name, direction=direction, deep=deep)
    whole = Change(found.ratio.value, found.ratio.interval)
    words = f"From A to B the latency of the whole changes by {whole.text}."
    scene = replace(scene, description=f"{words} {scene.description}")
    if len(scene.panels) == 1:
        scene = replace(scene, title=f"{b.title}: {found.a.name} → {found.b.name}")
    return with_comparison(scene, found)


def with_comparison(scene: Scene, found: Comparison) -> Scene:
    """Colour a scene of one of the two, or of both, by what became slower or faster."""
    whole = Change(found.ratio.value, found.ratio.interval)
    return with_changes(scene, changes_of(scene, _change_of(found), _compared_how(found, whole)))


def _change_of(found: Comparison) -> Callable[[Node], Change | None]:
    """Tell the change of a node: of its own time, or of its blocks' times added up.

    Of a stage all blocks count, those that only one of the two has included.
    """
    parts = {part.path: part for part in (*found.stages, *found.parts)}

    def change_of(node: Node) -> Change | None:
        part = parts.get(node.path) or found.together(node.path, node.paths)
        if part is None or part.ratio is None:
            return None
        return Change(part.ratio.value, part.ratio.interval)

    return change_of


def _compared_how(found: Comparison, whole: Change) -> str:
    how = "in turns" if found.how == "paired" else "apart"
    return f"measured {how}: {found.b.run.conditions}; the whole {whole.text}"
