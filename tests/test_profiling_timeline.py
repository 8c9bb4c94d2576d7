"""Wall time is divided and never counted twice; Chrome trace documents hold what ran when."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsinspect.profiling.timeline import Span, attribute, chrome_trace, chrome_trace_of
from tests.runs import a_run

SPANS = st.lists(
    st.builds(
        lambda owner, start, lasts, lane: Span("op", owner, start, lasts, lane),
        st.sampled_from(["a", "b", None]),
        st.integers(0, 50),
        st.integers(0, 20),
        st.sampled_from(["1", "2", "3"]),
    ),
    max_size=12,
)


def covered(spans: list[Span]) -> int:
    """Microseconds in which anything ran, counted one by one."""
    return sum(any(span.start_us <= moment < span.end_us for span in spans) for moment in range(80))


@given(SPANS)
def test_owners_and_nobody_share_the_time_in_which_anything_ran(spans: list[Span]) -> None:
    found = attribute(spans)
    assert found.busy_s * 1e6 == pytest.approx(covered(spans), abs=1e-6)
    assert all(value >= 0 for value in found.seconds.values())


def test_the_innermost_span_of_a_lane_runs() -> None:
    found = attribute([Span("outer", "a", 0, 10, "1"), Span("inner", "b", 2, 3, "1")])
    assert {k: v * 1e6 for k, v in found.seconds.items()} == pytest.approx({"a": 7, "b": 3})


def test_lanes_at_the_same_time_share_it() -> None:
    found = attribute([Span("x", "a", 0, 10, "1"), Span("y", "b", 0, 10, "2")])
    assert {k: v * 1e6 for k, v in found.seconds.items()} == pytest.approx({"a": 5, "b": 5})


def test_what_has_no_owner_is_nobody_s() -> None:
    found = attribute([Span("x", None, 0, 10, "1")])
    assert found.seconds == {}
    assert found.unattributed_s == pytest.approx(1e-5)


def complete(document: dict[str, object]) -> list[dict[str, object]]:
    events = document["traceEvents"]
    assert isinstance(events, list)
    return [event for event in events if event["ph"] == "X"]


def test_a_chrome_trace_names_processes_and_lanes() -> None:
    document = chrome_trace([("net", [Span("conv", "stem/conv1", 1.5, 2.25, "thread 7")])])
    names = [e["args"]["name"] for e in document["traceEvents"] if e["ph"] == "M"]
    assert names == ["net", "thread 7"]
    (event,) = complete(document)
    assert (event["ts"], event["dur"], event["name"]) == (1.5, 2.25, "conv")


def check(event: dict[str, object], key: str, right: Callable[[object], bool]) -> None:
    assert right(event[key]), (key, event)


def test_a_run_as_a_chrome_trace_is_valid_and_has_every_part_of_every_round() -> None:
    """The fields that Google's Trace Event Format asks of complete events."""
    run = a_run()
    document = json.loads(json.dumps(chrome_trace_of(run)))
    events = complete(document)
    for event in events:
        check(event, "name", lambda value: isinstance(value, str) and bool(value))
        for key in ("ts", "dur"):
            check(event, key, lambda value: isinstance(value, float | int) and value >= 0)
        for key in ("pid", "tid"):
            check(event, key, lambda value: isinstance(value, int))
    rounds = [e for e in events if str(e["name"]).startswith("round ")]
    assert [e["name"] for e in rounds] == [
        "round 1", "round 2", "round 3", "round 4, does not count",
    ]  # fmt: skip
    stems = [e["dur"] for e in events if e["name"] == "stem"]
    assert stems == pytest.approx([s * 1e6 for s in run.segments[0].latency.samples])
    assert rounds[1]["ts"] == pytest.approx(0.5e6), "after the first of its burst"
    assert [e["args"] for e in events if e["name"] == "conv"] == [{"path": "stem/conv1"}]
