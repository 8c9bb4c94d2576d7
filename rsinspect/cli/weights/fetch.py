"""``rsinspect weights fetch``."""

from rsinspect.base.errors import RsInspectError


def weights_fetch() -> None:
    """Fetch published weight files, each whole or not at all."""
    raise RsInspectError("not there yet")
