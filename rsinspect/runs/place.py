"""Where the store of runs is: the file that was named, or the user's own."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "RSINSPECT_DB"
"""Environment variable with the file of the store, in place of the one in the user's data."""


def database_path(given: Path | None = None) -> Path:
    """Locate the store: the file that was named, else that of ``RSINSPECT_DB``, else the user's.

    Args:
        given: As somebody named it; None where nobody did.
    """
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return users_own()


def users_own() -> Path:
    """Locate the store in the user's data, as each system has them."""
    import platformdirs  # only who keeps runs

    return Path(platformdirs.user_data_dir("rsinspect", appauthor=False)) / "runs.db"
