"""One table of a page: what stands in it, and what its script does in a real browser."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rsinspect
from rsinspect.answers.levels import summary_levels
from rsinspect.answers.table import Answer, Column, Table
from rsinspect.base.markup import environment
from rsinspect.layers.question import Question
from rsinspect.render.data import as_text
from rsinspect.render.html import table_page, table_shown
from tests.networks import layout_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)

COPIES = {"CSV": "csv", "Markdown": "markdown", "LaTeX": "latex"}
HOSTILE = Table(
    "Names = <b>\"&\"</b> of `every` $kind$",
    (
        Column("path", "Path", wraps=True),
        Column("formula", "Formula", "formula", wraps=True),
        Column("count", "Trainable\nparams", "count"),
        Column("ratio", "Ratio", "number"),
        Column("share", "Share of\nall", "share"),
        Column("time", "Activa-\ntions", "seconds"),
        Column("fixed", "Fixed", "number", decimals=2),
    ),
    (
        {"path": "<img src=x onerror=alert(1)>", "formula": "5*2043136 = 10215680", "count": 2**60,
         "ratio": 5.3, "share": 0.5, "time": 0.0221, "fixed": -0.5, "note": "a"},
        {"path": "=1+2, \"quoted\"\nsecond -- line", "formula": "a_b/c*d", "count": 0, "ratio": 36,
         "share": 0.0, "time": 1e-6, "fixed": 10.123},
        {"path": "שלום 日本 😀 é 3×3", "formula": "", "count": None, "ratio": None, "share": None,
         "time": None, "fixed": None, "note": "b"},
        {"path": "c4/block10/conv_1", "formula": "at https://a.b", "count": 7, "ratio": 1e-7,
         "share": 1.0, "time": 3.0, "fixed": 0.1},
    ),
    ({"path": "total", "count": 2**60 + 7, "share": 1.0},),
    ("a: first & foremost.", "b: -> next ~ 100 %.", "Sizes of 3 KiB, 12 345 678 B.", "More."),
    lead=("What it says: *much*.",),
    number="Table 7",
)  # fmt: skip


def shown_rows(page: Page) -> list[str]:
    texts: list[str] = page.evaluate(
        "[...document.querySelectorAll('tbody tr')].filter((row) => !row.hidden)"
        ".map((row) => row.cells[0].textContent)"
    )
    return texts


def copied(page: Page, name: str) -> str:
    """Press the button that copies, and take what it gave the clipboard."""
    page.evaluate("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
    page.locator(".bar summary", has_text="Copy").click()
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_function(f"() => document.querySelector('.said').value.endsWith('as {name}')")
    text: str = page.evaluate("copied")
    return text


def as_printed(table: Table, name: str) -> str:
    return as_text(Answer(table, dict), COPIES[name])


@pytest.mark.slow
def test_copies_are_what_the_command_line_writes(open_page: Open) -> None:
    page = open_page(table_page(HOSTILE))
    assert page.locator("img").count() == 0
    for name in COPIES:
        assert copied(page, name) == as_printed(HOSTILE, name)
    page.get_by_role("searchbox").fill("count < 10")
    page.get_by_role("button", name="Ratio").click()
    page.locator(".bar summary", has_text="Columns").click()
    page.get_by_label("Formula").uncheck()
    order = [HOSTILE.rows[1], HOSTILE.rows[3]]
    columns = tuple(column for column in HOSTILE.columns if column.key != "formula")
    narrowed = HOSTILE._replace(rows=tuple(order), columns=columns)
    for name in COPIES:
        assert copied(page, name) == as_printed(narrowed, name)


@pytest.mark.slow
def test_copies_of_printed_tables_and_of_long_ones(open_page: Open) -> None:
    every = ("path", "op", "params", "macs", "flops", "activation_bytes", "bytes_moved", "stride")
    for result in (rsinspect.table(7), rsinspect.summary("50", level="layer", columns=every)):
        page = open_page(result._answer and table_page(result._answer.table))
        for name in COPIES:
            assert copied(page, name) == as_printed(result._answer.table, name)


def nested() -> str:
    """The table of a network's stages, blocks and layers, on a page."""
    levels = summary_levels(layout_of(1, 1, 2, 1, width=0.25, resolution=(32, 32)), Question())
    shown = table_shown(
        levels.answer.table,
        hidden=levels.hidden,
        levels=levels.depths,
        level_names=("stages", "blocks", "layers"),
    )
    return environment().get_template("table/page.html").render(shown=shown)


@pytest.mark.slow
def test_stages_open_and_rows_are_sorted_within_what_encloses_them(open_page: Open) -> None:
    page = open_page(nested())
    stages = shown_rows(page)
    assert stages == ["input", "stem", "c2", "c3", "c4", "c5", "head", "total"][:-1]
    page.get_by_role("button", name="parts of c4").click()
    opened = shown_rows(page)
    assert opened[4:7] == ["c4", "c4/block0", "c4/block1"]
    page.get_by_role("button", name="Params", exact=True).click()
    head = page.locator("th[data-key=params]")
    assert head.get_attribute("aria-sort") == "descending"
    found = shown_rows(page)
    assert found[0] == "c5"
    assert found[found.index("c4") + 1 :][:2] == ["c4/block0", "c4/block1"]
    page.get_by_role("button", name="Params", exact=True).press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert shown_rows(page)[0] == "input"
    page.get_by_role("button", name="Params", exact=True).press("Enter")
    assert (head.get_attribute("aria-sort"), shown_rows(page)) == ("none", opened)
    page.get_by_label("Rows", exact=True).select_option("by layers")
    assert len(shown_rows(page)) == page.locator("tbody tr").count()
    page.get_by_label("Rows", exact=True).select_option("by stages")
    assert shown_rows(page) == stages


@pytest.mark.slow
def test_a_filter_keeps_what_encloses_its_hits(open_page: Open) -> None:
    page = open_page(nested())
    box = page.get_by_role("searchbox")
    said = page.locator(".said")
    for words, hits in (
        ("block1/conv1", ["c4", "c4/block1", "c4/block1/conv1"]),
        ("/^c4\\/block1\\/conv[12]$/", ["c4", "c4/block1", "c4/block1/conv1", "c4/block1/conv2"]),
        ("c4 params>20k params < 1M stride = 0x", []),
        ("/(/", []),
    ):
        box.fill(words)
        assert shown_rows(page) == hits, words
        assert said.inner_text().startswith(f"{len([hit for hit in hits if 'conv' in hit])} of ")
    box.fill("params >= 100k")
    exact = "row => Number(row.querySelectorAll('td')[4].dataset.value) >= 1e5"
    rows = "[...document.querySelectorAll('tbody tr')]"
    assert page.evaluate(f"{rows}.filter({exact}).every(row => !row.hidden)")
    assert int(said.inner_text().split()[0]) == page.evaluate(f"{rows}.filter({exact}).length")
    box.fill("")
    assert said.inner_text() == ""


@pytest.mark.slow
def test_columns_are_chosen_and_numbers_are_exact(open_page: Open) -> None:
    page = open_page(nested())
    levels = summary_levels(layout_of(1, 1, 2, 1, width=0.25, resolution=(32, 32)), Question())
    table = levels.answer.table
    assert page.locator("th[data-key=intensity]").is_hidden()
    page.locator(".bar summary", has_text="Columns").click()
    page.get_by_label("FLOPs per byte").check()
    assert page.locator("th[data-key=intensity]").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".bar details[open]").count() == 0
    held: list[list[str | None]] = page.evaluate(
        "[...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map("
        "cell => cell.dataset.value ?? null))"
    )
    for row, cells in zip(table.rows, held, strict=True):
        for column, cell in zip(table.columns, cells, strict=True):
            value = row[column.key]
            assert cell == (
                None if isinstance(value, str) else "" if value is None else repr(value)
            )


@pytest.mark.slow
def test_without_a_script_every_row_and_column_is_there(open_page: Open) -> None:
    page = open_page(nested(), java_script_enabled=False)
    assert page.locator("tbody tr").count() == page.locator("tbody tr:visible").count() > 50
    assert page.locator("button").count() == 0
    assert page.locator("th[data-key=intensity]").is_visible()


@pytest.mark.slow
def test_on_a_phone_a_table_scrolls_inside_itself(open_page: Open) -> None:
    page = open_page(nested(), viewport={"width": 390, "height": 844}, has_touch=True)
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(f"{wide} <= innerWidth")
    page.get_by_label("Rows", exact=True).select_option("by layers")
    page.evaluate("document.querySelector('.scroll').scrollTo(300, 400)")
    page.wait_for_function("() => document.querySelector('.scroll').scrollTop > 100")
    place = """(selector) => {
      const frame = document.querySelector(".scroll").getBoundingClientRect();
      const box = document.querySelector(selector).getBoundingClientRect();
      return [Math.round(box.left - frame.left), Math.round(box.top - frame.top)];
    }"""
    page.wait_for_function(f"() => ({place})('thead th')[1] === 0")
    assert page.evaluate(place, "thead th") == [0, 0]
    assert page.evaluate(place, "tbody tr:last-child th")[0] == 0
    assert page.evaluate(f"{wide} <= innerWidth")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_heads_are_on_every_sheet_of_a_print(open_page: Open, tmp_path: Path) -> None:
    page = open_page(table_page(rsinspect.summary("50", level="layer")._answer.table))
    page.pdf(path=tmp_path / "print.pdf", format="A4")
    text = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "print.pdf", "-"], capture_output=True, check=True
    ).stdout.decode()
    sheets = [sheet for sheet in text.split("\f") if "conv1" in sheet]
    assert len(sheets) > 1
    assert all("Path " in sheet for sheet in sheets)
    assert "Filter" not in text
