"""What several tests need: the command line in and out of this process, and golden files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rsinspect.cli.app import run

GOLDENS = Path(__file__).parent / "goldens"

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, and its children
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="rewrite the golden files")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files with most slow tests first where several processes share them, a file each.

    What comes last are files of a second each, so that no process works alone for long.
    """
    if hasattr(config, "workerinput"):
        marked = (i for i in items if i.get_closest_marker("slow") or i.get_closest_marker("keras"))
        slow = Counter(item.path for item in marked)
        items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Networks that Keras builds and runs that are kept are the tests', not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RSINSPECT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("RSINSPECT_DB", str(tmp_path_factory.mktemp("runs") / "runs.db"))
        yield


@dataclass(frozen=True)
class Outcome:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in this process, on an 80-column page without colour."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares text with a golden file; ``--update-goldens`` rewrites it."""

    def compare(name: str, text: str) -> None:
        path = GOLDENS / name
        if request.config.getoption("--update-goldens"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


def python(
    code: str, *, timeout_s: float = 800, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=dict(os.environ) | environment,
        timeout=timeout_s,
        check=False,
    )
