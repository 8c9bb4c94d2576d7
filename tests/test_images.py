"""A photograph is decoded as it was taken; crop, size and scale are those of the code bases."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image

from rsinspect.base.errors import ImageError, InvalidChoice, InvalidSpec
from rsinspect.images.photograph import MOST_PIXELS, Photograph, photograph
from rsinspect.images.preprocessing import (
    INTERPOLATIONS,
    SCALINGS,
    default_crop_ratio,
    normalised,
    prepared,
    preprocessing,
    scaled,
)


def hopper() -> Path:
    return Path(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def halves(mode: str, left: Any, right: Any) -> Image.Image:
    """An image of two colours side by side."""
    image = Image.new(mode, (8, 4), left)
    image.paste(right, (4, 0, 8, 4))
    return image


def test_a_photograph_is_read_from_its_path_its_bytes_and_its_pixels() -> None:
    of_path = photograph(hopper())
    assert (of_path.name, of_path.height, of_path.width) == ("grace_hopper.jpg", 600, 512)
    for other in (hopper().read_bytes(), of_path.pixels, of_path.image, of_path.pixels / 1.0):
        np.testing.assert_array_equal(photograph(other).pixels, of_path.pixels)


@pytest.mark.parametrize(
    ("mode", "left", "right", "format", "expected"),
    [
        ("RGB", (10, 20, 30), (200, 0, 0), "PNG", [(10, 20, 30), (200, 0, 0)]),
        ("L", 7, 250, "PNG", [(7,) * 3, (250,) * 3]),
        ("1", 0, 1, "PNG", [(0,) * 3, (255,) * 3]),
        ("P", 0, 1, "GIF", [(0,) * 3, (1,) * 3]),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30, 0), "PNG", [(10, 20, 30), (255,) * 3]),
        ("LA", (10, 255), (10, 0), "PNG", [(10,) * 3, (255,) * 3]),
        ("I;16", 0, 65535, "PNG", [(0,) * 3, (255,) * 3]),
        ("I;16", 25700, 65535, "TIFF", [(100,) * 3, (255,) * 3]),
        ("CMYK", (0, 0, 0, 0), (0, 0, 0, 255), "TIFF", [(255,) * 3, (0,) * 3]),
        ("F", 0.0, 255.0, "TIFF", [(0,) * 3, (255,) * 3]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_image_becomes_rgb(
    mode: str, left: Any, right: Any, format: str, expected: list[tuple[int, ...]]
) -> None:
    image = halves(mode, left, right)
    if mode == "P":
        image.putpalette([0, 0, 0, 1, 1, 1])
    pixels = photograph(encoded(image, format)).pixels
    assert pixels.shape == (4, 8, 3)
    assert [tuple(pixels[0, 0]), tuple(pixels[0, -1])] == expected


def test_a_photograph_is_turned_as_the_camera_was_held() -> None:
    image = halves("RGB", (255, 0, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right
    turned = photograph(encoded(image, "PNG", exif=exif))
    assert (turned.height, turned.width) == (8, 4)
    assert tuple(turned.pixels[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "is empty"),
        (b"no image", "is no image that can be read"),
        (Path("/nowhere/cat.jpg"), "cannot be read: No such file"),
        (Path("/"), "cannot be read: it is a directory"),
        (Path("~nobody-here/cat.jpg"), "cannot be read"),
        (np.zeros((4, 4), "uint8"), r"of shape \(4, 4\)"),
        (np.zeros((0, 4, 3), "uint8"), r"of shape \(0, 4, 3\)"),
        (np.full((2, 2, 3), 256.0), "pixels of 256 to 256"),
        (np.full((2, 2, 3), np.nan), "pixels of nan"),
        (3, "is a int"),
        ({}, "is a dict"),
    ],
    ids=str,
)
def test_what_is_no_photograph_is_refused_in_one_line(source: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        photograph(source)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_half_a_file_is_refused_and_none_is_decoded_in_part(format: str) -> None:
    with Image.open(hopper()) as image:
        content = encoded(image.resize((64, 64)), format)
    assert photograph(content).width == 64
    with pytest.raises(ImageError) as caught:
        photograph(content[: len(content) // 2], "half")
    assert "'half' is" in caught.value.message
    assert "\n" not in caught.value.message


def test_an_image_that_claims_too_many_pixels_is_not_decoded() -> None:
    side = int(MOST_PIXELS**0.5) + 1
    whole = encoded(Image.new("1", (8, 8)), "PNG")
    header = whole.index(b"IHDR") + 4
    claim = b"IHDR" + side.to_bytes(4, "big") * 2 + whole[header + 8 : header + 13]
    forged = whole[: header - 4] + claim + zlib.crc32(claim).to_bytes(4, "big")
    with pytest.raises(ImageError, match="pixels, too many"):
        photograph(forged + whole[header + 17 :])


def test_damaged_files_are_refused_or_decoded_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    with Image.open(hopper()) as image:
        small = image.resize((48, 40))
    refusals: list[str] = []
    for format in ("JPEG", "PNG", "GIF", "TIFF", "WEBP"):
        content = encoded(small, format)
        for _ in range(60):
            damaged = bytearray(content)
            for place in random.integers(0, len(content), random.integers(1, 12)):
                damaged[place] = random.integers(256)
            try:
                photograph(bytes(damaged))
            except ImageError as exc:
                refusals.append(str(exc))
    assert len(refusals) > 20
    assert not any("\n" in refusal for refusal in refusals)


# What the network is given


def test_the_crop_is_that_of_the_tpu_code() -> None:
    """Its arithmetic, by hand: int(R / (R + 32) x shorter side), offsets (rest + 1) // 2."""
    for size, height, width, box in (
        (224, 500, 375, (24, 86, 352, 414)),  # 328 = int(0.875 x 375)
        (160, 600, 512, (43, 87, 469, 513)),  # 426 = int(0.8333 x 512)
        (320, 64, 64, (3, 3, 61, 61)),  # 58 = int(0.909 x 64)
        (224, 1, 1, (0, 0, 1, 1)),
    ):
        assert preprocessing(size).box(height, width) == box


def test_the_crop_has_the_shape_of_the_network_and_lies_inside() -> None:
    for resolution in ((160, 160), (96, 224), (224, 96), (32, 320)):
        for height, width in ((600, 512), (10, 1000), (1000, 10), (1, 1), (3, 7)):
            for ratio in (0.01, 0.5, 1.0):
                left, top, right, bottom = preprocessing(resolution, crop_ratio=ratio).box(
                    height, width
                )
                assert 0 <= left < right <= width
                assert 0 <= top < bottom <= height
    left, top, right, bottom = preprocessing((100, 200), crop_ratio=1).box(400, 400)
    assert (right - left, bottom - top) == (400, 200)


def test_a_batch_of_one_is_made_of_pixels_as_they_are() -> None:
    batch = prepared(photograph(hopper()), 64)
    assert batch.shape == (1, 64, 64, 3)
    assert batch.dtype == "float32"
    assert 0 <= batch.min() < 50 < 200 < batch.max() <= 255
    assert prepared(photograph(hopper()), (32, 64), 1.0).shape == (1, 32, 64, 3)
    same = prepared(Photograph("same", Image.new("RGB", (50, 40), (9, 8, 7))), 32)
    assert (same == [9, 8, 7]).all()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
    np.testing.assert_array_equal(prepared(photograph(pixels), 64, 1)[0], pixels)


def test_scales_are_those_of_keras() -> None:
    import keras

    batch = prepared(photograph(hopper()), 48)
    for mode in ("tf", "torch", "caffe"):
        theirs = keras.applications.imagenet_utils.preprocess_input(batch.copy(), mode=mode)
        np.testing.assert_allclose(scaled(batch, mode), theirs, atol=1e-5)
    np.testing.assert_allclose(scaled(batch, "unit") * 255, batch, rtol=1e-6)
    assert scaled(batch, "none") is batch
    assert abs(normalised(batch).mean()) < 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"crop_ratio": 0.0}, InvalidSpec, "crop ratio"),
        ({"crop_ratio": 1.5}, InvalidSpec, "crop ratio"),
        ({"crop_ratio": float("nan")}, InvalidSpec, "crop ratio"),
        ({"interpolation": "cubic"}, InvalidChoice, "unknown interpolation"),
        ({"scaling": "imagenet"}, InvalidChoice, "unknown scaling"),
    ],
    ids=str,
)
def test_what_nobody_can_do_is_refused(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        preprocessing(64, **arguments)


def test_every_choice_there_is_works() -> None:
    image = photograph(hopper())
    for interpolation in INTERPOLATIONS:
        for scaling in SCALINGS:
            batch = prepared(image, 32, interpolation=interpolation, scaling=scaling)
            assert batch.dtype == "float32"
    assert default_crop_ratio((320, 320)) == pytest.approx(0.909, abs=1e-3)


def test_the_crop_is_timms_at_its_ratio_of_one_and_near_it_at_others() -> None:
    """timm resizes first and crops then: at other ratios part of a pixel apart, or a bit larger."""
    data = pytest.importorskip("timm.data", reason="timm is not here")
    for size, ratio in ((160, 0.91), (192, 0.94), (256, 1.0)):
        transform = data.create_transform(
            (3, size, size), crop_pct=ratio, interpolation="bicubic", mean=(0,) * 3, std=(1,) * 3
        )
        image = photograph(hopper())
        theirs = transform(image.image).numpy().transpose(1, 2, 0) * 255
        ours = prepared(image, size, ratio)[0]
        if ratio == 1:
            np.testing.assert_array_equal(ours, theirs.round())
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9
