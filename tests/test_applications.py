"""Networks of keras.applications by name: how they are written, built once, and kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import rsinspect
from rsinspect.base.errors import BackendUnavailable, InvalidSpec, ModelBuildError
from rsinspect.networks import applications
from rsinspect.networks.keras_cache import application_networks, keras_version
from rsinspect.networks.named import compared, network, source
from tests.conftest import Cli, python
from tests.fake_keras import FakeKeras

SPELLINGS = {
    ("EfficientNetB0", 224): (
        "EfficientNetB0", "efficientnet-b0", "efficientnet_b0", "EFFICIENTNET B0",
        "keras.applications.EfficientNetB0", "tf.keras.applications.efficientnet.EfficientNetB0",
        "keras.src.applications.efficientnet.EfficientNetB0", "keras/EfficientNetB0",
        "EfficientNetB0 @ 224×224",
    ),
    ("EfficientNetB0", 260): ("EfficientNetB0@260", "efficientnet-b0 @ 260x260"),
    ("EfficientNetV2S", 384): ("efficientnetv2-s", "efficientnet_v2_s"),
    ("ConvNeXtTiny", 224): ("convnext-tiny", "ConvNeXt_Tiny"),
    ("MobileNetV3Large", 224): ("mobilenet_v3_large", "MobileNetV3Large"),
    ("MobileNet", 224): ("mobilenet", "MobileNet-v1"),
    ("InceptionV3", 299): ("inception_v3", "Inception-v3"),
    ("ResNet50V2", 224): ("resnet50v2", "ResNet-50-V2", "keras.applications.ResNet50V2"),
    ("ResNet152", 224): ("keras.applications.ResNet152", "keras.ResNet152", "Keras ResNet152"),
}  # fmt: skip


@pytest.fixture
def keras_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeKeras:
    return FakeKeras(monkeypatch, tmp_path)


def test_a_network_is_known_in_anybodys_spelling() -> None:
    for (name, side), texts in SPELLINGS.items():
        for text in texts:
            named = applications.named_in(text)
            assert named is not None, text
            assert (named.name, named.own_size) == (name, (side, side)), text


@pytest.mark.parametrize("text", ["50", "resnet50", "ResNet152", "timm/efficientnet_b0", "b0", ""])
def test_a_name_of_ours_or_of_others_is_none_of_keras(text: str) -> None:
    assert applications.named_in(text) is None


def test_resnet50_is_he_et_als_and_keras_has_to_be_named_for_its_own() -> None:
    assert network("ResNet50").title == "ResNet-50 @ 224×224"
    assert network("ResNet50").spec is not None
    ours, keras = source("ResNet50"), source("keras.applications.ResNet50")
    assert ours.own_size == keras.own_size == (224, 224)
    assert ours.make.__qualname__ != keras.make.__qualname__


def test_a_note_names_the_other_network_of_that_name(cli: Cli) -> None:
    def page(model: str) -> str:
        return " ".join(cli("summary", model, "--notes", "full").out.split())

    assert "convolutions have biases, is keras.applications.ResNet50." in page("resnet50")
    assert "keras.applications" not in page("resnet50d") + page("resnet200") + page("50")


def test_titles_are_model_text() -> None:
    for name in applications.names():
        application = applications.Named(name).application(resolution=(96, 128))
        again = applications.named_in(application.title)
        assert again == applications.Named(name, (96, 128))


def test_a_network_is_built_once_and_then_read(cli: Cli, keras_process: FakeKeras) -> None:
    first = cli("summary", "EfficientNetB0")
    assert first.code == 0, first.err
    assert "Keras builds EfficientNetB0 at 224×224, once" in first.err
    again = cli("summary", "efficientnet-b0@224")
    assert (again.code, again.err, again.out) == (0, "", first.out)
    assert keras_process.asked == [["EfficientNetB0"]]
    assert "EfficientNetB0 @ 224×224" in first.out
    kept = keras_process.cache / f"EfficientNetB0-224x224-keras-{keras_version()}.json"
    assert [*keras_process.cache.iterdir()] == [kept]
    assert json.loads(kept.read_text())["class_name"] == "Functional"  # MODEL as any other file


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"class_name": "Functional"}', b"\xff"])
def test_a_damaged_file_is_built_again(keras_process: FakeKeras, damage: bytes) -> None:
    network("VGG16")
    (kept,) = keras_process.cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert network("VGG16").cost.params == 3 * 5 + 5
    assert kept.read_bytes() == whole
    assert len(keras_process.asked) == 2


def test_size_arguments_and_keras_make_another_file(
    keras_process: FakeKeras, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    for line in ("VGG16", "VGG16@96", "VGG16 --classes 10", "VGG16 --no-top --pooling avg"):
        assert cli("summary", *line.split()).code == 0
    monkeypatch.setattr("rsinspect.networks.keras_cache.keras_version", lambda: "4.0")
    assert cli("summary", "VGG16").code == 0
    assert len(keras_process.asked) == len([*keras_process.cache.iterdir()]) == 5


def test_a_folder_that_cannot_be_written_is_done_without(
    keras_process: FakeKeras, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSINSPECT_CACHE", os.devnull)
    outcome = cli("summary", "VGG16")
    assert outcome.code == 0
    assert "not kept: " in outcome.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("summary VGG16 --width 2", "--width 2.0 is not an argument of Keras's VGG16"),
        ("summary VGG16 --no-preprocessing", "--no-preprocessing is not an argument"),
        ("summary VGG16@224 -r 256", "VGG16 at two sizes: 224×224 and 256×256"),
        ("summary VGG16@16", "32"),
        ("summary VGG16:article", "have no dialects"),
        ("summary VGG16 --dialect article", "--dialect article is not an argument"),
        ("summary eficientnetb0", "did you mean EfficientNetB0?"),
        ("summary timm/efficientnet_b0", "EfficientNetB0 is Keras's"),
        ("summary resnet200v2", "Keras has ResNet v2 at 50, 101 and 152"),
        ("recipe EfficientNetB0", "no recipe of EfficientNetB0 is known here"),
    ],
)
def test_what_keras_has_not_is_refused_in_one_line(
    cli: Cli, keras_process: FakeKeras, line: str, said: str
) -> None:
    outcome = cli(*line.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) <= 2
    assert keras_process.asked == []


def test_what_keras_says_against_it_is_said(cli: Cli, keras_process: FakeKeras) -> None:
    keras_process.answer("ValueError: Input size must be at least 75x75")
    outcome = cli("summary", "InceptionV3@64", "-q")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: Keras does not build InceptionV3 @ 64×64: ValueError: In")
    keras_process.answer("Keras cannot be imported: No module named 'jax'", missing=True)
    assert cli("summary", "InceptionV3", "-q").code == 3
    with pytest.raises(BackendUnavailable, match="No module named 'jax'"):
        network("InceptionV3")
    assert not keras_process.cache.exists()


def test_a_process_that_dies_is_told_of(
    keras_process: FakeKeras, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    dying = (sys.executable, "-c", "import os, sys; sys.stderr.write('no room'); os._exit(7)")
    monkeypatch.setattr("rsinspect.networks.keras_process.COMMAND", dying)
    with pytest.raises(ModelBuildError, match="ended with code 7 and made no model") as told:
        network("VGG16")
    assert "| no room" in told.value.message


def test_two_are_compared_at_the_larger_of_their_sizes(keras_process: FakeKeras) -> None:
    found = compared("InceptionV3", "50")
    assert [made.size for made in found.networks] == ["299×299", "299×299"]
    assert "ResNet-RS-50's own is 160×160" in str(found.note)
    sized = compared("InceptionV3", "50@192")
    assert [made.size for made in sized.networks] == ["299×299", "192×192"]
    assert [made.size for made in compared("VGG16", "50", resolution=(64, 64)).networks] == [
        "64×64", "64×64",
    ]  # fmt: skip


def test_the_python_door_takes_the_same_names(keras_process: FakeKeras) -> None:
    assert rsinspect.network("efficientnet-b7").title == "EfficientNetB7 @ 600×600"
    assert rsinspect.summary("efficientnet-b7").title.startswith("EfficientNetB7 @ 600×600")
    assert rsinspect.network("VGG16", resolution=96).resolution == (96, 96)
    with pytest.raises(InvalidSpec, match="two sizes"):
        rsinspect.network("VGG16@64", resolution=96)


def test_names_and_sizes_load_no_framework_nor_the_reader_of_files() -> None:
    code = (
        "import sys; from rsinspect.networks.named import source; source('EfficientNetB0@260');"
        "print({'keras', 'tensorflow', 'numpy', 'msgspec'}"
        " & set(sys.modules))"
    )
    assert python(code).stdout == "set()\n"


@pytest.mark.keras
def test_names_are_those_of_the_keras_that_is_installed() -> None:
    import keras

    theirs = {
        name
        for name in dir(keras.applications)
        if name[0].isupper() and callable(getattr(keras.applications, name))
    }
    assert theirs == set(applications.names())  # sizes: test_keras_census


@pytest.mark.keras
def test_keras_builds_in_its_process_what_it_builds_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import keras

    monkeypatch.setenv("RSINSPECT_CACHE", str(tmp_path))
    asked = [
        applications.Named("MobileNetV2", (96, 96)).application(),
        applications.Named("InceptionV3", (64, 64)).application(),
    ]
    with pytest.raises(ModelBuildError, match=r"InceptionV3 @ 64×64: .* at least 75x75"):
        application_networks(asked)
    monkeypatch.setattr("rsinspect.networks.keras_process.COMMAND", ("/bin/false",))
    made = network("MobileNetV2@96")  # was kept before the other failed
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
    assert made.cost.params == model.count_params()
    assert made.fingerprint == rsinspect.network(model).fingerprint
    assert made.title == "MobileNetV2 @ 96×96"
