"""A notebook as a page: its tables and drawings work in a real browser, on light and on dark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import rsinspect
from rsinspect.render.frame import framed
from tests.networks import layout_of

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)
pytestmark = pytest.mark.slow

SMALL = layout_of(1, 1, 2, 1, width=0.25, resolution=(32, 32))
MOST_BYTES = 2_000_000
"""Of a notebook with ten answers."""


def exported(theme: str, answers: list[Any]) -> str:
    """Write a notebook whose cells gave some answers as nbconvert does."""
    nbformat = pytest.importorskip("nbformat")
    nbconvert = pytest.importorskip("nbconvert")
    version = nbformat.v4
    cells = []
    for answer in answers:
        data = {"text/plain": repr(answer), "text/html": answer._repr_html_()}
        if hasattr(answer, "_repr_svg_"):
            data["image/svg+xml"] = answer._repr_svg_()
        output = version.new_output("execute_result", data=data, execution_count=1)
        cells.append(version.new_code_cell("answer", outputs=[output], execution_count=1))
    notebook = version.new_notebook(cells=cells)
    assert len(nbformat.writes(notebook).encode()) < MOST_BYTES * len(answers) / 10
    exporter = nbconvert.HTMLExporter(theme=theme)
    exporter.exclude_input_prompt = True
    html: str = exporter.from_notebook_node(notebook)[0]
    # MathJax and the like are the exporter's own, and are fetched; nothing of the answers is.
    return re.sub(r'<script[^>]*src="https?:[^>]*>\s*</script>', "", html)


def frames(page: Page, count: int, begins: str = "html") -> list[Locator]:
    """Wait until every frame has drawn its graph; give the bodies of their pages."""
    assert page.locator("iframe").count() == count
    found = [page.frame_locator("iframe").nth(n) for n in range(count)]
    for frame in found:
        frame.locator(f"{begins} .part").first.wait_for()
    return [frame.locator("body") for frame in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_exported_notebook_shows_its_answers(open_page: Open, theme: str) -> None:
    picture, table = rsinspect.graph(SMALL, "stages"), rsinspect.summary(SMALL)
    answers = [table, picture, rsinspect.graph("101"), rsinspect.diff("152", "200"), picture]
    page = open_page(exported(theme, answers))
    inside, *_ = frames(page, 3, f"html[data-theme={theme}]")
    assert page.locator(".rsinspect-table .bar").count() == 2
    first, second = page.locator(".rsinspect-table").nth(0), page.locator(".rsinspect-table").nth(1)
    first.get_by_role("searchbox").fill("c4")
    assert first.locator("tbody tr:visible").count() == 1
    assert second.locator("tbody tr:visible").count() > 1
    inside.locator(".face").nth(2).click()
    inside.locator(".part .part").first.wait_for()


def test_without_scripts_a_picture_lies_where_the_page_would_be(open_page: Open) -> None:
    html = rsinspect.graph(SMALL, "stages").to_html()
    page = open_page(f"<!DOCTYPE html><title>x</title>{html}", java_script_enabled=False)
    picture = page.locator(".rsinspect-frame img")
    assert picture.evaluate("img => img.complete && img.naturalWidth > 100")
    assert picture.get_attribute("alt") == rsinspect.graph(SMALL, "stages").title


def test_a_frame_holds_any_name_and_the_same_bytes(open_page: Open) -> None:
    says = "\"><script>alert(1)</script> 'שלום' 😀"
    page = '<!DOCTYPE html><html lang="en"><title>t</title><p class=part>“quoted” & 😀</p></html>'
    svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><title>#%\"</title></svg>"
    html = framed(page, svg=svg, says=says)
    assert html == framed(page, svg=svg, says=says)
    shown = open_page(f"<!DOCTYPE html><title>x</title>{html}")
    assert frames(shown, 1)[0].locator("p").first.inner_text() == "“quoted” & 😀"
    assert shown.locator("iframe").get_attribute("title") == says
    assert shown.locator("img").evaluate("img => img.decode().then(() => img.naturalWidth)") == 9


# How VS Code puts the HTML of an output into the page of a notebook: its scripts one by one, each
# a new element, under this policy where ``notebook.experimental.enableCsp`` is on
# (src/vs/workbench/contrib/notebook/browser/view/renderers/backLayerWebView.ts of microsoft/vscode,
# extensions/notebook-renderers/src/index.ts).
WEBVIEW = """<!DOCTYPE html><html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'
 'unsafe-eval'; style-src 'unsafe-inline'; img-src https: http: data:; font-src https:;
 connect-src https:; child-src https: data:;"><title>x</title></head>
<body style="--vscode-editor-background: #1e1e1e; background: #1e1e1e; color: #ccc"></body>"""

PUT = """(html) => {
  const element = document.body.appendChild(document.createElement("div"));
  element.innerHTML = html;
  for (const node of [...element.getElementsByTagName("script")]) {
    const script = document.createElement("script");
    script.text = node.innerText;
    element.appendChild(script).parentNode.removeChild(script);
  }
}"""


def test_the_rules_of_another_editor_let_all_of_it_work(open_page: Open) -> None:
    page = open_page(WEBVIEW)
    explained = rsinspect.report(SMALL, only=["facts", "graph", "tables"])
    for answer in (rsinspect.graph(SMALL, "stages"), rsinspect.summary(SMALL), explained):
        page.evaluate(PUT, answer._repr_html_())
    _, report = frames(page, 2, "html[data-theme=dark]")
    assert page.locator(".rsinspect-table .bar").count() == 1
    report.locator("#tables").get_by_role("button", name="parts of c4").click()
    report.locator("#tables").get_by_role("row", name="c4/block0", exact=False).first.wait_for()
