"""What was measured, on a page: latencies with their plots, and what a file's weights are like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rsinspect.drawing.formats import Style, render
from rsinspect.drawing.size import parse_size
from rsinspect.drawing.views import view
from rsinspect.pages.inline_svg import inline_svg
from rsinspect.pages.parts import Beside, Drawn, Facts, Prose, Section, Stacked, Tabled
from rsinspect.pages.report import Report
from rsinspect.pages.sections import figure, latency, weights
from rsinspect.pages.subject import Subject
from rsinspect.profiling.answer import profile_answer
from rsinspect.profiling.record.energy import Energy
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.weights.layer_weights import layer_weights
from tests import runs
from tests.networks import layout_of, network_of, saved
from tests.plotted import a_run
from tests.weight_files import write_keras_3

NETWORK = network_of(50)


def about(*measured: ProfileRun) -> Report:
    return Report(subjects=(Subject(text="50", network=NETWORK, runs=measured),))


def parts_of(section: Section | None) -> list[object]:
    assert section is not None
    found: list[object] = []
    for part in section.parts:
        for each in part.parts if isinstance(part, Beside) else (part,):
            found += each.parts if isinstance(each, Stacked) else (each,)
    return found


def test_without_a_run_nothing_is_said_of_latency() -> None:
    assert latency.section(about()) is None


def test_a_run_is_told_in_facts_plots_and_the_table_of_profile() -> None:
    run = a_run()
    run = replace(run, energy=Energy(source="a counter", samples_j=(2.0,) * run.rounds.count))
    parts = parts_of(latency.section(about(run)))
    (facts,) = [part for part in parts if isinstance(part, Facts)]
    values = {fact.name: fact.value for fact in facts.facts}
    end = run.end_to_end
    assert values["A forward pass of 8"] == end.latency.median
    assert values["Throughput"] == end.images_per_s
    assert values["Arithmetic"] == run.end_to_end_flops_per_s
    assert values["Energy"] == 2.0
    bounds = [segment.bound for segment in run.segments if segment.bound]
    least = sum(bound.floor_s for bound in bounds)
    reached = values["Of the roofs"]
    assert reached is not None
    assert abs(reached - least / sum(bound.seconds for bound in bounds)) < 1e-9
    (table,) = [part for part in parts if isinstance(part, Tabled)]
    assert table.answer.table.rows == profile_answer(run).table.rows
    pictures = [part for part in parts if isinstance(part, Drawn)]
    assert [each.name for each in pictures] == ["latency-a-1-plot", "latency-a-1-roofline"]
    assert "c5/block0" in pictures[0].says or "stem" in pictures[0].says
    assert "of what this machine can do was reached" in pictures[1].caption
    assert "Arithmetic bounds every segment." in pictures[1].caption
    for each in pictures:
        assert len(inline_svg(each.draw, name=each.name, says=each.says)) < 60_000


def test_what_to_beware_of_stands_above_the_numbers() -> None:
    run = runs.a_run()
    said = [part for part in parts_of(latency.section(about(run))) if isinstance(part, Prose)]
    assert [line.startswith("Warning: ") for line in said[0].paragraphs[1:]] == [True] * len(
        run.warnings
    )


def test_several_runs_stand_beside_each_other_below_a_table_of_them() -> None:
    section = latency.section(about(a_run(), a_run(level="stage", roofs=None)))
    assert section is not None
    assert [type(part) for part in section.parts] == [Tabled, Beside]
    named = [part.name for part in parts_of(section) if isinstance(part, Tabled | Drawn)]
    assert len(set(named)) == len(named) == 6


def test_any_network_has_a_figure_that_fits_a_page() -> None:
    networks = NETWORK, saved("unet")
    subjects = [
        Subject(text="", network=each, key=key) for key, each in zip("ab", networks, strict=True)
    ]
    pictures = [
        part
        for part in parts_of(figure.section(Report(subjects=tuple(subjects))))
        if isinstance(part, Drawn)
    ]
    assert [each.name for each in pictures] == ["figure-a", "figure-b"]
    scene = view(NETWORK, "figure6")
    style = Style(theme="dark", title="", caption=False, size=parse_size("1000px"))
    assert pictures[0].draw("dark") == render(scene, "svg", style)
    for each in pictures:
        svg = inline_svg(each.draw, name=each.name, says=each.says)
        assert "light-dark" in svg
        assert len(svg) < 60_000


def test_weights_are_told_with_whose_they_are_whether_safe_and_layer_by_layer(
    tmp_path: Path,
) -> None:
    network = layout_of(1, 1, 1, 1, width=0.25, resolution=(32, 32), classes=5)
    path = write_keras_3(tmp_path / "<b>mine.weights.h5", network)
    known = layer_weights(path, network)
    subject = Subject(text="", network=network, weights=known)
    parts = parts_of(weights.section(Report(subjects=(subject,))))
    (said,) = [part for part in parts if isinstance(part, Prose)]
    assert said.paragraphs[0].startswith("ResNet-RS-1-1-1-1 ×0.25 (keras), 5 classes; all its")
    assert said.paragraphs[1].startswith("Safe to load: ")
    (facts,) = [part for part in parts if isinstance(part, Facts)]
    values = {fact.name: fact.value for fact in facts.facts}
    whole = known.of(known.by_path)
    assert whole is not None
    assert values["Numbers"] == whole.elements
    assert (values["NaN or infinite"], values["Dead channels"]) == (0, whole.dead)
    (table,) = [part for part in parts if isinstance(part, Tabled)]
    rows = {row["path"]: row["weight_std"] for row in table.answer.table.rows}
    spread = {path: found.deviation for path, found in known.by_path.items()}
    assert rows == {path: std for path, std in spread.items() if std is not None}
    (picture,) = [part for part in parts if isinstance(part, Drawn)]
    svg = inline_svg(picture.draw, name=picture.name, says=picture.says)
    assert len(svg) < 30_000
    assert f"{len(rows)} layers" in picture.says


def test_without_weights_nothing_is_said_of_them() -> None:
    assert weights.section(about()) is None
