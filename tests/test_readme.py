"""The README says what is true: its commands print what it shows, and draw its pictures.

``pytest tests/test_readme.py --update-goldens`` rewrites all of it.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from rsinspect.networks.applications import named_in
from rsinspect.networks.kept import CACHE_VARIABLE, file_name, keras_version
from tests.conftest import GOLDENS, Cli, python
from tests.networks import configuration
from tests.weight_files import fine_tuned

README = Path(__file__).parent.parent / "README.md"
CONSOLE = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)
PICTURES = {
    "figure6-101.svg": "101",
    "inception-v3.svg": "InceptionV3 --size 16:9",
    "efficientnetv2-l-dark.svg": "EfficientNetV2L --view stages --color flops --theme dark",
    "unet.svg": "unet.json --view stages",
}
"""Pictures of the README and what follows ``rsinspect graph`` to draw them."""


@pytest.mark.usefixtures("_networks")
def test_every_console_block_shows_what_the_commands_print(
    cli: Cli, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    text = README.read_text(encoding="utf-8")
    shutil.copy(GOLDENS / "run-50-train.json", tmp_path / "run.json")
    fine_tuned(tmp_path)

    def run(block: re.Match[str]) -> str:
        pages = []
        for line in block[0].splitlines():
            if line.startswith("$ rsinspect "):
                outcome = cli(*shlex.split(line)[2:])
                assert outcome.code == 0, outcome.err
                page = "\n".join(part.rstrip() for part in outcome.out.splitlines())
                pages.append(f"{line}\n{page}\n" if page else f"{line}\n")
        return "\n".join(pages)

    fresh = CONSOLE.sub(run, text)
    assert fresh.count("$ rsinspect") >= 5
    if request.config.getoption("--update-goldens"):
        README.write_text(fresh, encoding="utf-8")
    assert fresh == README.read_text(encoding="utf-8")


def texts(svg: bytes) -> list[str]:
    """All words of a picture in order; positions may differ between Graphviz versions."""
    return [text for text in ElementTree.fromstring(svg).itertext() if text.strip()]


@pytest.fixture
def _networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks as Keras said what they are once, and a file in the folder that is worked in."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("InceptionV3", "EfficientNetV2L", "unet"):
        file = f"{name}.json"
        if named := named_in(name):
            file = file_name(named.application(), keras_version())
        (tmp_path / file).write_bytes(configuration(name))


@pytest.mark.usefixtures("_networks")
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_its_command_draws(
    cli: Cli, tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    shown = GOLDENS / name
    line = f"rsinspect graph {PICTURES[name]}"
    assert cli("graph", *PICTURES[name].split(), "-o", tmp_path / name).code == 0
    fresh = (tmp_path / name).read_bytes()
    if request.config.getoption("--update-goldens"):
        shown.write_bytes(fresh)
    assert texts(fresh) == texts(shown.read_bytes())
    readme = README.read_text(encoding="utf-8")
    assert f'src="tests/goldens/{name}"' in readme
    assert line in readme
    assert shown.stat().st_size < 70_000


def python_block(having: str) -> str:
    """The one example in Python that has these words."""
    text = README.read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [block] = [block for block in blocks if having in block]
    return block


def test_the_example_of_the_library_runs(tmp_path: Path) -> None:
    block = python_block("rsinspect.diff(")
    outcome = python(f"import os; os.chdir({str(tmp_path)!r})\n{block}")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith("ResNet-RS-152 -> ResNet-RS-200: +16 identical blocks in c3")
    assert (tmp_path / "difference.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.keras
def test_the_example_of_keras_runs() -> None:
    block = python_block("ResNetRS50(weights=None, input_shape")
    outcome = python(block)
    assert outcome.stdout.splitlines()[-1] == "resnet-rs-50 35745288", outcome.stderr


@pytest.mark.keras
def test_the_example_of_a_recipe_runs() -> None:
    outcome = python(python_block("recipe.learning_rate()"))
    rate, decay, augmentation = outcome.stdout.splitlines()[-1].split(maxsplit=2)
    assert float(rate) == pytest.approx(0.1, rel=0.01)  # at the end of the warm-up
    assert float(decay) == pytest.approx((1 + 19_500) / (10 + 19_500))
    assert augmentation == "RandAugment(layers=2, magnitude=15)"


@pytest.mark.keras
@pytest.mark.slow
def test_fine_tuning_reaches_what_the_readme_says_and_needs_no_rsinspect_afterwards(
    tmp_path: Path,
) -> None:
    block = python_block("def train(")
    predict = "np.save('{}.npy', model.predict(batch[:20], verbose=0))"
    outcome = python(
        f"import os; os.chdir({str(tmp_path)!r})\n{block}\n{predict.format('ours')}\n"
        "np.save('batch.npy', batch)",
        timeout_s=800,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr.count("WeightsWarning") == 1
    assert "left out, as no part of resnet-rs-50: predictions (128×3, 3)" in outcome.stderr
    trained, seen, unseen = map(float, outcome.stdout.splitlines()[-1].split())
    assert min(trained, seen, unseen) > 0.9
    assert abs(trained - seen) < 0.05
    text = README.read_text(encoding="utf-8")
    assert "all above\n0.9, the first two within 0.05" in text
    without = python(
        "import sys, os; sys.modules['rsinspect'] = None\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "import keras, numpy as np\n"
        "model, batch = keras.models.load_model('finetuned.keras'), np.load('batch.npy')\n"
        f"{predict.format('theirs')}"
    )
    assert without.returncode == 0, without.stderr
    ours, theirs = (np.load(tmp_path / f"{name}.npy") for name in ("ours", "theirs"))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_both_set_up_commands_are_marked_for_machines() -> None:
    text = README.read_text(encoding="utf-8")
    for name, last in (("run", "--max-time 60"), ("tests", "-m pytest -q")):
        (command,) = re.findall(rf"<!-- command: {name} -->\n```sh\n(.*)\n```", text)
        assert command.startswith("python3.11 -m venv .venv && .venv/bin/pip install")
        assert command.endswith(last)


def test_the_picture_of_latencies_is_what_a_saved_run_gives(
    cli: Cli, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shown, made = GOLDENS / "latency-50.svg", tmp_path / "latency.svg"
    outcome = cli("profile", "--from", GOLDENS / "run-50-train.json", "--plot", made)
    assert outcome.code == 0, outcome.err
    if request.config.getoption("--update-goldens"):
        shown.write_bytes(made.read_bytes())
    assert texts(made.read_bytes()) == texts(shown.read_bytes())
    assert "tests/goldens/latency-50.svg" in README.read_text(encoding="utf-8")


def test_the_picture_of_table_7_is_what_its_command_draws(
    cli: Cli, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shown, made = GOLDENS / "table-7.svg", tmp_path / "pareto.svg"
    assert cli("table", "7", "--plot", made).code == 0
    if request.config.getoption("--update-goldens"):
        shown.write_bytes(made.read_bytes())
    assert texts(made.read_bytes()) == texts(shown.read_bytes())
    assert "tests/goldens/table-7.svg" in README.read_text(encoding="utf-8")
