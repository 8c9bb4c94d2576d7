"""The formats that something can be written in, and the suffix that chooses one.

One rule for every file, from either door: the suffix names the format; a format that is given must
be the one that the suffix names; a suffix that names none is refused with those that do. A name
without a suffix says nothing, and the format that was given, or the default, is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rsinspect.base.errors import UnknownFormat
from rsinspect.base.words import Option, advice, near, nearest, quoted

STDOUT = Path("-")
"""What a person writes for the standard output."""


class Formats(NamedTuple):
    """The formats of one kind of thing.

    Attributes:
        what: The thing: ``table``.
        suffixes: Ends of file names, and the format each names; a format's usual one first.
        hints: What to do instead, by a suffix that people try and that names none.
    """

    what: str
    suffixes: Mapping[str, str]
    hints: Mapping[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """List the formats."""
        return tuple(dict.fromkeys(self.suffixes.values()))

    def or_else(self, other: Formats) -> Formats:
        """Join the formats of two things; a suffix that both have names this one's."""
        suffixes = {**self.suffixes, **other.suffixes, **self.suffixes}
        hints = {**self.hints, **other.hints}  # what is no table is read as a picture
        known = {suffix: hint for suffix, hint in hints.items() if suffix not in suffixes}
        return Formats(f"{self.what} or {other.what}", suffixes, known)

    def check(self, format: str) -> None:
        """Refuse an unknown format.

        Raises:
            UnknownFormat: With the nearest format there is.
        """
        if format not in self.names:
            hint = self.hints.get(f".{format}") or near(format[:200], self.names)
            raise UnknownFormat(f"unknown format {quoted(format)}", hint)

    def of(self, path: Path, format: str | None = None) -> str:
        """Choose a format as ``chosen`` does, where there is no default.

        Raises:
            UnknownFormat: As ``chosen``, or if the path has no suffix and no format is given.

        >>> Formats("picture", {".me.json": "me.json", ".svg": "svg"}).of(Path("Rs101.ME.JSON"))
        'me.json'
        """
        found = self.chosen(path, format)
        if found is None:
            raise UnknownFormat(
                f"{path} has no suffix to tell the format",
                advice("name it {}, or give {}", self._listed(), Option("format")),
            )
        return found

    def chosen(self, path: Path | None, format: str | None) -> str | None:
        """Choose a format: the one that is given or that the suffix names; None for neither.

        Args:
            path: Where it goes; None or STDOUT for no file.
            format: What was asked for, if anything.

        Raises:
            UnknownFormat: If there is no such format or suffix, or the two disagree.

        >>> Formats("table", {".csv": "csv"}).chosen(Path("costs.csv"), None)
        'csv'
        """
        if format is not None:
            self.check(format)
        if path is None or path == STDOUT or (suffix := self._suffix(path)) is None:
            return format
        named = self.suffixes[suffix]
        if format not in (None, named):
            usual = next(s for s, known in self.suffixes.items() if known == format)
            raise UnknownFormat(
                f"the suffix of {path} means {named}, and {format} was asked for",
                advice(
                    "leave {} out, or name it {}",
                    Option("format"),
                    f"{path.name[: -len(suffix)]}{usual}",
                ),
            )
        return named

    def _suffix(self, path: Path) -> str | None:
        """Find the longest suffix that names a format; None where the name has no suffix."""
        name = path.name.lower()
        if known := [suffix for suffix in self.suffixes if name.endswith(suffix)]:
            return max(known, key=len)
        if not path.suffix:
            return None
        suffix = path.suffix.lower()
        close = nearest(suffix[:200], self.suffixes, cutoff=0.8)
        hint = f"did you mean {close}?" if close else f"name it {self._listed()}"
        article = "an" if self.what[0] in "aeiou" else "a"
        raise UnknownFormat(
            f"{article} {self.what} cannot be written as {quoted(suffix)}",
            self.hints.get(suffix, hint),
        )

    def _listed(self) -> str:
        return ", ".join(self.suffixes)
