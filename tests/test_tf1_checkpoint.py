"""Checkpoints of TensorFlow, read without it and compared with what it reads itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.tensor_file import tensor_file

_WRITE = """
import sys
import numpy as np
import tensorflow as tf

tf1, rng, values = tf.compat.v1, np.random.default_rng(0), {}
with tf.Graph().as_default():
    for n in range(300):
        values[f"resnet/conv2d_{n}/kernel"] = rng.standard_normal((3, 3, 4, n % 7 + 1), "float32")
    values["global_step"] = np.int64(312)
    values["half"] = np.arange(5, dtype="float16")
    values["none"] = np.zeros((0, 3), "float32")
    values["mask"] = np.array([True, False])
    for name, value in values.items():
        tf1.get_variable(name, initializer=value)
    tf1.get_variable("brain", initializer=tf.cast(np.arange(5.0), tf.bfloat16))
    tf1.get_variable("words", initializer=tf.constant(["a", "bc"]))
    tf1.get_variable("cut", shape=(10, 4), partitioner=tf1.fixed_size_partitioner(2))
    saver = tf1.train.Saver()
    with tf1.Session() as session:
        session.run(tf1.global_variables_initializer())
        for step in (311, 312):
            saver.save(session, f"{sys.argv[1]}/model.ckpt", global_step=step)
reader = tf.train.load_checkpoint(sys.argv[1])
names = [name for name in reader.get_variable_to_shape_map() if name not in ("words", "brain")]
np.savez(f"{sys.argv[1]}/read.npz", **{name: reader.get_tensor(name) for name in names})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints, and what TensorFlow reads of the last."""
    place = tmp_path_factory.mktemp("checkpoint")
    subprocess.run([sys.executable, "-c", _WRITE, str(place)], check=True, timeout=600)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", "model.ckpt-312", "model.ckpt-312.index"])
def test_a_checkpoint_is_read_as_tensorflow_reads_it(folder: Path, name: str) -> None:
    expected = np.load(folder / "read.npz")
    with tensor_file(folder / name) as file:
        assert file.format == "tf1-checkpoint"
        assert file.path.name == "model.ckpt-312.index"
        assert file.tensors.keys() == {*expected, "words", "brain"}
        for own in {*expected} - {"cut"}:
            stored, read = file.tensors[own], file.read(own)
            assert (stored.shape, stored.dtype) == (read.shape, str(read.dtype))
            assert stored.stored_bytes == expected[own].nbytes
            assert np.array_equal(read, expected[own])
        assert file.read("brain").tolist() == [0, 1, 2, 3, 4]
        for own, what in (("cut", "float32 in slices"), ("words", "string")):
            with pytest.raises(WeightsError, match=f"holds {what}, which is not read"):
                file.read(own)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    index, data = "model.ckpt-312.index", "model.ckpt-312.data-00000-of-00001"
    content, numbers = (folder / index).read_bytes(), (folder / data).read_bytes()
    (tmp_path / index).write_bytes(content)
    with pytest.raises(WeightsError, match="half of a checkpoint"), tensor_file(tmp_path):
        pass
    (tmp_path / data).write_bytes(numbers[:-1000])
    with pytest.raises(WeightsError, match="larger than what is kept"), tensor_file(tmp_path):
        pass
    (tmp_path / data).write_bytes(numbers)
    for place in range(0, len(content) - 60, 1997):
        changed = bytearray(content)
        changed[place] ^= 0x10
        (tmp_path / index).write_bytes(changed)
        with pytest.raises(WeightsError, match="cannot be read"), tensor_file(tmp_path):
            pass
    for length in (0, 47, len(content) - 1):
        (tmp_path / index).write_bytes(content[:length])
        with pytest.raises(WeightsError), tensor_file(tmp_path):
            pass


@pytest.mark.slow
def test_a_folder_of_several_checkpoints_says_which_is_the_last(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("model.ckpt-311.index", "model.ckpt-312.index"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(WeightsError, match="2 checkpoints") as caught, tensor_file(tmp_path):
        pass
    assert "model.ckpt-311.index, model.ckpt-312.index" in str(caught.value.hint)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/etc/passwd"\n')
    with pytest.raises(WeightsError, match="2 checkpoints"), tensor_file(tmp_path):
        pass
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/model.ckpt-312"\n')
    with pytest.raises(WeightsError, match="half of a checkpoint"), tensor_file(tmp_path):
        pass
