"""Answers about weight files, which show and save themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsinspect.answers.table import Answer
from rsinspect.api.results import TableResult

if TYPE_CHECKING:
    from rsinspect.checkpoints.safety import Verdict
    from rsinspect.weights.identity import Identity
    from rsinspect.weights.inspection import Inspection


class InspectedWeights(TableResult):
    """What was found in a file with weights.

    Attributes:
        found: All of it, tensor by tensor.
    """

    def __init__(self, answer: Answer, found: Inspection) -> None:
        super().__init__(answer)
        self.found = found

    @property
    def identity(self) -> Identity | None:
        """Say which network the file is of, how sure that is and why."""
        return self.found.identity

    @property
    def verdict(self) -> Verdict:
        """Say what loading the file would do."""
        return self.found.verdict

    @property
    def faults(self) -> tuple[str, ...]:
        """Say what is wrong with its numbers, a line for each thing; nothing where all is well."""
        return self.found.faults()
