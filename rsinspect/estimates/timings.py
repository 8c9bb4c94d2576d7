"""What was timed of a network, as an estimate needs it: sums of its parts, with their doubt."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.words import Option, advice
from rsinspect.estimates.parts import Part, parts_of
from rsinspect.layers.partition import Level, segments
from rsinspect.networks.network import Network
from rsinspect.profiling.gate import FOREIGN_AT_MOST
from rsinspect.profiling.projection import PER_SHARE_OF_OTHERS
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.statistics import NORMAL_975, Latency

UNKNOWN_ERROR = 0.02
"""Of a time that comes without its samples, one standard deviation, as a share."""
LEAST_ERROR = 0.005
"""Of any time, likewise."""


class Sum(NamedTuple):
    """The time of some parts together.

    Attributes:
        times: How often each part is in it.
        seconds: Of one batch.
        error: One standard deviation, as a share.
    """

    times: Mapping[Part, float]
    seconds: float
    error: float = UNKNOWN_ERROR


class Timing(NamedTuple):
    """What was timed of a network in one process.

    Attributes:
        title: Of the network, with its size.
        batch: Images in a batch.
        sums: Each of other parts than the others, or the whole network alone.
        sides: Of its image.
        error: What all of them have in common beyond what every process does, one standard
            deviation, as a share: other programs ran.
    """

    title: str
    batch: int
    sums: tuple[Sum, ...]
    sides: tuple[int, ...] = ()
    error: float = 0.0

    @classmethod
    def whole(cls, network: Network, batch: int, seconds: float, error: float = 0.0) -> Timing:
        """Make the timing of a network of which only the whole was timed."""
        times = {part: float(part.repeats) for part in parts_of(network.graph)}
        return cls(network.title, batch, (Sum(times, seconds),), network.resolution or (), error)

    @classmethod
    def of_parts(
        cls, network: Network, batch: int, seconds: Mapping[str, float], error: float = 0.0
    ) -> Timing:
        """Make the timing of a network of which one of each kind of block was timed.

        Args:
            network: The whole one.
            batch: Images in a batch.
            seconds: Of one part, by the path of the first of its kind; others are left out.
            error: As of the timing.
        """
        sums = [
            Sum({part: 1.0}, seconds[part.path])
            for part in parts_of(network.graph)
            if part.path in seconds
        ]
        return cls(network.title, batch, tuple(sums), network.resolution or (), error)

    @classmethod
    def of(cls, run: ProfileRun) -> Timing:
        """Read what a run says of the parts of its network.

        Its parts are taken to add up to its end-to-end time: what a call and an optimizer take is
        spread over them.

        Raises:
            InvalidMeasurement: If the run does not carry its network.
        """
        if run.network is None:
            raise InvalidMeasurement(
                f"the run of {run.title} is from before runs had their networks",
                advice("measure it again, and {} it", Option("save")),
            )
        return cls(
            run.network.title,
            run.batch.used,
            tuple(_sums(run, run.network)),
            run.network.resolution or (),
            _beside_others(run),
        )


def _beside_others(run: ProfileRun) -> float:
    """Say how far off a run may be as a whole because other programs used the machine."""
    share = run.rounds.foreign_median or 0.0
    return PER_SHARE_OF_OTHERS * share if share > FOREIGN_AT_MOST else 0.0


def _sums(run: ProfileRun, network: Network) -> Iterator[Sum]:
    """List the sums of parts that the segments of a run are; the whole where none is."""
    whole = {part: float(part.repeats) for part in parts_of(network.graph)}
    home = {path: part for part in whole for path in part.paths}
    level: Level = "stage" if run.level == "stage" else "block"
    inside: dict[str, list[Part]] = {}
    first = {layer.path: part.path for part in segments(network.graph, "block")
             for layer in part.layers}  # fmt: skip
    for piece in segments(network.graph, level):
        paths = dict.fromkeys(first[layer.path] for layer in piece.layers)
        inside[piece.path] = [home[path] for path in paths if path in home]
    timed = [segment for segment in run.segments if segment.path in inside]
    total_s = math.fsum(segment.latency.median for segment in timed)
    end_to_end = run.end_to_end.latency
    if set(inside) != {segment.path for segment in timed} or not total_s:
        yield Sum(whole, end_to_end.median, _error([end_to_end]))
        return
    found: dict[tuple[Part, ...], list[Latency]] = {}
    for segment in timed:
        found.setdefault(tuple(inside[segment.path]), []).append(segment.latency)
    for parts, latencies in found.items():
        seconds = statistics.fmean(latency.median for latency in latencies)
        if seconds > 0 and parts:
            times = {part: float(parts.count(part)) for part in parts}
            yield Sum(times, seconds * end_to_end.median / total_s, _error(latencies))


def _error(latencies: Iterable[Latency]) -> float:
    """Combine the standard errors of medians of parts that are alike, as a share."""
    half_widths = [latency.half_width for latency in latencies]
    known = [half / NORMAL_975 for half in half_widths if half is not None]
    if not known:
        return UNKNOWN_ERROR
    return max(LEAST_ERROR, statistics.fmean(known) / math.sqrt(len(known)))
