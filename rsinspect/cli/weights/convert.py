"""``rsinspect weights convert``."""

from rsinspect.base.errors import RsInspectError


def weights_convert() -> None:
    """Convert weights between Keras 2, Keras 3, timm and the TPU code's checkpoints."""
    raise RsInspectError("not there yet")
