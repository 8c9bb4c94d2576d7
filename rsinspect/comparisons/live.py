"""Two networks measured now, in turns in one process: asks a worker, and keeps what it said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime

from rsinspect.base.errors import InvalidMeasurement, MeasurementError
from rsinspect.comparisons.comparison import Comparison, Side
from rsinspect.networks.network import Network
from rsinspect.profiling import memory
from rsinspect.profiling.budget import ROUNDS_FOR_INTERVAL, Budget
from rsinspect.profiling.parent import IN_THE_MIDST, Measured, climb, more, roughly
from rsinspect.profiling.protocol import Event, Message, Ready, Turn
from rsinspect.profiling.record.assemble import assemble
from rsinspect.profiling.record.heard import Heard
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import OwnWeights, ProfileRequest, Settings
from rsinspect.profiling.rounds import Round

WORKER = (sys.executable, "-P", "-m", "rsinspect.profiling.pair")


class ComparisonInterrupted(KeyboardInterrupt):
    """Ctrl-C while two networks were compared.

    Attributes:
        comparison: As far as it got; None where there was no round of both.
    """

    def __init__(self, comparison: Comparison | None) -> None:
        super().__init__()
        self.comparison = comparison


def compare_now(
    request: ProfileRequest,
    references: tuple[str, str],
    *,
    budget: Budget | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    worker: Sequence[str] = WORKER,
    available_bytes: Callable[[], int | None] = memory.available_memory,
) -> Comparison:
    """Measure a network and the one beside it in turns, and compare them.

    Args:
        request: What to measure, with the network beside.
        references: What the two are called.
        budget: Of it all. By default it begins now.
        on_event: Called in this thread as the measurement goes on.
        worker: Command of a worker; for tests.
        available_bytes: Tells the memory there is.

    Raises:
        InvalidMeasurement: If the request cannot be measured.
        MeasurementError: If the time is up before a round of both, or a worker crashes.
        ComparisonInterrupted: On Ctrl-C, with what was measured before.
        RsInspectError: As ``parent.profile``.
    """
    if request.traces:
        raise InvalidMeasurement("layers are not compared: their times are shares of a trace")
    budget = budget or Budget.starting(request.max_time_s)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    asked = replace(request, predict=False, roofs=False)
    measured, tried = climb(
        asked, budget, on_event=on_event, worker=worker, available_bytes=available_bytes
    )

    def run(side: int, of: ProfileRequest | None, requested: ProfileRequest | None) -> ProfileRun:
        assert of is not None, "there are two"
        assert requested is not None, "there are two"
        heard = [Heard.of(_said_of(side, each.messages)) for each in measured.heard]
        return assemble(
            of,
            requested,
            [each for each in heard if each.rounds],
            tried,
            started_at=started_at,
            wall_s=budget.elapsed_s,
            interrupted=measured.interrupted,
        )

    found = None
    if any(each.rounds for each in measured.heard):
        found = Comparison(
            a=Side(reference=references[0], run=run(0, measured.request, asked)),
            b=Side(reference=references[1], run=run(1, measured.request.other, asked.other)),
            how="paired",
        )
    if measured.interrupted:
        raise ComparisonInterrupted(found)
    if found is None:
        raise _nothing(measured, budget)
    return found


def _nothing(measured: Measured, budget: Budget) -> MeasurementError:
    """Say that there was no round of both, and what would do."""
    first, request = measured.heard[0], measured.request
    message = f"no round of both was measured in {budget.whole_s:g} s: {IN_THE_MIDST[first.phase]}"
    if first.estimate is not None:
        wanted = first.estimate.wanted(budget.whole_s, request.processes)
        if wanted.batch != request.batch:
            return MeasurementError(message, wanted.advice)
    assert request.other is not None, "there are two"
    own, others = (each.network.cost.macs for each in (request, request.other))
    roughly_s = first.roughly_s or 0.0
    if roughly_s > budget.whole_s / ROUNDS_FOR_INTERVAL:
        message += f"; {roughly(request, roughly_s)}"
    return MeasurementError(message, more(budget, roughly_s * (1 + others / max(1, own))))


def _said_of(side: int, messages: Sequence[Message]) -> list[Message]:
    """List what a worker said of one of the two, and of both."""
    found: list[Message] = []
    turn = 0
    for message in messages:
        if isinstance(message, Turn):
            turn = message.side
        elif turn == side or not isinstance(message, Ready | Round):
            found.append(message)
    return found


def request_like(
    network: Network, like: ProfileRun, max_time_s: float, weights: OwnWeights | None
) -> ProfileRequest:
    """Request a measurement of a network as another was measured.

    Args:
        network: What to measure.
        like: The other.
        max_time_s: Budget of it all.
        weights: Of the network; None for fresh ones.
    """
    settings = like.request or Settings(
        batch=like.batch.used, mode=like.mode, precision=like.precision, backend=like.backend,
        device=like.device, jit=like.jit, threads=like.environment.threads_requested,
    )  # fmt: skip
    settings = replace(
        settings, batch=like.batch.used, max_time_s=max_time_s, level=like.level, predict=False,
        roofs=False, trace=False, fold_batch_norm=network.folding is not None,
    )  # fmt: skip
    return ProfileRequest(
        **{field.name: getattr(settings, field.name) for field in fields(Settings)},
        network=network,
        weights=weights,
    )
