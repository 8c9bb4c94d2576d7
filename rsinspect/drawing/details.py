"""What a reader who chose a part is told besides its facts: how its numbers come about.

Formulas are those of ``explain``, FLOPs by every convention, so that nobody has to open another
page to compare with a number from elsewhere. How much of the image a layer sees is its receptive
field.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from rsinspect.answers.explain import Formula, explain
from rsinspect.layers.cost import CONVENTIONS, layers_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.question import Question
from rsinspect.layers.receptive_field import ReceptiveField, receptive_fields
from rsinspect.layers.structure import structure_of


class Explanation(NamedTuple):
    """How the numbers of a part come about.

    Attributes:
        formulas: Of its params, MACs, FLOPs and outputs.
        flops: Of one image by every convention, in the order of CONVENTIONS; none of what costs
            nothing in any, and of what has a part of which nobody knows the cost.
    """

    formulas: tuple[Formula, ...]
    flops: tuple[int, ...]


class Details:
    """Explains the parts of one graph.

    Args:
        graph: What is shown.
        question: What a FLOP is.
    """

    def __init__(self, graph: LayerGraph, question: Question) -> None:
        self.graph = graph
        self.question = question

    def explanation(self, path: str) -> Explanation:
        """Explain a stage, a run of blocks, a block or a layer.

        Raises:
            UnknownPath: If nothing has that path.
        """
        cost = layers_cost(self.graph, structure_of(self.graph).within(path))
        flops = tuple(map(cost.flops, CONVENTIONS))
        return Explanation(
            formulas=explain(self.graph, path, self.question),
            flops=flops if any(flops) and not cost.uncounted else (),
        )

    def field(self, path: str) -> ReceptiveField:
        """Look up what a layer sees.

        Raises:
            KeyError: If there is no such layer.
        """
        return self._fields[path]

    @cached_property
    def _fields(self) -> dict[str, ReceptiveField]:
        return receptive_fields(self.graph)
