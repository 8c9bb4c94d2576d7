"""Converted weights: every tensor accounted for, bit for bit; predictions as the original's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import rsinspect
from rsinspect.base.errors import BackendUnavailable, OutputNotWritable, UnknownFormat, WeightsError
from rsinspect.checkpoints.keras_writing import write_keras_2
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.by_name import shapes_of
from rsinspect.weights.conversion import conversion_answer, convert
from rsinspect.weights.naming import tensors
from tests.conftest import Cli
from tests.networks import network_of

ENDINGS = (".h5", ".weights.h5", ".safetensors")
SMALL = resnet_rs(ResNetRSSpec.layout((2, 1), filters=(8, 16), resolution=(32, 32), classes=5))


def state_dict(network: Network, seed: int = 0) -> dict[str, Any]:
    """As timm would save it: every number another, counters and all."""
    rng = np.random.default_rng(seed)
    shapes, state = shapes_of(network), {}
    for name, place in tensors(network, "timm").items():
        shape = place.stored_shape(shapes[place.path, place.weight])
        state[name] = rng.uniform(0.5, 1.5, shape).astype("float32")
        if name.endswith("running_var"):
            state[name.replace("running_var", "num_batches_tracked")] = np.zeros((), "int64")
    return state


@pytest.fixture
def timm_file(tmp_path: Path) -> Path:
    path = tmp_path / "timm.safetensors"
    save_file(state_dict(SMALL), path)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with tensor_file(path) as file:
        return {name: file.read(name).tobytes() for name in file.tensors}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_goes_there_and_back_is_the_same_bit_for_bit(
    tmp_path: Path, timm_file: Path, ending: str
) -> None:
    there, back = tmp_path / f"there{ending}", tmp_path / "back.safetensors"
    convert(timm_file, there, SMALL)
    convert(there, back, SMALL)
    assert contents(back) == contents(timm_file)


def test_kernels_are_turned_and_all_else_is_as_it_was(tmp_path: Path, timm_file: Path) -> None:
    convert(timm_file, tmp_path / "a.weights.h5", SMALL)
    state = load_file(timm_file)
    with h5py.File(tmp_path / "a.weights.h5") as file:
        kernel, matrix = file["layers/conv2d/vars/0"][()], file["layers/dense/vars/0"][()]
        assert kernel[2, 1, 0, 5] == state["conv1.0.weight"][5, 0, 2, 1]
        assert matrix[7, 3] == state["fc.weight"][3, 7]
        variance = file["layers/batch_normalization_1/vars/3"][()]
        assert variance.tolist() == state["conv1.4.running_var"].tolist()
        assert file["layers/conv2d/vars"].attrs["name"] == "stem_1_stem_conv_1"


def test_every_tensor_of_both_sides_is_accounted_for(tmp_path: Path, timm_file: Path) -> None:
    document = conversion_answer(convert(timm_file, tmp_path / "a.h5", SMALL)).document
    state = load_file(timm_file)
    told = [each["source"]["name"] for each in document["tensors"]]
    told += [each["name"] for each in document["left_out"]]
    assert sorted(told) == sorted(state)
    assert document["source"]["tensors"] == len(state)
    with tensor_file(tmp_path / "a.h5") as file:
        there = {name: list(tensor.shape) for name, tensor in file.tensors.items()}
    assert there == {
        each["output"]["name"]: each["output"]["shape"] for each in document["tensors"]
    }
    back = conversion_answer(convert(tmp_path / "a.h5", tmp_path / "b.safetensors", SMALL))
    made = back.document["made"]
    assert len(made) == sum("running_var" in name for name in state)
    assert back.document["output"]["tensors"] == len(state)
    (counters,) = [row for row in back.table.rows if str(row["what"]).startswith("made")]
    assert counters["tensors"] == len(made)


def test_the_first_layer_of_a_head_of_several_is_no_classifier(
    tmp_path: Path, timm_file: Path
) -> None:
    own = tmp_path / "own.h5"
    convert(timm_file, own, SMALL)
    with h5py.File(own, "r+") as file:
        file.move("predictions", "hidden")
        file["dense/dense/kernel:0"] = np.ones((5, 2), "float32")
        file["dense"].attrs["weight_names"] = [b"dense/kernel:0"]
        *body, _ = file.attrs["layer_names"]
        file.attrs["layer_names"] = np.array([*body, b"hidden", b"dense"])
    done = convert(own, tmp_path / "b.safetensors", SMALL)
    assert done.network.spec is not None
    assert not done.network.spec.include_top
    assert len(done.left_out) == 3


@pytest.mark.parametrize(
    ("classes", "include_top", "expected"), [(5, True, 5), (3, True, 3), (None, True, None),
                                             (5, False, None)]
)  # fmt: skip
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_head_goes_along_whatever_its_classes(
    tmp_path: Path, ending: str, classes: int | None, include_top: bool, expected: int | None
) -> None:
    spec = SMALL.spec
    assert spec is not None
    head = {"include_top": False} if classes is None else {"classes": classes}
    save_file(state_dict(resnet_rs(spec.replace(**head))), tmp_path / "a.safetensors")
    convert(tmp_path / "a.safetensors", tmp_path / f"b{ending}", SMALL)
    done = convert(tmp_path / f"b{ending}", tmp_path / "c.h5", SMALL, include_top=include_top)
    assert done.network.spec is not None
    assert (done.network.spec.classes if done.network.spec.include_top else None) == expected
    whys = {why for _, why in done.left_out if "classifier" in why}
    assert whys == ({"the classifier, which was not asked for"} if not include_top else set())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.pop("layer1.0.bn2.running_mean"), r"has no layer1\.0\.bn2\.running_mean"),
        (lambda s: s.update({"layer1.0.conv2.weight": np.zeros((8, 8, 1, 3), "float32")}),
         "at c2/block0/conv2 the kernel of the file is 1×3×8×8, the network's 3×3×8×8"),
        (lambda s: (s.clear(), s.update(x=np.zeros(3))), "no tensor with a name that"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_and_nothing_is_left(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], object], message: str
) -> None:
    state = state_dict(SMALL)
    spoil(state)
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=message):
        convert(tmp_path / "a.safetensors", tmp_path / "b.h5", SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, timm_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "b.h5"
    output.write_bytes(b"old")

    def full(path: Path, layers: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rsinspect.weights.written.write_keras_2", full)
    with pytest.raises(OutputNotWritable, match="No space left"):
        convert(timm_file, output, SMALL)
    assert output.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"b.h5", "timm.safetensors"}


def test_what_comes_back_as_something_else_is_not_left_behind(
    tmp_path: Path, timm_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(path: Path, layers: Any) -> None:
        write_keras_2(path, layers)
        with h5py.File(path, "r+") as file:
            file["predictions/predictions/bias:0"][2] += 1e-6

    monkeypatch.setattr("rsinspect.weights.written.write_keras_2", damaged)
    with pytest.raises(WeightsError, match="predictions/bias:0 came back as something else"):
        convert(timm_file, tmp_path / "b.h5", SMALL)
    assert not (tmp_path / "b.h5").exists()


def test_whose_weights_they_are_is_recognised_with_the_published_size(tmp_path: Path) -> None:
    save_file(state_dict(network_of(50, width=0.25, classes=3)), tmp_path / "a.safetensors")
    done = convert(tmp_path / "a.safetensors", tmp_path / "b.h5")
    assert done.network.title == "ResNet-RS-50 ×0.25 @ 160×160"
    spec = done.network.spec
    assert spec is not None
    assert (spec.classes, spec.dropout_rate, spec.dialect.name) == (3, 0.25, "keras")
    save_file({"conv1.weight": np.zeros((64, 3, 7, 7), "float32")}, tmp_path / "c.safetensors")
    with pytest.raises(WeightsError, match="no weights of a ResNet-RS that is known here"):
        convert(tmp_path / "c.safetensors", tmp_path / "d.h5")


def test_wirings_that_timm_does_not_have_are_not_given_to_it(tmp_path: Path) -> None:
    article = network_of(50, dialect="article", width=0.25)
    save_file(state_dict(article), tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match="timm has no network that is wired as the article dia"):
        convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors", article)


def test_other_names_are_refused_with_those_there_are(tmp_path: Path, timm_file: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"cannot be written as '\.onnx'") as told:
        convert(timm_file, tmp_path / "a.onnx", SMALL)
    assert "export" in str(told.value.hint)


def test_tensors_of_other_types_become_float32(tmp_path: Path) -> None:
    state = {name: array.astype("float16") for name, array in state_dict(SMALL).items()}
    save_file(state, tmp_path / "a.safetensors")
    answer = conversion_answer(convert(tmp_path / "a.safetensors", tmp_path / "b.h5", SMALL))
    assert any(
        "float32 from float16, which holds them exactly" in str(n) for n in answer.table.notes
    )
    with h5py.File(tmp_path / "b.h5") as file:
        there = file["predictions/predictions/bias:0"][()]
    assert there.dtype == "float32"
    assert there.tolist() == state["fc.bias"].astype("float32").tolist()


# Against the original code


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.tf.layers.*deprecated")
def test_a_checkpoint_of_the_tpu_code_says_in_keras_what_it_said(tmp_path: Path) -> None:
    from rsinspect.keras_model.build import build_model
    from tests import tpu_checkpoint

    given, expected = tpu_checkpoint.write(tmp_path)
    output = tmp_path / "converted.weights.h5"
    done = convert(tmp_path / "model.ckpt-7", output, preprocessing=False)
    whys = {why: sum(other == why for _, other in done.left_out) for _, why in done.left_out}
    assert whys == {
        "last weights, whose moving averages are taken": len(done.moved),
        "the optimizer's": sum("moving" not in each.place.weight for each in done.moved),
        "the step of training": 1,
    }
    model = build_model(done.network, spatial=(32, 32))
    model.load_weights(output)
    assert np.ptp(expected) > 0.1  # it says something
    np.testing.assert_allclose(model(given), expected, atol=1e-5)
    convert(tmp_path / "model.ckpt-7", output, averaged=False)
    model.load_weights(output)
    assert np.abs(np.asarray(model(given)) - expected).max() > 0.01


@pytest.mark.keras
@pytest.mark.slow
def test_keras_alone_opens_every_file_and_says_what_keras_2_said(tmp_path: Path) -> None:
    import tf_keras
    from tf_keras.src.applications import resnet_rs as original_module

    from tests.keras_oracles import images, randomise

    tf_keras.backend.clear_session()
    stages = [{"input_filters": 8, "num_repeats": 2}, {"input_filters": 16, "num_repeats": 1}]
    model = original_module.ResNetRS(
        50, (32, 32, 3), block_args=stages, weights=None, classes=5, model_name="small"
    )
    randomise(model)
    source, batch = tmp_path / "keras_2.h5", images(32, 32, 3)
    model.save_weights(source)
    outputs = [tmp_path / f"ours{ending}" for ending in (".keras", ".weights.h5", ".h5")]
    for output in outputs:
        convert(source, output, SMALL)
    expected = model.predict(batch, verbose=0)
    assert np.ptp(expected) > 0.1
    for name, said in without_rsinspect(tmp_path, batch, outputs).items():
        np.testing.assert_allclose(said, expected, atol=1e-5, err_msg=name)
    assert contents(outputs[2]) == contents(source)
    randomise(model, seed=8)
    model.load_weights(outputs[2])
    np.testing.assert_array_equal(model.predict(batch, verbose=0), expected)


def without_rsinspect(folder: Path, batch: Any, files: list[Path]) -> dict[str, Any]:
    """What models say that Keras's own loader opens where there is no rsinspect.

    The first file is a model; others are weights for it.
    """
    np.save(folder / "batch.npy", batch)
    program = f"""
import json, sys
sys.modules["rsinspect"] = None
import keras, numpy as np
batch, files = np.load("batch.npy"), {[file.name for file in files]!r}
model = keras.saving.load_model(files[0])
said = {{files[0]: model.predict(batch, verbose=0)}}
for file in files[1:]:
    for variable in model.weights:
        variable.assign(np.full(variable.shape, np.nan, "float32"))
    model.load_weights(file)
    said[file] = model.predict(batch, verbose=0)
np.savez("said_alone.npz", **said)
"""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, check=True)
    return dict(np.load(folder / "said_alone.npz"))


# At the doors


def test_the_command_says_what_it_did_and_python_the_same(
    cli: Cli, tmp_path: Path, timm_file: Path
) -> None:
    model, output = tmp_path / "small.json", tmp_path / "a.h5"
    SMALL.save(model)
    done = cli("weights", "convert", str(timm_file), "-o", str(output), "--model", str(model))
    assert done.code == 0
    assert f"wrote {output}" in done.err
    assert "all 89 weights are in a.h5, read again" in done.out
    result = rsinspect.convert_weights(timm_file, tmp_path / "b.h5", model=SMALL)
    assert output.read_bytes() == (tmp_path / "b.h5").read_bytes()
    document = result.to_json()
    assert document["schema"] == "rsinspect.weights_convert/1"
    assert json.loads(json.dumps(document)) == document


def test_pytorch_missing_is_said(
    cli: Cli, tmp_path: Path, timm_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BackendUnavailable, match=r"PyTorch, which writes \.pth files") as told:
        convert(timm_file, tmp_path / "a.pth", SMALL)
    assert told.value.exit_code == 3
    assert "write .safetensors" in str(told.value.hint)
    assert not (tmp_path / "a.pth").exists()
