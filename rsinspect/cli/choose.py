"""``rsinspect choose``."""

from rsinspect.base.errors import InvalidSpec


def choose() -> None:
    """Name the best network under a bound on this machine."""
    raise InvalidSpec("not there yet")
