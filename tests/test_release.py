"""What is released: one version, everything that belongs to it, and exact versions for CI.

That wheel and sources are the same wherever they are built, ``.ci/release`` tries.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import rsinspect
from tests.conftest import Cli

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PINNED = re.compile(
    r"^([\w.-]+)==([\w.+!]+)(?: ;.*?)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M
)


def pinned(name: str) -> dict[str, Version]:
    """The exact versions of a file, by package; nothing else stands in it."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert PINNED.sub("", text).strip() == ""
    return {canonicalize_name(found[1]): Version(found[2]) for found in PINNED.finditer(text)}


def needed(*extras: str) -> list[Requirement]:
    """What the project asks for, with some of its extras and what those ask for."""
    project = PROJECT["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            asked = Requirement(line)
            own = asked.name == project["name"]
            lines += map(str, needed(*asked.extras)) if own else [line]
    return [Requirement(line) for line in lines]


def test_the_version_stands_in_one_place(cli: Cli) -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert cli("--version").out.split()[-1] == rsinspect.__version__
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## {rsinspect.__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")
    try:
        installed = metadata.version("rsinspect")
    except metadata.PackageNotFoundError:
        pytest.skip("rsinspect is not installed, only imported")
    assert installed == rsinspect.__version__


def test_ci_has_an_exact_version_of_all_that_is_asked_for() -> None:
    versions = pinned("ci")
    for asked in needed("test"):
        assert versions[canonicalize_name(asked.name)] in asked.specifier, asked
    linters = pinned("lint")
    for line in PROJECT["project"]["optional-dependencies"]["lint"]:
        asked = Requirement(line)
        assert linters[canonicalize_name(asked.name)] in asked.specifier, asked
    assert (ROOT / ".ci/run").read_text("utf-8").count("locked .venv") == 2


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="sources without git"
)
def test_the_sources_have_every_file_that_is_kept() -> None:
    kept = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    left_out = {name.partition("/")[0] for name in kept} - set(included)
    assert left_out <= {".gitignore"}


def test_what_the_security_page_names_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    named = re.findall(r"`((?:rsinspect|tests|docs)/[\w/.-]+)`", text)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
