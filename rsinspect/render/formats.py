"""The formats of an answer, by name and by suffix."""

from __future__ import annotations

from rsinspect.base.formats import Formats

TABLES = Formats(
    "table",
    {
        ".txt": "table", ".json": "json", ".yaml": "yaml", ".yml": "yaml", ".csv": "csv",
        ".md": "markdown", ".tex": "latex", ".html": "html", ".htm": "html", ".parquet": "parquet",
    },
    dict.fromkeys(
        (".svg", ".png", ".pdf", ".jpg", ".jpeg"),
        "it has no picture; name it .txt, .json, .yaml, .csv, .md, .tex, .html or .parquet",
    )
    | dict.fromkeys((".xlsx", ".xls", ".ods"), "name it .csv, which spreadsheets open"),
)  # fmt: skip
"""Formats that a table can be written in."""

NOTES = ("short", "full", "none")
"""What stands under a table for people: what fits in two lines, all notes, or nothing."""

PROGRAMS = Formats("program", {".py": "python"})
"""What a recipe can be written in besides."""
