"""``rsinspect runs show``."""

from rsinspect.base.errors import InvalidSpec


def runs_show() -> None:
    """Show a measurement that is kept."""
    raise InvalidSpec("not there yet")
