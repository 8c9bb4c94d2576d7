"""Points of the design space as a table, as records for programs and as a chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rsinspect.answers.chart import Axis, Chart, Facet, Point, Series
from rsinspect.answers.table import Answer, Column, Note, RecordKind, Records, Table, Value
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.units import grouped
from rsinspect.base.words import Option, advice, plural
from rsinspect.design_space import latencies as estimated
from rsinspect.design_space.objectives import Objective
from rsinspect.design_space.points import COLUMNS, Points
from rsinspect.design_space.search import Found
from rsinspect.design_space.space import Space
from rsinspect.layers.question import Question

SCHEMA = "rsinspect.scale/1"
MOST_WRITTEN = 1_000_000
"""Points in a file: a gigabyte of memory, and a few hundred megabytes of text."""
MOST_ROWS = 40
"""Of a table for people, where no number was asked for."""
_CHUNK = 4096
"""Points that are plain values at a time."""


def axes_document(space: Space) -> dict[str, Any]:
    """Write the axes of the document; many layouts are only counted."""
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
    """List the points kept, by column, as plain values; ``blocks`` are tuples."""
    space, index = found.points.space, found.points.index
    sides, widths = len(space.resolutions), len(space.widths)
    layouts = [space.layouts[i] for i in (index // (sides * widths)).tolist()]
    return {
        "depth": [layout.depth for layout in layouts],
        "blocks": [layout.blocks for layout in layouts],
        "width": [space.widths[i] for i in (index // sides % widths).tolist()],
        "resolution": [space.resolutions[i] for i in (index % sides).tolist()],
        **{name: values.tolist() for name, values in found.points.costs.items()},
        "pareto": found.pareto.tolist(),
    }


def scale_answer(found: Found) -> Answer:
    """Show the points kept: the first of them as a table, all of them in the document.

    A search that asked for a number of points has them all in the table.
    """
    question, space = found.search.question, found.search.space
    shown = found if found.search.limit is not None else _first(found, MOST_ROWS)
    values = columns_of(shown)
    rows: list[dict[str, Value]] = [
        {
            **dict(zip(values, row, strict=True)),
            "blocks": ",".join(map(str, row[1])),
            "pareto": "*" if row[-1] else "",
        }
        for row in zip(*values.values(), strict=True)
    ]
    named = any(layout.depth is not None for layout in space.layouts)
    return Answer(
        Table(
            title=f"Design space: {plural(len(space.layouts), 'layout')} × "
            f"{plural(len(space.widths), 'width')} × "
            f"{plural(len(space.resolutions), 'resolution')}"
            + ("" if space.dialect == "keras" else f" ({space.dialect})"),
            columns=(
                *((Column("depth", "Depth", "integer"),) if named else ()),
                Column("blocks", "Blocks"),
                Column("width", "Width", "number"),
                Column("resolution", "Res.", "integer"),
                Column("params", "Params", "count"),
                Column("macs", "MACs", "count"),
                Column("flops", f"FLOPs\n({question.convention})", "count"),
                Column("activation_bytes", "Act.\nsum", "bytes"),
                Column("peak_activation_bytes", "Act.\npeak", "bytes"),
                *(_latency_columns() if found.search.latencies is not None else ()),
                Column("pareto", ""),
            ),
            rows=tuple(rows),
            notes=tuple(_notes(found, len(rows))),
            name="design-space",
        ),
        lambda: _document(found),
        lambda: _rows(found),
    )


def _latency_columns() -> tuple[Column, ...]:
    return (
        Column("latency_s", "Latency\nest.", "seconds"),
        Column("latency_low_s", "95 %\nfrom", "seconds"),
        Column("latency_high_s", "\nto", "seconds"),
    )


def _notes(found: Found, shown: int) -> Iterator[Note]:
    question, kept = found.search.question, len(found.points)
    more = found.evaluated - found.feasible
    others = f"; {grouped(found.evaluated)} evaluated" if more else ""
    yield f"{grouped(kept)} of {plural(found.feasible, 'point')} that fit{others}."
    if shown < kept:
        yield advice(
            f"The first {shown} are shown: {{}} N, {{}}, {{}}.",
            Option("limit"), Option("only_front"), Option("format", "csv"),
        )  # fmt: skip
    front = f"{_listed(found.search.objectives)}, {plural(len(found.front), 'point')}"
    yield f"*: on the Pareto front of {front}."
    if found.search.latencies is not None:
        yield (
            f"Latency est.: of a batch of {question.batch}, estimated and not measured, from "
            f"{found.search.latencies.how}; 95 %: its interval."
        )
    yield (
        f"Act.: activations in inference, batch {question.batch}, {question.dtype}, without drop "
        "path; all of them added up, and the most alive at once."
    )
    yield f"FLOPs ({question.convention}), for one image: {question.legend}."


def _first(found: Found, number: int) -> Found:
    return found._replace(points=found.points.take(slice(0, number)), pareto=found.pareto[:number])


def _document(found: Found) -> dict[str, Any]:
    _check_rows(found)
    search = found.search
    return {
        "schema": SCHEMA,
        "axes": axes_document(search.space),
        "convention": search.question.convention,
        "batch": search.question.batch,
        "dtype": search.question.dtype,
        "constraints": search.bounds.document(),
        "objectives": [str(objective) for objective in search.objectives],
        "latency_from": None if search.latencies is None else search.latencies.how,
        "evaluated": found.evaluated,
        "feasible": found.feasible,
        "front": len(found.front),
    }


def _rows(found: Found) -> Iterator[dict[str, Any]]:
    """Give the points kept one by one, taken apart in chunks: a million are no list of objects."""
    for start in range(0, len(found.points), _CHUNK):
        part = slice(start, start + _CHUNK)
        values = columns_of(
            found._replace(points=found.points.take(part), pareto=found.pareto[part])
        )
        for row in zip(*values.values(), strict=True):
            yield dict(zip(values, row, strict=True))


def _check_rows(found: Found) -> None:
    """Refuse to write more points than memory is wanted for.

    Raises:
        InvalidQuestion: If they are more than MOST_WRITTEN.
    """
    if len(found.points) > MOST_WRITTEN:
        raise InvalidQuestion(
            f"{grouped(len(found.points))} points would be written; at most "
            f"{grouped(MOST_WRITTEN)} are",
            advice(
                "keep fewer with {}, {} or limits",
                Option("limit", MOST_WRITTEN), Option("only_front"),
            ),
        )  # fmt: skip


def records(found: Found) -> Records:
    """Give all points kept, exactly, for programs.

    Raises:
        InvalidQuestion: If they are more than MOST_WRITTEN.
    """
    _check_rows(found)
    kinds: dict[str, RecordKind] = {
        "depth": "int32", "blocks": "list<int32>", "width": "float64", "resolution": "int32",
        **dict.fromkeys(COLUMNS, "int64"),
        **{name: "float64" for name in estimated.COLUMNS if name in found.points.costs},
        "pareto": "bool",
    }  # fmt: skip
    return Records(kinds, columns_of(found))


def _axes(question: Question) -> dict[str, Axis]:
    """Describe the axis of each quantity."""
    images = f"batch {question.batch}, {question.dtype}"
    return {
        "params": Axis("Parameters", "count", log=True),
        "trainable_params": Axis("Trainable parameters", "count", log=True),
        "macs": Axis("MACs per image", "count", log=True),
        "flops": Axis(f"FLOPs per image ({question.convention})", "count", log=True),
        "activation_bytes": Axis(f"Sum of activations, {images}", "bytes", log=True),
        "peak_activation_bytes": Axis(f"Peak of activations, {images}", "bytes", log=True),
        "latency_s": Axis(f"Latency, estimated, batch {question.batch}", "seconds", log=True),
        "latency_low_s": Axis("Latency, lower end of its interval", "seconds", log=True),
        "latency_high_s": Axis("Latency, upper end of its interval", "seconds", log=True),
        "blocks": Axis("Blocks", "number"),
        "width": Axis("Width multiplier", "number"),
        "resolution": Axis("Resolution, pixels a side", "number"),
    }


def scale_chart(found: Found) -> Chart:
    """Chart the front before a sample of the space, on the axes of the first two objectives.

    The second objective goes to the right, the first up. A line joins the front; if there is a
    third objective of a few values, one for each of them.
    """
    objectives, known = found.search.objectives, found.search.latencies
    up, across = objectives[:2]
    axes = _axes(found.search.question)
    rest = found.sample.outside(found.front)
    others = "other points that fit" if len(found.sample) == found.feasible else "others, a sample"
    series = [
        Series(f"{grouped(len(rest))} {others}", _places(rest, up, across), faint=True),
        *_fronts(found.front, objectives),
    ]
    return Chart(
        title="Design space of ResNet-RS",
        subtitle=f"{plural(found.feasible, 'point')} that fit, of {grouped(found.evaluated)}; "
        f"front of {_listed(objectives)}",
        x=axes[across.column],
        y=axes[up.column],
        facets=(Facet("", tuple(s for s in series if s.points)),),
        notes=(
            "Computed from the layer graphs; labels: depth or blocks, width, resolution.",
            *(() if known is None else (f"Latencies are estimated, from {known.how}.",)),
        ),
    )


_MOST_LINES = 8


def _fronts(points: Points, objectives: Sequence[Objective]) -> list[Series]:
    """Split the front into a series per value of a third objective; one series where many."""
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
    places = []
    for x, y, index in zip(xs, ys, points.index.tolist(), strict=True):
        label = ""
        if named:
            layout, width, side = points.space.point(index)
            name = layout.depth or "-".join(map(str, layout.blocks))
            label = f"{name}{'' if width == 1 else f' ×{width:g}'} @{side}"
        places.append(Point(x, y, label))
    return tuple(sorted(places))
