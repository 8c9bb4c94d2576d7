"""Graphviz's PDF with a title in it.

Graphviz names nothing in a PDF. The name is written as PDF's own *incremental update* does it (ISO
32000-1, 7.5.6): a new information dictionary, its place and a trailer are appended, and no byte
before them moves. A library for PDFs would parse and write the whole file anew for these few lines.
"""

from __future__ import annotations

import re

from rsinspect.base.text import visible

_TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref\s*(\d+)\s*%%EOF\s*\Z", re.DOTALL)
_INFO = re.compile(rb"/Info\s+(\d+)\s+0\s+R")
CREATOR = "rsinspect"


def finish(pdf: bytes, title: str) -> bytes:
    """Name the PDF of a picture; one whose last part is no plain trailer stays without a name.

    Args:
        pdf: As Graphviz wrote it.
        title: Of the picture.
    """
    trailer = _TRAILER.search(pdf)
    info = None if trailer is None else _INFO.search(trailer[1])
    if trailer is None or info is None:
        return pdf
    number = int(info[1])
    begin = len(pdf) + 1
    named = b"<< /Title %s /Creator %s >>" % (_string(title), _string(CREATOR))
    body = b"\n%d 0 obj\n%s\nendobj\n" % (number, named)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, begin)
    ending = b"trailer\n<<%s /Prev %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        trailer[1].rstrip(),
        trailer[2],
        len(pdf) + len(body),
    )
    return pdf + body + table + ending


def _string(text: str) -> bytes:
    """Write a text as UTF-16 in hexadecimal, which needs no escapes."""
    return (
        b"<" + b"\xfe\xff".hex().encode() + visible(text).encode("utf-16-be").hex().encode() + b">"
    )
