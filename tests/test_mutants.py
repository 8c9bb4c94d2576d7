"""No document, however damaged, ends a command in anything but an answer or one line."""

from __future__ import annotations

import copy
import json
import tracemalloc
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rsinspect.base import codec, sources
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import GraphError, InvalidMeasurement
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.networks.network import network_from_json, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.record.document import from_json, to_json
from tests import mutants
from tests.conftest import Cli
from tests.runs import a_run


@pytest.mark.parametrize("seed", range(4))
def test_a_mutant_is_shown_or_refused_in_one_line(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    faults = [one for one in mutants.tried(seed, 75, tmp_path) if one[1]]
    assert faults == []


def test_mutants_are_of_all_kinds_and_some_are_runs() -> None:
    """Else the test above would try one line of the door."""
    random, said, shown = Random(0), set(), 0
    for number in range(100):
        document = mutants.saved_runs()[number % 3]
        change = mutants.mutant if number % 2 else mutants.extreme
        try:
            text = mutants.written(change(random, document)).encode(errors="replace")
            to_json(from_json(codec.from_text(text)))
        except (Damaged, InvalidMeasurement) as exc:
            said.add(str(exc).partition(",")[2] or str(exc))
        else:
            shown += 1
    assert shown > 10
    assert len(said) > 10


def test_what_a_run_says_is_written_so_that_it_can_be_read() -> None:
    """Texts of frameworks and variables may be anything; a saved run always loads."""
    run = a_run(method="a\x1b[2J\nb", not_available={"roofs": "\ud800" + "x" * 10**6})
    read = from_json(json.loads(json.dumps(to_json(run))))
    assert read.method == "a␛[2J␊b"
    assert len(read.not_available["roofs"]) == 20_000


def test_a_value_of_many_is_not_shown_whole() -> None:
    document = mutants.saved_runs()[0] | {"method": "e" * 10**6}
    with pytest.raises(InvalidMeasurement, match=r"profile.method is longer than 20 000") as caught:
        from_json(document)
    assert len(caught.value.message) < 200


# ---- files without an end


@pytest.mark.parametrize("arguments", [["profile", "--from"], ["graph", "50", "--profile"]])
def test_what_has_no_end_is_not_read(cli: Cli, tmp_path: Path, arguments: list[str]) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(10 * 2**30)
    for path, words in (
        ("/dev/zero", "it is a device"),
        (tmp_path, "it is a directory"),
        (large, "more than 256 MiB"),
    ):
        done = cli(*arguments, path)
        assert (done.code, words in done.err) == (2, True)
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    for name, words in (("zero.json", "it is a device"), ("large.json", "more than 256 MiB")):
        done = cli("summary", tmp_path / name)
        assert (done.code, words in done.err) == (2, True)


def test_a_pipe_is_read_to_its_end_and_no_further_than_the_limit(tmp_path: Path) -> None:
    import os
    import threading

    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(tmp_path / "pipe")
    assert sources.content_of(tmp_path / "pipe") == b"", "nobody writes to it"
    held = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        os.write(held, b"x" * 1000)
        with pytest.raises(sources.Unreadable, match="more than 10 B"):
            sources.content_of(tmp_path / "pipe", 10)
    finally:
        os.close(held)
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"whole"))
    held = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        writer.start()
        writer.join()
        assert sources.content_of(tmp_path / "pipe") == b"whole"
    finally:
        os.close(held)


def test_many_values_are_refused_before_they_fill_the_memory() -> None:
    text = b"[" + b"[]," * 10**7 + b"[]]"
    tracemalloc.start()
    try:
        with pytest.raises(Damaged, match="more than 5 000 000 values"):
            codec.from_text(text)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


# ---- networks


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("title",), "a\x1b[2J", "title is 'a\\x1b[2J' with characters that cannot be shown"),
        (("title",), "", "title is empty"),
        (("graph", "name"), "x" * 2000, "graph.name is longer than 1000"),
        (("graph", "layers", 3, "shape", 0), 0, "graph.layers[3].shape[0] is 0, not 1 or more"),
        (("graph", "layers", 3, "shape", 0), 10**12, "is 1000000000000, not 16777216 or less"),
        (("graph", "layers", 3, "shape"), [8] * 9, "shape is longer than 8"),
        (("graph", "layers", 4, "config", "kernel"), True, "kernel is True, not a whole number"),
        (("graph", "layers", 4, "config", "kernel"), -3, "kernel is -3, not 1 or more"),
        (("graph", "layers", 4, "config", "filters"), "64", "filters is '64', not a whole number"),
        (("graph", "layers", 4, "config", "odd"), 1, "unknown field `odd`"),
        (("graph", "layers", 4, "op"), "Conv9D", "graph.layers[4].op is an unknown name 'Conv9D'"),
        (("graph", "layers", 4, "inputs", 0), "stem/bn9", "stem/bn9, which comes later"),
        (("graph", "layers", 4, "inputs"), ["a"] * 1001, "inputs is longer than 1000"),
        (("graph", "outputs"), ["nobody"], "the output nobody is no layer"),
        (("schema",), "rsinspect.network/3", "a later rsinspect wrote it"),
        (("schema",), "rsinspect.summary/1", "a network is saved as rsinspect.network/1"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_a_network_that_cannot_be_is_refused_by_key(
    cli: Cli, tmp_path: Path, keys: mutants.Keys, value: object, words: str
) -> None:
    document = copy.deepcopy(mutants.saved_networks()[0])
    mutants.at(document, keys[:-1])[keys[-1]] = value
    (tmp_path / "net.json").write_text(json.dumps(document))
    done = cli("summary", tmp_path / "net.json")
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 2


@pytest.mark.parametrize(
    "numbers",
    [
        {"blocks": (1,) * 8, "resolution": (16_384, 16_384)},
        {"blocks": (1, 1), "width": 64.0},
        {"blocks": (1,), "classes": 10_000_000, "channels": 65_536, "preprocessing": False},
        {"blocks": (200,), "activation": "custom:日本"},
    ],
    ids=lambda numbers: ",".join(numbers),
)
def test_every_network_that_can_be_made_can_be_read(numbers: dict[str, Any]) -> None:
    made = resnet_rs(ResNetRSSpec(**numbers))
    read = network_from_json(codec.from_text(json.dumps(made.to_json()).encode()))
    assert read.fingerprint == made.fingerprint


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\nb", "\ud800", "\ufffe", "x" * 1001])
def test_a_graph_has_no_name_that_cannot_be_shown(name: str) -> None:
    one = Layer(name, ops.Input(TensorShape(8, 8, 3)), (), TensorShape(8, 8, 3))
    with pytest.raises(GraphError, match=r"cannot be shown|longer than 1000"):
        LayerGraph("net", (one,))
    with pytest.raises(GraphError, match=r"cannot be shown|longer than 1000"):
        LayerGraph(name, (one._replace(path="image"),))
