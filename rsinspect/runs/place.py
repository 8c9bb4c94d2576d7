"""Where the store of runs is: the file that was named, or the user's own."""

from __future__ import annotations

import os
from pathlib import Path

from rsinspect.base.errors import StoreUnusable
from rsinspect.base.words import Option, advice, quoted

OTHER_FILE = advice("name another file with {}", Option("db"))

VARIABLE = "RSINSPECT_DB"
"""Environment variable with the file of the store, in place of the one in the user's data."""


def database_path(given: Path | None = None) -> Path:
    """Locate the store: the file that was named, else that of ``RSINSPECT_DB``, else the user's.

    Args:
        given: As somebody named it; None where nobody did.

    Raises:
        StoreUnusable: If nobody did, and the system does not say where the user's own data are.
    """
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(os.path.expanduser(named))  # noqa: PTH111  # there may be no home
    return users_own()


def is_there(path: Path) -> bool:
    """Tell whether something is where a store would be.

    Raises:
        StoreUnusable: If the system does not say: nobody may look there, or it is no name.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise StoreUnusable(f"{quoted(str(path))} cannot be opened: {why}", OTHER_FILE) from exc
    except ValueError as exc:  # a NUL in its name
        raise StoreUnusable(f"{str(path)!r:.80} is no name of a file", OTHER_FILE) from exc
    return True


def users_own() -> Path:
    """Locate the store in the user's data, as each system has them.

    Raises:
        StoreUnusable: If the system does not say where that is.
    """
    import platformdirs  # only who keeps runs

    try:
        folder = Path(platformdirs.user_data_dir("rsinspect", appauthor=False))
    except RuntimeError:  # no HOME, and no such user
        folder = Path()
    if not folder.is_absolute():
        raise StoreUnusable(
            "no place to keep runs: nobody says where your home directory is",
            f"set HOME to a full path, or {VARIABLE} to the file to keep them in",
        )
    return folder / "runs.db"
