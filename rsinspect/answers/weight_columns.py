"""The columns of a summary that say what the numbers of a file's weights are like."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from rsinspect.answers.columns import ColumnSpec, Whole
from rsinspect.answers.rows import SummaryRow
from rsinspect.answers.table import Value
from rsinspect.layers.question import Question


class Numbers(Protocol):
    """What the numbers of some weights are like (``weights.statistics``)."""

    @property
    def nans(self) -> int:
        """Count those that are no number."""

    @property
    def infinities(self) -> int:
        """Count the infinite ones."""

    @property
    def zeros(self) -> int:
        """Count the zeros."""

    @property
    def finite(self) -> int:
        """Count the finite ones."""

    @property
    def least(self) -> float | None:
        """Return the smallest of the finite ones."""

    @property
    def greatest(self) -> float | None:
        """Return their largest."""

    @property
    def mean(self) -> float | None:
        """Return their mean."""

    @property
    def deviation(self) -> float | None:
        """Return their standard deviation."""

    @property
    def dead(self) -> int | None:
        """Count the dead channels."""


class Weighed(Protocol):
    """The weights of a network in a file (``weights.layer_weights``)."""

    def of(self, paths: Iterable[str]) -> Numbers | None:
        """Join what is known of some layers; None where none of them has weights."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what the numbers are of."""


def _of(value: Callable[[Numbers], Value]) -> Callable[[SummaryRow, Whole], Value]:
    def found(row: SummaryRow, whole: Whole) -> Value:
        numbers = numbers_of(row, whole)
        return None if numbers is None else value(numbers)

    return found


def numbers_of(row: SummaryRow, whole: Whole) -> Numbers | None:
    """Look up the numbers of a row's layers; None where it has none, or no file is given."""
    return None if whole.weights is None else whole.weights.of(x.path for x in row.layers)


def _note(rows: Iterable[SummaryRow], question: Question) -> str:
    return (
        "Dead channels: a kernel that is all zero, or a gamma that is next to it. Bad: NaN or "
        "infinite, moving statistics included."
    )


def _number(key: str, head: str, value: Callable[[Numbers], Value]) -> ColumnSpec:
    return ColumnSpec(key, head, _of(value), "number", decimals=4)


WEIGHT_COLUMNS: dict[str, ColumnSpec] = {
    spec.key: spec
    for spec in (
        _number("weight_min", "Min", lambda found: found.least),
        _number("weight_max", "Max", lambda found: found.greatest),
        _number("weight_mean", "Mean", lambda found: found.mean),
        _number("weight_std", "Std", lambda found: found.deviation),
        ColumnSpec(
            "weight_zeros", "Zeros",
            _of(lambda found: found.zeros / found.finite if found.finite else None), "percent",
        ),
        ColumnSpec(
            "dead_channels", "Dead", _of(lambda found: found.dead), "integer", notes=(_note,)
        ),
        ColumnSpec(
            "bad_numbers", "Bad", _of(lambda found: found.nans + found.infinities), "integer",
            notes=(_note,),
        ),
    )
}  # fmt: skip
"""By key, in the order of a table that shows them all."""


def numbers_document(numbers: Numbers | None) -> dict[str, Any] | None:
    """Write the numbers of a row as plain JSON values; None for none."""
    if numbers is None:
        return None
    return {
        "finite": numbers.finite,
        "nans": numbers.nans,
        "infinities": numbers.infinities,
        "zeros": numbers.zeros,
        "min": numbers.least,
        "max": numbers.greatest,
        "mean": numbers.mean,
        "std": numbers.deviation,
        "dead_channels": numbers.dead,
    }
