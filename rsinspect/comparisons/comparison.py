"""The value of a comparison: two runs, how they were sampled, and what that says.

What follows from the samples is computed, never stored: the document has it beside the two runs,
and is read without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any, Literal

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.quantities import Name
from rsinspect.base.text import showable
from rsinspect.comparisons import conditions
from rsinspect.comparisons.conditions import Change
from rsinspect.comparisons.ratio import Ratio, ratio_in_turns, ratio_of_groups
from rsinspect.profiling.record import document
from rsinspect.profiling.record.run import ProfileRun, Segment, SegmentLevel
from rsinspect.profiling.statistics import NOMINAL_COVERAGE, Latency

SCHEMA = "rsinspect.compare/1"

How = Literal["paired", "groups"]
"""In turns in one process, burst beside burst; or apart, as two groups of samples."""

Verdict = Literal["slower", "faster", "no difference shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two.

    Attributes:
        reference: As it was named: a MODEL, a file, a run of the store or its tag.
        run: What was measured.
    """

    reference: str
    run: ProfileRun

    @property
    def name(self) -> str:
        """Return the reference for a title: of a file its name alone."""
        return showable(PurePath(self.reference).name or self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRatio:
    """A stage, block or step that both have.

    Attributes:
        path: Of the part.
        level: ``stage``, ``block`` or ``step``.
        a_s: Median time in A, in seconds, of a batch (``Comparison.per``).
        b_s: Likewise in B.
        ratio: B's time over A's; None where one took no time.
    """

    path: str
    level: SegmentLevel
    a_s: float
    b_s: float
    ratio: Ratio | None

    @property
    def difference_s(self) -> float:
        """Return how many seconds longer B takes: of the ratio, whose samples are the better."""
        return self.b_s - self.a_s if self.ratio is None else (self.ratio.value - 1) * self.a_s


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether B is slower or faster than A, by how much, and where.

    Attributes:
        a: What B is compared with.
        b: What A became, or another network.
        how: ``paired`` or ``groups``.
        across: Names of conditions that may differ.

    Raises:
        InvalidMeasurement: If the two were not measured alike.
    """

    a: Side
    b: Side
    how: How
    across: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        conditions.check_alike(self.a.run, self.b.run, self.across)

    @property
    def per(self) -> Literal["batch", "image"]:
        """Tell what times and differences are of: an image where the batches differ."""
        return "batch" if self.a.run.batch.used == self.b.run.batch.used else "image"

    def _images(self, side: Side) -> int:
        return 1 if self.per == "batch" else side.run.batch.used

    def _whole(self, side: Side) -> Latency:
        """Return the times of whole passes, of the same kind on both sides."""
        if self.a.run.total_of == self.b.run.total_of:
            return side.run.end_to_end.latency
        return side.run.rounds.instrumented

    @property
    def a_s(self) -> float:
        """Return the median time of A in seconds, of a batch or image (``per``)."""
        return self._whole(self.a).median / self._images(self.a)

    @property
    def b_s(self) -> float:
        """Return the median time of B in seconds, of a batch or image (``per``)."""
        return self._whole(self.b).median / self._images(self.b)

    @cached_property
    def ratio(self) -> Ratio:
        """Return how many times as long B takes as A."""
        found = self._ratio(self._whole(self.a), self._whole(self.b))
        assert found is not None, "a run whose whole takes no time cannot be"
        return found

    @property
    def difference_s(self) -> float:
        """Return how many seconds longer B takes, of a batch or image (``per``)."""
        return (self.ratio.value - 1) * self.a_s

    def _ratio(self, a: Latency, b: Latency, share: float = 1.0) -> Ratio | None:
        found = ratio_in_turns(a, b, share) if self.how == "paired" else ratio_of_groups(a, b)
        return found and found.times(self._images(self.a) / self._images(self.b))

    @property
    def verdict(self) -> Verdict:
        """Say what B is, where the whole interval says so."""
        if self.ratio.low is not None and self.ratio.low > 1:
            return "slower"
        if self.ratio.high is not None and self.ratio.high < 1:
            return "faster"
        return "no difference shown"

    def is_slower_by(self, share: float) -> bool:
        """Tell whether the interval says that B takes more than that share longer.

        Args:
            share: 0.05 for five per cent.
        """
        return self.ratio.low is not None and self.ratio.low > 1 + share

    @cached_property
    def _segments(self) -> tuple[dict[str, Segment], dict[str, Segment]]:
        """Index the parts of both by path, at a level that both have."""
        one, other = self.a.run.segments, self.b.run.segments
        if conditions.levels(self.a.run) != conditions.levels(self.b.run):
            one, other = _as_stages(one), _as_stages(other)
        return {x.path: x for x in one}, {x.path: x for x in other}

    @cached_property
    def parts(self) -> tuple[PartRatio, ...]:
        """Compare the parts that both have, by path, in the order of A."""
        one, other = self._segments
        return tuple(
            self._part(segment, other[path]) for path, segment in one.items() if path in other
        )

    @cached_property
    def stages(self) -> tuple[PartRatio, ...]:
        """Compare the stages that both have, each the sum of all its blocks, in the order of A."""
        one, other = (_as_stages(tuple(each.values())) for each in self._segments)
        others = {stage.path: stage for stage in other}
        return tuple(self._part(stage, others[stage.path]) for stage in one if stage.path in others)

    def together(self, path: str, paths: Sequence[str]) -> PartRatio | None:
        """Compare several parts as one, round by round: the blocks of a stage.

        Args:
            path: What they are called together.
            paths: Of each; one of them is as in ``parts``.

        Returns:
            None where either has not all of them.
        """
        one, other = self._segments
        if not paths or not all(each in one and each in other for each in paths):
            return None
        return self._part(
            _summed(path, [one[each] for each in paths]),
            _summed(path, [other[each] for each in paths]),
        )

    def _share(self, one: Segment, other: Segment) -> float:
        """Work out what share of the time a part of both takes."""
        part_s = one.latency.median + other.latency.median
        return min(1.0, part_s / (self._whole(self.a).median + self._whole(self.b).median))

    def _part(self, one: Segment, other: Segment) -> PartRatio:
        return PartRatio(
            path=one.path,
            level=one.level,
            a_s=one.latency.median / self._images(self.a),
            b_s=other.latency.median / self._images(self.b),
            ratio=self._ratio(one.latency, other.latency, self._share(one, other)),
        )

    @property
    def only_a(self) -> tuple[Segment, ...]:
        """List the parts that B has not."""
        one, other = self._segments
        return tuple(segment for path, segment in one.items() if path not in other)

    @property
    def only_b(self) -> tuple[Segment, ...]:
        """List the parts that A has not."""
        one, other = self._segments
        return tuple(segment for path, segment in other.items() if path not in one)

    @property
    def changes(self) -> tuple[Change, ...]:
        """List what changed around the two."""
        return conditions.changes(self.a.run, self.b.run)

    @property
    def normalised(self) -> tuple[str, ...]:
        """Say what was done to make the two comparable."""
        return tuple(conditions.normalised(self.a.run, self.b.run))


def _as_stages(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Add up the blocks of each stage, round by round; stages and steps stay as they are."""
    stages: dict[str, list[Segment]] = {}
    for segment in segments:
        stage = segment.path.partition("/")[0] if segment.level == "block" else segment.path
        stages.setdefault(stage, []).append(segment)
    return tuple(_summed(stage, blocks) for stage, blocks in stages.items())


def _summed(path: str, parts: Sequence[Segment]) -> Segment:
    """Add up parts round by round."""
    samples = zip(*(part.latency.samples for part in parts), strict=True)
    level: SegmentLevel = "step" if parts[0].level == "step" else "stage"
    return Segment(
        path=path,
        level=level,
        latency=Latency(tuple(map(sum, samples)), parts[0].latency.sampling),
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Write a comparison as plain JSON values; ``from_json`` gives the same back."""
    return {
        "schema": SCHEMA,
        "verdict": comparison.verdict,
        "how": comparison.how,
        **_ratio_to_json(comparison.ratio),
        "ci_nominal": NOMINAL_COVERAGE,
        "per": comparison.per,
        "a_s": comparison.a_s,
        "b_s": comparison.b_s,
        "difference_s": comparison.difference_s,
        "parts": [
            {
                "path": part.path,
                "level": part.level,
                "a_s": part.a_s,
                "b_s": part.b_s,
                **_ratio_to_json(part.ratio),
                "difference_s": part.difference_s,
            }
            for part in comparison.parts
        ],
        "only_a": [_segment_to_json(segment) for segment in comparison.only_a],
        "only_b": [_segment_to_json(segment) for segment in comparison.only_b],
        "changes": codec.to_json(comparison.changes),
        "normalised": list(comparison.normalised),
        "across": list(comparison.across),
        "a": _side_to_json(comparison.a),
        "b": _side_to_json(comparison.b),
    }


def _ratio_to_json(ratio: Ratio | None) -> dict[str, Any]:
    value, low, high = (None, None, None) if ratio is None else ratio
    return {"ratio": value, "ci_low": low, "ci_high": high}


def _segment_to_json(segment: Segment) -> dict[str, Any]:
    return {"path": segment.path, "level": segment.level, "median_s": segment.latency.median}


def _side_to_json(side: Side) -> dict[str, Any]:
    return {"reference": codec.to_json(side.reference), "run": document.to_json(side.run)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    reference: Name
    run: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The keys that are read; the others follow from them."""

    a: _Side
    b: _Side
    how: How
    across: tuple[Name, ...] = ()


def from_json(found: object) -> Comparison:
    """Read the comparison that ``to_json`` wrote.

    Raises:
        InvalidMeasurement: If the document is damaged or of another schema.
    """
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise InvalidMeasurement(f"it is no comparison: its schema is not {SCHEMA}")
    try:
        codec.check_numbers(found, "compare")
        read = codec.from_json(found, _Document, "compare")
    except Damaged as exc:
        raise InvalidMeasurement(f"the comparison is damaged: {exc}") from exc
    return Comparison(
        a=Side(reference=read.a.reference, run=document.from_json(read.a.run)),
        b=Side(reference=read.b.reference, run=document.from_json(read.b.run)),
        how=read.how,
        across=read.across,
    )
