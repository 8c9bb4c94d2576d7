"""Bad inputs tried on every reader of outside data, and what came of them.

    python -m benchmarks.bad_inputs              all that is odd, once for each reader; ten minutes
    python -m benchmarks.bad_inputs 200          and 200 changes of its good ones

Each trial is a process within bounds of time and memory (``tests.fuzz.bounded``); the table is
Markdown on stdout, faults are told on stderr, and any of them is exit code 1.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import chain, groupby
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from rsinspect.base.units import binary_bytes
from tests.fuzz.bounded import Trial, all_tried, changes_tried
from tests.fuzz.readers import READERS

OUTCOMES = ("answered", "refused", "lacks something", "fault")
HEADS = ("reader", "tried", *OUTCOMES, "longest, CPU s", "largest, above start")


def row_of(name: str, trials: list[Trial]) -> tuple[str, ...]:
    """Write the row of one reader."""
    counted = Counter(trial.outcome for trial in trials)
    return (
        name, str(len(trials)), *(str(counted[outcome]) for outcome in OUTCOMES),
        f"{max(trial.cpu_s for trial in trials):.1f}",
        binary_bytes(max(trial.peak_bytes for trial in trials)),
    )  # fmt: skip


def table(trials: list[Trial]) -> list[str]:
    """Write the table: a row for each reader, and one for all of them."""
    by_reader = sorted(trials, key=lambda trial: list(READERS).index(trial.reader))
    rows = [row_of(name, list(own)) for name, own in groupby(by_reader, lambda trial: trial.reader)]
    rows.append(row_of("**all**", trials))
    return [f"| {' | '.join(row)} |" for row in (HEADS, ("---",) * len(HEADS), *rows)]


def main() -> None:
    """Try, and print the table."""
    count = int(sys.argv[1]) if sys.argv[1:] else 0
    trials = []
    for trial in chain(all_tried(), changes_tried(count)):
        trials.append(trial)
        if trial.outcome == "fault":
            print(trial.reader, trial.case, trial.words, sep=" | ", file=sys.stderr, flush=True)
    print(*table(trials), sep="\n")
    sys.exit(any(trial.outcome == "fault" for trial in trials))


if __name__ == "__main__":
    main()
