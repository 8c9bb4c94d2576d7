"""The formats of an answer, by name."""

from __future__ import annotations

from pathlib import Path

from rsinspect.base.errors import check_choice

FORMATS = ("table", "json", "yaml", "csv", "markdown", "latex")
NOTES = ("short", "full", "none")
"""What stands under a table for people: what fits in two lines, all notes, or nothing."""


def check_format(name: str) -> None:
    """Refuse an unknown format.

    Raises:
        InvalidChoice: With the nearest format there is.
    """
    check_choice("format", name, FORMATS)


SUFFIXES = {
    ".json": "json", ".yaml": "yaml", ".yml": "yaml", ".csv": "csv", ".md": "markdown",
    ".tex": "latex", ".txt": "table", ".html": "html",
}  # fmt: skip
"""Formats that a table can be saved in, by the end of the file's name."""


def format_of(path: Path) -> str:
    """Read the format of a table off the suffix of its path.

    Raises:
        InvalidChoice: If the suffix names none.

    >>> format_of(Path("costs.md"))
    'markdown'
    """
    check_choice("suffix", path.suffix.lower() or path.name, SUFFIXES)
    return SUFFIXES[path.suffix.lower()]
