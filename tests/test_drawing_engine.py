"""Graphviz is found, runs apart, gives the same bytes everywhere and fails in one line."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rsinspect.base.errors import GraphvizNotFound, InvalidChoice, PictureTooLarge, RenderError
from rsinspect.drawing import choices, engine, layout
from tests.conftest import python

WORDS = "c4 × 22 → 12×12×1024 · se"
DOT = f"""digraph {{ node [shape=plain fontname="DejaVu Sans"]
a [label=<<TABLE><TR><TD><B>{WORDS}</B> {WORDS}</TD></TR></TABLE>>]; a -> b }}
"""
PNG = b"\x89PNG\r\n\x1a\n"
FORMATS: tuple[engine.Format, ...] = ("svg", "png", "pdf", "json")

BUNDLED = f"""
import os, sys
if sys.argv[1] == "-V":
    print("dot - graphviz version 12.2.1 (20241206.2353)", file=sys.stderr)
    sys.exit()
assert sys.argv[1] in ("-Tsvg", "-Tpng")
directory = {str(engine.choose("pip").path)!r}
os.execv(sys.executable, [sys.executable, {layout.__file__!r}, directory, sys.argv[1][2:]])
"""
"""A dot that answers as Graphviz's does, with the bundled library behind it."""

FakeDot = Callable[[str], Path]


@pytest.fixture
def fake_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDot:
    """Makes the one program on the PATH: a dot of these lines of Python."""

    def make(code: str) -> Path:
        program = tmp_path / "bin" / "dot"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\n{code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        return program

    return make


@pytest.fixture
def fake_pygraphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a pygraphviz before the real one, whose C library is these lines of Python."""

    def make(code: str) -> None:
        package = tmp_path / "site" / "pygraphviz"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "_graphviz.py").write_text(code)
        monkeypatch.syspath_prepend(str(package.parent))
        for name in [name for name in sys.modules if name.partition(".")[0] == "pygraphviz"]:
            monkeypatch.delitem(sys.modules, name)  # another test of this process imported it

    return make


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """As if the package were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == package else find(name)
    )


def bitmap_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_pygraphviz_is_the_default_also_where_there_is_a_dot(fake_dot: FakeDot) -> None:
    program = fake_dot(BUNDLED)
    chosen = engine.choose()
    assert (chosen.kind, chosen.path.name) == ("pip", "pygraphviz")
    assert "default" in chosen.why
    assert engine.choose("pip").why == "asked for by name"
    assert engine.choose("system").path == program


def test_where_pygraphviz_has_no_wheel_the_systems_dot_draws(
    fake_dot: FakeDot, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dot(BUNDLED)
    without(monkeypatch, "pygraphviz")
    chosen = engine.choose()
    assert (chosen.kind, chosen.version()) == ("system", "12.2.1")
    assert "pygraphviz" in chosen.why
    assert WORDS in engine.run(DOT, "svg").decode()
    assert engine.run(DOT, "png").startswith(PNG)
    with pytest.raises(GraphvizNotFound, match="pygraphviz"):
        engine.choose("pip")


def test_the_systems_dot_measures_text_with_the_same_fonts(fake_dot: FakeDot) -> None:
    fake_dot("import os, sys; sys.stdout.write(open(os.environ['FONTCONFIG_FILE']).read())")
    assert (
        f"<dir>{engine.font_directory()}</dir>"
        in engine.run(DOT, "svg", renderer="system").decode()
    )


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_temporary_files_may_lie_in_a_folder_whose_name_is_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = engine.run(DOT, "png")
    odd = tmp_path / os.fsdecode(b"a b\xff<&\n")
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    assert engine.run(DOT, "png") == expected
    assert list(odd.iterdir()) == []


@pytest.mark.parametrize(
    ("renderer", "remedy"),
    [("auto", "pip install pygraphviz"), ("pip", "pip install"), ("system", "install Graphviz")],
)
def test_a_renderer_that_is_missing_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, renderer: str, remedy: str
) -> None:
    monkeypatch.setenv("PATH", "")
    without(monkeypatch, "pygraphviz")
    with pytest.raises(GraphvizNotFound) as refusal:
        engine.run(DOT, "svg", renderer=renderer)
    assert refusal.value.exit_code == 3
    assert remedy in (refusal.value.hint or "")


def test_without_matplotlib_the_fonts_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "matplotlib")
    with pytest.raises(GraphvizNotFound, match=r"fonts .* missing.*pip install matplotlib"):
        engine.run(DOT, "svg")


def test_unknown_names_are_refused_with_a_hint() -> None:
    with pytest.raises(InvalidChoice, match=r"renderer 'sytem' \(did you mean system\?\)"):
        engine.choose("sytem")
    with pytest.raises(InvalidChoice, match=r"font 'DejaVu Sand' \(did you mean DejaVu Sans\?\)"):
        engine.check_font("DejaVu Sand")
    with pytest.raises(InvalidChoice, match="one of DejaVu Sans, DejaVu Serif"):
        engine.check_font("?")
    for family in choices.FONTS:
        engine.check_font(family)


def test_the_version_is_the_one_of_the_library_inside() -> None:
    inside = python("import pygraphviz; print(pygraphviz.__graphviz_version__)").stdout.strip()
    assert engine.choose().version() == inside


HASHES = """
import hashlib
DOT = {source}
from rsinspect.drawing import engine
for format in {formats!r}:
    print(format, hashlib.sha256(engine.run(DOT, format)).hexdigest())
"""


def test_the_environment_does_not_show_in_a_picture(tmp_path: Path) -> None:
    """Nor does an empty one; the other points to fonts that are not there."""
    code = HASHES.format(formats=FORMATS, source=ascii(DOT))
    environments: tuple[dict[str, str], ...] = (
        {},
        {
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path),
            "FONTCONFIG_FILE": str(tmp_path / "fonts.conf"),
            "FONTCONFIG_SYSROOT": str(tmp_path),
            "LANG": "tr_TR.UTF-8",
            "LC_ALL": "C",
            "TZ": "Asia/Kathmandu",
            "SOURCE_DATE_EPOCH": "1000000000",
            "PANGO_LANGUAGE": "ja",
            "PYTHONUTF8": "0",
            "PATH": "",
        },
    )
    one, other = (
        subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        ).stdout
        for environment in environments
    )
    assert one == other
    assert len(one.splitlines()) == len(FORMATS)


def test_a_pdf_holds_no_date_and_every_font_it_uses() -> None:
    pdf = engine.run(DOT, "pdf")
    assert pdf.startswith(b"%PDF-")
    assert b"cairo" in pdf  # the dictionary in which the date was can be read
    assert b"CreationDate" not in pdf
    assert re.findall(rb"startxref\s+(\d+)", pdf)[-1] == str(pdf.rindex(b"xref", 0, -20)).encode()
    assert pdf.count(b"/Type /FontDescriptor") == len(re.findall(rb"/FontFile\d", pdf)) >= 2


@pytest.mark.parametrize("family", choices.FONTS)
def test_every_font_offered_has_our_signs_in_regular_and_bold(family: str) -> None:
    """A sign that the family lacks would bring in another family."""
    pdf = engine.run(DOT.replace("DejaVu Sans", family), "pdf")
    fonts = {name.decode() for name in re.findall(rb"/FontName /\w+\+(\S+)", pdf)}
    own = family.replace(" ", "")
    assert len(fonts) == 2
    assert all(name.partition("-")[0] == own for name in fonts)
    assert sum("Bold" in name for name in fonts) == 1


@pytest.mark.parametrize("dpi", [96, 333])
def test_the_size_of_a_bitmap_is_known_beforehand(dpi: int) -> None:
    source = DOT.replace("{", f"{{ graph [dpi={dpi}] ", 1)
    assert layout.size_px(engine.run(source, "svg")) == bitmap_size(engine.run(source, "png"))


@pytest.mark.parametrize(
    ("dpi", "words"),
    [
        (3300, "a picture of 33 000 × 16 500 px is too large, the limit is 32 767 px a side"),
        (2500, "a picture of 25 000 × 12 500 px is too large, the limit is 268 435 456 px in all"),
    ],
)
@pytest.mark.parametrize("renderer", ["pip", "system"])
def test_a_bitmap_that_would_be_shrunk_or_fill_the_memory_is_refused(
    fake_dot: FakeDot, renderer: str, dpi: int, words: str
) -> None:
    fake_dot(BUNDLED)
    source = f"digraph {{ dpi={dpi} pad=0 a [shape=box width=10 height=5 penwidth=0] }}"
    with pytest.raises(PictureTooLarge, match=words) as refusal:
        engine.run(source, "png", renderer=renderer)
    assert refusal.value.exit_code == 2
    assert refusal.value.hint == "format='svg', or a lower dpi"
    assert engine.run(source, "svg", renderer=renderer)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("digraph { a ->", "ended with code 1: syntax error in line 1"),
        ("", "ended with code 1: it is no DOT"),
        ("digraph { a [label=<<B>x</I>>] }", "mismatched tag in line 1"),
    ],
)
def test_what_graphviz_says_about_the_source_is_passed_on(source: str, words: str) -> None:
    """Also where it draws something in spite of its own complaint."""
    with pytest.raises(RenderError, match=words) as refusal:
        engine.run(source, "svg")
    assert "\n" not in str(refusal.value)
    assert "Fontconfig" not in str(refusal.value)


CRASHES = [
    ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV: no message"),
    ("import sys; sys.exit('no memory left')", "ended with code 1: no memory left"),
]


@pytest.mark.parametrize(("code", "words"), [*CRASHES, ("", "ended with code 0: no message")])
def test_a_crashing_dot_is_one_line(fake_dot: FakeDot, code: str, words: str) -> None:
    fake_dot(code)
    with pytest.raises(RenderError, match=rf"^Graphviz {words}$"):
        engine.run(DOT, "svg", renderer="system")


@pytest.mark.parametrize(("code", "words"), CRASHES)
def test_a_crash_inside_the_library_is_one_line(
    fake_pygraphviz: Callable[[str], None], code: str, words: str
) -> None:
    fake_pygraphviz(code)
    for attempt in (lambda: engine.run(DOT, "svg"), engine.choose().version):
        with pytest.raises(RenderError, match=rf"^Graphviz {words}$"):
            attempt()


def test_a_dot_that_cannot_be_started_is_one_line(fake_dot: FakeDot) -> None:
    fake_dot("").write_text("#!/nowhere/python\n")
    with pytest.raises(RenderError, match=r"^Graphviz cannot be started: No such file"):
        engine.run(DOT, "svg", renderer="system")


def test_a_hanging_dot_is_stopped_and_leaves_nothing(
    fake_dot: FakeDot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dot("import time; time.sleep(3600)")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RenderError, match=r"did not finish within 0\.5 s and was stopped"):
        engine.run(DOT, "svg", renderer="system", timeout_s=0.5)
    assert sorted(tmp_path.iterdir()) == before
