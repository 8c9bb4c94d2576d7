"""Tables as text: notes, heads, numbers, and text that means something to what reads it."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import tracemalloc
from typing import Any

import pytest
import yaml
from rich.console import Console

import rsinspect
from rsinspect.answers.table import Answer, Column, Table
from rsinspect.design_space.answer import scale_answer
from rsinspect.design_space.search import Search
from rsinspect.design_space.space import Space
from rsinspect.networks.dialects import DIALECTS
from rsinspect.render.cells import printed
from rsinspect.render.console import print_table, table_text
from rsinspect.render.data import csv_text, json_text, markdown_text, plain, yaml_text
from rsinspect.render.html import table_html
from tests.conftest import Cli
from tests.tables import COMMANDS


def page(cli: Cli, command: str, *options: str) -> str:
    outcome = cli(*command.split(), *options)
    assert outcome.code == 0, outcome.err
    return outcome.out


def of(kind: str, *values: Any, head: str = "x", **column: Any) -> tuple[str, ...]:
    """The cells of a column."""
    table = Table("", (Column("x", head, kind, **column),), tuple({"x": v} for v in values))  # type: ignore[arg-type]
    return printed(table)[0].rows


def text_of(*texts: str, note: str = "", key: str = "model") -> Table:
    notes = (note,) if note else ()
    return Table("title", (Column(key, "Model"),), tuple({key: t} for t in texts), notes=notes)


@pytest.mark.parametrize("command", [name for name in COMMANDS if "figure" not in name])
def test_under_a_table_are_two_lines_at_most(command: str, cli: Cli) -> None:
    bare, short = page(cli, command, "--notes", "none"), page(cli, command)
    assert short.startswith(bare)
    notes = short.removeprefix(bare).splitlines()
    assert len(notes) <= 3
    assert not notes or (notes[0] == "" and all(notes[1:]))
    lines = short.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    if "--notes full" in short:
        assert re.search(r"--notes full for \d+ more\.$", short.rstrip())


def test_what_is_left_out_is_counted_and_shown_on_request(cli: Cli) -> None:
    short, full = page(cli, "table 7"), page(cli, "table 7", "--notes", "full")
    document = json.loads(page(cli, "table 7", "-f", "json"))
    left = int(re.findall(r"for (\d+) more", short)[0])
    said = [note for note in document["remarks"] if note in " ".join(short.split())]
    assert len(said) == len(document["remarks"]) - left
    assert 0 < left < len(document["remarks"])
    one_line = " ".join(full.split())
    assert all(note in one_line for note in document["remarks"])
    assert "--notes" not in full


@pytest.mark.parametrize("form", ["json", "yaml", "markdown", "latex"])
def test_other_formats_have_every_note(form: str, cli: Cli) -> None:
    for options in ((), ("--notes", "none")):
        text = page(cli, "summary 101", "-f", form, *options)
        for words in ("Most alive at once", "each with its own weights", "batch-norm statistics"):
            assert words in " ".join(text.split())


def test_what_no_reader_can_do_without_is_in_sight(cli: Cli) -> None:
    summary = page(cli, "summary 50 --batch 8 --dtype float16 --convention timm")
    assert "batch 8, float16" in summary
    assert "(timm)" in summary
    assert "batch 1, float32" in page(cli, "variants")
    assert "128 images, float32" in page(cli, "variants")
    assert "digitised" in page(cli, "figure 3")


def test_an_unknown_choice_of_notes_is_one_line(cli: Cli) -> None:
    outcome = cli("summary", "50", "--notes", "some")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[0] == "error: unknown choice of notes 'some'"


def test_python_shows_the_same_notes() -> None:
    result = rsinspect.summary("101")
    assert repr(result).splitlines()[-1].endswith(".to_text() for 4 more.")
    assert "each with its own weights" in " ".join(result.to_text().split())
    assert result.to_text(notes="none").splitlines()[-1].startswith("total")
    html = result._repr_html_()
    assert "<details><summary>4 more notes</summary>" in html
    assert "<details>" not in result.to_html(notes="full")
    assert "Activations: all" not in result.to_html(notes="none")
    with pytest.raises(rsinspect.RsInspectError, match="choice of notes"):
        result.to_html(notes="some")


@pytest.mark.parametrize(
    "command", ["summary 101", "table 7", "diff 152 200", "summary 50 -l layer"]
)
def test_no_head_is_broken_where_there_is_room(
    command: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = page(cli, command, "--notes", "none").splitlines()
    rule = next(n for n, line in enumerate(lines) if line.startswith("──"))
    assert lines[rule - 2] == "" or rule == 2  # one line of heads below title or lead
    assert "Activa-" not in lines[rule - 1]


@pytest.mark.parametrize("command", ["summary 101", "table 7", "diff 152 200", "recipe 101"])
def test_on_a_narrow_page_nothing_is_cut(
    command: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = page(cli, command).splitlines()
    assert max(map(len, lines)) <= 40
    assert "…" not in "".join(lines)


def test_heads_that_belong_together_are_broken_together(cli: Cli) -> None:
    lines = page(cli, "diff 152 200").splitlines()
    assert ["Blocks", "Blocks"] in [line.split()[:2] for line in lines]


def test_points_are_below_each_other() -> None:
    values: tuple[float | None, ...] = (5.3, 36, 10.16, None)
    table = Table("t", (Column("x", "X", "number"),), tuple({"x": value} for value in values))
    lines = table_text(table, 80).splitlines()[3:]
    assert lines == [" 5.3", "36", "10.16", "    –"]
    assert "36\u2008\u2007\u2007</th>" in table_html(table)


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        (of("number", 82.0, 83.4, decimals=1), ("82.0", "83.4")),
        (of("number", 0.7, 10.16, decimals=2), ("0.70", "10.16")),
        (of("number", 0.991, 1, decimals=3), ("0.991", "1.000")),
        (of("number", 4e-5, 1510, 20480), ("4e-5", "1510", "20 480")),
        (of("rate", 8.676, 16.09, 11.7), ("8.68", "16.1", "11.7")),
        (of("rate", 8.2e9, 1.204e11, head="{}FLOP/s"), ("8.20", "120")),
        (of("integer", 63724296, 4096), ("63 724 296", "4096")),
        (of("formula", "5*2043136"), ("5*2 043 136",)),
        (of("text", 109475, 0.25), ("109 475", "0.25")),
        (of("bytes", 1010 * 2**20, 999 * 2**20), ("0.99 GiB", "999 MiB")),
        (of("seconds", 4.2e-5), ("42.0 µs",)),
        (of("count", None), ("–",)),
    ],
)
def test_a_column_is_written_alike(cells: tuple[str, ...], texts: tuple[str, ...]) -> None:
    assert cells == texts


def test_the_unit_of_a_rate_is_in_its_head() -> None:
    column = Column("x", "{}FLOP/s", "rate")
    assert printed(Table("", (column,), ({"x": 8.2e9}, {"x": 1.2e11})))[0].head == "GFLOP/s"


@pytest.mark.parametrize("command", ["table 7", "variants", "summary 101 -e c4", "recipe 101"])
def test_thousands_are_written_one_way(command: str, cli: Cli) -> None:
    text = page(cli, command, "--notes", "full")
    words = re.sub(r"@\w+|\S*[/_]\S*", "", text)  # commits and paths
    assert not re.search(r"\d,\d{3}\b(?!,)", words)
    assert not re.search(r"(?<![\d.])\d{5,}", words)


def test_one_is_no_plural(cli: Cli) -> None:
    text = page(cli, "scale -a depth=50 -a width=1 -a resolution=160", "--notes", "full")
    assert "1 layout × 1 width × 1 resolution" in text
    assert "1 of 1 point that fit" in text


def test_ascii_has_every_sign() -> None:
    table = Table("a → b", (Column("t", "Time × 1", "seconds"),), ({"t": 4.2e-5}, {"t": None}),
                  notes=("–: nothing…",), lead=("3×3 → 1",))  # fmt: skip
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_table(table, Console(file=stream, width=80))
    stream.flush()
    text = stream.buffer.getvalue().decode()
    for words in ("a -> b", "Time x 1", "42.0 us", "-: nothing...", "3x3 -> 1"):
        assert words in text


def test_no_control_character_reaches_a_page() -> None:
    table = text_of("evil\x1b[31m\x07", note="\x1b]0;title\x07")._replace(title="a\x1b[2Jb")
    for text in (table_text(table, 80), markdown_text(table), table_html(table)):
        assert "\x07" not in text
    assert "\x1b" not in table_text(table, 80)
    assert "evil\\x1b[31m" in table_text(table, 80)


def test_no_cell_is_a_formula_and_numbers_stay_numbers() -> None:
    formulas, names = ("=1+2", "+1", "-1+2", "@sum(a)", "\t=1"), ("c4/block0", "50@160")
    rows = list(csv.reader(io.StringIO(csv_text(text_of(*formulas, *names)))))[1:]
    assert [row[0] for row in rows] == [*(f"'{formula}" for formula in formulas), *names]
    table = Table("", (Column("x", "X", "number"),), ({"x": -3}, {"x": -0.5}))
    assert csv_text(table) == "x\n-3\n-0.5\n"


def test_no_name_is_a_link_or_a_cell_in_markdown() -> None:
    from markdown_it import MarkdownIt

    names = ("[a](javascript:b)", "![x](y)", "a|b", "https://evil.example", "<b>", "`c`", "www.a.b")
    source = markdown_text(text_of(*names, note="[n](m) https://n.example"))
    parser = MarkdownIt("gfm-like", {"linkify": False}).enable("table")
    tokens = parser.parse(source)
    inside = [child for token in tokens for child in token.children or ()]
    assert {child.type.partition("_")[0] for child in inside} <= {"text", "strong"}
    cells = [
        "".join(child.content for child in token.children or ())
        for token, before in zip(tokens[1:], tokens, strict=False)
        if before.type == "td_open"
    ]
    assert cells == list(names)
    assert "https://" not in source  # which GitHub would link


def test_a_number_that_is_not_finite_is_null() -> None:
    rows = [{"ratio": float("inf"), "size": (3, 4)}, float("nan")]
    answer = Answer(text_of("a"), lambda: {"rows": rows})
    document = json.loads(json_text(answer), parse_constant=pytest.fail)
    assert document["rows"] == [{"ratio": None, "size": [3, 4]}, None]
    assert yaml.safe_load(yaml_text(answer)) == document


@pytest.mark.parametrize(("a", "b"), [*itertools.combinations(DIALECTS, 2)])
def test_any_two_dialects_are_compared_in_yaml(a: str, b: str, cli: Cli) -> None:
    text = page(cli, f"diff 50@160:{a} 50@160:{b}", "-f", "yaml")
    assert yaml.safe_load(text)["conclusion"]


def test_many_points_are_written_without_a_copy_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rsinspect.design_space.answer._CHUNK", 100)
    space = Space.of({"depth": (50,), "width": tuple(0.5 + i / 100 for i in range(40)),
                      "resolution": tuple(range(64, 264, 4))})  # fmt: skip
    answer = scale_answer(Search(space=space).run())
    tracemalloc.start()
    text = json_text(answer)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    rows = json.loads(text)["rows"]
    assert len(rows) == 2000
    assert rows == plain(answer.document["rows"])
    assert peak < 3 * len(text)
