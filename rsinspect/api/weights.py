"""Weight files from a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rsinspect.api.weight_results import InspectedWeights


def inspect_weights(
    file: str | Path,
    *,
    level: Literal["kind", "tensor"] = "kind",
    columns: Sequence[str] = (),
    sort: str | None = None,
    limit: int | None = None,
    filter: str | None = None,
) -> InspectedWeights:
    """Say what a weight file is, what is in it, and whether it is safe to load.

    Nothing of it is loaded, and no framework is needed.

    Args:
        file: Of Keras 2 or 3, safetensors, NumPy (``.npz``) or PyTorch (``.pth``), or a checkpoint
            of TensorFlow by its index, its prefix or its folder.
        level: A row per kind of tensor, or per tensor.
        columns: Keys of the columns to show; the level's own by default.
        sort: Key of the column to sort by, largest first; the order of the file by default.
        limit: How many rows to keep after sorting; all by default.
        filter: Pattern on name or kind, ``"*bn1*"`` or ``"gamma"``.

    Raises:
        WeightsError: If there is no such file, or it is damaged.
        RsInspectError: If an argument is not one there is.
    """
    from rsinspect.api.weight_results import InspectedWeights
    from rsinspect.weights.inspection import inspection
    from rsinspect.weights.inspection_table import InspectionOptions, inspection_answer

    options = InspectionOptions(
        level=level, columns=tuple(columns), sort=sort, limit=limit, filter=filter
    )
    found = inspection(Path(file))
    return InspectedWeights(inspection_answer(found, options), found)
