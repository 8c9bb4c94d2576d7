"""Tables for programs and papers: JSON, YAML, CSV, Markdown and LaTeX, as text.

JSON and YAML are the answer's document and CSV keeps every exact value of the rows, unformatted;
Markdown and LaTeX show what the console shows.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from rsinspect.answers.table import Answer, Kind, RecordKind, Records, Table, Value
from rsinspect.base.errors import BackendUnavailable, InvalidQuestion
from rsinspect.base.text import printable
from rsinspect.base.units import typed
from rsinspect.render.cells import printed
from rsinspect.render.formats import TABLES

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""How a formula begins in a spreadsheet, in some languages with wide signs (OWASP, "CSV
Injection")."""


def as_text(answer: Answer, name: str) -> str:
    """Write an answer in a data format, ending in a line break.

    Raises:
        UnknownFormat: If there is no such format.
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
            from rsinspect.render.latex import latex_text

            return latex_text(answer.table)
        case _:
            TABLES.check(name)
            raise InvalidQuestion(f"{name} is no data format", "json, yaml, csv, markdown or latex")


def plain(value: Any) -> Any:
    """Take a document apart into what JSON has: tuples are lists, an infinite number is null.

    >>> plain({"shape": (3, 4), "ratio": float("inf")})
    {'shape': [3, 4], 'ratio': None}
    """
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_text(answer: Answer) -> str:
    """Write the document, indented; rows that are made one by one have a line each."""
    text = document_text(answer.opening, "json")
    if answer.make_rows is None:
        return text
    buffer = io.StringIO()
    buffer.write(f'{text.rstrip().removesuffix("}").rstrip()},\n  "rows": [')
    for number, row in enumerate(answer.make_rows()):
        buffer.write(",\n    " if number else "\n    ")
        buffer.write(_line(row))
    buffer.write("\n  ]\n}\n")
    return buffer.getvalue()


def _line(row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, allow_nan=False)
    except ValueError:  # rare, and looking for it in a million rows takes most of the time
        return json.dumps(plain(row))


def yaml_text(answer: Answer) -> str:
    """Write the document in YAML, keys in their order, with the values that JSON has."""
    return document_text(answer.document, "yaml")


def document_text(document: Mapping[str, Any], name: Literal["json", "yaml"]) -> str:
    """Write a document in one of the formats for programs."""
    if name == "json":
        return json.dumps(plain(document), indent=2, allow_nan=False) + "\n"
    import yaml

    text: str = yaml.safe_dump(plain(document), sort_keys=False, allow_unicode=True, width=100)
    return text


def csv_text(table: Table) -> str:
    """Write rows (no totals, no notes) with exact values; an empty cell is "not available"."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    keys = [column.key for column in table.columns]
    writer.writerow(keys)
    writer.writerows([_harmless(row.get(key)) for key in keys] for row in table.rows)
    return buffer.getvalue()


def _harmless(value: Value) -> Value:
    """Write a text on one line that a spreadsheet does not take for a formula.

    >>> _harmless("=1+2"), _harmless("+ ResNet-D"), _harmless(-3), _harmless("c4/*")
    ("'=1+2", "'+ ResNet-D", -3, 'c4/*')
    """
    if not isinstance(value, str):
        return value
    line = typed(value.replace("\n", " "))
    return f"'{line}" if line.startswith(_FORMULA) else line


def records_csv(records: Records) -> str:
    """Write records as CSV, exact values; a list is written as ``3,4,6,3``."""
    written: dict[str, Callable[[Any], Value]] = {
        "list<int32>": lambda value: ",".join(map(str, value)),
        "string": _harmless,
    }
    columns = [
        map(written[kind], values) if kind in written else values
        for kind, values in zip(records.kinds.values(), records.columns.values(), strict=True)
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(records.columns)
    writer.writerows(zip(*columns, strict=True))
    return buffer.getvalue()


_RECORD_KINDS: dict[Kind, RecordKind] = {
    "text": "string", "formula": "string", "integer": "int64", "count": "int64", "bytes": "int64",
    "number": "float64", "rate": "float64", "share": "float64", "percent": "float64",
    "seconds": "float64",
}  # fmt: skip


def table_records(table: Table) -> Records:
    """Make records of the rows (no totals, no notes): exact values, None where there is none.

    A column in which a word stands among numbers is text.
    """
    columns = {column.key: [row.get(column.key) for row in table.rows] for column in table.columns}
    kinds = {
        column.key: "string"
        if any(isinstance(value, str) for value in columns[column.key])
        else _RECORD_KINDS[column.kind]
        for column in table.columns
    }
    for key, kind in kinds.items():
        if kind == "string":
            columns[key] = [None if value is None else str(value) for value in columns[key]]
    return Records(kinds, columns)


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
            "Parquet files need pyarrow, which is not installed", "pip install pyarrow"
        ) from None
    types = {
        "int32": pyarrow.int32(), "int64": pyarrow.int64(), "float64": pyarrow.float64(),
        "bool": pyarrow.bool_(), "string": pyarrow.string(),
        "list<int32>": pyarrow.list_(pyarrow.int32()),
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

    No text becomes a link, a picture, a formula or a cell more.

    >>> print(markdown_escape("3*3*256"), markdown_escape("[a](b)"), markdown_escape("https://a.b"))
    3\\*3\\*256 \\[a\\](b) https\\://a.b
    """
    escaped = re.sub(r"([\\`*_|<>\[\]~&$#])", r"\\\1", printable(text).replace("\n", " "))
    return re.sub(r"(?<=[A-Za-z])(://|@)|(?<=[Ww]{3})(\.)", r"\\\g<0>", escaped)


def _superscript(mark: str) -> str:
    return f"<sup>{markdown_escape(mark)}</sup>" if mark else ""


def markdown_text(table: Table) -> str:
    """Write a pipe table with title, totals and every note."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    columns = printed(table)
    lines = [f"**{markdown_escape(table.heading)}**", ""]
    lines += [text for note in table.lead for text in (markdown_escape(str(note)), "")]
    lines.append(line([markdown_escape(column.head) for column in columns]))
    lines.append(line(["---:" if column.right else ":---" for column in columns]))
    lines += [
        line([markdown_escape(c.rows[row]) + _superscript(c.marks[row]) for c in columns])
        for row in range(len(table.rows))
    ]
    for row in range(len(table.totals)):
        texts = [markdown_escape(column.totals[row]) for column in columns]
        lines.append(line([f"**{text}**" if text else "" for text in texts]))
    lines += ["", *(f"- {markdown_escape(str(note))}" for note in table.notes)]
    return "\n".join(lines).rstrip() + "\n"
