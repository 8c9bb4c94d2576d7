"""Runs that compare: of known networks, on one machine, under one set of conditions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rsinspect import paper
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.words import Option, Wording, advice, names_in_words
from rsinspect.comparisons.conditions import CONDITIONS
from rsinspect.networks import applications
from rsinspect.networks.network import Network
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.statistics import Latency
from rsinspect.tradeoffs.axes import Axis
from rsinspect.tradeoffs.claim import measured_speed_ups
from rsinspect.tradeoffs.pareto import Costed, Pareto, candidates, placed
from rsinspect.tradeoffs.quantity import Quantity

_SAME_WIRING = ("keras", "timm")
"""Dialects with the layers of the networks whose accuracy was published."""
_AS_PUBLISHED = {
    "width": 1.0, "classes": 1000, "se_ratio": 0.25, "activation": "relu", "include_top": True,
    "filters": (64, 128, 256, 512),
}  # fmt: skip


class Conditions(NamedTuple):
    """Under which a run was made; runs of equal ones compare.

    Attributes:
        text: Mode, batch, precision, backend and device, in words.
        machine: Which, in words.
        all: Every condition, in words.
    """

    text: str
    machine: str
    all: tuple[str, ...]

    @classmethod
    def of(cls, run: ProfileRun) -> Conditions:
        """Read those of a run."""
        every = {name: read(run) for name, read in CONDITIONS.items()}
        folded = "folded" if run.request is not None and run.request.fold_batch_norm else ""
        return cls(run.conditions, every["machine"], (*every.values(), folded))


def published_name(model: Model, network: Network | None) -> str | None:
    """Name the published network that was measured, as MODEL text; None for any other.

    Args:
        model: What the run says of it.
        network: The network itself; None in files of before.
    """
    if model.resolution is None or model.resolution[0] != model.resolution[1]:
        return None
    side = model.resolution[0]
    if model.depth is not None and model.dialect in _SAME_WIRING:
        known = paper.variants().get(model.depth)
        departs = model.recognised is not None and model.recognised.departs_at is not None
        differs = departs or any(
            getattr(model, name) not in (value, None) for name, value in _AS_PUBLISHED.items()
        )
        ours = known is not None and known.blocks == model.blocks and not differs
        return f"{model.depth}@{side}" if ours else None
    named = applications.named_in(model.name)
    if named is None or (network is not None and not _has_imagenet_classes(network)):
        return None
    return f"{named.name}@{side}"


def _has_imagenet_classes(network: Network) -> bool:
    outputs = network.graph.outputs
    return [network.graph.layer(path).shape.channels for path in outputs] == [1000]


def measured(
    axis: Axis,
    source: str,
    runs: Iterable[ProfileRun],
    own: Mapping[str, float],
    fingerprints: Mapping[str, str],
) -> Pareto:
    """Weigh accuracy against what runs measured, under the conditions that most networks share.

    Args:
        axis: One that is measured.
        source: Who published the accuracies.
        runs: Any; those of one network under the same conditions count as its processes.
        own: Accuracy of somebody's own networks, in per cent by name.
        fingerprints: Of their networks, by the same names.

    Raises:
        InvalidMeasurement: If there is no run of a network whose accuracy is known.
    """
    wanted = candidates(source, own)
    names = {candidate.name for candidate in wanted}
    mine = {fingerprint: name for name, fingerprint in fingerprints.items()}
    groups: dict[Conditions, dict[str, list[ProfileRun]]] = {}
    strangers: dict[Conditions, Counter[str]] = {}
    for run in runs:
        conditions = Conditions.of(run)
        name = mine.get(run.model.fingerprint or "") or published_name(run.model, run.network)
        if name in names:
            groups.setdefault(conditions, {}).setdefault(name or "", []).append(run)
        else:
            strangers.setdefault(conditions, Counter())[run.title] += 1
    if not groups:
        raise InvalidMeasurement(
            "there is no run of a network whose accuracy is known",
            _no_runs_hint(strangers),
        )
    chosen = max(groups, key=lambda each: (len(groups[each]), _newest(groups[each])))
    costs = {name: cost for name, of in groups[chosen].items() if (cost := _cost(axis, of))}
    if not costs:
        raise InvalidMeasurement(
            f"no run tells {axis.title}", "this machine or the one of the runs does not tell it"
        )
    points, missing = placed(axis, wanted, costs)
    return Pareto(
        axis=axis,
        source=source,
        points=points,
        conditions=chosen.text,
        machine=chosen.machine or None,
        speed_ups=measured_speed_ups(
            {name: _latency(of) for name, of in groups[chosen].items() if name not in own}
        ),
        missing=missing,
        without_accuracy=tuple(sorted(strangers.get(chosen, ()))),
        left_out={
            each.text if each.text != chosen.text else f"{each.text}, {each.machine}": sum(
                map(len, groups[each].values())
            )
            for each in groups
            if each != chosen
        },
    )


def _no_runs_hint(strangers: Mapping[Conditions, Counter[str]]) -> Wording:
    if not strangers:
        return advice(
            "profile some of them with {}, or {} does it for all",
            Option("record"), Option("measure", True),
        )  # fmt: skip
    titles = sorted({title for of in strangers.values() for title in of})
    return advice(
        f"there are runs of {names_in_words(titles, 3)}: give their accuracy with {{}}",
        Option("point", "NAME=81.2"),
    )


def _newest(of: Mapping[str, Sequence[ProfileRun]]) -> str:
    return max(run.started_at for runs in of.values() for run in runs)


def _latency(runs: Sequence[ProfileRun]) -> Latency:
    """Join what all runs of a network measured, each as processes of its own."""
    runs = [run for run in runs if run.total_of != "first"] or runs
    return Latency.pooled([run.end_to_end.latency for run in runs])


def _cost(axis: Axis, runs: Sequence[ProfileRun]) -> Costed | None:
    """Read what a network costs from all its runs; None where they do not tell."""
    of_batch = Quantity.of(_latency(runs))
    match axis.name:
        case "latency":
            return Costed(of_batch, "measured", len(runs))
        case "throughput":
            return Costed(of_batch.inverse(of=runs[0].batch.used), "measured", len(runs))
        case "energy":
            return _energy(runs)
        case _:
            return None


def _energy(runs: Sequence[ProfileRun]) -> Costed | None:
    """Take the joules of a batch from the run that knows them best; None where none tells."""
    known = [
        Quantity(energy.mean_j(sampling), energy.interval(sampling))
        for run in runs
        if (energy := run.energy) and energy.mean_j(sampling := run.rounds.sampling) > 0
    ]
    if not known:
        return None
    best = min(known, key=lambda each: math.inf if each.deviation is None else each.deviation)
    return Costed(best, "measured", len(known))
