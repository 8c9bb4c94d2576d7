"""``rsinspect runs import``."""

from rsinspect.base.errors import RsInspectError


def runs_import() -> None:
    """Take in measurements from files and other databases."""
    raise RsInspectError("not there yet")
