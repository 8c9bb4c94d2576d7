"""A survey: the latency of many networks from their distinct blocks, timed in one worker.

Networks that consist of the same blocks, as ResNet-RS of several depths at one size do, share a
small network; all small networks are timed in turns (``rotation``). So the eleven published
variants take the time of five small networks.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rsinspect.base.errors import MeasurementError
from rsinspect.base.files import scratch
from rsinspect.base.words import Option, advice
from rsinspect.networks.network import Network
from rsinspect.profiling import memory
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.distinct import Distinct, small_network, timed_as
from rsinspect.profiling.gate import gate
from rsinspect.profiling.parent import Measured, climb
from rsinspect.profiling.projection import Passes, prediction_of
from rsinspect.profiling.protocol import Event, Joined, Timed
from rsinspect.profiling.record.assemble import assemble
from rsinspect.profiling.record.batch import Attempt
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.heard import Heard
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest, Settings
from rsinspect.profiling.rounds import Round

WORKER = (sys.executable, "-P", "-m", "rsinspect.profiling.rotation")

TIMED_BATCH = 8
"""Images are timed that many at a time at most, so that there is time for many networks."""
FEWEST = 6
"""Rounds to keep, however busy the machine was."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Latencies of networks, from their distinct blocks.

    Attributes:
        predictions: Of each network, in the order in which they were given; None of those for
            which there was no time.
        runs: What was measured: a run of each small network.
        setup_s: Of each network, what building and compiling the whole of it will take about; 0
            where it was not timed.
        batch: Images that were timed at a time.
        requested_batch: Images of a batch whose latency is given.
        environment: Where.
        started_at: When, in UTC.
        wall_s: From the request to the result.
    """

    predictions: tuple[Prediction | None, ...]
    runs: tuple[ProfileRun, ...]
    setup_s: tuple[float, ...]
    batch: int
    requested_batch: int
    environment: Environment
    started_at: str
    wall_s: float

    @property
    def foreign_share(self) -> float | None:
        """Return the largest share of the processors that others used beside what counts."""
        shares = [p.foreign_share for p in self.predictions if p is not None]
        return max((share for share in shares if share is not None), default=None)


@dataclass(frozen=True, slots=True)
class _Group:
    """Networks that consist of the same blocks.

    Attributes:
        number: Of the group.
        members: Positions of its networks.
        first: The network that is sent to the worker.
    """

    number: int
    members: tuple[int, ...]
    first: Network


def survey(
    networks: Sequence[Network],
    settings: Settings,
    *,
    budget: Budget | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    worker: Sequence[str] = WORKER,
    available_bytes: Callable[[], int | None] = memory.available_memory,
) -> Survey:
    """Time the distinct blocks of several networks here, and add each network up.

    Args:
        networks: The networks; those that matter most first, as the time may not do for all.
        settings: How they are run; fewer images are timed at a time where the batch is large.
        budget: Of it all. By default it begins now.
        on_event: Called in this thread as it goes on.
        worker: Command of a worker; for tests.
        available_bytes: Tells the memory there is.

    Raises:
        MeasurementError: If the time is up before any was timed, or the worker crashes.
        KeyboardInterrupt: On Ctrl-C.
        RsInspectError: As ``parent.profile``.
    """
    budget = budget or Budget.starting(settings.max_time_s)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    small = [small_network(network) for network in networks]
    groups = list(_groups(networks, small, settings))
    with scratch() as folder:
        file = folder / "networks.json"
        file.write_text(json.dumps([group.first.to_json() for group in groups]), encoding="utf-8")
        measured, tried = climb(
            requested(small, settings),
            budget,
            on_event=on_event,
            worker=(*worker, str(file)),
            available_bytes=available_bytes,
        )
    if measured.interrupted:
        raise KeyboardInterrupt
    found = list(_found(measured, groups))
    if not found:
        raise MeasurementError(
            f"no network was timed in {budget.whole_s:g} s",
            advice(
                "allow more, such as {}", Option("max_time_s", round(max(60, 2 * budget.whole_s)))
            ),
        )
    predictions: list[Prediction | None] = [None] * len(networks)
    setup_s = [0.0] * len(networks)
    for timed in found:
        for member in timed.group.members:
            predictions[member] = timed.prediction(
                networks[member], small[member], settings.batch, budget.elapsed_s
            )
            setup_s[member] = timed.setup_s(networks[member])
    return Survey(
        predictions=tuple(predictions),
        runs=tuple(timed.run(tried, started_at, budget.elapsed_s) for timed in found),
        setup_s=tuple(setup_s),
        batch=measured.request.batch,
        requested_batch=settings.batch,
        environment=found[0].joined.ready.environment,
        started_at=started_at,
        wall_s=budget.elapsed_s,
    )


def timed_batch(settings: Settings) -> int:
    """Return how many images are timed at a time."""
    return min(TIMED_BATCH, settings.batch)


def requested(small: Sequence[Distinct], settings: Settings) -> ProfileRequest:
    """Request what is measured: its network is the one that needs most memory."""
    how = replace(
        settings, batch=timed_batch(settings), level="block", predict=False, roofs=False,
        trace=False, processes=1,
    )  # fmt: skip
    requests = [ProfileRequest.of(each.network, how) for each in small]
    return max(requests, key=lambda one: memory.needed_memory(one).total_bytes)


def _groups(
    networks: Sequence[Network], small: Sequence[Distinct], settings: Settings
) -> Iterator[_Group]:
    """Put networks together that consist of the same blocks; each sent as its smallest."""
    members: dict[object, list[int]] = {}
    for position, distinct in enumerate(small):
        members.setdefault(timed_as(distinct, settings.mode), []).append(position)
    for number, positions in enumerate(members.values()):
        first = min((networks[x] for x in positions), key=lambda network: len(network.graph))
        yield _Group(number, tuple(positions), first)


@dataclass(frozen=True, slots=True)
class _Timed:
    """What was said of a small network.

    Attributes:
        request: Of which its batch and conditions count.
        group: Whose it is.
        joined: How it is timed.
        rounds: Its passes.
    """

    request: ProfileRequest
    group: _Group
    joined: Joined
    rounds: tuple[Round, ...]

    def prediction(
        self, whole: Network, distinct: Distinct, batch: int, ready_s: float
    ) -> Prediction:
        """Add its blocks up to a network of the group."""
        return prediction_of(
            whole.graph,
            distinct,
            [path for path, _ in self.joined.ready.parts],
            passes_of(self.rounds),
            batch=batch,
            timed_batch=self.request.batch,
            ready_s=ready_s,
        )

    def setup_s(self, whole: Network) -> float:
        """Work out what building and compiling a network of the group takes, layer by layer."""
        layers = len(small_network(self.group.first).network.graph)
        return (self.joined.built_s + self.joined.compiled_s) * len(whole.graph) / layers

    def run(self, tried: tuple[Attempt, ...], started_at: str, wall_s: float) -> ProfileRun:
        """Make a run of the small network."""
        request = replace(self.request, network=small_network(self.group.first).network)
        return assemble(
            request,
            request,
            [Heard.of((self.joined.ready, *self.rounds))],
            tried,
            started_at=started_at,
            wall_s=wall_s,
            interrupted=False,
        )


def _found(measured: Measured, groups: Sequence[_Group]) -> Iterator[_Timed]:
    """Sort what the worker said, by network."""
    rounds: dict[int, list[Round]] = {}
    for message in measured.heard[0].messages:
        if isinstance(message, Timed):
            rounds.setdefault(message.number, []).append(message.round)
    for message in measured.heard[0].messages:
        if isinstance(message, Joined) and message.number in rounds:
            number = message.number
            yield _Timed(measured.request, groups[number], message, tuple(rounds[number]))


def passes_of(rounds: Sequence[Round]) -> Passes:
    """Keep the passes beside which no other program ran."""
    bursts = [one.burst for one in rounds]
    gated = gate([one.window for one in rounds], bursts, fewest=FEWEST)
    kept = [one for one, keep in zip(rounds, gated.kept, strict=True) if keep]
    shares = [
        share
        for share, keep in zip(gated.foreign_share, gated.kept, strict=True)
        if keep and share is not None
    ]
    paired = [one for one in kept if one.total_of == "plain"]
    return Passes(
        parts_s=tuple(one.parts_s for one in kept),
        lasted_s=kept[-1].at_s - kept[0].at_s + kept[-1].instrumented_s,
        foreign_share=statistics.median(shares) if shares else None,
        plain_share=tuple(one.end_to_end_s / one.instrumented_s for one in paired),
    )
