"""No file of a model, however changed, ends a command in anything but an answer or one line."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from rsinspect.base.errors import RsInspectError
from rsinspect.networks.named import network
from tests import keras_mutants
from tests.keras_files import functional, image, keras_file, row


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_file_is_shown_or_refused_in_one_line(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    assert [one for one in keras_mutants.tried(seed, 40, tmp_path) if one[1]] == []


def test_mutants_are_refused_for_many_reasons_and_some_are_networks(tmp_path: Path) -> None:
    """Else the test above would try one line of the door."""
    random, said, shown = Random(0), set(), 0
    for _ in range(120):
        path = keras_mutants.made(random, tmp_path)
        try:
            network(str(path))
        except RsInspectError as exc:
            said.add(exc.message[-30:])
        else:
            shown += 1
    assert shown > 20
    assert len(said) > 20


# ---- what was found


def test_numbered_names_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    """Two thousand layers with the names that a layer's second to last calls would have."""
    shared = row("ReLU", "a", "image")
    shared["inbound_nodes"] *= 2
    named = [row("ReLU", f"a.{number}", "image") for number in range(2, 2000)]
    made = network(str(keras_file(tmp_path / "my.keras", functional(image(), *named, shared))))
    assert made.graph.layers[-1].path == "a.2000"


def test_a_bare_graph_is_no_configuration(tmp_path: Path) -> None:
    saved = network(str(keras_file(tmp_path / "my.keras")))
    (tmp_path / "graph.json").write_text(json.dumps(saved.to_json()["graph"]))
    assert network(str(tmp_path / "graph.json")).fingerprint == saved.fingerprint
