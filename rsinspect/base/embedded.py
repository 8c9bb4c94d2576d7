"""JSON documents inside a page of HTML: written so that they cannot end their element; found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rsinspect.base.words import quoted

if TYPE_CHECKING:
    from rsinspect.base.errors import RsInspectError

DOCUMENT = "rsinspect"
"""Id of the element that holds what a page is made of."""

REPORT = "rsinspect.report/1"
"""Version of the document of a report. 1: first."""

_ELEMENT = (
    rb"<script\b(?=[^<>]*\bid=([\"']?)" + DOCUMENT.encode() + rb"\1[\s/>])[^<>]*>([^<]*)</script"
)
_SUFFIXES = (".html", ".htm")
_HINT = "a page that rsinspect report wrote holds what it is about"


def embedded(document: object) -> str:
    """Write JSON without characters of HTML, so that it cannot end its own element.

    >>> embedded({"name": "</script>"})
    '{"name":"\\\\u003c/script\\\\u003e"}'
    """
    import json  # whoever asks for the name of a page writes none

    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def document_in(page: bytes) -> Any:
    """Read the document that a page was made of.

    Returns:
        Plain values; None where the page holds no such document.

    Raises:
        Damaged: If what it holds is no JSON.

    >>> document_in(b'<p>Text</p><script type="application/json" id="rsinspect">[1]</script>')
    [1]
    """
    from rsinspect.base.codec import from_text

    # However the page is written, this takes linear time: no text of its own has a "<".
    found = re.search(_ELEMENT, page, re.IGNORECASE)
    return None if found is None else from_text(found[2])


class PageName(NamedTuple):
    """A page, or what it says of one of the networks that it is about.

    Attributes:
        path: Of the file.
        key: ``a`` for its first network, ``b2`` for the second run of its second; empty for what
            there is.
    """

    path: Path
    key: str


def page_named(text: str) -> PageName | None:
    """Read the name of a page; None where the text is none.

    >>> page_named("report.html#b"), page_named("50")
    (PageName(path=PosixPath('report.html'), key='b'), None)
    """
    path, mark, key = text.rpartition("#")
    if not mark or not path.lower().endswith(_SUFFIXES):
        path, key = text, ""
    return PageName(Path(path), key) if path.lower().endswith(_SUFFIXES) else None


def check_page(path: Path) -> None:
    """Refuse the name of a file that can be no page.

    Raises:
        UnknownFormat: If its suffix is another.
    """
    from rsinspect.base.errors import UnknownFormat

    if not path.name.lower().endswith(_SUFFIXES):
        raise UnknownFormat(
            f"{quoted(str(path))} is no name of a page", "a report is HTML: name it report.html"
        )


def subjects_in(name: PageName, refusal: Callable[[str, str], RsInspectError]) -> list[Any]:
    """Read what a page says of the networks that it is about, or of the one that is meant.

    Args:
        name: Of the page. A number behind a key is left to who knows what is counted.
        refusal: Makes the error of a message and a hint.

    Raises:
        RsInspectError: The refusal, if the page cannot be read or is about no such network.
    """
    from rsinspect.base.codec import Damaged
    from rsinspect.base.sources import Unreadable, content_of

    path, key = name.path, name.key.rstrip("0123456789")
    try:
        document = document_in(content_of(path))
    except (Unreadable, Damaged) as exc:
        hint = (isinstance(exc, Unreadable) and exc.hint) or _HINT
        raise refusal(f"{path} cannot be read: {exc}", hint) from exc
    if document is None:
        raise refusal(f"{path} is no page of rsinspect report", _HINT)
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != REPORT:
        later = isinstance(schema, str) and schema.startswith(REPORT.partition("/")[0] + "/")
        hint = "a later rsinspect wrote it: update rsinspect" if later else _HINT
        raise refusal(f"{path} holds a document of the schema {schema!r:.60}, not {REPORT}", hint)
    subjects = document.get("subjects")
    if not isinstance(subjects, list) or not all(isinstance(each, dict) for each in subjects):
        raise refusal(f"{path} is damaged: it lists no networks", _HINT)
    found = [each for each in subjects if key in ("", each.get("key"))]
    if not found:
        raise refusal(f"{path} has no {quoted(name.key)}", f"it has {keys_in(path, subjects)}")
    return found


def keys_in(path: Path, subjects: Sequence[Mapping[str, Any]]) -> str:
    """List what the networks of a page are called."""
    return ", ".join(
        f"{path}#{each.get('key')!s:.9} ({each.get('text')!s:.80})" for each in subjects
    )
