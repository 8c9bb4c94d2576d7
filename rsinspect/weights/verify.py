"""Whether a file has the weights of a network: what is missing, extra or of another shape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base import limits
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.units import dimensions, grouped
from rsinspect.base.words import Option, advice, plural
from rsinspect.checkpoints.layout import said
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.networks.network import Network
from rsinspect.weights.identity import Identity, identified
from rsinspect.weights.placement import Placed, Placement, placed
from rsinspect.weights.signatures import Shape

SCHEMA = "rsinspect.weights_verify/1"
"""Version of the JSON document. 1: first."""


class Verified(NamedTuple):
    """A file beside a network.

    Attributes:
        path: Of the file.
        format: Which it has.
        network: Whose weights it should have.
        placement: Which tensor is which weight.
        identity: What the file is, whatever it should be.
    """

    path: Path
    format: str
    network: Network
    placement: Placement
    identity: Identity

    @property
    def fits(self) -> bool:
        """Tell whether file and network have the same weights, and no others."""
        return self.placement.fits

    @property
    def conclusion(self) -> str:
        """Say in one sentence whether they do."""
        placement, name = self.placement, self.network.name
        if self.fits:
            return (
                f"All {plural(len(placement.weights), 'tensor')} of {name} are there, and no other."
            )
        parts = [
            f"{grouped(number)} {what}"
            for number, what in (
                (len(placement.missing), "missing"),
                (len(placement.misshaped), "of another shape"),
                (len(placement.extra), "extra"),
            )
            if number
        ]
        return (
            f"Does not fit {name}: {', '.join(parts)}; {grouped(placement.found)} of "
            f"{grouped(len(placement.weights))} are as they should be."
        )


def verified(path: Path, network: Network) -> Verified:
    """Hold a file to a network.

    Args:
        path: Of a file of any format.
        network: Of any kind.

    Raises:
        WeightsError: If there is no such file, or it is damaged.
    """
    with tensor_file(path) as file:
        return Verified(path, file.format, network, placed(file, network), identified(file))


def verify_answer(found: Verified, *, every: bool = False, limit: int | None = None) -> Answer:
    """Tabulate what does not fit, a row per tensor.

    Args:
        found: A file beside a network.
        every: Whether to list what fits too.
        limit: How many rows to keep; None for all.

    Raises:
        InvalidQuestion: If no row would be kept.
    """
    if limit is not None:
        limits.ROWS.check(limit, InvalidQuestion)
    rows = tuple(_differences(found.placement, every=every))
    table = Table(
        title=f"{said(found.path)} for {found.network.short_title}",
        columns=_DIFFERENCES if rows else _STAGES,
        rows=(rows or tuple(_stages(found)))[:limit],
        lead=(found.conclusion, *_file_itself(found)),
        notes=(*_cut(len(rows), limit), *_notes(found)),
        name=f"verify-{found.network.name}",
    )
    return Answer(table, lambda: _document(found))


_DIFFERENCES = (
    Column("outcome", "Outcome"),
    Column("path", "Layer"),
    Column("weight", "Weight"),
    Column("shape", "In the\nnetwork"),
    Column("stored", "In the\nfile"),
    Column("tensor", "Tensor of the file", wraps=True),
)
_STAGES = (
    Column("path", "Path"),
    Column("tensors", "Tensors", "integer"),
    Column("elements", "Numbers", "count"),
)


def _differences(placement: Placement, *, every: bool) -> Iterator[dict[str, Value]]:
    """List tensors that do not fit, a row each, and where asked for those that do."""
    for each in placement.missing:
        yield _row(each, "missing")
    for each in placement.misshaped:
        yield _row(each, "other shape")
    for name, shape in placement.extra.items():
        yield {"outcome": "extra", "tensor": name, "stored": _size(shape)}
    for each in placement.weights if every else ():
        if each.fits:
            yield _row(each, "fits")


def _stages(found: Verified) -> Iterator[dict[str, Value]]:
    """List the stages of a network whose weights all are there."""
    structure = found.network.structure
    tensors: dict[str, list[int]] = {}
    for each in found.placement.weights:
        if each.path in found.network.graph:
            stage = structure.group_of(each.path).stage
            tensors.setdefault(stage, []).append(math.prod(each.shape))
    for stage, elements in tensors.items():
        yield {"path": stage, "tensors": len(elements), "elements": sum(elements)}


def _row(each: Placed, outcome: str) -> dict[str, Value]:
    return {
        "outcome": outcome,
        "path": each.path,
        "weight": each.weight,
        "shape": _size(each.shape),
        "stored": None if each.stored is None else _size(each.stored),
        "tensor": each.tensor,
    }


def _size(shape: Shape) -> str:
    return dimensions(shape) or "a scalar"


def _cut(rows: int, limit: int | None) -> Iterator[str]:
    if limit is not None and rows > limit:
        yield f"{grouped(rows - limit)} more rows are not shown."


def _file_itself(found: Verified) -> Iterator[str]:
    """Say what a file is that does not fit."""
    if not found.fits:
        yield f"The file: {found.identity.sentence()}"


def _notes(found: Verified) -> Iterator[Note]:
    """Say what would fit, and how the file was read."""
    placement = found.placement
    if not found.fits:
        yield from _advice(found)
    yield f"Read by {placement.by}; shapes with their axes as Keras has them."
    if placement.state:
        number = plural(len(placement.state), "tensor")
        yield f"Not counted: {number} that hold what training keeps beside weights."


def _advice(found: Verified) -> Iterator[Note]:
    """Name the option with which the network would have the head of the file."""
    spec, theirs, head = found.network.spec, found.identity.spec, found.identity.head
    if spec is None or theirs is None or head is None or spec.blocks != theirs.blocks:
        return
    if not head.arrays and spec.include_top:
        yield advice("It has no classifier: {}.", Option("include_top", False))
    elif head.top and head.classes and (head.classes != spec.classes or not spec.include_top):
        yield advice("Its classifier: {}.", Option("classes", head.classes))


def _document(found: Verified) -> dict[str, Any]:
    placement = found.placement
    return {
        "schema": SCHEMA,
        "file": str(found.path),
        "format": found.format,
        "model": found.network.document(),
        "fits": found.fits,
        "read_by": placement.by,
        "weights": len(placement.weights),
        "as_they_should_be": placement.found,
        "missing": [_in_json(each) for each in placement.missing],
        "misshaped": [_in_json(each) for each in placement.misshaped],
        "extra": [
            {"tensor": name, "stored_shape": list(shape)} for name, shape in placement.extra.items()
        ],
        "state": list(placement.state),
        "identity": found.identity.document(),
    }


def _in_json(each: Placed) -> dict[str, Any]:
    return {
        "path": each.path,
        "weight": each.weight,
        "shape": list(each.shape),
        "tensor": each.tensor,
        "stored_shape": None if each.stored is None else list(each.stored),
    }
