"""``rsinspect estimate``."""

from rsinspect.base.errors import RsInspectError


def estimate() -> None:
    """Estimate latencies from a few networks that were measured."""
    raise RsInspectError("not there yet")
