"""Text that may be shown: on a terminal, in a table, in a picture.

Control characters steer a terminal, end a line or are no XML; half of a surrogate pair has no
UTF-8. Letters of any script, signs and emoji are text. Names come from files, from Keras and from
the command line: where a graph is made or a document is read such a text is refused, where one is
written its characters are replaced by their pictures, or spelt out in a table.
"""

import re

HIDDEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
"""Inside of a character class: controls, line and paragraph ends, surrogates, no characters."""

LONGEST_NAME = 1_000
LONGEST_TEXT = 20_000

_HIDDEN = re.compile(f"[{HIDDEN}]")
_WHITE = "\t\n"


def is_showable(text: str) -> bool:
    """Tell whether a text may be shown as it is.

    >>> is_showable("c4/block1 日本語"), is_showable("a\\x1b[2J"), is_showable("\\ud800")
    (True, False, False)
    """
    return text.isprintable() or _HIDDEN.search(text) is None


def visible(text: str) -> str:
    r"""Write control characters as their pictures, and half a character as a replacement.

    Line breaks and tabs stay.

    >>> visible("bell \x07"), visible("half \ud800")
    ('bell ␇', 'half �')
    """
    return _HIDDEN.sub(lambda found: found[0] if found[0] in _WHITE else _picture(found), text)


def showable(text: str, longest: int = LONGEST_TEXT) -> str:
    r"""Write a text on one line, as ``visible`` does, and cut what is too long.

    >>> showable("a\x1b[2J\n"), showable("abcdef", longest=4)
    ('a␛[2J␊', 'abc…')
    """
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return text if text.isprintable() else _HIDDEN.sub(_picture, text)


def printable(text: str, *, kept: str = "\n") -> str:
    r"""Spell out what cannot be seen or would move a cursor; characters of ``kept`` stay.

    >>> print(printable("a\x1b[31mb"), printable("one\nline", kept=""))
    a\x1b[31mb one\nline
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"
