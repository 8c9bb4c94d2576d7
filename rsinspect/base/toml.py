"""TOML files: read within bounds; what a table of one means, who reads it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rsinspect.base.sources import Unreadable, content_of

LARGEST_BYTES = 2**20
MOST_DOTS = 100
"""In a line, outside of texts. The parser's time grows with the square of a key's parts."""

_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"?|' + r"'[^']*'?")
"""Or the beginning of one: else each mark without a second would be looked for to the end."""


def toml_text(path: Path) -> str:
    """Read a TOML file as text.

    Raises:
        Unreadable: If it cannot be read, is too large, or no UTF-8.
    """
    content = content_of(path, LARGEST_BYTES)
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise Unreadable(f"it is not UTF-8: {exc.reason}") from exc


def tables_in(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        ValueError: If it is none, or nests so deep that nobody can have meant it; in one line.

    >>> tables_in('[check."101"]\\nparams = "63.7M"')
    {'check': {'101': {'params': '63.7M'}}}
    """
    import tomllib  # who gives options and no file needs none

    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > MOST_DOTS and _TEXTS.sub("", line).count(".") > MOST_DOTS:
            raise ValueError(f"more than {MOST_DOTS} dots in a line (at line {number})")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except ValueError as exc:  # a number of a million digits too
        raise ValueError(" ".join(str(exc).split())[:200]) from exc
