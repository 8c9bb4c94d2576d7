"""Commands that write while something goes wrong: at each system call in turn.

    python -m tests.faults [SEED [MOST]]   # MOST calls of each command and fault; all by default

One process loads the commands once and forks a child for each fault, so that a hundred take as
long as ten calls of the program. In the child a library that was preloaded (``faulty.c``) counts
the system calls that change something below a folder, and lets one of them fail, or ends the
process there. Afterwards each file must be the old one or the new one, whole, and nothing beside.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from ctypes import CDLL
from pathlib import Path
from typing import NamedTuple

from tests.processes import PATIENCE_S

SOURCE = Path(__file__).with_name("faulty.c")
MAKES, WRITES, NAMES, REMOVES, MODES = 1, 2, 4, 8, 16
"""Kinds of system calls, as in ``faulty.c``."""
ALL = MAKES | WRITES | NAMES | REMOVES | MODES
FOR_EVER = 10**6


class Fault(NamedTuple):
    """What goes wrong, and how often.

    Attributes:
        says: What to call it.
        kinds: Of calls that are counted.
        error: That a call ends with; 0 for none.
        number: Signal that the process gets; 0 for none.
        often: At how many calls in a row.
        late: Whether the signal comes after the call.
    """

    says: str
    kinds: int
    error: int = 0
    number: int = 0
    often: int = 1
    late: bool = False


FAULTS = (
    Fault("disk full from then on", MAKES | WRITES, errno.ENOSPC, often=FOR_EVER),
    Fault("quota exceeded once", MAKES | WRITES, errno.EDQUOT),
    Fault("I/O error", MAKES | WRITES | NAMES | MODES, errno.EIO),
    Fault("permission denied", MAKES | NAMES | MODES, errno.EACCES),
    Fault("too many open files", MAKES, errno.EMFILE),
    Fault("target in use", NAMES, errno.EBUSY),
    Fault("call interrupted", MAKES | WRITES, errno.EINTR),
    Fault("SIGINT before", ALL, number=signal.SIGINT),
    Fault("SIGINT after", ALL, number=signal.SIGINT, late=True),
    Fault("SIGTERM before", ALL, number=signal.SIGTERM),
    Fault("SIGHUP, twice", ALL, number=signal.SIGHUP, often=2),
    Fault("SIGKILL before", ALL, number=signal.SIGKILL),
    Fault("SIGKILL after", ALL, number=signal.SIGKILL, late=True),
)
NOTHING = Fault("nothing", ALL)
INSTANTS = tuple(
    Fault(f"{number.name} at an instant", 0, number=number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
)
"""Signals that come whatever the program does just then."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Those of them that wait while a child is made."""


class Scene(NamedTuple):
    """A command that writes.

    Attributes:
        line: Behind ``rsinspect``.
        writes: Names of the files that it writes.
        store: Name of the store of runs that it writes to.
        slow: Whether it starts Keras, in processes of its own.
        piecewise: Whether each file and each run stands for itself, and the next one for another:
            a measurement goes wherever it can, and a second import brings the rest.
    """

    line: str
    writes: tuple[str, ...] = ()
    store: str | None = None
    slow: bool = False
    piecewise: bool = False


SMALL = "--blocks 1,1,1,1 --width 0.25 --resolution 32"
COSTS = ("activation_bytes", "flops", "macs", "params")
GALLERY = ("site/index.html", "site/resnet-rs-50-160x160.html")
CONVERT = "weights convert w.safetensors --model net.json"
SCENES = (
    Scene(f"summary {SMALL} -o x.json", ("x.json",)),
    Scene(f"graph {SMALL} -o x.html", ("x.html",)),
    Scene(f"graph {SMALL} -o x.svg", ("x.svg",)),
    Scene(
        f"graph {SMALL} -o x.me.json",
        ("x.me.json", *(f"x.{name}.node_data.json" for name in COSTS)),
    ),
    Scene("diff 50 101 -o x.csv", ("x.csv",)),
    Scene("table 7 --plot x.svg -o x.md", ("x.svg", "x.md")),
    Scene(f"report {SMALL} --only facts -o x.html", ("x.html",)),
    Scene("report --gallery 50 --only facts -o site", GALLERY),
    Scene("recipe 50 -o x.py", ("x.py",)),
    Scene("scale -a depth=50,101 -o x.parquet", ("x.parquet",)),
    Scene("check 50 --update", ("rsinspect.toml",)),
    Scene(
        "profile --from run.json --plot x.svg --trace x.json -o x.csv",
        ("x.csv", "x.json", "x.svg"),
        piecewise=True,
    ),
    Scene("profile --from run.json --record --db new.db", store="new.db"),
    Scene("profile --from run.json --tag a --db runs.db", store="runs.db"),
    Scene("runs tag latest a --db runs.db", store="runs.db"),
    Scene("runs prune --keep 1 --db runs.db", store="runs.db"),
    Scene("runs import run.json --db runs.db", store="runs.db"),
    Scene("runs import lab.db --db runs.db", store="runs.db", piecewise=True),
    Scene("runs export --db runs.db -o x.json", ("x.json",)),
    Scene("runs export --db lab.db -o runs.db", store="runs.db"),
    Scene("runs export --db lab.db -o new.db", store="new.db"),
    Scene(f"{CONVERT} -o x.h5", ("x.h5",)),
    Scene(f"{CONVERT} -o x.weights.h5", ("x.weights.h5",)),
    Scene(f"{CONVERT} -o x.safetensors", ("x.safetensors",)),
)


def library(folder: Path) -> Path | None:
    """Compile what lets calls fail; None where that cannot be."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    made = folder / "faulty.so"
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(made), str(SOURCE), "-ldl"], check=True
    )
    return made


def prepare(folder: Path) -> None:
    """Write the files that commands read: a run, stores, a network and its weights."""
    from safetensors.numpy import save_file

    from rsinspect.networks.network import resnet_rs
    from rsinspect.networks.spec import ResNetRSSpec
    from rsinspect.runs.store import open_store
    from tests.conftest import GOLDENS
    from tests.runs import kept_run, kept_runs
    from tests.test_weights_convert import state_dict

    shutil.copy(GOLDENS / "run-50-train.json", folder / "run.json")
    for name, runs in (("runs.db", kept_runs(3)), ("lab.db", [kept_run(7), kept_run(8)])):
        with open_store(folder / name, write=True) as store:
            for run in runs:
                store.add(run, tags=("seven",) if name == "lab.db" and not len(store) else ())
    network = resnet_rs(
        ResNetRSSpec.layout((1, 1), filters=(8, 16), resolution=(32, 32), classes=5)
    )
    save_file(state_dict(network), folder / "w.safetensors")
    network.save(folder / "net.json")


class Ended(NamedTuple):
    """How a command ended, and what there was then.

    Attributes:
        code: Its exit code, or minus the signal that ended it.
        said: On stderr.
        files: What each of the files has that it writes, and its mode; None where it is not.
        runs: Of its store, in words; None without.
        beside: Other files, in its folder or among temporary ones.
    """

    code: int
    said: str
    files: dict[str, tuple[bytes, int] | None]
    runs: str | None
    beside: list[str]


class Stage:
    """A folder that commands are carried out in, each time as it was at first.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._world = folder / "world"
        self.place, self.temporary = self._world / "place", self._world / "tmp"
        self._source, self._notes = folder / "source", folder / "notes"
        self._source.mkdir()
        self._notes.mkdir()
        prepare(self._source)

    def set(self, scene: Scene, *, old: bool) -> None:
        """Put everything in its place, and old files where others are to be written."""
        shutil.rmtree(self._world, ignore_errors=True)
        for note in self._notes.iterdir():
            note.unlink()
        shutil.copytree(self._source, self.place)
        self.temporary.mkdir()
        for name in scene.writes if old else ():
            file = self.place / name
            file.parent.mkdir(exist_ok=True)
            file.write_text("# old\n")
            file.chmod(0o640)

    def found(self, scene: Scene, code: int = 0, said: str = "") -> Ended:
        """Look at what there is."""
        files: dict[str, tuple[bytes, int] | None] = {}
        for name in scene.writes:
            file = self.place / name
            there = file.is_file()
            files[name] = (file.read_bytes(), file.stat().st_mode & 0o777) if there else None
        known = {*scene.writes, *(path.name for path in self._source.iterdir()), scene.store}
        logs = {f"{name}{end}" for name in known for end in ("-wal", "-shm", "-journal")}
        named = {str(x.relative_to(self.place)) for x in self.place.rglob("*") if x.is_file()}
        beside = sorted(named - known - logs) + sorted(x.name for x in self.temporary.iterdir())
        runs = None if scene.store is None else runs_in(self.place / scene.store)
        return Ended(code, said, files, runs, beside)

    def call(self, scene: Scene, fault: Fault = NOTHING, first: int = 0) -> tuple[Ended, int]:
        """Carry a command out in a child; return how it ended and how many calls were counted."""
        child = self._started(scene, fault, first)
        code = _waited(child)
        seen = self._notes / f"{child}.seen"
        calls = int(seen.read_text()) if seen.exists() else 0
        return self.found(scene, code, self._said(child)), calls

    def ended(self, scene: Scene, number: int, after_s: float) -> Ended:
        """Carry a command out in a child, and send it a signal."""
        child = self._started(scene, NOTHING, 0)
        time.sleep(after_s)
        os.kill(child, number)
        return self.found(scene, _waited(child), self._said(child))

    def together(self, scenes: Sequence[Scene]) -> list[Ended]:
        """Carry commands out at once."""
        children = [self._started(scene, NOTHING, 0) for scene in scenes]
        codes = [_waited(child) for child in children]
        each = zip(scenes, children, codes, strict=True)
        return [self.found(scene, code, self._said(child)) for scene, child, code in each]

    def _said(self, child: int) -> str:
        said = self._notes / f"{child}.said"
        return said.read_text(errors="replace") if said.exists() else ""

    def _started(self, scene: Scene, fault: Fault, first: int) -> int:
        held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # until the child hears them
        if (child := os.fork()) == 0:
            self._be(scene.line.split(), fault, first)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        return child

    def _be(self, arguments: Sequence[str], fault: Fault, first: int) -> None:
        """Be the child: the program, from its first moment to its last."""
        try:
            atexit._clear()  # what this process has to do at its own end
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
            os.chdir(self.place)
            os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary)
            notes = self._notes / str(os.getpid())
            says = os.open(notes.with_suffix(".said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream, number in ((nothing, 0), (nothing, 1), (says, 2)):
                os.dup2(stream, number)
            sys.argv = ["rsinspect", *arguments]
            preloaded = CDLL(None)
            if hasattr(preloaded, "fault"):
                os._exit = _leaving(os._exit, notes)  # type: ignore[assignment]
                preloaded.fault(
                    os.fsencode(self._world), fault.kinds, first, fault.often, fault.error,
                    int(fault.number), fault.late,
                )  # fmt: skip
            from rsinspect.cli.app import main

            main()
        except KeyboardInterrupt:  # before the program met it
            os._exit(130)
        except BaseException:
            import traceback

            (self._notes / f"{os.getpid()}.said").write_text(traceback.format_exc())
        os.kill(os.getpid(), signal.SIGABRT)  # a bug


def _leaving(leave: Callable[[int], object], notes: Path) -> Callable[[int], None]:
    """Leave as before, but write down how many calls there were."""

    def leaving(code: int) -> None:
        preloaded = CDLL(None)
        seen = preloaded.faults_seen()
        preloaded.fault(b"", 0, 0, 0, 0, 0, 0)
        notes.with_suffix(".seen").write_text(str(seen))
        leave(code)

    return leaving


def _waited(child: int) -> int:
    """Wait for a child, but not for ever; return its exit code, or minus the signal."""
    ends = time.monotonic() + PATIENCE_S
    while not (done := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > ends:
            os.kill(child, signal.SIGABRT)
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(done[1])


def runs_in(path: Path) -> str:
    """Say which runs a store has and what they are called; what is wrong with it, if anything."""
    from rsinspect.base.errors import RsInspectError, StoreUnusable
    from rsinspect.runs.integrity import findings
    from rsinspect.runs.store import open_store

    try:
        if wrong := [line for finding in findings(path) for line in finding.wrong]:
            return f"damaged: {wrong}"
        with open_store(path) as store:
            return "; ".join(f"{run.id} {run.tags}" for run in store.runs())
    except StoreUnusable:
        return ""
    except RsInspectError as exc:
        return f"damaged: {exc}"


def wrong(scene: Scene, before: Ended, after: Ended, now: Ended, fault: Fault) -> Iterator[str]:
    """List what should not be, after something went wrong.

    Args:
        scene: The command.
        before: What there was.
        after: What there is when nothing goes wrong.
        now: What there is.
        fault: What went wrong.
    """
    killed = fault.number == signal.SIGKILL
    ends = {0, 128 + fault.number} if fault.number else {0, 1, 2, 3}
    if killed or (fault in INSTANTS and now.files == before.files):  # perhaps it had hardly begun
        ends.add(-fault.number)
    if now.code not in ends:
        yield f"exit code {now.code}"
    if "Traceback" in now.said or len(now.said.splitlines()) > 4:
        yield "it says too much"
    if now.code in (1, 2, 3) and "error: " not in [line[:7] for line in now.said.splitlines()]:
        yield "it does not say why"
    kept = {name: is_ in (before.files[name], after.files[name]) for name, is_ in now.files.items()}
    if half := [name for name, whole in kept.items() if not whole]:
        yield f"neither old nor new: {half}"
    expected = {0: [after], 1: [before], 2: [before], 3: [before]}.get(now.code, [before, after])
    if not (killed or scene.piecewise) and now.files not in [each.files for each in expected]:
        yield "some files are old and some new, or not as its exit code says"
    if scene.piecewise and now.code != 0:
        there, least, most = (
            {run.split(" ")[0] for run in (each.runs or "").split("; ")} - {""}
            for each in (now, before, after)
        )
        if not least <= there <= most:
            yield f"the store has {now.runs}"
    elif now.runs not in [each.runs for each in expected]:
        yield f"the store has {now.runs}"
    if now.beside and not killed:
        yield f"left behind: {now.beside}"


class Tried(NamedTuple):
    """What became of a command under one fault.

    Attributes:
        scene: The command.
        fault: What went wrong.
        calls: How many calls of the kind it makes, at each of which it can go wrong.
        ends: How often it ended with each exit code.
        wrong: What was wrong afterwards, and after which call.
    """

    scene: Scene
    fault: Fault
    calls: int
    ends: Counter[int]
    wrong: list[str]


def tried(
    stage: Stage,
    scene: Scene,
    faults: Sequence[Fault] = FAULTS,
    dice: random.Random | None = None,
    most: int = FOR_EVER,
) -> Iterator[Tried]:
    """Let a command go wrong at each call, or at some, with and without an old file.

    Args:
        stage: Where.
        scene: The command.
        faults: What goes wrong.
        dice: Which calls, where there are more than ``most``.
        most: Calls for each fault.
    """
    dice = dice or random.Random(0)
    for old in (False, True) if scene.writes else (False,):
        stage.set(scene, old=old)
        before = stage.found(scene)
        after, _ = stage.call(scene)
        assert after.code == 0, (scene.line, after.said)
        counts: dict[int, int] = {}
        for fault in faults:
            if fault.kinds not in counts:
                stage.set(scene, old=old)
                _, counts[fault.kinds] = stage.call(scene, NOTHING._replace(kinds=fault.kinds))
            calls = counts[fault.kinds]
            numbers = range(1, calls + 1)
            ends, faulty = Counter[int](), list[str]()
            for first in sorted(dice.sample(numbers, most)) if calls > most else numbers:
                stage.set(scene, old=old)
                now, _ = stage.call(scene, fault, first)
                ends[now.code] += 1
                faulty += [
                    f"{scene.line}, {fault.says} at call {first} of {calls}: {each} ({now.said!r})"
                    for each in wrong(scene, before, after, now, fault)
                ]
            yield Tried(scene, fault, calls, ends, faulty)


def at_instants(stage: Stage, scene: Scene, dice: random.Random, most: int) -> Iterator[str]:
    """End a command at random instants, and list what should not be then."""
    stage.set(scene, old=True)
    before = stage.found(scene)
    begun_s = time.monotonic()
    after, _ = stage.call(scene)
    takes_s = time.monotonic() - begun_s
    for fault in INSTANTS:
        for _ in range(most):
            stage.set(scene, old=True)
            after_s = dice.uniform(0, takes_s)
            now = stage.ended(scene, fault.number, after_s)
            for each in wrong(scene, before, after, now, fault):
                yield f"{scene.line}, {fault.says}: {each} ({now.said!r})"


def load(scene: Scene, stage: Stage) -> None:
    """Carry a command out in this process, so that all it needs is loaded."""
    from rsinspect.cli.app import run

    stage.set(scene, old=False)
    before = os.getcwd()  # noqa: PTH109
    os.chdir(stage.place)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run([*scene.line.split(), "-q"])
    finally:
        os.chdir(before)


CROWDS = (
    5 * (
        Scene("summary 50 -o x.json", ("x.json",)),
        Scene("summary 101 -o x.json", ("x.json",)),
    ),
    4 * (Scene("report --gallery 50 --only facts -o site", GALLERY),),
    5 * (
        Scene("runs import lab.db --db new.db", store="new.db"),
        Scene("runs import runs.db --db new.db", store="new.db"),
    ),
    6 * (Scene("profile --from run.json --tag a --db runs.db", store="runs.db"),),
)  # fmt: skip
"""Commands that write one target at once."""


def crowded(stage: Stage, crowd: Sequence[Scene]) -> Iterator[str]:
    """Let commands write one target at once, and list what should not be then.

    Args:
        stage: Where.
        crowd: Of a file, which is that of one of them; or of a store, which has the runs of all.
    """
    alone: dict[Scene, Ended] = {}
    for scene in dict.fromkeys(crowd):
        load(scene, stage)
        stage.set(scene, old=False)
        alone[scene], _ = stage.call(scene)
    if crowd[0].store is not None:
        for scene in alone:
            alone[scene], _ = stage.call(scene)  # one after the other
    everything = [*alone.values()][-1].runs
    stage.set(crowd[0], old=False)
    for scene, ended in zip(crowd, stage.together(crowd), strict=True):
        if ended.code:
            yield f"{scene.line}: exit code {ended.code}: {ended.said}"
        if scene.store is None and ended.files not in [each.files for each in alone.values()]:
            yield f"{scene.line}: the file is nobody's"
        if ended.beside:
            yield f"{scene.line}: left behind: {ended.beside}"
    if sorted((ended.runs or "").split("; ")) != sorted((everything or "").split("; ")):
        yield f"{crowd[0].line}: the store has {ended.runs}, not {everything}"


def main(seed: int = 0, most: int = FOR_EVER, scenes: Sequence[Scene] = SCENES) -> int:
    """Try commands, and list what is wrong."""
    dice, faulty, number = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        for scene in scenes:
            load(scene, stage)
            for each in tried(stage, scene, dice=dice, most=most):
                number += each.ends.total()
                faulty += bool(each.wrong)
                for line in each.wrong[:3]:
                    print(line, flush=True)
            print(f"{number:6d} {scene.line}", file=sys.stderr, flush=True)
    print(f"{number} faults, {faulty} commands and faults with something wrong")
    return int(faulty > 0)


def unsettled(seed: int = 0, most: int = 2, scenes: Sequence[Scene] = SCENES) -> list[str]:
    """Let commands write one target at once, end commands at any instant, and list what is wrong.

    Needs no calls that fail.
    """
    dice, lines = random.Random(seed), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        for crowd in CROWDS:
            lines += crowded(stage, crowd)
        for scene in scenes:
            load(scene, stage)
            lines += at_instants(stage, scene, dice, most)
    return lines


def again_with_faults(module: str, arguments: Sequence[str]) -> int | None:
    """Run a module in a process whose calls can fail; None in one where they can already.

    Raises:
        SystemExit: If there is no C compiler, or no Linux.
    """
    if hasattr(CDLL(None), "faults_seen"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = library(Path(folder))
        if made is None:
            sys.exit("no C compiler, or no Linux")
        line = [sys.executable, "-m", module, *arguments]
        return subprocess.call(line, env=os.environ | {"LD_PRELOAD": str(made)})


if __name__ == "__main__":
    code = again_with_faults("tests.faults", sys.argv[1:])
    sys.exit(main(*map(int, sys.argv[1:3])) if code is None else code)  # type: ignore[arg-type]
