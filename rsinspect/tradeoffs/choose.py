"""Finding the best network within bounds on this machine: time a few small networks, and add up.

All published ResNet-RS and EfficientNets are considered. The distinct blocks of as many as there is
time for are timed in turns (``profiling.survey``), those first that may be chosen; the latency of
any other network is estimated from these (``estimates``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from rsinspect.base.errors import InvalidQuestion, check_choice
from rsinspect.base.units import binary_bytes, count
from rsinspect.base.words import Option, advice
from rsinspect.estimates.estimate import Estimator
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.parent import profile
from rsinspect.profiling.protocol import Event
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest, Settings
from rsinspect.profiling.survey import Survey, survey
from rsinspect.tradeoffs.axes import AXES
from rsinspect.tradeoffs.choice import Bounds, Choice, Entry
from rsinspect.tradeoffs.families import FAMILIES
from rsinspect.tradeoffs.networks import networks_of
from rsinspect.tradeoffs.pareto import Candidate, candidates
from rsinspect.tradeoffs.quantity import Quantity

TIME_S = 85.0
"""What all of it may take, but for verifying: on two cores there is time for all that is known."""
VERIFYING_S = 60.0
"""What measuring one network may take."""

Considered = tuple[Sequence[Candidate], Sequence[Network]]
"""Candidates, and the network of each."""
Surveyor = Callable[..., Survey]
Profiler = Callable[..., ProfileRun]


def choose(
    bounds: Bounds,
    settings: Settings,
    *,
    source: str = "paper",
    own: Mapping[str, float] | None = None,
    family: str | None = None,
    considered: Considered | None = None,
    convention: str = "paper",
    budget: Budget | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    surveyor: Surveyor | None = None,
) -> Choice:
    """Find the best network within bounds on this machine.

    Args:
        bounds: What it must keep to.
        settings: How it will be run.
        source: Whose published accuracies: one of ``paper.ACCURACY_SOURCES``.
        own: Accuracy in per cent of other networks, by MODEL text.
        family: The only one to consider, of FAMILIES; None for all.
        considered: What ``candidates_of`` makes of these three, where it has.
        convention: What a FLOP is.
        budget: Of it all. By default it begins when the networks are made.
        on_event: Called in this thread as it goes on.
        surveyor: Times the networks instead of ``profiling.survey``; for tests.

    Raises:
        InvalidChoice: If there is no such source, family or convention.
        InvalidQuestion: If nothing is left to choose from, or no network can be within the bounds,
            however fast; that is said before anything is timed.
        SpecError: If MODEL text names no network.
        RsInspectError: As ``profiling.survey``.
    """
    question = Question(convention, settings.batch, settings.computes_in)
    known, networks = considered or candidates_of(source, own, family)
    budget = budget or Budget.starting(settings.max_time_s)
    order = in_order_of_use(known, networks, bounds, question)
    untimed = [_untimed(known[x], networks[x], question) for x in order]
    _check_some_may_fit(untimed, bounds)
    find = surveyor or survey
    found = find([networks[x] for x in order], settings, budget=budget, on_event=on_event)
    entries = list(_timed(found, untimed))
    return Choice(
        bounds=bounds,
        entries=tuple(sorted(entries, key=lambda x: (-x.candidate.top1, x.latency.value))),
        source=source,
        settings=settings,
        question=question,
        timed=len(found.runs),
        timed_batch=found.batch,
        foreign_share=found.foreign_share,
        environment=found.environment,
        started_at=found.started_at,
        wall_s=budget.elapsed_s,
    )


def candidates_of(
    source: str, own: Mapping[str, float] | None = None, family: str | None = None
) -> Considered:
    """List what may be chosen, and make it; Keras builds its own once, which takes a while.

    Raises:
        RsInspectError: As ``choose``.
    """
    known = of_family(candidates(source, own or {}), family)
    return known, networks_of([candidate.name for candidate in known])


def of_family(known: Sequence[Candidate], family: str | None) -> list[Candidate]:
    """Keep the candidates of a family; all where none is named.

    Raises:
        InvalidChoice: If there is no such family.
        InvalidQuestion: If nothing is left.
    """
    if family is not None:
        check_choice("family", family, FAMILIES)
    left = [each for each in known if family in (None, each.family.lower())]
    if not left:
        raise InvalidQuestion(
            "there is no network of yours to choose",
            advice("name one with its accuracy: {}", Option("point", "my.keras=83.1")),
        )
    return left


def in_order_of_use(
    known: Sequence[Candidate], networks: Sequence[Network], bounds: Bounds, question: Question
) -> list[int]:
    """List positions of networks, those first that may be chosen, ends of a family before middles.

    So whatever there is time for, what is not timed lies between what is.
    """
    families: dict[tuple[bool, str], list[int]] = {}
    for position, (candidate, network) in enumerate(zip(known, networks, strict=True)):
        excess = _untimed(candidate, network, question).excess(bounds, latency_s=0.0)
        out = max(excess.values()) > 1
        families.setdefault((out, candidate.family), []).append(position)
    spread = {
        key: list(_ends_first(sorted(positions, key=lambda x: networks[x].cost.macs)))
        for key, positions in families.items()
    }
    return [
        position
        for _, _, position in sorted(
            (out, place, position)
            for (out, _), positions in spread.items()
            for place, position in enumerate(positions)
        )
    ]


def _ends_first(values: Sequence[int]) -> Iterator[int]:
    """List the first, the last, then what is midway between, and so on.

    >>> list(_ends_first(range(6)))
    [0, 5, 2, 1, 3, 4]
    """
    yield from dict.fromkeys((*values[:1], *values[-1:]))
    spans = [(0, len(values) - 1)]
    while spans:
        first, last = spans.pop(0)
        middle = (first + last) // 2
        if middle > first:
            yield values[middle]
            spans += [(first, middle), (middle, last)]


def _untimed(candidate: Candidate, network: Network, question: Question) -> Entry:
    """Make an entry of what is counted, without a latency."""
    memory, flops = AXES["memory"].counted, AXES["flops"].counted
    assert memory is not None
    assert flops is not None
    return Entry(
        candidate=candidate,
        network=network,
        latency=Quantity(0.0, None),
        how="blocks",
        memory_bytes=memory(network, question),
        flops=flops(network, question),
        params=network.cost.params,
        setup_s=0.0,
    )


def _check_some_may_fit(untimed: Sequence[Entry], bounds: Bounds) -> None:
    """Refuse bounds that no network keeps to, however fast it is.

    Raises:
        InvalidQuestion: With the network that comes nearest.
    """
    excess = {entry.candidate.name: entry.excess(bounds, latency_s=0.0) for entry in untimed}
    nearest = min(untimed, key=lambda entry: max(excess[entry.candidate.name].values()))
    name, times = max(excess[nearest.candidate.name].items(), key=lambda item: item[1])
    if times <= 1:
        return
    has = {
        "min_top1": f"{nearest.candidate.top1:g} % top-1",
        "max_memory_bytes": f"{binary_bytes(nearest.memory_bytes)} of memory",
        "max_flops": f"{count(nearest.flops)} FLOPs an image",
        "max_params": f"{count(nearest.params)} params",
    }[name]
    raise InvalidQuestion(
        "no network that is known is within these bounds, however fast",
        f"the nearest is {nearest.candidate.name} with {has}",
    )


def _timed(found: Survey, untimed: Sequence[Entry]) -> Iterator[Entry]:
    """Give each network its latency: from its own blocks, or else an estimate from others."""
    estimator: Estimator | None = None
    layers_s = max(
        setup_s / len(entry.network.graph)
        for setup_s, entry in zip(found.setup_s, untimed, strict=True)
    )
    for entry, prediction in zip(untimed, found.predictions, strict=True):
        entry = replace(entry, setup_s=layers_s * len(entry.network.graph))
        if prediction is not None:
            latency = Quantity(prediction.end_to_end_s, prediction.end_to_end_interval)
            yield replace(entry, latency=latency, how="blocks")
            continue
        estimator = estimator or Estimator.of(found.runs)
        estimate = estimator.latency(entry.network, found.requested_batch)
        yield replace(
            entry,
            latency=Quantity(estimate.latency_s, (estimate.low_s, estimate.high_s)),
            how="estimate",
            extrapolates=estimate.extrapolates,
        )


def verified(
    choice: Choice,
    *,
    max_time_s: float = VERIFYING_S,
    on_measure: Callable[[Entry], None] = lambda _: None,
    on_event: Callable[[Event], None] = lambda _: None,
    profiler: Profiler | None = None,
) -> Choice:
    """Measure the pick as a whole, and the next one where that is beyond the bounds, and so on.

    Args:
        choice: From distinct blocks.
        max_time_s: Of each measurement.
        on_measure: Called with each network before it is measured.
        on_event: Called in this thread as it goes on.
        profiler: Measures instead of ``parent.profile``; for tests.

    Raises:
        RsInspectError: As ``parent.profile``.
    """
    while (pick := choice.pick) is not None and pick.how != "measured":
        on_measure(pick)
        settings = replace(choice.settings, max_time_s=max_time_s, predict=False, roofs=False)
        request = ProfileRequest.of(pick.network, settings)
        run = (profiler or profile)(request, on_event=on_event)
        images = choice.settings.batch / run.batch.used
        latency, interval = run.end_to_end.latency, run.end_to_end.latency.interval
        measured = Quantity(
            images * latency.median,
            None if interval is None else (images * interval[0], images * interval[1]),
        )
        measured_pick = replace(pick, latency=measured, how="measured")
        entries = tuple(measured_pick if entry is pick else entry for entry in choice.entries)
        choice = replace(choice, entries=entries)
    return choice
