"""Options that say what an estimate is made from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rsinspect.cli.claims import reads_runs
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.recording import Db, kept

if TYPE_CHECKING:
    from rsinspect.estimates.estimate import Estimator

_PANEL = "Estimated from"


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class KnownOptions:
    """What an estimate is made from."""

    saved: Annotated[
        list[str] | None,
        option(
            "--from",
            help="A run: a file, or one of the store (id, tag, latest); repeatable. Default: the "
            "store's, of the machine and conditions of the latest.",
            panel=_PANEL,
            callback=reads_runs,
            autocompletion=completing(kept),
        ),
    ] = None
    roofline: Annotated[
        bool,
        option(
            "--roofline", help="Only from the roofs that a run measured: rougher.", panel=_PANEL
        ),
    ] = False
    db: Db = None

    def estimator(self) -> "Estimator":
        """Learn from them.

        Raises:
            RsInspectError: If there are none, or they do not go together.
        """
        from rsinspect.estimates.known import estimator

        return estimator(tuple(self.saved or ()), db=self.db, roofline=self.roofline)
