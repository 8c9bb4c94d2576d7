"""Programs that train and fine-tune, run on scikit-learn's digits on every backend."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rsinspect.base.errors import DatasetError
from rsinspect.training.fine_tuning import FineTuning
from rsinspect.training.recipe import published_recipe
from rsinspect.training.script import fine_tuning_script, train_script
from tests.conftest import python

TRAIN = """
import json, os, sys
os.chdir({folder!r}); sys.path.insert(0, {folder!r})
import train
trained = train.main("digits:0-5 --small --epochs 2 --workers 1 --output trained.keras".split())
print(json.dumps(trained))
"""
FINE_TUNE = """
import fine_tune
tuned = fine_tune.main(
    "digits:6-9 --small --side 32 --epochs 2 --workers 1 --weights trained.keras".split()
)
print(json.dumps(tuned))
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the two programs, as the command line writes them."""
    (tmp_path / "train.py").write_text(train_script(published_recipe(101, 192)), encoding="utf-8")
    tuned = fine_tuning_script(FineTuning(depth=101, resolution=192))
    (tmp_path / "fine_tune.py").write_text(tuned, encoding="utf-8")
    return tmp_path


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "fine_tune"), [("tensorflow", True), ("jax", False), ("torch", True)]
)
def test_two_epochs_learn_digits_and_two_more_learn_others(
    backend: str, fine_tune: bool, programs: Path
) -> None:
    """On JAX, whose compiling takes longest, the fine-tuning is left out."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    code = TRAIN.format(folder=str(programs)) + (FINE_TUNE if fine_tune else "")
    outcome = python(code, timeout_s=800, KERAS_BACKEND=backend)
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    recorded = [json.loads(line) for line in outcome.stdout.splitlines() if line[0] in "[{"]
    trained = recorded[0]
    assert trained["loss"][1] < trained["loss"][0]
    assert trained["val_loss"][1] < trained["val_loss"][0]
    assert trained["val_top1"][1] > 0.35, "a guess is right one time in six"
    saved = [programs / "trained.keras"]
    if fine_tune:
        head, everything = recorded[1]
        assert everything["loss"][1] < head["loss"][0]
        assert max(everything["val_top1"]) > 0.4, "a guess is right one time in four"
        saved.append(programs / "fine-tuned.keras")
    for file in saved:
        with zipfile.ZipFile(file) as archive:
            config = json.loads(archive.read("config.json"))
        assert "rsinspect" not in json.dumps(config), "Keras alone opens it"
        assert not config.get("compile_config")
        assert config["config"]["layers"][-1]["config"]["activation"] == "softmax"


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder as ImageNet's: pictures of two classes, of several sizes and formats."""
    rng = np.random.default_rng(0)
    for part, number in (("train", 5), ("val", 2)):
        for label, name in enumerate(("cat", "dog")):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(number):
                pixels = rng.integers(128 * label, 128 * (label + 1), (40 + i, 50, 3))
                suffix = (".png", ".jpg")[i % 2]
                Image.fromarray(pixels.astype("uint8")).save(
                    tmp_path / part / name / f"{i}{suffix}"
                )
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no picture", encoding="utf-8")
    return tmp_path


@pytest.mark.keras
def test_a_folder_is_read_in_batches(photographs: Path) -> None:
    from rsinspect.training.pictures import Batches, load

    train, held_out = load(str(photographs))
    assert (len(train.sources), len(held_out.sources)) == (10, 4)
    assert train.classes == ("cat", "dog")
    options: dict[str, Any] = {"batch": 4, "side": 32, "seed": 1}
    batches = Batches(train, training=True, **options)
    assert len(batches) == 2  # the rest waits
    images, labels = batches[0]
    assert (images.shape, images.dtype, labels.shape) == ((4, 32, 32, 3), "float32", (4, 2))
    assert ((images.mean(axis=(1, 2, 3)) > 128) == labels[:, 1].astype(bool)).all()
    np.testing.assert_array_equal(images, Batches(train, training=True, **options)[0][0])
    first = batches.order.copy()
    batches.on_epoch_end()
    assert (first != batches.order).any()
    validation = Batches(held_out, **options | {"batch": 3})
    assert [len(validation[i][0]) for i in range(len(validation))] == [3, 1]


@pytest.mark.keras
def test_a_folder_without_validation_holds_some_out(photographs: Path) -> None:
    from rsinspect.training.pictures import load

    train, held_out = load(str(photographs / "train"))
    assert (len(train.sources), len(held_out.sources)) == (9, 1)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("data", "said"), [("nowhere", "no folder"), ("train/cat", "no pictures in folders")]
)
def test_what_nothing_can_be_trained_on_gets_one_line(
    data: str, said: str, photographs: Path
) -> None:
    from rsinspect.training.pictures import Batches, load

    with pytest.raises(DatasetError, match=said):
        load(str(photographs / data))
    train, _ = load(str(photographs))
    with pytest.raises(DatasetError, match="fewer than a batch of 11"):
        Batches(train, training=True, batch=11, side=32)
