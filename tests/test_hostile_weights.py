"""Hostile files of every format: the verdict is right, nothing runs, no other file is read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests import hostile, keras_files
from tests import hostile_weights as weights
from tests.torch_files import write_old_torch, write_torch
from tests.watched import require_nothing_ran, watched

pytestmark = pytest.mark.timeout(600)  # a pipe that is opened waits for ever

INSPECTED = """
import json
from pathlib import Path
from rsinspect.checkpoints.safety import verdict
from rsinspect.cli.app import run
def act(path):
    print(json.dumps(verdict(Path(path)).document()))
    return run(["weights", "inspect", path, "-f", "json"])
"""

CASES: dict[str, tuple[str, tuple[str, ...], str]] = {
    **{name: (each.level, each.kinds, each.cve) for name, each in weights.FILES.items()},
    **{
        name: (level, (kind,), cve)
        for name in hostile.FILES
        for level, kind, cve in [weights.VERDICTS.get(name, ("safe", "", ""))]
    },
    **{
        f"{name}{ending}": (level, (kind,), cve)
        for name, (level, kind, cve) in weights.CARRIERS.items()
        for ending in (".keras", ".h5")
    },
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What came of every file, all in one process."""
    folder = tmp_path_factory.mktemp("hostile")
    secret, pipe = folder / "secret.h5", folder / "pipe"
    secret.write_bytes(b"secret numbers" * 99)
    os.mkfifo(pipe)
    made: dict[str, Path] = {}
    files = [(name, file.ending, file.make) for name, file in hostile.FILES.items()]
    files += [(name, file.ending, file.make) for name, file in weights.FILES.items()]
    for number, (name, ending, make) in enumerate(files):
        made[name] = folder / f"{number}{ending}"
        make(made[name], secret if number % 2 else pipe)
    for number, (name, (config, _)) in enumerate(hostile.CARRIERS.items()):
        path = folder / f"carrier{number}"
        made[f"{name}.keras"] = keras_files.keras_file(path.with_suffix(".keras"), config, {})
        made[f"{name}.h5"] = keras_files.h5_file(path.with_suffix(".h5"), config)
    found = watched(INSPECTED, list(made.values()), ordinary(folder))
    found["made"] = made
    found["folder"] = folder
    return found


def ordinary(folder: Path) -> list[Path]:
    """A file of each format with nothing in it but numbers, and one with a finding."""
    weights.KERAS["a layer of one's own"].make(folder / "own.keras", folder)
    np.savez(folder / "good.npz", **weights.ARRAYS, allow_pickle=False)
    np.savez_compressed(folder / "packed.npz", **weights.ARRAYS, allow_pickle=False)
    np.save(folder / "good.npy", weights.ARRAYS["conv.weight"])
    safetensors.numpy.save_file(weights.ARRAYS, folder / "good.safetensors")
    return [
        keras_files.keras_file(folder / "good.keras", hostile.OPAQUE, {hostile.PLACE: (3, 4)}),
        keras_files.h5_file(folder / "good.h5"),
        write_torch(folder / "good.pth", weights.ARRAYS),
        write_old_torch(folder / "old.pth", weights.ARRAYS),
        *(folder / name for name in ("good.npz", "packed.npz", "good.npy", "good.safetensors")),
        folder / "own.keras",
    ]


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_names_the_hazard_and_its_number(report: Any, name: str) -> None:
    level, kinds, cve = CASES[name]
    code, out, err, _ = report["ends"][str(report["made"][name])]
    first, _, rest = out.partition("\n")
    said = json.loads(first)
    assert said["level"] == level, said["findings"]
    found = {finding["kind"] for finding in said["findings"]}
    assert {kind for kind in kinds if kind} <= found
    assert not cve or any(cve in finding["cves"] for finding in said["findings"])
    assert level != "safe" or not found
    if code == 0:
        assert err == ""
        assert json.loads(rest)["safety"] == said
    else:  # what cannot be read is refused, and what is no danger
        assert (code, rest) == (2, "")
        assert level in ("unknown", "safe")
        assert err.startswith("error: ")
        assert err.count("\n") <= 2


def test_nothing_runs_and_no_other_file_is_read(report: Any) -> None:
    require_nothing_ran(report)
    assert not (report["folder"] / weights.MARKER).exists()


def test_payloads_would_have_made_a_folder(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    import pickle

    path = tmp_path / "file.pth"
    weights.PICKLES["a call of protocol 0"].make(path, path)
    pickle.loads(path.read_bytes())
    assert (tmp_path / weights.MARKER).is_dir()


def test_every_kind_of_hazard_is_in_some_file() -> None:
    from rsinspect.checkpoints.hazards import known

    kinds = {kind for _, some, _ in CASES.values() for kind in some}
    assert set(known().kinds) - kinds == {"plug-in", "saved-model", "new-group"}
