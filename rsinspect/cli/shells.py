"""What a shell needs so that Tab completes a call: a script, and where it belongs.

Typer has scripts too. Ours complete at the first Tab in zsh, ask once per Tab in fish, and offer
files in every shell; a user's own files are written whole, once, and hold only what is needed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.files import write_all
from rsinspect.cli.app import COMPLETION
from rsinspect.cli.declaration import one_of

_BASH = """\
_rsinspect_completion() {
    local IFS=$'\\n'
    COMPREPLY=($(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
        {variable}=complete_bash "$1"))
}
complete -o default -F _rsinspect_completion rsinspect
"""

_ZSH = """\
#compdef rsinspect
_rsinspect_completion() {
    eval $(_TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" {variable}=complete_zsh rsinspect)
}
compdef _rsinspect_completion rsinspect
[[ $zsh_eval_context[-1] == loadautofunc ]] && _rsinspect_completion "$@"
"""

_FISH = """\
function __rsinspect_completion
    set -lx {variable} complete_fish
    set -lx _TYPER_COMPLETE_FISH_ACTION get-args
    set -lx _TYPER_COMPLETE_ARGS (commandline -cp)
    set -l found (rsinspect)
    if test -n "$found[1]"
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --command rsinspect --no-files --arguments '(__rsinspect_completion)'
"""

SCRIPTS = {
    name: text.replace("{variable}", COMPLETION)
    for name, text in {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}.items()
}
"""What each shell runs."""


def shell_above() -> str:
    """Name the shell that this program was called from, else the user's own.

    Raises:
        InvalidQuestion: If it is none that has a script here.
    """
    from typer import _completion_shared  # which knows the processes of each system

    name = _completion_shared._get_shell_name() or Path(os.environ.get("SHELL", "")).name
    if name not in SCRIPTS:
        known = one_of(SCRIPTS)
        raise InvalidQuestion(
            f"Tab can complete in {known}; {name or 'what called this'} is none of them",
            "call it from one of them",
        )
    return name


def install(shell: str) -> Path:
    """Write the script of a shell where it is found, and what finds it; again changes nothing.

    Returns:
        The script.

    Raises:
        OutputNotWritable: If one of the user's files cannot be written; then none is.
    """
    script, lines = _PLACES[shell](Path.home())
    contents = {script: SCRIPTS[shell].encode()}
    for file, line in lines.items():
        before = file.read_bytes() if file.is_file() else b""
        if line.encode() not in before.splitlines():
            joint = b"" if not before or before.endswith(b"\n") else b"\n"
            contents[file] = before + joint + line.encode() + b"\n"
    for file in contents:
        file.parent.mkdir(parents=True, exist_ok=True)
    write_all(contents)
    return script


_Place = tuple[Path, Mapping[Path, str]]


def _of_bash(home: Path) -> _Place:
    script = home / ".bash_completions" / "rsinspect.sh"
    return script, {home / ".bashrc": f"source {shlex.quote(str(script))}"}


def _of_zsh(home: Path) -> _Place:
    rc = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
    found = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"
    return home / ".zfunc" / "_rsinspect", {rc: found}


def _of_fish(home: Path) -> _Place:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return config / "fish" / "completions" / "rsinspect.fish", {}


_PLACES: Mapping[str, Callable[[Path], _Place]] = {
    "bash": _of_bash, "zsh": _of_zsh, "fish": _of_fish,
}  # fmt: skip
