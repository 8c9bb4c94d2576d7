"""``rsinspect runs show``."""

from rsinspect.base.errors import RsInspectError


def runs_show() -> None:
    """Show a measurement that is kept."""
    raise RsInspectError("not there yet")
