"""What a sweep is going to take, before anything of it is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base import codec
from rsinspect.base.units import binary_bytes, length_of_time
from rsinspect.base.words import plural
from rsinspect.profiling.memory import FITS_SHARE, available_memory
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.plan import Plan, Point
from rsinspect.sweeps.results import (
    left_out_notes,
    shared_and_varying,
    way_columns,
    way_values,
)

SCHEMA = "rsinspect.sweep-plan/1"
"""Version of the document. 1: first."""


def outlook_answer(
    plan: Plan, cells: Iterable[Cell], took_s: Mapping[str, float], done: int = 0
) -> Answer:
    """Show what is going to be measured, with its predicted time and memory.

    Args:
        plan: What there is to measure.
        cells: Those that wait.
        took_s: What a measurement of a point took before, here, by the point's name.
        done: How many cells are done already.
    """
    waiting: dict[str, int] = {}
    for cell in cells:
        waiting[cell.point] = waiting.get(cell.point, 0) + 1
    available = available_memory()
    rows = [
        (point, waiting[point.name], took_s.get(point.name)) for point in plan.points
        if point.name in waiting
    ]  # fmt: skip

    def document() -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "cells": {"waiting": sum(waiting.values()), "done": done},
            "expected_s": sum(many * _expected_s(point, took) for point, many, took in rows),
            "available_bytes": available,
            "rows": [
                {
                    "model": point.model,
                    "title": point.title,
                    "fingerprint": point.fingerprint,
                    "settings": codec.to_json(point.settings),
                    "cells": many,
                    "cell_s": _expected_s(point, took),
                    "needed_bytes": point.needed_bytes,
                    "command": " ".join(("rsinspect", *point.cell(0).arguments)),
                }
                for point, many, took in rows
            ],
            "left_out": [{"title": x.title, "reason": x.reason} for x in plan.left_out],
        }

    return Answer(_table(plan, rows, done, available), document)


def _expected_s(point: Point, took_s: float | None) -> float:
    """Expect what it took before; at most what a measurement may take."""
    return point.settings.max_time_s if took_s is None else took_s


Row = tuple[Point, int, float | None]


def _table(plan: Plan, rows: list[Row], done: int, available: int | None) -> Table:
    shared, varying = shared_and_varying(point for point in plan.points)
    cells = sum(many for _, many, _ in rows)
    whole_s = sum(many * _expected_s(point, took) for point, many, took in rows)
    said = (
        f"{plural(cells, 'cell')}, "
        if not done
        else f"{plural(cells, 'cell')} to do, {done} done, "
    )
    return Table(
        title=f"{said}{'about' if any(took for *_, took in rows) else 'at most'} "
        f"{length_of_time(whole_s)}: {shared}",
        columns=(
            Column("model", "Network", wraps=True),
            *way_columns(varying),
            Column("macs", "MACs\n/image", "count"),
            Column("memory", "Memory\npredicted", "bytes"),
            Column("cells", "Cells", "integer"),
            Column("each", "Time\neach", "seconds"),
        ),
        rows=tuple(_row(row, varying) for row in rows),
        notes=tuple(_notes(plan, rows, available)),
        name="sweep-plan",
    )


def _row(row: Row, varying: Iterable[str]) -> dict[str, Value]:
    point, many, took = row
    return {
        "model": point.title,
        **way_values(point, varying),
        "macs": point.macs,
        "memory": point.needed_bytes,
        "cells": many,
        "each": _expected_s(point, took),
    }


def _notes(plan: Plan, rows: list[Row], available: int | None) -> Iterable[Note]:
    yield from left_out_notes(plan.left_out)
    on_cpu = [row for row in rows if row[0].settings.on_cpu]
    if available is not None and on_cpu:
        large = [row for row in on_cpu if row[0].needed_bytes > FITS_SHARE * available]
        fits = f"{plural(len(large), 'network')} will not fit" if large else "all fit"
        yield f"Memory: {binary_bytes(available)} are available here, {fits}."
    yield (
        "Time each: what such a measurement took here before, else the most it may take; it ends "
        "sooner where it is precise."
    )
