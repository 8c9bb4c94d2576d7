"""A photograph is shown to a network as it wants it, and what it says is said with the reasons."""

from __future__ import annotations

import importlib
import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rsinspect
from rsinspect.base.errors import (
    InvalidPrediction,
    PictureTooLarge,
    RsInspectError,
    WeightsError,
)
from rsinspect.drawing.size import parse_size
from rsinspect.images.photograph import Photograph, photograph
from rsinspect.images.preprocessing import Preprocessing, prepared, scaled
from rsinspect.networks import applications
from rsinspect.networks.named import network
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.plots.predictions import predictions_plot
from rsinspect.plots.sheet import Sheet
from rsinspect.prediction import labels as labels_module
from rsinspect.prediction import predict as predict_module
from rsinspect.prediction.answer import predict_answer
from rsinspect.prediction.labels import INDEX, labels_for
from rsinspect.prediction.predict import Choices, network_for, predict
from rsinspect.prediction.predictions import Predictions, guesses, softmax
from rsinspect.prediction.process import Ran
from rsinspect.prediction.reading import MODES, reading_of
from rsinspect.render.console import table_text
from rsinspect.weights import chosen
from rsinspect.weights.by_name import shapes_of
from rsinspect.weights.chosen import LIVE, weights_for
from rsinspect.weights.naming import tensors
from tests.conftest import Cli
from tests.networks import network_of
from tests.schemas import complaints
from tests.test_images import hopper
from tests.weight_files import write_keras_2

NAMES = ("tench", "military uniform", "bow tie, of the kind that is tied by hand, as few are now")


def small(**changes: Any) -> Any:
    return network_of(50, **({"resolution": 64, "classes": 3} | changes))


def said(rows: Sequence[Sequence[float]], tmp_path: Path, **choices: Any) -> Predictions:
    """What a network with three classes says of as many photographs as there are rows."""
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES))
    photographs = [
        Photograph(f"photograph {number}.jpg", photograph(hopper()).image)
        for number in range(len(rows))
    ]
    chosen = Choices(**({"labels": names} | choices))
    return predict(small(), LIVE, photographs, chosen, lambda _: Ran(rows, "tensorflow"))


# How a network is read


@pytest.mark.parametrize(
    ("text", "changes", "scaling", "meaning"),
    [
        ("50", {}, "none", "probability"),
        ("50", {"preprocessing": False}, "torch", "probability"),
        ("101:timm", {}, "torch", "probability"),
        ("50:tf-models", {}, "torch", "probability"),
        ("50", {"classifier_activation": "linear"}, "none", "logit"),
        ("50", {"classifier_activation": "sigmoid"}, "none", "score"),
        ("resnet50", {"preprocessing": False}, "torch", "probability"),
    ],
)
def test_a_network_is_read_from_its_wiring(
    text: str, changes: dict[str, Any], scaling: str, meaning: str
) -> None:
    reading = reading_of(network(text, **changes))
    assert (reading.scaling, reading.meaning) == (scaling, meaning)
    assert reading_of(network(text, **changes), "tf").scaling == "tf"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"include_top": False}, "ends in 2×2×2048, not in a number for each class"),
        ({"channels": 1}, "takes 64×64, not one image in colour"),
    ],
    ids=str,
)
def test_a_network_that_names_no_classes_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPrediction, match=message) as caught:
        reading_of(small(**changes))
    assert caught.value.exit_code == 2


@pytest.mark.keras
@pytest.mark.slow
def test_pixels_are_scaled_as_each_family_of_keras_does() -> None:
    import keras

    batch = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    assert set(MODES) == set(applications.FAMILIES)
    for family, mode in MODES.items():
        name = "vgg16" if family == "vgg" else family
        module = importlib.import_module(f"{keras.applications.__name__}.{name}")
        expected = module.preprocess_input(batch.copy())
        np.testing.assert_allclose(scaled(batch, mode), expected, atol=1e-4)


def test_a_family_of_keras_is_known_by_the_name_of_its_network() -> None:
    for name, scaling in (
        ("vgg16", "caffe"), ("resnet50v2", "tf"), ("mobilenetv2_1.00_224", "tf"),
        ("densenet121", "torch"), ("NASNet", "tf"), ("my_model", "none"),
    ):  # fmt: skip
        graph = network_of(50, dialect="resnet", resolution=64, preprocessing=False).graph
        made = SimpleNamespace(
            name=name, resolution=(64, 64), graph=graph, recognised=None, spec=None, size="64×64"
        )
        reading = reading_of(made)  # type: ignore[arg-type]
        assert reading.scaling == scaling
    assert "a guess" in str(reading.because)


# What its numbers mean


def test_the_likeliest_classes_come_first_and_equals_by_their_index(tmp_path: Path) -> None:
    reading = reading_of(small())
    labels = labels_for(3)
    order = [guess.index for guess in guesses([0.2, 0.2, 0.6], reading, labels, 3)]
    assert order == [2, 0, 1]
    nan = guesses([math.nan, 0.1, 0.2], reading, labels, 9)
    assert [guess.index for guess in nan] == [2, 1, 0]
    logits = reading_of(small(classifier_activation="linear"))
    shares = guesses([1000.0, 999.0, -1000.0], logits, labels, 3)
    assert sum(guess.share for guess in shares) == pytest.approx(1)
    assert shares[0].share == pytest.approx(1 / (1 + math.exp(-1)))
    assert softmax([0.0, 0.0]) == [0.5, 0.5]


# What they are called


@pytest.mark.parametrize(
    "content",
    ["a\nb\nc\n", "\n a \n\nb\nc", '["a", "b", "c"]', '{"0": "a", "1": "b", "2": "c"}',
     '{"0": ["n1", "a"], "1": ["n2", "b"], "2": ["n3", "c"]}'],
)  # fmt: skip
def test_names_are_read_from_a_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "names"
    path.write_text(content)
    labels = labels_for(3, path)
    assert labels.names == ("a", "b", "c")
    assert labels.wordnet == (("n1", "n2", "n3") if "n1" in content else None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb", "has 2 names, the network 3 classes"),
        (b'{"0": "a", "2": "b"}', "no list of names"),
        (b"[1, 2, 3]", "no list of names"),
        (b"7", "no list of names"),
        (b"\xff\xfe\x00", "cannot be read"),
        (None, "cannot be read: No such file"),
    ],
    ids=str,
)
def test_what_names_no_classes_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "names"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidPrediction, match=message):
        labels_for(3, path)


def test_kerass_list_is_taken_where_it_is_and_is_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert labels_for(1000).names is None
    assert "Keras's list is not here" in str(labels_for(1000).notes[0])
    place = tmp_path / "models" / INDEX
    place.parent.mkdir()
    listed = {str(index): [f"n{index:08}", f"a_class_{index}"] for index in range(1000)}
    place.write_text(json.dumps(listed))
    assert "is not Keras's list" in str(labels_for(1000).notes[0])
    import hashlib

    digest = hashlib.md5(place.read_bytes()).hexdigest()
    monkeypatch.setattr(labels_module, "INDEX_MD5", digest)
    names = labels_for(1000).names
    assert names is not None
    assert (len(names), names[7]) == (1000, "a class 7")
    background = labels_for(1001)
    assert background.names is not None
    assert background.names[:2] == ("background", "a class 0")
    assert labels_for(999).names is None


# With which weights


def test_the_weights_are_those_of_the_file_or_the_published_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetched(name: str, **_: Any) -> Path:
        asked.append(name)
        return tmp_path / name

    monkeypatch.setattr(chosen, "fetch_published", fetched)
    for text, weights in (("101@160", None), ("101@224", None), ("101", "imagenet-i160")):
        weights_for(network(text), weights)
    assert asked == ["resnet-rs-101-i160.h5", "resnet-rs-101-i192.h5", "resnet-rs-101-i160.h5"]
    assert network_for(None).title == "ResNet-RS-50 @ 160×160"
    write_keras_2(tmp_path / "mine.h5", small())
    mine = weights_for(small(), str(tmp_path / "mine.h5"))
    assert (mine.path, mine.own) == (tmp_path / "mine.h5", False)
    with pytest.raises(WeightsError, match="1000 classes, not 3"):
        weights_for(small(), None)


def test_a_file_of_weights_alone_says_which_network_it_is_of(tmp_path: Path) -> None:
    path = write_keras_2(tmp_path / "finetuned.h5", small(resolution=160))
    made = network_for(str(path))
    assert made.title == "ResNet-RS-50 @ 160×160"
    assert made.graph.layer("head/classifier").shape == (3,)
    assert network_for(str(path), (96, 64)).resolution == (96, 64)
    other = tmp_path / "other.npz"
    np.savez(other, weights=np.zeros(3))
    with pytest.raises(InvalidPrediction, match="does not say which network"):
        network_for(str(other))
    bare = write_keras_2(tmp_path / "bare.h5", small(include_top=False))
    with pytest.raises(
        InvalidPrediction, match=r"bare.h5 has no classifier.*without top"
    ) as caught:
        network_for(str(bare))
    assert caught.value.hint == "give weights that have one, or a whole model: .keras or .h5"


# How it is said


def test_predictions_are_a_table(tmp_path: Path) -> None:
    answer = predict_answer(said([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], tmp_path, limit=2))
    text = table_text(answer.table, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "What ResNet-RS-50 @ 64×64 sees" in text
    assert "military uniform" in text
    assert "70.0 %" in text
    assert "Crop ratio 0.667, the TPU code's; resized to 64×64, bicubic." in text
    rows = [(row["image"], row["rank"], row["index"]) for row in answer.table.rows]
    assert rows == [("photograph 0.jpg", 1, 1), ("", 2, 2), ("photograph 1.jpg", 1, 0), ("", 2, 2)]


def test_predictions_are_a_document(tmp_path: Path) -> None:
    document = predict_answer(said([[0.1, 0.7, 0.2]], tmp_path, crop_ratio=0.5)).document
    assert document["schema"] == "rsinspect.predict/1"
    assert document["preprocessing"] == {
        "resolution": [64, 64], "crop_ratio": 0.5, "interpolation": "bicubic", "scaling": "none",
    }  # fmt: skip
    (image,) = document["images"]
    assert (image["height"], image["width"]) == (600, 512)
    left, top, right, bottom = image["crop_box"]
    assert right - left == bottom - top == 256
    assert image["predictions"][0] == {
        "rank": 1, "index": 1, "name": "military uniform", "wordnet_id": None, "share": 0.7,
    }  # fmt: skip
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("theme", ["light", "dark", "paper", "print"])
@pytest.mark.parametrize("size", [None, "84mm", "16:9"])
def test_predictions_are_a_picture(tmp_path: Path, theme: str, size: str | None) -> None:
    predictions = said([[0.1, 0.7, 0.2]], tmp_path)
    sheet = Sheet(None if size is None else parse_size(size))
    svg = predictions_plot(predictions, "svg", theme, sheet).decode()
    for part in ("What ResNet-RS-50", "military", "70.0 %", "<image", "photograph 0.jpg"):
        assert part in svg
    assert svg == predictions_plot(predictions, "svg", theme, sheet).decode()
    png = Image.open(io.BytesIO(predictions_plot(predictions, "png", theme, sheet)))
    assert png.width > 300


def test_photographs_that_do_not_fit_a_slide_are_refused(tmp_path: Path) -> None:
    predictions = said([[0.1, 0.7, 0.2]] * 9, tmp_path)
    with pytest.raises(PictureTooLarge, match="9 photographs do not fit"):
        predictions_plot(predictions, "svg", "light", Sheet(parse_size("160x90mm")))


def test_what_is_outside_the_crop_is_faded_and_what_is_inside_is_not(tmp_path: Path) -> None:
    """The pixels of the picture, of a photograph that is black."""
    black = Photograph("black", Image.new("RGB", (200, 100), (0, 0, 0)))
    predictions = said([[0.1, 0.7, 0.2]], tmp_path)
    predictions = predictions._replace(
        seen=(predictions.seen[0]._replace(photograph=black),),
        preprocessing=Preprocessing((64, 64), 1.0),
    )
    png = predictions_plot(predictions, "png", "light")
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    columns = pixels[:, 40:420].min(axis=0)  # the photograph is 380 dots wide
    shades = {int(shade) for shade in columns}
    assert 0 in shades
    assert {shade for shade in shades if 120 < shade < 160}  # black, with 0.55 of white over it


# With a real network


@pytest.fixture(scope="module")
def model() -> Any:
    """Two narrow blocks with five classes and random weights, large enough to tell pictures."""
    import keras

    keras.utils.set_random_seed(3)
    made = rsinspect.ResNetRS50(
        weights=None,
        classes=5,
        input_shape=(48, 48, 3),
        block_args=[{"num_repeats": 1, "input_filters": filters} for filters in (8, 16)],
    )
    for layer in made.layers:
        if layer.name == "predictions":
            layer.set_weights([array * 20 for array in layer.get_weights()])
    return made


@pytest.mark.keras
def test_a_live_model_is_asked_as_it_is(model: Any) -> None:
    import keras

    seen = rsinspect.predict([hopper(), photograph(hopper()).pixels], model=model, limit=5)
    batch = prepared(photograph(hopper()), 48)
    expected = keras.ops.convert_to_numpy(model(batch))[0]
    for guessed in seen.predictions.seen:
        assert [expected[g.index] for g in guessed.guesses] == sorted(expected, reverse=True)
        np.testing.assert_allclose([g.share for g in guessed.guesses], sorted(expected)[::-1])
    assert "<svg" in seen.plot().to_svg()
    assert "military" not in repr(seen)
    assert seen.to_json()["meaning"] == "probability"


@pytest.mark.keras
@pytest.mark.slow
def test_a_file_is_asked_on_the_command_line_from_a_file_and_from_stdin(
    model: Any, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, plot = tmp_path / "mine.keras", tmp_path / "seen.svg"
    model.save(path)
    stdin = SimpleNamespace(buffer=io.BytesIO(hopper().read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    outcome = cli(
        "predict", hopper(), "-", "--weights", path, "--plot", plot, "--format", "json", "-n", 3
    )
    assert outcome.code == 0, outcome.err
    live = rsinspect.predict(hopper(), model=model, limit=3).to_json()["images"][0]["predictions"]
    document = json.loads(outcome.out)
    assert complaints(document) == []
    from_file, from_stdin = document["images"]
    assert from_file["predictions"] == from_stdin["predictions"]
    assert [guess["index"] for guess in from_file["predictions"]] == [g["index"] for g in live]
    np.testing.assert_allclose(
        [guess["share"] for guess in from_file["predictions"]],
        [guess["share"] for guess in live],
        rtol=1e-4,
    )
    assert "class " in plot.read_text()
    assert "stdin" in plot.read_text()


@pytest.mark.keras
def test_weights_of_timm_are_loaded_by_name_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    from rsinspect.keras_model.load import weighted

    ours = resnet_rs(ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32), classes=5))
    random = np.random.default_rng(0)
    stored = {
        name: random.uniform(0.5, 1, place.stored_shape(shapes_of(ours)[place.path, place.weight]))
        for name, place in tensors(ours, "timm").items()
    }
    path = tmp_path / "timm.safetensors"
    save_file({name: array.astype("float32") for name, array in stored.items()}, path)
    model = weighted(ours, weights_for(ours, str(path)).path, own=False)
    kernel, bias = model.get_layer("predictions").get_weights()
    np.testing.assert_array_equal(kernel.T, stored["fc.weight"].astype("float32"))
    np.testing.assert_array_equal(bias, stored["fc.bias"].astype("float32"))
    more = resnet_rs(ours.spec.replace(classes=7))  # type: ignore[union-attr]
    keras_file = write_keras_2(tmp_path / "five.h5", ours)
    with pytest.raises(WeightsError, match=r"no classifier of 7 classes.*predictions \(512×5, 5"):
        weighted(more, keras_file, own=False)
    deeper = resnet_rs(ours.spec.replace(blocks=(1, 1, 2, 1)))  # type: ignore[union-attr]
    with pytest.raises(WeightsError, match="does not fit"):
        weights_for(deeper, str(path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.jpg",), "cannot be read: No such file"),
        (("README.md",), "no image that can be read"),
        (("{photo}", "--limit", "0"), "number of classes to show"),
        (("{photo}", "--crop-ratio", "2"), "crop ratio"),
        (("{photo}", "--scaling", "imagenet"), "unknown scaling"),
        (("{photo}", "--model", "51"), "unknown depth 51"),
        (("{photo}", "--model", "50", "--weights", "nowhere.h5"), "no file"),
        (("{photo}", "--weights", "pyproject.toml"), "not a weight file"),
        (("{photo}", "--labels", "nowhere.txt", "--weights", "imagenet-i1"), "no ImageNet weights"),
        (("{photo}", "-o", "seen.jpg"), "cannot be written as '.jpg'"),
    ],
    ids=str,
)
def test_what_cannot_be_predicted_is_refused_before_keras_is_started(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("Keras was started")

    monkeypatch.setattr(predict_module, "run", never)
    outcome = cli("predict", *(argument.format(photo=hopper()) for argument in arguments))
    assert outcome.code == 2, outcome.err
    assert message in outcome.err
    assert outcome.out == ""


def test_a_worker_that_fails_is_told_of_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from rsinspect.prediction import process

    photographs = [photograph(hopper())]
    chosen = Preprocessing((64, 64), 1.0)
    for code, message in (
        ('print(\'{"problem": "it is so", "hint": null, "kind": "WeightsError"}\')', "so"),
        ("raise SystemExit(7)", "ended with code 7 and gave nothing"),
    ):
        monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", code))
        with pytest.raises(RsInspectError, match=message):
            process.run(small(), tmp_path / "no.h5", photographs, chosen, own=False)
