"""``rsinspect sweep``."""

from rsinspect.base.errors import RsInspectError


def sweep() -> None:
    """Measure many networks in many ways, interrupted or not, here, by shard or on Ray."""
    raise RsInspectError("not there yet")
