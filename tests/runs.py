"""Measured runs that tests are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rsinspect.networks.network import Network
from rsinspect.profiling.budget import Wanted
from rsinspect.profiling.record import document
from rsinspect.profiling.record.batch import Attempt, Batch
from rsinspect.profiling.record.cautions import (
    BatchReduced,
    BusyMachine,
    Caution,
    CutShort,
    DoesNotClose,
    FewSamples,
    FirstCall,
    NeverQuiet,
    NotSteady,
    OutputsDiffer,
    OverBudget,
    WideSpread,
)
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.record.run import EndToEnd, ProfileRun, Rounds, Segment
from rsinspect.profiling.record.trace import Trace, TracedEvent, TracedLayer
from rsinspect.profiling.request import Settings
from rsinspect.profiling.roofline.bound import Bound
from rsinspect.profiling.roofline.roofs import BandwidthRoof, ComputeRoof, Roofs
from rsinspect.profiling.statistics import Latency, Sampling
from tests.networks import network_of

MODEL = Model(
    name="resnet-rs-50", depth=50, blocks=(3, 4, 6, 3), resolution=(160, 160), dialect="keras"
)
ENVIRONMENT = Environment(
    platform="Linux", cpu_model=None, cpus_visible=2, cpus_affinity=2, cpus_quota=None,
    governor=None, threads_requested=None, threads="the framework's default", versions={},
    flags={}, load_before=None, load_after=None, seed=0, peak_rss_bytes=None,
)  # fmt: skip
ROOFS = Roofs(
    compute=(ComputeRoof(op="matmul", size="1024", flops_per_s=1e11),),
    bandwidth=(BandwidthRoof(level="DRAM", working_set_bytes=10**8, bytes_per_s=1e10),),
    precision="float32", method="made up",
)  # fmt: skip
CAUTIONS: tuple[Caution, ...] = (
    BatchReduced(128, 64),
    FewSamples(3),
    NotSteady(10),
    WideSpread(0.25),
    BusyMachine(1.75, 2),
    DoesNotClose(-0.2),
    OutputsDiffer(0.5),
    OverBudget(90.0, 60.0),
    NeverQuiet(0.1, 8),
    CutShort(5),
    FirstCall(),
)


def run_of(
    segments: Sequence[Segment],
    *,
    network: Network | None = None,
    batch: int | Batch = 8,
    whole: Sequence[float] | None = None,
    rounds: Rounds | None = None,
    **changes: Any,
) -> ProfileRun:
    """A run of these segments; what is not said is plain.

    Args:
        segments: All of the same rounds.
        network: What was measured; None for a run as files of before hold it.
        batch: Images in a batch.
        whole: End to end in each round; by default the sum of the segments.
        rounds: Where the samples came from; by default what the segments' sampling says.
        changes: Other fields of the run.
    """
    if isinstance(batch, int):
        batch = Batch(requested=batch, used=batch, tried=())
    sampling = segments[0].latency.sampling or Sampling.independent(
        len(segments[0].latency.samples)
    )
    columns = zip(*(segment.latency.samples for segment in segments), strict=True)
    samples = tuple(whole or map(sum, columns))
    count = len(samples)
    fields: dict[str, Any] = {
        "model": MODEL if network is None else Model.of(network),
        "environment": ENVIRONMENT,
        "batch": batch,
        "mode": "forward", "precision": "float32", "backend": "tensorflow", "device": "cpu",
        "jit": False, "level": "stage", "method": "stamps", "optimizer": None,
        "roofs": None, "trace": None, "not_available": {},
        "output_max_abs_diff": None, "output_max_abs": 1.0,
        "stopped_because": "time", "max_time_s": 60.0, "measured_s": 60.0, "warm_up_s": (1.0,),
        "predicted_bytes": 1, "started_at": "2026-01-01T00:00:00+00:00", "wall_s": 70.0,
        "request": None if network is None else Settings(batch=batch.requested),
        "network": None if network is None else replace(network, spec=None),
    }  # fmt: skip
    return ProfileRun(
        **fields | changes,
        end_to_end=EndToEnd(latency=Latency(samples, sampling), batch=batch.used),
        segments=tuple(segments),
        rounds=rounds
        or Rounds(
            sampling=sampling, at_s=tuple(map(float, range(count))), foreign_share=(0.01,) * count,
            instrumented_s=samples, verdict="gated",
        ),
    )  # fmt: skip


def a_run(**changes: Any) -> ProfileRun:
    """A run that has a bit of everything: roofs, a trace, a prediction, every caution.

    Four rounds in two processes, the last of which does not count; batch 64 of 128 that were
    requested.
    """
    sampling = Sampling((0, 0, 0, 1), (0, 0, 1, 0), (True, True, True, False))

    def latency(*samples: float) -> Latency:
        return Latency(samples, sampling)

    stem, c2 = latency(0.1, 0.1, 0.2, 0.9), latency(0.3, 0.3, 0.4, 0.9)
    bound = Bound(
        bound="memory", flops=2000, bytes=4096, floor_s=0.05, seconds=0.1, fraction=0.5, reason=None
    )
    rich: dict[str, Any] = {
        "environment": Environment(
            platform="Linux", cpu_model=None, cpus_visible=2, cpus_affinity=2, cpus_quota=1.5,
            governor=None, threads_requested=None, threads="the framework's default",
            versions={"python": "3.11.7", "keras": "3.15.1"}, flags={"XLA_FLAGS": "--x"},
            load_before=0.5, load_after=None, seed=0, peak_rss_bytes=1_000_000_000,
            unknown={"cpu_model": "why", "governor": "why", "load_after": "why"},
        ),
        "batch": Batch(
            requested=128,
            used=64,
            tried=(
                Attempt(batch=128, outcome="skipped", reason="predicted 9 GiB",
                        predicted_bytes=9, peak_rss_bytes=None),
                Attempt(batch=64, outcome="ran", reason=None, predicted_bytes=5,
                        peak_rss_bytes=6),
            ),
        ),
        "output_max_abs_diff": 0.0,
        "output_max_abs": 0.003,
        "prediction": Prediction(
            parts=(PredictedPart(path="stem", repeats=1, latency_s=0.1),
                   PredictedPart(path="c2/block1", repeats=2, latency_s=0.2)),
            end_to_end_s=0.5, rounds=9, ready_s=5.0, end_to_end_interval=(0.48, 0.53),
        ),
        "roofs": ROOFS,
        "trace": Trace(
            layers=(TracedLayer(path="stem/conv1", share=0.2, latency_s=0.1),
                    TracedLayer(path="odd", share=0.1, latency_s=None)),
            unattributed=0.01, steps=3, method="profiler",
            events=(TracedEvent("conv", "stem/conv1", 0.0, 5.5, "thread 1"),
                    TracedEvent("copy", None, 6.0, 1.0, "thread 2")),
        ),
        "not_available": {"roofs": "why"},
        "warnings": CAUTIONS,
        "measured_s": 59.5,
        "warm_up_s": (9.0, 1.0, 1.0),
        "predicted_bytes": 5,
        "network": network_of(50, resolution=(160, 192)),
        "request": Settings(batch=128, threads=2, trace=True),
    }  # fmt: skip
    return run_of(
        (
            Segment(path="stem", level="stage", latency=stem, forward=stem, macs=1000,
                    bytes_moved=4096, intensity=8.5, bound=bound),
            Segment(path="c2", level="stage", latency=c2, forward=c2, macs=2000,
                    bytes_moved=8192, intensity=None),
            Segment(path="call", level="step", latency=latency(0.0, 0.0, 0.0, 0.1)),
        ),
        whole=(0.5, 0.4, 0.6, 2.0),
        rounds=Rounds(
            sampling=sampling, at_s=(0.0, 1.0, 2.0, 0.0), foreign_share=(0.0, 0.01, None, 0.5),
            instrumented_s=(0.5, 0.4, 0.6, 2.0), verdict="gated",
        ),
        **rich | changes,
    )  # fmt: skip


def kept_run(batch: int = 8, **changes: Any) -> dict[str, Any]:
    """The document of a small run, which differs by its batch or by any field of a run."""
    stem, c2 = (Latency((second, 1.1 * second)) for second in (0.1, 0.3))
    run = run_of(
        (
            Segment(path="stem", level="stage", latency=stem, forward=stem, macs=1000),
            Segment(path="c2", level="stage", latency=c2, forward=c2, macs=2000),
        ),
        batch=batch,
        **changes,
    )
    return document.to_json(run)


def kept_runs(number: int) -> list[dict[str, Any]]:
    """Documents of small runs, each of another batch."""
    return [kept_run(batch) for batch in range(1, number + 1)]


def a_prediction(**changes: Any) -> PredictedRun:
    """A prediction in the place of a run."""
    network = network_of(50)
    given: dict[str, Any] = {
        "model": Model.of(network),
        "batch": 128,
        "prediction": Prediction(
            parts=(PredictedPart(path="stem", repeats=1, latency_s=22.9),),
            end_to_end_s=22.9, rounds=9, ready_s=12.0, batch=16, foreign_share=0.54,
            end_to_end_interval=(13.0, 40.3),
        ),
        "stopped_because": "time",
        "wanted": Wanted(16, 370),
        "started_at": "2026-01-01T00:00:00+00:00",
        "wall_s": 15.0,
        "request": Settings(batch=128),
        "network": replace(network, spec=None),
    }  # fmt: skip
    return PredictedRun(**given | changes)
