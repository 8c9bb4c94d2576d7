"""``rsinspect pareto``."""

from rsinspect.base.errors import InvalidSpec


def pareto() -> None:
    """Plot accuracy against what it costs here, as the paper does."""
    raise InvalidSpec("not there yet")
