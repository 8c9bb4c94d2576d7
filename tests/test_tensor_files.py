"""Files with tensors of every format, opened as one kind of value."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints import raw
from rsinspect.checkpoints.pickled import Call, Damaged, Global, described
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.checkpoints.tensors import StoredTensor
from tests.torch_files import state_dict, text, write_old_torch, write_torch

Arrays = Mapping[str, np.ndarray]
RNG = np.random.default_rng(0)
ARRAYS: Arrays = {
    "conv.weight": RNG.standard_normal((8, 3, 3, 3), "float32"),
    "turned": RNG.standard_normal((3, 2, 4, 5), "float32").transpose(3, 2, 0, 1),
    "transposed": RNG.standard_normal((5, 3), "float32").T,
    "half": np.arange(4, dtype="float16"),
    "brain": np.ones(3, ml_dtypes.bfloat16),
    "step": np.array(312, "int64"),
    "mask": np.array([True, False]),
    "nothing": np.zeros((0, 3)),
}


def write_h5(path: Path, arrays: Arrays) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            bytes_alone = array.dtype == ml_dtypes.bfloat16
            file[f"layers/{name}/vars/0"] = array.view("V2") if bytes_alone else array
    return path


def write_npz(path: Path, arrays: Arrays) -> Path:
    np.savez(path, allow_pickle=False, **arrays)
    return path


def write_packed_npz(path: Path, arrays: Arrays) -> Path:
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return path


def write_safetensors(path: Path, arrays: Arrays) -> Path:
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    whole["step"] = arrays["step"]
    safetensors.numpy.save_file(whole, path, metadata={"format": "pt"})
    return path


WRITERS: dict[str, Callable[[Path, Arrays], Path]] = {
    "a.weights.h5": write_h5,
    "a.npz": write_npz,
    "packed.npz": write_packed_npz,
    "a.safetensors": write_safetensors,
    "a.pth": write_torch,
    "old.pth": write_old_torch,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("slab", [raw.SLAB_BYTES, 64])
def test_every_format_gives_back_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, slab: int
) -> None:
    monkeypatch.setattr(raw, "SLAB_BYTES", slab)
    with tensor_file(WRITERS[name](tmp_path / name, ARRAYS)) as file:
        names = {own.removeprefix("layers/").removesuffix("/vars/0"): own for own in file.tensors}
        assert names.keys() == ARRAYS.keys()
        for own, array in ARRAYS.items():
            stored = file.tensors[names[own]]
            assert (stored.shape, stored.dtype) == (array.shape, str(array.dtype))
            assert stored.stored_bytes >= array.nbytes or name == "packed.npz"
            read = file.read(stored.name)
            assert (read.shape, read.dtype) == (array.shape, array.dtype)
            assert np.array_equal(read, array)
        pieces = list(file.slabs(names["conv.weight"]))
        assert len(pieces) == (8 if slab == 64 else 1)


def test_a_file_is_told_by_what_it_begins_with(tmp_path: Path) -> None:
    kinds = {"a.weights.h5": "keras-3-weights", "a.safetensors": "safetensors", "a.pth": "torch"}
    for name, kind in kinds.items():
        path = WRITERS[name](tmp_path / name, ARRAYS)
        if kind != "keras-3-weights":
            path = path.rename(tmp_path / f"{kind}.bin")
        with tensor_file(path) as file:
            assert file.format == kind


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


def test_tensors_in_a_checkpoint_are_named_by_the_keys_on_the_way(tmp_path: Path) -> None:
    inside = state_dict({"a": ARRAYS["half"]}).removeprefix(b"\x80\x02")
    pickled = b"\x80\x02}(" + text("epoch") + b"K\x03" + text("state_dict") + inside + b"u."
    path = write_torch(tmp_path / "a.pth", {"a": ARRAYS["half"]}, pickled)
    with tensor_file(path) as file:
        assert [*file.tensors] == ["state_dict/a"]
        assert file.read("state_dict/a").tolist() == [0, 1, 2, 3]


class Bomb:
    """What would run a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_no_pickle_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    bomb = pickle.dumps(Bomb(mark), protocol=2).removeprefix(b"\x80\x02").removesuffix(b".")
    pickled = state_dict(ARRAYS).removesuffix(b"u") + text("bomb") + bomb + b"u."
    path = write_torch(tmp_path / "a.pth", ARRAYS, pickled)
    with tensor_file(path) as file:
        assert file.tensors.keys() == ARRAYS.keys()
        assert file.facts["other objects"] == "1"
        assert np.array_equal(file.read("half"), ARRAYS["half"])
    made = described(io.BytesIO(pickled)).value.items["bomb"]
    assert made.function == Global(os.system.__module__, "system")
    objects = tmp_path / "o.npz"
    np.savez(objects, o=np.array([Bomb(mark)], object))
    with tensor_file(objects) as file:
        assert file.tensors["o"].dtype == "object"
        with pytest.raises(WeightsError, match="no kind of number"):
            file.read("o")
    assert not mark.exists()
    pickle.loads(pickle.dumps(Bomb(mark)))  # it would have worked
    assert mark.exists()


class Plain:
    """An object with a state."""

    def __init__(self) -> None:
        self.numbers = {1, 2}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_described_in_every_protocol(protocol: int) -> None:
    shared = ["a", b"b", 1.5, 10**30, None, True]
    value = {"list": shared, "again": shared, "tuple": (1, (2,), (1, 2, 3, 4)), 3: {}, "o": Plain()}
    found = described(io.BytesIO(pickle.dumps(value, protocol=protocol)))
    made = found.value.pop("o")
    del value["o"]
    assert isinstance(made, Call)
    assert "Plain" in (made.function.name, *map(str, made.arguments)) or protocol < 2
    if protocol > 2:  # bytes are calls of a codec before
        assert found.value == value
        assert found.value["list"] is found.value["again"]


@pytest.mark.parametrize(
    "content",
    [b"", b"not a pickle", b"K\x01", b"u.", b"(K\x01u.", b"h\x07.", b"]]s.", b"N\x93.", b"\x85."],
)
def test_what_is_no_pickle_is_refused(content: bytes) -> None:
    with pytest.raises(Damaged):
        described(io.BytesIO(content))


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    pickled = state_dict({"a": np.zeros(100, "float32")}) + b"."
    path = write_torch(tmp_path / "a.pth", {"a": np.zeros(10, "float32")}, pickled)
    with pytest.raises(WeightsError, match="lies in a storage of 40 bytes"), tensor_file(path):
        pass


def read_all(path: Path) -> None:
    with tensor_file(path) as file:
        for own in file.tensors:
            file.read(own)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, ARRAYS)
    whole = path.read_bytes()
    for length in (0, 7, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            read_all(path)


def test_an_array_that_its_header_makes_larger_than_it_is_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", header.getvalue() + bytes(16))
    with tensor_file(path) as file, pytest.raises(WeightsError, match="before its numbers do"):
        file.read("a")


def test_what_is_no_file_of_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_text("<html>")
    with pytest.raises(WeightsError, match="not a weight file"), tensor_file(path):
        pass
    with pytest.raises(WeightsError, match="folder with 0 checkpoints"), tensor_file(tmp_path):
        pass
    with pytest.raises(WeightsError, match="there is no file"), tensor_file(tmp_path / "model"):
        pass


def test_a_file_by_the_name_of_another_format_is_told_what_it_is(tmp_path: Path) -> None:
    archive = tmp_path / "my.h5"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("config.json", "{}")
        file.writestr("model.weights.h5", "")
    with pytest.raises(WeightsError, match=r"my\.h5 is a \.keras archive"), tensor_file(archive):
        pass
    bare = tmp_path / "bare.pth"
    bare.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(WeightsError, match=r"bare\.pth is not what torch\.save"), tensor_file(bare):
        pass


def test_an_error_of_whoever_reads_a_file_stays_as_it_is(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        with pytest.raises(KeyError, match="mine"), tensor_file(write(tmp_path / name, ARRAYS)):
            raise KeyError("mine")


_SAVE = """
import sys, torch
from safetensors.numpy import load_file
arrays = load_file(sys.argv[1])
tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
tensors["transposed"] = tensors["transposed"].T.contiguous().T
tensors["turned"] = tensors["turned"].permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)
tensors["parameter"] = torch.nn.Parameter(torch.arange(12.).reshape(3, 4)[1:, 2:])
torch.save(tensors, sys.argv[2])
torch.save(tensors, sys.argv[3], _use_new_zipfile_serialization=False)
for path in sys.argv[4:]:
    read = torch.load(path, weights_only=True)
    assert all(torch.equal(read[name], tensors[name]) for name in arrays), path
"""


@pytest.mark.slow
def test_pytorch_reads_what_we_write_here_and_we_what_it_writes(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    arrays = {name: array for name, array in ARRAYS.items() if name != "brain"}
    numbers = write_safetensors(tmp_path / "a.safetensors", arrays)
    new, old = tmp_path / "new.pth", tmp_path / "old.pth"
    ours = write_torch(tmp_path / "1.pth", arrays), write_old_torch(tmp_path / "2.pth", arrays)
    command = [sys.executable, "-c", _SAVE, numbers, new, old, *ours]
    subprocess.run([str(word) for word in command], check=True, timeout=300)
    for path in (new, old):
        with tensor_file(path) as file:
            assert file.tensors.keys() == {*arrays, "parameter"}
            assert all(np.array_equal(file.read(name), arrays[name]) for name in arrays)
            assert file.read("parameter").tolist() == [[6, 7], [10, 11]]
