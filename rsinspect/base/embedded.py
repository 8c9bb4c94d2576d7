"""JSON documents inside a page of HTML: written so that they cannot end their element; found."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

DOCUMENT = "rsinspect"
"""Id of the element that holds what a page is made of."""


def embedded(document: object) -> str:
    """Write JSON without characters of HTML, so that it cannot end its own element.

    >>> embedded({"name": "</script>"})
    '{"name":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


class _Finder(HTMLParser):
    """Collects the text of the element that holds a page's document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.inside = False
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin at the element."""
        self.inside = tag == "script" and ("id", DOCUMENT) in attrs and not self.parts

    def handle_endtag(self, tag: str) -> None:
        """End with it."""
        self.inside = False

    def handle_data(self, data: str) -> None:
        """Keep what is in it."""
        if self.inside:
            self.parts.append(data)


def document_in(page: bytes) -> Any:
    """Read the document that a page was made of.

    Returns:
        Plain values; None where the page holds no such document.

    Raises:
        Damaged: If what it holds is no JSON.
    """
    from rsinspect.base.codec import from_text

    finder = _Finder()
    finder.feed(page.decode(errors="replace"))
    return from_text("".join(finder.parts).encode()) if finder.parts else None
