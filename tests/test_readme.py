"""README and docs say what is true: their blocks are carried out, and draw their pictures.

``pytest tests/test_readme.py --update-goldens`` rewrites what they show.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import rsinspect
from rsinspect.cli.app import GROUPS
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_cache import CACHE_VARIABLE
from tests.conftest import GOLDENS, Cli, python
from tests.documents import DOCS, GIVEN, PAGES, ROOT, RUN, Block, Reader, blocks, main
from tests.networks import EFFICIENTNETS, configuration, keep
from tests.recordings import measured as measured  # a fixture

RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
FINE_TUNING = ROOT / "docs" / "how-to" / "fine-tune.md"
LINKED = sorted({*PAGES, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
PICTURES = {
    "figure6-101.svg": "101",
    "inception-v3.svg": "InceptionV3 --size 16:9",
    "efficientnetv2-l-dark.svg": "EfficientNetV2L --view stages --color flops --theme dark",
    "unet.svg": "unet.json --view stages",
}
"""Pictures of the README and what follows ``rsinspect graph`` to draw them."""


KERAS = re.compile(r"^(import keras|model = )|ResNetRS\d+\(", re.MULTILINE)
"""What only a page says that builds a model."""


def marked(page: Path) -> Any:
    """A page as a parameter of a test."""
    heavy = any(KERAS.search(block.body) for block in blocks(page) if block.language == "python")
    return pytest.param(page, id=named(page), marks=[pytest.mark.keras] if heavy else [])


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


CarriedOut = Callable[[Path], dict[str, Any]]


@pytest.fixture
def carried_out(
    cli: Cli,
    measured: Callable[[str | None], None],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    _networks: None,
) -> CarriedOut:
    """Carry a page out, and hold what it shows to what was printed; its names of Python."""

    def carry_out(page: Path) -> dict[str, Any]:
        reader = Reader(cli, tmp_path, measured)
        fresh = reader.read(page)
        if request.config.getoption("--update-goldens"):
            page.write_text(fresh, encoding="utf-8")
        assert fresh == page.read_text(encoding="utf-8")
        return reader.said

    return carry_out


@pytest.mark.parametrize("page", [marked(page) for page in PAGES if page != FINE_TUNING])
def test_a_page_shows_what_its_commands_print(carried_out: CarriedOut, page: Path) -> None:
    carried_out(page)


ELSEWHERE = [
    pytest.param(block, id=str(block))
    for page in PAGES
    for block in blocks(page)
    if block.language in RUN and "not here" in block.remarks
]


@pytest.mark.parametrize("block", ELSEWHERE)
def test_what_cannot_run_here_has_options_that_exist(cli: Cli, block: Block) -> None:
    for command in block.commands:
        if command.startswith("rsinspect "):
            words = shlex.split(command.replace("\\\n", ""), comments=True)[1:]
            name = " ".join(words[: 2 if words[0] in GROUPS else 1])
            page = cli(*name.split(), "--help").out
            options = re.findall(r"(?<=\s)(?:--[\w-]+|-\w)\b", command)
            assert [option for option in options if option not in page.split()] == [], command
    pytest.skip(block.remarks["not here"])


def test_a_reader_can_make_the_files_that_pages_are_given(tmp_path: Path) -> None:
    main(tmp_path / "examples")
    assert {path.name for path in (tmp_path / "examples").iterdir()} == set(GIVEN)


def test_every_block_is_of_a_language_that_is_carried_out() -> None:
    """A block that is neither run nor written to a file has to be text."""
    for page in PAGES:
        for block in blocks(page):
            known = block.language in (*RUN, "text") or "file" in block.remarks
            assert known, f"{block}: {block.language or 'no language'}"


LINK = re.compile(r"""(?<!!)\[[^]]*\]\(([^)\s]+)\)|src="([^"]+)\"""")


def anchors(page: Path) -> set[str]:
    """Names of the headings of a page, as a forge makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", LINKED, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for found in LINK.finditer(page.read_text(encoding="utf-8")):
        target, _, anchor = (found[1] or found[2]).partition("#")
        if not target.startswith("https://"):
            file = page if not target else (page.parent / target).resolve()
            assert file.exists(), f"{named(page)}: {target}"
            assert not anchor or anchor in anchors(file), f"{named(page)}: {found[0]}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_sentence_names_exists(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    names = set(re.findall(r"`rsinspect\.(\w+)", text))
    assert names <= {*rsinspect.__all__, "toml"}
    reference = " ".join(
        each.read_text(encoding="utf-8") for each in (DOCS / "reference" / "cli").glob("*.md")
    )
    option = re.compile(r"--[a-z][\w-]*\w(?![\w-])")
    known = set(option.findall(reference.replace("[no-]", "") + reference.replace("[no-]", "no-")))
    said = " ".join(re.findall(r"`((?:rsinspect |--)[^`]*)`", text))
    assert set(option.findall(said)) <= known


def test_the_page_about_dialects_has_them_all() -> None:
    page = (ROOT / "docs" / "how-to" / "compare-dialects.md").read_text(encoding="utf-8")
    for dialect in DIALECTS.values():
        assert f"| `{dialect.name}` | {dialect.summary} |" in page


def test_the_page_about_latency_quotes_what_was_measured() -> None:
    page = (ROOT / "docs" / "latency.md").read_text(encoding="utf-8")
    for recorded, load in (("comparisons-quiet", 1), ("comparisons", 11)):
        file = RESULTS / f"2026-11-26-{recorded}.json"
        found = json.loads(file.read_bytes())
        of, seconds = found["pairs"], found["seconds"]
        within = f"{seconds if isinstance(seconds, float) else seconds['slower']:g} s"
        for row, key in (
            (f"false alarms among {of} equal pairs", "false_alarms"),
            (f"5 % slower found, of {of}, in {within}", "found"),
        ):
            counts = (str(found["tests"][tool][key]) for tool in ("rsinspect", "asv", "pyperf"))
            assert f"| load of {load}: {row} | {' | '.join(counts)} |" in page
        held = found["covered"]
        assert f"{held['same']} and {held['slower']} of the {of}" in " ".join(page.split())
    others = json.loads((RESULTS / "2026-11-26-comparisons-quiet.json").read_bytes())
    assert f"took {100 * others['foreign_share'][1]:.0f} % of the processors" in page


def test_ratios_to_others_and_their_intervals_are_those_that_were_measured() -> None:
    results = (RESULTS / "2026-11-26-two-cores.md").read_text("utf-8")
    ratios = set(re.findall(r"\*\*([\d.]+)\*\*", results))
    intervals = set(re.findall(r"\| ([\d.]+) \.\. ([\d.]+) \|", results))
    page = (ROOT / "docs" / "latency.md").read_text("utf-8")
    beside = page.partition("## How fast is it beside others?")[2].partition("\n## ")[0]
    short = README.read_text("utf-8").partition("Folding makes")[2]
    for text in (beside, short.partition("\n\n")[0]):
        said = re.findall(r"(\d\.\d\d)\s+to\s+(\d\.\d\d)\)", text)
        assert said
        assert set(said) <= intervals
        alone = set(re.findall(r"\b\d\.\d\d\b", text)) - {end for pair in said for end in pair}
        assert alone <= ratios


def texts(svg: bytes) -> list[str]:
    """All words of a picture in order; positions may differ between Graphviz versions."""
    return [text for text in ElementTree.fromstring(svg).itertext() if text.strip()]


@pytest.fixture
def _networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks as Keras said what they are once, and a file in the folder that is worked in."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unet.json").write_bytes(configuration("unet"))
    keep(tmp_path, *EFFICIENTNETS, "InceptionV3", "EfficientNetV2L")


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
    assert line in page_with(name)
    assert shown.stat().st_size < 70_000


def page_with(picture: str) -> str:
    """The text of the page that shows a picture."""
    texts = (page.read_text(encoding="utf-8") for page in PAGES)
    return next(text for text in texts if f'tests/goldens/{picture}"' in text)


@pytest.mark.keras
@pytest.mark.slow
def test_what_was_fine_tuned_needs_no_rsinspect(carried_out: CarriedOut) -> None:
    said = carried_out(FINE_TUNING)
    batch = said["batch"][:20]
    np.save("batch.npy", batch)
    without = python(
        "import sys; sys.modules['rsinspect'] = None\n"
        "import keras, numpy as np\n"
        "model, batch = keras.models.load_model('finetuned.keras'), np.load('batch.npy')\n"
        "np.save('theirs.npy', model.predict(batch, verbose=0))"
    )
    assert without.returncode == 0, without.stderr
    ours = said["model"].predict(batch, verbose=0)
    np.testing.assert_allclose(ours, np.load("theirs.npy"), atol=1e-5)


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
    assert page_with("latency-50.svg")


def test_the_picture_of_table_7_is_what_its_command_draws(
    cli: Cli, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shown, made = GOLDENS / "table-7.svg", tmp_path / "pareto.svg"
    assert cli("table", "7", "--plot", made).code == 0
    if request.config.getoption("--update-goldens"):
        shown.write_bytes(made.read_bytes())
    assert texts(made.read_bytes()) == texts(shown.read_bytes())
    assert page_with("table-7.svg")
