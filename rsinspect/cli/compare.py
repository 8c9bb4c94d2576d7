"""``rsinspect compare``."""

from rsinspect.base.errors import InvalidSpec


def compare() -> None:
    """Say whether B is really slower than A, by how much, and where."""
    raise InvalidSpec("not there yet")
