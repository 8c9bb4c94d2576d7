"""What the framework's profiler saw, and the shares of the layers in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rsinspect.base.quantities import Microseconds, Name, Positive, Seconds, Share, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedLayer:
    """What the framework's profiler saw of a layer.

    Attributes:
        path: Of the layer, or of a step.
        share: Of the traced time.
        latency_s: That share of the measured latency of its segment.
    """

    path: Name
    share: Share
    latency_s: Seconds | None


class TracedEvent(NamedTuple):
    """An op that the profiler saw in one pass.

    Attributes:
        name: As the framework calls it.
        owner: Path of its layer, or a step; None where it belongs to neither.
        start_us: Since the first.
        duration_us: How long it ran.
        lane: Thread or stream.
    """

    name: Text
    owner: Name | None
    start_us: Microseconds
    duration_us: Microseconds
    lane: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Shares of the layers.

    Attributes:
        layers: In the order of the network.
        unattributed: Share of the traced time that belongs to no layer.
        steps: Passes that were traced.
        method: Description of the method.
        events: Of one of them.
    """

    layers: tuple[TracedLayer, ...]
    unattributed: Share
    steps: Positive
    method: Text
    events: tuple[TracedEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedSeconds:
    """What the profiler saw, before it is set against measured latencies.

    Attributes:
        seconds: Per layer and step, by path; mean of the traced passes.
        unattributed_s: Of no layer.
        steps: Passes that were traced.
        method: Description of the method.
        events: Of one of them.
    """

    seconds: Mapping[Name, Seconds]
    unattributed_s: Seconds
    steps: Positive
    method: Text
    events: tuple[TracedEvent, ...]
