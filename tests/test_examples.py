"""The examples at the end of every page of help are typed here, as they stand.

What would measure, fetch or ask a framework stops at its door; all up to there is real.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.cli.application import callback
from rsinspect.cli.help_page import examples_of
from rsinspect.networks.applications import Named
from rsinspect.networks.keras_cache import CACHE_VARIABLE, file_name, keras_version
from rsinspect.profiling.record.document import to_json
from rsinspect.runs.store import open_store
from rsinspect.sweeps.driver import Driver, Order
from tests.command_lines import loaded_commands
from tests.conftest import Cli
from tests.keras_files import keras_file
from tests.mutants import written
from tests.networks import configuration, layout_of, network_of
from tests.runs import a_run, kept_run
from tests.sweeps import Fake, plan_of
from tests.torch_files import write_torch
from tests.weight_files import fine_tuned, write_keras_2

EXAMPLES = {name: examples_of(command.callback) for name, command in loaded_commands().items()} | {
    "": examples_of(callback)
}
LINES = [line for lines in EXAMPLES.values() for line in lines]
NOWHERE = "nothing is measured here"
DOORS = (
    "rsinspect.cli.progress.watched",
    "rsinspect.cli.progress.watching",
    "rsinspect.exports.parent.Worker",
    "rsinspect.networks.keras_cache._made",
    "rsinspect.prediction.predict.run",
    "rsinspect.weights.fetch.fetch_published",
    "rsinspect.weights.chosen.fetch_published",
)
"""Functions behind which something is measured, fetched, or asked of a framework."""


def test_every_command_shows_two_examples_or_more_each_on_a_line_of_the_page(cli: Cli) -> None:
    for name, examples in EXAMPLES.items():
        assert len(examples) >= 2, name
        page = cli(*name.split(), "--help").out.splitlines()
        for example in examples:
            assert example.startswith(f"rsinspect {name}".rstrip())
            assert f"   {example}" in page
            assert len(example) <= 76


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with every file that an example reads."""
    folder = tmp_path_factory.mktemp("examples")
    run = written(to_json(a_run()))
    for name in ("run.json", "before.json", "after.json"):
        (folder / name).write_text(run)
    asked = Named("InceptionV3").application()
    (folder / file_name(asked, keras_version())).write_bytes(configuration("InceptionV3"))
    write_keras_2(folder / "my.h5", network_of(50))
    fine_tuned(folder)
    write_torch(folder / "stranger.pth", {"head.weight": np.ones((2, 3), "float32")})
    keras_file(folder / "my.keras", configuration("InceptionV3"), {"layers/head/vars/0": (2, 3)})
    for name in ("before.h5", "after.h5"):
        write_keras_2(folder / name, layout_of(1, 1, 1, 1, width=0.25))
    for name in ("cat.jpg", "dog.jpg"):
        Image.new("RGB", (40, 30), "grey").save(folder / name)
    (folder / "names.txt").write_text("\n".join(f"class {number}" for number in range(1000)))
    (folder / "mirror").mkdir()
    (folder / "measured-elsewhere").mkdir()
    (folder / "measured-elsewhere" / "run.json").write_text(json.dumps(kept_run(2)))
    for name in ("runs.db", "lab.db"):
        with open_store(folder / name, write=True) as store:
            store.add(kept_run(1), tags=("before",))
            store.add(to_json(a_run()))
    Driver(folder / "runs.db", plan_of(1), Order(repeats=1)).drive(Fake())
    return folder


@pytest.fixture
def _here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a copy of it, where nothing is measured."""
    here = shutil.copytree(folder, tmp_path / "here")
    monkeypatch.chdir(here)
    monkeypatch.setenv(CACHE_VARIABLE, str(here))
    monkeypatch.setenv("RSINSPECT_DB", str(here / "runs.db"))
    monkeypatch.setattr("rsinspect.sweeps.site.local_executor", lambda _: Fake())
    monkeypatch.setattr("rsinspect.cli.progress.measure", lambda *_: a_run())
    with ExitStack() as doors:
        for door in DOORS:
            doors.enter_context(mock.patch(door, side_effect=InvalidMeasurement(NOWHERE)))
        yield


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("line", LINES)
def test_an_example_does_what_it_says(cli: Cli, line: str) -> None:
    outcome = cli(*shlex.split(line)[1:])
    if NOWHERE not in outcome.err:
        assert outcome.code == 0, outcome.err
