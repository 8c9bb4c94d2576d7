"""Bad inputs tried on every reader of outside data, and what came of them.

    python -m benchmarks.bad_inputs              all that is odd, once for each reader; ten minutes
    python -m benchmarks.bad_inputs 200          and 200 changes of its good ones
    python -m benchmarks.bad_inputs 0 bounds     of one reader; tests.fuzz.guided --list names them

Each trial is a process within bounds of time and memory (``tests.fuzz.bounded``). The table is
Markdown on stdout, a row as soon as its reader is done; faults are told on stderr, and any of them
is exit code 1.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from itertools import chain, groupby
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from rsinspect.base.units import binary_bytes
from tests.fuzz.bounded import Trial, changes_tried, odd_tried, ready
from tests.fuzz.readers import READERS

OUTCOMES = ("answered", "refused", "lacks something", "fault")
HEADS = ("reader", "tried", *OUTCOMES, "longest, CPU s", "most memory")


def row_of(name: str, trials: Sequence[Trial]) -> str:
    """Write the row of one reader, or of all."""
    counted = Counter(trial.outcome for trial in trials)
    cells = (
        name, len(trials), *(counted[outcome] for outcome in OUTCOMES),
        f"{max(trial.cpu_s for trial in trials):.1f}",
        binary_bytes(max(trial.peak_bytes for trial in trials)),
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Try, and print the table."""
    count = int(sys.argv[1]) if sys.argv[1:] else 0
    print(f"| {' | '.join(HEADS)} |", f"|{' --- |' * len(HEADS)}", sep="\n", flush=True)
    ready()
    trials: list[Trial] = []
    each = chain.from_iterable(
        chain(odd_tried(READERS[name]), changes_tried(READERS[name], count))
        for name in sys.argv[2:] or READERS
    )
    for name, of_reader in groupby(each, lambda trial: trial.reader):
        own = []
        for trial in of_reader:
            own.append(trial)
            if trial.outcome == "fault":
                print(name, trial.case, trial.words, sep=" | ", file=sys.stderr, flush=True)
        print(row_of(name, own), flush=True)
        trials += own
    print(row_of("**all**", trials))
    sys.exit(any(trial.outcome == "fault" for trial in trials))


if __name__ == "__main__":
    main()
