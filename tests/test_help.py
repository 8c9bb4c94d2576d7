"""What the command line says of itself: pages of help, names of options, how to cite it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

import rsinspect
from rsinspect import paper
from rsinspect.cli.app import COMMANDS, PANELS
from rsinspect.comparisons.conditions import ACROSS
from rsinspect.drawing.choices import COMPARED_VIEWS, VIEWS
from rsinspect.networks.spec import ACTIVATIONS
from rsinspect.render.formats import TABLES
from rsinspect.weights.published import published_files
from tests.command_lines import loaded_commands
from tests.conftest import Cli
from tests.processes import PATIENCE_S


def options() -> dict[str, dict[str, str]]:
    """What each option is said to do, by command."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for command, loaded in loaded_commands().items():
        for parameter in loaded.params:
            for name in (*parameter.opts, *parameter.secondary_opts):
                assert command not in found[name], f"{name} twice in {command}"
                found[name][command] = parameter.name
    return found


def test_an_option_means_one_thing_in_every_command() -> None:
    several = {
        name: set(by.values()) for name, by in options().items() if len(set(by.values())) > 1
    }
    assert several == {}
    assert set(options()["--top"].values()) == {"include_top"}
    assert set(options()["--limit"]) == {
        "summary", "scale", "predict", "runs list", "weights inspect", "weights verify",
        "weights diff",
    }  # fmt: skip


def test_each_command_can_be_quiet_and_says_its_help_shortly(cli: Cli) -> None:
    assert set(options()["--quiet"]) == set(COMMANDS)
    assert cli("summary", "-h").out == cli("summary", "--help").out == cli("help", "summary").out
    assert cli("help").out == cli("--help").out == cli("-h").out
    assert "did you mean summary?" in cli("help", "sumary").err


def test_every_command_stands_in_one_panel_of_the_list() -> None:
    listed = [name for names in PANELS.values() for name in names]
    assert sorted(listed) == sorted({name.split()[0] for name in COMMANDS})


def test_what_a_comparison_may_be_across_is_what_the_help_lists(cli: Cli) -> None:
    page = words(cli("compare", "--help").out)
    *some, last = ACROSS
    assert f"these differ: {', '.join(some)}, or {last}" in page


@pytest.mark.parametrize("columns", [60, 200])
def test_a_page_of_help_is_whole_and_no_wider_than_can_be_read(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("", *COMMANDS):
        page = cli(*name.split(), "--help").out
        assert "…" not in page, name
        lines = [line for line in page.splitlines() if not line.startswith("   rsinspect ")]
        assert max(map(len, lines)) <= min(columns, 100), name


def test_numbers_in_the_help_are_counted(cli: Cli) -> None:
    assert f"All {len(published_files())} files." in words(cli("weights", "fetch", "-h").out)
    last = int(re.findall(r"1 to (\d+)\.", cli("table", "-h").out)[0])
    assert cli("table", last).code == 0
    assert cli("table", last + 1).code == 2


def test_an_option_that_lacks_its_argument_is_explained(cli: Cli) -> None:
    outcome = cli("predict", "cat.jpg", "--model", "50", "--weights")
    assert outcome.code == 2
    assert "--help. --weights: A file, imagenet or imagenet-i224." in outcome.err
    assert "--help. -o: Write to this file" in cli("weights", "diff", "a.h5", "b.h5", "-o").err


def words(page: str) -> str:
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", page).split())


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        ("summary", TABLES.names),
        ("summary", ACTIVATIONS),
        ("doctor", TABLES.names),
        ("graph", VIEWS),
        ("diff", COMPARED_VIEWS),
    ],
)
def test_a_page_lists_the_choices_that_the_code_has(
    cli: Cli, command: str, choices: tuple[str, ...]
) -> None:
    *some, last = choices
    assert f"{', '.join(some)} or {last}" in words(cli(command, "--help").out)


@pytest.mark.parametrize(
    ("line", "page"),
    [
        ("summary 101 --limit", "rsinspect summary --help"),
        ("summary 101 --explain", "rsinspect summary --help"),
        ("summary 101 --nothing", "rsinspect summary --help"),
        ("graph 101 --dpi x", "rsinspect graph --help"),
        ("--nothing", "rsinspect --help"),
        ("nothing", "rsinspect --help"),
        ("summary 50 101", "rsinspect diff A B compares two networks"),
    ],
)
def test_a_wrong_call_is_shown_the_page_it_should_have_read(cli: Cli, line: str, page: str) -> None:
    outcome = cli(*line.split())
    assert outcome.code == 2
    assert outcome.err.splitlines()[1].startswith(f"hint: {page}")


def test_the_paper_and_the_tool_can_be_cited(cli: Cli) -> None:
    text = cli("cite").out
    assert text.count("@") == 2
    assert "{{Revisiting ResNets: Improved Training and Scaling Strategies}}" in text
    assert "Bello, Irwan and Fedus, William and Du, Xianzhi and Cubuk, Ekin D. and" in text
    assert f"Version {rsinspect.__version__}" in text
    document = json.loads(cli("cite", "-f", "json").out)
    assert document["schema"] == "rsinspect.citation/1"
    assert document == yaml.safe_load(cli("cite", "-f", "yaml").out)
    assert document["entries"][0]["source"] == paper.citation()["source"]


@pytest.mark.skipif(shutil.which("bibtex") is None, reason="no bibtex")
def test_bibtex_reads_it_without_a_warning(cli: Cli, tmp_path: Path) -> None:
    cli("cite", "-o", tmp_path / "rs.bib")
    (tmp_path / "a.aux").write_text("\\bibstyle{plain}\n\\citation{*}\n\\bibdata{rs}\n")
    done = subprocess.run(
        ["bibtex", "a"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    assert "Warning" not in done.stdout
    shown = " ".join((tmp_path / "a.bbl").read_text().split())
    assert "Revisiting ResNets: Improved Training and Scaling Strategies" in shown
    assert "The rsinspect authors" in shown


def test_the_file_for_hosts_of_code_agrees_with_the_paper() -> None:
    """CITATION.cff, which names no version: it stands in one place."""
    cff = yaml.safe_load((Path(__file__).parent.parent / "CITATION.cff").read_text("utf-8"))
    (cited,) = cff["references"]
    facts = paper.citation()
    names = [[author["given-names"], author["family-names"]] for author in cited["authors"]]
    assert names == facts["authors"]
    assert (cited["title"], cited["year"]) == (facts["title"], facts["year"])
    assert (cited["collection-title"], str(cited["volume"])) == (
        facts["booktitle"],
        facts["volume"],
    )
    assert cited["url"].endswith(facts["arxiv"])
    assert "version" not in cff
