"""Which of the paper's two scaling strategies applies, and the numbers it rests on.

No accuracy is predicted: what is quoted was read off the paper's Figure 3, and for training lengths
between those of the paper it is said that nobody measured them there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.figures import read_off
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base import limits
from rsinspect.base.errors import InvalidSpec

RESOLUTION_RULE = (
    "Strategy 2: raise the resolution more slowly than EfficientNet's compound rule does (600 for "
    "B7); the largest ResNet-RS runs at 320, and the paper sees diminishing returns beyond."
)
PITFALL = (
    "The paper warns of rules taken from small models or few epochs: train a few models across the "
    "scales for the full number of epochs."
)


class _Verdict(NamedTuple):
    strategy: str
    why: str


def _verdict(epochs: int) -> _Verdict:
    studied = sorted({point.epochs for point in paper.study_points()})
    few, middle, many = studied
    if epochs >= many:
        beyond = "" if epochs == many else f" The paper measured up to {many} epochs, not {epochs}."
        return _Verdict(
            "scale depth",
            f"Strategy 1: where over-fitting can occur, as at {many} epochs, depth beats width at "
            f"every resolution studied.{beyond}",
        )
    if epochs <= few:
        below = "" if epochs == few else f" The paper measured {few} epochs, not {epochs}."
        return _Verdict(
            "scale width",
            f"Strategy 1: over-fitting is no concern in a short training; at {few} epochs width "
            f"is the better of the two.{below}",
        )
    if epochs == middle:
        return _Verdict(
            "depends on the resolution",
            f"Strategy 1: {middle} epochs lie between the regimes; in the same step time width "
            "sometimes beats depth, depending on the resolution.",
        )
    low, high = (few, middle) if epochs < middle else (middle, many)
    return _Verdict(
        "not studied",
        f"The paper measured {low} and {high} epochs and nothing between: towards {high} speaks "
        "for depth, towards the other for width.",
    )


def advice_answer(epochs: int) -> Answer:
    """Show the paper's advice for training that many ImageNet epochs, with Figure 3's points.

    Args:
        epochs: Length of the training.

    Raises:
        InvalidSpec: If it is not positive.
    """
    limits.EPOCHS.check(epochs, InvalidSpec)
    verdict = _verdict(epochs)
    figure = paper.figure(3)
    near = min(figure["epochs"], key=lambda studied: abs(studied - epochs))
    rows = [_ends(near, resolution) for resolution in figure["resolutions"]]
    method, *more = read_off(figure)
    notes = (
        method,
        PITFALL,
        f"The table: ends of the curves of Figure 3 at {near} epochs, the deepest at width 1 and "
        "the widest at depth 101; top-1 on minival, time of a training step on TPU.",
        *more,
        f"–: {figure['missing']}.",
        "These are the paper's measurements; no accuracy is predicted here.",
        f"Source: {'; '.join((*figure['source'], paper.recipe_sources()['paper']))}.",
    )
    return Answer(
        Table(
            title=f"{epochs} epochs: {verdict.strategy}",
            columns=(
                Column("resolution", "Res.", "integer"),
                Column("depth", "Depth", "integer"),
                Column("depth_time_s", "Step\ns **", "number", decimals=3),
                Column("depth_top1", "Top-1\n% **", "number", decimals=2),
                Column("width", "Width", "number"),
                Column("width_time_s", "Step\ns **", "number", decimals=3),
                Column("width_top1", "Top-1\n% **", "number", decimals=2),
                Column("difference", "Depth\n− width", "number", decimals=2),
            ),
            rows=tuple(rows),
            lead=(verdict.why, RESOLUTION_RULE),
            notes=notes,
            name=f"advice-{epochs}",
        ),
        lambda: _document(epochs, near, verdict, rows, (verdict.why, RESOLUTION_RULE, *notes)),
    )


def _ends(epochs: int, resolution: int) -> dict[str, Value]:
    """Put the ends of two curves of Figure 3 beside each other: the deepest and the widest."""
    ends: dict[str, paper.StudyPoint] = {}
    for scaling in ("depth", "width"):
        ends[scaling] = [
            point
            for point in paper.study_points()
            if (point.epochs, point.resolution, point.scaling) == (epochs, resolution, scaling)
            and point.top1_minival is not None
        ][-1]
    deep, wide = ends["depth"], ends["width"]
    assert deep.top1_minival is not None
    assert wide.top1_minival is not None
    return {
        "resolution": resolution,
        "depth": deep.depth,
        "depth_time_s": deep.time_per_step_s,
        "depth_top1": deep.top1_minival,
        "width": wide.width,
        "width_time_s": wide.time_per_step_s,
        "width_top1": wide.top1_minival,
        "difference": round(deep.top1_minival - wide.top1_minival, 2),
    }


def _document(
    epochs: int,
    near: int,
    verdict: _Verdict,
    rows: list[dict[str, Value]],
    notes: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "schema": "rsinspect.advice/1",
        "epochs": epochs,
        "strategy": verdict.strategy,
        "why": verdict.why,
        "resolution": RESOLUTION_RULE,
        "measured_at_epochs": near,
        "rows": rows,
        "notes": list(notes),
    }
