"""A photograph: decoded, upright, in RGB.

Pillow decodes, which matplotlib brings. What it would warn of, or decode in part, is refused in one
line; what a camera says of how it was held is heeded, as Pillow alone does not.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rsinspect.base.errors import ImageError
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes, grouped
from rsinspect.base.words import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Pixels = NDArray[np.uint8]

MOST_PIXELS = 2**27
"""Of a photograph: 400 MB decoded. A few bytes can claim any number."""

MOST_BYTES = 2**28
"""Of a file."""

_WHITE = (255, 255, 255)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph.

    Attributes:
        name: What to call it: the name of its file.
        image: Pillow's, of mode RGB.
    """

    name: str
    image: Image = field(repr=False)

    @property
    def height(self) -> int:
        """Return the rows of pixels."""
        return int(self.image.height)

    @property
    def width(self) -> int:
        """Return the columns of pixels."""
        return int(self.image.width)

    @property
    def pixels(self) -> Pixels:
        """Return its pixels, (height, width, 3), of 0 to 255."""
        import numpy as np

        return np.asarray(self.image)


def photograph(source: Any, name: str | None = None) -> Photograph:
    """Decode a photograph.

    Args:
        source: The path of a file, the bytes of one, or pixels: an array (height, width, 3) of 0 to
            255, or one of Pillow's images.
        name: What to call it; that of its file by default.

    Raises:
        ImageError: If it is no image that can be decoded, whole, or has more than MOST_PIXELS.

    >>> import numpy as np
    >>> grey = photograph(np.full((4, 6, 3), 128, "uint8"), "grey")
    >>> grey.height, grey.width, int(grey.pixels.max())
    (4, 6, 128)
    """
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            content = content_of(path, MOST_BYTES)
        except Unreadable as exc:
            raise ImageError(f"{quoted(str(source))} cannot be read: {exc}", exc.hint) from exc
        return from_bytes(content, name or path.name)
    if isinstance(source, bytes | bytearray):
        return from_bytes(bytes(source), name or "image")
    from PIL import Image

    if isinstance(source, Image.Image):
        return Photograph(name or "image", _decoded(lambda: _upright_rgb(source), name or "image"))
    return Photograph(name or "image", _from_array(source, name or "image"))


def from_bytes(content: bytes, name: str) -> Photograph:
    """Decode the content of a file.

    Args:
        content: In any format that Pillow reads: JPEG, PNG, WebP, GIF (its first frame), TIFF ...
        name: What to call it.

    Raises:
        ImageError: If it cannot be decoded, whole, or has more than MOST_PIXELS.
    """
    from PIL import Image

    def decode() -> Image.Image:
        with Image.open(io.BytesIO(content)) as image:
            _check_size(image.width, image.height, name)
            return _upright_rgb(image)

    if len(content) > MOST_BYTES:
        raise ImageError(f"{quoted(name)} holds more than {binary_bytes(MOST_BYTES)}")
    if not content:
        raise ImageError(f"{quoted(name)} is empty", "give a JPEG, PNG, WebP, GIF or TIFF file")
    return Photograph(name, _decoded(decode, name))


def _decoded(decode: Callable[[], T], name: str) -> T:
    """Call what decodes, and put what Pillow says of it in our words."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are checked here, and metadata is not needed
            return decode()
    except ImageError:
        raise
    except UnidentifiedImageError as exc:
        raise ImageError(
            f"{quoted(name)} is no image that can be read", "give a JPEG, PNG, WebP, GIF or TIFF"
        ) from exc
    except Image.DecompressionBombError as exc:
        raise ImageError(f"{quoted(name)} claims to have more pixels than can be held") from exc
    except MemoryError:
        raise
    except Exception as exc:  # decoders of damaged files raise whatever they stumble over
        said = showable(" ".join(str(exc).split())) or type(exc).__name__
        raise ImageError(f"{quoted(name)} is damaged: {said}", "give the whole file") from exc


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MOST_PIXELS:
        raise ImageError(
            f"{quoted(name)} has {grouped(width)} x {grouped(height)} pixels, too many to decode",
            "make it smaller: a network looks at some hundreds on a side",
        )


def _upright_rgb(image: Image) -> Image:
    """Turn an image as it was held, with white behind what is transparent, in 8-bit RGB."""
    from PIL import Image as Images
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I;16", "I", "F")):
        return _grey_of_many_bits(upright)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        white = Images.new("RGBA", layer.size, (*_WHITE, 255))
        return Images.alpha_composite(white, layer).convert("RGB")
    return upright.convert("RGB") if upright.mode != "RGB" else upright.copy()


def _grey_of_many_bits(image: Image) -> Image:
    """Scale a grey image of 16 bits to 8; Pillow's own conversion would cut it off at 255."""
    import numpy as np
    from PIL import Image as Images

    values = np.asarray(image).astype("float64")
    if not np.isfinite(values).all():
        raise ValueError("it has pixels that are no numbers")
    most = 65535.0 if values.max(initial=0) > 255 else 255.0
    grey = np.clip(values * (255.0 / most), 0, 255).round().astype("uint8")
    return Images.fromarray(grey).convert("RGB")


def _from_array(pixels: Any, name: str) -> Image:
    """Make an image of an array.

    Raises:
        ImageError: If it is none of an image.
    """
    import numpy as np
    from PIL import Image

    try:
        array = np.asarray(pixels)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise ImageError(f"{quoted(name)} is a {type(pixels).__name__}, no image") from exc
    if array.dtype.kind not in "uif" or array.ndim != 3 or array.shape[-1] != 3 or not array.size:
        shape = f"of shape {array.shape}" if array.ndim else f"a {type(pixels).__name__}"
        raise ImageError(
            f"{quoted(name)} is {shape}; an image is of shape (height, width, 3)",
            "give pixels of 0 to 255, the path of a file or its bytes",
        )
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):
        raise ImageError(
            f"{quoted(name)} has pixels of {low:g} to {high:g}", "give pixels of 0 to 255"
        )
    _check_size(array.shape[1], array.shape[0], name)
    return Image.fromarray(np.ascontiguousarray(array.round().astype("uint8")))
