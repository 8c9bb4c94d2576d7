"""Files that are written whole or not at all, and the text templates that ship with the package."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rsinspect.base.errors import OutputNotWritable


def check_writable(path: Path) -> None:
    """Refuse an output path early, before any work is done for it.

    Raises:
        OutputNotWritable: If the path is a directory, its directory is missing or not writable.
    """
    if path.is_dir():
        raise OutputNotWritable(f"{path} is a directory", "name a file in it")
    directory = path.parent
    if not directory.is_dir():
        raise OutputNotWritable(
            f"the directory {directory} does not exist", f"create it first: mkdir -p {directory}"
        )
    if not os.access(directory, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputNotWritable(f"{path} cannot be written", "choose a place you may write to")


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to a temporary file beside ``path``, then rename it: all or nothing.

    Raises:
        OutputNotWritable: If the system refuses.
    """
    check_writable(path)
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as exc:
        raise OutputNotWritable(f"{path} cannot be written: {exc.strerror}") from exc
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def template(name: str) -> str:
    """Read a template: the installed package's copy, or the checkout's ``templates/``."""
    package = Path(__file__).parents[1]
    inside, beside = package / "templates" / name, package.parent / "templates" / name
    return (inside if inside.is_file() else beside).read_text(encoding="utf-8")
