"""A comparison as a table of parts, and in a sentence."""

from __future__ import annotations

import math

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import seconds
from rsinspect.base.words import Option, advice, names_in_words, plural
from rsinspect.comparisons.comparison import Comparison, PartRatio, Side, to_json
from rsinspect.comparisons.conditions import Change
from rsinspect.comparisons.ratio import BETWEEN_COPIES, BETWEEN_PROCESSES, Ratio
from rsinspect.profiling.gate import FOREIGN_AT_MOST
from rsinspect.profiling.record.run import Segment
from rsinspect.profiling.statistics import FEWEST_FOR_SIGNED_RANKS


def comparison_answer(comparison: Comparison) -> Answer:
    """Show a comparison as a table of parts; its JSON is the comparison itself."""

    def document() -> dict[str, object]:
        return to_json(comparison) | {"answer": headline(comparison)}

    return Answer(_table(comparison), document)


def headline(comparison: Comparison) -> str:
    """Say in a sentence what B is, by how much, and how sure."""
    ratio = comparison.ratio
    much = f"{ratio.value:.3f}{_brackets(ratio)} times as long as A"
    if comparison.verdict == "no difference shown":
        if ratio.interval is None:
            return f"No difference shown: B takes {much}, and there are too few rounds to be sure."
        return f"No difference shown: B takes {much}."
    more = "more" if comparison.difference_s > 0 else "less"
    return (
        f"B is {comparison.verdict}: it takes {much}, "
        f"{seconds(abs(comparison.difference_s))} {more} for {_what(comparison)}."
    )


def _what(comparison: Comparison) -> str:
    if comparison.per == "image":
        return "an image"
    return f"a batch of {plural(comparison.a.run.batch.used, 'image')}"


def _brackets(ratio: Ratio) -> str:
    return "" if ratio.interval is None else f" [{ratio.interval[0]:.3f}, {ratio.interval[1]:.3f}]"


def _table(comparison: Comparison) -> Table:
    a, b = comparison.a, comparison.b
    return Table(
        title=f"A: {_called(a)}; B: {_called(b)}; {a.run.conditions}",
        columns=(
            Column("path", "Part"),
            Column("a", "A", "seconds"),
            Column("b", "B", "seconds"),
            Column("ratio", "B/A", "number", decimals=3),
            Column("interval", "95 % CI"),
            Column("difference", "Difference"),
            Column("verdict", "B is"),
        ),
        rows=(
            *map(_row, comparison.parts),
            *(_alone(comparison, segment, "a") for segment in comparison.only_a),
            *(_alone(comparison, segment, "b") for segment in comparison.only_b),
        ),
        totals=(_whole(comparison),),
        lead=(
            headline(comparison),
            *_too_few(comparison),
            *_changed(comparison),
            *_warnings(comparison),
        ),
        notes=_notes(comparison),
        name=f"compare-{a.run.title}-{b.run.title}",
    )


def _called(side: Side) -> str:
    """Name a side, with its network where the reference does not."""
    title = side.run.title
    plain = title.lower().replace("-", "").replace(" ", "").replace("×", "x")
    known = side.reference.lower().partition("@")[0].replace("-", "").replace(" ", "") in plain
    return title if known else f"{side.reference} ({title})"


def _row(part: PartRatio) -> dict[str, Value]:
    return _times(part.path, part.a_s, part.b_s, part.ratio, part.difference_s)


def _whole(comparison: Comparison) -> dict[str, Value]:
    found = comparison
    return _times("end to end", found.a_s, found.b_s, found.ratio, found.difference_s)


def _times(
    path: str, a_s: float, b_s: float, ratio: Ratio | None, difference_s: float
) -> dict[str, Value]:
    interval = None if ratio is None else ratio.interval
    verdict = ""
    if interval is not None:
        verdict = "slower" if interval[0] > 1 else "faster" if interval[1] < 1 else ""
    sign = "+" if difference_s > 0 else "−" if difference_s < 0 else ""
    return {
        "path": path,
        "a": a_s,
        "b": b_s,
        "ratio": None if ratio is None else ratio.value,
        "interval": "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}",
        "difference": f"{sign}{seconds(abs(difference_s))}",
        "verdict": verdict,
    }


def _alone(comparison: Comparison, segment: Segment, side: str) -> dict[str, Value]:
    """Show a part that one of the two has alone."""
    run = (comparison.a if side == "a" else comparison.b).run
    images = 1 if comparison.per == "batch" else run.batch.used
    median_s = segment.latency.median / images
    return {
        "path": segment.path, "a": "", "b": "", side: median_s, "ratio": "", "interval": "",
        "difference": f"{'−' if side == 'a' else '+'}{seconds(median_s)}",
        "verdict": f"{side.upper()} alone",
    }  # fmt: skip


def _changed(comparison: Comparison) -> list[Note]:
    """Say what changed around the two: whatever is slower may be so because of that."""
    if not comparison.changes:
        return []
    return [f"Not alike: {'; '.join(map(_change, comparison.changes))}."]


def _change(change: Change) -> str:
    return f"{change.what}: {change.a or 'none'} in A, {change.b or 'none'} in B"


def _warnings(comparison: Comparison) -> list[Note]:
    found: list[Note] = [f"Note: {said}" for said in comparison.normalised]
    if comparison.how == "paired" and comparison.a.run.stopped_because == "interrupted":
        rounds = plural(comparison.a.run.rounds.count, "round")
        found.append(f"Note: it was interrupted after {rounds}.")
    for name, side in (("A", comparison.a), ("B", comparison.b)):
        foreign = side.run.rounds.foreign_median
        if foreign is None or foreign <= FOREIGN_AT_MOST:
            continue
        share = f"other programs took {100 * foreign:.0f} % of the CPU"
        if comparison.how == "paired":
            return [
                *found,
                f"Warning: {share}: the ratio holds, as A and B ran in turns; times do not.",
            ]
        found.append(f"Warning: while {name} was measured, {share}: its times are of that.")
    return found


def _too_few(comparison: Comparison) -> list[Note]:
    """Say what would do where there are too few rounds for an interval."""
    if comparison.ratio.interval is not None:
        return []
    return [_more(comparison) if comparison.how == "paired" else _quiet(comparison)]


def _more(comparison: Comparison) -> Note:
    """Say how long an interval takes."""
    run, rounds = comparison.a.run, comparison.a.run.rounds
    passes = 2 if run.total_of == "plain" else 1
    round_s = passes * (comparison.a_s + comparison.b_s)
    missing = rounds.processes * (FEWEST_FOR_SIGNED_RANKS + 1) - rounds.count
    time_s = 10 * math.ceil((run.wall_s + max(1, missing) * round_s) / 10)
    return advice(
        "An interval needs {} rounds: {}, on a machine as quiet as now.",
        str(FEWEST_FOR_SIGNED_RANKS),
        Option("max_time_s", max(time_s, 10 + round(run.max_time_s))),
    )


def _quiet(comparison: Comparison) -> Note:
    """Say how many rounds of each count, where they are too few for an interval."""
    sides = (("A", comparison.a.run), ("B", comparison.b.run))
    counted = " and ".join(
        f"{sum(run.rounds.sampling.kept)} of {plural(run.rounds.count, 'round')} of {name}"
        for name, run in sides
    )
    return advice(
        "{} count, those in which the machine was quiet, in too few bursts for an interval: "
        "measure again for longer, such as {}.",
        counted,
        Option("max_time_s", 2 * round(max(run.max_time_s for _, run in sides))),
    )


def _notes(comparison: Comparison) -> tuple[Note, ...]:
    notes: list[Note] = []
    rounds, processes = comparison.a.run.rounds.count, comparison.a.run.rounds.processes
    if comparison.how == "paired":
        notes.append(
            "B/A is the middle of the ratios within rounds, not the ratio of the medians A and B."
        )
        notes.append(
            f"A and B ran in turns, {plural(rounds, 'round')} in {plural(processes, 'process')}, "
            "each in random order; the middle is Hodges and Lehmann's, its interval that of "
            "Wilcoxon's signed ranks."
        )
        if comparison.ratio.interval is not None:
            notes.append(
                f"Copies of one network in one process differ by {100 * BETWEEN_COPIES:.1f} % "
                "(standard deviation), a part of it by that over the root of its share: that is in "
                "the intervals."
            )
    else:
        notes.append(
            advice(
                "A and B were measured apart, so that another process and another minute are in "
                f"the interval: {100 * BETWEEN_PROCESSES:.1f} % or more for each, over the root of "
                "its processes. Two MODELs are measured in turns and tell less than that; {} "
                "narrows runs that are saved.",
                Option("processes", 5),
            )
        )
    parts = [part for part in comparison.parts if part.level != "step"]
    if comparison.ratio.interval is not None:
        notes.append(
            "Each interval is of its own part: of twenty parts that are alike, one lies beside 1."
        )
    if not parts:
        notes.append("A and B have no stage or block of one path.")
    if comparison.only_a or comparison.only_b:
        alone = [
            f"{side} alone has {names_in_words([x.path for x in only])}"
            for side, only in (("A", comparison.only_a), ("B", comparison.only_b))
            if only
        ]
        notes.append(f"Parts are matched by path: {'; '.join(alone)}.")
    return tuple(notes)
