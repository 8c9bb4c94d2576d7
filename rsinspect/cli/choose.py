"""``rsinspect choose``."""

from rsinspect.base.errors import RsInspectError


def choose() -> None:
    """Name the best network under a bound on this machine."""
    raise RsInspectError("not there yet")
