"""``rsinspect runs prune``."""

from rsinspect.base.errors import InvalidSpec


def runs_prune() -> None:
    """Delete measurements, by age or number."""
    raise InvalidSpec("not there yet")
