"""What a sweep came to: each point with the runs that there are of it, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base import codec
from rsinspect.base.words import Option, advice, names_in_words, plural
from rsinspect.profiling.statistics import NOMINAL_COVERAGE, Latency
from rsinspect.runs.store import Store
from rsinspect.sweeps.plan import LeftOut, Plan, Point, key_parts
from rsinspect.sweeps.samples import latency_in

SCHEMA = "rsinspect.sweep/1"
"""Version of the document. 1: first."""

WAYS = ("mode", "batch", "precision", "backend", "device", "layout", "threads")
"""Settings that are axes, in the order in which they are shown."""
_HEADS = {"batch": "Batch", "mode": "Mode", "precision": "Precision", "backend": "Backend",
          "device": "Device", "layout": "Layout", "threads": "Threads"}  # fmt: skip


@dataclass(kw_only=True)
class Result:
    """What is known of a point.

    Attributes:
        point: Which.
        place: Node of a cluster on which it was measured; None where that was not chosen.
        runs: Ids of its runs.
        latencies: Of each of them.
        failed: Why cells of it failed.
        waiting: How many cells of it wait.
    """

    point: Point
    place: str | None = None
    runs: list[str] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    waiting: int = 0

    @property
    def latency(self) -> Latency | None:
        """Summarise the passes of all its runs; None without one."""
        return Latency.pooled(self.latencies) if self.latencies else None


def results_of(store: Store, sweep: str, plan: Plan) -> list[Result]:
    """Read what a sweep came to, point by point as they were written.

    Raises:
        UnknownRun: If there is no such sweep.
        StoreError: If a run is damaged.
    """
    points = {point.name: point for point in plan.points}
    found: dict[tuple[str, str], Result] = {}
    for state in store.cells(sweep):
        at = key_parts(state.key)
        if at is None or at.point not in points:
            continue
        new = Result(point=points[at.point], place=at.place)
        result = found.setdefault((at.point, at.place or ""), new)
        if state.run is not None:
            result.runs.append(state.run)
            result.latencies.append(latency_in(store.find(state.run).document()))
        elif state.state == "failed":
            result.failed.append(state.reason or "nobody knows why")
        elif state.state == "waiting":
            result.waiting += 1
    order = {point.name: number for number, point in enumerate(plan.points)}
    return sorted(found.values(), key=lambda each: (order[each.point.name], each.place or ""))


def sweep_answer(sweep: str, plan: Plan, results: Sequence[Result]) -> Answer:
    """Show what a sweep came to as a table; its JSON has every setting and the ids of runs."""

    def document() -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "sweep": sweep,
            "cells": {
                "done": sum(len(each.runs) for each in results),
                "failed": sum(len(each.failed) for each in results),
                "waiting": sum(each.waiting for each in results),
            },
            "rows": [_row_to_json(each) for each in results],
        }

    return Answer(_table(sweep, results), document)


def _row_to_json(result: Result) -> dict[str, Any]:
    point, latency = result.point, result.latency
    settings = codec.to_json(point.settings)
    return {
        "model": point.model,
        "title": point.title,
        "fingerprint": point.fingerprint,
        "place": result.place,
        **{way: settings[way] for way in (*WAYS, "level", "jit", "fold_batch_norm")},
        "latency_s": latency
        and {
            "median": latency.median,
            "ci_low": latency.ci_low,
            "ci_high": latency.ci_high,
            "ci_nominal": NOMINAL_COVERAGE,
        },
        "images_per_s": latency and point.settings.batch / latency.median,
        "runs": result.runs,
        "failed": result.failed,
        "waiting": result.waiting,
    }


def shared_and_varying(points: Iterable[Point]) -> tuple[str, tuple[str, ...]]:
    """Describe what all points have in common, and name the settings in which they differ."""
    settings = [point.settings for point in points]
    varying = tuple(way for way in WAYS if len({getattr(each, way) for each in settings}) > 1)
    usual = {"layout": "channels_last", "threads": None}
    shared = [
        f"batch {value}" if way == "batch" else plural(value, "thread") if way == "threads"
        else str(value)
        for way in WAYS
        if way not in varying
        and (value := getattr(settings[0], way)) != usual.get(way, "")
    ]  # fmt: skip
    return ", ".join(shared), varying


def way_columns(varying: Iterable[str]) -> tuple[Column, ...]:
    """Make a column for each setting in which points differ."""
    kinds: dict[str, Any] = {"batch": "integer", "threads": "integer"}
    return tuple(Column(way, _HEADS[way], kinds.get(way, "text")) for way in varying)


def way_values(point: Point, varying: Iterable[str]) -> dict[str, Value]:
    """Give a point's values for those columns."""
    return {way: getattr(point.settings, way) for way in varying}


def live_table(
    sweep: str, results: Sequence[Result], running: Collection[tuple[str, str | None]]
) -> Table:
    """Show points while they are measured.

    Args:
        sweep: Its id.
        results: What is known of them.
        running: Points that are being measured, and where.
    """
    table = _table(sweep, results)

    def state(each: Result) -> str:
        if (each.point.name, each.place) in running:
            return "measuring"
        if each.failed:
            return "failed"
        return f"{each.waiting} to do" if each.waiting else "done"

    rows = tuple(
        row | {"state": state(each)} for row, each in zip(table.rows, results, strict=True)
    )
    columns = (*table.columns, Column("state", "State"))
    return table._replace(columns=columns, rows=rows, lead=())


def short_name(point: Point, varying: Iterable[str]) -> str:
    """Name a point among others, from which it differs in those settings."""
    ways = way_values(point, varying).items()
    words = (f"{way} {value}" if way in ("batch", "threads") else value for way, value in ways)
    return ", ".join(map(str, (point.title, *words)))


def _table(sweep: str, results: Sequence[Result]) -> Table:
    shared, varying = shared_and_varying(each.point for each in results)
    columns = [Column("model", "Network", wraps=True), *way_columns(varying)]
    if any(each.place for each in results):
        columns.append(Column("place", "Node"))
    columns += [
        Column("latency_s", "Median", "seconds"),
        Column("low_s", "95 % CI\nfrom", "seconds"),
        Column("high_s", "to", "seconds"),
        Column("images_per_s", "{}images/s", "rate"),
        Column("runs", "Runs", "integer"),
    ]
    if any(each.failed for each in results):
        columns.append(Column("failed", "Failed", "integer"))
    return Table(
        title=f"Sweep {sweep}: {shared}",
        columns=tuple(columns),
        rows=tuple(_row(each, varying) for each in results),
        lead=tuple(_lead(sweep, results)),
        notes=tuple(_notes(results)),
        name=f"sweep-{sweep}",
    )


def _row(result: Result, varying: Iterable[str]) -> dict[str, Value]:
    latency = result.latency
    row: dict[str, Value] = {
        "model": result.point.title,
        **way_values(result.point, varying),
        "place": result.place,
        "runs": len(result.runs),
        "failed": len(result.failed) or "",
    }
    if latency is None:
        return row
    return row | {
        "latency_s": latency.median,
        "low_s": latency.ci_low,
        "high_s": latency.ci_high,
        "images_per_s": result.point.settings.batch / latency.median,
    }


MOST_REASONS = 3


def _lead(sweep: str, results: Sequence[Result]) -> Iterable[Note]:
    """Say how far it is and what went wrong, where it is not all done."""
    done = sum(len(each.runs) for each in results)
    failed = sum(len(each.failed) for each in results)
    waiting = sum(each.waiting for each in results)
    reasons = [f"{names}: {reason}" for reason, names in _reasons(results)]
    if failed:
        more = len(reasons) - MOST_REASONS
        said = "; ".join([*reasons[:MOST_REASONS], *([f"{more} other reasons"] * (more > 0))])
        yield f"{plural(done, 'cell')} done, {failed} failed. {said}."
    if waiting:
        yield advice(f"{plural(waiting, 'cell')} still to do: {{}}.", Option("resume", sweep))


def _notes(results: Sequence[Result]) -> Iterable[Note]:
    yield "Each run is a process of its own; an interval of several is one between runs."
    for reason, names in _reasons(results)[MOST_REASONS:]:
        yield f"{names}: {reason}."


def _reasons(results: Sequence[Result]) -> list[tuple[str, str]]:
    """List why cells failed, and of which points."""
    _, varying = shared_and_varying(each.point for each in results)
    reasons: dict[str, list[str]] = {}
    for each in results:
        for reason in dict.fromkeys(each.failed):
            reasons.setdefault(reason, []).append(short_name(each.point, varying))
    return [(reason, names_in_words(of, most=1)) for reason, of in reasons.items()]


def left_out_notes(left_out: Iterable[LeftOut]) -> Iterable[str]:
    """Say what cannot be measured, each reason once."""
    reasons: dict[str, int] = {}
    for each in left_out:
        reasons[each.reason] = reasons.get(each.reason, 0) + 1
    for reason, many in reasons.items():
        yield f"{plural(many, 'combination')} left out: {reason}."
