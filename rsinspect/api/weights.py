"""Weight files from a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rsinspect.api.networks import Model, network

if TYPE_CHECKING:
    from rsinspect.api.results import TableResult
    from rsinspect.api.weight_results import InspectedWeights, VerifiedWeights, WeightsDiff


def inspect_weights(
    file: str | Path,
    *,
    level: Literal["kind", "stage", "tensor"] = "kind",
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
        level: A row per kind of tensor, per stage of a ResNet-RS, or per tensor.
        columns: Keys of the columns to show; the level's own by default.
        sort: Key of the column to sort by, largest first; the order of the file by default.
        limit: How many rows to keep after sorting; all by default.
        filter: Pattern on name or kind, ``"*bn1*"`` or ``"gamma"``.

    Raises:
        WeightsError: If there is no such file, or it is damaged.
        RsInspectError: If an argument is not one there is.

    >>> import rsinspect
    >>> print(rsinspect.inspect_weights("my.h5").verdict)  # doctest: +SKIP
    """
    from rsinspect.api.weight_results import InspectedWeights
    from rsinspect.weights.inspection import inspection
    from rsinspect.weights.inspection_table import COLUMNS, LEVELS, inspection_answer
    from rsinspect.weights.selection import Selection

    asked = Selection(level=level, columns=tuple(columns), sort=sort, limit=limit, filter=filter)
    selection = asked.checked(LEVELS, COLUMNS)
    found = inspection(Path(file))
    return InspectedWeights(inspection_answer(found, selection), found)


def convert_weights(
    file: str | Path,
    output: str | Path,
    *,
    model: Model | None = None,
    include_top: bool = True,
    preprocessing: bool = True,
    averaged: bool = True,
) -> TableResult:
    """Convert weights of a ResNet-RS between Keras 2, Keras 3, timm and the TPU code's checkpoints.

    Every tensor of both sides is accounted for; what was written is read again and compared.

    Args:
        file: ``.h5``, ``.weights.h5``, ``.keras``, timm's ``.safetensors`` or ``.pth``, or a
            TensorFlow 1 checkpoint (``.index``).
        output: ``.h5`` for Keras 2, ``.weights.h5`` or ``.keras`` for Keras 3, ``.safetensors`` or
            ``.pth`` for timm.
        model: Whose weights they are, as in ``network``; by default what the file is recognised as.
            How many classes it has, the file says.
        include_top: Whether the classifier is taken along, where there is one.
        preprocessing: Whether the model in a ``.keras`` file takes pixels of 0 to 255, or images
            that were normalised before, as timm's does.
        averaged: Whether of a TensorFlow 1 checkpoint the moving averages of weights are taken,
            which were evaluated, or the last ones.

    Raises:
        UnknownFormat: If the name of the output means none of these.
        WeightsError: If the file is damaged, is of no ResNet-RS, or lacks weights of it.
        OutputNotWritable: If the output cannot be written; nothing is left of it then.
        BackendUnavailable: If PyTorch or Keras, which write ``.pth`` and ``.keras``, is not here.

    >>> import rsinspect
    >>> rsinspect.convert_weights("timm.safetensors", "rs50.weights.h5")  # doctest: +SKIP
    """
    from rsinspect.api.results import TableResult
    from rsinspect.weights.conversion import conversion_answer, convert

    done = convert(
        Path(file),
        Path(output),
        None if model is None else network(model),
        include_top=include_top,
        preprocessing=preprocessing,
        averaged=averaged,
    )
    return TableResult(conversion_answer(done))


def verify_weights(file: str | Path, model: Model, *, every: bool = False) -> VerifiedWeights:
    """Hold a weight file to a network: name each tensor that is missing, extra or of another shape.

    Nothing of the file is loaded, and none of its tensors is read. What comes is true where all
    weights of the network are there and no others: ``assert rsinspect.verify_weights(file, "50")``.

    Args:
        file: As in ``inspect_weights``.
        model: As in ``network``.
        every: Whether to list what fits too.

    Raises:
        WeightsError: If there is no such file, or it is damaged.
        RsInspectError: If the model is not one there is.

    >>> import rsinspect
    >>> bool(rsinspect.verify_weights("my.h5", "50"))  # doctest: +SKIP
    True
    """
    from rsinspect.api.weight_results import VerifiedWeights
    from rsinspect.weights.verify import verified, verify_answer

    found = verified(Path(file), network(model))
    return VerifiedWeights(verify_answer(found, every=every), found)


def diff_weights(
    a: str | Path,
    b: str | Path,
    *,
    level: Literal["stage", "kind", "tensor"] | None = None,
    columns: Sequence[str] = (),
    sort: str | None = None,
    limit: int | None = None,
    filter: str | None = None,
) -> WeightsDiff:
    """Compare two weight files, tensor by tensor, and so say what training changed.

    Args:
        a: As in ``inspect_weights``.
        b: Likewise; read as what a became. Where both are of one ResNet-RS its tensors may have
            the names of another code base.
        level: A row per stage, per kind of tensor or per tensor; by default stages, where they are
            known.
        columns: As in ``inspect_weights``.
        sort: Likewise.
        limit: Likewise.
        filter: Likewise.

    Raises:
        WeightsError: If there is no such file, one is damaged, or they have no tensor in common.
        RsInspectError: If an argument is not one there is.

    >>> import rsinspect
    >>> rsinspect.diff_weights("before.h5", "after.h5").conclusion  # doctest: +SKIP
    """
    from rsinspect.api.weight_results import WeightsDiff
    from rsinspect.weights.change import comparison
    from rsinspect.weights.change_table import COLUMNS, LEVELS, change_answer
    from rsinspect.weights.selection import Selection

    asked = Selection(level=level, columns=tuple(columns), sort=sort, limit=limit, filter=filter)
    selection = asked.checked(LEVELS, COLUMNS)
    found = comparison(Path(a), Path(b))
    return WeightsDiff(change_answer(found, selection), found)
