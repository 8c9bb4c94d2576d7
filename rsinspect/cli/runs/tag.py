"""``rsinspect runs tag``."""

from rsinspect.base.errors import InvalidSpec


def runs_tag() -> None:
    """Name a measurement, or take its name away."""
    raise InvalidSpec("not there yet")
