"""Which layout a file of Keras's has, before anything in it is looked at."""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Iterator
from pathlib import Path

from rsinspect.base.errors import RsInspectError, WeightsError
from rsinspect.base.sources import near_file
from rsinspect.base.text import showable

KERAS_2 = (".h5", ".hdf5")
KERAS_3 = ".weights.h5"
ARCHIVE = ".keras"

WHOLE_MODEL = "model_weights"
"""Group in which a file of Keras 2 has the weights of a whole model."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

MOST_SAID = 400
"""Letters of a name or of another's error that one of ours repeats."""


def layout_of(path: Path) -> str:
    """Tell the layout by the ending of the name.

    Raises:
        WeightsError: If it is none of ours.
    """
    for ending in (KERAS_3, ARCHIVE, *KERAS_2):
        if path.name.lower().endswith(ending):
            return ending
    raise WeightsError(
        f"{said(path)!r} is not a weight file that can be read",
        "Keras's have names that end in .h5, .weights.h5 or .keras; imagenet and imagenet-i<size> "
        "are the published ones",
    )


def said(path: Path) -> str:
    """Write a path so that it may be shown."""
    return showable(str(path), MOST_SAID)


def start_of(path: Path, most: int = len(HDF5_SIGNATURE)) -> bytes:
    """Read the first bytes of a file, as many as tell what it is.

    Raises:
        WeightsError: If it is no file with bytes in it.
    """
    with file_opened(path) as file:
        return file.read(most)


@contextlib.contextmanager
def file_opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, good while the context lasts.

    Raises:
        WeightsError: If it is no file with bytes in it, and opening a pipe would wait for a writer;
            or if the system reads no further.
    """
    name = said(path)
    try:
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            raise WeightsError(f"{name} is a directory, not a file")
        if not stat.S_ISREG(mode):
            raise WeightsError(f"{name} is a pipe, a socket or a device, not a file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as exc:
        raise WeightsError(f"there is no file {name}", near_file(path)) from exc
    except OSError as exc:
        raise WeightsError(f"{name} cannot be read: {exc.strerror or one_line(exc)}") from exc


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except ValueError as exc:  # a NUL in its name
        raise WeightsError(f"{said(path)} cannot be read: {one_line(exc)}") from exc


def is_file(path: Path) -> bool:
    """Tell whether there is a file; of a name that no system takes, who opens it says so."""
    try:
        return path.is_file()
    except OSError:
        return True


def one_line(value: object) -> str:
    """Say what an exception or a value says, without line breaks."""
    return showable(" ".join(str(value).split()), MOST_SAID) or type(value).__name__


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Put into our words what a reader raises on a file that is not what it seems.

    Raises:
        WeightsError: In its place.
    """
    try:
        yield
    except RsInspectError:
        raise
    except (OSError, LookupError, ValueError, RuntimeError, TypeError, AttributeError,
            MemoryError) as exc:  # fmt: skip
        raise WeightsError(
            f"{name} cannot be read: {one_line(exc)}", "fetch or save it again"
        ) from exc
