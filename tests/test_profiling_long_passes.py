"""Measurements of long passes: what a run says of them, and what is said while they run."""

from __future__ import annotations

import json
import re
import textwrap
from io import StringIO

import pytest
from rich.console import Console

from rsinspect.cli import progress
from rsinspect.profiling.answer import profile_answer
from rsinspect.profiling.budget import Budget, Estimate
from rsinspect.profiling.notes import closure_line
from rsinspect.profiling.parent import NotMeasured
from rsinspect.profiling.protocol import (
    AttemptStarted,
    BatchRefused,
    Estimated,
    Event,
    Roughly,
    TimeLeft,
)
from rsinspect.profiling.record.cautions import FewSamples, FirstCall, NotSteady
from rsinspect.profiling.record.document import SAME_PASS, from_json, to_json
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.worker import product_flops_per_s
from tests.test_profiling_parent import NETWORK, MakeWorker, run, worker

__all__ = ["worker"]

LONG = """
def alone(count, total_of):
    for number in range(count):
        say("round", burst=number, at_s=number, end_to_end_s=10.0, instrumented_s=10.0,
            parts_s=[2.0] * 5 + [0.0], capacity_s=20.0, foreign_s=0.0, clock_share=None,
            total_of=total_of)
ready()
"""
TOO_LATE = "say('time_left', left_s=1.0, passes=0)\ntime.sleep(3600)"


def test_a_run_of_long_passes_says_what_its_total_is_of(worker: MakeWorker) -> None:
    found = run(worker(f"{LONG}alone(1, 'first')\nalone(7, 'instrumented')\nfinished()"))
    assert found.total_of == "instrumented"
    assert found.rounds.count == 7, "the call that compiled is not among them"
    assert found.end_to_end.latency.interval == (10.0, 10.0)
    assert (found.closure.closes, found.closure.overhead) == (None, None)
    assert not any(isinstance(caution, FewSamples | FirstCall) for caution in found.warnings)
    words = closure_line(found)
    assert words.startswith("Parts and whole are of the same passes: no time for any without")
    assert "Timing overhead unknown" in words
    notes = "\n".join(map(str, profile_answer(found).table.notes))
    assert "7 rounds of one pass each" in notes
    assert "Method, but no time for pairs: " in notes
    document = json.loads(json.dumps(to_json(found)))
    assert document["total_of"] == "instrumented"
    assert document["closure"]["reason"] == SAME_PASS
    assert document["closure"]["instrumentation"]["relative_error"] is None
    assert from_json(document) == found


def test_where_rounds_scatter_it_is_not_said_that_parts_do_not_add_up(worker: MakeWorker) -> None:
    scattered = """
    for number in range(12):
        whole_s, part_s = ((10.0, 3.0), (15.0, 2.0))[number % 2]
        say("round", burst=number, at_s=number, end_to_end_s=whole_s, instrumented_s=whole_s,
            parts_s=[part_s] * 5 + [0.0], capacity_s=20.0, foreign_s=0.0, clock_share=None,
            total_of="plain")
    finished()
    """
    found = run(worker(f"{LONG}{textwrap.dedent(scattered)}"))
    assert found.closure.closes is False
    assert closure_line(found).startswith("Too noisy to say whether parts add up")


def test_the_call_that_compiled_has_to_do_where_there_was_time_for_no_other(
    worker: MakeWorker,
) -> None:
    found = run(worker(f"{LONG}alone(1, 'first')\n{TOO_LATE}"), up_at=TimeLeft)
    assert (found.total_of, found.rounds.count) == ("first", 1)
    assert any(isinstance(caution, FirstCall) for caution in found.warnings)
    assert not any(isinstance(caution, NotSteady) for caution in found.warnings)
    assert "in the call that compiled the network" in closure_line(found)


def test_passes_in_pairs_are_better_than_one_that_was_tried_before(worker: MakeWorker) -> None:
    found = run(worker(f"{LONG}alone(1, 'first')\nalone(1, 'instrumented')\nresult(1)"))
    assert (found.total_of, found.rounds.count) == ("plain", 1)


def test_what_a_pass_takes_roughly_is_known_though_nothing_was_measured(
    worker: MakeWorker,
) -> None:
    body = "say('phase', name='starting'); say('roughly', pass_s=20.0); time.sleep(3600)"
    with pytest.raises(NotMeasured, match="pass of 8 images takes roughly 20") as no:
        run(worker(body), max_time_s=0.5, up_at=Roughly)
    assert "350" in str(no.value.hint), "half a minute, and sixteen passes"


def test_a_product_of_matrices_has_a_rate() -> None:
    assert product_flops_per_s(side=8, most_s=0.0) > 0


# ---- what is said meanwhile

SLOW = Estimate(batch=128, ready_s=3.0, pass_s=10.6, begun_s=9.0)
LADDER: tuple[Event, ...] = (
    BatchRefused(128, "predicted 250 GiB > 90.0 % of 18.4 GiB available"),
    BatchRefused(64, "predicted 128 GiB > 90.0 % of 18.4 GiB available"),
    AttemptStarted(32),
    Roughly(4.0),
)


def said(*events: Event, terminal: bool = False) -> tuple[list[str], progress._Now]:
    """Lines that events come to, and what is shown of the time."""
    stream = StringIO()
    console = Console(file=stream, width=200, force_terminal=terminal, color_system=None)
    now = progress._Now(Budget.starting(60.0, lambda: 1000.0))
    request = ProfileRequest(network=NETWORK, batch=128)
    display = progress._Display(request, now, console)
    with (progress._bar if terminal else progress._lines)(console, now):
        for event in events:
            display(event)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", stream.getvalue())
    text = re.sub(r"starting .* more", "", text)  # the bar
    return [line.strip() for line in text.splitlines() if line.strip()], now


@pytest.mark.parametrize("terminal", [False, True])
def test_the_steps_of_the_ladder_are_told_as_they_happen(terminal: bool) -> None:
    lines, _ = said(*LADDER, terminal=terminal)
    assert [line for line in lines if line.startswith("batch ") and ":" in line] == [
        "batch 128: predicted 250 GiB > 90.0 % of 18.4 GiB available",
        "batch 64: predicted 128 GiB > 90.0 % of 18.4 GiB available",
        "batch 32: it is predicted to fit, and tried",
    ]


def test_what_a_pass_takes_roughly_is_told_where_there_is_little_time() -> None:
    lines, _ = said(*LADDER[:3], Roughly(30.0))
    assert lines[-1].startswith("a forward pass of 32 images takes roughly 30.0 s here")


@pytest.mark.parametrize("terminal", [False, True])
def test_it_is_said_once_how_long_it_will_take_and_shown_all_the_time(terminal: bool) -> None:
    lines, now = said(Estimated(SLOW), TimeLeft(50.0, 3), TimeLeft(40.0, 3), terminal=terminal)
    assert now.left == "about 40 s more"
    assert now.whole_s == 40.0
    assert lines == [
        "a pass of 128 images takes about 10.6 s here: 60 s are too short for an interval; an "
        "interval needs --batch 64, or --max-time 110",
        "this will take about 50 s, for 3 measured passes",
    ]


def test_it_never_takes_longer_than_the_budget() -> None:
    lines, now = said(TimeLeft(400.0, 0))
    assert lines == [
        "this will take about 60 s, for one pass, in the call that compiles the network"
    ]
    assert now.left == "about 60 s more"


def test_while_nobody_knows_it_is_at_most_the_budget() -> None:
    _, now = said()
    assert now.left == "at most 60 s more"
    assert now.whole_s == 60.0
