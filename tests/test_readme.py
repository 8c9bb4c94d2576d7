"""The README says what is true: its commands print what it shows, and its picture is the figure.

``pytest tests/test_readme.py --update-goldens`` rewrites both.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rsinspect.drawing.engine import draw
from rsinspect.drawing.views import stages
from rsinspect.spec import ResNetRSSpec
from tests.conftest import GOLDENS, Cli, python

README = Path(__file__).parent.parent / "README.md"
CONSOLE = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)
PICTURE = GOLDENS / "stages-101.svg"


def test_every_console_block_shows_what_the_commands_print(
    cli: Cli, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = README.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(block: re.Match[str]) -> str:
        pages = []
        for line in block[0].splitlines():
            if line.startswith("$ rsinspect "):
                outcome = cli(*shlex.split(line)[2:])
                assert outcome.code == 0, outcome.err
                page = "\n".join(part.rstrip() for part in outcome.out.splitlines())
                pages.append(f"{line}\n{page}\n" if page else f"{line}\n")
        return "\n".join(pages)

    fresh = CONSOLE.sub(run, text)
    assert fresh.count("$ rsinspect") >= 5
    if request.config.getoption("--update-goldens"):
        README.write_text(fresh, encoding="utf-8")
    assert fresh == README.read_text(encoding="utf-8")


def texts(svg: bytes) -> list[str]:
    """All words of a picture in order; positions may differ between Graphviz versions."""
    return [text for text in ElementTree.fromstring(svg).itertext() if text.strip()]


def test_the_picture_is_what_the_command_draws(request: pytest.FixtureRequest) -> None:
    fresh = draw(stages(ResNetRSSpec.variant(101)), "svg")
    if request.config.getoption("--update-goldens"):
        PICTURE.write_bytes(fresh)
    assert texts(fresh) == texts(PICTURE.read_bytes())
    assert f'src="tests/goldens/{PICTURE.name}"' in README.read_text(encoding="utf-8")
    assert PICTURE.stat().st_size < 60_000


@pytest.mark.keras
def test_the_python_example_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    outcome = python(blocks[0])
    assert outcome.stdout.splitlines()[-1] == "resnet-rs-50 35745288", outcome.stderr


def test_both_set_up_commands_are_marked_for_machines() -> None:
    text = README.read_text(encoding="utf-8")
    for name, last in (("run", "--max-time 60"), ("tests", "-m pytest -q")):
        (command,) = re.findall(rf"<!-- command: {name} -->\n```sh\n(.*)\n```", text)
        assert command.startswith("python3.11 -m venv .venv && .venv/bin/pip install")
        assert command.endswith(last)
