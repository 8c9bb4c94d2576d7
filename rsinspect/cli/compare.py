"""``rsinspect compare``."""

from rsinspect.base.errors import RsInspectError


def compare() -> None:
    """Say whether B is really slower than A, by how much, and where."""
    raise RsInspectError("not there yet")
