"""From a photograph to what a network is given: a crop of the middle, resized, and scaled.

Evaluation crops differ between code bases, which moves top-1 accuracy by a point, so both numbers
are arguments here, and answers state them:

* The code behind the paper's numbers crops a square of size / (size + 32) of the shorter side and
  resizes that, bicubic: 0.833 at 160, 0.875 at 224, 0.909 at 320 (tensorflow/tpu @08070086,
  models/official/resnet/resnet_preprocessing.py, ``CROP_PADDING``). That ratio is the default.
* timm resizes first and crops then, by a ratio of each network: 0.91 for ResNet-RS-50, 0.94 for 101
  and 1.0 for the others, bicubic (timm 1.0.31, models/resnet.py, ``crop_pct``).

Pixels are interpolated by Pillow, which averages over what it leaves out, as timm does. The TPU
code's own resize does not; on large photographs that gives other, noisier pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rsinspect import paper
from rsinspect.base.errors import InvalidChoice, InvalidSpec, check_choice
from rsinspect.base.limits import Limit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rsinspect.images.photograph import Photograph

    Batch = NDArray[np.float32]

PADDING = 32
"""Pixels around the crop at the network's size, in the TPU code."""

INTERPOLATIONS = ("bicubic", "bilinear", "lanczos", "nearest")

SCALINGS = {
    "none": "pixels of 0 to 255",
    "unit": "pixels of 0 to 1",
    "tf": "pixels of -1 to 1",
    "torch": "pixels of mean 0 and deviation 1 over ImageNet",
    "caffe": "blue, green, red, each less ImageNet's mean",
}
"""How pixels can be scaled; the last three as Keras calls them (``imagenet_utils``)."""

_CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Of blue, green and red; Keras 3.15, applications/imagenet_utils.py."""

CROP_RATIO = Limit("the crop ratio", 0, 1, whole=False, above=True)


class Preprocessing(NamedTuple):
    """What is done to a photograph.

    Attributes:
        resolution: Height and width of what the network takes.
        crop_ratio: Side of the crop over what fits the photograph.
        interpolation: One of INTERPOLATIONS.
        scaling: One of SCALINGS.
    """

    resolution: tuple[int, int]
    crop_ratio: float
    interpolation: str = "bicubic"
    scaling: str = "none"

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Choose the part of a photograph that the network sees.

        Args:
            height: Of the photograph, in pixels.
            width: Likewise.

        Returns:
            Left, top, right and bottom, in pixels.

        >>> Preprocessing((224, 224), default_crop_ratio((224, 224))).box(512, 640)
        (96, 32, 544, 480)
        """
        rows, columns = self.resolution
        tall = max(1, int(self.crop_ratio * min(height, width * rows / columns)))
        wide = max(1, min(width, round(tall * columns / rows)))
        top, left = (height - tall + 1) // 2, (width - wide + 1) // 2
        return left, top, left + wide, top + tall

    def document(self) -> dict[str, Any]:
        """Say it in a JSON document."""
        return {
            "resolution": list(self.resolution),
            "crop_ratio": self.crop_ratio,
            "interpolation": self.interpolation,
            "scaling": self.scaling,
        }


def default_crop_ratio(resolution: tuple[int, int]) -> float:
    """Return the crop ratio of the TPU code for a size.

    >>> default_crop_ratio((224, 224)), round(default_crop_ratio((160, 160)), 3)
    (0.875, 0.833)
    """
    side = min(resolution)
    return side / (side + PADDING)


def preprocessing(
    resolution: int | tuple[int, int],
    *,
    crop_ratio: float | None = None,
    interpolation: str = "bicubic",
    scaling: str = "none",
) -> Preprocessing:
    """Choose what is done to photographs.

    Args:
        resolution: Side, or height and width, of what the network takes.
        crop_ratio: Side of the crop over what fits the photograph; 1 for all of that;
            ``default_crop_ratio`` by default.
        interpolation: One of INTERPOLATIONS.
        scaling: One of SCALINGS.

    Raises:
        InvalidSpec: If the ratio is none.
        InvalidChoice: If there is no such interpolation or scaling.
    """
    size = (resolution, resolution) if isinstance(resolution, int) else resolution
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("scaling", scaling, SCALINGS)
    if crop_ratio is None:
        crop_ratio = default_crop_ratio(size)
    CROP_RATIO.check(crop_ratio, InvalidSpec)
    return Preprocessing(size, float(crop_ratio), interpolation, scaling)


def prepared(
    photograph: Photograph,
    resolution: int | tuple[int, int],
    crop_ratio: float | None = None,
    *,
    interpolation: str = "bicubic",
    scaling: str = "none",
) -> Batch:
    """Crop, resize and scale a photograph, as ``preprocessing`` says.

    Returns:
        A batch of one, (1, height, width, 3), float32, of 0 to 255 unless scaled otherwise: what a
        network takes that has its preprocessing inside.

    Raises:
        InvalidSpec: If the crop ratio is none.
        InvalidChoice: If there is no such interpolation or scaling.
    """
    chosen = preprocessing(
        resolution, crop_ratio=crop_ratio, interpolation=interpolation, scaling=scaling
    )
    return given(photograph, chosen)


def given(photograph: Photograph, chosen: Preprocessing) -> Batch:
    """Make what a network is given of a photograph: (1, height, width, 3), float32."""
    import numpy as np

    seen = cropped(photograph, chosen)
    return scaled(np.asarray(seen.image, dtype="float32")[None], chosen.scaling)


def batch_of(photographs: Sequence[Photograph], chosen: Preprocessing) -> Batch:
    """Make what a network is given of photographs: (photographs, height, width, 3), float32."""
    import numpy as np

    return np.concatenate([given(photograph, chosen) for photograph in photographs])


def cropped(photograph: Photograph, chosen: Preprocessing) -> Photograph:
    """Crop and resize a photograph to what a network sees."""
    from PIL import Image

    from rsinspect.images.photograph import Photograph

    rows, columns = chosen.resolution
    filter = Image.Resampling[chosen.interpolation.upper()]
    box = chosen.box(photograph.height, photograph.width)
    return Photograph(photograph.name, photograph.image.resize((columns, rows), filter, box))


def normalised(batch: Batch) -> Batch:
    """Normalise pixels of 0 to 255 as a network does that has its preprocessing inside.

    Args:
        batch: (batch, height, width, 3).

    Returns:
        Likewise, of mean 0 and deviation 1 over ImageNet: what a network takes that has not.
    """
    return scaled(batch, "torch")


def scaled(batch: Batch, scaling: str) -> Batch:
    """Scale pixels of 0 to 255.

    Args:
        batch: (batch, height, width, 3).
        scaling: One of SCALINGS.

    Raises:
        InvalidChoice: If there is no such scaling.

    >>> import numpy as np
    >>> scaled(np.full((1, 1, 1, 3), 255, "float32"), "tf").tolist()
    [[[[1.0, 1.0, 1.0]]]]
    """
    import numpy as np

    match scaling:
        case "none":
            return batch
        case "unit":
            return np.asarray(batch / 255, np.float32)
        case "tf":
            return np.asarray(batch / 127.5 - 1, np.float32)
        case "torch":
            mean, deviation = paper.IMAGENET_MEAN, paper.IMAGENET_DEVIATION
            return np.asarray((batch / 255 - mean) / deviation, np.float32)
        case "caffe":
            return np.asarray(batch[..., ::-1] - _CAFFE_MEAN, np.float32)
    raise InvalidChoice("scaling", scaling, SCALINGS)
