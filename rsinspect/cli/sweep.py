"""``rsinspect sweep``."""

from rsinspect.base.errors import InvalidSpec


def sweep() -> None:
    """Measure many networks in many ways, interrupted or not, here, by shard or on Ray."""
    raise InvalidSpec("not there yet")
