"""Training recipes: schedules, augmentation, decay and programs against the published code."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rsinspect
from rsinspect import paper
from rsinspect.base.errors import InvalidChoice, InvalidSpec, OutputNotWritable
from rsinspect.render.formats import PROGRAMS
from rsinspect.training.augmentation import STRENGTHS, RandAugment, central_crop, random_crop
from rsinspect.training.fine_tuning import FineTuning
from rsinspect.training.recipe import STEPS, TrainingRecipe, published_recipe, steps
from rsinspect.training.script import WIDTH, fine_tuning_script, train_script
from tests.conftest import Cli

DATA = Path(__file__).parent / "data"
PUBLISHED = json.loads((DATA / "published_training.json").read_text(encoding="utf-8"))
SMALL: dict[str, Any] = {
    "block_args": [{"input_filters": 8, "num_repeats": 1}] * 2,
    "input_shape": (32, 32, 3),
}


def program(recipe: TrainingRecipe) -> dict[str, Any]:
    """Run a program up to its ``main``."""
    names: dict[str, Any] = {"__name__": "train"}
    exec(compile(train_script(recipe), "train.py", "exec"), names)
    return names


def constants(text: str) -> dict[str, Any]:
    """Read what a program sets in capitals."""
    found: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            [target] = node.targets
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            value = ast.literal_eval(node.value)
            values = value if isinstance(target, ast.Tuple) else [value]
            found |= dict(zip([ast.unparse(name) for name in names], values, strict=True))
    return found


@pytest.mark.parametrize("recipe", paper.recipes(), ids=lambda r: f"{r.depth}@{r.resolution}")
def test_the_program_of_a_variant_has_its_published_numbers(recipe: paper.Recipe) -> None:
    text = train_script(published_recipe(recipe.depth, recipe.resolution))
    tpu, found = recipe.settings["tpu"], constants(text)
    assert (found["DEPTH"], found["SIDE"]) == (recipe.depth, recipe.resolution)
    assert found["EPOCHS"] == (tpu["epochs"], 90)
    assert found["WEIGHT_DECAY"] == (tpu["weight_decay"], 1e-4)
    assert found["RANDAUGMENT"] == (tpu["randaugment_layers"], tpu["randaugment_magnitude"])
    assert found["BASE_LEARNING_RATE"] * found["BATCH"] / 256 == tpu["peak_learning_rate"]
    for name, key in {
        "BATCH": "batch_size",
        "LABEL_SMOOTHING": "label_smoothing",
        "EMA_DECAY": "ema_decay",
        "DROP_PATH": "drop_path_rate",
        "DROPOUT": "dropout_rate",
    }.items():
        assert found[name] == tpu[key], name
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "TF Models: 15" in text or (recipe.depth, recipe.resolution) != (101, 160)


def test_the_steps_are_those_of_table_1() -> None:
    found = steps()
    assert [step.name for step in found] == list(STEPS)
    assert [step.title for step in found][::9] == ["Cosine LR Decay", "ResNet-D"]
    gain = 79.0 + sum(step.delta for step in found)
    assert gain == pytest.approx(83.4) == found[-1].top1


@pytest.mark.keras
@pytest.mark.parametrize("train_steps", [109_475, 28_080])
def test_steps_of_the_learning_rate_are_those_of_the_published_code(train_steps: int) -> None:
    from rsinspect.training.schedule import stepwise

    rates = stepwise(1.6, train_steps, 1_281_167, 4096)
    for step, rate in PUBLISHED["stepwise"][str(train_steps)].items():
        assert float(rates(int(step))) == pytest.approx(rate, rel=1e-6), step


@pytest.mark.keras
def test_the_cosine_is_that_of_tf_models() -> None:
    """LinearWarmup over CosineDecay with the numbers of imagenet_resnetrs*.yaml."""
    import keras

    from rsinspect.training.schedule import WarmUp

    def cosine(step: int) -> float:
        return 0.5 * 1.6 * (1 + math.cos(math.pi * step / 109_200))

    rates = rsinspect.recipe("101@192").learning_rate()
    keras_own = keras.optimizers.schedules.CosineDecay(0.0, 107_640, 0.0, "own", 1.6, 1_560)
    apart = []
    for step in (0, 1, 800, 1_559, 1_560, 1_561, 20_000, 54_600, 80_000, 109_199, 109_200):
        published = cosine(1_560) * step / 1_560 if step < 1_560 else cosine(step)
        assert float(rates(step)) == pytest.approx(published, rel=1e-5, abs=1e-8), step
        apart.append(abs(float(keras_own(step)) - published) / 1.6)
    assert 0.01 < max(apart) < 0.012  # why Keras's own warm-up is not used
    again = WarmUp.from_config(rates.get_config())
    assert float(again(30_000)) == float(rates(30_000))


@pytest.mark.parametrize("magnitude", [10, 15])
def test_operations_are_as_strong_as_published(magnitude: int) -> None:
    recorded = PUBLISHED["arguments"][str(magnitude)]
    assert recorded.keys() == STRENGTHS.keys()
    for name, strength in STRENGTHS.items():
        found = [] if strength is None else [strength.at(magnitude)]
        assert found == pytest.approx(recorded[name]), name


def test_operations_make_of_an_image_what_the_published_ones_do() -> None:
    recorded = np.load(DATA / "randaugment.npz")
    image = Image.fromarray(recorded["image"])
    augment, rng = RandAugment(1, 15), np.random.default_rng(0)
    compared = [name for name in recorded.files if name != "image"]
    assert len(compared) == 9
    for name in compared:
        ours = np.asarray(augment.distorted(image, name, rng), int)
        apart = np.abs(ours - recorded[name].astype(int))
        assert apart.max() <= (3 if name in ("Color", "Sharpness") else 1), name
        assert np.abs(ours - recorded["image"].astype(int)).mean() > 1, name


def test_every_operation_keeps_the_size_and_small_images_survive() -> None:
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (32, 32, 3)).astype("uint8"))
    for name in STRENGTHS:
        distorted = RandAugment(1, 15).distorted(image, name, rng)
        assert distorted.size == image.size
        assert (np.asarray(distorted) == 128).all(axis=-1).mean() < 0.95, name
    covered = np.asarray(RandAugment(1, 10).distorted(image, "Cutout", rng))
    assert 0 < (covered == 128).all(axis=-1).mean() <= (2 * 8 / 32) ** 2 + 0.01
    other = (
        RandAugment()(image, np.random.default_rng(5)),
        RandAugment()(image, np.random.default_rng(5)),
    )
    assert other[0] == other[1]


def test_crops_are_as_large_as_asked_for() -> None:
    image = Image.fromarray(np.arange(60 * 40 * 3, dtype="uint8").reshape(40, 60, 3))
    rng = np.random.default_rng(0)
    assert random_crop(image, 16, rng).size == central_crop(image, 16).size == (16, 16)
    assert random_crop(image, 16, rng, area=(5, 6)).size == (16, 16)  # none fits: the centre


def test_a_recipe_without_steps_is_what_the_paper_begins_with() -> None:
    recipe = published_recipe(200, without=tuple(STEPS))
    assert (recipe.epochs, recipe.train_steps, recipe.ema_decay) == (90, 28_080, 0)
    assert (recipe.value("weight_decay"), recipe.bn_momentum) == (1e-4, 0.9)
    assert (recipe.value("schedule"), recipe.value("dialect")) == ("stepwise", "resnet")


@pytest.mark.keras
@pytest.mark.parametrize("left_out", [(), *((step,) for step in STEPS), tuple(STEPS)])
def test_program_and_objects_make_the_same(left_out: tuple[str, ...]) -> None:
    import keras

    recipe = rsinspect.recipe("200", classes=7, batch=64, epochs=3, images=999, without=left_out)
    made = program(recipe.recipe)
    assert [step for step, on in made["STEPS"].items() if not on] == list(left_out)
    assert made["optimizer"](3, 999, 64).get_config() | {"name": ""} == (
        recipe.optimizer().get_config() | {"name": ""}
    )
    assert made["loss"]().get_config() == recipe.loss().get_config()
    assert made["augmentation"]() == recipe.augmentation()
    assert list(map(type, made["callbacks"]())) == list(map(type, recipe.callbacks()))
    momentum = made["averaging"](recipe.recipe.train_steps) or made["BN_MOMENTUM"]
    keras.utils.clear_session()  # names of layers are counted
    theirs = made["network"](7, momentum, seed=3, **SMALL)
    keras.utils.clear_session()
    ours = recipe.network(3, **SMALL)
    assert theirs.get_config() == ours.get_config()
    for one, other in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    words = ["folder", *(f"--without={step}" for step in left_out)]
    assert made["arguments"](words).without == list(left_out)
    made["compiled"](theirs, 3, 999, 64)
    recipe.compiled(ours)
    for one, other in zip(theirs.weights, ours.weights, strict=True):
        assert getattr(one.regularizer, "l2", None) == getattr(other.regularizer, "l2", None)


@pytest.mark.keras
def test_decay_is_a_penalty_that_momentum_carries_and_batch_norm_is_spared() -> None:
    """Two steps by hand, without any gradient from the data."""
    import keras

    from rsinspect.training.decay import decay_weights

    image = keras.Input((4,))
    norm = keras.layers.BatchNormalization()
    model = keras.Model(image, norm(keras.layers.Dense(3)(image)))
    kernel, _, gamma, *_ = model.get_weights()
    assert [path.split("/")[-1] for path in decay_weights(model, 0.01)] == ["kernel", "bias"]
    optimizer = keras.optimizers.SGD(0.5, momentum=0.9, nesterov=True)
    model.compile(optimizer, lambda truth, found: 0 * keras.ops.mean(found, axis=-1))
    model.fit(np.ones((4, 4)), np.zeros((4, 3)), batch_size=2, verbose=0, shuffle=False)
    velocity = np.zeros_like(kernel)
    for _ in range(2):
        velocity = 0.9 * velocity - 0.5 * 0.01 * kernel
        kernel = kernel + 0.9 * velocity - 0.5 * 0.01 * kernel
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-6)
    np.testing.assert_array_equal(model.get_weights()[2], gamma)


@pytest.mark.keras
def test_fresh_weights_are_drawn_as_published() -> None:
    model = rsinspect.recipe("50").network(**SMALL | {"classes": 500})
    for layer in model.layers:
        if layer.name.endswith("__conv_2"):
            fan_in = math.prod(layer.kernel.shape[:-1])
            assert np.std(np.asarray(layer.kernel)) == pytest.approx(fan_in**-0.5, rel=0.1)
        if "batch_norm" in layer.name:
            last = layer.name.endswith("__batch_norm_3")
            assert set(np.asarray(layer.gamma).tolist()) == {0.0 if last else 1.0}
    assert np.std(np.asarray(model.layers[-1].kernel)) == pytest.approx(0.01, rel=0.05)
    assert model.layers[-1].activation.__name__ == "linear"


@pytest.mark.keras
def test_a_network_without_its_own_normalisation_gets_it() -> None:
    recipe = rsinspect.recipe("50", classes=3, without=("resnet-d",))
    plain = recipe.network(**SMALL)
    names = [type(layer).__name__ for layer in plain.layers]
    assert names[1:3] == ["Rescaling", "Normalization"]
    assert plain(np.zeros((1, 32, 32, 3))).shape == (1, 3)


@pytest.mark.keras
def test_a_trained_network_that_cannot_be_saved_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsinspect.keras_model.backend import keras
    from rsinspect.training import objects

    file = tmp_path / "mine.keras"
    model = rsinspect.ResNetRS(50, weights=None, classes=3, **SMALL)
    objects.save(model, file)
    before = file.read_bytes()

    def full(_: object, path: Path) -> None:
        path.write_text("half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(OutputNotWritable, match="No space left"):
        objects.save(model, file)
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(file, before)]


@pytest.mark.keras
def test_fine_tuning_freezes_and_frees_every_layer(tmp_path: Path) -> None:
    tuning = rsinspect.recipe("50", fine_tune=True, classes=3)
    start = rsinspect.ResNetRS(50, weights=None, classes=5, **SMALL)
    start.save(tmp_path / "start.keras")
    with pytest.warns(rsinspect.WeightsWarning, match="starts fresh"):
        model = tuning.network(str(tmp_path / "start.keras"), **SMALL)
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(0, 255, (32, 32, 32, 3)), np.eye(3)[np.arange(32) % 3]
    before = model.get_weights()
    tuning.head(model).fit(images, labels, verbose=0)
    head = model.get_weights()
    changed = [not np.array_equal(a, b) for a, b in zip(before, head, strict=True)]
    assert changed == [False] * (len(before) - 2) + [True] * 2
    tuning.everything(model, 1).fit(images, labels, verbose=0)
    assert all(not np.array_equal(a, b) for a, b in zip(head, model.get_weights(), strict=True))
    config = constants(tuning.script())
    assert config["LEARNING_RATE"] == tuning.recipe.value("learning_rate")
    assert config["BN_MOMENTUM"] == 0.99
    assert config["WEIGHTS"] == "imagenet-i160"


def test_programs_are_written_by_either_door(cli: Cli, tmp_path: Path) -> None:
    assert cli("recipe", "101@192", "-o", tmp_path / "mine.py").code == 0
    written = (tmp_path / "mine.py").read_text(encoding="utf-8")
    assert "python mine.py FOLDER" in written
    assert cli("recipe", "101@192", "-f", "python").out == train_script(published_recipe(101, 192))
    rsinspect.recipe("101@192").save(tmp_path / "mine.py")
    assert (tmp_path / "mine.py").read_text(encoding="utf-8") == written
    tuned = cli("recipe", "50", "--fine-tune", "-f", "python").out
    assert tuned == fine_tuning_script(FineTuning(depth=50, resolution=160))
    assert max(map(len, tuned.splitlines())) <= WIDTH
    refused = cli("recipe", "50", "-o", tmp_path / "x.py", "-f", "json")
    assert refused.code == 2
    assert "means python" in refused.err
    assert list(PROGRAMS.names) == ["python"]


def test_a_recipe_shows_its_numbers_and_sources(cli: Cli) -> None:
    recipe = rsinspect.recipe("200@256", without=["ema"])
    rows = {row["setting"]: row for row in recipe.rows}
    assert rows["decay of averaged weights"]["value"] == "0"
    assert rows["RandAugment magnitude"]["step"] == "randaugment"
    assert all(row["source"] for row in recipe.rows)
    document = recipe.to_json()
    assert document["derived"]["peak_learning_rate"] == 1.6
    assert document["schema"] == "rsinspect.training_recipe/1"
    shown = json.loads(cli("recipe", "50", "--fine-tune", "-f", "json").out)
    assert (shown["kind"], shown["derived"]["weights"]) == ("fine-tuning", "imagenet-i160")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"without": ("emma",)}, InvalidChoice, "did you mean ema"),
        ({"batch": 0}, InvalidSpec, "batch"),
        ({"images": 10}, InvalidSpec, "more than the 10 images"),
        ({"epochs": -1}, InvalidSpec, "epochs"),
        ({"classes": 0}, InvalidSpec, "classes"),
        ({"fine_tune": True, "images": 5}, InvalidSpec, "from scratch"),
        ({"fine_tune": True, "epochs": 0}, InvalidSpec, "epochs"),
    ],
)
def test_what_is_no_recipe_gets_one_line(
    arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    call: Callable[..., Any] = rsinspect.recipe
    with pytest.raises(error, match=said):
        call("50", **arguments)
