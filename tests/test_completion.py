"""What a shell offers at a press of Tab: the program is asked as shells ask it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rsinspect import paper
from rsinspect.cli.app import COMMANDS
from rsinspect.layers.cost import CONVENTIONS
from rsinspect.networks import applications
from rsinspect.profiling.choices import BACKENDS
from rsinspect.render.formats import TABLES
from tests.processes import PATIENCE_S

ENVIRONMENT = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parent.parent)}


def asked(shell: str, **variables: str) -> list[str]:
    """Lines that the program answers a shell with."""
    done = subprocess.run(
        [sys.executable, "-m", "rsinspect"], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S,
        env=ENVIRONMENT | {"_RSINSPECT_COMPLETE": f"complete_{shell}"} | variables,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def bash(*words: str) -> list[str]:
    """What bash is offered for the last of its words; it breaks them at ``:``, ``@`` and ``=``."""
    return asked("bash", COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1))


PUBLISHED = [v for v in paper.variants().values() if v.published]
HE_ET_ALS = ("ResNet50", "ResNet101", "ResNet152")
OFFERED = {
    "": [*dict.fromkeys(name.split()[0] for name in COMMANDS)],
    "weights ": [name.split()[1] for name in COMMANDS if name.startswith("weights ")],
    "weights in": ["inspect"],
    "sca": ["scale"],
    "summary 50 --conv": ["--convention"],
    "summary 50 --convention ": [*CONVENTIONS],
    "summary 50 --format = m": ["markdown"],
    "variants -f ": [*TABLES.names],
    "profile --backend ": [*BACKENDS],
    "diff 50 ": [
        *(str(v.depth) for v in PUBLISHED),
        *(f"{v.depth}@{size}" for v in PUBLISHED for size in v.resolutions),
        *(name for name in applications.names() if name not in HE_ET_ALS),
    ],
    "summary efficientnetb": [f"efficientnetb{scale}" for scale in range(8)],
    "graph 101 @ 1": ["160", "192"],
    "graph 101 @": ["160", "192"],
    "-q summary 101 @ 192 : pap": ["paper-prose"],
    "help vari": ["variants"],
    "figure ": ["2", "3"],
    "summary my_network.js": [],
    "summary 50 -o ": [],
}  # fmt: skip
"""A line in bash's words, and what follows; nothing lets the shell offer files."""


@pytest.mark.parametrize("line", OFFERED)
def test_bash_is_offered_what_may_follow(line: str) -> None:
    assert bash("rsinspect", *line.split(" ")) == OFFERED[line]


def test_the_other_shells_are_answered_in_their_ways() -> None:
    line = {"_TYPER_COMPLETE_ARGS": "rsinspect summary 101@"}
    assert asked("zsh", **line) == ["_arguments", "'*:", ':(("101@160"', '"101@192"))\'']
    fish = asked("fish", _TYPER_COMPLETE_FISH_ACTION="get-args", **line)
    assert fish == ["101@160", "101@192"]


def test_a_completion_loads_one_command_and_nothing_heavy() -> None:
    code = (
        "import os, sys, rsinspect.cli.app as app\n"
        "try: app.run([])\n"
        "except SystemExit: pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S,
        env=ENVIRONMENT | {
            "_RSINSPECT_COMPLETE": "complete_bash", "COMP_CWORD": "3",
            "COMP_WORDS": "rsinspect\nprofile\n--backend\n",
        },
    )  # fmt: skip
    loaded = set(done.stderr.split())
    assert done.stdout.split() == [*BACKENDS]
    assert "rsinspect.cli.profile" in loaded
    assert not loaded & {"numpy", "tensorflow", "keras", "jax", "torch", "msgspec", "matplotlib"}
    assert not loaded & {"rsinspect.cli.scale", "rsinspect.cli.doctor"}


SCRIPT = """
eval "$(rsinspect --show-completion)"
COMP_WORDS=(rsinspect graph 101 @ 1) COMP_CWORD=4
_rsinspect_completion rsinspect
echo "${COMPREPLY[@]}"
complete -p rsinspect
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_itself_completes_with_the_script(tmp_path: Path) -> None:
    program = tmp_path / "rsinspect"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m rsinspect \"$@\"\n")
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S,
        env=ENVIRONMENT | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stdout.splitlines()[0] == "160 192", done.stderr
    assert "-F _rsinspect_completion rsinspect" in done.stdout


def test_installing_writes_into_the_users_files_only_when_asked(tmp_path: Path) -> None:
    def call(option: str, home: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--norc", "-c", f"'{sys.executable}' -m rsinspect {option}; exit $?"],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
            env=ENVIRONMENT | {"HOME": str(home)},
        )  # fmt: skip

    assert call("--show-completion", tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert call("--install-completion", tmp_path).returncode == 0
    assert "rsinspect" in (tmp_path / ".bash_completions" / "rsinspect.sh").read_text()
    nowhere = tmp_path / "file"
    nowhere.touch()
    refused = call("--install-completion", nowhere)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert "rsinspect --show-completion" in refused.stderr
