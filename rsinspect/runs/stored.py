"""A run of the store, as it is listed, and which of them are meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.profiling.record import document as profiles
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.runs.facts import Facts

State = Literal["waiting", "done", "failed"]

_NOT_MEASURED = {
    "prediction": "a prediction",
    "fastest": "a contest of several ways to run one",
    "compare": "a comparison of two",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun(Facts):
    """A run of the store; its document is read when it is asked for, while the store is open.

    Attributes:
        id: ``r`` and 12 hexadecimal digits of what its document is.
        number: Of runs that were added later is larger, whatever the clock said.
        tags: Names that somebody gave it.
    """

    id: str
    number: int
    tags: tuple[str, ...] = ()
    _load: Callable[[], dict[str, Any]] = field(repr=False, compare=False)

    def document(self) -> dict[str, Any]:
        """Read the whole document.

        Raises:
            StoreDamaged: If it is not what was kept.
        """
        return self._load()

    def run(self) -> ProfileRun:
        """Read the run, all samples and all.

        Raises:
            InvalidMeasurement: If it is none: a prediction or a comparison.
            StoreDamaged: If it is not what was kept.
        """
        if self.kind != "profile":
            what = _NOT_MEASURED.get(self.kind, self.kind)
            raise InvalidMeasurement(f"run {self.id} is {what}, not the measurement of a network")
        return profiles.from_json(self._load())


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which runs are meant: those of which all that is said here is true.

    Attributes:
        model: Name or title, with ``*`` for anything.
        fingerprint: Of the network's graph.
        resolution: Height and width.
        batch: Images in a batch.
        precision: Of the numbers computed with.
        mode: ``forward`` or ``train``.
        device: ``cpu``, ``gpu`` or ``gpu:1``.
        backend: Keras backend.
        tag: With ``*`` for anything.
        machine: In 12 hexadecimal digits, or how they begin.
        since_s: Started then or later, in seconds since 1970.
        kind: ``profile`` for measurements; None for everything that is kept.
        sweep: Measured for that sweep.
    """

    model: str | None = None
    fingerprint: str | None = None
    resolution: tuple[int, int] | None = None
    batch: int | None = None
    precision: str | None = None
    mode: str | None = None
    device: str | None = None
    backend: str | None = None
    tag: str | None = None
    machine: str | None = None
    since_s: float | None = None
    kind: str | None = None
    sweep: str | None = None

    def includes(self, run: StoredRun) -> bool:
        """Tell whether a run is meant, as far as the run itself tells; not whose sweep it is of."""
        exact = ("fingerprint", "batch", "precision", "mode", "device", "backend", "kind")
        return (
            all(getattr(self, name) in (None, getattr(run, name)) for name in exact)
            and self.resolution in (None, (run.height, run.width))
            and (self.model is None or _matches(self.model, run.model, run.title))
            and (self.tag is None or _matches(self.tag, *run.tags))
            and (self.machine is None or (run.machine or "").startswith(self.machine))
            and (self.since_s is None or (run.started_s or 0.0) >= self.since_s)
        )


ALL = Selection()


def _matches(pattern: str, *names: str | None) -> bool:
    return any(name is not None and fnmatchcase(name.lower(), pattern.lower()) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellState:
    """How far a cell of a sweep is.

    Attributes:
        key: Its name within the sweep.
        state: ``waiting``, ``done`` or ``failed``.
        run: The id of what was measured; None where nothing was, or it was deleted since.
        reason: Why it failed.
        attempts: How often it was carried out to its end.
    """

    key: str
    state: State
    run: str | None
    reason: str | None
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSweep:
    """A sweep of the store.

    Attributes:
        id: ``s`` and 12 hexadecimal digits of what its plan is.
        document: The plan.
        waiting: Number of cells that were not carried out.
        done: Number of cells with a run.
        failed: Number of cells that came to no run.
    """

    id: str
    document: dict[str, Any]
    waiting: int
    done: int
    failed: int
