"""Options of the store of runs: which file it is, and what is kept there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rsinspect.base.embedded import page_named
from rsinspect.base.errors import RsInspectError
from rsinspect.base.talk import say
from rsinspect.cli.claims import reads_store
from rsinspect.cli.declaration import option

_PANEL = "Store of runs"

Db = Annotated[
    Path | None,
    option(
        "--db",
        help="File of the store. Default: that of $RSINSPECT_DB, else one among your data.",
        panel=_PANEL,
        callback=reads_store,
    ),
]


def kept(incomplete: str) -> Iterable[str]:
    """List runs of the store as people name them: tags, the latest, and ids once one is begun."""
    from rsinspect.runs.place import database_path
    from rsinspect.runs.references import LATEST, looks_like_id
    from rsinspect.runs.store import open_store

    try:
        with open_store(database_path()) as store:
            ids = [run.id for run in store.runs()] if looks_like_id(f"{incomplete}0000") else []
            return [LATEST, *store.tags(), *ids]
    except RsInspectError:  # there is none, or nothing of it can be read
        return [LATEST]


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class RecordOptions:
    """Whether what is measured is kept, and under which name."""

    record: Annotated[
        bool, option("--record", help="Also keep it in the store of runs.", panel=_PANEL)
    ] = False
    tag: Annotated[
        str | None, option("--tag", help="Keep it there under this name.", panel=_PANEL)
    ] = None
    db: Db = None

    @property
    def wanted(self) -> bool:
        """Tell whether it is to be kept; who names a store or a tag wants that too."""
        return self.record or self.tag is not None or self.db is not None

    def check(self) -> None:
        """Refuse a store that cannot be written and a name that cannot be one, beforehand.

        Raises:
            StoreError: With the reason.
            OutputNotWritable: Likewise.
        """
        if self.wanted:
            from rsinspect.runs.place import database_path
            from rsinspect.runs.references import check_tag
            from rsinspect.runs.store import check_store

            if self.tag is not None:
                check_tag(self.tag)
            check_store(database_path(self.db))

    def keep(self, document: Mapping[str, Any], saved: Path | None = None) -> None:
        """Keep a document, and say under which name.

        Args:
            document: Of what was measured.
            saved: The file it was read from, which is kept as it is: a later rsinspect would
                write it otherwise, and importing it would keep it twice.

        Raises:
            StoreError: If it cannot be kept.
        """
        from rsinspect.runs.place import database_path
        from rsinspect.runs.store import open_store

        if saved is not None and page_named(str(saved)) is None:
            from rsinspect.base import codec
            from rsinspect.base.sources import content_of

            document = codec.from_text(content_of(saved))
        path = database_path(self.db)
        with open_store(path, write=True) as store:
            id = store.add(document, tags=() if self.tag is None else (self.tag,))
        say(f"kept as {id}{'' if self.tag is None else f', {self.tag},'} in {path}")
