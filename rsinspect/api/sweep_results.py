"""A sweep as a result."""

from __future__ import annotations

from rsinspect.answers.table import Answer
from rsinspect.api.results import TableResult


class Sweep(TableResult):
    """What a sweep came to, point by point; true where every cell is done.

    Attributes:
        id: Of the sweep in its store.
        runs: Ids of its runs in the store, by row of the table.
    """

    def __init__(self, id: str, answer: Answer) -> None:
        super().__init__(answer)
        self.id = id
        document = answer.make_document()
        self.runs: tuple[tuple[str, ...], ...] = tuple(
            tuple(row["runs"]) for row in document["rows"]
        )
        self._complete = not document["cells"]["failed"] and not document["cells"]["waiting"]

    def __bool__(self) -> bool:
        return self._complete
