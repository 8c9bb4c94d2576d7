"""``rsinspect runs prune``."""

from rsinspect.base.errors import RsInspectError


def runs_prune() -> None:
    """Delete measurements, by age or number."""
    raise RsInspectError("not there yet")
