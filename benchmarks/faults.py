"""What commands leave behind when something goes wrong while they write.

    python -m benchmarks.faults [SEED [MOST]]     # the table of README.md; ten minutes for 5
    python -m benchmarks.faults frameworks        # a disk that fills up under Keras; ten minutes

At each call of the system by which a command changes something, or at some of each kind, the call
fails or a signal comes (``tests.faults``); afterwards every file has to be the old one or the new
one, as the exit code says, and nothing may lie beside.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults import (
    CROWDS,
    FOR_EVER,
    SCENES,
    SMALL,
    Stage,
    again_with_faults,
    crowded,
    load,
    prepare,
    tried,
)


def injected(seed: int = 0, most: int = FOR_EVER) -> list[str]:
    """Tabulate faults and what became of the commands.

    Args:
        seed: Of the choice of calls.
        most: Calls for each command and fault.
    """
    dice = random.Random(seed)
    ends: dict[str, Counter[str]] = {}
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        for scene in SCENES:
            load(scene, stage)
            for each in tried(stage, scene, dice=dice, most=most):
                counted = ends.setdefault(each.fault.says, Counter())
                for code, number in each.ends.items():
                    counted[_outcome(code)] += number
                counted["wrong"] += len(each.wrong)
                lines += [f"- {line}" for line in each.wrong]
            print(scene.line, file=sys.stderr, flush=True)
        crowds = [len([*crowded(stage, crowd)]) for crowd in CROWDS]
    names = ("done all the same", "refused in a line", "ended", "killed", "wrong")
    head = f"| fault | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}"
    rows = [
        f"| {fault} | {' | '.join(str(counted[name]) for name in names)} |"
        for fault, counted in ends.items()
    ]
    total = sum(sum(counted.values()) - counted["wrong"] for counted in ends.values())
    return [
        f"{total} faults in {len(SCENES)} commands; {sum(map(len, CROWDS))} calls at once on "
        f"{len(CROWDS)} targets, {sum(crowds)} of them wrong.",
        "",
        head,
        *rows,
        *(["", "What was wrong:", "", *lines] if lines else []),
    ]


def _outcome(code: int) -> str:
    if code == 0:
        return "done all the same"
    if code < 0:
        return "killed"
    return "refused in a line" if code < 128 else "ended"


FRAMEWORKS = (
    *(f"export {SMALL} -o x{end}" for end in (".keras", ".weights.h5", ".savedmodel", ".onnx")),
    "weights convert w.safetensors --model net.json -o x.keras",
)
ROOM_KB = (0, 64)
"""That the disk has."""


def frameworks() -> list[str]:
    """Tabulate what becomes of a file that a framework writes to a real disk without room.

    The disk is one in memory, which root alone can have.
    """
    rows = ["| command | room | exit code | said | left |", "| --- | ---: | ---: | --- | --- |"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        prepare(source)
        for line in FRAMEWORKS:
            for room_kb in ROOM_KB:
                words = [_named(word, source) for word in line.split()]
                with _disk(room_kb) as disk:
                    done = subprocess.run(
                        [sys.executable, "-m", "rsinspect", *words, "-q"],
                        cwd=disk, check=False, capture_output=True, text=True,
                    )  # fmt: skip
                    left = " ".join(sorted(path.name for path in disk.iterdir()))
                first, *more = [*done.stderr.splitlines(), "", ""]
                said = f"{first} ({len(more) - 2} more lines)"
                rows.append(f"| `{line}` | {room_kb} kB | {done.returncode} | {said} | {left} |")
                print(rows[-1], file=sys.stderr, flush=True)
    return rows


def _named(word: str, source: Path) -> str:
    return str(source / word) if (source / word).exists() else word


@contextlib.contextmanager
def _disk(room_kb: int) -> Iterator[Path]:
    """Mount a disk in memory that has room for so much, beside what fills the rest."""
    with tempfile.TemporaryDirectory() as folder:
        size = f"size={room_kb + 4}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
        try:
            ballast = Path(folder, "ballast")
            ballast.write_bytes(bytes(4096))
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def main(arguments: list[str]) -> None:
    """Print a table."""
    if arguments == ["frameworks"]:
        print("\n".join(frameworks()))
    else:
        print("\n".join(injected(*map(int, arguments))))


if __name__ == "__main__":
    asked = sys.argv[1:]
    code = None if asked == ["frameworks"] else again_with_faults("benchmarks.faults", asked)
    if code is None:
        main(asked)
    else:
        sys.exit(code)
