"""A file with weights looked at: what it is, what loading it would do, and what its numbers are.

Nothing of it is loaded: tensors are read one after the other, and only counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rsinspect.base.errors import WeightsError, check_choice
from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words, plural
from rsinspect.checkpoints.raw import DTYPES
from rsinspect.checkpoints.safety import LEVELS, Verdict, verdict
from rsinspect.checkpoints.tensor_file import file_at, tensor_file
from rsinspect.checkpoints.tensors import StoredTensor, TensorFile
from rsinspect.weights.identity import Identity, identified
from rsinspect.weights.placement import placed
from rsinspect.weights.roles import TRAINED, Role, roles
from rsinspect.weights.statistics import Statistics, statistics_of

FAULTS = {
    "nan": "NaN in {}: {}.",
    "infinite": "Infinite numbers in {}: {}.",
    "constant": "All one number, as if never trained, in {}: {}.",
    "dead": "Dead channels in {}: {}.",
}
"""What may be wrong with numbers, and how it is said."""

FAILURES = (*LEVELS, *FAULTS)
"""What a file can be refused for: what it would do when it is loaded, or what its numbers are."""

_WITHOUT_ORDER = ("complex64", "complex128")


class Looked(NamedTuple):
    """A tensor that was looked at.

    Attributes:
        tensor: As the file has it.
        role: What it is to its layer.
        statistics: Of its numbers; None where it has none that are read.
        place: Which weight of the network it is, ``c2/block0/conv1/kernel``; None where the network
            is not known, or it is none of its weights.
    """

    tensor: StoredTensor
    role: Role
    statistics: Statistics | None
    place: str | None = None

    @property
    def called(self) -> str:
        """Return the place of the weight, or else the name of the tensor."""
        return self.place or self.tensor.name

    @property
    def stage(self) -> str | None:
        """Return the stage that the weight is of."""
        return None if self.place is None else self.place.partition("/")[0]

    def has(self, fault: str) -> bool:
        """Tell whether something is wrong with its numbers, one of ``FAULTS``."""
        if (found := self.statistics) is None:
            return False
        match fault:
            case "nan":
                return found.nans > 0
            case "infinite":
                return found.infinities > 0
            case "constant":
                return found.is_constant and self.role.kind in TRAINED
            case _:
                return bool(found.dead)


class Inspection(NamedTuple):
    """What was found in a file.

    Attributes:
        path: Of the file.
        format: Which it has.
        facts: What else it says of itself.
        tensors: All of them, in the order of the network where it is known, else of the file.
        verdict: What loading it would do.
        identity: Which network it is of; None where its tensors were not read.
        unread: Why its tensors were not read; None where they were.
    """

    path: Path
    format: str | None
    facts: dict[str, str]
    tensors: tuple[Looked, ...]
    verdict: Verdict
    identity: Identity | None = None
    unread: str | None = None

    def refused_for(self, reasons: Iterable[str]) -> tuple[str, ...]:
        """Say what the file is refused for, a line for each thing.

        Args:
            reasons: Of ``FAILURES``, by ``failing``; a level of danger means the worse ones too.
        """
        asked = tuple(reasons)
        levels = [LEVELS.index(reason) for reason in asked if reason in LEVELS]
        findings = [
            f"{finding.level}: {finding}"
            for finding in self.verdict.findings
            if levels and LEVELS.index(finding.level) <= max(levels)
        ]
        return (*findings, *self.faults(reason for reason in asked if reason in FAULTS))

    def faults(self, asked: Iterable[str] = FAULTS) -> tuple[str, ...]:
        """Name the tensors with which something is wrong, a line for each thing of ``FAULTS``."""
        lines = []
        for fault in asked:
            if names := self.with_fault(fault):
                listed = names_in_words([showable(name, 100) for name in names], 2)
                lines.append(FAULTS[fault].format(plural(len(names), "tensor"), listed))
        return tuple(lines)

    def with_fault(self, fault: str) -> tuple[str, ...]:
        """Name the tensors with which something is wrong, one of ``FAULTS``."""
        return tuple(one.called for one in self.tensors if one.has(fault))


def failing(reasons: Iterable[str]) -> tuple[str, ...]:
    """Check what a file is to be refused for.

    Raises:
        InvalidChoice: If there is no such reason.
    """
    for reason in (checked := tuple(reasons)):
        check_choice("reason to fail", reason, FAILURES)
    return checked


def inspection(path: Path) -> Inspection:
    """Look at a file and at every tensor in it.

    Raises:
        WeightsError: If there is no such file, or it is damaged; one that would do something when
            it is loaded is told about all the same.
    """
    path = file_at(path)
    judged = verdict(path)
    try:
        with tensor_file(path) as file:
            identity, facts = identified(file), dict(file.facts)
            return Inspection(path, file.format, facts, _tensors(file, identity), judged, identity)
    except WeightsError as exc:
        if judged.level not in ("danger", "caution"):
            raise
        return Inspection(path, None, {}, (), judged, unread=exc.message)


def _tensors(file: TensorFile, identity: Identity) -> tuple[Looked, ...]:
    """Look at every tensor."""
    places = {}
    if identity.network is not None:
        weights = placed(file, identity.network).weights
        places = {one.tensor: f"{one.path}/{one.weight}" for one in weights if one.tensor}
    found = roles(file.tensors)
    return tuple(
        _looked(file, file.tensors[name], found[name])._replace(place=places.get(name))
        for name in (*places, *(name for name in file.tensors if name not in places))
    )


def _looked(file: TensorFile, tensor: StoredTensor, role: Role) -> Looked:
    if tensor.dtype not in DTYPES or tensor.dtype in _WITHOUT_ORDER:
        return Looked(tensor, role, None)
    return Looked(tensor, role, statistics_of(file.slabs(tensor.name), role))
