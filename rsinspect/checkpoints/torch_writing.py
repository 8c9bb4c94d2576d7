"""State dicts of PyTorch, written by PyTorch: the only module here that imports a framework."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rsinspect.base.errors import BackendUnavailable


def write_state_dict(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as ``torch.save(model.state_dict(), path)`` does.

    Args:
        path: Of the file.
        arrays: NumPy arrays, by name, in order.

    Raises:
        BackendUnavailable: If PyTorch is not here.
    """
    try:
        import torch
    except ImportError as exc:
        raise BackendUnavailable(
            f"PyTorch, which writes {path.suffix} files, cannot be imported: {exc}",
            "pip install torch, or write .safetensors, which timm reads as well",
        ) from exc
    from collections import OrderedDict

    state = OrderedDict((name, torch.from_numpy(array)) for name, array in arrays.items())
    content = io.BytesIO()  # where a disk has no room, torch.save raises an error of its own
    torch.save(state, content)
    path.write_bytes(content.getbuffer())
