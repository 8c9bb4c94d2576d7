"""Points of the design space as a table, as files for programs and as a chart."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rsinspect.answers.chart import Axis, Chart, Panel, Point, Series
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.errors import BackendUnavailable
from rsinspect.design_space.space import COLUMNS, Found, Objective, Points, Space
from rsinspect.layers.cost import LEGEND

MOST_ROWS = 40
"""Of a table for people, where no number was asked for."""

KEYS = ("depth", "blocks", "width", "resolution", *COLUMNS, "pareto")


def axes_document(space: Space) -> dict[str, Any]:
    """The axes, for the document; of many layouts only how many there are."""
    few = space.layouts if len(space.layouts) <= 1000 else ()
    return {
        "layouts": len(space.layouts),
        "depth": [layout.depth for layout in few],
        "blocks": [list(layout.blocks) for layout in few],
        "width": list(space.widths),
        "resolution": list(space.resolutions),
        "dialect": space.dialect,
    }


def columns_of(found: Found) -> dict[str, list[Any]]:
    """The points kept, by column, as plain values; ``blocks`` are tuples."""
    space, index = found.points.space, found.points.index
    sides, widths = len(space.resolutions), len(space.widths)
    layouts = [space.layouts[i] for i in (index // (sides * widths)).tolist()]
    return {
        "depth": [layout.depth for layout in layouts],
        "blocks": [layout.blocks for layout in layouts],
        "width": [space.widths[i] for i in (index // sides % widths).tolist()],
        "resolution": [space.resolutions[i] for i in (index % sides).tolist()],
        **{name: found.points.costs[name].tolist() for name in COLUMNS},
        "pareto": found.pareto.tolist(),
    }


def scale_answer(
    found: Found,
    *,
    objectives: Sequence[Objective],
    convention: str,
    batch: int,
    dtype: str,
    constraints: Mapping[str, float],
    all_rows: bool = False,
) -> Answer:
    """The points kept as a table of the first of them, and as a document of all.

    Args:
        found: What a search kept.
        objectives: Of the front.
        convention: What a FLOP is.
        batch: Images, for bytes.
        dtype: Of activations.
        constraints: As they were asked for, for the document.
        all_rows: Whether the table has all of the points too.
    """
    shown = found if all_rows else _first(found, MOST_ROWS)
    values = columns_of(shown)
    rows: list[dict[str, Value]] = [
        {
            **dict(zip(values, row, strict=True)),
            "blocks": ",".join(map(str, row[1])),
            "pareto": "*" if row[-1] else "",
        }
        for row in zip(*values.values(), strict=True)
    ]
    kept = len(found.points)
    notes = [
        f"{kept:,} of {found.feasible:,} points that fit; {found.evaluated:,} evaluated."
        if found.feasible
        else f"No point fits: none of {found.evaluated:,} is within the bounds.",
        f"*: on the Pareto front of {_listed(objectives)}: {len(found.front):,}.",
        f"FLOPs ({convention}), for one image: {LEGEND[convention]}.",
        f"Peak and sum of activations: inference, batch {batch}, {dtype}; without drop path.",
    ]
    if len(rows) < kept:
        notes.insert(1, f"The first {len(rows)} are shown: --top N, --pareto, --format csv.")
    named = any(layout.depth is not None for layout in found.points.space.layouts)
    return Answer(
        Table(
            title=f"Design space: {len(found.points.space.layouts):,} layouts x "
            f"{len(found.points.space.widths):,} widths x "
            f"{len(found.points.space.resolutions):,} resolutions"
            + ("" if found.points.space.dialect == "keras" else f" ({found.points.space.dialect})"),
            columns=(
                *((Column("depth", "Depth", "integer"),) if named else ()),
                Column("blocks", "Blocks"),
                Column("width", "Width", "number"),
                Column("resolution", "Res.", "integer"),
                Column("params", "Params", "count"),
                Column("macs", "MACs", "count"),
                Column("flops", f"FLOPs\n({convention})", "count"),
                Column("activation_bytes", "Act.\nsum", "bytes"),
                Column("peak_activation_bytes", "Act.\npeak", "bytes"),
                Column("pareto", ""),
            ),
            rows=tuple(rows),
            notes=tuple(notes),
        ),
        lambda: _document(found, objectives, convention, batch, dtype, constraints),
    )


def _first(found: Found, number: int) -> Found:
    return found._replace(points=found.points.take(slice(0, number)), pareto=found.pareto[:number])


def _document(
    found: Found,
    objectives: Sequence[Objective],
    convention: str,
    batch: int,
    dtype: str,
    constraints: Mapping[str, float],
) -> dict[str, Any]:
    values = columns_of(found)
    return {
        "schema": "rsinspect.scale/1",
        "axes": axes_document(found.points.space),
        "convention": convention,
        "batch": batch,
        "dtype": dtype,
        "constraints": dict(constraints),
        "objectives": [str(objective) for objective in objectives],
        "evaluated": found.evaluated,
        "feasible": found.feasible,
        "front": len(found.front),
        "rows": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)],
    }


def csv_text(found: Found) -> str:
    """All points kept, exact values, blocks as ``3,4,6,3``."""
    values = columns_of(found)
    values["blocks"] = [",".join(map(str, blocks)) for blocks in values["blocks"]]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(values)
    writer.writerows(zip(*values.values(), strict=True))
    return buffer.getvalue()


def parquet_bytes(found: Found) -> bytes:
    """All points kept as a Parquet file, blocks as lists.

    Raises:
        BackendUnavailable: If pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise BackendUnavailable(
            "Parquet files need pyarrow, which is not installed", "pip install 'rsinspect[parquet]'"
        ) from None
    values: dict[str, Any] = columns_of(found)
    values["blocks"] = [list(blocks) for blocks in values["blocks"]]
    types = {
        "depth": pyarrow.int32(), "blocks": pyarrow.list_(pyarrow.int32()),
        "width": pyarrow.float64(), "resolution": pyarrow.int32(),
        **dict.fromkeys(COLUMNS, pyarrow.int64()), "pareto": pyarrow.bool_(),
    }  # fmt: skip
    table = pyarrow.table({k: pyarrow.array(v, type=types[k]) for k, v in values.items()})
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue())


def scale_chart(
    found: Found,
    objectives: Sequence[Objective],
    *,
    convention: str,
    batch: int,
    dtype: str,
) -> Chart:
    """The front before a sample of the space, on the axes of the first two objectives.

    A line joins the front; if there is a third objective of a few values, one for each of them.

    Args:
        found: What a search found.
        objectives: The second goes to the right, the first up.
        convention: What a FLOP is.
        batch: Images, for bytes.
        dtype: Of activations.
    """
    up, across = objectives[:2]
    of_images = f"batch {batch}, {dtype}"
    axes = {
        "params": Axis("Parameters", "count", log=True),
        "trainable_params": Axis("Trainable parameters", "count", log=True),
        "macs": Axis("MACs per image", "count", log=True),
        "flops": Axis(f"FLOPs per image ({convention})", "count", log=True),
        "activation_bytes": Axis(f"Sum of activations, {of_images}", "bytes", log=True),
        "peak_activation_bytes": Axis(f"Peak of activations, {of_images}", "bytes", log=True),
        "blocks": Axis("Blocks", "number"),
        "width": Axis("Width multiplier", "number"),
        "resolution": Axis("Resolution, pixels a side", "number"),
    }
    rest = found.sample.outside(found.front)
    whole = len(found.sample) == found.feasible
    others = "other points that fit" if whole else "others, a sample"
    series = [
        Series(f"{len(rest):,} {others}", _places(rest, up, across), faint=True),
        *_fronts(found.front, objectives),
    ]
    return Chart(
        title="Design space of ResNet-RS",
        subtitle=f"{found.feasible:,} points that fit, of {found.evaluated:,}; front of "
        f"{_listed(objectives)}",
        x=axes[across.column],
        y=axes[up.column],
        panels=(Panel("", tuple(s for s in series if s.points)),),
        notes=("Computed from the layer graphs; labels: depth or blocks, width, resolution.",),
    )


_MOST_LINES = 8


def _fronts(points: Points, objectives: Sequence[Objective]) -> list[Series]:
    """The front as one series, or as one for each value of a third objective that has few."""
    up, across, *third = objectives
    if not third:
        return [Series("Pareto front", _places(points, up, across, named=True), line="solid")]
    column = third[0].column
    values = points.quantity(column)
    steps = sorted(set(values.tolist()), reverse=third[0].largest)
    if len(steps) > _MOST_LINES:
        return [Series(f"Pareto front, {third[0]} too", _places(points, up, across, named=True))]
    return [
        Series(
            f"Pareto front, {column} {step:g}",
            _places(points.take(values == step), up, across, named=True),
            line="solid",
        )
        for step in steps
    ]


def _listed(objectives: Sequence[Objective]) -> str:
    *some, last = map(str, objectives)
    return f"{', '.join(some)} and {last}"


def _places(
    points: Points, up: Objective, across: Objective, *, named: bool = False
) -> tuple[Point, ...]:
    ys, xs = points.quantity(up.column).tolist(), points.quantity(across.column).tolist()
    found = []
    for x, y, index in zip(xs, ys, points.index.tolist(), strict=True):
        label = ""
        if named:
            layout, width, side = points.space.point(index)
            name = layout.depth or "-".join(map(str, layout.blocks))
            label = f"{name}{'' if width == 1 else f' x{width:g}'} @{side}"
        found.append(Point(x, y, label))
    return tuple(sorted(found))
