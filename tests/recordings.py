"""What stands for measurements in pages that are carried out: recordings, or made-up runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rsinspect.comparisons import live
from rsinspect.comparisons.comparison import Comparison, Side
from rsinspect.comparisons.references import saved_comparison
from rsinspect.networks.named import network as named
from rsinspect.networks.network import Network
from rsinspect.profiling import parent
from rsinspect.profiling.record.document import to_json
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.record.run import ProfileRun, Segment
from rsinspect.profiling.record.saved import load_saved
from rsinspect.profiling.request import ProfileRequest, Settings
from rsinspect.profiling.statistics import Latency
from rsinspect.profiling.survey import Survey
from rsinspect.sweeps import local_executor, site
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.execution import Outcome
from rsinspect.tradeoffs import choose
from tests.conftest import GOLDENS
from tests.runs import ENVIRONMENT, run_of

MACS_PER_S = 5e10
"""Of the machine that is made up."""


@dataclass
class Recordings:
    """What takes the place of a measurement.

    Attributes:
        name: Of the recording among the goldens; None for measurements that are made up.
    """

    name: str | None = None

    def measure(self, request: ProfileRequest, *_: Any, **__: Any) -> ProfileRun:
        """Stand for ``parent.profile``."""
        if self.name is None:
            return made_up(request.network, request)
        run = recorded(self.name)
        assert run.batch.requested == request.batch, "the recording is of another batch"
        assert (run.mode, run.model.name) == (request.mode, request.network.name)
        return run

    def compare(self, request: ProfileRequest, references: tuple[str, str], **_: Any) -> Comparison:
        """Stand for ``live.compare_now``."""
        if self.name is None:
            assert request.other is not None
            runs = (made_up(each.network, each) for each in (request, request.other))
            one, other = (
                Side(reference=reference, run=run)
                for reference, run in zip(references, runs, strict=True)
            )
            return Comparison(a=one, b=other, how="groups")
        found = saved_comparison(str(GOLDENS / self.name), None)
        assert found is not None
        assert tuple(side.reference for side in (found.a, found.b)) == references
        return found

    def survey(self, networks: Sequence[Network], settings: Settings, **_: Any) -> Survey:
        """Stand for ``survey.survey``."""
        latencies = [(each.cost.macs / MACS_PER_S) for each in networks]
        return Survey(
            predictions=tuple(
                Prediction(
                    parts=(PredictedPart(path="stem", repeats=1, latency_s=latency),),
                    end_to_end_s=latency,
                    end_to_end_interval=(latency / 1.05, latency * 1.05),
                    rounds=8, ready_s=20.0, batch=1,
                )
                for latency in latencies
            ),
            runs=(made_up(networks[0], replace(settings, batch=1)),),
            setup_s=(4.0,) * len(latencies),
            batch=1, requested_batch=settings.batch, environment=ENVIRONMENT,
            started_at="2026-01-01T00:00:00+00:00", wall_s=40.0,
        )  # fmt: skip

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[Outcome]:
        """Stand for the executor of a sweep."""
        for number, cell in enumerate(cells):
            run = made_up(named(cell.model), cell.settings, wall_s=10.0 + number)
            yield Outcome(key=cell.key, kind="done", document=to_json(run))


def recorded(name: str) -> ProfileRun:
    """A run that was measured, with the network that it is of, which its file may not have."""
    run = load_saved(GOLDENS / name)
    assert isinstance(run, ProfileRun)
    if run.network is not None:
        return run
    assert run.model.resolution is not None
    made = named(f"{run.model.depth}@{run.model.resolution[0]}")
    asked = Settings(batch=run.batch.requested, mode=run.mode, precision=run.precision)
    return replace(run, model=Model.of(made), network=replace(made, spec=None), request=asked)


def made_up(network: Network, settings: Settings, **changes: Any) -> ProfileRun:
    """A run whose passes take as long as the network has MACs."""
    samples = (settings.batch * network.cost.macs / MACS_PER_S,) * 8
    whole = Segment(path="stem", level="stage", latency=Latency(samples))
    asked = {name: getattr(settings, name) for name in ("mode", "precision", "backend", "device")}
    return run_of([whole], network=network, batch=settings.batch, whole=samples, **asked | changes)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Nothing is measured; call it with the name of a recording, or None."""
    recordings = Recordings()
    monkeypatch.setattr(parent, "profile", recordings.measure)
    monkeypatch.setattr(live, "compare_now", recordings.compare)
    monkeypatch.setattr(choose, "survey", recordings.survey)
    monkeypatch.setattr(choose, "profile", recordings.measure)
    for module in (site, local_executor):
        monkeypatch.setattr(module, "local_executor", lambda _: recordings)

    def from_now(name: str | None) -> None:
        recordings.name = name

    return from_now
