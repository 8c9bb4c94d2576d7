"""A choice as a table: every network that was considered, the pick and the runners-up marked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rsinspect import paper
from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base import codec
from rsinspect.base.units import binary_bytes, count, seconds, seconds_span
from rsinspect.base.words import Option, Wording, advice, names_in_words, plural
from rsinspect.profiling.gate import FOREIGN_AT_MOST
from rsinspect.profiling.statistics import NOMINAL_COVERAGE
from rsinspect.tradeoffs.choice import Bounds, Choice, Entry

SCHEMA = "rsinspect.choose/1"
"""Version of the document. 1: first."""

_BEYOND = {
    "max_latency_s": "too slow",
    "min_top1": "accuracy",
    "max_memory_bytes": "memory",
    "max_flops": "FLOPs",
    "max_params": "params",
}
"""What keeps a network from being chosen, in a cell."""


def choice_answer(choice: Choice) -> Answer:
    """Show a choice as a table of networks."""
    return Answer(_table(choice), lambda: _document(choice))


def headline(choice: Choice) -> str:
    """Say which network to choose, in a sentence; or that there is none, and the nearest."""
    pick = choice.pick
    if pick is None:
        nearest = choice.nearest
        return (
            f"No network is {_asked(choice.bounds)}; the nearest is {_described(choice, nearest)}"
        )
    what = "fastest" if choice.bounds.wants_fastest else "most accurate"
    return f"Choose {_described(choice, pick)}: the {what} {_asked(choice.bounds)}"


def _asked(bounds: Bounds) -> str:
    """Word the bounds.

    >>> _asked(Bounds(max_latency_s=0.2, min_top1=82.0))
    'within 200 ms and 82 % top-1 or more'
    """
    given = bounds.given
    most = [
        write(given[name])
        for name, write in (
            ("max_latency_s", seconds),
            ("max_memory_bytes", lambda value: binary_bytes(round(value))),
            ("max_flops", lambda value: f"{count(round(value))} FLOPs"),
            ("max_params", lambda value: f"{count(round(value))} params"),
        )
        if name in given
    ]
    words = [f"within {', '.join(most)}"] if most else []
    if "min_top1" in given:
        words.append(f"{'' if most else 'of '}{given['min_top1']:g} % top-1 or more")
    return " and ".join(words)


def _described(choice: Choice, entry: Entry) -> str:
    """Name a network with what it is like."""
    latency, interval = entry.latency, _interval(entry)
    images = plural(choice.settings.batch, "image")
    return (
        f"{entry.network.title} ({entry.candidate.top1:g} % top-1, {seconds(latency.value)}"
        f"{f' [{interval}]' if interval else ''} for {images})"
    )


def _interval(entry: Entry) -> str:
    if entry.latency.interval is None:
        return ""
    return seconds_span(*entry.latency.interval, entry.latency.value)


def _table(choice: Choice) -> Table:
    has_flops = choice.bounds.max_flops is not None
    flops = (Column("flops", "FLOPs", "count"),) if has_flops else ()
    return Table(
        title=f"Networks for this machine: {choice.settings.conditions(choice.settings.batch)}",
        columns=(
            Column("path", "Network"),
            Column("top1", "Top-1\n%", "number", decimals=1),
            Column("latency_s", "Latency", "seconds"),
            Column("interval", "95 % CI"),
            Column("memory_bytes", "Memory", "bytes"),
            Column("params", "Params", "count"),
            *flops,
            Column("result", "Result"),
        ),
        rows=tuple(
            {
                "path": entry.candidate.name,
                "top1": entry.candidate.top1,
                "latency_s": entry.latency.value,
                "interval": _interval(entry),
                "memory_bytes": entry.memory_bytes,
                "params": entry.params,
                "flops": entry.flops,
                "result": _result(choice, entry),
            }
            for entry in choice.entries
        ),
        lead=(f"{headline(choice)}.", *_doubts(choice), *_next(choice)),
        notes=tuple(_notes(choice)),
        strong=frozenset() if choice.pick is None else frozenset({choice.pick.candidate.name}),
        name="choice",
    )


def _result(choice: Choice, entry: Entry) -> str:
    if entry is choice.pick:
        return "pick"
    if entry in choice.runners_up:
        return "next"
    fit = entry.fit(choice.bounds)
    if fit in ("yes", "likely"):
        return "fits"
    return "may fit" if fit == "unlikely" else _BEYOND[entry.worst(choice.bounds)[0]]


def _doubts(choice: Choice) -> Iterator[Note]:
    """Say where an interval leaves it open which network is best."""
    pick = choice.pick
    if pick is not None and pick.fit(choice.bounds) == "likely":
        yield (
            f"Its interval holds the bound: {pick.candidate.name} is likely within it, not surely."
        )
    if pick is not None and pick.extrapolates:
        yield f"Its latency is estimated beyond what was timed: {'; '.join(pick.extrapolates)}."
    if rivals := choice.rivals:
        names = names_in_words([entry.candidate.name for entry in rivals])
        also = "" if pick is None else " too"
        yield f"{names} may be within it{also}: the interval holds the bound."


def _next(choice: Choice) -> Iterator[Note]:
    """Name the runners-up, and say what measuring the pick takes."""
    if choice.runners_up:
        listed = "; ".join(_described(choice, entry) for entry in choice.runners_up)
        yield f"Runners-up: {listed}."
    pick = choice.pick
    if pick is not None and pick.how != "measured":
        time_s = choice.verification(pick).time_s
        yield advice(
            "It was added up from blocks, not measured: {} measures it as a whole, in about {} s."
            if pick.how == "blocks"
            else "It was estimated, not measured: {} measures it as a whole, in about {} s.",
            Option("verify", True),
            str(time_s),
        )


def _notes(choice: Choice) -> Iterator[Note]:
    source = paper.accuracy_source(choice.source)
    yield f"Top-1 on ImageNet: {source.title}. {source.note}"
    latencies = (
        f"Latency of {plural(choice.settings.batch, 'image')}: each network's distinct blocks, "
        f"timed in turns in {plural(choice.timed, 'small network')}"
    )
    if choice.timed_batch != choice.settings.batch:
        latencies += f" with {plural(choice.timed_batch, 'image')} at a time"
    yield f"{latencies}, and added up; {seconds(choice.wall_s)} in all."
    estimated = [entry.candidate.name for entry in choice.entries if entry.how == "estimate"]
    if estimated:
        yield _estimated(choice, estimated)
    measured = [entry.candidate.name for entry in choice.entries if entry.how == "measured"]
    if measured:
        yield f"Measured as a whole: {', '.join(measured)}."
    if (choice.foreign_share or 0.0) > FOREIGN_AT_MOST:
        yield (
            f"Other programs took {100 * (choice.foreign_share or 0.0):.0f} % of the CPU: the "
            "intervals are wider for it."
        )
    question = choice.question
    yield (
        f"Memory: weights and the most activations alive at once, batch {question.batch}, "
        f"{question.dtype}; a framework's own comes on top."
    )
    if choice.bounds.max_flops is not None:
        yield f"FLOPs ({question.convention}), for one image: {question.legend}."


def _estimated(choice: Choice, names: list[str]) -> Wording:
    return advice(
        "Estimated from the others, as there was no time for their blocks: {}; {} would do for "
        "more.",
        ", ".join(names),
        Option("max_time_s", round(2 * choice.settings.max_time_s)),
    )


def _document(choice: Choice) -> dict[str, Any]:
    pick = choice.pick
    return {
        "schema": SCHEMA,
        "answer": headline(choice),
        "bounds": dict(choice.bounds.given),
        "conditions": choice.settings.conditions(choice.settings.batch),
        "pick": None if pick is None else pick.candidate.name,
        "runners_up": [entry.candidate.name for entry in choice.runners_up],
        "may_fit": [entry.candidate.name for entry in choice.rivals],
        "nearest": choice.nearest.candidate.name,
        "verify_s": None if pick is None else choice.verification(pick).time_s,
        "accuracy_source": choice.source,
        "batch": choice.settings.batch,
        "timed_batch": choice.timed_batch,
        "timed_networks": choice.timed,
        "convention": choice.question.convention,
        "ci_nominal": NOMINAL_COVERAGE,
        "rows": [_row(choice, entry) for entry in choice.entries],
        "environment": codec.to_json(choice.environment),
        "request": codec.to_json(choice.settings),
        "started_at": choice.started_at,
        "wall_s": choice.wall_s,
    }


def _row(choice: Choice, entry: Entry) -> dict[str, Value | Any]:
    low, high = entry.latency.interval or (None, None)
    return {
        "model": entry.candidate.name,
        "title": entry.network.title,
        "fingerprint": entry.network.fingerprint,
        "family": entry.candidate.family,
        "top1": entry.candidate.top1,
        "latency_s": {"median": entry.latency.value, "ci_low": low, "ci_high": high},
        "latency_from": entry.how,
        "extrapolates": list(entry.extrapolates),
        "memory_bytes": entry.memory_bytes,
        "params": entry.params,
        "flops": entry.flops,
        "fits": entry.fit(choice.bounds),
        "result": _result(choice, entry),
        "excess": entry.excess(choice.bounds),
    }
