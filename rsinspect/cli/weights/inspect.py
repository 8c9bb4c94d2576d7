"""``rsinspect weights inspect``."""

from rsinspect.base.errors import RsInspectError


def weights_inspect() -> None:
    """Say what a weight file is, what is in it, and whether it is safe to load."""
    raise RsInspectError("not there yet")
