"""A contest of ways as a table: what each takes, compared with the first, and which is fastest."""

from __future__ import annotations

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import seconds
from rsinspect.base.words import Option, Wording, advice
from rsinspect.profiling.choices import COMPILERS
from rsinspect.profiling.gate import FOREIGN_AT_MOST, gate
from rsinspect.profiling.record.contest import Contest, Contestant, Result, to_json
from rsinspect.profiling.record.headline import speed

RESULTS: dict[Result, str] = {
    "fastest": "fastest",
    "faster": "fast",
    "undecided": "undecided",
    "slower": "slower",
    "failed": "not built",
    "differs": "other outputs",
    "time": "no time left",
}


def ranking_answer(contest: Contest) -> Answer:
    """Show a contest as a table of ways; its JSON is a document of its own."""
    table = _table(contest)

    def document() -> dict[str, object]:
        return to_json(contest) | {"answer": headline(contest)}

    return Answer(table, document)


def headline(contest: Contest) -> str:
    """Say which way is fastest, and by how much, in a sentence or two."""
    latency, comparison = contest.latency(contest.best), contest.comparisons[contest.best]
    assert latency is not None, "the first way is in every round"
    pace = speed(latency.median / contest.batch.used)
    if contest.best == 0 or comparison is None:
        return f"Nothing was shown to be faster here than the network {contest.words(0)}: {pace}"
    interval = comparison.interval
    within = "" if interval is None else f" [{interval[0]:.2f}, {interval[1]:.2f}]"
    return (
        f"Fastest here: {contest.words(contest.best)}. It takes {comparison.ratio:.2f}{within} "
        f"of the time of the network as it is: {pace}"
    )


def _table(contest: Contest) -> Table:
    numbers = range(len(contest.contestants))
    order = sorted(numbers, key=lambda number: (_ratio(contest, number), number))
    return Table(
        title=f"{contest.network.title}, {contest.conditions}: ways",
        columns=(
            Column("path", "Way", wraps=True),
            Column("latency", "Median", "seconds"),
            Column("images_per_s", "{}images/s", "rate"),
            Column("ratio", "Of first's\ntime", "number", decimals=2),
            Column("interval", "95 % CI"),
            Column("result", "Result"),
        ),
        rows=tuple(_row(contest, number) for number in order),
        lead=(headline(contest), *_use(contest), *_warnings(contest)),
        notes=_notes(contest),
        strong=frozenset({contest.words(contest.best)}),
        name=f"ways-{contest.network.title}-{contest.conditions}",
    )


def _ratio(contest: Contest, number: int) -> float:
    """Sort ways by their time; those that were not compared come last."""
    comparison = contest.comparisons[number]
    if comparison is None or contest.contestants[number].why is not None:
        return float("inf")
    return comparison.ratio


def _row(contest: Contest, number: int) -> dict[str, Value]:
    row: dict[str, Value] = {
        "path": contest.words(number),
        "latency": None,
        "images_per_s": None,
        "ratio": None,
        "interval": "",
        "result": _result(contest, number),
    }
    comparison = contest.comparisons[number]
    if comparison is None:
        return row
    median, interval = comparison.latency.median, comparison.interval
    row |= {
        "latency": median,
        "images_per_s": contest.batch.used / median,
        "ratio": comparison.ratio,
    }
    if number and interval is not None:
        row["interval"] = f"{interval[0]:.2f} to {interval[1]:.2f}"
    return row


def _result(contest: Contest, number: int) -> str:
    """Word what became of a way; the best is only kept where others may be as fast."""
    if number == contest.best and _undecided(contest):
        return "kept"
    return RESULTS[contest.result(number)]


def _undecided(contest: Contest) -> bool:
    return any(contest.result(x) == "undecided" for x in range(len(contest.contestants)))


def _use(contest: Contest) -> list[Note]:
    """Say how to ask for the fastest way, in a profile and in Keras."""
    options = contest.fastest.options(contest.first)
    if not options:
        return []
    spaced: list[str | Option] = ["To profile it so: "]
    for position, option in enumerate(options):
        spaced += [option] if position == 0 else [", ", option]
    return [Wording(tuple(spaced))]


def _in_keras(contest: Contest) -> str | None:
    """Say in Python what makes a Keras model run in the fastest way."""
    changed = contest.fastest.changes(contest.first)
    calls = []
    if changed.get("fold_batch_norm"):
        calls.append("rsinspect.fold_batch_norm(model)")
    if changed.get("fused_batch_norm"):
        calls.append("rsinspect.fuse_batch_norm(model)")
    if "layout" in changed:
        calls.append(f"a model built with data_format={changed['layout']!r}")
    if changed.get("jit"):
        compiler = COMPILERS[contest.request.backend]
        calls.append(f"model.compile(jit_compile=True) for {compiler}")
    return f"In Keras: {', '.join(calls)}." if calls else None


def _warnings(contest: Contest) -> list[Note]:
    """List what to beware of."""
    found: list[Note] = []
    if contest.batch.used < contest.batch.requested:
        found.append(
            advice(
                "Compared at batch {}, for which there was time, not {}: {} would do for more.",
                str(contest.batch.used),
                str(contest.batch.requested),
                Option("max_time_s", round(2 * contest.request.max_time_s)),
            )
        )
    gated = gate([bout.window for bout in contest.bouts], [bout.burst for bout in contest.bouts])
    if gated.verdict == "quietest":
        shares = sorted(share for share in gated.foreign_share if share is not None)
        if shares and (middle := shares[len(shares) // 2]) > FOREIGN_AT_MOST:
            found.append(
                f"Warning: other programs took {100 * middle:.0f} % of the CPU: ratios hold, as "
                "ways ran in turns; times do not."
            )
    return found


def _notes(contest: Contest) -> tuple[Note, ...]:
    compared = [c for c in contest.contestants[1:] if c.why is None]
    notes: list[Note] = []
    if (keras := _in_keras(contest)) is not None:
        notes.append(keras)
    if compared:
        notes.append(f"Outputs differ from the first way's by {_differences(compared)} at most.")
    notes += [
        f"{contest.words(number)}: {contestant.reason}."
        for number, contestant in enumerate(contest.contestants)
        if contestant.reason is not None
    ]
    if _undecided(contest):
        notes.append(
            advice(
                "Undecided: the interval against the way that was kept does not tell which of the "
                "two is faster; a quiet machine may, or {}.",
                Option("max_time_s", round(2 * contest.request.max_time_s)),
            )
        )
    notes.append(
        f"Ways were built one after the other, {seconds(contest.wall_s)} in all; ratios are of "
        "medians over the rounds that both ran in, bursts of each in random order."
    )
    return tuple(notes)


def _differences(compared: list[Contestant]) -> str:
    largest = max(contestant.differs_by or 0.0 for contestant in compared)
    return f"{largest:.0e} of the largest output"
