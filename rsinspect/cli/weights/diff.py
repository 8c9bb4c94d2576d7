"""``rsinspect weights diff``."""

from rsinspect.base.errors import RsInspectError


def weights_diff() -> None:
    """Compare two weight files, tensor by tensor."""
    raise RsInspectError("not there yet")
