"""The formats of an answer, by name."""

from __future__ import annotations

from rsinspect.base.errors import check_choice

FORMATS = ("table", "json", "yaml", "csv", "markdown", "latex")


def check_format(name: str) -> None:
    """Refuse an unknown format.

    Raises:
        InvalidChoice: With the nearest format there is.
    """
    check_choice("format", name, FORMATS)
