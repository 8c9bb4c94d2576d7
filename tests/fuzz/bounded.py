"""Readers tried in processes of their own, within bounds of time and memory.

python -m tests.fuzz.bounded [READER ...]      tries all that is odd, and says what went wrong

Each trial is a fork of this process, which has loaded what readers need: it may take so much
processor time and memory and not more, and is ended where it waits. It works in an empty folder,
where nothing may be left but what a reader is asked to write.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.fuzz import odd
from tests.fuzz.kept import KEPT
from tests.fuzz.readers import READERS, SURROUNDINGS, Reader
from tests.mutants import Ended, wrong_with

WAITS_S = 300.0
"""How long somebody waits for a trial, on however busy a machine: then it hangs."""

WRITTEN = ("graph.dot", "in.db", "out.safetensors", "a-store.db", "keras", "data", "runs.db")
"""What command lines of readers are told to write."""

WORDS = {0: "answered", 1: "answered", 2: "refused", 3: "lacks something"}


class Trial(NamedTuple):
    """What a reader did with something.

    Attributes:
        reader: Its name.
        case: What it was given.
        outcome: ``answered``, ``refused``, ``lacks something`` or ``fault``.
        words: Of the refusal or the fault.
        cpu_s: Processor time, of the processes that it started too.
        peak_bytes: Most memory, beyond what the process had when it began.
    """

    reader: str
    case: str
    outcome: str
    words: str
    cpu_s: float
    peak_bytes: int


def tried(
    reader: Reader, case: str, make: Callable[[Path], str], *, waits_s: float = WAITS_S
) -> Trial:
    """Try a reader with one thing.

    Args:
        reader: The reader.
        case: What it is given, in words.
        make: Makes it in a folder, and says the path or text.
        waits_s: How long to wait for the end.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = make(folder)
        before = _names(folder)
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receive)
            _try(reader, given, folder, send)
        os.close(send)
        said, is_waiting = _heard(receive, child, waits_s)
        _, status, used = os.wait4(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it started, if anything is left
        left = _names(folder) - before - set(WRITTEN)
    cpu_s = used.ru_utime + used.ru_stime
    outcome, words, peak = _judged(said, status, is_waiting, reader, left)
    return Trial(reader.name, case, outcome, words, cpu_s, peak)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _try(reader: Reader, given: str, folder: Path, send: int) -> None:
    """Read what is given, within bounds, and say how that ended. Does not return."""
    try:
        os.setsid()
        os.chdir(folder)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        had = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        most = pages * os.sysconf("SC_PAGE_SIZE") + reader.most_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (int(reader.most_s), int(reader.most_s) + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ended = reader.call(given)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - had
        shown = (ended.code, ended.out, ended.err, list(ended.arguments))
        text = json.dumps({"ended": shown, "grown": grown * 1024})
    except BaseException as exc:
        text = json.dumps({"raised": f"{type(exc).__name__}: {exc}"[:300]})
    with contextlib.suppress(OSError), os.fdopen(send, "wb") as pipe:
        pipe.write(text.encode())
    os._exit(0)


def _heard(receive: int, child: int, waits_s: float) -> tuple[bytes, bool]:
    """Hear what a child says until it has ended; tell whether it had to be ended."""
    ends = time.monotonic() + waits_s
    pieces: list[bytes] = []
    with contextlib.closing(os.fdopen(receive, "rb", buffering=0)) as pipe:
        while select.select([pipe], [], [], max(0.0, ends - time.monotonic()))[0]:
            piece = pipe.read(1 << 20)
            if not piece:
                return b"".join(pieces), False
            pieces.append(piece)
    os.killpg(child, signal.SIGKILL)
    return b"", True


def _judged(
    said: bytes, status: int, is_waiting: bool, reader: Reader, left: set[str]
) -> tuple[str, str, int]:
    if is_waiting:
        return "fault", "it waits for ever", 0
    if os.WIFSIGNALED(status) or not said:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return "fault", f"it takes more than {reader.most_s:g} s", 0
        return "fault", f"ended by {signal.Signals(number).name if number else 'itself'}", 0
    heard = json.loads(said)
    if "raised" in heard:
        return "fault", heard["raised"], 0
    ended = Ended(*heard["ended"])
    wrong = wrong_with(ended)
    if wrong is None and left:
        wrong = f"left behind: {sorted(left)[0]}"
    if wrong is not None:
        return "fault", wrong, heard["grown"]
    return WORDS[ended.code], ended.err.partition("\n")[0][:200], heard["grown"]


def odd_tried(reader: Reader) -> Iterator[Trial]:
    """Try a reader with all that is odd."""
    for case, make in odd.cases_of(reader):
        yield tried(reader, case, make)
    yield from _changing(reader)


def _changing(reader: Reader) -> Iterator[Trial]:
    """Try a reader of files with one that changes under it."""
    for opened, into in odd.CHANGES if reader.ending else ():
        changing = odd.changing(reader, opened, into)
        case = f"another file from opening {opened} on: {into and into[:10]!r}"
        yield tried(changing, case, partial(_put, reader, reader.seeds()[0]))


def changes_tried(reader: Reader, count: int, seed: int = 0) -> Iterator[Trial]:
    """Try a reader with so many changes of what is good."""
    random = Random(seed)
    for number in range(count):
        content = reader.change(random, random.choice(reader.seeds()))
        yield tried(reader, f"change {number} of {seed}", partial(_put, reader, content))


def sampled(every: int = 70) -> Iterator[Trial]:
    """Try each reader with some of what is odd: each thing with some readers."""
    ready()
    for offset, reader in enumerate(READERS.values()):
        cases = list(odd.cases_of(reader))
        for case, make in cases[offset % every :: every]:
            yield tried(reader, case, make)
        yield from islice(_changing(reader), 1)
        for content in KEPT.get(reader.name, ()):
            yield tried(reader, f"kept: {content[:20]!r}", partial(_put, reader, content))


def _put(reader: Reader, content: bytes, folder: Path) -> str:
    try:
        return odd.written(reader, folder, content)
    except UnicodeDecodeError:
        return content.decode(errors="replace")


def ready() -> None:
    """Load what readers need, and read one good thing with each: else every trial would load it."""
    os.environ |= SURROUNDINGS
    before = Path.cwd()
    folder = tempfile.mkdtemp()
    try:
        os.chdir(folder)
        for reader in READERS.values():
            if not reader.name.startswith("$"):
                reader.call(odd.written(reader, Path(folder), reader.seeds()[0]))
    finally:
        os.chdir(before)
        shutil.rmtree(folder)


def main() -> None:
    """Try all that is odd by hand."""
    ready()
    for name in sys.argv[1:] or READERS:
        outcomes, most_s, most_bytes = Counter[str](), 0.0, 0
        for trial in odd_tried(READERS[name]):
            outcomes[trial.outcome] += 1
            most_s, most_bytes = max(most_s, trial.cpu_s), max(most_bytes, trial.peak_bytes)
            if trial.outcome == "fault":
                print(f"{name} | {trial.case} | {trial.words}", flush=True)
        told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        print(f"{name}: {told}; {most_s:.1f} s, {most_bytes >> 20} MiB at most", flush=True)


if __name__ == "__main__":
    main()
