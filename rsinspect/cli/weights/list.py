"""``rsinspect weights list``."""

from rsinspect.base.errors import RsInspectError


def weights_list() -> None:
    """List the published ImageNet weight files, how big they are and where they lie."""
    raise RsInspectError("not there yet")
