"""What two runtimes say of the same images, compared."""

from __future__ import annotations

from typing import Any

MOST_CLASSES = 5


def compared(expected: list[Any], found: list[Any]) -> dict[str, Any]:
    """Compare outputs of a file with those of Keras.

    Args:
        expected: An array per output, images first.
        found: Likewise.

    Returns:
        ``largest_difference`` and ``largest_output`` (both absolute), ``relative_difference``, the
        former over the latter; ``spread``, how much outputs of two images differ, likewise; None
        each where a number is not finite. ``tops``, for each image its likeliest classes on both
        sides, where the only output is a vector of several numbers. ``problem``, where they cannot
        be compared.

    >>> import numpy as np
    >>> one = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    >>> result = compared([one], [one + 0.007])
    >>> round(result["relative_difference"], 3), round(result["spread"], 3), result["tops"][1]
    (0.01, 0.857, ([2, 1, 0], [2, 1, 0]))
    """
    import numpy as np

    shapes = [[array.shape for array in side] for side in (expected, found)]
    if shapes[0] != shapes[1]:
        return {"problem": f"its outputs are {shapes[1]}, Keras's {shapes[0]}"}
    sides = [[np.asarray(array, dtype="float64") for array in side] for side in (expected, found)]
    if not all(np.isfinite(array).all() for side in sides for array in side):
        which = "Keras's" if not all(np.isfinite(x).all() for x in sides[0]) else "its"
        return {"problem": f"{which} outputs have numbers that are not finite"}
    pairs = list(zip(*sides, strict=True))
    largest = max(float(np.abs(one).max()) for one, _ in pairs)
    difference = max(float(np.abs(one - other).max()) for one, other in pairs)
    spread = max(float(np.ptp(one, axis=0).max()) for one, _ in pairs)
    scale = largest or 1.0
    is_vector = len(pairs) == 1 and pairs[0][0].ndim == 2 and pairs[0][0].shape[-1] > 1
    return {
        "problem": None,
        "largest_difference": difference,
        "largest_output": largest,
        "relative_difference": difference / scale,
        "spread": spread / scale,
        "tops": _tops(*pairs[0]) if is_vector else None,
    }


def _tops(one: Any, other: Any) -> list[tuple[list[int], list[int]]]:
    return list(zip(*(_top(side) for side in (one, other)), strict=True))


def _top(scores: Any) -> list[list[int]]:
    order = (-scores).argsort(axis=-1, kind="stable")[:, :MOST_CLASSES]
    found: list[list[int]] = order.tolist()
    return found
