"""What was measured: latencies, and how near they come to what the machine can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from rsinspect.answers.table import Answer, Column, Table
from rsinspect.base.units import binary_bytes, count, percent, seconds
from rsinspect.base.words import names_in_words, plural
from rsinspect.drawing.size import parse_size
from rsinspect.pages.parts import (
    Beside,
    Drawn,
    Fact,
    Facts,
    Heading,
    Prose,
    Section,
    Stacked,
    Tabled,
)
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.plots.bounds import bubbles_of
from rsinspect.plots.latency import latency_plot
from rsinspect.plots.roofline import roofline_plot
from rsinspect.plots.rows import Row, rows_of
from rsinspect.plots.sheet import Sheet
from rsinspect.profiling.answer import profile_answer
from rsinspect.profiling.notes import closure_line
from rsinspect.profiling.record.cautions import wording
from rsinspect.profiling.record.headline import headline
from rsinspect.profiling.record.run import ProfileRun

_ALONE = Sheet(title="", caption=False)
_BESIDE = Sheet(parse_size("600px"), title="", caption=False)
"""Of a plot of one run, and where those of several stand beside each other."""

_MOST_NAMED = 3
"""Segments that are told of in a sentence."""


def section(report: Report) -> Section | None:
    """Show the measurements of a report; None where there are none."""
    measured = [
        (f"latency-{subject.key}-{number}", run)
        for subject in report.subjects
        for number, run in enumerate(subject.runs, 1)
    ]
    if not measured:
        return None
    if len(measured) == 1:
        return Section("latency", "Latency", tuple(_parts(*measured[0], _ALONE)))
    several = [each for each in report.subjects if len(each.runs) > 1]
    listed = [Tabled(f"runs-{each.key}", _runs(each)) for each in several]
    beside = Beside(tuple(Stacked(tuple(_parts(*each, _BESIDE))) for each in measured))
    return Section("latency", "Latency", (*listed, beside))


def _parts(
    name: str, run: ProfileRun, sheet: Sheet
) -> Iterator[Heading | Prose | Facts | Tabled | Drawn]:
    """Show a run: the answer and what to beware of, the segments drawn and in numbers."""
    yield Heading(f"{run.title}: {run.conditions}")
    warnings = (f"Warning: {wording(caution)}" for caution in run.warnings)
    yield Prose((f"{headline(run)}.", *warnings))
    yield Facts(tuple(_facts(run)))
    rows = rows_of(run)
    longest = sorted(rows, key=lambda row: -row.share(run.closure.sum_s))[:_MOST_NAMED]
    shares = [f"{row.name} ({percent(row.share(run.closure.sum_s))})" for row in longest]
    says = f"Latency of the segments of {run.title}; most is taken by {names_in_words(shares)}."
    draw = partial(_latency, run, sheet)
    yield Drawn(f"{name}-plot", draw, says, f"{says} {closure_line(run)}")
    if run.roofs is not None and bubbles_of(run):
        read = " ".join(roofs_in_words(run))
        says = f"Roofline of {run.title}. {read}"
        yield Drawn(f"{name}-roofline", partial(_roofline, run, sheet), says, f"{read} {_LEGEND}")
    answer = profile_answer(run)
    yield Tabled(f"{name}-segments", answer._replace(table=answer.table._replace(lead=())))


def _latency(run: ProfileRun, sheet: Sheet, theme: str) -> bytes:
    return latency_plot(run, "svg", theme, sheet)


def _roofline(run: ProfileRun, sheet: Sheet, theme: str) -> bytes:
    return roofline_plot(run, "svg", theme, sheet)


_LEGEND = (
    "FLOP: two per MAC of convolutions and dense layers, none that fall on padding. Bytes: the "
    "least traffic of each kernel. A segment below its dash could be faster on this machine."
)


def _facts(run: ProfileRun) -> Iterator[Fact]:
    """List what was measured of the whole network."""
    end, rounds = run.end_to_end, run.rounds
    latency, step = end.latency, "training step" if run.mode == "train" else "forward pass"
    within = "too few rounds for an interval"
    if (interval := latency.interval) is not None:
        within = f"95 % CI {seconds(interval[0])} to {seconds(interval[1])}"
    yield Fact(f"A {step} of {run.batch.used}", seconds(latency.median), latency.median, within)
    yield Fact(
        "Throughput", f"{end.images_per_s:.1f} images/s", end.images_per_s,
        f"{seconds(end.per_image_s)} an image",
    )  # fmt: skip
    rate = run.end_to_end_flops_per_s
    yield Fact("Arithmetic", f"{count(round(rate))}FLOP/s", rate, "two FLOPs per MAC")
    if rows := _bounded(run):
        least_s, taken_s = _least_and_taken_s(rows)
        yield Fact(
            "Of the roofs", percent(least_s / taken_s), least_s / taken_s,
            f"{seconds(least_s)} is the least that this machine allows",
        )  # fmt: skip
    if (energy := run.energy) is not None:
        mean, around = energy.mean_j(rounds.sampling), energy.interval(rounds.sampling)
        ends = "" if around is None else f"95 % CI {around[0]:.3g} to {around[1]:.3g} J; "
        yield Fact(
            "Energy", f"{mean:.3g} J a batch", mean,
            f"{ends}{mean / run.batch.used:.3g} J an image; {energy.source}",
        )  # fmt: skip
    if peak := run.environment.peak_rss_bytes:
        predicted = f"{binary_bytes(run.predicted_bytes)} predicted"
        yield Fact("Memory, at its peak", binary_bytes(peak), peak, predicted)
    foreign = rounds.foreign_median
    others = "" if foreign is None else f"other programs took {percent(foreign)} of the CPU"
    yield Fact("Rounds used", f"{rounds.kept} of {rounds.count}", rounds.kept, others)


def roofs_in_words(run: ProfileRun) -> Iterator[str]:
    """Say how near the segments come to the roofs, what bounds them, and where time is lost."""
    rows = _bounded(run)
    least_s, taken_s = _least_and_taken_s(rows)
    yield (
        f"The roofs allow {seconds(least_s)} for what took {seconds(taken_s)}: "
        f"{percent(least_s / taken_s)} of what this machine can do was reached."
    )
    bounds = [segment.bound for segment in run.segments if segment.bound is not None]
    bound_by = [bound.seconds for bound in bounds if bound.bound == "compute"]
    if len(bound_by) in (0, len(bounds)):
        yield f"{'Arithmetic' if bound_by else 'Memory'} bounds every segment."
    else:
        by_compute = sum(bound_by) / sum(bound.seconds for bound in bounds)
        yield (
            f"Arithmetic bounds {len(bound_by)} of {plural(len(bounds), 'segment')}, "
            f"{percent(by_compute)} of their time; memory the others."
        )
    lost = sorted(rows, key=lambda row: -_lost_s(row))
    if gains := [row for row in lost[:_MOST_NAMED] if _lost_s(row) > 0]:
        named = [f"{row.name} ({seconds(_lost_s(row))})" for row in gains]
        yield f"Farthest above the least time: {names_in_words(named)}."
    if beaten := [bound for bound in bounds if bound.fraction is None]:
        yield f"Faster than the roofs allow, which were measured too low: {len(beaten)}."


def _bounded(run: ProfileRun) -> list[Row]:
    """List the segments of which the least time is known that this machine allows."""
    return [row for row in rows_of(run, most=0) if row.floor_s is not None]


def _least_and_taken_s(rows: Sequence[Row]) -> tuple[float, float]:
    """Add up the seconds that the roofs allow, and those that were measured."""
    return (
        sum((row.floor_s or 0) * row.repeats for row in rows),
        sum(row.median * row.repeats for row in rows),
    )


def _lost_s(row: Row) -> float:
    """Compute the seconds above the least time, of all segments of a row."""
    return row.repeats * (row.median - (row.floor_s or 0))


def _runs(subject: Subject) -> Answer:
    """Tabulate the measurements of a network, a row each."""
    rows = [
        {
            "conditions": run.conditions,
            "latency": run.end_to_end.latency.median,
            "low": run.end_to_end.latency.ci_low,
            "high": run.end_to_end.latency.ci_high,
            "images_per_s": run.end_to_end.images_per_s,
            "rounds": run.rounds.kept,
            "started_at": run.started_at,
        }
        for run in subject.runs
    ]
    table = Table(
        title=f"Measurements of {subject.network.title}",
        columns=(
            Column("conditions", "Conditions", wraps=True),
            Column("latency", "Median", "seconds"),
            Column("low", "95 % CI\nfrom", "seconds"),
            Column("high", "\nto", "seconds"),
            Column("images_per_s", "Images/s", "number", decimals=1),
            Column("rounds", "Rounds", "integer"),
            Column("started_at", "Started"),
        ),
        rows=tuple(rows),
    )
    return Answer(table, lambda: {"rows": rows})
