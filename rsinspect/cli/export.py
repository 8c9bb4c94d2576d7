"""``rsinspect export``."""

from rsinspect.base.errors import RsInspectError


def export() -> None:
    """Write a network for another runtime, open the file there, and compare what it says."""
    raise RsInspectError("not there yet")
