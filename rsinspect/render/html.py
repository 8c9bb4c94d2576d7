"""Tables for notebooks and pages: one HTML table, readable on light and on dark."""

from __future__ import annotations

from html import escape

from rsinspect.answers.table import Column, Table, Value
from rsinspect.render.cells import RIGHT_ALIGNED, cell, head

_BAR = "rgba(70,130,180,.35)"
_RULE = "1px solid rgba(128,128,128,.6)"
_CELL = "padding:.15em .6em;white-space:nowrap;border:0"


def table_html(table: Table) -> str:
    """Write a table with its title, totals and notes as a fragment of HTML.

    Colours are those of the page around it; a share has a bar behind it. Everything is escaped.
    """
    heads = "".join(
        f'<th scope="col" style="{_style(column)};vertical-align:bottom">'
        f"{escape(head(column))}</th>"
        for column in table.columns
    )
    rows = "".join(_row(table, row) for row in table.rows)
    totals = "".join(_row(table, row, total=True) for row in table.totals)
    notes = "".join(f"<div>{escape(str(note))}</div>" for note in table.notes)
    return (
        '<div class="rsinspect-table" style="overflow-x:auto">'
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:90%">'
        f'<caption style="text-align:left;font-weight:bold;padding:.3em .6em;white-space:nowrap">'
        f"{escape(table.title)}</caption>"
        f'<thead style="border-bottom:{_RULE}"><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody>"
        + (f'<tfoot style="border-top:{_RULE}">{totals}</tfoot>' if totals else "")
        + "</table>"
        + (f'<div style="font-size:80%;opacity:.8;max-width:60em">{notes}</div>' if notes else "")
        + "</div>"
    )


def _style(column: Column) -> str:
    return f"{_CELL};text-align:{'right' if column.kind in RIGHT_ALIGNED else 'left'}"


def _row(table: Table, row: dict[str, Value], *, total: bool = False) -> str:
    cells = "".join(_cell(column, row.get(column.key), total=total) for column in table.columns)
    return f"<tr>{cells}</tr>"


def _cell(column: Column, value: Value, *, total: bool) -> str:
    style = _style(column) + (";font-weight:bold" if total else "")
    if column.kind == "share" and isinstance(value, float) and not total:
        share = 100 * min(max(value, 0.0), 1.0)
        style += f";background:linear-gradient(90deg,{_BAR} {share:.1f}%,transparent {share:.1f}%)"
    text = escape(cell(column, value)).replace("\n", "<br>")
    return f'<td style="{style}">{text}</td>'
