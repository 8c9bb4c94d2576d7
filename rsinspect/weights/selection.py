"""Which rows and columns of a table about weight files are shown."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rsinspect.answers.table import Value
from rsinspect.base import limits
from rsinspect.base.errors import InvalidQuestion, check_choice
from rsinspect.base.words import Option, advice

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is asked for.

    Attributes:
        level: What a row is; None for what suits the file.
        columns: Keys of the columns to show; empty for the level's own.
        sort: Key of the column to sort by, largest first; None for the order of the file.
        limit: How many rows to keep after sorting; None for all.
        filter: Pattern on a name or a kind; None for all.
    """

    level: str | None = None
    columns: tuple[str, ...] = ()
    sort: str | None = None
    limit: int | None = None
    filter: str | None = None

    def checked(self, levels: Collection[str], columns: Collection[str]) -> Selection:
        """Refuse what there is not.

        Args:
            levels: That there are.
            columns: Likewise, by key.

        Raises:
            InvalidChoice: If the level or a column is unknown.
            InvalidQuestion: If no row would be shown.
        """
        if self.level is not None:
            check_choice("level", self.level, levels)
        if self.limit is not None:
            limits.ROWS.check(self.limit, InvalidQuestion)
        for key in (*self.columns, *(() if self.sort is None else (self.sort,))):
            check_choice("column", key, columns)
        return self

    def rows(
        self,
        every: Sequence[Row],
        level: str,
        texts: Callable[[Row], Sequence[str]],
        value: Callable[[str, Row], Value],
    ) -> Sequence[Row]:
        """Filter, sort and cut rows.

        Args:
            every: Of the table.
            level: What a row is.
            texts: What a row's pattern may match.
            value: Of a column, by key, in a row.

        Raises:
            InvalidQuestion: If the filter matches none.
        """
        rows = every
        if self.filter is not None:
            wanted = self.filter.lower()
            rows = [
                row
                for row in rows
                if any(fnmatch.fnmatchcase(text.lower(), wanted) for text in texts(row))
            ]
            if not rows:
                raise InvalidQuestion(
                    f"no {level} matches {self.filter!r}",
                    advice("a pattern on the name, '*gamma*', with {}", Option("level", "tensor")),
                )
        if (sort := self.sort) is not None:
            rows = sorted(rows, key=lambda row: _largest_first(value(sort, row)))
        return rows[: self.limit]


def _largest_first(value: Value) -> tuple[bool, float, str]:
    """Order numbers first and largest first, then text, then what is not available."""
    if isinstance(value, str):
        return True, 0.0, value
    return value is None, -(value or 0), ""
