"""Batches of given images, and the time that passes of them take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def timed(call: Callable[[], object], passes: int) -> list[float]:
    """Time calls, one by one, in seconds."""
    found = []
    for _ in range(passes):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return found


def cycled(array: Any, batch: int) -> Any:
    """Make a batch of so many images, beginning again where there are fewer.

    >>> import numpy as np
    >>> cycled(np.array([[1], [2]]), 3).tolist()
    [[1], [2], [1]]
    """
    import numpy as np

    return np.resize(array, (batch, *array.shape[1:]))
