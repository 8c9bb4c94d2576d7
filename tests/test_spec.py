from __future__ import annotations

from typing import Any

import pytest

from rsinspect import paper
from rsinspect.base.errors import InvalidChoice, InvalidSpec, UnknownVariant
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.grammar import parse_blocks, parse_model, parse_resolution
from rsinspect.networks.spec import MAX_BLOCKS, ResNetRSSpec, round_channels


def test_the_default_resolution_is_the_largest_published() -> None:
    published = {v.depth: v.resolutions for v in paper.variants().values() if v.published}
    for depth, sizes in published.items():
        assert ResNetRSSpec.variant(depth).resolution == (max(sizes), max(sizes))


def test_the_scaling_study_layouts_are_built_at_224_without_claiming_a_recipe() -> None:
    assert ResNetRSSpec.variant(300).blocks == (4, 36, 54, 4)
    assert ResNetRSSpec.variant(400).blocks == (6, 48, 72, 6)
    assert ResNetRSSpec.variant(400).resolution == (224, 224)
    assert paper.variants()[400].dropout_rate is None


def test_an_unknown_depth_suggests_the_nearest() -> None:
    with pytest.raises(UnknownVariant) as caught:
        ResNetRSSpec.variant(151)
    assert "152?" in str(caught.value.hint)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("270", (270, None)),
        ("152@224", (152, (224, 224))),
        ("152@160x192", (152, (160, 192))),
        ("resnet-rs-152-i224", (152, (224, 224))),
        ("ResNet-RS-152", (152, None)),
        ("rs50", (50, None)),
    ],
)
def test_a_model_is_written_in_several_ways(
    text: str, expected: tuple[int, tuple[int, int] | None]
) -> None:
    assert parse_model(text)[:2] == expected


@pytest.mark.parametrize("text", ["", "resnet", "152@", "152@abc", "1e3", "50 101", "9" * 30])
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(UnknownVariant):
        parse_model(text)[:2]


@pytest.mark.parametrize("text", ["", "a", "3;4", "224x", "1x2x3", "22.5"])
def test_what_is_no_resolution_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec):
        parse_resolution(text)


@pytest.mark.parametrize("text", ["", "3,,4", "3,x", "3.5,1"])
def test_what_is_no_layout_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec):
        parse_blocks(text)


@pytest.mark.parametrize(
    ("width", "filters", "channels"),
    [
        (0.25, 32, 8),
        (0.5, 64, 32),
        (1.5, 64, 96),
        (2.0, 512, 1024),
        (1.1, 64, 72),  # 70.4: the nearest multiple of 8
        (0.3, 64, 24),  # 19.2 would be 16, below 90 %
        (1.0, 33, 33),
    ],
)
def test_widths_round_to_the_nearest_multiple_of_eight_but_never_lose_a_tenth(
    width: float, filters: int, channels: int
) -> None:
    assert round_channels(filters, width) == channels


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resolution": (31, 224)}, "31"),
        ({"resolution": (224, 0)}, "0"),
        ({"resolution": (20_000, 224)}, "20000"),
        ({"blocks": (3, 0, 6, 3)}, "c3"),
        ({"blocks": (3, -1, 6, 3)}, "-1"),
        ({"blocks": ()}, "0"),
        ({"blocks": (1,) * 9}, "9"),
        ({"blocks": (400, 400, 400, 1)}, str(MAX_BLOCKS)),
        ({"width": 0.0}, "width"),
        ({"width": -1.0}, "width"),
        ({"width": 1e9}, "width"),
        ({"width": 0.01}, "zero channels"),
        ({"width": float("nan")}, "width"),
        ({"classes": 0}, "classes"),
        ({"channels": -3}, "channels"),
        ({"se_ratio": 1.5}, "SE"),
        ({"drop_path_rate": 1.0}, "drop-path"),
        ({"dropout_rate": -0.1}, "dropout"),
        ({"pooling": "min"}, "min"),
        ({"bn_epsilon": 0.0}, "epsilon"),
    ],
)
def test_a_number_out_of_range_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpec, match=words):
        ResNetRSSpec.variant(50, **changes)


def test_the_dialects_are_the_documented_ones() -> None:
    assert list(DIALECTS) == [
        "keras", "paper-prose", "article", "tf-models", "timm", "resnet", "resnet-d",
    ]  # fmt: skip
    assert not ResNetRSSpec.variant(50, dialect="article").preprocessing


def test_drop_path_rates_are_those_of_the_tpu_code() -> None:
    # sebastian-sz/resnet-rs-keras, test_resnet_rs/test_model_utils.py, expects the same four
    assert ResNetRSSpec.variant(420).drop_path_rates() == pytest.approx((0.04, 0.06, 0.08, 0.1))
    assert ResNetRSSpec.variant(50).drop_path_rates() == (0.0,) * 4


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"activation": "rleu"}, "relu"),
        ({"classifier_activation": "sofmax"}, "softmax"),
        ({"dialect": "kears"}, "keras"),
    ],
)
def test_a_name_that_is_none_suggests_the_nearest(changes: dict[str, Any], hint: str) -> None:
    with pytest.raises(InvalidChoice, match=f"did you mean {hint}"):
        ResNetRSSpec.variant(50, **changes)


def test_an_activation_that_cannot_be_shown_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"activation 'custom:a\\x1b\[2J' is no name"):
        ResNetRSSpec(blocks=(1,), activation="custom:a\x1b[2J")
