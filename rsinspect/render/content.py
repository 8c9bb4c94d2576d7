"""A table as the content of a file, in any of its formats: the same from either door."""

from __future__ import annotations

from rsinspect.answers.table import Answer


def table_content(
    answer: Answer, format: str, *, notes: str = "full", more: str = "notes='full'"
) -> bytes:
    """Write an answer as the content of a file; lines of text are as long as they need.

    Args:
        answer: What to show.
        format: One of TABLES.
        notes: What stands under a table for people: ``short``, ``full`` or ``none``.
        more: How to see the notes that are left out.

    Raises:
        UnknownFormat: If there is no such format.
        BackendUnavailable: If a package for it is not installed.
    """
    match format:
        case "table":
            from rsinspect.render.console import table_text

            return table_text(answer.table, notes=notes, more=more).encode()
        case "html":
            from rsinspect.render.html import table_page

            return table_page(answer.table, notes=notes).encode()
        case "parquet":
            from rsinspect.render.data import records_parquet, table_records

            return records_parquet(table_records(answer.table))
        case _:
            from rsinspect.render.data import as_text

            return as_text(answer, format).encode()
