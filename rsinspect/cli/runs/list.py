"""``rsinspect runs list``."""

from rsinspect.base.errors import RsInspectError


def runs_list() -> None:
    """List the measurements that are kept."""
    raise RsInspectError("not there yet")
