"""The record goes to JSON and back, and a damaged document is refused."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.profiling import cautions as records
from rsinspect.profiling.cautions import (
    BatchReduced,
    BusyMachine,
    Caution,
    CutShort,
    DoesNotClose,
    FewSamples,
    NeverQuiet,
    NotSteady,
    OutputsDiffer,
    OverBudget,
    WideSpread,
    wording,
)
from rsinspect.profiling.roofline import BandwidthRoof, Bound, ComputeRoof, Roofs
from rsinspect.profiling.run import (
    Attempt,
    Batch,
    Closure,
    EndToEnd,
    Environment,
    Model,
    PredictedPart,
    Prediction,
    ProfileRun,
    Rounds,
    Segment,
    Trace,
    TracedEvent,
    TracedLayer,
)
from rsinspect.profiling.run_document import from_json, to_json
from rsinspect.profiling.statistics import Latency, Sampling

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
)


SAMPLING = Sampling((0, 0, 0, 1), (0, 0, 1, 0), (True, True, True, False))
ROUNDS = Rounds(
    sampling=SAMPLING, at_s=(0.0, 1.0, 2.0, 0.0), foreign_share=(0.0, 0.01, None, 0.5),
    instrumented_s=(0.5, 0.4, 0.6, 2.0), verdict="gated",
)  # fmt: skip
WHOLE = Latency((0.5, 0.4, 0.6, 2.0), SAMPLING)
ROOFS = Roofs(
    compute=(ComputeRoof(op="matmul", size="1024", flops_per_s=1e11),),
    bandwidth=(BandwidthRoof(level="DRAM", working_set_bytes=10**8, bytes_per_s=1e10),),
    precision="float32", method="made up",
)  # fmt: skip
BOUND = Bound(
    bound="memory", flops=2000, bytes=4096, floor_s=0.05, seconds=0.1, fraction=0.5, reason=None
)
STEM, C2 = Latency((0.1, 0.1, 0.2, 0.9), SAMPLING), Latency((0.3, 0.3, 0.4, 0.9), SAMPLING)
SEGMENTS = (
    Segment(path="stem", level="stage", latency=STEM, forward=STEM, macs=1000,
            bytes_moved=4096, intensity=8.5, bound=BOUND),
    Segment(path="c2", level="stage", latency=C2, forward=C2, macs=2000,
            bytes_moved=8192, intensity=None),
    Segment(path="call", level="step", latency=Latency((0.0, 0.0, 0.0, 0.1), SAMPLING)),
)  # fmt: skip


def a_run() -> ProfileRun:
    return ProfileRun(
        model=Model(
            name="resnet-rs-50", depth=50, blocks=(3, 4, 6, 3), resolution=(160, 192),
            dialect="keras",
        ),
        environment=Environment(
            platform="Linux", cpu_model=None, cpus_visible=2, cpus_affinity=2, cpus_quota=1.5,
            governor=None, threads_requested=None, threads="the framework's default",
            versions=(("python", "3.11.7"), ("keras", "3.15.1")),
            flags=(("XLA_FLAGS", "--x"),), load_before=0.5, load_after=None, seed=0,
            peak_rss_bytes=1_000_000_000,
            unknown=(("cpu_model", "why"), ("governor", "why"), ("load_after", "why")),
        ),
        batch=Batch(
            requested=128,
            used=64,
            tried=(
                Attempt(batch=128, outcome="skipped", reason="predicted 9 GiB",
                        predicted_bytes=9, peak_rss_bytes=None),
                Attempt(batch=64, outcome="ran", reason=None, predicted_bytes=5,
                        peak_rss_bytes=6),
            ),
        ),
        mode="forward", precision="float32", backend="tensorflow", device="cpu", jit=False,
        level="stage", method="stamps", optimizer=None,
        end_to_end=EndToEnd(latency=WHOLE, batch=64),
        segments=SEGMENTS, rounds=ROUNDS,
        closure=Closure(
            segments=tuple(segment.latency for segment in SEGMENTS), end_to_end=WHOLE,
            instrumented=ROUNDS.instrumented, output_max_abs_diff=0.0, output_max_abs=0.003,
        ),
        prediction=Prediction(
            parts=(PredictedPart(path="stem", repeats=1, latency_s=0.1),
                   PredictedPart(path="c2/block1", repeats=2, latency_s=0.2)),
            end_to_end_s=0.5, rounds=9, ready_s=5.0,
        ),
        roofs=ROOFS,
        trace=Trace(
            layers=(TracedLayer(path="stem/conv1", share=0.2, latency_s=0.1),
                    TracedLayer(path="odd", share=0.1, latency_s=None)),
            unattributed=0.01, steps=3, method="profiler",
            events=(TracedEvent("conv", "stem/conv1", 0.0, 5.5, "thread 1"),
                    TracedEvent("copy", None, 6, 1, "thread 2")),
        ),
        not_available=(("roofs", "why"),),
        warnings=CAUTIONS,
        stopped_because="time", max_time_s=60.0, measured_s=59.5, warm_up_s=(9.0, 1.0, 1.0),
        predicted_bytes=5, started_at="2026-01-01T00:00:00+00:00", wall_s=70.0,
    )  # fmt: skip


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(to_json(a_run())))
    return loaded


def test_to_json_and_back_is_the_same_run() -> None:
    assert from_json(document()) == a_run()


def test_the_document_has_the_keys_that_others_rely_on() -> None:
    found = document()
    assert found["schema"] == "rsinspect.profile/1"
    assert set(found) >= {
        "schema", "model", "environment", "batch", "mode", "precision", "backend", "device",
        "method", "end_to_end", "segments", "closure", "warnings",
    }  # fmt: skip
    assert set(found["model"]) == {"name", "depth", "blocks", "resolution", "dialect"}
    assert set(found["batch"]) == {"requested", "used", "tried"}
    assert set(found["end_to_end"]) >= {"latency_s", "images_per_s"}
    assert set(found["end_to_end"]["latency_s"]) >= {"median", "ci_low", "ci_high", "samples"}
    assert set(found["closure"]) >= {"sum_s", "end_to_end_s", "relative_error"}
    for segment in found["segments"]:
        assert set(segment) >= {
            "path", "level", "latency_s", "share", "macs", "flops_per_s", "bytes", "intensity",
            "bound",
        }  # fmt: skip
    assert [(row["bound"], row["bound_reason"]) for row in found["segments"]] == [
        ("memory", None), (None, "roofs not measured"), (None, "no part of the network"),
    ]  # fmt: skip


def test_derived_figures() -> None:
    found = document()
    assert found["end_to_end"]["images_per_s"] == pytest.approx(64 / 0.5)
    assert found["end_to_end"]["per_image_s"] == pytest.approx(0.5 / 64)
    assert found["end_to_end"]["per_128_images_s"] == pytest.approx(1.0)
    assert [segment["share"] for segment in found["segments"]] == pytest.approx([0.25, 0.75, 0])
    assert found["segments"][0]["flops_per_s"] == pytest.approx(2 * 1000 * 64 / 0.1)
    assert found["closure"]["relative_error"] == pytest.approx(-0.2)


@pytest.mark.parametrize("caution", CAUTIONS, ids=lambda caution: type(caution).__name__)
def test_every_caution_has_words_with_its_numbers(caution: Caution) -> None:
    assert len(wording(caution)) > 20
    row = next(row for row in document()["warnings"] if row["message"] == wording(caution))
    assert set(row) == {"kind", "message", *caution.__match_args__}


def test_every_kind_of_caution_is_tested() -> None:
    assert {type(caution) for caution in CAUTIONS} == set(records.CAUTIONS.values())


def remove(*keys: Any) -> Callable[[dict[str, Any]], None]:
    def edit(found: Any) -> None:
        for key in keys[:-1]:
            found = found[key]
        del found[keys[-1]]

    return edit


def put(value: Any, *keys: Any) -> Callable[[dict[str, Any]], None]:
    def edit(found: Any) -> None:
        for key in keys[:-1]:
            found = found[key]
        found[keys[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (remove("segments"), "profile has no 'segments'"),
        (remove("environment", "platform"), "environment has no 'platform'"),
        (
            remove("segments", 1, "latency_s", "samples"),
            r"segments\[1\].latency_s has no 'samples'",
        ),
        (put([], "segments", 0, "latency_s", "samples"), "at least one sample"),
        (put([0.1], "segments", 0, "latency_s", "samples"), "1 samples of 4 rounds"),
        (put([True], "rounds", "kept"), "differ in length"),
        (put([1, 1, 1, 1], "rounds", "kept"), "not true or false"),
        (put([False] * 4, "rounds", "kept"), "at least one sample that counts"),
        (put([0.0], "rounds", "at_s"), "columns of different lengths"),
        (put("fine", "rounds", "verdict"), "unknown verdict 'fine'"),
        (put("speed", "segments", 0, "roofline", "bound"), "unknown bound 'speed'"),
        (put([], "roofs", "compute"), "at least one compute"),
        (put([3], "trace", "events"), "an event 3 that is none"),
        (put("yes", "jit"), "not true or false"),
        (put(["x"], "segments", 0, "latency_s", "samples"), "not a number"),
        (put([-1.0] * 4, "end_to_end", "latency_s", "samples"), "0 or more"),
        (put(0.7, "end_to_end", "latency_s", "median"), "median 0.7"),
        (put("0.4", "closure", "output_max_abs"), "not a number"),
        (put(float("nan"), "wall_s"), "not a finite number"),
        (put(True, "batch", "used"), "not a whole number"),
        (put(0, "batch", "used"), "not a number above 0"),
        (put("exploded", "batch", "tried", 0, "outcome"), "unknown outcome 'exploded'"),
        (put("odd", "warnings", 0, "kind"), "unknown kind 'odd'"),
        (put(7, "warnings"), "not an array"),
        (put([160], "model", "resolution"), "height and width"),
        (put(["3"], "model", "blocks"), "not whole numbers"),
        (put(3, "model", "name"), "not a text"),
        (put([], "model"), "is list, not an object"),
    ],
)
def test_a_damaged_document_is_refused_by_key(
    edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    found = copy.deepcopy(document())
    edit(found)
    with pytest.raises(InvalidMeasurement, match=words):
        from_json(found)


@pytest.mark.parametrize(
    ("schema", "hint"),
    [("rsinspect.profile/2", "update"), ("rsinspect.summary/1", "no profile"), (None, "no prof")],
)
def test_another_schema_is_refused(schema: str | None, hint: str) -> None:
    with pytest.raises(InvalidMeasurement, match=r"reads rsinspect\.profile/1") as caught:
        from_json(document() | {"schema": schema})
    assert caught.value.hint is not None
    assert hint in caught.value.hint


@pytest.mark.parametrize("nothing", [None, [], "text", 3])
def test_what_is_no_object_is_refused(nothing: object) -> None:
    with pytest.raises(InvalidMeasurement, match="not an object"):
        from_json(nothing)


def test_keys_that_joined_later_are_passed_over() -> None:
    found = document() | {"weather": {}}
    found["environment"]["gpu"] = None
    assert from_json(found) == a_run()


def test_the_same_output_allows_for_rounding_and_no_more() -> None:
    closure = a_run().closure
    assert closure.same_output
    assert replace(closure, output_max_abs_diff=2e-6).same_output
    assert not replace(closure, output_max_abs_diff=1e-3).same_output
    assert not replace(closure, output_max_abs_diff=float("nan")).same_output
    assert replace(closure, output_max_abs_diff=None).same_output, "chance makes them differ"
