"""Every document that is written is what its published schema says, no key more or less.

A key that joins a document joins its schema in ``docs/schemas/`` (not among the ``required`` ones
where documents of before are read); one that goes, or means something else, is a new number.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

import rsinspect
from rsinspect.base.embedded import document_in
from rsinspect.layers import document as graphs
from rsinspect.profiling.record import document as runs
from rsinspect.profiling.record import predicted
from tests.comparisons import measured
from tests.conftest import GOLDENS, Cli
from tests.hostile_weights import PICKLES
from tests.networks import configuration, layout_of, network_of
from tests.runs import a_prediction, a_run
from tests.schemas import FOLDER, closed, complaints, file_of, schemas
from tests.sweeps import plan_of
from tests.test_house import modules
from tests.weight_files import fine_tuned

COMMANDS = (
    "summary one.json --level layer", "summary unet.json -r 64 -b 8", "summary 50 --fold-batchnorm",
    "summary 50 -e stem", "variants --all", "variants --family list", "variants --family VGG",
    "cite", "figure 3", "table 2", "table 6", "table 8", "check one.json --max-params 1M",
    "diff one.json other.json", "diff one.json unet.json", "diff 50 101 152",
    "scale --axis depth=50,101 --axis resolution=128,160", "scale --advise --epochs 10",
    "recipe 50", "recipe 50 --fine-tune", "compare m0.json m1.json", "profile --from run.json",
    "profile --from golden.json --record --tag golden", "profile --from p.json --record",
    "runs list", "runs show golden", "runs check", "runs import r1.json",
    "runs import all.json --db other.db", "pareto", "estimate 50 --from r1.json --from n1.json",
    "sweep --models one.json --batches 1,2 --dry-run", "weights list",
    "weights inspect finetuned.weights.h5", "weights inspect imagenet.pth",
    "weights diff imagenet.pth finetuned.weights.h5",
    "weights convert imagenet.pth -o c.weights.h5",
    *(f"weights inspect {name}" for name in ("a.npz", "b.npz", "none.npz", "call.pth", "half.h5")),
    "weights diff a.npz b.npz", "weights diff a.npz a.npz",
    "weights verify a.npz one.json", "scale --axis depth=50,101 --max-flops 9G --max-params 1G",
    "scale --axis depth=50,101 --max-latency 90s --from r1.json",
)  # fmt: skip
"""Answers that take no framework and no time."""

ELSEWHERE = {
    "choose-1.json": "test_choose.py", "export-1.json": "test_export.py",
    "fastest-1.json": "test_profiling_ways.py", "predict-1.json": "test_predict.py",
    "sweep-1.json": "test_sweep_cli.py", "weights_fetch-1.json": "test_weights_fetch.py",
    "weights_verify-1.json": "test_weights_verify.py",
}  # fmt: skip
"""Schemas whose documents take more to make, and the tests that hold them to it."""

NOT_WRITTEN = {
    "paper-tables", "paper-recipes", "paper-figures", "variants-data", "citation-data",
    "weights-data", "accuracy", "signatures",  # facts that come with the package
    "neighbours", "totals", "scaling",  # tables of pages alone
}  # fmt: skip


def strangers(folder: Path) -> None:
    """Write files of weights of no network that is known, or of no use to anybody."""
    nothing, numbers = np.zeros((2, 3), "float32"), np.arange(6, dtype="float32").reshape(2, 3)
    objects = np.array([{}], dtype=object)
    np.savez(folder / "a.npz", x=nothing, y=numbers, z=objects, e=nothing[:0])
    np.savez(folder / "b.npz", x=numbers, y=numbers * np.nan, z=objects, e=nothing[:0])
    np.savez(folder / "none.npz")
    PICKLES["a call of protocol 0"].make(folder / "call.pth", folder)
    with h5py.File(folder / "half.h5", "w") as file:
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/")
        file.attrs["author"] = "nobody"


def saved(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Write what the commands read; give the documents among it."""
    one, other = (
        layout_of(*blocks, width=0.25, resolution=(32, 32))
        for blocks in ((1, 1, 1, 1), (1, 2, 1, 1))
    )
    one.save(tmp_path / "one.json")
    other.save(tmp_path / "other.json")
    (tmp_path / "unet.json").write_bytes(configuration("unet"))
    fine_tuned(tmp_path)
    strangers(tmp_path)
    documents = {
        "run": runs.to_json(a_run()), "r1": runs.to_json(a_run(network=one)),
        "n1": runs.to_json(a_run(network=network_of(101))),
        "m0": runs.to_json(measured(0)), "m1": runs.to_json(measured(1, factor=1.1)),
        "p": predicted.to_json(a_prediction()),
        "doctor": json.loads((GOLDENS / "doctor.json").read_text("utf-8")),
        "golden": json.loads((GOLDENS / "run-50-train.json").read_text("utf-8")),
    }  # fmt: skip
    for name, document in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    yield from documents.values()
    yield from (one.to_json(), graphs.to_json(one.graph))
    yield json.loads(json.dumps(plan_of(1, 2).to_json()))
    yield rsinspect.graph("50", "blocks").to_json()


@pytest.fixture
def documents(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, dict[str, Any]]]:
    """Documents of every command that is quick, each with what wrote it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RSINSPECT_DB", str(tmp_path / "runs.db"))
    found = [(document["schema"], document) for document in saved(tmp_path)]
    for line in COMMANDS:
        if "all.json" in line:
            assert cli("runs", "export", "-o", "all.json").code == 0
            found.append(("runs export", json.loads((tmp_path / "all.json").read_text("utf-8"))))
        outcome = cli(*shlex.split(line), "-f", "json")
        assert outcome.out.startswith("{"), (line, outcome.err)
        found.append((line, json.loads(outcome.out)))
    pages = {
        "page.html": "report one.json other.json --run r1.json --only facts -o page.html",
        "gallery/index.html": "report --gallery one.json,other.json --only facts -o gallery",
    }
    for file, line in pages.items():
        assert cli(*shlex.split(line)).code == 0
        found.append((line, document_in((tmp_path / file).read_bytes())))
    network = found[-2][1]["subjects"][0]["network"]
    return [*found, ("a network of a page", network), ("its graph", network["graph"])]


def test_every_document_is_what_its_schema_says(
    documents: list[tuple[str, dict[str, Any]]],
) -> None:
    assert {
        by: complaints(document)[:3] for by, document in documents if complaints(document)
    } == {}
    seen = {file_of(document["schema"]) for _, document in documents}
    assert seen | set(ELSEWHERE) == set(schemas())


def test_a_document_that_changes_needs_another_schema() -> None:
    document = runs.to_json(a_run(network=layout_of(1, 1, 1, 1, width=0.25, resolution=(32, 32))))
    assert complaints(document) == []
    assert "nothing" in str(complaints(document | {"nothing": 1}))
    less = {key: value for key, value in document.items() if key != "segments"}
    assert "'segments' is a required" in str(complaints(less))
    assert complaints(document | {"measured_s": "60"})
    inside = json.loads(json.dumps(document))
    inside["environment"]["more"] = 1
    inside["network"]["graph"]["more"] = 1
    assert len(complaints(inside)) == 2


def test_a_strangers_program_takes_documents_that_say_more() -> None:
    """Published schemas are open: keys may join under the same number."""
    for schema in schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert '"additionalProperties": false' not in json.dumps(schema)
        assert schema["title"] == schema["properties"]["schema"]["const"]
        assert "additionalProperties" in closed(schema)


def test_every_schema_that_the_code_names_is_published_and_listed() -> None:
    named = {
        (name, number)
        for source in modules().values()
        for name, number in re.findall(r'"rsinspect\.([a-z_-]+)/(\d+)"', source)
        if name not in NOT_WRITTEN
    }
    assert {f"{name}-{number}.json" for name, number in named} == set(schemas())
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert set(re.findall(r"\]\(([a-z_-]+-\d+\.json)\)", readme)) == set(schemas())
    tests = {name: (Path(__file__).parent / name).read_text("utf-8") for name in ELSEWHERE.values()}
    assert [name for name, source in tests.items() if "complaints(" not in source] == []
