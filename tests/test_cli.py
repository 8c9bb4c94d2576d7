"""What a user meets: help, exit codes, one clear line for bad input, nothing left behind."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from rsinspect.cli.app import COMMANDS, GROUPS, run
from tests.conftest import Cli
from tests.documents import PAGES
from tests.processes import PATIENCE_S, gone, until

# A command line, and what its error or hint must say
REFUSED = {
    "summary 151": "152",
    "summary 50 -r 31": "32",
    "summary 50 -r 0": "32",
    "summary 50 -r -5": "32",
    "summary 50 -r 12x": "height x width",
    "summary 152@224 -r 256": "disagree",
    "summary 50 --blocks 3,4,6,3": "two networks",
    "summary --blocks 3,x": "whole numbers",
    "summary --blocks 3,0,6,3": "c3",
    "summary --blocks 99999,1,1,1": "1000",
    "summary --blocks 600,600,1,1": "1000",
    "summary --blocks 1,1,1,1,1,1,1,1,1": "8 stages",
    "summary 50 --width 0.01": "zero channels",
    "summary 50 --width -1": "width",
    "summary 50 --width 1000": "64",
    "summary 50 --classes 0": "classes",
    "summary 50 --channels 0": "channels",
    "summary 50 --se-ratio 2": "SE ratio",
    "summary 50 --dropout 1.5": "dropout",
    "summary 50 --activation rellu": "relu",
    "summary 50 --pooling avg": "--no-top",
    "summary 50 --dialect kears": "keras",
    "summary 50 --level blok": "block",
    "summary 50 --columns prams": "params",
    "summary 50 --sort nope": "unknown column",
    "summary 50 --filter zzz": "c4/*",
    "summary 50 --limit 0": "from 1 to",
    "summary 50 --batch 0": "from 1 to",
    "summary 50 --dtype float31": "float32",
    "summary 50 --convention papper": "paper",
    "summary 50 --format yam": "did you mean yaml",
    "summary 50 --explain c9/block1": "near it",
    "summary": "50 to 420",
    "summary fifty": "resnet-rs-50",
    "summary {{x}} --blocks 3,4": "{x} and --blocks 3,4 describe",
    "summary {{}} --blocks 3,4": "{} and --blocks 3,4 describe",
    "summary 50 -o {tmp}/no/dir.txt": "mkdir",
    "summary 50 -o {tmp}": "is a directory",
    "variants --convention x": "paper",
    "weights inspect none.h5": "there is no file",
    "weights inspect none.h5 --fail-on nans": "nan",
    "weights inspect none.h5 --level kinds": "kind",
    "weights inspect none.h5 --sort zero": "zeros",
    "weights diff none.h5 other.h5": "there is no file",
    "graph 50 -o {tmp}/a.bmp": "svg",
    "graph 50 -o {tmp}/a": "suffix",
    "graph 50 -o {tmp}/a.svg --view stagse": "stages",
    "graph 50 -o {tmp}/a.svg --direction UP": "LR",
    "graph 50 -o {tmp}/a.svgg": "did you mean .svg?",
    "graph 50 -o {tmp}/a.svg --format jpeg": "png",
    "graph 50 -o {tmp}/a.svg --theme lihgt": "light",
    "graph 50 -o {tmp}/a.svg --font Helvetica": "DejaVu Sans",
    "graph 50 -o {tmp}/a.svg --renderer pipe": "pip",
    "graph 50 -o {tmp}/a.png --dpi 0": "from 1 to",
    "graph 420 -o {tmp}/a.png --view layers --dpi 600": "--format svg",
    "graph 50 -o {tmp}/a.svg --view stages --expand c9": "near it",
    "graph 50 -o {tmp}/a.svg --view blocks --expand c4/blok1": "c4/block1",
    "graph 50 -o {tmp}/a.svg --expand c4": "--view stages or --view blocks",
    "graph 50 -o {tmp}/a.svg --color flosp": "flops",
    "graph 50 -o {tmp}/a.svg --color latency": "--profile",
    "graph 50 -o {tmp}/a.svg --profile {tmp}/none.json": "has a name like it",
    "graph 50 -o {tmp}/a.svg --convention papper": "paper",
    "graph 50 -o {tmp}/a.me.json --view stages": "every layer",
    "graph 50 -o {tmp}/no/a.svg": "mkdir",
    "check 50": "give a bound, such as --max-flops 10G",
    "check": "rsinspect.toml",
    "check --params 1": "no network named",
    "check 50 --max-flops 10X": "10G",
    "check 50 --max-layers 1MiB": "counts bytes",
    "check 50 --max-peak-activation 64Mib": "64MiB",
    "check 50 --fingerprint abc": "g1:",
    "check 50 --image 12": "from 32 to",
    "check 50 --layout 3;4": "3,4,6,3",
    "check 50 --bounds {tmp}": "directory",
    "check 50 --bounds {tmp}/a.json": ".toml",
    "check 50 --bounds {tmp}/a.json --update": ".toml",
    "check 50 --width 2 --update": "--resolution alone",
    "check --blocks 3,4 --update": "--resolution alone",
    "check 50 --update --bounds {tmp}/no/b.toml": "mkdir",
    "diff 50": "B",
    "diff 50 fifty": "resnet-rs-50",
    "diff 50 101:kears": "keras",
    "diff 50 101 --graph -o {tmp}/a.bmp": "svg",
    "graph 151 -o {tmp}/a.svg": "152",
    "profile 50 --batch 0": "batch",
    "profile 50 --backend theano": "tensorflow",
    "profile 50 --level blokc": "block",
    "profile 50 --batch -3": "from 1 to",
    "profile 50 --batch 99999999": "from 1 to",
    "profile 50 --mode training": "train",
    "profile 50 --precision float8": "float32",
    "profile 50 --precision tf32": "leave --precision out",
    "profile 50 --device tpu": "gpu:1",
    "profile 50 --memory-format contiguous": "choose --backend torch",
    "profile 50 --layout nchw": "channels_first",
    "profile 50 --backend jax --no-jit": "cannot do without",
    "profile 50 --processes 0": "from 1 to",
    "profile 50 --plot {tmp}/a.gif": ".svg",
    "profile 50 --plot {tmp}/a.svg --theme neon": "theme",
    "profile 50 --trace {tmp}/no/t.json": "mkdir",
    "profile 50 --max-time 0": "time",
    "profile 50 --format xml": "json",
    "profile 50 --save {tmp}/no/run.json": "mkdir",
    "weights convert": "--help",
    "weights convert {tmp}/none.h5": "--help",
    "weights convert {tmp}/none.h5 -o {tmp}/a.onnx": "rsinspect export",
    "weights convert {tmp}/none.h5 -o {tmp}/a.kears": ".keras",
    "weights convert {tmp}/none.h5 -o {tmp}/no/a.h5": "mkdir",
    "weights convert {tmp} -o {tmp}/a.h5 --model 50": "",
    "weights convert {tmp}/a.h5 -o {tmp}/a.h5": "its own name",
    "sumary 50": "summary",
    "summary 50 --levle stage": "--level",
    "summary 50 --batch many": "not a valid int",
}


@pytest.mark.parametrize("line", REFUSED)
def test_bad_input_gets_one_line_a_hint_and_code_2(cli: Cli, tmp_path: Path, line: str) -> None:
    outcome = cli(*line.format(tmp=tmp_path).split())
    assert outcome.code == 2
    assert outcome.out == ""
    message, *hint = outcome.err.splitlines()
    assert message.startswith("error: ")
    assert len(hint) <= 1
    assert all(text.startswith("hint: ") for text in hint)
    assert REFUSED[line] in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["summary", "graph"])
def test_a_place_where_nobody_may_write_is_refused(cli: Cli, command: str) -> None:
    outcome = cli(command, 50, "-o", "/proc/rsinspect.html")  # not even root may
    assert outcome.code == 2
    assert "/proc/rsinspect.html cannot be written" in outcome.err
    assert "hint: choose another place" in outcome.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_stands_in_a_page(cli: Cli, command: str) -> None:
    outcome = cli(*command.split(), "--help")
    assert outcome.code == 0
    assert f"rsinspect {command}" in outcome.out
    assert any(f"rsinspect {command}" in page.read_text(encoding="utf-8") for page in PAGES)


def test_help_lists_every_command(cli: Cli) -> None:
    page = cli("--help").out
    assert all(command in page for command in COMMANDS if " " not in command)
    for group in GROUPS:
        listed = cli(group, "--help").out
        assert listed == cli("help", group).out
        assert group in page
        assert all(name.split()[1] in listed for name in COMMANDS if name.startswith(f"{group} "))


def test_a_group_alone_shows_its_commands_and_an_unknown_one_is_refused(cli: Cli) -> None:
    for group in GROUPS:
        assert (outcome := cli(group)).code == 2
        assert outcome.out.rstrip() == cli(group, "--help").out.rstrip()
        unknown = cli(group, "nothing")
        assert unknown.code == 2
        assert unknown.err.splitlines()[1] == f"hint: rsinspect {group} --help"


def test_what_the_list_says_of_a_command_is_what_the_command_says() -> None:
    for name, command in COMMANDS.items():
        function = getattr(import_module(command.module), name.replace(" ", "_"))
        assert function.__doc__.splitlines()[0] == command.says


def test_no_arguments_show_the_help(cli: Cli) -> None:
    outcome = cli()
    assert outcome.code == 2
    assert "Measure and choose" in outcome.out
    assert "error" not in outcome.err


def test_the_version_is_the_packages(cli: Cli) -> None:
    from importlib.metadata import version

    assert cli("--version").out == cli("-V").out == f"rsinspect {version('rsinspect')}\n"


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("rsinspect.answers.summary.summary_answer", broken)
    with pytest.raises(ZeroDivisionError):
        run(["summary", "50"])


def test_the_module_runs_as_a_program_and_a_closed_pipe_is_no_error() -> None:
    program = [sys.executable, "-m", "rsinspect", "summary", "420", "-l", "layer", "--no-fold"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert "ResNet-RS-420" in process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=PATIENCE_S) == 0


class Pipe(io.TextIOBase):
    """A standard output whose reader leaves after some writes; None: only the flush notices."""

    def __init__(self, writes: int | None) -> None:
        self.left = writes
        self.dirty = False
        self.descriptor = os.open(os.devnull, os.O_WRONLY)

    def write(self, text: str) -> int:
        self.dirty = True
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        return len(text)

    def flush(self) -> None:
        if self.left is None and self.dirty:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    def fileno(self) -> int:
        return self.descriptor


PRINTING = ["--help", "--version", "variants", "summary 50", "summary 50 -f json", "table 7 -f csv"]


@pytest.mark.parametrize("writes", [0, 1, None], ids=["first write", "second write", "flush"])
@pytest.mark.parametrize("line", PRINTING)
def test_a_reader_that_leaves_is_no_error_whoever_notices(
    line: str,
    writes: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipe = Pipe(writes)
    monkeypatch.setattr(sys, "stdout", pipe)
    assert run(line.split()) == 0
    os.close(pipe.descriptor)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", PRINTING)
def test_a_pipe_that_nobody_reads_is_no_error(line: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = [sys.executable, "-m", "rsinspect", *line.split()]
    done = subprocess.run(
        program, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=PATIENCE_S
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_an_ended_measurement_takes_its_worker_along(number: signal.Signals, code: int) -> None:
    program = [sys.executable, "-m", "rsinspect", "profile", "50", "--batch", "1"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert until(lambda: children(process.pid))
        workers = children(process.pid)
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE_S) == code
        assert process.stdout is not None
        assert process.stdout.read() == b""
    assert gone(*workers)


def test_colour_goes_to_screens_only_and_no_color_is_respected() -> None:
    def page(**environment: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "rsinspect", "summary", "50"],
            capture_output=True, text=True, check=True, timeout=PATIENCE_S,
            env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | environment,
        ).stdout  # fmt: skip

    assert "\x1b[" not in page()
    assert "\x1b[36m" in page(FORCE_COLOR="1")
    assert "\x1b[36m" not in page(FORCE_COLOR="1", NO_COLOR="1")
