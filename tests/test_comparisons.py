"""Comparisons: ratios with their intervals, what is refused, what is normalised."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.api.results import Run
from rsinspect.base.errors import InvalidChoice, InvalidMeasurement, InvalidSpec
from rsinspect.cli import compare
from rsinspect.comparisons.comparison import How, from_json, to_json
from rsinspect.comparisons.references import saved
from rsinspect.profiling.record.batch import Batch
from rsinspect.profiling.record.document import to_json as run_to_json
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.statistics import signed_ranks
from rsinspect.runs.store import open_store
from tests.comparisons import PARTS, compared, measured
from tests.conftest import Cli


def test_what_is_slower_in_turns_is_slower_by_its_ratio() -> None:
    found = compared(measured(1), measured(2, factor=1.05))
    assert found.verdict == "slower"
    assert found.ratio.low is not None
    assert found.ratio.high is not None
    assert found.ratio.low <= 1.05 <= found.ratio.high
    assert found.ratio.value == pytest.approx(1.05, rel=0.01)
    assert found.difference_s == pytest.approx(0.05 * found.a_s, rel=0.2)


def test_sides_exchanged_give_the_inverse() -> None:
    one, other = measured(1), measured(2, factor=1.05)
    assert compared(other, one).ratio.value == pytest.approx(
        1 / compared(one, other).ratio.value, rel=1e-9
    )
    assert compared(other, one).verdict == "faster"


@pytest.mark.parametrize("how", ["paired", "groups"])
def test_what_is_alike_is_not_shown_to_differ(how: How) -> None:
    verdicts = [compared(measured(seed), measured(1000 + seed), how).verdict for seed in range(60)]
    assert verdicts.count("no difference shown") >= 54


def test_neighbours_fall_on_both_in_turns_and_on_one_of_two_groups() -> None:
    one, other = measured(1), measured(2, weather=7)
    assert compared(one, measured(2)).ratio.half_width < compared(one, other).ratio.half_width


def test_one_process_each_does_not_show_a_small_difference_of_groups() -> None:
    assert compared(measured(1), measured(2, factor=1.05)).verdict == "slower"
    assert compared(measured(1), measured(2, factor=1.05), "groups").verdict != "slower"
    assert compared(measured(1), measured(2, factor=1.3), "groups").verdict == "slower"


def test_signed_ranks_cover_the_middle_of_any_even_noise() -> None:
    def wild(numbers: random.Random) -> float:
        return numbers.gauss(0, 1) * numbers.choice((0.1, 1, 50))

    covered = 0
    for seed in range(400):
        numbers = random.Random(seed)
        ends = signed_ranks([wild(numbers) for _ in range(12)])[1]
        assert ends is not None
        covered += ends[0] <= 0 <= ends[1]
    assert covered >= 0.92 * 400


def test_few_rounds_have_a_ratio_and_no_interval() -> None:
    found = compared(measured(1, bursts=2), measured(2, factor=2, bursts=2))
    assert found.ratio.interval is None
    assert found.verdict == "no difference shown"
    assert not found.is_slower_by(0.05)


def test_parts_are_compared_by_path_and_those_of_one_alone_are_named() -> None:
    slower = PARTS | {"c4": 0.080, "extra": 0.001}
    del slower["stem"]
    found = compared(measured(1), measured(2, parts=slower))
    by_path = {part.path: part for part in found.parts}
    ratio = by_path["c4"].ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(2, rel=0.02)
    assert by_path["c4"].difference_s == pytest.approx(by_path["c4"].a_s, rel=0.05)
    assert [segment.path for segment in found.only_a] == ["stem"]
    assert [segment.path for segment in found.only_b] == ["extra"]


def test_blocks_are_added_up_where_the_other_has_stages() -> None:
    blocks = {
        f"{stage}/block{number}": seconds / 2
        for stage, seconds in PARTS.items()
        for number in (1, 2)
    }
    found = compared(measured(1), measured(2, parts=blocks))
    assert [part.path for part in found.parts] == list(PARTS)
    assert any("added up" in said for said in found.normalised)


def test_times_are_per_image_where_batches_differ() -> None:
    larger = measured(2, factor=2, batch=Batch(requested=16, used=16, tried=()))
    found = compared(measured(1), larger)
    assert found.per == "image"
    assert found.ratio.value == pytest.approx(1, rel=0.01)
    assert found.b_s == pytest.approx(found.a_s, rel=0.05)
    assert "batch 8" in found.normalised[0]


@pytest.mark.parametrize(
    ("name", "change"),
    [("precision", "bfloat16"), ("backend", "jax"), ("mode", "train"), ("device", "gpu")],
)
def test_other_conditions_are_refused_unless_they_are_what_is_compared(
    name: str, change: str
) -> None:
    fields: dict[str, Any] = {name: change}
    other = measured(2, **fields)
    with pytest.raises(InvalidMeasurement, match=rf"not measured alike \({name}: .* and {change}"):
        compared(measured(1), other)
    assert change in {x.b for x in compared(measured(1), other, "groups", name).changes}
    assert compared(measured(1), other, "groups", "everything").changes


def test_another_machine_is_refused() -> None:
    one = measured(1)
    elsewhere = replace(one.environment, cpu_model="Another", cpus_visible=64, cpus_affinity=64)
    with pytest.raises(InvalidMeasurement, match=r"machine: .* and Another, 64 CPUs"):
        compared(one, replace(one, environment=elsewhere))


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(InvalidChoice, match="precison"):
        compared(measured(1), measured(2), "groups", "precison")


def test_versions_and_variables_that_changed_are_listed() -> None:
    one = measured(1)
    before = replace(one.environment, versions={"keras": "3.14", "jax": "0.9"})
    after = replace(
        one.environment, versions={"keras": "3.15"}, flags={"OMP_NUM_THREADS": "1"}, governor="x"
    )
    found = compared(replace(one, environment=before), replace(one, environment=after))
    assert [(x.what, x.a, x.b) for x in found.changes] == [
        ("keras", "3.14", "3.15"),
        ("jax", "0.9", None),
        ("frequency governor", None, "x"),
        ("OMP_NUM_THREADS", None, "1"),
    ]


def test_passes_of_two_kinds_are_compared_by_the_one_that_both_have() -> None:
    one = replace(measured(1), total_of="instrumented")
    found = compared(one, measured(2))
    assert any("instruments" in said for said in found.normalised)
    with pytest.raises(InvalidMeasurement, match="A has one pass"):
        compared(replace(one, total_of="first"), one)


def test_a_document_gives_the_same_comparison_back() -> None:
    found = compared(measured(1), measured(2, factor=1.05))
    document = json.loads(json.dumps(to_json(found)))
    assert document["schema"] == "rsinspect.compare/1"
    assert document["verdict"] == "slower"
    again = from_json(document)
    assert again == found
    assert to_json(again) == document


def test_a_damaged_document_is_refused() -> None:
    document = to_json(compared(measured(1), measured(2)))
    for damage in ({"schema": "rsinspect.profile/1"}, {"how": "else"}, {"a": {"reference": "x"}}):
        with pytest.raises(InvalidMeasurement):
            from_json(document | damage)
    with pytest.raises(InvalidMeasurement):
        from_json([])


def saved_as(folder: Path, name: str, run: ProfileRun) -> str:
    """Write a run to a file."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(run_to_json(run)))
    return str(path)


def test_the_command_compares_files_shows_it_again_and_fails_above(
    cli: Cli, tmp_path: Path
) -> None:
    before = saved_as(tmp_path, "before", measured(1))
    after = saved_as(tmp_path, "after", measured(2, factor=1.5))
    answer = str(tmp_path / "answer.json")
    shown = cli("compare", before, after)
    assert shown.code == 0
    assert "B is slower" in shown.out
    assert cli("compare", before, after, "-o", answer).code == 0
    assert "B is slower" in cli("compare", answer).out
    failed = cli("compare", before, after, "--fail-above", "5%")
    assert failed.code == 1
    assert "more than 5.0 %" in failed.err
    assert cli("compare", before, after, "--fail-above", "90%").code == 0
    assert cli("compare", after, before, "--fail-above", "5%").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("50",), "compare takes two"),
        (("50", "nonsense"), "'nonsense' is not a model"),
        (("{run}", "{other}"), "not measured alike"),
        (("{run}", "{run}", "--fail-above", "5"), "no share by which B may be slower"),
        (("{run}", "{run}", "--across", "weather"), "unknown condition"),
        (("missing.json", "{run}"), "missing.json cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    run = saved_as(tmp_path, "run", measured(1))
    other = saved_as(tmp_path, "other", measured(1, precision="bfloat16"))
    outcome = cli("compare", *(word.format(run=run, other=other) for word in arguments))
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""


def test_a_run_of_the_store_is_named_by_its_tag(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    with open_store(db, write=True) as store:
        store.add(run_to_json(measured(1)), tags=("before",))
    for reference in ("before", "run:before", "run:latest"):
        assert saved(reference, db) == measured(1)
    assert saved("50", db) is None
    with pytest.raises(InvalidSpec, match="neither a MODEL nor a run"):
        saved("after", db)


def test_from_python_runs_are_compared_by_value_and_file(tmp_path: Path) -> None:
    file = saved_as(tmp_path, "before", measured(1))
    found = rsinspect.compare(file, Run(measured(2, factor=2)))
    assert found.verdict == "slower"
    assert found.record.b.reference == "b"
    assert "B is slower" in str(found)


def test_a_small_part_of_two_copies_is_surer_by_less_than_the_whole() -> None:
    found = compared(measured(1, noise=0.001), measured(2, noise=0.001))
    widths = {part.path: part.ratio.half_width for part in found.parts if part.ratio is not None}
    assert widths["head"] > widths["stem"] > widths["c5"] > found.ratio.half_width
    assert widths["c5"] == pytest.approx(
        found.ratio.half_width * (sum(PARTS.values()) / PARTS["c5"]) ** 0.5, rel=0.1
    )


def test_too_few_rounds_are_said_with_what_would_do(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "few.json"
    file.write_text(json.dumps(to_json(compared(measured(1, bursts=1), measured(2, bursts=1)))))
    shown = cli("compare", str(file))
    said = " ".join(shown.out.split())
    assert "too few rounds to be sure" in said
    assert "An interval needs 6 rounds: --max-time" in said
    one, other = (saved_as(tmp_path, name, measured(1, bursts=1)) for name in ("one", "other"))
    said = " ".join(cli("compare", one, other).out.split())
    assert "2 of 2 rounds of A and 2 of 2 rounds of B count" in said


def test_what_was_interrupted_says_so(cli: Cli, tmp_path: Path) -> None:
    one, other = (measured(seed, stopped_because="interrupted") for seed in (1, 2))
    file = tmp_path / "cut.json"
    file.write_text(json.dumps(to_json(compared(one, other))))
    assert "Note: it was interrupted after 40 rounds." in cli("compare", str(file)).out


def test_a_plot_without_a_format_is_refused_before_anything_is_measured(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "_compared", lambda *_: pytest.fail("it was measured"))
    for name in ("plot", "plot.html"):
        refused = cli("compare", "50", "101", "--plot", name)
        assert refused.code == 2
        assert ".svg, .pdf, .png" in refused.err


def test_a_store_that_is_read_is_not_written(cli: Cli, tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    with open_store(db, write=True) as store:
        store.add(run_to_json(measured(1)), tags=("before",))
        store.add(run_to_json(measured(2)), tags=("after",))
    assert cli("compare", "run:before", "run:after", "--db", str(db)).code == 0
    for arguments, kept in (((), 2), (("--record",), 3)):
        assert cli("compare", "run:before", "run:after", "--db", str(db), *arguments).code == 0
        with open_store(db) as store:
            assert len(list(store.runs())) == kept
    shown = cli("runs", "show", "latest", "--db", str(db), "--plot", str(tmp_path / "kept.svg"))
    assert "No difference shown" in shown.out
    assert "<svg" in (tmp_path / "kept.svg").read_text()


def test_a_model_beside_a_saved_run_is_measured_folded_where_that_was_asked(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved_as(tmp_path, "run", measured(1))
    asked: list[ProfileRequest] = []

    def measure(request: ProfileRequest, _: object) -> ProfileRun:
        asked.append(request)
        return measured(2)

    monkeypatch.setattr("rsinspect.cli.progress.measure", measure)
    assert "B: 50, folded" in cli("compare", run, "50", "--fold-batchnorm").out
    assert asked[0].fold_batch_norm
    assert asked[0].network.folding is not None
    assert cli("compare", run, "50").code == 0
    assert not asked[1].fold_batch_norm
    for model in ("50", run):
        refused = cli("compare", model, run, "--fold-batchnorm")
        assert refused.code == 2
        assert "cannot be folded now" in refused.err
    assert len(asked) == 2
