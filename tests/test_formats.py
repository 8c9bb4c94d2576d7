"""One rule for every file: its suffix chooses the format, from either door."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

import rsinspect
from rsinspect.base.errors import UnknownFormat
from rsinspect.base.formats import Formats
from rsinspect.cli.cite import CITATIONS
from rsinspect.cli.outputs import CHARTED
from rsinspect.drawing.choices import PICTURES, PLOTS
from rsinspect.render.formats import TABLES
from tests.conftest import GOLDENS, Cli

RUN = GOLDENS / "run-50-train.json"
STARTS = {
    ".json": b"{", ".yaml": b"schema:", ".yml": b"schema:", ".md": b"**", ".tex": b"%",
    ".html": b"<!doctype html>", ".htm": b"<!doctype html>", ".parquet": b"PAR1",
    ".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF", ".webp": b"RIFF", ".dot": b"digraph",
    ".mmd": b"---", ".me.json": b"{", ".netron.json": b"{", ".bib": b"@inproceedings",
}  # fmt: skip
"""How a file begins, by its suffix; .csv and .txt begin as the table does."""

TABLE = (".txt", ".json", ".yml", ".csv", ".md", ".tex", ".html", ".parquet")
WRITES: dict[str, tuple[str, ...]] = {
    "summary 50": TABLE,
    "summary 50 -e c2/block0/conv2": (".json", ".md"),
    "variants": (".yaml", ".parquet"),
    "table 7": (".txt", ".parquet", ".pdf"),
    "figure 2": (".csv",),
    "recipe 50": (".yaml", ".parquet", ".html"),
    "diff 50 50:article": (*TABLE, ".svg", ".mmd", ".me.json"),
    "diff 50 50:article --graph": (".svg", ".dot"),
    "diff 50:resnet 50:resnet+se 50": (".json", ".parquet"),
    "scale -a depth=50,101 -a width=1": (".json", ".csv", ".parquet", ".svg"),
    "scale --advise": (".md", ".parquet"),
    f"profile --from {RUN}": (".csv", ".parquet", ".svg"),
    "graph 50": (".dot", ".mmd", ".netron.json"),
    "cite": (".bib", ".json", ".yml"),
}
"""Commands, and some of the files each can write."""


@pytest.mark.parametrize("line", WRITES)
def test_a_file_is_what_its_name_says(cli: Cli, tmp_path: Path, line: str) -> None:
    for suffix in WRITES[line]:
        path = tmp_path / f"x{suffix.upper()}"
        outcome = cli(*line.split(), "-o", path)
        assert outcome.code == 0, outcome.err
        assert outcome.out == ""
        assert outcome.err.startswith(f"wrote {path}")
        content = path.read_bytes()
        assert content.startswith(STARTS.get(suffix, b"")), suffix
        if suffix in (".json", ".yml"):
            assert b"rsinspect." in content


def test_a_file_holds_what_stdout_shows(cli: Cli, tmp_path: Path) -> None:
    for suffix, format in ((".md", "markdown"), (".csv", "csv"), (".json", "json"), ("", "latex")):
        path = tmp_path / f"x{suffix}"
        assert cli("summary", 50, "-o", path, "-f", format).code == 0
        assert path.read_text() == cli("summary", 50, "-f", format).out
    assert cli("summary", 50, "-o", tmp_path / "x").code == 0
    assert (tmp_path / "x").read_text() == cli("summary", 50).out


def test_a_table_of_exact_values_comes_back_out_of_parquet(cli: Cli, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    cli("table", 7, "-o", tmp_path / "t.parquet")
    columns = parquet.read_table(tmp_path / "t.parquet").to_pydict()
    rows = rsinspect.table(7).rows
    assert list(columns) == list(rows[0])
    assert columns["params"] == [row["params"] for row in rows]
    assert None in columns["params"]
    assert columns["model"][2] == "RS-50"


class Page(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)


def test_an_html_table_is_a_whole_page_with_nothing_outside_it(cli: Cli, tmp_path: Path) -> None:
    cli("summary", 101, "-o", tmp_path / "s.html")
    rsinspect.summary("101").save(tmp_path / "api.html")
    text = (tmp_path / "s.html").read_text()
    assert "<title>ResNet-RS-101" in text
    assert "://" not in text
    page = Page()
    page.feed(text)
    assert page.elements[:3] == ["html", "head", "meta"]
    assert page.elements.count("tr") == 9
    assert (tmp_path / "api.html").read_text().startswith(text[: text.index("<body>")])


REFUSED = {
    "summary 50 -o s.svg": "rsinspect graph draws",
    "summary 50 -o s.xlsx": "name it .csv",
    "summary 50 -o s.jsn": "did you mean .json?",
    "summary 50 -o s.csv -f json": "leave --format out, or name it s.json",
    "variants -o v.pdf": "no picture",
    "recipe 50 -o r.bib": ".yaml",
    "doctor -o d.png": "no picture",
    "cite -o c.csv": ".bib",
    "graph 50 -o g.json": "name it .me.json",
    "graph 50 -o g.md": "name it .mmd",
    "graph 50 -o g.jpeg": "name it .png",
    "graph 50 -o g.svg -f png": "name it g.png",
    "graph 50 -o g.csv": "name it .svg",
    "diff 50 101 -o d.jpg": "name it .png",
    "diff 50 101 -o d.svg -f csv": "name it d.csv",
    "diff 50 101 152 -o d.svg": "two sides",
    "diff 50 101 --graph -o d.csv": "name it .svg",
    "table 7 -o t.dot": "name it .txt",
    "table 7 --plot t.csv": "name it .svg",
    "table 5 -o t.svg": "table",
    "scale -o s.xls": "name it .csv",
    f"profile --from {RUN} -o p.gif": ".svg",
    "summary 50 -f parquet": "-o - for stdout",
    "graph 50 -f png": "-o NAME.png",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_name_that_says_otherwise_is_refused_and_nothing_is_left(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli(*line.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert [part.split(":")[0] for part in outcome.err.splitlines()] == ["error", "hint"]
    assert REFUSED[line] in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", [TABLES, PICTURES, PLOTS, CHARTED, CITATIONS])
def test_every_format_has_a_suffix_and_no_hint_names_one_that_is_there(formats: Formats) -> None:
    for suffix, format in formats.suffixes.items():
        assert formats.chosen(Path(f"a.b{suffix}"), None) == format
        assert formats.chosen(Path(f"a{suffix}"), format) == format
    assert not set(formats.hints) & set(formats.suffixes)
    for suffix in formats.hints:
        with pytest.raises(UnknownFormat):
            formats.of(Path(f"a{suffix}"))


def test_python_has_the_same_rule(tmp_path: Path) -> None:
    summary, picture = rsinspect.summary("50"), rsinspect.graph("50", "stages")
    plot = rsinspect.table(7).plot()
    for result, names in (
        (summary, ("s.svg", "s.svgg")), (picture, ("s.json", "s.jpg", "s")), (plot, ("s.csv", "s")),
    ):  # fmt: skip
        for name in names:
            with pytest.raises(UnknownFormat):
                result.save(tmp_path / name)
    with pytest.raises(UnknownFormat, match="means csv, and json was asked for"):
        summary.save(tmp_path / "s.csv", format="json")
    assert list(tmp_path.iterdir()) == []
    summary.save(tmp_path / "plain")
    summary.save(tmp_path / "document", format="json")
    picture.save(tmp_path / "picture", format="dot")
    assert json.loads((tmp_path / "document").read_text()) == summary.to_json()
    assert (tmp_path / "plain").read_text().startswith("ResNet-RS-50")
    assert (tmp_path / "picture").read_text().startswith("digraph")


def test_one_line_says_what_was_written_unless_nobody_wants_to_hear(
    cli: Cli, tmp_path: Path
) -> None:
    me = tmp_path / "x.me.json"
    assert cli("graph", 50, "-o", me).err == f"wrote {me} (and 4 files beside it)\n"
    assert len(list(tmp_path.iterdir())) == 5
    plot, table = tmp_path / "t.svg", tmp_path / "t.csv"
    outcome = cli("scale", "-a", "depth=50", "--plot", plot, "-o", table)
    assert outcome.err == f"wrote {plot} and {table}\n"
    for line in (("-q", "graph", 50, "-o", me), ("graph", 50, "-qo", me), ("graph", 50, "--quiet")):
        assert cli(*line).err == ""
    assert cli("-q", "summary", 151).err.startswith("error: ")
    assert cli("graph", 50, "-o", me).err, "a call is quiet for itself alone"


def test_a_drawing_of_characters_in_a_file_is_announced(cli: Cli) -> None:
    assert cli("graph", 50).err == "wrote a picture of characters; -o NAME.svg draws a figure\n"
    assert cli("graph", 50, "-o", "-", "-f", "txt").err == ""
