"""``rsinspect predict``."""

from rsinspect.base.errors import RsInspectError


def predict() -> None:
    """Say what is in a picture: the classes that a network with weights finds likeliest."""
    raise RsInspectError("not there yet")
