"""Random crops and RandAugment as published, on Pillow pictures.

Why not ``keras.layers.RandAugment``: its strength ends at 1, which is magnitude 10, and ResNet-RS
is trained with 15; its rotation goes up to a whole turn where the published one goes to 30 degrees;
it chooses its operations once for a batch, not for each image; and it has 11 operations of the 16.
The published operations say of themselves that they are Pillow's; here they are.

Differences from the published code that are left: Pillow's bicubic filter is wider where it shrinks
(TensorFlow 1's was not, which aliases), and rounding of single grey levels.

Source: tensorflow/tpu @7dc921f8, models/official/efficientnet/autoaugment.py
(distort_image_with_randaugment) and models/official/resnet/resnet_preprocessing.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.images.photograph import Photograph
from rsinspect.images.preprocessing import cropped, preprocessing

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

MAX_LEVEL = 10
"""The magnitude at which operations have their nominal strength; more is allowed."""

GREY = (128, 128, 128)
"""What fills places that an operation leaves empty."""

NOMINAL_SIDE = 160
"""The smallest published image. Lengths are published in pixels, whatever the size; on smaller
images they are shortened here, as a shift of 100 pixels would leave nothing of them."""

CROP_AREA = (0.08, 1.0)
CROP_ASPECT = (3 / 4, 4 / 3)
CROP_ATTEMPTS = 10
"""Of the random crop: share of the area, width over height, and how often one is tried."""


class Strength(NamedTuple):
    """What an operation's argument is at a level.

    Attributes:
        nominal: At level 10.
        least: At level 0.
        whole: Whether it is cut off to a whole number.
        signed: Whether a coin decides its sign.
        pixels: Whether it is a length, which small images shorten.
    """

    nominal: float
    least: float = 0.0
    whole: bool = False
    signed: bool = False
    pixels: bool = False

    def at(self, level: float, scale: float = 1.0) -> float:
        """Give the argument at a level."""
        value = self.least + level / MAX_LEVEL * (self.nominal - self.least)
        value *= scale if self.pixels else 1
        return int(value) if self.whole else value


_ENHANCE = Strength(1.9, least=0.1)
_SHEAR = Strength(0.3, signed=True)
_SHIFT = Strength(100, signed=True, pixels=True)

STRENGTHS: dict[str, Strength | None] = {
    "AutoContrast": None,
    "Equalize": None,
    "Invert": None,
    "Rotate": Strength(30, signed=True),
    "Posterize": Strength(4, whole=True),
    "Solarize": Strength(256, whole=True),
    "Color": _ENHANCE,
    "Contrast": _ENHANCE,
    "Brightness": _ENHANCE,
    "Sharpness": _ENHANCE,
    "ShearX": _SHEAR,
    "ShearY": _SHEAR,
    "TranslateX": _SHIFT,
    "TranslateY": _SHIFT,
    "Cutout": Strength(40, whole=True, pixels=True),
    "SolarizeAdd": Strength(110, whole=True),
}
"""The operations, in the order of the published code, and how strong each is: ``level_to_arg``."""


@dataclass(frozen=True, slots=True)
class RandAugment:
    """Some operations of 16, drawn for each picture, all at one magnitude.

    Attributes:
        layers: How many, one after the other.
        magnitude: 10 is nominal strength, ResNet-RS has 10 or 15.
    """

    layers: int = 2
    magnitude: float = 10

    def __call__(self, picture: Image, rng: np.random.Generator) -> Image:
        """Distort a picture (RGB); the size stays."""
        names = tuple(STRENGTHS)
        for _ in range(self.layers):
            picture = self.distorted(picture, names[rng.integers(len(names))], rng)
        return picture

    def distorted(self, picture: Image, name: str, rng: np.random.Generator) -> Image:
        """Apply one operation of STRENGTHS."""
        strength = STRENGTHS[name]
        argument = 0.0
        if strength is not None:
            argument = strength.at(self.magnitude, min(1.0, min(picture.size) / NOMINAL_SIDE))
            if strength.signed and rng.random() < 0.5:
                argument = -argument
        return _operations()[name](picture, argument, rng)


Operation = Callable[["Image", float, "np.random.Generator"], "Image"]


def _operations() -> dict[str, Operation]:
    """Find the function of each operation."""
    from PIL import ImageOps

    return {
        "AutoContrast": lambda picture, _, __: ImageOps.autocontrast(picture),
        "Equalize": lambda picture, _, __: ImageOps.equalize(picture),
        "Invert": lambda picture, _, __: ImageOps.invert(picture),
        "Rotate": lambda picture, degrees, _: picture.rotate(degrees, fillcolor=GREY),
        "Posterize": lambda picture, bits, _: _posterize(picture, int(bits)),
        "Solarize": lambda picture, threshold, _: _solarize(picture, int(threshold)),
        "Color": _color,
        "Contrast": _contrast,
        "Brightness": _brightness,
        "Sharpness": _sharpness,
        "ShearX": lambda picture, level, _: _affine(picture, (1, level, 0, 0, 1, 0)),
        "ShearY": lambda picture, level, _: _affine(picture, (1, 0, 0, level, 1, 0)),
        "TranslateX": lambda picture, pixels, _: _affine(picture, (1, 0, pixels, 0, 1, 0)),
        "TranslateY": lambda picture, pixels, _: _affine(picture, (1, 0, 0, 0, 1, pixels)),
        "Cutout": _cutout,
        "SolarizeAdd": lambda picture, amount, _: _solarize_add(picture, int(amount)),
    }


def _posterize(picture: Image, bits: int) -> Image:
    """Keep the upper bits of each value; none of them is black."""
    keep = 256 - (1 << (8 - min(8, bits)))
    return picture.point(lambda value: value & keep)


def _solarize(picture: Image, threshold: int) -> Image:
    """Invert the values from the threshold up; from 256 on there is none."""
    return picture.point(lambda value: value if value < threshold else 255 - value)


def _solarize_add(picture: Image, amount: int) -> Image:
    """Brighten the values below 128."""
    return picture.point(lambda value: min(255, value + amount) if value < 128 else value)


def _blend(plain: Image, picture: Image, factor: float) -> Image:
    from PIL import Image as pil

    return pil.blend(plain, picture, factor)


def _color(picture: Image, factor: float, _: object) -> Image:
    return _blend(picture.convert("L").convert("RGB"), picture, factor)


def _contrast(picture: Image, factor: float, _: object) -> Image:
    """Blend with grey. The published grey is the number of pixels / 256, not their mean."""
    from PIL import Image as pil

    grey = min(255, picture.width * picture.height // 256)
    return _blend(pil.new("RGB", picture.size, (grey, grey, grey)), picture, factor)


def _brightness(picture: Image, factor: float, _: object) -> Image:
    from PIL import Image as pil

    return _blend(pil.new("RGB", picture.size), picture, factor)


def _sharpness(picture: Image, factor: float, _: object) -> Image:
    from PIL import ImageFilter

    return _blend(picture.filter(ImageFilter.SMOOTH), picture, factor)


def _affine(picture: Image, matrix: tuple[float, ...]) -> Image:
    from PIL import Image as pil

    return picture.transform(
        picture.size, pil.Transform.AFFINE, matrix, pil.Resampling.NEAREST, fillcolor=GREY
    )


def _cutout(picture: Image, half: float, rng: np.random.Generator) -> Image:
    """Cover a square of twice that side around a random pixel, as far as it is in the picture."""
    x, y, half = int(rng.integers(picture.width)), int(rng.integers(picture.height)), int(half)
    covered = picture.copy()
    covered.paste(GREY, (x - half, y - half, x + half, y + half))
    return covered


def random_crop(
    picture: Image,
    side: int,
    rng: np.random.Generator,
    area: tuple[float, float] = CROP_AREA,
) -> Image:
    """Cut a random rectangle out and scale it to a square.

    Args:
        picture: Of any size.
        side: Of the result, pixels.
        rng: What decides.
        area: Least and largest share of the picture's area.
    """
    from PIL import Image as pil

    width, height = picture.size
    for _ in range(CROP_ATTEMPTS):
        pixels = rng.uniform(*area) * width * height
        aspect = rng.uniform(*CROP_ASPECT)
        w, h = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
            box = (left, top, left + w, top + h)
            return picture.resize((side, side), pil.Resampling.BICUBIC, box)
    return central_crop(picture, side)


def central_crop(picture: Image, side: int, ratio: float | None = None) -> Image:
    """Scale the central square to a side, as evaluation does.

    Args:
        picture: Of any size.
        side: Of the result, pixels.
        ratio: Side of that square over the picture's shorter one; by default what the published
            numbers were evaluated with (``images.preprocessing``).
    """
    return cropped(Photograph("picture", picture), preprocessing(side, crop_ratio=ratio)).image
