"""Rows of a plot: a segment each, or identical neighbours together.

To which stage a segment belongs follows from its position: segments stand in the order of the
network, which a run has with it, and runs of before say how many blocks each stage has. What they
are called says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rsinspect.answers.rows import Level
from rsinspect.base.units import seconds
from rsinspect.drawing.scene import Role
from rsinspect.layers.fold import span
from rsinspect.layers.partition import segments
from rsinspect.networks.network import Network
from rsinspect.plots.frame import Entry, Frame
from rsinspect.plots.sheet import README, Sheet
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.statistics import Latency, interval_of_excess

MOST_ROWS = 30
"""Of the latency plot; with more, identical neighbours are folded into one."""


class Stage(NamedTuple):
    """What a segment is part of.

    Attributes:
        number: The same for all segments of a stage, and for no others.
        role: What it is called in the diagrams, which have a colour for it.
    """

    number: int
    role: Role


@dataclass(frozen=True)
class Row:
    """A segment, or neighbouring blocks that are identical.

    Attributes:
        segments: In order; at least one.
        stage: Of all of them.
    """

    segments: tuple[Segment, ...]
    stage: Stage

    @property
    def name(self) -> str:
        """Write the path of the segment, or of the first to the last: ``c4/block1-22``."""
        return span([segment.path for segment in self.segments])

    @property
    def repeats(self) -> int:
        """Count the segments."""
        return len(self.segments)

    @property
    def role(self) -> Role:
        """Return the role of its stage in the diagrams."""
        return self.stage.role

    @cached_property
    def medians(self) -> tuple[float, ...]:
        """List the median of each segment, in seconds."""
        return tuple(segment.latency.median for segment in self.segments)

    @property
    def median(self) -> float:
        """Compute the mean of the medians, in seconds."""
        return sum(self.medians) / self.repeats

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Compute the ends of the 95 % interval of ``median``; None with too few rounds.

        Measured against a second that does not vary, the excess of the sum over it is the sum.
        """
        if self.repeats == 1:
            return self.segments[0].latency.interval
        parts = [segment.latency for segment in self.segments]
        second = Latency((1.0,) * len(parts[0].samples), parts[0].sampling)
        ends = interval_of_excess(parts, second)
        if ends is None:
            return None
        return (1 + ends[0]) / self.repeats, (1 + ends[1]) / self.repeats

    @cached_property
    def forward_share(self) -> float | None:
        """Divide forward by forward and backward together; None in inference and for a step."""
        pairs = [(segment.forward, segment.backward) for segment in self.segments]
        known = [(ahead.median, back.median) for ahead, back in pairs if ahead and back]
        whole = sum(map(sum, known))
        if len(known) < len(pairs) or not whole:
            return None
        return sum(ahead for ahead, _ in known) / whole

    @property
    def floor_s(self) -> float | None:
        """Compute the least seconds of a segment by the roofs; None without roofs or for a step."""
        floors = [segment.bound.floor_s for segment in self.segments if segment.bound]
        return sum(floors) / self.repeats if len(floors) == self.repeats else None

    def share(self, sum_s: float) -> float:
        """Compare all of them with the sum of the medians of all segments."""
        return sum(median / sum_s for median in self.medians)


def rows_of(run: ProfileRun, most: int = MOST_ROWS) -> tuple[Row, ...]:
    """Make a row for each segment, in order; if they are more than ``most``, fold them.

    Neighbouring blocks of a stage with the same MACs, bytes and least traffic are identical.
    """
    rows: list[Row] = []
    for segment, stage in zip(run.segments, _stages(run), strict=True):
        last = rows[-1] if rows and len(run.segments) > most else None
        if last and last.stage == stage and _alike(last.segments[-1], segment):
            rows[-1] = Row((*last.segments, segment), stage)
        else:
            rows.append(Row((segment,), stage))
    return tuple(rows)


def _stages(run: ProfileRun) -> list[Stage]:
    """Tell the stage of each segment; each is its own where the run does not say."""
    parts = [segment for segment in run.segments if segment.level != "step"]
    stages = [] if run.network is None else _of_network(run.network, run.level)
    if len(stages) != len(parts):
        stages = _of_layout(parts, run.model.blocks or ())
    left = iter(stages)
    step = Stage(len(run.segments), "plain")
    return [step if segment.level == "step" else next(left) for segment in run.segments]


def _of_network(network: Network, level: Level) -> list[Stage]:
    """Tell the stage of each segment: that of its last layer."""
    structure = network.structure
    numbers = {stage.path: number for number, stage in enumerate(structure.stages)}
    parts = segments(network.graph, "stage" if level == "stage" else "block")
    homes = [numbers[structure.group_of(part.layers[-1].path).stage] for part in parts]
    return [Stage(number, structure.stages[number].role) for number in homes]


def _of_layout(parts: Sequence[Segment], blocks: Sequence[int]) -> list[Stage]:
    """Tell the stage of each segment by how many blocks each stage has."""
    if any(segment.level == "stage" for segment in parts):
        blocks = (1,) * len(blocks)
    around = len(parts) - sum(blocks)  # the stem, and the head if there is one
    middle = [Stage(number, "stage") for number, blocks in enumerate(blocks) for _ in range(blocks)]
    if around == 0:
        return middle
    if around in (1, 2):
        head = [Stage(len(blocks), "head")] * (around - 1)
        return [Stage(-1, "stem"), *middle, *head]
    return [Stage(number, "stage") for number in range(len(parts))]


def _alike(before: Segment, after: Segment) -> bool:
    """Tell whether two neighbours of a stage are identical blocks."""

    def counts(segment: Segment) -> tuple[int | None, ...]:
        least = (segment.bound.flops, segment.bound.bytes) if segment.bound else ()
        return (segment.macs, segment.bytes_moved, *least)

    return before.level == after.level == "block" and counts(before) == counts(after)


def frame_of(
    run: ProfileRun, key: Iterable[Entry], foot: Iterable[str], sheet: Sheet = README
) -> Frame:
    """Head a plot of a run with its network, its conditions and the latency of the whole."""
    latency, end = run.end_to_end.latency, run.end_to_end
    interval = latency.interval
    within = ""
    if interval is not None:
        within = f" (95 % CI {seconds(interval[0])} to {seconds(interval[1])})"
    whole = f"End to end {seconds(latency.median)}{within}, {end.images_per_s:.1f} images/s"
    return Frame.of(run.title, (run.conditions, whole), key, foot, sheet)
