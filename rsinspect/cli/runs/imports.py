"""``rsinspect runs import``."""

from rsinspect.base.errors import InvalidSpec


def runs_import() -> None:
    """Take in measurements from files and other databases."""
    raise InvalidSpec("not there yet")
