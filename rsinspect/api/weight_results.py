"""Answers about weight files, which show and save themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsinspect.answers.table import Answer
from rsinspect.api.results import TableResult

if TYPE_CHECKING:
    from rsinspect.checkpoints.safety import Verdict
    from rsinspect.weights.change import Comparison
    from rsinspect.weights.identity import Identity
    from rsinspect.weights.inspection import Inspection
    from rsinspect.weights.verify import Verified


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


class VerifiedWeights(TableResult):
    """A file with weights held to a network; true where it has its weights and no others.

    Attributes:
        found: Which tensor is which weight, and what does not fit.
    """

    def __init__(self, answer: Answer, found: Verified) -> None:
        super().__init__(answer)
        self.found = found

    @property
    def conclusion(self) -> str:
        """Say in one sentence whether the file fits."""
        return self.found.conclusion

    def __bool__(self) -> bool:
        return self.found.fits


class WeightsDiff(TableResult):
    """How the weights in one file differ from those in another.

    Attributes:
        found: All of it, tensor by tensor.
    """

    def __init__(self, answer: Answer, found: Comparison) -> None:
        super().__init__(answer)
        self.found = found

    @property
    def conclusion(self) -> str:
        """Say in a few words how much differs."""
        from rsinspect.weights.change_table import conclusion

        return conclusion(self.found)
