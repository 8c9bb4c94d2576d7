"""What stands around a network on its page: the paper, other networks, its own neighbours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsinspect import paper
from rsinspect.answers.printed import table_answer
from rsinspect.answers.scaling import scaling_answer, scaling_of
from rsinspect.layers.question import Question
from rsinspect.networks.named import network
from rsinspect.networks.network import Network, at_size, folded
from rsinspect.pages.parts import Beside, Drawn, Fact, Facts, Heading, Prose, Section, Tabled
from rsinspect.pages.report import Report
from rsinspect.pages.sections import families, scaling
from rsinspect.pages.sections import paper as in_the_paper
from rsinspect.pages.subject import Subject
from rsinspect.profiling.answer import profile_answer
from rsinspect.runs.store import open_store
from rsinspect.tradeoffs.axes import AXES
from rsinspect.tradeoffs.published import STEP, among_published
from tests.networks import layout_of, network_of, saved
from tests.test_pareto import a_run


def about(*models: str | Network, **changes: Any) -> Report:
    networks = [network(each) if isinstance(each, str) else each for each in models]
    return Report(
        subjects=tuple(
            Subject(text=made.title, network=made, key=key)
            for key, made in zip("abcd", networks, strict=False)
        ),
        **changes,
    )


def facts_in(section: Section | None) -> list[Fact]:
    assert section is not None
    parts = [each for part in section.parts
             for each in (part.parts if isinstance(part, Beside) else (part,))]  # fmt: skip
    return [fact for part in parts if isinstance(part, Facts) for fact in part.facts]


def tables_in(section: Section | None) -> dict[str, Tabled]:
    assert section is not None
    return {part.name: part for part in section.parts if isinstance(part, Tabled)}


def pictures_in(section: Section | None) -> list[Drawn]:
    assert section is not None
    return [each for part in section.parts if isinstance(part, Beside)
            for each in part.parts if isinstance(each, Drawn)]  # fmt: skip


def drawn(picture: Drawn) -> str:
    return picture.draw("light").decode()


def rows_in(section: Section | None, name: str) -> list[dict[str, Any]]:
    return list(tables_in(section)[name].answer.table.rows)


def test_the_papers_rows_stand_beside_what_is_computed() -> None:
    section = in_the_paper.section(about("152@224", question=Question("timm")))
    printed = next(row for row in table_answer(7).document["rows"]
                   if (row["depth"], row["resolution"]) == (152, 224))  # fmt: skip
    (row,) = tables_in(section)["paper-7"].answer.document["rows"]
    assert row == printed  # in the paper's convention, whatever the page's
    facts = {fact.name: fact for fact in facts_in(section)}
    assert facts["Top-1, the paper"].value == printed["printed"]["top1"]
    assert facts["Top-1, released weights"].remark == "resnet-rs-152-i224"
    assert facts["Parameters"].value == printed["computed"]["params"]
    flops = facts["FLOPs, the paper's convention"]
    assert (flops.value, flops.remark) == (
        printed["computed"]["flops"], "−0.8 % from 24 B, as printed",
    )  # fmt: skip
    assert "2.2 × as fast as EfficientNetB4@380" in facts["Training step, TPUv3"].remark
    assert list(tables_in(section)) == ["paper-7", "paper-4", "paper-8"]
    assert rows_in(section, "paper-8")[0]["epochs"] == 350


def test_a_size_that_the_paper_has_not_is_said_and_what_others_published_of_it() -> None:
    section = in_the_paper.section(about("50@224", "101@160"))
    assert section is not None
    said = [p for part in section.parts if isinstance(part, Prose) for p in part.paragraphs]
    assert said[0] == "The paper has no row at 224×224; it has 50@160."
    assert "timm's results" in said[-1]
    headings = [part.text for part in section.parts if isinstance(part, Heading)]
    assert headings == ["ResNet-RS-50 @ 224×224", "ResNet-RS-101 @ 160×160"]
    assert facts_in(section)[0].value == 79.934
    assert [row["resolution"] for row in rows_in(section, "paper-7")] == [160, 160]


@pytest.mark.parametrize("text", ["50@224:resnet", "152@224:article"])
def test_the_paper_has_no_rows_of_other_networks(text: str) -> None:
    assert in_the_paper.section(about(text)) is None
    assert in_the_paper.section(about(network_of(50, width=0.25))) is None


def test_published_networks_are_counted_or_as_printed() -> None:
    known = network("152@224")
    flops = among_published(AXES["flops"], "paper", {"152@224": known}, Question())
    costs = {point.candidate.name: point.costed for point in flops.points}
    assert len(costs) == len(paper.accuracies("paper")) == 19
    assert costs["152@224"].value.value == Question().flops(known.cost)
    assert {costs[name].how for name in costs if "Eff" in name} == {"printed"}
    assert {costs[name].how for name in costs if "Eff" not in name} == {"counted"}
    assert costs["EfficientNetB4@380"].value.value == 8.4e9
    step = among_published(STEP, "paper", {}, Question())
    front = {point.candidate.name for point in step.front}
    assert {"50@160", "152@224"} <= front  # what the paper is about
    assert "EfficientNetB4@380" not in front


def test_a_published_network_is_marked_and_has_neighbours() -> None:
    section = families.section(about("152@224"))
    assert [each.caption.partition(":")[0] for each in pictures_in(section)] == [
        "Accuracy against FLOPs",
        "Accuracy against parameters",
        "Accuracy against the time of a training step on TPUv3",
    ]
    for picture in pictures_in(section):
        assert "152@224 marked" in picture.says
        assert "this network" in drawn(picture)
    own, *others = rows_in(section, "neighbours-a")
    assert (own["top1"], own["params"]) == (82.8, network("152@224").cost.params)
    near = {what for row in others for what in row["near"].split(", ")}
    assert near == {"FLOPs", "params", "accuracy"}
    for row in others:
        assert row["flops_ratio"] == row["flops"] / own["flops"]
        assert row["top1_difference"] == pytest.approx(row["top1"] - own["top1"])
    nearest = [row for row in others if "FLOPs" in row["near"] and "Eff" in row["model"]]
    assert [row["model"] for row in nearest] == ["EfficientNetB5@456"]


def test_a_network_of_unknown_accuracy_is_a_line_among_the_others() -> None:
    own = network_of(50, width=0.5)
    section = families.section(about(own, "50@160"))
    flops, params, step = pictures_in(section)
    for picture in (flops, params):
        assert own.title in drawn(picture)
        assert "this network, of unknown accuracy" in drawn(picture)
    assert own.title not in drawn(step)  # nobody knows where it would be
    row, *others = rows_in(section, "neighbours-a")
    assert row["top1"] is None
    assert {row["top1_difference"] for row in others} == {None}
    assert not any("accuracy" in row["near"] for row in others)


def test_what_sorts_no_images_is_not_compared() -> None:
    assert families.section(about(network_of(50, include_top=False))) is None


def test_measured_latencies_are_weighed_where_enough_networks_ran(tmp_path: Path) -> None:
    report = about("50@160")
    (subject,) = report.subjects
    measured = replace(subject, runs=(a_run(subject.network, 0.1),))
    report = replace(report, subjects=(measured,))
    assert len(pictures_in(families.section(report))) == 3
    with open_store(tmp_path / "runs.db", write=True) as store:
        for text in ("101@160", "101@192"):
            store.add(profile_answer(a_run(network(text), 0.2)).make_document())
    pictures = pictures_in(families.section(replace(report, db=tmp_path / "runs.db")))
    assert len(pictures) == 4
    assert pictures[-1].caption.startswith("Accuracy against latency")
    assert "50@160 marked" in pictures[-1].says


def test_neighbours_are_the_networks_that_they_are_called() -> None:
    made = network("101@192")
    found = scaling_of(made, Question())
    assert found is not None
    listed: list[dict[str, Any]] = [*scaling_answer(found).table.rows]
    rows = {(row["direction"], row["label"]): row for row in listed}
    deeper, half, larger = (
        rows["depth", "152"], rows["width", "×0.5"], rows["resolution", "384×384"],
    )  # fmt: skip
    for row, same in (
        (deeper, network("152@192")),
        (half, network_of(101, resolution=192, width=0.5)),
        (larger, network("101@384")),
    ):
        assert (row["params"], row["flops"]) == (same.cost.params, same.cost.flops("paper"))
        assert row["flops_ratio"] == row["flops"] / made.cost.flops("paper")
    assert [each.direction for each in found.doubled] == ["depth", "width", "resolution"]
    facts = {fact.name: fact for fact in facts_in(scaling.section(about(made)))}
    assert facts["Twice the side of the image"].value == pytest.approx(4, rel=0.02)
    assert facts["Receptive field"].value == found.receptive_field


def test_what_is_no_resnet_rs_has_other_image_sizes_and_says_where_it_has_none() -> None:
    made = saved("MobileNetV2")
    report = about(made, saved("VGG16"), saved("text_model"))
    rows = rows_in(scaling.section(report), "scaling-a")
    assert {row["direction"] for row in rows} == {"resolution"}
    double = rows[-1]
    assert double["label"] == "448×448"
    larger = at_size(made, (448, 448))
    assert double["flops"] == larger.cost.flops("paper")
    (only,) = rows_in(scaling.section(report), "scaling-b")
    assert only["label"] == "as it is"
    notes = tables_in(scaling.section(report))["scaling-b"].answer.table.notes
    assert any("cannot take 128×128" in str(note) for note in notes)
    assert len(pictures_in(scaling.section(report))) == 1
    assert scaling.section(about(saved("text_model"))) is None


def test_a_folded_network_has_folded_neighbours() -> None:
    made = folded(network_of(50, resolution=64, width=0.25))
    found = scaling_of(made, Question())
    assert found is not None
    widths = [each for each in found.others if each.direction == "width"]
    plain = network_of(50, resolution=64, width=0.125)
    assert widths[0].params == folded(plain).cost.params < plain.cost.params


def test_a_layout_of_ones_own_has_other_layouts_each_once_and_by_its_blocks() -> None:
    labels = {}
    for blocks in ((1, 1, 1, 1), (3, 4, 5, 3)):
        found = scaling_of(layout_of(*blocks, width=0.25, resolution=(64, 64)), Question())
        assert found is not None
        labels[blocks] = [each.label for each in found.others if each.direction == "depth"]
    assert labels == {
        (1, 1, 1, 1): ["×2"],
        (3, 4, 5, 3): ["2,2,2,2", "2,3,4,2", "4,6,8,4", "×2"],
    }
