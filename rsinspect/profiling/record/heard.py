"""What the workers of a measurement said, sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rsinspect.profiling.budget import Estimate
from rsinspect.profiling.protocol import (
    Estimated,
    MemoryUsed,
    Message,
    NotAvailable,
    Phase,
    PhaseName,
    Ready,
    RoofsMeasured,
    Roughly,
    Traced,
)
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.trace import TracedSeconds
from rsinspect.profiling.roofline.roofs import Roofs
from rsinspect.profiling.rounds import Finished, Round, RoundDone

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one worker said, sorted.

    Attributes:
        ready: That it was ready, and how it measures; None if it never was.
        rounds: Its samples.
        finished: How it ended; None if it did not.
        prediction: From the distinct blocks.
        estimate: Of what the whole network takes.
        roughly_s: What a pass takes at the rate of a matrix product.
        phase: What it was last at.
        measured_s: From the start of warm-up to the last round.
        roofs: Of the device.
        trace: Seconds of the layers.
        not_available: Why something that was requested is missing, by its name.
        peak_rss_bytes: Most memory it had resident until it had measured.
        messages: All that it said, in order.
    """

    ready: Ready | None
    rounds: tuple[Round, ...]
    finished: Finished | None
    prediction: Prediction | None
    estimate: Estimate | None
    phase: PhaseName
    measured_s: float
    roofs: Roofs | None
    trace: TracedSeconds | None
    not_available: Mapping[str, str]
    peak_rss_bytes: int | None
    messages: tuple[Message, ...] = ()
    roughly_s: float | None = None

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Heard:
        """Sort the messages of one worker."""
        roofs, traced = _last(messages, RoofsMeasured), _last(messages, Traced)
        memory_used, estimated = _last(messages, MemoryUsed), _last(messages, Estimated)
        roughly = _last(messages, Roughly)
        phase, finished = _last(messages, Phase), _last(messages, Finished)
        progress = _last(messages, RoundDone)
        rounds = tuple(message for message in messages if isinstance(message, Round))
        ends = [one.elapsed_s for one in (finished, progress) if one is not None]
        passes_s = (
            one.instrumented_s + (one.end_to_end_s if one.total_of == "plain" else 0.0)
            for one in rounds
        )
        return cls(
            ready=_last(messages, Ready),
            rounds=rounds,
            finished=finished,
            prediction=_last(messages, Prediction),
            estimate=None if estimated is None else estimated.estimate,
            phase="starting" if phase is None else phase.name,
            measured_s=max([*ends, sum(passes_s)]),
            roofs=None if roofs is None else roofs.roofs,
            trace=None if traced is None else traced.trace,
            not_available={
                message.what: message.reason
                for message in messages
                if isinstance(message, NotAvailable)
            },
            peak_rss_bytes=None if memory_used is None else memory_used.peak_rss_bytes,
            messages=tuple(messages),
            roughly_s=None if roughly is None else roughly.pass_s,
        )


def _last(messages: Sequence[Message], kind: type[M]) -> M | None:
    return next((message for message in reversed(messages) if isinstance(message, kind)), None)
