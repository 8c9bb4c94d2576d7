"""Files with tensors of every format, opened as one kind of value."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.tensors import StoredTensor, tensor_file


def test_a_file_of_keras_2_has_its_tensors_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["conv"]
        file.attrs["keras_version"] = "2.9.0"
        file["conv/conv/kernel:0"] = np.arange(6, dtype="float32").reshape(2, 3)
        file["conv"].attrs["weight_names"] = ["conv/kernel:0"]
    with tensor_file(path) as found:
        assert (found.format, found.facts) == ("keras-2-h5", {"keras_version": "2.9.0"})
        (tensor,) = found.tensors.values()
        assert tensor == StoredTensor("conv/conv/kernel:0", (2, 3), "float32", 24)
        assert found.read(tensor.name).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_what_is_no_file_of_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_text("<html>")
    with pytest.raises(WeightsError, match="not a weight file"), tensor_file(path):
        pass
