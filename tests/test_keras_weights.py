"""Weight files fit or are refused in words; published ones are fetched, verified and kept."""

from __future__ import annotations

import functools
import hashlib
import http.server
import shutil
import socket
import subprocess
import sys
import threading
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
from rsinspect.keras_model import fetch, load
from rsinspect.keras_model.applications import ResNetRS
from rsinspect.keras_model.fetch import fetch_published
from rsinspect.networks.network import from_graph, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.contents import read_contents
from rsinspect.weights.identify import check
from rsinspect.weights.published import cache_folder, published_name
from tests.keras_oracles import images, network, original, write_keras_2

pytestmark = pytest.mark.keras

NOTOP = "resnet-rs-50-i160_notop.h5"
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
        ({}, {"include_top": False}, "145 layers with weights", "resnet-rs-50 with 1000 classes"),
        ({}, {"classes": 10}, "head/classifier the network has 2048×10, 10, the file 2048×1", ""),
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


def test_two_layers_in_the_wrong_order_are_seen(tmp_path: Path) -> None:
    published = network(50)
    path = write_keras_2(tmp_path / "file.h5", published)
    check(path, published)
    with h5py.File(path, "r+") as file:
        names = file.attrs["layer_names0"]
        i = list(names).index(b"BlockGroup2__block_0__projection_conv")
        names[[i - 1, i]] = names[[i, i - 1]]
        file.attrs["layer_names0"] = names
    with pytest.raises(WeightsError, match="at c2/block0/se/expand the network has 1×1×64×256, 25"):
        check(path, published)


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_a_keras_3_file_of_another_network_is_refused(tmp_path: Path, ending: str) -> None:
    model, path = tiny(), tmp_path / f"mine{ending}"
    model.save_weights(path) if ending == ".weights.h5" else model.save(path)
    with pytest.raises(WeightsError, match="at head/classifier the network has 64×7, 7, the file"):
        tiny(weights=path, classes=7)
    with pytest.raises(WeightsError, match="layers with weights"):
        tiny(weights=path, include_top=False)
    with pytest.raises(WeightsError, match="at stem/conv1"):
        tiny(weights=path, width=2.0)


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
        ("x.h5", lambda p: p.unlink(), "there is no weight file"),
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
    def fetched(name: str) -> Path:
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

    def fetched(name: str) -> Path:
        raise Fetched(name)

    monkeypatch.setattr(load, "fetch_published", fetched)
    with pytest.raises(Fetched, match="resnet-rs-50-i160"):
        ResNetRS(50, **arguments)


# Fetching, for real, from a server on this machine


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def published_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of depth 50 without classifier, as its makers would have saved it."""
    path = tmp_path_factory.mktemp("mirror") / NOTOP
    original(50, include_top=False, input_shape=(64, 64, 3)).save_weights(path)
    return path


@pytest.fixture
def mirror(published_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A server with that file; Keras's cache in an empty folder; the md5 table true of the file."""
    handler = functools.partial(_Quiet, directory=str(published_file.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("no_proxy", "*")
    digest = hashlib.md5(published_file.read_bytes()).hexdigest()
    _publish(monkeypatch, digest)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _publish(monkeypatch: pytest.MonkeyPatch, md5: str) -> None:
    table = paper.PublishedWeights(
        base_url="http://127.0.0.1:9/", md5={NOTOP: md5, "resnet-rs-50-i160.h5": md5}
    )
    monkeypatch.setattr(paper, "published_weights", lambda: table)


def test_published_weights_are_fetched_once_and_then_need_no_network(
    mirror: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"include_top": False, "input_shape": (64, 64, 3), "pooling": "avg"}
    model = rsinspect.ResNetRS50(weights="imagenet", **arguments)
    reference = original(50, **arguments)
    batch = images(64, 64, 3)
    np.testing.assert_allclose(model(batch), reference(batch), atol=1e-5)
    assert capsys.readouterr().out == ""
    mirror.shutdown()
    mirror.server_close()
    again = rsinspect.ResNetRS50(weights="imagenet-i160", **arguments)
    np.testing.assert_array_equal(again(batch), model(batch))


def test_a_damaged_file_in_the_cache_is_fetched_again(mirror: Any, published_file: Path) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / NOTOP).write_bytes(b"half a file")
    path = fetch_published(NOTOP)
    assert path == cache_folder() / NOTOP
    assert path.read_bytes() == published_file.read_bytes()


def test_a_file_with_another_md5_is_refused_and_not_kept(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(monkeypatch, "0" * 32)
    with pytest.raises(WeightsUnavailable, match=f"{NOTOP} with md5 {'0' * 32} was expected"):
        rsinspect.ResNetRS50(weights="imagenet", include_top=False)
    assert list(cache_folder().iterdir()) == []


def test_a_file_the_server_lacks_is_named_with_md5_url_and_place(mirror: Any) -> None:
    with pytest.raises(WeightsUnavailable, match="HTTP 404") as caught:
        rsinspect.ResNetRS50(weights="imagenet")
    table = paper.published_weights()
    name = "resnet-rs-50-i160.h5"
    for part in (name, table.md5[name], f"http://127.0.0.1:{mirror.server_port}/{name}"):
        assert part in caught.value.message
    assert "\n" not in caught.value.message
    assert str(cache_folder() / name) in str(caught.value.hint)
    assert caught.value.exit_code == 3
    assert list(cache_folder().iterdir()) == []


def test_without_a_server_nothing_is_loaded_and_the_place_for_the_file_is_named(
    mirror: Any, tmp_path: Path, published_file: Path
) -> None:
    mirror.shutdown()
    mirror.server_close()
    with pytest.raises(WeightsUnavailable, match="could not be fetched") as caught:
        rsinspect.ResNetRS50(weights="imagenet", include_top=False)
    place = tmp_path / "home" / "models" / NOTOP
    assert str(place) in str(caught.value.hint)
    shutil.copy(published_file, place)
    assert rsinspect.ResNetRS50(weights="imagenet", include_top=False).name == "resnet-rs-50"


def test_a_server_that_never_answers_is_given_up(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", url)
        monkeypatch.setattr(fetch, "TIMEOUT_S", 0.3)
        with pytest.raises(WeightsUnavailable, match="timed out"):
            fetch_published(NOTOP)
    assert socket.getdefaulttimeout() is None


def test_a_mirror_that_is_no_url_is_our_error(mirror: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", "/somewhere")
    with pytest.raises(WeightsUnavailable, match="could not be fetched from /somewhere/"):
        fetch_published(NOTOP)


def test_without_a_mirror_the_published_place_is_asked(
    mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RSINSPECT_WEIGHTS_URL")
    with pytest.raises(WeightsUnavailable, match=f"from http://127.0.0.1:9/{NOTOP}"):
        fetch_published(NOTOP)


def test_a_mirror_may_be_a_folder_of_this_machine(
    mirror: Any, monkeypatch: pytest.MonkeyPatch, published_file: Path
) -> None:
    monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", published_file.parent.as_uri())
    assert fetch_published(NOTOP).read_bytes() == published_file.read_bytes()


def test_no_weights_are_published_for_a_network_without_a_spec() -> None:
    with pytest.raises(WeightsError, match="no ImageNet weights are published for resnet-rs-50"):
        load.resolve("imagenet", from_graph(network(50).graph))


def test_weight_files_are_read_without_keras(file_of_101: Path) -> None:
    program = """
import sys
from pathlib import Path
from rsinspect.networks.named import network
from rsinspect.weights import contents, identify, order, published
identify.check(Path(sys.argv[1]), network("101@64"))
assert not {"keras", "tensorflow"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program, str(file_of_101)], check=True)


def test_the_arrays_of_a_published_file_are_read_in_order(published_file: Path) -> None:
    contents = read_contents(published_file)
    assert contents[0] == ("stem_1_stem_conv_1", ((3, 3, 3, 32),))
    assert contents[1][1] == ((32,),) * 4
    assert len(contents) == 144
