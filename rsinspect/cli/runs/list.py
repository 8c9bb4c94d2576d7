"""``rsinspect runs list``."""

from rsinspect.base.errors import InvalidSpec


def runs_list() -> None:
    """List the measurements that are kept."""
    raise InvalidSpec("not there yet")
