"""Labelled pictures in batches: an image folder, or digits that scikit-learn brings along."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rsinspect.base.errors import BackendUnavailable, DatasetError
from rsinspect.images.photograph import photograph
from rsinspect.keras_model.backend import keras
from rsinspect.training.augmentation import CROP_AREA, central_crop, random_crop

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif")

HELD_OUT = 50
"""Where a folder has no validation images, one of so many is held out, as the paper tuned on 2 % of
the training set."""

Augmentation = Callable[["Image", np.random.Generator], "Image"]


class Pictures(NamedTuple):
    """Labelled pictures.

    Attributes:
        sources: Files, or arrays of (height, width, 3) bytes.
        labels: The class of each, a number.
        classes: Names of the classes.
        crop_area: Least and largest share of the area that a random crop of training takes.
        mirrored: Whether half of them may be mirrored in training.
        crop_ratio: Of the central crop of evaluation; None for the published one.
    """

    sources: Sequence[Path | np.ndarray[Any, Any]]
    labels: np.ndarray[Any, Any]
    classes: tuple[str, ...]
    crop_area: tuple[float, float] = CROP_AREA
    mirrored: bool = True
    crop_ratio: float | None = None

    def taken(self, keep: Callable[[int], bool]) -> Pictures:
        """Take those whose place in the list is to be kept."""
        places = [place for place in range(len(self.sources)) if keep(place)]
        return self._replace(
            sources=[self.sources[place] for place in places], labels=self.labels[places]
        )

    def of_classes(self, first: int, last: int) -> Pictures:
        """Take the pictures of some neighbouring classes, which are counted from 0 then."""
        inside = (self.labels >= first) & (self.labels <= last)
        taken = self.taken(lambda place: bool(inside[place]))
        return taken._replace(labels=taken.labels - first, classes=self.classes[first : last + 1])


def load(data: str) -> tuple[Pictures, Pictures]:
    """Find the pictures to train on and those to validate on.

    Args:
        data: ``digits``, or some of them, ``digits:0-4``; or a folder with ``train/CLASS/*.jpg``
            and ``val/CLASS/*.jpg``, as ImageNet's is, or with ``CLASS/*.jpg`` alone.

    Raises:
        DatasetError: If there is no such folder, or no picture in it.
        BackendUnavailable: If the digits are asked for and scikit-learn is not here.
    """
    if is_digits(data):
        every = digits()
        if some := re.fullmatch(r"digits:(\d)-(\d)", data):
            every = every.of_classes(int(some[1]), int(some[2]))
        return every.taken(lambda place: place % 5 > 0), every.taken(lambda place: place % 5 == 0)
    root = Path(data)
    for name in ("val", "validation", "test"):
        if (root / "train").is_dir() and (root / name).is_dir():
            train, held_out = folder(root / "train"), folder(root / name)
            if train.classes != held_out.classes:
                raise DatasetError(f"{root}/train and {root}/{name} have other classes")
            return train, held_out
    every = folder(root / "train" if (root / "train").is_dir() else root)
    return (
        every.taken(lambda place: place % HELD_OUT > 0),
        every.taken(lambda place: place % HELD_OUT == 0),
    )


def is_digits(data: str) -> bool:
    """Tell whether the digits are meant, all or some."""
    return re.fullmatch(r"digits(:\d-\d)?", data) is not None


def folder(root: Path) -> Pictures:
    """List the pictures of a folder that has a folder of them for each class.

    Raises:
        DatasetError: If there is none.
    """
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}", "name one with a folder for each class")
    classes = sorted(place.name for place in root.iterdir() if place.is_dir())
    found = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((root / name).rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise DatasetError(
            f"{root} has no pictures in folders of classes",
            f"it must look like {root}/dog/1.jpg and {root}/cat/2.jpg",
        )
    return Pictures(
        [path for path, _ in found], np.array([label for _, label in found]), tuple(classes)
    )


def digits() -> Pictures:
    """Give scikit-learn's 1 797 handwritten digits of 8 by 8 grey values, white on black.

    They are cropped little and never mirrored: a mirrored 2 is no 2.

    Raises:
        BackendUnavailable: If scikit-learn is not here.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as exc:
        raise BackendUnavailable(
            "the digits are scikit-learn's, which is not installed", "pip install scikit-learn"
        ) from exc
    found = load_digits()
    grey = np.round(found.images * (255 / 16)).astype("uint8")
    return Pictures(
        list(np.repeat(grey[..., None], 3, axis=-1)),
        np.asarray(found.target),
        tuple(map(str, range(10))),
        crop_area=(0.6, 1.0),
        mirrored=False,
        crop_ratio=1.0,
    )


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of images and one-hot labels, for ``model.fit`` on every backend.

    In training the order is new in each epoch, what is left over after whole batches waits for the
    next, and every picture is cropped at random, mirrored by a coin and augmented; otherwise its
    centre is taken. What is drawn depends on the seed, the epoch and the batch, not on the number
    of workers.

    Args:
        pictures: What to read.
        batch: Images in each.
        side: Of the square images, pixels.
        training: Whether they are to train on.
        augment: What is done to a picture after the crop, in training.
        seed: Of all that is drawn.
        workers: Threads or, with ``use_multiprocessing``, processes that read ahead.
        **more: What ``keras.utils.PyDataset`` takes besides.

    Raises:
        DatasetError: If there are fewer pictures to train on than a batch has.
    """

    def __init__(
        self,
        pictures: Pictures,
        *,
        batch: int,
        side: int,
        training: bool = False,
        augment: Augmentation | None = None,
        seed: int = 0,
        workers: int = 1,
        **more: Any,
    ) -> None:
        super().__init__(workers=workers, **more)
        if training and len(pictures.sources) < batch:
            raise DatasetError(
                f"there are {len(pictures.sources)} pictures to train on, fewer than a batch of "
                f"{batch}",
                "choose a smaller batch",
            )
        self.pictures = pictures
        self.batch = batch
        self.side = side
        self.training = training
        self.augment = augment
        self.seed = seed
        self.epoch = 0
        self._shuffle()

    def _shuffle(self) -> None:
        self.order = np.arange(len(self.pictures.sources))
        if self.training:
            np.random.default_rng((self.seed, self.epoch)).shuffle(self.order)

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        whole, rest = divmod(len(self.order), self.batch)
        return whole if self.training or not rest else whole + 1

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Read a batch: float32 of (batch, side, side, 3), 0 to 255, and (batch, classes)."""
        places = self.order[index * self.batch : (index + 1) * self.batch]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        images = np.stack([self._image(self.pictures.sources[place], rng) for place in places])
        one_hot = np.eye(len(self.pictures.classes), dtype="float32")
        return images, one_hot[self.pictures.labels[places]]

    def on_epoch_end(self) -> None:
        """Draw a new order."""
        self.epoch += 1
        self._shuffle()

    def _image(
        self, source: Path | np.ndarray[Any, Any], rng: np.random.Generator
    ) -> np.ndarray[Any, Any]:
        from PIL import ImageOps

        picture = photograph(source).image
        if not self.training:
            return np.asarray(central_crop(picture, self.side, self.pictures.crop_ratio), "float32")
        picture = random_crop(picture, self.side, rng, self.pictures.crop_area)
        if self.pictures.mirrored and rng.random() < 0.5:
            picture = ImageOps.mirror(picture)
        if self.augment is not None:
            picture = self.augment(picture, rng)
        return np.asarray(picture, "float32")
