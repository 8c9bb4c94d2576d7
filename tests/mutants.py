"""Documents that somebody, or chance, has changed; and what every command must do with them.

python -m tests.mutants SEED COUNT        tries that many by hand, and says what went wrong
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from rsinspect.cli.app import run
from rsinspect.profiling.record import predicted
from rsinspect.profiling.record.document import to_json
from tests import plotted, runs
from tests.networks import layout_of

Keys = tuple[Any, ...]

DEEP = object()
"""Written as a nesting of thousands."""
HUGE = 10**4999
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 0.0, -0.5, 0.5, 5e-324, 1e300, 10**17, 2**53 + 1, 10**25, HUGE,
    float("inf"), float("nan"), DEEP, "", "x", "\ud800", "a\x1b[31mb", "a\nb\x00", "e" * 100_000,
    "\u202etxt", "\ufffe", "<b>&\"'$\\", "日本語👨‍👩‍👧", "=1+1", [], {}, [[]] * 2000, ["x"] * 5000,
    [1.0] * 3, {"a": 1},
)  # fmt: skip
LIMITS = (0, 0.0, 1, 1.0, 0.5, 1e-9, 1e9, 10**9, 10**18, 2**24, 1e24, 1e-24, 1e-12, 5e-324)
WORDS = ("x" * 999, "日本語", "\u202e<b>&$\\", "stage", "block", "layer", "step", "train", "|", " ")


def written(value: Any) -> str:
    """Write JSON, and what is none: numbers beyond all bounds, nesting, halves of characters."""
    match value:
        case dict():
            return f"{{{','.join(f'{json.dumps(k)}:{written(v)}' for k, v in value.items())}}}"
        case list():
            return f"[{','.join(map(written, value))}]"
        case float() if value == float("inf"):
            return "1e400"
        case int() if abs(value) >= HUGE:  # or made larger still
            return f"{'-' if value < 0 else ''}{'9' * 5000}"
        case _ if value is DEEP:
            return "[" * 5000 + "]" * 5000
    return json.dumps(value)


def places(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    """List every place of a document."""
    if keys:
        yield keys
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*keys, key))


def at(document: Any, keys: Keys) -> Any:
    """Look up a place; None where it is gone."""
    for key in keys:
        try:
            document = document[key]
        except (LookupError, TypeError):
            return None
    return document


def mutant(random: Random, document: Any) -> Any:
    """Change one to four places into anything: another type, nothing, twice, a strange key."""
    document = copy.deepcopy(document)
    everywhere = list(places(document))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        keys = random.choice(everywhere)
        home, key = at(document, keys[:-1]), keys[-1]
        if not isinstance(home, dict | list):
            continue
        if isinstance(home, list) and not (isinstance(key, int) and key < len(home)):
            continue
        if isinstance(home, dict) and key not in home:
            continue
        what = random.random()
        if what < 0.12:
            del home[key]
        elif what < 0.2 and isinstance(home, list):
            home.insert(key, home[key])
        elif what < 0.24 and isinstance(home, dict):
            home[random.choice(("x\x1by", "", "k" * 3000, "\ud800"))] = home.pop(key)
        else:
            home[key] = _another(random, home[key])
    return document


def _another(random: Random, value: Any) -> Any:
    if isinstance(value, list) and random.random() < 0.4:
        return random.choice((value * 2, value[1:], value[:1], [*value, None], value * 50))
    if isinstance(value, int | float) and not isinstance(value, bool) and random.random() < 0.4:
        small = value / 1000 if abs(value) < 10**300 else 0
        return random.choice((-value, value * 1000, value * 10**12, small, value + 1))
    if isinstance(value, str) and random.random() < 0.3:
        return random.choice((f"{value}x", value.upper(), f"{value}\x1b", value * 50, f" {value}"))
    return random.choice(STRANGE)


def extreme(random: Random, document: Any) -> Any:
    """Change places into what they may be, but hardly are: least, largest, odd words, all alike."""
    document = copy.deepcopy(document)
    everywhere = list(places(document))
    latencies = [k[:-1] for k in everywhere if k[-1] == "samples" and k[-2] != "end_to_end"]
    latencies = [k for k in latencies if isinstance(at(document, (*k, "samples")), list)]
    for keys in random.choices(latencies, k=random.choice((0, 1, 3, 20))) if latencies else ():
        latency = at(document, keys)
        times = random.choice(((0.0,), (1e-9,), (1e9,), (1e-9, 1e9), (0.0, 1e-5)))
        latency["samples"] = [random.choice(times) for _ in latency["samples"]]
        rounds = zip(latency["samples"], document["rounds"]["kept"], strict=True)
        latency["median"] = statistics.median(time for time, kept in rounds if kept)
    for keys in random.choices(everywhere, k=random.choice((0, 1, 1, 3, 10))):
        home, key = at(document, keys[:-1]), keys[-1]
        match at(document, keys):
            case bool() as flag:
                home[key] = not flag
            case int() | float():
                home[key] = random.choice(LIMITS)
            case str():
                home[key] = random.choice(WORDS)
            case list() as values if random.random() < 0.3:
                home[key] = values[: random.randrange(len(values) + 1)]
            case None:
                pass
            case _ if random.random() < 0.2:
                home[key] = None
    return document


@cache
def saved_runs() -> list[Any]:
    """Runs of before, with everything, of stages and of blocks, and a prediction."""
    small = layout_of(1, 1, resolution=(32, 32), width=0.25)
    old = Path(__file__).parent / "goldens" / "run-50-train.json"
    made = (
        runs.a_run(network=small),
        *(plotted.a_run(level=level) for level in ("stage", "block")),
    )
    documents = [*map(to_json, made), predicted.to_json(runs.a_prediction(network=small))]
    return [json.loads(old.read_text()), *json.loads(json.dumps(documents))]


@cache
def saved_networks() -> list[Any]:
    """A network and a bare graph."""
    document = layout_of(1, 1, resolution=(32, 32), width=0.25).to_json()
    return [json.loads(json.dumps(document)), json.loads(json.dumps(document["graph"]))]


def of_run(random: Random, path: Path) -> list[str]:
    """A command line that reads a run."""
    shown = ["profile", "--from", str(path)]
    picture = str(path.with_name(f"picture.{random.choice(('svg', 'svg', 'svg', 'png', 'pdf'))}"))
    return random.choice(
        (
            shown,
            [*shown, "-f", random.choice(("json", "csv", "latex", "markdown", "yaml"))],
            [*shown, "-f", "csv", "--plot", picture],
            [*shown, "-f", "csv", "--roofline", picture],
            [*shown, "-f", "csv", "--trace", str(path.with_name("trace.json"))],
            ["graph", "50", "--profile", str(path), "-o", str(path.with_name("graph.dot"))],
        )
    )


def of_network(random: Random, path: Path) -> list[str]:
    """A command line that reads a network."""
    model = str(path)
    return random.choice(
        (
            ["summary", model, "--level", random.choice(("layer", "block", "stage"))],
            ["summary", model, "-f", random.choice(("json", "csv", "latex", "yaml", "markdown"))],
            ["graph", model],
            ["graph", model, "-o", str(path.with_name("graph.svg"))],
            ["graph", model, "-o", str(path.with_name("graph.html"))],
            ["graph", model, "-o", "-", "-f", random.choice(("dot", "mermaid", "tikz", "me.json"))],
            ["diff", model, "50"],
            ["diff", "50", model, "-f", random.choice(("json", "yaml", "csv"))],
        )
    )


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: Its exit code.
        out: What it said on stdout.
        err: And on stderr; where the code is TRACEBACK, the exception.
        arguments: Of the command line; empty where a function was called.
    """

    code: int
    out: str
    err: str
    arguments: Sequence[str] = ()


TRACEBACK = -2


def called(arguments: list[str]) -> Ended:
    """Call a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(arguments)
        except SystemExit as exc:
            code = -1 if exc.code is None else int(exc.code)
        except Exception as exc:  # what no user should ever meet
            return Ended(TRACEBACK, out.getvalue(), f"{type(exc).__name__}: {exc}"[:300])
    return Ended(code, out.getvalue(), err.getvalue(), arguments)


def fault(arguments: list[str]) -> str | None:
    """Call a command; say what is wrong with how it ended, if anything is."""
    return wrong_with(called(arguments))


def wrong_with(ended: Ended) -> str | None:
    """Say what is wrong with how a command ended, if anything is."""
    code, out, said, arguments = ended
    if code == TRACEBACK:
        return said
    if code == 1 and "holds a prediction, nothing was measured" in said:
        return None  # shown, and no picture made of it
    if code == 1 and "check" in arguments and "must be" in out + said:
        return None  # a bound is broken
    if code == 1 and arguments[:2] == ["weights", "verify"] and out and not said:
        return None  # they are not that network's
    if code == 1 and arguments[:1] == ["runs"]:
        if out and not said:
            return None  # what is damaged is told, or what did not come in
        code = 2  # a store that is damaged is refused
    if code not in (0, 2, 3):
        return f"exit code {code}: {said[:300]}"
    if code and (not said.startswith("error: ") or said.count("\n") > 2 or len(said) > 1500):
        return f"not one line: {said[:300]!r}"
    if code and out:
        return "an answer and an error"
    if any(sign in out + said for sign in "\x00\x1b"):
        return "control characters on the terminal"
    if arguments and arguments[-1] == "json" and not code and out:  # else it went into a file
        json.loads(out, parse_constant=_no_json)
    return None


def _no_json(word: str) -> None:
    raise ValueError(f"{word} in JSON")


def tried(seed: int, count: int, folder: Path) -> Iterator[tuple[list[str], str | None]]:
    """Try mutants; tell each command line and its fault.

    Args:
        seed: Of all choices.
        count: How many mutants.
        folder: Where they are written.
    """
    random = Random(seed)
    kinds = ((saved_runs(), of_run), (saved_networks(), of_network))
    path = folder / "mutant.json"
    for _ in range(count):
        documents, command = random.choice(kinds)
        change = random.choice((mutant, extreme))
        path.write_text(written(change(random, random.choice(documents))))
        arguments = command(random, path)
        yield arguments, fault(arguments)


def main() -> None:
    """Try mutants by hand; keep those with a fault."""
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for arguments, wrong in tried(int(sys.argv[1]), int(sys.argv[2]), Path(folder)):
            found[wrong or "fine"] += 1
            if wrong and found[wrong] == 1:
                print(arguments, wrong, sep="\n  ")
                kept = Path(tempfile.gettempdir(), f"mutant-{len(found)}.json")
                kept.write_bytes((Path(folder) / "mutant.json").read_bytes())
                print(f"  kept as {kept}")
    print(found.most_common(20))


if __name__ == "__main__":
    main()
