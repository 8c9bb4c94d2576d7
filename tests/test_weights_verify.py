"""Every tensor that a file lacks, has besides or has in another shape is named by its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

import rsinspect
from rsinspect.base.errors import WeightsError
from rsinspect.networks.named import network as named
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.placement import Placed, placed
from tests.conftest import Cli
from tests.schemas import complaints
from tests.tensor_files import FORMATS, shapes_of, tensor_file_of
from tests.weight_files import write_keras_2, write_keras_3

LAYOUT = (1, 2, 1, 1)


def made(**changes: Any) -> Network:
    fields: dict[str, Any] = {"width": 0.25, "resolution": (32, 32), "classes": 5} | changes
    return resnet_rs(ResNetRSSpec.layout(LAYOUT, **fields))


@pytest.mark.parametrize("convention", FORMATS)
def test_each_kind_of_difference_is_named_under_any_names(convention: str) -> None:
    network = made()
    shapes = shapes_of(network, convention)
    file = tensor_file_of(shapes, FORMATS[convention])
    if FORMATS[convention].startswith("keras"):
        file = file._replace(format="npz")  # no layers are looked up in the file itself
    whole = placed(file, network)
    assert whole.fits
    assert whole.found == len(shapes) == len({each.tensor for each in whole.weights})
    lost = next(each.tensor for each in whole.weights if each.path == "c3/block1/conv2")
    assert lost is not None
    shapes |= shapes_of(made(classes=7), convention)
    del shapes[lost]
    shapes["mine/extra"] = (3, 3)
    found = placed(file._replace(tensors=tensor_file_of(shapes).tensors), network)
    assert [(each.path, each.weight) for each in found.missing] == [("c3/block1/conv2", "kernel")]
    assert [each.path.partition("/")[0] for each in found.misshaped] == ["head", "head"]
    assert [each.stored for each in found.misshaped] == [(128 * 4, 7), (7,)]
    assert dict(found.extra) == {"mine/extra": (3, 3)}


def test_state_of_training_is_not_extra() -> None:
    shapes = shapes_of(made(), "tpu")
    slots: dict[str, tuple[int, ...]] = {
        f"{name}/Momentum": shape for name, shape in shapes.items()
    }
    found = placed(tensor_file_of(shapes | slots | {"global_step": ()}, "tf1-checkpoint"), made())
    assert found.fits
    assert len(found.state) == len(shapes) + 1


def test_the_moving_average_in_a_training_checkpoint_is_no_extra_network() -> None:
    shapes = shapes_of(made(), "timm")
    both = {f"{name}/{key}": shape for name in ("state_dict", "state_dict_ema")
            for key, shape in shapes.items()}  # fmt: skip
    file = tensor_file_of(both, "torch")
    found = placed(file, made())
    assert found.fits
    assert {(each.tensor or "").partition("/")[0] for each in found.weights} == {"state_dict_ema"}
    assert len(found.state) == len(shapes)
    towers = {f"{name}/{key}": shape for name in ("a", "b") for key, shape in shapes.items()}
    assert len(placed(tensor_file_of(towers, "torch"), made()).extra) == len(shapes)


@pytest.mark.parametrize("write", [write_keras_2, write_keras_3])
def test_files_of_keras_are_read_by_names_and_by_order(tmp_path: Path, write: Any) -> None:
    ending = ".h5" if write is write_keras_2 else ".weights.h5"
    path = write(tmp_path / f"mine{ending}", made())
    assert rsinspect.verify_weights(path, made())
    wider = rsinspect.verify_weights(path, made(width=0.5))
    assert not wider
    assert len(wider.found.placement.misshaped) == len(wider.found.placement.weights) - 1  # a bias
    bare = rsinspect.verify_weights(path, made(include_top=False))
    assert [*bare.found.placement.extra.values()] == [(512, 5), (5,)]
    gateless = rsinspect.verify_weights(path, made(se_ratio=0.0))
    assert len(gateless.found.placement.extra) == 4 * sum(LAYOUT)
    assert not gateless.found.placement.missing


def test_what_would_fit_is_said(tmp_path: Path, cli: Cli) -> None:
    path = write_keras_2(tmp_path / "mine.h5", resnet_rs(ResNetRSSpec.variant(50, classes=7)))
    refused = cli("weights", "verify", str(path), "50", "--notes", "full")
    assert refused.code == 1
    assert "Does not fit resnet-rs-50: 2 of another shape; 344 of 346" in refused.out
    assert "Its classifier: --classes 7." in refused.out
    assert "The file: ResNet-RS-50 (keras), 7 classes; all its arrays say so." in refused.out
    fits = cli("weights", "verify", str(path), "50", "--classes", "7")
    assert fits.code == 0
    assert "All 346 tensors of resnet-rs-50 are there, and no other." in fits.out
    every = cli("weights", "verify", str(path), "50", "--all", "--limit", "3", "--format", "csv")
    assert every.out.count("\n") == 4


def test_the_document_has_every_difference(tmp_path: Path, cli: Cli) -> None:
    path = write_keras_2(tmp_path / "mine.h5", made(include_top=False))
    model = tmp_path / "model.json"
    made().save(model)
    shown = cli("weights", "verify", str(path), str(model), "--format", "json")
    document = json.loads(shown.out)
    assert shown.code == 1
    assert document["schema"] == "rsinspect.weights_verify/1"
    assert complaints(document) == []
    assert (document["fits"], document["extra"], document["misshaped"]) == (False, [], [])
    assert document["missing"] == [
        {"path": "head/classifier", "weight": weight, "shape": shape, "tensor": None,
         "stored_shape": None}
        for weight, shape in (("kernel", [512, 5]), ("bias", [5]))
    ]  # fmt: skip
    assert document["identity"]["top"] is False


def test_what_is_no_weight_file_is_refused(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "a.h5").write_text("<html>")
    with pytest.raises(WeightsError, match="not a weight file"):
        rsinspect.verify_weights(tmp_path / "a.h5", "50")
    assert cli("weights", "verify", str(tmp_path / "no.h5"), "50").code == 2
    path = write_keras_2(tmp_path / "mine.h5", made())
    assert cli("weights", "verify", str(path)).code == 2


def _siamese() -> Any:
    tower = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.SeparableConv2D(4, 3),
         keras.layers.LayerNormalization(), keras.layers.PReLU(), keras.layers.Flatten()],
        name="tower",
    )  # fmt: skip
    one, two = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    both = keras.layers.concatenate([tower(one), tower(two)])
    return keras.Model([one, two], keras.layers.Dense(2, name="end")(both))


def _mobile() -> Any:
    return keras.applications.MobileNetV3Small(weights=None, input_shape=(64, 64, 3), classes=2)


@pytest.mark.keras
@pytest.mark.parametrize("make", [_siamese, _mobile])
def test_any_network_is_verified(tmp_path: Path, make: Any) -> None:
    model = make()
    whole, alone, old = (tmp_path / name for name in ("a.keras", "a.weights.h5", "a.h5"))
    model.save(whole)
    model.save_weights(alone)
    model.save(old)
    network = named(str(whole))
    for path in (whole, alone, old):
        found = rsinspect.verify_weights(path, network)
        assert found, found.conclusion
    different = rsinspect.verify_weights(alone, "50")
    assert not different
    assert all(isinstance(each, Placed) for each in different.found.placement.weights)
