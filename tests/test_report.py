"""The command that writes a page: what it is about, what is refused, what comes back out of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rsinspect
from rsinspect.api.results import Run
from rsinspect.base.errors import InvalidMeasurement, InvalidSpec
from rsinspect.networks.network import Network, folded
from rsinspect.pages.subject import subjects_of
from rsinspect.profiling.record import document as runs
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.statistics import Latency
from tests.conftest import Cli
from tests.networks import layout_of, saved
from tests.runs import a_run, run_of
from tests.weight_files import fine_tuned

if TYPE_CHECKING:
    from tests.browser import Open

pytest_plugins = ("tests.browser",)

SMALL = ("--blocks", "1,1,1,1", "--width", "0.25", "--resolution", "32")


def small(*blocks: int) -> Network:
    return layout_of(*(blocks or (1, 1, 1, 1)), width=0.25, resolution=(32, 32))


def run_on(network: Network, *samples: float) -> ProfileRun:
    latency = Latency(samples or (0.1, 0.2, 0.3))
    return run_of(
        (
            Segment(path="stem", level="stage", latency=latency, forward=latency),
            Segment(path="call", level="step", latency=latency),
        ),
        network=network,
    )


def save(path: Path, run: ProfileRun) -> Path:
    path.write_text(json.dumps(runs.to_json(run)), encoding="utf-8")
    return path


def test_runs_go_to_the_networks_that_they_measured() -> None:
    one, other = small(), small(1, 2, 1, 1)
    first, second, third = run_on(one), run_on(other), run_on(one, 0.5, 0.6)
    named = [("one", one), ("other", other)]
    a, b = subjects_of(named, [("1", first), ("2", second), ("3", third)])
    assert (a.key, a.text, a.runs) == ("a", "one", (first, third))
    assert (b.key, b.text, b.runs) == ("b", "other", (second,))


def test_of_two_that_are_alike_each_gets_a_run() -> None:
    one = small()
    first, second = run_on(one), run_on(one, 0.5, 0.6)
    a, b = subjects_of([("before", one), ("after", one)], [("1", first), ("2", second)])
    assert (a.runs, b.runs) == ((first,), (second,))


def test_runs_alone_say_what_they_are_about() -> None:
    one, other = small(), small(1, 2, 1, 1)
    found = subjects_of((), [("1", run_on(one)), ("2", run_on(other)), ("3", run_on(one, 0.5))])
    assert [(each.network.fingerprint, len(each.runs)) for each in found] == [
        (one.fingerprint, 2),
        (other.fingerprint, 1),
    ]


def test_a_run_of_none_of_them_is_refused_with_both_names() -> None:
    one, other, third = small(), small(1, 2, 1, 1), small(1, 1, 2, 1)
    named = [("one", one), ("other", other)]
    with pytest.raises(InvalidMeasurement, match=r"'x' is a run of .*1-1-2-1.*1-1-1-1.*1-2-1-1"):
        subjects_of(named, [("x", run_on(third))])
    with pytest.raises(InvalidMeasurement, match="does not hold the network"):
        subjects_of((), [("x", a_run(network=None))])
    with pytest.raises(InvalidSpec, match="no network named"):
        subjects_of(())


def test_weights_go_to_the_network_that_they_fit(tmp_path: Path) -> None:
    thousand, five = (
        layout_of(1, 1, 1, 1, width=0.25, resolution=(64, 64), classes=classes)
        for classes in (1000, 5)
    )
    timm, keras = fine_tuned(tmp_path)
    for files in ([timm, keras], [keras, timm]):
        a, b = subjects_of([("thousand", thousand), ("five", five)], weights=files)
        assert a.weights is not None
        assert b.weights is not None
        assert (a.weights.path, a.weights.absent) == (timm, 0)
        assert (b.weights.path, b.weights.absent) == (keras, 0)
    (own,) = subjects_of([("mine", replace(five, weights=keras))])
    assert own.weights == b.weights
    assert subjects_of([("mine", replace(folded(five), weights=keras))])[0].weights is None
    keras.write_bytes(b"no weights")
    (broken,) = subjects_of([("mine", replace(five, weights=keras))])
    assert broken.weights is None
    assert "cannot be looked at" in broken.remarks[0]


REFUSED: dict[str, tuple[str, str]] = {
    "net.json -o p.pdf": ("'p.pdf' is no name of a page", "name it report.html"),
    "net.json -o no/folder/p.html": ("no/folder does not exist", "mkdir"),
    "net.json -o p.html --theme drak": ("unknown theme 'drak'", "did you mean dark?"),
    "net.json -o p.html --only facts,figures": (
        "unknown section 'figures'",
        "did you mean figure?",
    ),
    "net.json --only latency,weights -o p.html": (
        "nothing to show in weights, latency",
        "latencies of a run",
    ),
    "net.json --only differences -o p.html": ("nothing to show", "two networks or runs"),
    "net.json --only paper -o p.html": ("nothing to show in paper", "facts, graph and tables"),
    "50 101 --width 2 -o p.html": ("--width is for one network", "leave it out"),
    "50 101 152 200 270 -o p.html": ("a page shows 4 networks at most", "gallery"),
    "-o p.html": ("no network named", "--blocks"),
    "-o p.html --run nowhere.json": ("nowhere.json cannot be read", "--save"),
    "-o p.html --run run.json -r 64": ("--resolution is for one network", "leave it out"),
    "50 --run run.json -o p.html": ("the profile is of another network", "measure this one"),
    "net.json --weights run.json -o p.html": ("run.json", ""),
    "run.json -o p.html": ("holds no network", "it is a run of a network: name it as a run"),
    "--run run.json -o run.json": ("run.json is read for --run", "give each its own name"),
    "net.json -o net.json": ("net.json is read for", "give each its own name"),
}


@pytest.mark.parametrize("line", REFUSED)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    line: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "run.json", run_on(small()))
    small().save(tmp_path / "net.json")
    outcome = cli("report", *line.split())
    message, hint = REFUSED[line]
    assert outcome.code == 2
    assert message in outcome.err
    assert hint in outcome.err
    assert outcome.err.count("\n") <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.json", "run.json"]


def page_of(cli: Cli, path: Path, *arguments: object) -> str:
    outcome = cli("report", *arguments, "-o", path)
    assert outcome.code == 0, outcome.err
    return path.read_text(encoding="utf-8")


def document_of(page: str) -> dict[str, Any]:
    from rsinspect.base.embedded import document_in

    found: dict[str, Any] = document_in(page.encode())
    return found


COLUMN = {"type": "array", "items": {"type": "integer", "minimum": 0}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "title", "command", "question", "notes", "subjects"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": "rsinspect.report/1"},
        "title": {"type": "string"},
        "command": {"type": "string"},
        "question": {
            "type": "object",
            "required": ["convention", "batch", "dtype"],
            "additionalProperties": False,
            "properties": {"convention": {}, "batch": {"type": "integer"}, "dtype": {}},
        },
        "notes": {"type": "array", "items": {"type": "string"}},
        "subjects": {
            "type": "array",
            "minItems": 1,
            "maxItems": 4,
            "items": {
                "type": "object",
                "required": ["key", "text", "network", "summary", "runs", "weights"],
                "additionalProperties": False,
                "properties": {
                    "key": {"enum": ["a", "b", "c", "d"]},
                    "text": {"type": "string"},
                    "network": {
                        "required": ["schema", "title", "named_by", "names", "graph"],
                        "properties": {
                            "schema": {"const": "rsinspect.network/2"},
                            "names": {"additionalProperties": {"type": "string"}},
                            "graph": {
                                "required": [
                                    "schema",
                                    "name",
                                    "outputs",
                                    "ops",
                                    "shapes",
                                    "layers",
                                ],
                                "properties": {
                                    "schema": {"const": "rsinspect.graph/2"},
                                    "outputs": COLUMN,
                                    "ops": {"items": {"required": ["op", "config"]}},
                                    "shapes": {"items": COLUMN},
                                    "layers": {
                                        "required": ["box", "name", "op", "shape", "inputs"],
                                        "properties": {
                                            "box": COLUMN,
                                            "name": COLUMN,
                                            "op": COLUMN,
                                            "shape": COLUMN,
                                            "inputs": {"items": COLUMN},
                                        },
                                    },
                                },
                            },
                        },
                    },
                    "summary": {"properties": {"schema": {"const": "rsinspect.summary/1"}}},
                    "runs": {"items": {"properties": {"schema": {"const": "rsinspect.profile/1"}}}},
                    "weights": {
                        "type": ["object", "null"],
                        "required": ["file", "absent_tensors", "identity"],
                    },
                },
            },
        },
    },
}


@pytest.fixture
def page(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page about two networks, the first with two runs, the second with weights."""
    monkeypatch.chdir(tmp_path)
    one, other = small(), small(1, 2, 1, 1)
    for name, network in (("one.json", one), ("other.json", other)):
        network.save(name)
    save(tmp_path / "run1.json", run_on(one))
    save(tmp_path / "run2.json", run_on(one, 0.5, 0.6))
    runs = ("--run", "run1.json", "--run", "run2.json")
    page_of(cli, tmp_path / "page.html", "one.json", "other.json", *runs, "--only", "facts")
    return tmp_path / "page.html"


def test_the_document_is_of_its_schema_and_says_what_the_commands_say(page: Path, cli: Cli) -> None:
    import jsonschema  # type: ignore[import-untyped]

    document = document_of(page.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    for subject, name in zip(document["subjects"], ("one.json", "other.json"), strict=True):
        assert subject["summary"] == json.loads(cli("summary", name, "--format", "json").out)
    latency = document["subjects"][0]["runs"][0]["end_to_end"]["latency_s"]
    assert (
        latency
        == json.loads(cli("profile", "--from", "run1.json", "-f", "json").out)["end_to_end"][
            "latency_s"
        ]
    )


def test_every_command_reads_the_networks_of_a_page(page: Path, cli: Cli) -> None:
    for key, name in (("a", "one.json"), ("b", "other.json")):
        for command in ("summary --format json", "graph -f txt"):
            verb, *options = command.split()
            again, first = (cli(verb, model, *options) for model in (f"page.html#{key}", name))
            assert again.code == 0, again.err
            assert again.out == first.out
    assert "+1 block" in cli("diff", "page.html#a", "page.html#b").out
    assert cli("report", "page.html#b", "-o", "again.html").code == 0


def test_every_command_reads_the_runs_of_a_page(page: Path, cli: Cli) -> None:
    for key, name in (("a1", "run1.json"), ("a2", "run2.json")):
        again, first = (
            cli("profile", "--from", run, "-f", "json") for run in (f"page.html#{key}", name)
        )
        assert again.code == 0, again.err
        assert json.loads(again.out) == json.loads(first.out)
    assert "Here already" in cli("runs", "import", "run1.json", "page.html", "--db", "r.db").out
    assert cli("runs", "list", "--db", "r.db", "-f", "json").out.count('"profile"') == 2
    assert cli("compare", "page.html#a1", "page.html#a2").code == 0
    assert cli("graph", "page.html#a", "--profile", "page.html#a1", "-o", "a.svg").code == 0
    assert cli("report", "--run", "page.html#a2", "-o", "again.html").code == 0


UNREAD: dict[str, str] = {
    "summary page.html": "page.html is about 2 networks",
    "summary page.html#e": "page.html has no 'e'",
    "summary page.html#c4/block22": "page.html has no 'c4/block22'",
    "summary none.html": "none.html cannot be read: No such file",
    "summary text.html": "text.html is no page of rsinspect report",
    "summary later.html": "the schema 'rsinspect.report/2'",
    "summary broken.html": "broken.html cannot be read: ",
    "summary empty.html": "empty.html is damaged",
    "summary page.html#a -o page.html": "page.html is read for MODEL",
    "profile --from page.html": "page.html shows 2 runs",
    "profile --from page.html#a3": "page.html shows no such run",
    "profile --from page.html#b": "page.html shows no run",
    "compare page.html page.html#a": "page.html shows 2 runs",
    "runs import text.html --db r.db": "text.html is no page of rsinspect report",
}


@pytest.mark.parametrize("line", UNREAD)
def test_what_a_page_does_not_hold_is_one_clear_line(line: str, page: Path, cli: Cli) -> None:
    element = '<script type="application/json" id="rsinspect">%s</script>'
    texts = {
        "text": "<p>rsinspect</p>",
        "later": element % '{"schema": "rsinspect.report/2"}',
        "broken": element % '{"schema": ',
        "empty": element % '{"schema": "rsinspect.report/1", "subjects": [{"key": "a"}]}',
    }
    for name, text in texts.items():
        Path(f"{name}.html").write_text(text, encoding="utf-8")
    outcome = cli(*line.split())
    assert outcome.code == 2
    assert UNREAD[line] in outcome.err + outcome.out


def test_the_command_that_is_named_makes_the_page_again(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--only", "facts", "--title", "It's mine", "--only", "provenance")
    page = page_of(cli, tmp_path / "page.html", *options, "-q", *SMALL)
    command = document_of(page)["command"]
    assert command == (
        "rsinspect report --blocks 1,1,1,1 --resolution 32 --width 0.25 --title 'It'\"'\"'s mine' "
        "--only facts --only provenance --output page.html"
    )
    import shlex

    again = cli(*shlex.split(command)[1:])
    assert again.code == 0
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page


def test_python_makes_the_same_page(tmp_path: Path, cli: Cli) -> None:
    small().save(tmp_path / "one.json")
    one = rsinspect.network(tmp_path / "one.json")
    run = save(tmp_path / "run.json", run_on(one))
    page = rsinspect.report(one, runs=rsinspect.load_run(run), only=["facts"], theme="dark")
    assert page.record.command == (
        "rsinspect.report(model, runs=[run], theme='dark', only=('facts',))"
    )
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.to_html()
    assert repr(page) == f"<Page: {one.title}>"
    assert "<iframe" in page._repr_html_()
    assert len(page._repr_html_()) < 200_000
    assert document_of(page.to_html()) == page.to_json()
    again = rsinspect.load_run(tmp_path / "page.html")
    assert runs.to_json(again.record) == runs.to_json(run_on(one))
    written = page_of(cli, tmp_path / "cli.html", tmp_path / "one.json", "--run", run,
                      "--theme", "dark", "--only", "facts")  # fmt: skip
    theirs, ours = document_of(written)["subjects"][0], page.to_json()["subjects"][0]
    assert theirs | {"text": ""} == ours | {"text": ""}
    same = rsinspect.report(one, runs=None, weights=None, only="facts, graph")
    assert same.record.only == ("facts", "graph")
    assert same.record.subjects[0].runs == ()
    with pytest.raises(ValueError, match="is no name of a page"):
        page.save(tmp_path / "page.pdf")


def facts_of(page: Path | str, name: str) -> dict[str, tuple[str, float | None]]:
    """The facts of a section as they stand in the page: text, exact value."""
    import re

    text = page if isinstance(page, str) else page.read_text(encoding="utf-8")
    (found,) = re.findall(rf'<section id="{name}".*?</section>', text, re.DOTALL)
    rows = re.findall(r'<dt>(.*?)</dt><dd>(?:<data value="(.*?)">)?(.*?)(?:<|$)', found)
    return {name: (said, float(value) if value else None) for name, value, said in rows}


def test_the_facts_are_the_numbers_of_the_commands(cli: Cli, tmp_path: Path) -> None:
    run = save(tmp_path / "run.json", run_on(rsinspect.network("50")))
    options = ("--convention", "mac", "--batch", "2", "--dtype", "float16")
    page = page_of(cli, tmp_path / "page.html", "50", "--run", run, *options,
                   "--only", "facts,provenance")  # fmt: skip
    totals = json.loads(cli("summary", "50", *options, "-f", "json").out)["totals"]
    facts = facts_of(page, "facts")
    exact = {
        "Parameters": "params",
        "MACs an example": "macs",
        "FLOPs an example": "flops",
        "Weights take": "weight_bytes",
        "Activations": "activation_bytes",
        "Most alive at once": "peak_activation_bytes",
    }
    assert {name: facts[name][1] for name in exact} == {n: totals[k] for n, k in exact.items()}
    assert facts["Latency an image"][1] == 0.05
    assert facts["Top-1"] == ("78.8 %", 78.8)
    provenance = facts_of(page, "provenance")
    assert provenance["Given as"][0] == "50"
    assert provenance["Fingerprint"][0] == rsinspect.network("50").fingerprint
    assert "convention mac" in page
    assert "rsinspect report 50 --run" in page
    assert "; 3 rounds</small>" in page
    once = save(tmp_path / "once.json", run_on(rsinspect.network("50"), 0.1))
    page = page_of(cli, tmp_path / "once.html", "--run", once, "--only", "provenance")
    assert "; 1 round</small>" in page


def test_a_foreign_network_and_several_have_facts(cli: Cli, tmp_path: Path) -> None:
    saved("DenseNet121").save(tmp_path / "dense.json")
    page = page_of(cli, tmp_path / "page.html", tmp_path / "dense.json", "50", "--only", "facts")
    assert page.count('<dl class="facts">') == 2
    assert "no ResNet-RS by its wiring" in page
    assert "<h3>ResNet-RS-50 @ 160×160</h3>" in page


def test_a_gallery_is_a_page_for_each_and_one_that_lists_them(
    cli: Cli, tmp_path: Path, open_page: Open
) -> None:
    run = save(tmp_path / "run.json", run_on(rsinspect.network("50")))
    options = ("--gallery", "50,101@160", "--run", run, "--only", "facts")
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.parent.mkdir(exist_ok=True)
        outcome = cli("report", *options, "-o", folder)
        assert outcome.code == 0, outcome.err
    names = ["index.html", "resnet-rs-101-160x160.html", "resnet-rs-50-160x160.html"]
    assert sorted(path.name for path in first.iterdir()) == names
    for name in names:  # but for the folder's name in the command
        bytes_of = [(each / name).read_bytes() for each in (first, again)]
        assert bytes_of[0] == bytes_of[1].replace(b"output again", b"output first")
    for name in names[1:]:
        assert 'href="index.html">All networks</a>' in (first / name).read_text(encoding="utf-8")
    index = (first / "index.html").read_text(encoding="utf-8")
    rows = document_of(index)["rows"]
    totals = json.loads(cli("summary", "50", "-f", "json").out)["totals"]
    assert {key: rows[0][key] for key in ("params", "macs", "flops")} == {
        key: totals[key] for key in ("params", "macs", "flops")
    }
    assert (rows[0]["top1"], rows[0]["per_image_s"], rows[1]["per_image_s"]) == (78.8, 0.05, None)
    page = open_page(index)
    assert [link.get_attribute("href") for link in page.query_selector_all(".cards a")] == [
        "resnet-rs-50-160x160.html",
        "resnet-rs-101-160x160.html",
    ]
    assert page.locator(".cards li:first-child rect").count() == 19  # 16 blocks; input, stem, head
    assert page.locator("#networks tbody tr").count() == 2


NO_GALLERY: dict[str, str] = {
    "--gallery 50,nix -o g": "'nix' is not a model",
    "--gallery 50 -o net.json": "net.json is a file, not a folder",
    "--gallery 50 -o -": "- is no folder",
    "--gallery 50 -o g.html": "g.html is no folder",
    "--gallery 50 -o no/g": "no/g cannot be written",
    "net.json --gallery 50 -o g": "MODEL is for a page alone",
    "--gallery 50 --width 2 -o g": "--width is for one network",
    "--gallery 50 --run run.json -o g": "not listed here",
    "--gallery 50 --only figures -o g": "unknown section",
}


@pytest.mark.parametrize("line", NO_GALLERY)
def test_a_gallery_that_cannot_be_leaves_nothing(
    line: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "run.json", run_on(small()))
    small().save(tmp_path / "net.json")
    outcome = cli("report", *line.split())
    assert outcome.code == 2
    assert NO_GALLERY[line] in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.json", "run.json"]


def test_the_largest_network_with_a_run_of_its_blocks_is_a_page_below_a_megabyte() -> None:
    from random import Random

    from rsinspect.layers.partition import segments

    network, random = rsinspect.network("420"), Random(0)
    parts = []
    for part in segments(network.graph, "block"):
        latency = Latency(tuple(random.uniform(0.01, 0.02) for _ in range(4)))
        parts.append(
            Segment(path=part.path, level="block", latency=latency, forward=latency,
                    macs=10**9, bytes_moved=10**8, intensity=random.random())
        )  # fmt: skip
    run = run_of(parts, network=network, level="block", batch=1)
    page = rsinspect.report(network, runs=Run(run))
    assert len(page.to_html().encode()) < 1_000_000
