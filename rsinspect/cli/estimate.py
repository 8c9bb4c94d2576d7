"""``rsinspect estimate``."""

from rsinspect.base.errors import InvalidSpec


def estimate() -> None:
    """Estimate latencies from a few networks that were measured."""
    raise InvalidSpec("not there yet")
