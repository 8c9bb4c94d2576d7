"""The record goes to JSON and back, and a damaged document is refused."""

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base import codec
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.networks.network import from_graph
from rsinspect.profiling.answer import profile_answer
from rsinspect.profiling.record import cautions as records
from rsinspect.profiling.record.cautions import Caution, wording
from rsinspect.profiling.record.document import from_json, to_json
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.saved import load_run
from rsinspect.profiling.request import Settings
from tests.conftest import GOLDENS, Cli
from tests.networks import layout_of, network_of
from tests.runs import CAUTIONS, a_run, run_of

DOCUMENT = json.dumps(to_json(a_run()))


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DOCUMENT)
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
    assert set(found["model"]) == set(network_of(50).document())
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


@pytest.mark.parametrize(
    ("interval", "covers", "words"),
    [
        ((0.48, 0.53), True, "Predicted 500 ms ± 5.0 % (95 %) from the distinct blocks, 5.00 s "
         "after the start: 0.0 % from what was measured, within its interval."),
        ((0.51, 0.55), False, "0.0 % from what was measured, outside its interval."),
        (None, None, "Predicted 500 ms from the distinct blocks, 5.00 s after the start: "
         "0.0 % from what was measured."),
    ],
)  # fmt: skip
def test_a_prediction_says_whether_its_interval_holds_what_was_measured(
    interval: tuple[float, float] | None, covers: bool | None, words: str
) -> None:
    run = a_run()
    assert run.prediction is not None
    run = replace(run, prediction=replace(run.prediction, end_to_end_interval=interval))
    assert to_json(run)["prediction"]["covers_measured"] is covers
    assert any(words in str(note) for note in profile_answer(run).table.notes)
    assert from_json(json.loads(json.dumps(to_json(run)))) == run


@pytest.mark.parametrize("caution", CAUTIONS, ids=lambda caution: type(caution).__name__)
def test_every_caution_has_words_with_its_numbers(caution: Caution) -> None:
    assert len(wording(caution)) > 20
    row = next(row for row in document()["warnings"] if row["message"] == wording(caution))
    assert set(row) == {"kind", "message", *caution.__match_args__}


def test_every_kind_of_caution_is_tested() -> None:
    assert {type(caution) for caution in CAUTIONS} == set(records.CAUTIONS.kinds.values())


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
        (put([1, 1, 1, 1], "rounds", "kept"), r"rounds.kept\[0\] is 1, not true or false"),
        (put([False] * 4, "rounds", "kept"), "at least one sample that counts"),
        (put([0.0], "rounds", "at_s"), "columns of different lengths"),
        (put("fine", "rounds", "verdict"), "rounds.verdict is an unknown name 'fine'"),
        (
            put("speed", "segments", 0, "roofline", "bound"),
            r"segments\[0\].roofline.bound is an unknown name 'speed'",
        ),
        (put([], "roofs", "compute"), "at least one compute"),
        (put([3], "trace", "events"), r"trace.events\[0\] is 3, not an array"),
        (put("yes", "jit"), "profile.jit is 'yes', not true or false"),
        (put(["x"], "segments", 0, "latency_s", "samples"), "is 'x', not a number"),
        (put([-1.0] * 4, "end_to_end", "latency_s", "samples"), "-1.0, not 1e-09 or more"),
        (put(0.7, "end_to_end", "latency_s", "median"), "median 0.7"),
        (put("0.4", "closure", "output_max_abs"), "output_max_abs is '0.4', not a number"),
        (put(float("nan"), "wall_s"), "not a finite number"),
        (put(True, "batch", "used"), "not a whole number"),
        (put(0, "batch", "used"), "batch.used is 0, not 1 or more"),
        (
            put("exploded", "batch", "tried", 0, "outcome"),
            r"batch.tried\[0\].outcome is an unknown name 'exploded'",
        ),
        (put("odd", "warnings", 0, "kind"), r"warnings\[0\].kind is an unknown name 'odd'"),
        (put(7, "warnings"), "not an array"),
        (put([160], "model", "resolution"), "model.resolution has 1 values, not 2"),
        (put(["3"], "model", "blocks"), r"model.blocks\[0\] is '3', not a whole number"),
        (put(3, "model", "name"), "not a text"),
        (put([], "model"), "profile.model is an array, not an object"),
    ],
)
def test_a_damaged_document_is_refused_by_key(
    edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    found = document()
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


# ---- hostile files


HUGE = "9" * 400


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 100_000, "nests too deep"),
        (b'{"schema": "rsinspect.profile/1", "a": ' + b"[" * 500 + b"]" * 500 + b"}", "deeper"),
        (b'{"schema": "\\ud800"}', "no JSON document"),
        (b'{"schema": "\xff"}', "no JSON document"),
        (b'{"schema": 1e400}', "out of range"),
        (b'{"schema": NaN}', "no JSON document"),
        (b'{"schema": ' + 5000 * b"1" + b"}", "out of range"),
        (b'{"schema": ["rsinspect.profile/1"]}', "schema is"),
        (b"3", "not an object"),
        (b"null", "profile is not an object"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_a_hostile_file_is_refused_in_one_line(
    cli: Cli, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(InvalidMeasurement, match=words) as caught:
        load_run(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert cli("profile", "--from", path).code == 2


NUMBERS = [
    ("wall_s",), ("batch", "used"), ("batch", "requested"), ("predicted_bytes",),
    ("segments", 0, "macs"), ("segments", 0, "roofline", "flops"), ("roofs", "bandwidth", 0,
     "working_set_bytes"), ("rounds", "at_s", 1), ("prediction", "end_to_end_s"),
    ("trace", "layers", 0, "latency_s"), ("warnings", 0, "used"), ("model", "width"),
    ("network", "graph", "layers", 0, "shape", 0), ("request", "batch"),
]  # fmt: skip


@pytest.mark.parametrize("keys", NUMBERS, ids=lambda keys: ".".join(map(str, keys)))
@pytest.mark.parametrize("value", [float("inf"), -float("inf"), int(HUGE), -int(HUGE), 1e300])
def test_numbers_beyond_all_bounds_are_refused_by_key(keys: tuple[Any, ...], value: Any) -> None:
    found = document()
    put(value, *keys)(found)
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    with pytest.raises(InvalidMeasurement) as caught:
        from_json(found)
    assert f"profile{place} is" in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            put({"median": 0.0, "samples": [0.0] * 4}, "end_to_end", "latency_s"),
            "is 0.0, not 1e-09 or more",
        ),
        (
            put({"median": 1e-300, "samples": [1e-300] * 4}, "end_to_end", "latency_s"),
            "1e-300, not",
        ),
        (put([], "segments"), "the segments took no time"),
        (put(0, "prediction", "end_to_end_s"), "end_to_end_s is 0, not 1e-09 or more"),
        (put(0, "segments", 0, "roofline", "seconds"), "roofline.seconds is 0, not 1e-09 or more"),
        (put(-1, "segments", 0, "roofline", "flops"), "flops is -1, not 0 or more"),
        (put(0, "roofs", "compute", 0, "flops_per_s"), "is 0, not 1.0 or more"),
        (put(1e-300, "roofs", "compute", 0, "flops_per_s"), "is 1e-300, not 1.0 or more"),
        (put(-3, "batch", "used"), "batch.used is -3, not 1 or more"),
        (put("speedy", "request", "mode"), "request.mode is an unknown name 'speedy'"),
        (put("tpu", "device"), "profile.device is 'tpu', not cpu, gpu or gpu:1"),
        (put("x" * 999, "backend"), "not tensorflow, jax or torch"),
        (put("a\x1b", "method"), "method is .* with characters that cannot be shown"),
        (put({"a\x1b": "1"}, "environment", "versions"), "a key of profile.environment.versions"),
        (
            put([10**12], "model", "blocks"),
            r"1000000000000, not 10000 or less",
        ),
        (put("", "model", "name"), "profile.model.name is empty"),
        (put(True, "environment", "cpus_visible"), "cpus_visible is True, not a whole number"),
        (put(0, "request", "batch"), "the batch is 0"),
        (put("x", "network", "schema"), "profile.network: "),
        (put({}, "network", "graph", "layers"), "profile.network: "),
        (put("g1:0", "model", "fingerprint"), "of different networks"),
    ],
)
def test_values_that_cannot_have_been_measured_are_refused(
    edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    found = document()
    edit(found)
    with pytest.raises(InvalidMeasurement, match=words):
        from_json(found)


WRONG: tuple[Any, ...] = (None, "x", -1, 0, [])


def test_every_key_may_be_missing_or_of_any_type_and_never_ends_in_a_traceback() -> None:
    def places(value: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        if keys:
            yield keys
        if not isinstance(value, dict | list):
            return
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*keys, key))

    whole = document() | {"network": None}  # thousands more, which the graph's own tests try
    for keys in places(whole):
        for edit in (remove(*keys), *(put(value, *keys) for value in WRONG)):
            found = copy.deepcopy(whole)
            edit(found)
            with contextlib.suppress(InvalidMeasurement):
                profile_answer(from_json(found))


# ---- identity


def test_a_run_carries_what_was_requested_and_what_was_measured() -> None:
    run = from_json(document())
    assert run.request is not None
    assert (run.request.batch, run.request.threads) == (128, 2)
    assert run.network is not None
    assert run.network.fingerprint == network_of(50, resolution=(160, 192)).fingerprint
    assert run.network.names["stem/conv1"] == network_of(50).names["stem/conv1"]
    assert document()["model"] == network_of(50, resolution=(160, 192)).document()


def test_the_model_of_a_run_is_the_model_of_every_document() -> None:
    for network in (network_of(50), layout_of(1, 2), from_graph(network_of(50).graph)):
        assert codec.to_json(Model.of(network)) == network.document()


VARIATIONS: list[tuple[dict[str, Any], str]] = [
    ({"se_ratio": 0.0}, "its SE ratio is 0.0, not 0.25"),
    ({"include_top": False}, "its include top is False, not True"),
    ({"classes": 10}, "its classes is 10, not 1000"),
    ({"activation": "swish"}, "its activation is swish, not relu"),
    ({"channels": 1, "preprocessing": False}, "its channels is 1, not 3"),
    ({"preprocessing": False}, "its preprocessing is False, not True"),
    ({"filters": (64, 128, 256, 256)}, "its filters is"),
    ({"width": 0.5}, "its width is 0.5, not 1.0"),
    ({"resolution": (192, 192)}, "its resolution is 192×192, not 160×160"),
    ({"dialect": "timm"}, "its dialect is timm, not keras"),
]


@pytest.mark.parametrize(("changes", "words"), VARIATIONS, ids=lambda value: str(value))
def test_a_run_of_another_network_is_refused(
    cli: Cli, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    run = run_of(a_run().segments, network=network_of(50, **changes))
    with pytest.raises(InvalidMeasurement) as caught:
        run.check_model(network_of(50))
    assert words in caught.value.message
    run.check_model(network_of(50, **changes))
    path = tmp_path / "run.json"
    path.write_text(json.dumps(to_json(run)))
    outcome = cli("graph", "50", "--profile", path, "-o", tmp_path / "picture.svg")
    assert (outcome.code, words in outcome.err) == (2, True)
    assert not (tmp_path / "picture.svg").exists()


def test_a_network_of_other_names_is_the_same_network() -> None:
    run = run_of(a_run().segments, network=network_of(50))
    run.check_model(replace(from_graph(network_of(50).graph), title="somebody's"))


def test_a_run_of_a_model_made_to_be_trained_is_one_of_its_network() -> None:
    run = run_of(a_run().segments, network=network_of(50, bn_momentum=0.99))
    run.check_model(network_of(50))
    with pytest.raises(InvalidMeasurement):
        run.check_model(network_of(50, bn_epsilon=1e-3))


def test_a_run_can_be_repeated_from_its_file() -> None:
    run = from_json(document())
    assert run.request is not None
    again = codec.to_json(run.request)
    assert codec.from_json(again, Settings, "request") == run.request


# ---- files of before


OLD = GOLDENS / "run-50-train.json"


def test_a_file_of_before_still_loads_and_says_the_same() -> None:
    run, stored = load_run(OLD), json.loads(OLD.read_bytes())
    assert (run.request, run.network, run.model.fingerprint) == (None, None, None)
    written = json.loads(json.dumps(to_json(run)))
    assert set(written) - set(stored) == {
        "request", "network", "answer", "loss", "weights", "total_of", "energy",
    }  # fmt: skip
    for key in stored.keys() - {"model", "prediction"}:
        assert written[key] == stored[key], key
    for key in ("model", "prediction"):
        assert stored[key].items() <= written[key].items()


def test_a_file_of_before_is_compared_by_what_it_knows() -> None:
    run = load_run(OLD)
    run.check_model(network_of(50))
    for other, words in (
        (network_of(101), "its model is resnet-rs-50, not resnet-rs-101"),
        (network_of(50, resolution=(192, 192)), "its resolution is 160×160, not 192×192"),
        (network_of(50, dialect="timm"), "its dialect is keras, not timm"),
    ):
        with pytest.raises(InvalidMeasurement, match=words):
            run.check_model(other)
