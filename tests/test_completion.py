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
from rsinspect.cli.shells import SCRIPTS, install
from rsinspect.layers.cost import CONVENTIONS
from rsinspect.networks import applications
from rsinspect.profiling.choices import BACKENDS
from rsinspect.render.formats import TABLES
from rsinspect.runs.store import open_store
from tests.conftest import Cli
from tests.processes import PATIENCE_S
from tests.runs import kept_run

ENVIRONMENT = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parent.parent)}


def asked(shell: str, cwd: str | None = None, **variables: str) -> list[str]:
    """Lines that the program answers a shell with."""
    done = subprocess.run(
        [sys.executable, "-m", "rsinspect"], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S, cwd=cwd,
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


def test_an_option_right_behind_a_command_is_completed_in_every_shell() -> None:
    line = {"_TYPER_COMPLETE_ARGS": "rsinspect summary --conv"}
    assert "--convention" in " ".join(asked("zsh", **line))
    assert asked("fish", _TYPER_COMPLETE_FISH_ACTION="get-args", **line)[0] == "--convention"


def test_files_that_hold_networks_and_runs_that_are_kept_are_offered(tmp_path: Path) -> None:
    for name in ("my.keras", "make.py", "notes.txt", "my own.keras", "my$(id).keras", "my';id.h5"):
        (tmp_path / name).touch()
    with open_store(tmp_path / "runs.db", write=True) as store:
        id = store.add(kept_run(), tags=("before",))
    action = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for line, offered in {
        "summary my": ["my.keras"], "summary ./m": ["./make.py", "./my.keras"],
        "runs show ": ["latest", "before"], f"report --run {id[:3]}": [id],
    }.items():  # fmt: skip
        given = action | {"_TYPER_COMPLETE_ARGS": f"rsinspect {line}"}
        db = {"RSINSPECT_DB": str(tmp_path / "runs.db")}
        assert asked("fish", str(tmp_path), **given, **db) == offered


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


IN_SHELLS = {
    "bash": """
        . ~/.bashrc
        COMP_WORDS=(rsinspect graph 101 @ 1) COMP_CWORD=4
        _rsinspect_completion rsinspect
        echo "${COMPREPLY[@]}"
    """,
    "zsh": """
        compdef() { : }
        _arguments() { print -r -- "$@" }
        compinit() { : }
        . ~/.zshrc
        autoload -Uz _rsinspect
        words=(rsinspect graph 101@1) CURRENT=3
        _rsinspect  # the first Tab, for which zsh loads the file
        _rsinspect_completion
    """,
    "fish": "complete -C 'rsinspect graph 101@1'",
}
ANSWERS = {
    "bash": "160 192\n",
    "zsh": '*: :(("101@160" "101@192"))\n' * 2,
    "fish": "101@160\n101@192\n",
}


@pytest.mark.parametrize("shell", IN_SHELLS)
def test_a_shell_completes_by_what_was_installed(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    program = tmp_path / "rsinspect"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m rsinspect \"$@\"\n")
    program.chmod(0o755)
    own = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}", "SHELL": shell}
    for name in ("ZDOTDIR", "XDG_CONFIG_HOME"):
        own[name] = ""

    def run(code: str) -> str:
        done = subprocess.run(
            [shell, *{"bash": ["--norc"], "zsh": ["-f"], "fish": []}[shell], "-c", code],
            capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=ENVIRONMENT | own,
        )  # fmt: skip
        return done.stdout

    assert "rsinspect in every new" in run("rsinspect --install-completion; true")
    assert run(IN_SHELLS[shell]) == ANSWERS[shell]


def test_installing_again_changes_nothing_and_keeps_what_a_user_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("ZDOTDIR", raising=False)
    for shell, rc in {"bash": ".bashrc", "zsh": ".zshrc", "fish": None}.items():
        if rc is not None:
            (tmp_path / rc).write_text("alias ll='ls -l'")  # without an end of line
        script = install(shell)
        assert script.read_text() == SCRIPTS[shell]
        first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        install(shell)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == first
        if rc is not None:
            mine, added = (tmp_path / rc).read_text().splitlines()
            assert mine == "alias ll='ls -l'"
            assert ".zfunc" in added or ".bash_completions" in added


def test_what_is_no_shell_is_refused(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: "tcsh")
    refused = cli("--install-completion")
    assert refused.code == 2
    assert "Tab can complete in bash, zsh or fish; tcsh is none of them" in refused.err


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
