"""Distinct blocks are timed as the whole network is in the end: without instruments."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rsinspect.profiling.budget import Budget
from rsinspect.profiling.choices import Mode
from rsinspect.profiling.distinct import distinct_blocks
from rsinspect.profiling.projection import multiples
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented
from tests.networks import network_of

if TYPE_CHECKING:
    from rsinspect.profiling.extrapolate import Probe

pytestmark = pytest.mark.keras

PATHS = ("stem", "c4/block1", "optimizer", "call")


@dataclass
class Fake:
    """A clock, and an instrument whose passes move it: 0.2 s with instruments, 0.19 s without."""

    now_s: float = 0.0
    called: list[str] = field(default_factory=list)
    parts: Any = tuple((path, "whole") for path in PATHS)
    carries_total: bool = True

    def clock(self) -> float:
        return self.now_s

    def instrumented(self) -> Instrumented:
        self.called.append("instrumented")
        self.now_s += 0.2
        return Instrumented(wall_s=0.2, parts_s=(0.05,) * 4)

    def end_to_end(self) -> None:
        self.called.append("plain")
        self.now_s += 0.19


def probe_of(fake: Fake, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> "Probe":
    from rsinspect.profiling import extrapolate

    monkeypatch.setattr(extrapolate, "workload", lambda *_: None)
    monkeypatch.setattr(extrapolate, "time", SimpleNamespace(perf_counter=fake.clock))
    request = ProfileRequest(network=network_of(101), batch=4, mode=mode)
    distinct = distinct_blocks(request.network)
    assert distinct is not None
    backend: Any = SimpleNamespace(instrument=lambda _: fake)
    return extrapolate.Probe(request, distinct, backend, Budget.starting(60.0, fake.clock))


def total_s(probe: "Probe") -> float:
    whole = probe.request.network.graph
    return 0.05 * sum(multiples(whole, probe.distinct, PATHS, images=1.0))


def test_what_instruments_cost_in_training_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    probe = probe_of(fake, "train", monkeypatch)
    probe.sample(6.0)
    assert probe.prediction.end_to_end_s == pytest.approx(0.95 * total_s(probe))
    assert sum(part.repeats * part.latency_s for part in probe.prediction.parts) == pytest.approx(
        probe.prediction.end_to_end_s
    )
    turn = ["instrumented"] * 3 + ["plain"] * 3
    assert fake.called[:14] == ["instrumented", "plain", *turn, *turn]


def test_nothing_is_compiled_for_it_that_the_time_does_not_do_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake()
    probe = probe_of(fake, "train", monkeypatch)
    probe.sample(0.0)
    assert fake.called == ["instrumented"] * 2
    assert probe.prediction.end_to_end_s == pytest.approx(total_s(probe))


def test_time_stamps_of_a_forward_pass_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    probe = probe_of(fake, "forward", monkeypatch)
    probe.sample(6.0)
    assert set(fake.called) == {"instrumented"}
    assert len(fake.called) > 20
    fake.carries_total = False
    fake.called.clear()
    probe_of(fake, "forward", monkeypatch).sample(6.0)
    assert "plain" in fake.called
