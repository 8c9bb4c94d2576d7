"""The runs that are kept, as they are at every moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from rsinspect.answers.table import Answer
from rsinspect.api.results import Run, TableResult
from rsinspect.profiling.record import document
from rsinspect.runs.place import is_there
from rsinspect.runs.store import open_store
from rsinspect.runs.stored import Selection, StoredRun

_SHOWN = 30


class Runs(TableResult):
    """Measurements that are kept in a store: a list of them, and each by its name.

    Attributes:
        path: Of the store's file; there may be none until a run is added.
    """

    def __init__(self, path: Path, selection: Selection) -> None:
        self.path = path
        self._selection = selection

    @property
    def _answer(self) -> Answer:  # type: ignore[override]  # as the store is now
        from rsinspect.runs.listing import runs_answer

        if not is_there(self.path):
            return runs_answer((), self.path)
        with open_store(self.path) as store:
            runs = islice(store.runs(self._selection), _SHOWN)
            answer = runs_answer(runs, self.path, store.sweeps())
        more = f"The last {_SHOWN}; list(runs) has all of them."
        notes = (*answer.table.notes, *([more] if len(answer.table.rows) == _SHOWN else []))
        return answer._replace(table=answer.table._replace(notes=notes))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[StoredRun]:
        """List what is known of each run without its samples, the one that was added last first."""
        if not is_there(self.path):
            return iter(())
        with open_store(self.path) as store:
            return iter(list(store.runs(self._selection)))

    def __getitem__(self, reference: str) -> Run:
        """Read a run, all of it.

        Args:
            reference: Its id, the beginning of one, a tag, or ``latest``.

        Raises:
            UnknownRun: If there is none.
            InvalidMeasurement: If it is no measurement.
        """
        with open_store(self.path) as store:
            return Run(store.find(reference).run())

    def add(self, run: Run, *, tags: Iterable[str] = ()) -> str:
        """Keep a run; one that is kept already is not kept twice.

        Args:
            run: What ``rsinspect.profile`` or ``rsinspect.load_run`` gave.
            tags: Names for it.

        Returns:
            Its id.

        Raises:
            RsInspectError: If it cannot be kept, or a tag cannot be one.
        """
        with open_store(self.path, write=True) as store:
            return store.add(document.to_json(run.record), tags=tags)

    def tag(self, reference: str, name: str) -> str:
        """Name a run; a name that another had is its no more.

        Args:
            reference: Its id, or how that begins, a tag, or ``latest``.
            name: Letters, digits and ``. _ + -``, at most 80.

        Returns:
            The run's id.

        Raises:
            RsInspectError: If there is no such run, or that cannot be a tag.
        """
        with open_store(self.path, write=True) as store:
            return store.tag(reference, name)

    def untag(self, name: str) -> None:
        """Take a name away; the run stays.

        Args:
            name: The tag.

        Raises:
            UnknownRun: If no run has it.
        """
        with open_store(self.path, write=True) as store:
            store.untag(name)

    def export(self, path: str | Path, *, samples: bool = False) -> None:
        """Write the runs for other programs.

        Args:
            path: The suffix chooses: ``.json`` (whole runs), ``.csv`` or ``.parquet`` (a row for
                each), ``.db`` (a store of their own).
            samples: A row for each sample instead.

        Raises:
            RsInspectError: If they cannot be written.
        """
        from rsinspect.base.files import write_whole
        from rsinspect.runs.exports import EXPORTS, copied, exported

        path = Path(path)
        kind = EXPORTS.of(path)
        with open_store(self.path) as store:
            runs = store.runs(self._selection)
            if kind == "db":
                copied(runs, self.path, path)
            else:
                write_whole(path, exported(runs, kind, self.path, samples=samples))
