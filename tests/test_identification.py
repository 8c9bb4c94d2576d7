"""A file says what network it is of, whatever its tensors are called and whatever its head is."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import keras
import pytest

from rsinspect import paper
from rsinspect.base.errors import RsInspectError
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, folded, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.identity import Identity, identified
from rsinspect.weights.signatures import signatures
from tests.tensor_files import FORMATS, Shapes, shapes_of, tensor_file_of
from tests.weight_files import write_keras_2

RS = [dialect.name for dialect in DIALECTS.values() if dialect.family == "resnet-rs"]


def made(depth: int = 50, dialect: str = "keras", **changes: Any) -> Network:
    return resnet_rs(ResNetRSSpec.variant(depth, dialect=dialect, **changes))


def identity_of(shapes: Shapes, convention: str = "timm", **where: Any) -> Identity:
    return identified(tensor_file_of(shapes, FORMATS[convention], **where))


def numbered(network: Network) -> Shapes:
    """Shapes of any network's arrays under nobody's names."""
    layers = enumerate(network.graph)
    return {
        f"{number}/{n}": shape
        for number, layer in layers
        for n, shape in enumerate(weight_shapes(layer.op))
    }


@pytest.mark.parametrize("depth", paper.variants())
def test_every_depth_is_told(depth: int) -> None:
    found = identity_of(shapes_of(made(depth, "timm"), "timm"))
    assert (found.architecture, found.dialect) == (f"ResNet-RS-{depth}", "timm")
    assert found.spec is not None
    assert (found.spec.depth, found.confidence, found.convention) == (depth, "high", "timm")
    assert found.head is not None
    assert (found.head.top, found.head.classes) == (True, 1000)
    assert found.image_size is None


@pytest.mark.parametrize("convention", FORMATS)
@pytest.mark.parametrize("dialect", RS)
def test_every_dialect_is_told_under_any_names(dialect: str, convention: str) -> None:
    for changes in ({}, {"classes": 7}, {"include_top": False}):
        network = made(50, dialect, **changes)
        try:
            shapes = shapes_of(network, convention)
        except RsInspectError:
            assert dialect == "article"  # timm's layers have no names for what it lacks
            return
        found = identity_of(shapes, convention)
        assert found.is_resnet_rs
        assert dialect in found.dialects
        assert (found.dialect == dialect) or found.dialects[1:]
        assert found.head is not None
        assert found.head.top == ("include_top" not in changes)
        spec = network.spec
        assert spec is not None
        assert found.head.classes == (spec.classes if spec.include_top else None)
        rebuilt = found.network
        assert rebuilt is not None
        assert shapes_of(rebuilt, convention) == shapes


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0.25},
        {"width": 2.0},
        {"channels": 1},
        {"se_ratio": 0.5},
        {"se_ratio": 0.0},
        {"blocks": (1, 1, 1, 1), "depth": None},
    ],
    ids=str,
)
def test_other_numbers_than_the_papers_are_told(changes: dict[str, Any]) -> None:
    spec = ResNetRSSpec.variant(50, include_top=False).replace(**changes)
    found = identity_of(shapes_of(resnet_rs(spec), "keras-2"), "keras-2")
    assert found.spec is not None
    for field in ("blocks", "width", "channels", "se_ratio", "filters", "depth"):
        assert getattr(found.spec, field) == getattr(spec, field)


HEADS: dict[str, tuple[Shapes, int | None]] = {
    "hidden layer": (
        {"a.weight": (64, 2048), "a.bias": (64,), "b.weight": (5, 64), "b.bias": (5,)}, 5,
    ),
    "two heads": (
        {"a.weight": (3, 2048), "a.bias": (3,), "b.weight": (5, 2048), "b.bias": (5,)}, None,
    ),
    "no bias": ({"fc.weight": (12, 2048)}, 12),
}  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
def test_a_fine_tuned_head_is_no_part_of_the_network(head: str) -> None:
    more, classes = HEADS[head]
    found = identity_of(shapes_of(made(101, "timm", include_top=False), "timm") | more)
    assert (found.architecture, found.confidence) == ("ResNet-RS-101", "high")
    assert found.head is not None
    assert (found.head.top, found.head.classes) == (False, classes)
    assert "a head of its own" in found.sentence()


def test_a_network_inside_another_is_found() -> None:
    inner = shapes_of(made(50, "timm", include_top=False), "timm")
    decoder = {f"decoder.{n}.weight": (256, 256, 3, 3) for n in range(20)}
    found = identity_of(
        {f"module.encoder.{name}": shape for name, shape in inner.items()} | decoder
    )
    assert (found.architecture, found.confidence) == ("ResNet-RS-50", "medium")
    assert "20 arrays besides" in found.sentence()
    twice = {f"{name}.{key}": shape for name in ("a", "b") for key, shape in inner.items()}
    found = identity_of(twice)
    assert found.confidence == "medium"
    assert "2 times" in found.evidence[0]


def test_a_training_checkpoint_has_the_network_twice_with_its_head() -> None:
    shapes = shapes_of(made(50, "timm", classes=12), "timm")
    names = ("state_dict", "state_dict_ema")
    found = identity_of({f"{name}/{key}": s for name in names for key, s in shapes.items()})
    assert found.head is not None
    assert (found.architecture, found.head.top, found.head.classes) == ("ResNet-RS-50", True, 12)


def test_state_of_training_is_no_weight() -> None:
    shapes = shapes_of(made(50), "tpu")
    slots = {f"{name}/Momentum": shape for name, shape in shapes.items()}
    means = {f"{name}/ExponentialMovingAverage": shape for name, shape in shapes.items()}
    found = identity_of(shapes | slots | means | {"global_step": ()}, "tpu")
    assert (found.confidence, found.sentence()[:13]) == ("high", "ResNet-RS-50 ")
    counts = {f"layer1.{n}.bn1.num_batches_tracked": () for n in range(3)}
    assert identity_of(shapes_of(made(50), "timm") | counts).confidence == "high"


def test_1001_classes_are_tf_models() -> None:
    assert identity_of(shapes_of(made(50, "tf-models"), "tpu"), "tpu").dialect == "tf-models"
    assert identity_of(shapes_of(made(50, "keras"), "tpu"), "tpu").dialect == "keras"


def test_folded_batch_norms_are_told() -> None:
    found = identity_of(numbered(folded(made(50, include_top=False))), "keras-3")
    assert found.architecture == "ResNet-RS-50"
    assert "batch norms folded" in found.evidence[0]


@pytest.mark.parametrize("dialect", ["resnet", "resnet-d"])
def test_an_ancestor_is_not_a_resnet_rs(dialect: str) -> None:
    network = made(50, dialect)
    found = identity_of(numbered(network), "keras-3")
    assert not found.is_resnet_rs
    assert found.sentence().startswith(f"Not a ResNet-RS: {network.short_title}, 1000 classes")
    assert any("timm.resnet50" in each for each in found.names)


@pytest.mark.parametrize("signature", signatures(), ids=lambda each: each.names[0])
def test_no_other_known_network_is_a_resnet_rs_and_each_is_named(signature: Any) -> None:
    shapes = {
        f"{number}/{n}": shape
        for number, (shape, count) in enumerate(signature.body.items())
        for n in range(count)
    }
    found = identity_of(shapes | {"top/0": (64, 10), "top/1": (10,)}, "keras-3")
    assert found.is_resnet_rs == ("timm.resnetrs" in signature.names[0])
    if not found.is_resnet_rs:
        assert set(signature.names) <= set(found.names) or found.spec is not None
        assert found.confidence == "high"


def test_noise_is_no_network() -> None:
    rng = random.Random(7)
    for _ in range(50):
        shapes = {
            f"x{n}": tuple(rng.choice((1, 3, 7, 8, 64, 256)) for _ in range(rng.randint(0, 4)))
            for n in range(rng.randint(0, 200))
        }
        found = identity_of(shapes)
        assert (found.architecture, found.confidence, found.head) == (None, "none", None)
        assert found.sentence().startswith("Not a ResNet-RS, nor")


def test_a_network_with_a_hole_is_told_with_little_confidence() -> None:
    shapes = shapes_of(made(152, include_top=False), "keras-2")
    del shapes["BlockGroup4__block_22__conv_2/BlockGroup4__block_22__conv_2/kernel:0"]
    found = identity_of(shapes, "keras-2")
    assert (found.architecture, found.confidence) == ("ResNet-RS-152", "low")
    assert found.is_resnet_rs
    assert "1 of its own are not there (3×3×256×256)" in found.evidence[-1]


# Where the size of the images is known


def test_a_published_file_is_told_by_its_md5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_keras_2(tmp_path / "x.h5", made(152, include_top=False))
    with tensor_file(path) as file:
        assert identified(file).image_size is None
    known = paper.published_weights()._replace(
        md5={"resnet-rs-152-i192_notop.h5": hashlib.md5(path.read_bytes()).hexdigest()}
    )
    monkeypatch.setattr(paper, "published_weights", lambda: known)
    with tensor_file(path) as file:
        found = identified(file)
    assert (found.image_size, found.confidence) == ((192, 192), "certain")
    assert "Its md5 is that of the published resnet-rs-152-i192_notop.h5." in found.evidence


def test_a_name_says_the_size_of_the_images_only_where_there_is_such_a_size() -> None:
    shapes = shapes_of(made(152), "timm")
    found = identity_of(shapes, name="resnet-rs-152-i224.safetensors")
    assert (found.image_size, found.confidence) == ((224, 224), "high")
    assert identity_of(shapes, name="resnet-rs-152-i999.safetensors").image_size is None


@pytest.mark.keras
def test_a_configuration_makes_it_certain(tmp_path: Path) -> None:
    from rsinspect.keras_model.applications import ResNetRS

    base = ResNetRS(
        depth=50, block_args=[{"input_filters": 8, "num_repeats": 2}], weights=None,
        input_shape=(32, 48, 3), include_top=False, pooling="avg", dialect="tf-models",
    )  # fmt: skip
    model = keras.Sequential([keras.Input((32, 48, 3)), base, keras.layers.Dense(3)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)  # its state is in the file, as after ``fit``
    for ending, sure in ((".keras", "certain"), (".h5", "certain"), (".weights.h5", "high")):
        path = tmp_path / f"mine{ending}"
        model.save_weights(path) if ending == ".weights.h5" else model.save(path)
        with tensor_file(path) as file:
            found = identified(file)
        assert (found.architecture, found.confidence) == ("ResNet-RS-2", sure)
        assert found.head is not None
        assert (found.head.top, found.head.classes) == (True, 3)
        if sure == "certain":
            assert (found.dialect, found.image_size) == ("tf-models", (32, 48))


@pytest.mark.keras
@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "EfficientNetB0"])
def test_networks_of_keras_are_named_whatever_their_head(tmp_path: Path, name: str) -> None:
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(64, 64, 3), classes=3 if name != "EfficientNetB0" else 5
    )
    path = tmp_path / "other.weights.h5"
    model.save_weights(path)
    with tensor_file(path) as file:
        found = identified(file)
    assert found.architecture == f"keras.applications.{name}"
    assert not found.is_resnet_rs
    assert found.confidence == "high"
