"""``rsinspect runs tag``."""

from rsinspect.base.errors import RsInspectError


def runs_tag() -> None:
    """Name a measurement, or take its name away."""
    raise RsInspectError("not there yet")
