"""A network as one table: its stages, in each of them its blocks, in each of these its layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rsinspect.answers.columns import COLUMNS
from rsinspect.answers.rows import LEVELS, Level, SummaryRow, summary_rows
from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.answers.table import Answer, Value
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network


class Levels(NamedTuple):
    """The summaries of a network at every level, as one.

    Attributes:
        answer: Rows of all levels, each before what is in it; totals are those of one level.
        depths: How many rows enclose each row.
        hidden: Keys of the columns that no level shows where none are asked for.
    """

    answer: Answer
    depths: tuple[int, ...]
    hidden: tuple[str, ...]


def summary_levels(network: Network, question: Question) -> Levels:
    """Summarise a network at every level.

    A stage that is one block of its own, and a block that is one layer, stand once.

    >>> from rsinspect.networks.named import network
    >>> levels = summary_levels(network("50"), Question())
    >>> [row["path"] for row in levels.answer.table.rows[:3]], levels.depths[:3]
    (['input', 'input/image', 'input/rescaling'], (0, 1, 1))
    """
    shown = {level: _keys(network, question, level) for level in LEVELS}
    keys = tuple(key for key in COLUMNS if key != "kind")
    answers = {
        level: summary_answer(network, SummaryOptions(level=level, question=question, columns=keys))
        for level in LEVELS
    }
    table = answers["stage"].table
    rows = {
        level: tuple(
            zip(summary_rows(network.graph, level), answers[level].table.rows, strict=True)
        )
        for level in LEVELS
    }
    nested = tuple(_nested(rows))
    notes = dict.fromkeys(note for answer in answers.values() for note in answer.table.notes)
    return Levels(
        answers["stage"]._replace(
            table=table._replace(
                rows=tuple(values for _, values in nested),
                notes=tuple(notes),
                strong=frozenset(),
            )
        ),
        tuple(depth for depth, _ in nested),
        tuple(key for key in keys if not any(key in some for some in shown.values())),
    )


def _keys(network: Network, question: Question, level: Level) -> frozenset[str]:
    """Find which columns a summary of a level has where none are asked for."""
    answer = summary_answer(network, SummaryOptions(level=level, question=question))
    return frozenset(column.key for column in answer.table.columns)


Valued = tuple[SummaryRow, dict[str, Value]]


def _nested(rows: dict[Level, tuple[Valued, ...]]) -> Iterator[tuple[int, dict[str, Value]]]:
    """Put each row before what is in it, with how many rows enclose it."""
    blocks, layers = iter(rows["block"]), iter(rows["layer"])
    for stage, values in rows["stage"]:
        yield 0, values
        left = len(stage.layers)
        while left:
            block, block_values = next(blocks)
            left -= len(block.layers)
            apart = len(block.layers) < len(stage.layers)
            if apart:
                yield 1, block_values
            inside = len(block.layers)
            single = inside == 1
            while inside:
                layer, layer_values = next(layers)
                inside -= len(layer.layers)
                if not single:
                    yield 1 + apart, layer_values
