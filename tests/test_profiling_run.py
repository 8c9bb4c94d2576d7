"""The record goes to JSON and back, and a damaged document is refused."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rsinspect.errors import InvalidMeasurement
from rsinspect.profiling import cautions as records
from rsinspect.profiling.cautions import (
    BatchReduced,
    BusyMachine,
    Caution,
    ChainDiffers,
    DoesNotClose,
    FewSamples,
    NotSteady,
    OverBudget,
    WideSpread,
    wording,
)
from rsinspect.profiling.run import (
    Attempt,
    Batch,
    Closure,
    EndToEnd,
    Environment,
    Model,
    ProfileRun,
    Segment,
)
from rsinspect.profiling.statistics import Latency

CAUTIONS: tuple[Caution, ...] = (
    BatchReduced(128, 64),
    FewSamples(3),
    NotSteady(10),
    WideSpread(0.25),
    BusyMachine(1.75, 2),
    DoesNotClose(-0.2),
    ChainDiffers(0.5),
    OverBudget(90.0, 60.0),
)


def a_run() -> ProfileRun:
    return ProfileRun(
        model=Model(
            name="resnet-rs-50", depth=50, blocks=(3, 4, 6, 3), resolution=(160, 192),
            dialect="keras",
        ),
        environment=Environment(
            platform="Linux", cpu_model=None, cpus_visible=2, cpus_affinity=2, cpus_quota=1.5,
            governor=None, threads_requested=None, threads="the framework's default",
            versions=(("python", "3.11.7"), ("keras", "3.15.1")), load_before=0.5, load_after=None,
            seed=0, peak_rss_bytes=1_000_000_000,
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
        mode="forward", precision="float32", backend="tensorflow", device="cpu", method="chain",
        end_to_end=EndToEnd(latency=Latency((0.5, 0.4, 0.6)), batch=64),
        segments=(
            Segment(path="stem", level="stage", latency=Latency((0.1, 0.1, 0.2)), macs=1000,
                    bytes_moved=4096, intensity=8.5),
            Segment(path="c2", level="stage", latency=Latency((0.3, 0.3, 0.4)), macs=2000,
                    bytes_moved=8192, intensity=None),
        ),
        closure=Closure(
            sum_s=0.4, end_to_end_s=0.5, chain_max_abs_diff=0.0, output_max_abs=0.003
        ),
        warnings=CAUTIONS,
        stopped_because="time", max_time_s=60.0, measured_s=59.5, warm_up_s=(9.0, 1.0, 1.0),
        predicted_bytes=5, started_at="2026-01-01T00:00:00+00:00", wall_s=70.0,
    )  # fmt: skip


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(a_run().to_json()))
    return loaded


def test_to_json_and_back_is_the_same_run() -> None:
    assert ProfileRun.from_json(document()) == a_run()


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
        assert (segment["bound"], segment["bound_reason"]) == (None, "roofs not measured")


def test_derived_figures() -> None:
    found = document()
    assert found["end_to_end"]["images_per_s"] == pytest.approx(64 / 0.5)
    assert found["end_to_end"]["per_image_s"] == pytest.approx(0.5 / 64)
    assert found["end_to_end"]["per_128_images_s"] == pytest.approx(1.0)
    assert [segment["share"] for segment in found["segments"]] == pytest.approx([0.25, 0.75])
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
        (put(["x"], "segments", 0, "latency_s", "samples"), "not a number"),
        (put([-1.0], "end_to_end", "latency_s", "samples"), "above 0"),
        (put(0.7, "end_to_end", "latency_s", "median"), "median 0.7"),
        (put("0.4", "closure", "sum_s"), "not a number"),
        (put(0, "closure", "end_to_end_s"), "above 0"),
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
        ProfileRun.from_json(found)


@pytest.mark.parametrize(
    ("schema", "hint"),
    [("rsinspect.profile/2", "update"), ("rsinspect.summary/1", "no profile"), (None, "no prof")],
)
def test_another_schema_is_refused(schema: str | None, hint: str) -> None:
    with pytest.raises(InvalidMeasurement, match=r"reads rsinspect\.profile/1") as caught:
        ProfileRun.from_json(document() | {"schema": schema})
    assert caught.value.hint is not None
    assert hint in caught.value.hint


@pytest.mark.parametrize("nothing", [None, [], "text", 3])
def test_what_is_no_object_is_refused(nothing: object) -> None:
    with pytest.raises(InvalidMeasurement, match="not an object"):
        ProfileRun.from_json(nothing)


def test_keys_that_joined_later_are_passed_over() -> None:
    found = document() | {"roofs": {}}
    found["environment"]["gpu"] = None
    assert ProfileRun.from_json(found) == a_run()


def test_the_same_output_allows_for_rounding_and_no_more() -> None:
    closure = a_run().closure
    assert closure.same_output
    assert replace(closure, chain_max_abs_diff=2e-6).same_output
    assert not replace(closure, chain_max_abs_diff=1e-3).same_output
    assert not replace(closure, chain_max_abs_diff=float("nan")).same_output
