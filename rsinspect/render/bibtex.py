"""How to cite something, as BibTeX."""

from __future__ import annotations

from typing import Any

from rsinspect.base.latex import escape


def bibtex(document: dict[str, Any]) -> str:
    """Write the entries of a citation document, one below the other."""
    return "\n".join(map(_entry, document["entries"]))


def _entry(entry: dict[str, Any]) -> str:
    fields = {
        "title": f"{{{escape(entry['title'])}}}",  # the inner braces keep its capitals
        "author": " and ".join(_name(*author) for author in entry["authors"]),
        "booktitle": entry["booktitle"],
        "volume": entry["volume"],
        "year": entry["year"],
        "eprint": entry["arxiv"],
        "archiveprefix": entry["arxiv"] and "arXiv",
        "note": entry["version"] and f"Version {entry['version']}",
    }
    lines = [f"  {name:<13} = {{{text}}}," for name, text in fields.items() if text is not None]
    return "\n".join((f"@{entry['kind']}{{{entry['key']},", *lines, "}\n"))


def _name(given: str, family: str) -> str:
    """Write a name family first; one that has no parts in braces, so that none is looked for."""
    return f"{escape(family)}, {escape(given)}" if given else f"{{{escape(family)}}}"
