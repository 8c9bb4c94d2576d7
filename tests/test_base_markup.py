"""Scripts and styles of pages as they are sent: shorter than written, and the same to a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from rsinspect.base.markup import environment
from rsinspect.drawing.page import dressing

if TYPE_CHECKING:
    from tests.browser import Open

pytest_plugins = ("tests.browser",)

TEMPLATES = Path("templates")
SCRIPTS = sorted(TEMPLATES.rglob("*.js"))
STYLES = sorted(TEMPLATES.rglob("*.css"))
TEXTS = re.compile(
    r"""(?m)//.*$  # a remark
    |"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`
    |(?:(?<=[([,=:?&|>!])|(?<=[([,=:?&|>!]\ ))/(?![/*])(?:\\.|\[(?:\\.|[^]\\])*]|[^/\\[])+/""",
    re.VERBOSE,
)
"""Where blanks count: strings, templates, regular expressions."""


def sent(path: Path) -> str:
    dressed = dressing([]) | {"changes": True}
    return environment().get_template(path.relative_to(TEMPLATES).as_posix()).render(dressed)


def test_texts_in_scripts_keep_their_blanks() -> None:
    assert SCRIPTS
    for path in SCRIPTS:
        code = path.read_text(encoding="utf-8")
        texts = [text for text in TEXTS.findall(code) if not text.startswith("//")]
        assert TEXTS.findall(sent(path)) == texts, path
        for text in texts:  # what shortens scripts takes a template inside another for code
            within = re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", "", text)
            assert not text.startswith("`") or "${" not in within, (path, text)


def test_scripts_and_styles_lose_their_remarks_and_indents() -> None:
    for path in (*SCRIPTS, *STYLES):
        assert not re.search(r"(?m)^[ \t]+[\w}]|^//|/\* ", sent(path)), path


def test_a_browser_reads_the_same_rules_as_were_written(open_page: Open) -> None:
    written = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True
    )
    page = open_page("<title>rules</title>")
    for path in STYLES:
        name = path.relative_to(TEMPLATES).as_posix()
        full = written.get_template(name).render(dressing([]) | {"changes": True})
        rules = [
            re.sub(r"\s*,\s*|\s+", lambda gap: gap[0].strip() or " ", text)
            for text in page.evaluate(
                """(sheets) => sheets.map((text) => {
                    const sheet = new CSSStyleSheet();
                    sheet.replaceSync(text);
                    return [...sheet.cssRules].map((rule) => rule.cssText).join("\\n");
                })""",
                [full, sent(path)],
            )
        ]
        assert rules[0] == rules[1], name
        assert len(rules[0]) > 300
