"""Weight files fit or are refused in words; published ones are fetched, verified and kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import rsinspect
from rsinspect import paper
from rsinspect.base.errors import WeightsError, WeightsUnavailable
from rsinspect.checkpoints.boundary import opened
from rsinspect.checkpoints.contents import contents_of
from rsinspect.keras_model import load
from rsinspect.keras_model.applications import ResNetRS
from rsinspect.networks.network import from_graph, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.fitting import check
from rsinspect.weights.published import published_files, published_name
from tests.keras_oracles import images, network, original
from tests.mirrors import NOTOP, md5_of, mirror_of, publish, stop
from tests.weight_files import write_keras_2

pytestmark = pytest.mark.keras

TINY = [{"input_filters": 8, "num_repeats": 1}, {"input_filters": 16, "num_repeats": 2}]
TINY_SPEC = ResNetRSSpec(blocks=(1, 2), filters=(8, 16), depth=50, classes=5)


def tiny(**arguments: Any) -> Any:
    fields: dict[str, Any] = {
        "depth": 50, "block_args": TINY, "weights": None, "input_shape": (32, 32, 3), "classes": 5,
    }  # fmt: skip
    return ResNetRS(**(fields | arguments))


# One's own files


@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".h5", ".hdf5"])
def test_a_saved_model_comes_back_exactly(tmp_path: Path, ending: str) -> None:
    model, path = tiny(drop_connect_rate=0.3), tmp_path / f"mine{ending}"
    model.save_weights(path) if ending == ".weights.h5" else model.save(path)
    batch = images(32, 32, 3)
    for given in (path, str(path)):
        np.testing.assert_array_equal(tiny(weights=given)(batch), model(batch))


def test_weights_reach_a_model_that_has_weighted_layers_before_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    model = tiny()
    model.save(path)
    grey = keras.Input((32, 32, 1))
    colour = keras.layers.Conv2D(3, 1, kernel_initializer="ones")(grey)
    batch = images(32, 32, 1)
    expected = model(np.repeat(batch, 3, axis=-1))
    np.testing.assert_allclose(
        tiny(weights=path, input_tensor=colour, input_shape=None)(batch), expected, atol=1e-6
    )


@pytest.fixture
def file_of_101(tmp_path: Path) -> Path:
    return write_keras_2(tmp_path / "file.h5", network(101))


def test_the_right_file_passes_for_every_published_depth(tmp_path: Path) -> None:
    for depth in paper.variants():
        published = network(depth, include_top=depth % 20 != 0)
        check(write_keras_2(tmp_path / f"{depth}.h5", published), published)


@pytest.mark.parametrize(
    ("of", "wanted", "message", "hint"),
    [
        ({"depth": 101}, {}, "281 layers with weights, the network 145", "resnet-rs-101 with 1000"),
        ({"depth": 101, "include_top": False}, {}, "280 layers", "resnet-rs-101 without top"),
        ({"include_top": False}, {}, "144 layers with weights", "resnet-rs-50 without top"),
        ({"classes": 7}, {"depth": 152}, "layers with weights", "resnet-rs-50 with 7 classes"),
        ({}, {"se_ratio": 0.0}, "the network 113; c2/block0/se/reduce is not in the network", ""),
        ({"dialect": "article"}, {}, "142 layers", "1000 classes of the article dialect"),
        ({"depth": 300}, {"depth": 420}, "layers with weights", "a resnet-rs-300 with"),
        ({}, {"width": 2.0}, "stem/conv1 the network has 3×3×3×64, the file 3×3×3×32", ""),
        ({}, {"se_ratio": 0.5}, "at c2/block0/se/reduce the network has 1×1×256×128, 128", ""),
    ],
    ids=str,
)
def test_a_file_of_another_network_is_recognised(
    tmp_path: Path, of: dict[str, Any], wanted: dict[str, Any], message: str, hint: str
) -> None:
    path = write_keras_2(tmp_path / "file.h5", network(**({"depth": 50} | of)))
    with pytest.raises(WeightsError) as caught:
        check(path, network(**({"depth": 50} | wanted)))
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in str(caught.value.hint)


def _renamed(names: list[bytes]) -> list[bytes]:
    return [b"x%d" % i for i in range(len(names))]


def _swapped(names: list[bytes]) -> list[bytes]:
    i = names.index(b"x16")  # the projection of the first block
    return [*names[: i - 1], names[i], names[i - 1], *names[i + 1 :]]


def test_layers_are_found_by_name_in_any_order_and_by_order_under_any_name(tmp_path: Path) -> None:
    published = network(50)
    path = write_keras_2(tmp_path / "file.h5", published)
    names = keras_2_names(path)
    keras_2_names(path, names[::-1])
    check(path, published)
    keras_2_names(path, names, _renamed(names))
    check(path, published)
    renamed = keras_2_names(path)
    keras_2_names(path, _swapped(renamed))
    with pytest.raises(WeightsError, match="at c2/block0/se/expand the network has 1×1×64×256, 25"):
        check(path, published)


def keras_2_names(
    path: Path, names: list[bytes] | None = None, renamed: list[bytes] | None = None
) -> list[bytes]:
    """Read the order of the layers in a file, after putting them in another and renaming them."""
    with h5py.File(path, "r+") as file:
        if names is not None:
            for old, new in zip(names, renamed or names, strict=True):
                if old != new:
                    file.move(old, new)
            for piece in ("layer_names0", "layer_names1"):
                file.attrs.pop(piece, None)
            file.attrs["layer_names"] = np.array(renamed or names, "S")
        pieces = [file.attrs[piece] for piece in sorted(file.attrs) if "layer_names" in piece]
    return [bytes(name) for piece in pieces for name in piece]


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_a_keras_3_file_of_another_network_is_refused(tmp_path: Path, ending: str) -> None:
    model, path = tiny(), tmp_path / f"mine{ending}"
    model.save_weights(path) if ending == ".weights.h5" else model.save(path)
    with pytest.raises(WeightsError, match="at stem/conv1"):
        tiny(weights=path, width=2.0)
    with pytest.raises(WeightsError, match=r"37 layers with weights, the network 19; c3/block"):
        tiny(weights=path, block_args=TINY[:1])
    with pytest.raises(WeightsError, match=r"37 layers with weights, the network 45"):
        tiny(weights=path, block_args=[TINY[0], TINY[1] | {"num_repeats": 3}])


def test_a_refused_file_costs_no_model(file_of_101: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was built")

    monkeypatch.setattr("rsinspect.keras_model.applications.build_model", never)
    with pytest.raises(WeightsError, match="does not fit resnet-rs-50"):
        rsinspect.ResNetRS50(weights=file_of_101)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64 * [255])
    path.write_bytes(data)


def _without_the_weights(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("x.h5", _truncated, "cannot be read: .*truncated"),
        ("x.weights.h5", _truncated, "cannot be read: .*truncated"),
        ("x.keras", _truncated, "damaged, or no .keras archive"),
        ("x.keras", _damage, "damaged, or no .keras archive"),
        ("x.keras", _without_the_weights, r"has no model\.weights\.h5 inside"),
        ("x.h5", lambda p: p.write_bytes(b""), "is empty"),
        ("x.h5", lambda p: p.write_text("<html>404</html>"), "is not an HDF5 file"),
        ("x.weights.h5", lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n"), "cannot be read"),
        ("x.keras", lambda p: p.write_bytes(b""), "damaged, or no .keras archive"),
        ("x.h5", lambda p: p.unlink(), "there is no file"),
        ("x.h5", lambda p: (p.unlink(), p.mkdir()), "is a directory"),
        ("x.keras", lambda p: (p.unlink(), p.mkdir()), "is a directory"),
        ("x.ckpt", lambda p: None, "is not a weight file that can be read"),
        ("imagnet", lambda p: None, "is not a weight file that can be read"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(
    tmp_path: Path, name: str, spoil: Any, message: str
) -> None:
    path = tmp_path / name
    model = tiny()
    if name.endswith(".weights.h5"):
        model.save_weights(path)
    elif name.endswith((".keras", ".h5")):
        model.save(path)
    else:
        path.write_text("x")
    spoil(path)
    with pytest.raises(WeightsError, match=message) as caught:
        tiny(weights=path)
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, ValueError)


def test_damage_that_only_reading_shows_is_our_error_too(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    made = resnet_rs(TINY_SPEC)
    write_keras_2(path, made)
    with h5py.File(path, "r+") as file:
        name = "predictions"
        del file[name][f"{name}/weight_0:0"]
        file[name].create_dataset(f"{name}/weight_0:0", data=np.full((64, 5), b"text"))
    check(path, made)
    with pytest.raises(WeightsError, match="could not be loaded"):
        tiny(weights=path)


@pytest.mark.parametrize(("save", "ending"), [("keras-3", ".h5"), ("keras-2", ".weights.h5")])
def test_a_file_with_the_ending_of_the_other_layout_is_told_apart(
    tmp_path: Path, save: str, ending: str
) -> None:
    saved, path = tmp_path / "saved.weights.h5", tmp_path / f"renamed{ending}"
    if save == "keras-3":
        tiny().save_weights(saved)
    else:
        write_keras_2(saved, resnet_rs(TINY_SPEC))
    shutil.move(saved, path)
    with pytest.raises(WeightsError, match="holds no weights in the layout") as caught:
        tiny(weights=path)
    assert "let its name end in" in str(caught.value.hint)


# What is published


def test_every_published_file_has_a_name_that_some_request_gives() -> None:
    names = {
        published_name(f"imagenet-i{size}", ResNetRSSpec.variant(variant.depth, include_top=top))
        for variant in paper.variants().values()
        for size in variant.resolutions
        for top in (True, False)
    }
    assert names == set(paper.published_weights().md5)
    assert len(names) == 22


def test_plain_imagenet_is_the_largest_size() -> None:
    assert published_name("imagenet", ResNetRSSpec.variant(350)) == "resnet-rs-350-i320.h5"
    assert published_name("imagenet-i256", ResNetRSSpec.variant(350)) == "resnet-rs-350-i256.h5"


@pytest.mark.parametrize(
    ("weights", "arguments", "message", "hint"),
    [
        ("imagenet", {"depth": 300}, "published for resnet-rs-300", "50, 101, 152"),
        ("imagenet-i999", {"depth": 152}, "size '999'", "imagenet-i192, imagenet-i224"),
        ("imagenet-i", {}, None, ""),
        ("imagenet", {"classes": 10}, "1000 classes, not 10", "include_top=False"),
        ("imagenet", {"classifier_activation": "sigmoid"}, "softmax", "None"),
        ("imagenet", {"input_shape": (64, 64, 1)}, "3 image channels, not 1", "grey"),
        ("imagenet", {"width": 1.5}, "width 1, not 1.5", "weights=None"),
        ("imagenet", {"dialect": "article"}, "not of article", "keras"),
        ("imagenet", {"se_ratio": 0.5}, "first difference at c2/block0/se/reduce", "se_ratio"),
        ("imagenet", {"block_args": TINY}, "first difference at c2/block0/conv1", "block_args"),
    ],
    ids=str,
)
def test_imagenet_weights_are_refused_for_what_they_were_not_trained_for(
    weights: str,
    arguments: dict[str, Any],
    message: str | None,
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fetched(name: str, watch: object = None) -> Path:
        raise AssertionError(f"{name} was fetched")

    monkeypatch.setattr(load, "fetch_published", fetched)
    fields: dict[str, Any] = {"depth": 50, "weights": weights} | arguments
    if message is None:
        with pytest.raises(AssertionError, match="was fetched"):
            ResNetRS(**fields)
        return
    with pytest.raises(WeightsError, match=message) as caught:
        ResNetRS(**fields)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "arguments",
    [
        {"classifier_activation": None},
        {"classifier_activation": keras.activations.softmax},
        {"classes": 10, "include_top": False},
        {"input_shape": (64, 96, 3), "include_preprocessing": False, "bn_momentum": 0.99},
        {"dropout_rate": 0.0, "drop_connect_rate": 0.3, "activation": "swish"},
    ],
    ids=["logits", "softmax", "without-top", "other-numbers", "other-rates"],
)
def test_imagenet_weights_are_given_to_what_they_fit(
    arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fetched(Exception):
        pass

    def fetched(name: str, watch: object = None) -> Path:
        raise Fetched(name)

    monkeypatch.setattr(load, "fetch_published", fetched)
    with pytest.raises(Fetched, match="resnet-rs-50-i160"):
        ResNetRS(50, **arguments)


# Fetching, for real, from a server on this machine; its failures are in test_weights_fetch


@pytest.fixture(scope="module")
def published_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of depth 50 without classifier, as its makers would have saved it."""
    path = tmp_path_factory.mktemp("mirror") / NOTOP
    original(50, include_top=False, input_shape=(64, 64, 3)).save_weights(path)
    return path


@pytest.fixture
def mirror(published_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A server with that file; Keras's cache in an empty folder; the md5 table true of the file."""
    publish(monkeypatch, {NOTOP: md5_of(published_file)})
    with mirror_of(published_file.parent, monkeypatch, tmp_path / "home") as server:
        yield server
    published_files.cache_clear()


def test_published_weights_are_fetched_once_and_then_need_no_network(
    mirror: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"include_top": False, "input_shape": (64, 64, 3), "pooling": "avg"}
    model = rsinspect.ResNetRS50(weights="imagenet", **arguments)
    reference = original(50, **arguments)
    batch = images(64, 64, 3)
    np.testing.assert_allclose(model(batch), reference(batch), atol=1e-5)
    assert capsys.readouterr().out == ""
    stop(mirror)
    again = rsinspect.ResNetRS50(weights="imagenet-i160", **arguments)
    np.testing.assert_array_equal(again(batch), model(batch))
    arguments |= {"input_shape": (3, 64, 64), "data_format": "channels_first"}
    first = rsinspect.ResNetRS50(weights="imagenet", **arguments)
    np.testing.assert_allclose(first(np.moveaxis(batch, -1, 1)), model(batch), atol=1e-5)


def test_without_a_server_nothing_is_loaded_and_the_place_for_the_file_is_named(
    mirror: Any, tmp_path: Path, published_file: Path
) -> None:
    stop(mirror)
    with pytest.raises(WeightsUnavailable, match="could not be fetched") as caught:
        rsinspect.ResNetRS50(weights="imagenet", include_top=False)
    place = tmp_path / "home" / "models" / NOTOP
    assert str(place) in str(caught.value.hint)
    place.parent.mkdir(parents=True)
    shutil.copy(published_file, place)
    assert rsinspect.ResNetRS50(weights="imagenet", include_top=False).name == "resnet-rs-50"


def test_no_weights_are_published_for_a_network_without_a_spec() -> None:
    bare = load.resolved("imagenet", from_graph(network(50).graph))
    with pytest.raises(WeightsError, match="are published for resnet-rs-50"), bare:
        pass


def test_weight_files_are_read_without_keras(file_of_101: Path) -> None:
    program = """
import sys
from pathlib import Path
from rsinspect.networks.named import network
from rsinspect.checkpoints import boundary, contents
from rsinspect.weights import fitting, order, published
fitting.check(Path(sys.argv[1]), network("101@64"))
assert not {"keras", "tensorflow"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program, str(file_of_101)], check=True)


def test_the_arrays_of_a_published_file_are_read_in_order(published_file: Path) -> None:
    with opened(published_file) as (file, datasets):
        layers = contents_of(published_file, file, datasets)
        contents = [(layer.name, layer.shapes) for layer in layers]
    assert contents[0] == ("stem_1_stem_conv_1", ((3, 3, 3, 32),))
    assert contents[1][1] == ((32,),) * 4
    assert len(contents) == 144
