"""Tables for programs and papers: JSON, YAML, CSV, Markdown and LaTeX, as text.

JSON and YAML are the answer's document and CSV keeps every exact value of the rows, unformatted;
Markdown and LaTeX show what the console shows.
"""

from __future__ import annotations

import csv
import io
import json
import re

from rsinspect.answers.table import Answer, Records, Table, Value
from rsinspect.base.errors import BackendUnavailable, InvalidQuestion
from rsinspect.base.latex import escape, fill, tabular
from rsinspect.base.units import typed
from rsinspect.render.cells import RIGHT_ALIGNED, cell, head
from rsinspect.render.formats import check_format


def as_text(answer: Answer, name: str) -> str:
    """Write an answer in a data format, ending in a line break.

    Raises:
        InvalidChoice: If there is no such format.
        InvalidQuestion: If it is none for programs.
    """
    match name:
        case "json":
            return json_text(answer)
        case "yaml":
            return yaml_text(answer)
        case "csv":
            return csv_text(answer.table)
        case "markdown":
            return markdown_text(answer.table)
        case "latex":
            return latex_text(answer.table)
        case _:
            check_format(name)
            raise InvalidQuestion(f"{name} is no data format", "json, yaml, csv, markdown or latex")


def json_text(answer: Answer) -> str:
    """Write the document, indented."""
    return json.dumps(answer.document, indent=2) + "\n"


def yaml_text(answer: Answer) -> str:
    """Write the document in YAML, keys in their order."""
    import yaml

    text: str = yaml.safe_dump(answer.document, sort_keys=False, allow_unicode=True, width=100)
    return text


def csv_text(table: Table) -> str:
    """Write rows (no totals, no notes) with exact values; an empty cell is "not available"."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    keys = [column.key for column in table.columns]
    writer.writerow(keys)
    for row in table.rows:
        values = [row.get(key) for key in keys]
        writer.writerow(
            [
                typed(value.replace("\n", " ")) if isinstance(value, str) else value
                for value in values
            ]
        )
    return buffer.getvalue()


def records_csv(records: Records) -> str:
    """Write records as CSV, exact values; a list is written as ``3,4,6,3``."""
    columns = [
        [",".join(map(str, value)) for value in values] if kind == "list<int32>" else values
        for kind, values in zip(records.kinds.values(), records.columns.values(), strict=True)
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(records.columns)
    writer.writerows(zip(*columns, strict=True))
    return buffer.getvalue()


def records_parquet(records: Records) -> bytes:
    """Write records as a Parquet file.

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
    types = {
        "int32": pyarrow.int32(), "int64": pyarrow.int64(), "float64": pyarrow.float64(),
        "bool": pyarrow.bool_(), "list<int32>": pyarrow.list_(pyarrow.int32()),
    }  # fmt: skip
    arrays = {
        name: pyarrow.array(values, type=types[records.kinds[name]])
        for name, values in records.columns.items()
    }
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(arrays), sink)
    return bytes(sink.getvalue())


def markdown_escape(text: str) -> str:
    """Write text on one line, with Markdown's special characters escaped.

    >>> markdown_escape("3*3*256")
    '3\\\\*3\\\\*256'
    """
    return re.sub(r"([\\`*_|<>])", r"\\\1", text.replace("\n", " "))


def markdown_text(table: Table) -> str:
    """Write a pipe table with title, totals and notes."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def texts(row: dict[str, Value]) -> list[str]:
        return [markdown_escape(cell(column, row.get(column.key))) for column in table.columns]

    rules = ["---:" if column.kind in RIGHT_ALIGNED else ":---" for column in table.columns]
    lines = [f"**{markdown_escape(table.title)}**", ""]
    lines.append(line([markdown_escape(head(column)) for column in table.columns]))
    lines.append("| " + " | ".join(rules) + " |")
    lines += [line(texts(row)) for row in table.rows]
    for row in table.totals:
        lines.append(line([f"**{text}**" if text else "" for text in texts(row)]))
    lines += (
        ["", *(f"{markdown_escape(str(note))}  " for note in table.notes)] if table.notes else []
    )
    return "\n".join(lines).rstrip() + "\n"


def latex_text(table: Table) -> str:
    """Write a booktabs table; it needs ``\\usepackage{booktabs}`` and nothing else."""

    def cells(row: dict[str, Value]) -> list[str]:
        return [escape(cell(column, row.get(column.key))) for column in table.columns]

    return fill(
        "table.tex",
        title=escape(table.title),
        lines=tabular(
            "".join("r" if c.kind in RIGHT_ALIGNED else "l" for c in table.columns),
            [escape(head(column)) for column in table.columns],
            [cells(row) for row in table.rows],
            [cells(row) for row in table.totals],
        ),
        notes=[escape(str(note)) for note in table.notes],
    )
