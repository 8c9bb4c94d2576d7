"""Accuracy against a quantity, from what somebody names: runs, networks and their accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rsinspect.base.errors import InvalidQuestion, check_choice
from rsinspect.base.words import quoted
from rsinspect.layers.question import Question
from rsinspect.networks.named import network
from rsinspect.runs.stored import Selection
from rsinspect.tradeoffs.axes import AXES
from rsinspect.tradeoffs.measurements import measured
from rsinspect.tradeoffs.networks import networks_of
from rsinspect.tradeoffs.pareto import Pareto, candidates, counted
from rsinspect.tradeoffs.saved_runs import runs_of, saved_in


def parse_point(text: str) -> tuple[str, float]:
    """Read ``my.keras=81.2``: a network and its accuracy in per cent.

    Raises:
        InvalidQuestion: If it is something else.

    >>> parse_point("152@224=82.5")
    ('152@224', 82.5)
    """
    name, sign, number = text.rpartition("=")
    try:
        top1 = float(number)
    except ValueError:
        top1 = -1.0
    if not sign or not name.strip() or not 0 < top1 <= 100:
        raise InvalidQuestion(
            f"{quoted(text)} is no network with its accuracy", "write my.keras=81.2, in per cent"
        )
    return name.strip(), top1


def weigh(
    x: str = "latency",
    *,
    source: str = "paper",
    own: Mapping[str, float] | None = None,
    runs: Iterable[str] = (),
    db: Path | None = None,
    wanted: Selection | None = None,
    question: Question | None = None,
) -> Pareto:
    """Weigh published accuracy, and one's own, against a quantity.

    Args:
        x: The quantity: a name of ``AXES``.
        source: Who published the accuracies: a name of ``paper.ACCURACY_SOURCES``.
        own: Accuracy in per cent of networks of one's own, by MODEL text, by the file of a run, or
            by the id or tag of one that is kept, with ``run:`` before it.
        runs: Files of runs, ids and tags; by default all that the store has. Of no use for what is
            counted.
        db: File of the store; the user's by default.
        wanted: Which of the runs.
        question: For what is counted: what a FLOP is, batch and dtype.

    Raises:
        InvalidChoice: If a quantity or source is unknown.
        InvalidMeasurement: If no run is of a network whose accuracy is known, or one is damaged.
        StoreError: If the store cannot be read, or has no such run.
        SpecError: If a name is no network.
        BackendUnavailable: If Keras has to say what a network consists of, and is not here.
    """
    check_choice("quantity", x, AXES)
    axis, own = AXES[x], own or {}
    published = [candidate.name for candidate in candidates(source, {})]
    strangers = [name for name in own if name not in published]
    if axis.counted is not None:
        names = [*published, *strangers]
        networks = dict(zip(names, networks_of(names), strict=True))
        return counted(axis, source, networks, own, question or Question())
    saved = {name: run for name in strangers if (run := saved_in(name, db))}
    fingerprints = {name: run.model.fingerprint or "" for name, run in saved.items()} | {
        name: network(name).fingerprint for name in strangers if name not in saved
    }
    found = runs_of(runs, db, wanted, fingerprints.values())
    return measured(axis, source, [*found, *saved.values()], own, fingerprints)
