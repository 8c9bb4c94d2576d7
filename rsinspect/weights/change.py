"""What became of the weights in a file: two files compared, tensor by tensor.

Tensors are paired by the weights of a ResNet-RS that they are, where both files have one of the
same wiring, whosever names they have; else by their names.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.base.text import showable
from rsinspect.checkpoints.layout import said
from rsinspect.checkpoints.raw import DTYPES
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.checkpoints.tensors import TensorFile
from rsinspect.networks.network import Network
from rsinspect.weights.identity import Identity, identified
from rsinspect.weights.roles import TRAINED, Kind, roles

_AT_ONCE = 1 << 20
"""Numbers that are compared at once, in double precision."""

STATISTICS = ("moving_mean", "moving_variance")


class Change(NamedTuple):
    """How numbers differ; those that are not finite in either file are counted and left out.

    Attributes:
        elements: How many numbers there are.
        changed: How many differ.
        uncompared: How many are not finite in one file at least.
        largest: The largest difference.
        apart: The sum of the squares of all differences.
        before: The sum of the squares of the numbers of A.
        after: Likewise of B.
        product: The sum of the products of the two.
    """

    elements: int = 0
    changed: int = 0
    uncompared: int = 0
    largest: float = 0.0
    apart: float = 0.0
    before: float = 0.0
    after: float = 0.0
    product: float = 0.0

    @property
    def is_frozen(self) -> bool:
        """Tell whether all numbers are the same."""
        return self.changed == 0

    @property
    def relative(self) -> float | None:
        """Return the norm of the difference by that of A; None where A is all zero and B is not."""
        if not self.apart:
            return 0.0
        return math.sqrt(self.apart / self.before) if self.before else None

    @property
    def cosine(self) -> float | None:
        """Return the cosine between the two; None where one is all zero."""
        norms = math.sqrt(self.before) * math.sqrt(self.after)
        if not norms:
            return None
        return 1.0 if self.is_frozen else max(-1.0, min(1.0, self.product / norms))

    def __add__(self, other: object) -> Change:
        """Join two sets of numbers."""
        if not isinstance(other, Change):
            return NotImplemented
        return Change(
            self.elements + other.elements,
            self.changed + other.changed,
            self.uncompared + other.uncompared,
            max(self.largest, other.largest),
            self.apart + other.apart,
            self.before + other.before,
            self.after + other.after,
            self.product + other.product,
        )


def change_of(one: Any, two: Any) -> Change:
    """Compare two arrays of one shape.

    >>> import numpy as np
    >>> found = change_of(np.array([3.0, 4.0, 1.0]), np.array([3.0, 4.0, 1.5]))
    >>> found.changed, found.largest, round(found.relative, 3)
    (1, 0.5, 0.098)
    """
    import numpy as np

    one, two, whole = one.reshape(-1), two.reshape(-1), Change()
    for start in range(0, one.size, _AT_ONCE):
        a, b = (part[start : start + _AT_ONCE].astype(np.float64) for part in (one, two))
        finite = np.isfinite(a) & np.isfinite(b)
        alike = (a == b) | (np.isnan(a) & np.isnan(b))
        changed, uncompared = int(a.size - alike.sum()), int(a.size - finite.sum())
        if uncompared:
            a, b = a[finite], b[finite]
        apart = b - a
        whole += Change(
            finite.size,
            changed,
            uncompared,
            float(np.abs(apart).max(initial=0.0)),
            float(apart @ apart),
            float(a @ a),
            float(b @ b),
            float(a @ b),
        )
    return whole


class Pair(NamedTuple):
    """A tensor of both files.

    Attributes:
        name: Its weight in the network, ``c2/block0/conv1/kernel``; its name where none is known.
        a: Its name in A.
        b: Its name in B.
        kind: What it is to its layer.
        shape: Of the tensor, as Keras has it where the weight is known.
        change: From A to B; None where its numbers are not read.
    """

    name: str
    a: str
    b: str
    kind: Kind
    shape: tuple[int, ...]
    change: Change | None


class Side(NamedTuple):
    """One of the files.

    Attributes:
        path: Of the file.
        format: Which it has.
        identity: Which network it is of.
        alone: Tensors that the other file does not have.
    """

    path: Path
    format: str
    identity: Identity
    alone: tuple[str, ...]


class Comparison(NamedTuple):
    """Two files, compared.

    Attributes:
        a: What came before.
        b: What came after.
        network: Of both, where tensors were paired by its weights.
        pairs: Tensors that both have in one shape.
        misshaped: Names of those that they have in different shapes, with both shapes.
    """

    a: Side
    b: Side
    network: Network | None
    pairs: tuple[Pair, ...]
    misshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    def moved_statistics(self) -> tuple[str, ...]:
        """Name the stages whose norms took new statistics while nothing that is trained changed."""
        stages: dict[str, dict[bool, bool]] = {}
        for pair in self.pairs if self.network is not None else ():
            if pair.change is not None and pair.kind in (*TRAINED, *STATISTICS):
                seen = stages.setdefault(stage_of(pair), {})
                moved = pair.kind in STATISTICS
                seen[moved] = seen.get(moved, False) or not pair.change.is_frozen
        return tuple(
            name for name, seen in stages.items() if seen.get(True) and not seen.get(False)
        )


def stage_of(pair: Pair) -> str:
    """Name the stage of a weight: the first part of its path."""
    return pair.name.partition("/")[0]


class _Weight(NamedTuple):
    """A tensor of one file, ready to be compared.

    Attributes:
        tensor: Its name there.
        shape: As the other file's is to be.
        kind: What it is to its layer.
        read: Reads it in that shape; None where it has no numbers.
    """

    tensor: str
    shape: tuple[int, ...]
    kind: Kind
    read: Callable[[], Any] | None


def comparison(a: Path, b: Path) -> Comparison:
    """Compare two files.

    Raises:
        WeightsError: If one is missing or damaged, or they have no tensor in common.
    """
    with tensor_file(a) as one, tensor_file(b) as two:
        known = identified(one), identified(two)
        with contextlib.ExitStack() as stack:
            network = _same_network(*known)
            try:
                weights = [stack.enter_context(_held(path, network)) for path in (a, b) if network]
            except WeightsError:  # it has the arrays, and not in their places
                weights = []
            if weights:
                return _compared((one, two), known, weights, network)
            return _compared((one, two), known, (_named(one), _named(two)), None)


def _same_network(one: Identity, two: Identity) -> Network | None:
    """Return the network that both files are of, heads aside; None where there is none."""
    if not (one.is_resnet_rs and two.is_resnet_rs and one.spec and two.spec):
        return None
    a, b = (known.spec.replace(include_top=False, pooling=None) for known in (one, two))  # type: ignore[union-attr]
    alike = all(getattr(a, part) == getattr(b, part) for part in ("blocks", "width", "channels"))
    shared = [name for name in one.dialects if name in two.dialects]
    return one.network if alike and shared else None


@contextlib.contextmanager
def _held(path: Path, network: Network) -> Iterator[dict[str, _Weight]]:
    """Find the weights of a network in a file, by path and weight."""
    from rsinspect.weights.resnet_rs_file import resnet_rs_file

    with resnet_rs_file(path, network) as found:
        yield {
            f"{place.path}/{place.weight}": _Weight(
                name,
                place.keras_shape(tensor.shape),
                place.weight,
                lambda name=name: found.read(name),  # type: ignore[misc]
            )
            for name, place, tensor in found.weights()
        }


def _named(file: TensorFile) -> dict[str, _Weight]:
    """List the tensors of a file by their names."""
    kinds = roles(file.tensors)
    return {
        name: _Weight(
            name,
            tensor.shape,
            kinds[name].kind,
            (lambda name=name: file.read(name)) if tensor.dtype in DTYPES else None,  # type: ignore[misc]
        )
        for name, tensor in file.tensors.items()
    }


def _compared(
    files: tuple[TensorFile, TensorFile],
    known: tuple[Identity, Identity],
    weights: Sequence[Mapping[str, _Weight]],
    network: Network | None,
) -> Comparison:
    """Compare what both files have, and list what one of them has."""
    ours, theirs = weights
    common = [name for name in ours if name in theirs]
    if not common:
        raise WeightsError(
            f"{said(files[0].path)} and {said(files[1].path)} have no tensor in common: "
            f"{_first(files[0])} and {_first(files[1])}",
            "compare files of one network; a ResNet-RS may have the names of another code base",
        )
    same = [name for name in common if ours[name].shape == theirs[name].shape]
    misshaped = {n: (ours[n].shape, theirs[n].shape) for n in common if n not in set(same)}
    taken = [{side[name].tensor for name in common} for side in weights]
    sides = [
        Side(file.path, file.format, one, tuple(_beside(file.tensors, gone)))
        for file, one, gone in zip(files, known, taken, strict=True)
    ]
    pairs = tuple(_pair(name, ours[name], theirs[name]) for name in same)
    return Comparison(sides[0], sides[1], network, pairs, misshaped)


def _beside(names: Iterable[str], taken: set[str]) -> Iterator[str]:
    return (name for name in names if name not in taken)


def _pair(name: str, one: _Weight, two: _Weight) -> Pair:
    change = None
    if one.read is not None and two.read is not None:
        change = change_of(one.read(), two.read())
    return Pair(name, one.tensor, two.tensor, one.kind, one.shape, change)


def _first(file: TensorFile) -> str:
    return showable(next(iter(file.tensors), "none at all"), 80)
