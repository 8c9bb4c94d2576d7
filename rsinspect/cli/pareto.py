"""``rsinspect pareto``."""

from rsinspect.base.errors import RsInspectError


def pareto() -> None:
    """Plot accuracy against what it costs here, as the paper does."""
    raise RsInspectError("not there yet")
