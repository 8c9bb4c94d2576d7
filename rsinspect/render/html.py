"""Tables for notebooks and pages: one HTML table, readable on light and on dark."""

from __future__ import annotations

from html import escape

from rsinspect.answers.table import Table, Value
from rsinspect.base.errors import check_choice
from rsinspect.base.text import printable
from rsinspect.base.words import plural
from rsinspect.render.cells import Printed, printed
from rsinspect.render.formats import NOTES

_BAR = "rgba(70,130,180,.35)"
_RULE = "1px solid rgba(128,128,128,.6)"
_CELL = "padding:.15em .6em;white-space:nowrap;border:0"
_SMALL = "font-size:80%;opacity:.8;max-width:60em;padding:.4em .75em"
_FIRST = 2
"""Notes that are in sight; the others open at a click."""


def table_html(table: Table, *, notes: str = "short") -> str:
    """Write a table with its title, totals and notes as a fragment of HTML.

    Colours are those of the page around it; a share has a bar behind it. Everything is escaped.

    Args:
        table: Its texts are taken as they are.
        notes: ``short`` has the most needed ones in sight and the others one click away, ``full``
            all of them, ``none`` none.

    Raises:
        InvalidChoice: If there is no such choice of notes.
    """
    check_choice("choice of notes", notes, NOTES)
    columns = printed(table)
    heads = "".join(
        f'<th scope="col" style="{_style(column)};vertical-align:bottom">{_head(column)}</th>'
        for column in columns
    )
    rows = "".join(
        _row([_cell(c, row.get(c.column.key), c.rows[n], mark=c.marks[n]) for c in columns])
        for n, row in enumerate(table.rows)
    )
    totals = "".join(
        _row([_cell(c, None, c.totals[n], style=";font-weight:bold") for c in columns])
        for n in range(len(table.totals))
    )
    lead = "".join(
        f'<div style="font-weight:normal;max-width:60em">{_safe(str(note))}</div>'
        for note in table.lead
    )
    return (
        '<div class="rsinspect-table" style="overflow-x:auto">'
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:90%">'
        f'<caption style="text-align:left;font-weight:bold;padding:.3em .6em">'
        f"{_safe(table.heading)}{lead}</caption>"
        f'<thead style="border-bottom:{_RULE}"><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody>"
        + (f'<tfoot style="border-top:{_RULE}">{totals}</tfoot>' if totals else "")
        + f"</table>{_notes(table, notes)}</div>"
    )


def _head(column: Printed) -> str:
    """Break a head where it may be broken, but no word."""
    return escape(column.breakable.replace("-\n", "")).replace("\n", "<br>")


def _safe(text: str) -> str:
    return escape(printable(text))


def _notes(table: Table, which: str) -> str:
    """Write the notes, those that are less needed behind a click."""
    texts = [f"<div>{_safe(str(note))}</div>" for note in table.notes]
    if not texts or which == "none":
        return ""
    first, others = texts[:_FIRST], texts[_FIRST:]
    if which == "full" or len(others) < 2:
        first, others = texts, []
    folded = (
        f"<details><summary>{plural(len(others), 'more note')}</summary>{''.join(others)}</details>"
        if others
        else ""
    )
    return f'<div style="{_SMALL}">{"".join(first)}{folded}</div>'


def _style(column: Printed) -> str:
    return f"{_CELL};text-align:{'right' if column.right else 'left'}"


def _row(cells: list[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _cell(column: Printed, value: Value, text: str, *, style: str = "", mark: str = "") -> str:
    style = _style(column) + style
    if column.column.kind == "share" and isinstance(value, float):
        share = 100 * min(max(value, 0.0), 1.0)
        style += f";background:linear-gradient(90deg,{_BAR} {share:.1f}%,transparent {share:.1f}%)"
    after = column.after.get(text, 0)  # as wide as a point and digits
    space = "\u2008" * (after > 0) + "\u2007" * (after - 1)
    sup = f'<sup style="line-height:0">{escape(mark)}</sup>' if mark else ""
    return f'<td style="{style}">{escape(text).replace(chr(10), "<br>")}{space}{sup}</td>'
