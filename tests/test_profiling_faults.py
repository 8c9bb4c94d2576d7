"""Measurements that something ends before their time: what there is by then is not lost."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base import files
from rsinspect.base.chatter import without_chatter
from rsinspect.base.errors import BatchDoesNotFit, MeasurementError, OutputNotWritable
from rsinspect.cli import delivery, progress
from rsinspect.cli import profile as command
from rsinspect.profiling import parent
from rsinspect.profiling.last_words import limit_behind
from rsinspect.profiling.parent import Interrupted, NotMeasured
from rsinspect.profiling.protocol import (
    Event,
    Phase,
    Stopped,
)
from rsinspect.profiling.record import predicted
from rsinspect.profiling.record.document import to_json
from rsinspect.profiling.record.headline import headline
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.record.saved import load_run
from rsinspect.profiling.request import ProfileRequest
from tests.conftest import Cli
from tests.processes import PATIENCE_S, gone
from tests.runs import a_prediction, a_run
from tests.test_profiling_parent import (
    NETWORK,
    REQUEST,
    MakeWorker,
    run,
    time_that_is_up,
    worker,
)

__all__ = ["worker"]  # a fixture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")

PREDICT = """
say("predicted", parts=[dict(path="stem", repeats=1, latency_s=0.3)], end_to_end_s=0.3, rounds=9,
    ready_s=4.5, batch=8, foreign_share=0.54)
say("estimated", estimate=[8, 4.0, 30.0, 5.0])
"""
HANG = "\nsay('phase', name='measuring')\ntime.sleep(3600)\n"


# ---- the time is up


def test_what_was_measured_until_the_time_was_up_is_a_run(worker: MakeWorker) -> None:
    found = run(worker("ready(); rounds(7)" + HANG), up_at=Phase)
    assert found.stopped_because == "time"
    assert found.rounds.count == 7
    assert found.not_available == {"roofs": "the measurement ended before it came to that"}


def test_a_prediction_is_kept_where_nothing_was_measured(worker: MakeWorker) -> None:
    with pytest.raises(NotMeasured, match="nothing was measured in 1 s") as caught:
        run(worker(PREDICT + HANG), max_time_s=1.0, up_at=Phase)
    found = caught.value.run
    assert found is not None
    assert (found.stopped_because, found.prediction.end_to_end_s) == ("time", 0.3)
    assert caught.value.hint == str(found.wanted and found.wanted.advice)


def test_a_worker_that_gives_up_for_want_of_time_has_predicted(worker: MakeWorker) -> None:
    body = "say('finished', warm_up=[], steady=False, stopped_because='time', elapsed_s=0.0)"
    with pytest.raises(NotMeasured) as caught:
        run(worker(f"{PREDICT}\n{body}"))
    assert caught.value.run is not None


@pytest.mark.parametrize(
    ("phase", "words"), [("starting", "being imported"), ("compiling", "was compiled")]
)
def test_it_is_said_where_the_time_went(worker: MakeWorker, phase: str, words: str) -> None:
    with pytest.raises(NotMeasured, match=words) as caught:
        run(worker(f"say('phase', name={phase!r}); time.sleep(3600)"), up_at=Phase)
    assert caught.value.run is None


def test_a_worker_that_somebody_stopped_is_said_to_hang_and_ended(
    worker: MakeWorker, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    events: list[Event] = []
    body = f"""
    open({str(pid)!r}, "w").write(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGSTOP)
    """
    with pytest.raises(NotMeasured):
        run(worker(body), events=events, up_at=Stopped)
    (stopped,) = [event for event in events if isinstance(event, Stopped)]
    assert stopped.ended_in_s > 0
    assert gone(pid.read_text())


# ---- the parent is gone


@pytest.mark.parametrize("is_stopped", [False, True])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGQUIT])
def test_a_worker_ends_with_its_parent(
    worker: MakeWorker, tmp_path: Path, number: signal.Signals, is_stopped: bool
) -> None:
    if is_stopped and sys.platform != "linux":
        pytest.skip("only Linux ends a stopped process with its parent")
    body = f"""
    sys.path.insert(0, {str(Path(parent.__file__).parents[2])!r})
    from rsinspect.base.process import end_with_parent
    end_with_parent(sys.stdin)
    print(os.getpid(), file=open({str(tmp_path / "pid")!r}, "w"), flush=True)
    say("phase", name="measuring")
    if {is_stopped}:
        os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(3600)
    """
    caller = f"""
import resource, signal, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
for ignored in (signal.SIGHUP, signal.SIGQUIT):  # by nohup, by a shell: nothing would end
    signal.signal(ignored, signal.SIG_DFL)
from rsinspect.profiling.parent import profile
from rsinspect.profiling.request import ProfileRequest
from tests.test_profiling_parent import REQUEST
profile(REQUEST, worker={worker(body)!r},
        on_event=lambda event: print(event, flush=True))
"""
    process = subprocess.Popen([sys.executable, "-c", caller], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if ("Stopped" if is_stopped else "measuring") in line:
                break
    finally:
        process.send_signal(number)
        process.wait()
    assert gone((tmp_path / "pid").read_text())


# ---- limits of the system, and last words


CHATTER = """
print("I0000 00:00:1795621736.579158   16412 port.cc:153] oneDNN custom operations are on.",
      file=sys.stderr)
print("WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
      file=sys.stderr)
print("2026-11-25 15:43:42.123456: I tensorflow/core/util/port.cc:153] This binary is optimized",
      file=sys.stderr)
print("F0000 00:00:1795621736.579158   16412 what.cc:1] Check failed: true", file=sys.stderr)
sys.stderr.flush()
"""


def test_last_words_are_not_what_frameworks_say_when_they_start(worker: MakeWorker) -> None:
    with pytest.raises(MeasurementError, match="was ended by SIGTERM") as caught:
        run(worker(CHATTER + "die(signal.SIGTERM)"))
    assert "Check failed: true" in caught.value.message
    assert "oneDNN" not in caught.value.message
    assert "InitializeLog" not in caught.value.message
    assert "optimized" not in caught.value.message


def test_what_matters_is_not_taken_for_chatter() -> None:
    said = ("Traceback (most recent call last):", "E0000 00:00:17.1 1 x.cc:1] out of memory", "Ich")
    assert without_chatter(said) == said


def test_a_limit_of_processor_time_is_named(worker: MakeWorker) -> None:
    body = """
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (1, 10))
    while True:
        pass
    """
    with pytest.raises(MeasurementError, match="the limit of processor time") as caught:
        run(worker(body))
    assert "SIGXCPU" in caught.value.message
    assert caught.value.hint == "raise the limit: ulimit -t unlimited"


def limit(code: int, said: str = "", **more: Any) -> str | None:
    known: dict[str, Any] = {"used_s": None, "processor_s": None, "addresses": None}
    found = limit_behind(code, said, **known | more)
    return None if found is None else " / ".join(found)


def test_a_kill_at_the_limit_of_processor_time_is_told_from_another() -> None:
    assert "of 20 s ended" in (limit(-signal.SIGKILL, used_s=19.6, processor_s=20.0) or "")
    assert limit(-signal.SIGKILL, used_s=3.0, processor_s=20.0) is None
    assert limit(-signal.SIGKILL, used_s=3.0) is None


def test_a_lack_of_addresses_is_named_where_they_are_limited() -> None:
    for code, said in (
        (1, "ImportError: libx.so: failed to map segment from shared object"),
        (1, "std::bad_alloc"),
        (-signal.SIGSEGV, ""),
    ):
        assert "limited to 954 MiB" in (limit(code, said, addresses=10**9) or "")
        assert limit(code, said) is None
    assert limit(1, "ValueError: shapes", addresses=10**9) is None


@pytest.mark.skipif(sys.platform != "linux", reason="address spaces are limited on Linux")
def test_an_import_that_finds_no_addresses_is_no_missing_package(
    worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsinspect.profiling import machine

    monkeypatch.setattr(machine, "address_space_bytes", lambda: 10**9)
    body = """say('failure', kind='unavailable', error='ImportError',
    message='libtensorflow.so: failed to map segment from shared object'); os._exit(1)"""
    with pytest.raises(MeasurementError, match="the address space is limited") as caught:
        run(worker(body))
    assert caught.value.hint == "raise the limit: ulimit -v unlimited"


@pytest.mark.skipif(sys.platform != "linux", reason="address spaces are limited on Linux")
def test_where_no_batch_fits_into_the_addresses_their_limit_is_named(
    worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsinspect.profiling import machine

    monkeypatch.setattr(machine, "address_space_bytes", lambda: 10**9)
    body = "say('failure', kind='memory', error='MemoryError', message=''); os._exit(1)"
    with pytest.raises(BatchDoesNotFit, match="the address space is limited to 954 MiB") as caught:
        run(worker(body), batch=1, available=10**9)
    assert "MemoryError; peak" in caught.value.message
    assert caught.value.message.startswith("batch 1 does not fit: ")
    assert (caught.value.hint or "").endswith("ulimit -v unlimited")


# ---- Ctrl-C


def interrupted(body: str, worker: MakeWorker) -> Interrupted:
    def stop(event: Event) -> None:
        if isinstance(event, Phase) and event.name == "measuring":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        parent.profile(REQUEST, on_event=stop, worker=worker(body))
    return caught.value


def test_ctrl_c_after_the_prediction_keeps_it(worker: MakeWorker) -> None:
    found = interrupted(PREDICT + HANG, worker).run
    assert isinstance(found, PredictedRun)
    assert found.stopped_because == "interrupted"
    assert "predicted, not measured: interrupted" in headline(found)


def test_an_interrupted_run_says_how_long_it_took(worker: MakeWorker) -> None:
    found = interrupted("ready(); rounds(2)" + HANG, worker).run
    assert isinstance(found, ProfileRun)
    assert found.rounds.count == 2
    assert found.measured_s == pytest.approx(2 * (0.6 + 0.61))


def test_rounds_of_warm_up_are_no_measurement(worker: MakeWorker) -> None:
    body = """
    ready()
    for number in range(1, 4):
        say("progress", phase="warm-up", round=number, elapsed_s=number)
    """
    assert interrupted(body + HANG, worker).run is None


# ---- what the command does with what there is


Ending = Callable[[BaseException | ProfileRun], None]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Ending:
    """Makes every measurement of the command end that way."""

    def end(how: BaseException | ProfileRun) -> None:
        def measure(*_: object, **__: object) -> ProfileRun:
            if isinstance(how, BaseException):
                raise how
            return how

        monkeypatch.setattr(progress, "measure", measure)

    return end


def test_an_interrupted_run_is_shown_and_saved(cli: Cli, tmp_path: Path, ending: Ending) -> None:
    run = a_run(stopped_because="interrupted")
    ending(Interrupted(run))
    outcome = cli("profile", "50", "--save", tmp_path / "run.json")
    assert outcome.code == 130
    assert headline(run).split(";")[0] in outcome.out
    assert load_run(tmp_path / "run.json") == run


def test_it_is_said_that_there_is_nothing_to_keep(cli: Cli, tmp_path: Path, ending: Ending) -> None:
    ending(Interrupted(None))
    outcome = cli("profile", "50", "--save", tmp_path / "run.json")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err.splitlines()[-2:] == [
        "nothing was measured or predicted until then", "error: interrupted",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_prediction_is_shown_and_saved_and_shown_again(
    cli: Cli, tmp_path: Path, ending: Ending
) -> None:
    ending(Interrupted(a_prediction(stopped_because="interrupted")))
    outcome = cli("profile", "50", "--save", tmp_path / "run.json")
    assert outcome.code == 130
    assert "predicted, not measured: interrupted" in " ".join(outcome.out.split())
    again = cli("profile", "--from", tmp_path / "run.json")
    assert (again.code, again.out) == (0, outcome.out)


def test_a_prediction_is_the_answer_where_the_time_does_not_do(
    cli: Cli, tmp_path: Path, ending: Ending
) -> None:
    ending(NotMeasured("nothing was measured in 60 s", None, a_prediction()))
    outcome = cli("profile", "50")
    assert outcome.code == 0
    said = " ".join(outcome.out.split())
    assert "179 ms an image, 5.6 images/s ± 59.6 % (95 % CI) predicted, not measured" in said
    assert "other programs took 54 % of the CPU" in said
    assert "an interval needs --batch 16, or --max-time 370" in said
    document = json.loads(cli("profile", "50", "-f", "json").out)
    assert document["schema"] == "rsinspect.prediction/1"
    assert document["answer"] == headline(a_prediction())
    plot = tmp_path / "plot.svg"
    for more in (["--strict"], ["--plot", plot], ["-o", plot]):
        refused = cli("profile", "50", *more)
        assert refused.code == 1
        assert "179 ms" in refused.out
        assert "error: nothing was measured in 60 s" in refused.err
    assert list(tmp_path.iterdir()) == []


def test_a_prediction_is_read_as_it_was_written() -> None:
    run = a_prediction()
    assert predicted.from_json(json.loads(json.dumps(predicted.to_json(run)))) == run


@pytest.mark.parametrize("option", ["--save", "--plot", "--trace", "-o"])
def test_a_measurement_outlives_a_file_that_cannot_be_written(
    cli: Cli, tmp_path: Path, ending: Ending, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    place = tmp_path / ("full.svg" if option == "--plot" else "full.json")
    write = files.write_all

    def refuse(contents: dict[Path, bytes]) -> None:
        if place in contents:
            raise OutputNotWritable(f"{place} cannot be written: No space left on device")
        write(contents)

    monkeypatch.setattr(files, "write_all", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ending(a_run())
    outcome = cli("profile", "50", option, place)
    assert outcome.code == 2
    assert headline(a_run()).split(";")[0] in outcome.out
    kept, error = outcome.err.splitlines()[-2:]
    assert "No space left on device" in error
    (path,) = tmp_path.glob("rsinspect-run-*.json")
    assert str(path) in kept
    assert load_run(path) == a_run()


def test_without_any_place_the_measurement_goes_to_stdout(
    cli: Cli, tmp_path: Path, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(contents: dict[Path, bytes]) -> None:
        raise OutputNotWritable(f"{list(contents)} cannot be written: No space left on device")

    monkeypatch.setattr(files, "write_all", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    ending(a_run())
    outcome = cli("profile", "50", "--save", tmp_path / "run.json")
    assert outcome.code == 2
    assert "kept in standard output" in outcome.err
    assert json.loads(outcome.out[outcome.out.index("\n{") :])["schema"] == "rsinspect.profile/1"


def test_a_disk_that_is_full_keeps_no_half_measurement(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int, mode: str) -> io.RawIOBase:
        os.close(number)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(delivery, "open", full, raising=False)
    delivery._keep(b"{}")
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("{}", "the measurement is kept in standard output\n")


def test_what_was_saved_is_not_kept_twice(
    cli: Cli, tmp_path: Path, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files.write_all

    def refuse(contents: dict[Path, bytes]) -> None:
        if any(path.suffix == ".svg" for path in contents):
            raise OutputNotWritable("p.svg cannot be written: No space left on device")
        write(contents)

    monkeypatch.setattr(files, "write_all", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ending(a_run())
    save = tmp_path / "run.json"
    assert cli("profile", "50", "--save", save, "--plot", tmp_path / "p.svg").code == 2
    assert list(tmp_path.iterdir()) == [save]


def test_ctrl_c_while_it_is_shown_does_not_keep_it_from_being_saved(
    cli: Cli, tmp_path: Path, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "answer_charted", stop)
    ending(a_run())
    assert cli("profile", "50", "--save", tmp_path / "run.json").code == 130
    assert load_run(tmp_path / "run.json") == a_run()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize(("place", "code"), [("/dev/full", 1), ("a closed pipe", 0)])
def test_a_measurement_outlives_its_stdout(tmp_path: Path, place: str, code: int) -> None:
    """Whoever notices first, Rich or a flush of ours."""
    run, save = a_run(), tmp_path / "run.json"
    saved = tmp_path / "measured.json"
    saved.write_text(json.dumps(to_json(run)))
    caller = f"""
import sys
from pathlib import Path
from rsinspect.cli import app, progress
from rsinspect.profiling.record.saved import load_run
progress.measure = lambda *_: load_run(Path({str(saved)!r}))
sys.argv = ["rsinspect", "profile", "50", "--save", {str(save)!r}]
app.main()
"""
    reading, writing = os.pipe()
    os.close(reading)
    with Path(place if code else os.devnull).open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", caller], stdout=full if code else writing, check=False,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    os.close(writing)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert load_run(save) == run


class Heard(io.StringIO):
    """A stream; a worker waits until certain words are in it."""

    def __init__(self, words: str, told: Path) -> None:
        super().__init__()
        self.words, self.told = words, told

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.words in self.getvalue():
            self.told.touch()
        return written


@pytest.fixture
def said_meanwhile(
    worker: MakeWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], str]:
    """What is said, without a terminal, while a worker says something and waits for words."""

    def said(body: str, words: str) -> str:
        heard = Heard(words, tmp_path / "told")
        monkeypatch.setattr(sys, "stderr", heard)
        monkeypatch.setattr(progress, "LINE_EVERY_S", 0.01)
        wait = f"""
until = time.monotonic() + {PATIENCE_S}
while not os.path.exists({str(heard.told)!r}) and time.monotonic() < until:
    time.sleep(0.01)
result()
"""
        command = worker(f"{body}\n{wait}")
        monkeypatch.setattr(parent, "profile", partial(parent.profile, worker=command))
        budget, _ = time_that_is_up(60.0, lambda _: False)
        progress.measure(ProfileRequest(network=NETWORK, batch=8), budget)
        return heard.getvalue()

    return said


def test_a_pipe_is_told_now_and_then_how_far_it_is(
    said_meanwhile: Callable[[str, str], str],
) -> None:
    lines = said_meanwhile("say('phase', name='building')", ": building").splitlines()
    assert lines[0].endswith("at most 60 s, start-up included")
    assert "0 s of 60 s: building" in lines


def test_a_pipe_is_told_how_much_longer_it_takes(
    said_meanwhile: Callable[[str, str], str],
) -> None:
    said = said_meanwhile("say('time_left', left_s=30.0, passes=3)", "about 30 s more")
    assert "0 s of 60 s: batch 8; about 30 s more" in said.splitlines()
