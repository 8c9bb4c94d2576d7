"""Networks of a report side by side: what differs, what is marked, what moves together."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from rsinspect.answers.table import Answer
from rsinspect.comparisons.answer import comparison_answer
from rsinspect.comparisons.comparison import Comparison, Side
from rsinspect.differences.pairs import compare
from rsinspect.differences.places import counterparts, differences_of
from rsinspect.differences.totals import totals_answer
from rsinspect.drawing.comparison import alongside, comparison
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.viewer import viewer_of
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.pages.html import report_page
from rsinspect.pages.parts import Explorer, Prose, Tabled
from rsinspect.pages.report import Report
from rsinspect.pages.runs import runs_beside
from rsinspect.pages.sections.differences import section
from rsinspect.pages.sections.graph import section as graph_section
from rsinspect.pages.subject import Subject
from rsinspect.pages.tied import links_of, tied
from rsinspect.profiling.record.run import Segment
from rsinspect.profiling.statistics import Latency
from tests.networks import layout_of, network_of, saved
from tests.runs import run_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Open

pytest_plugins = ("tests.browser",)


def small(*blocks: int) -> Network:
    return layout_of(*blocks, width=0.25, resolution=(32, 32))


def report_on(*networks: Network, **options: Any) -> Report:
    subjects = tuple(
        Subject(text=f"network {key}", network=network, key=key)
        for key, network in zip("abcd", networks, strict=False)
    )
    return Report(subjects=subjects, **options)


PAIRS = {
    "deeper": lambda: (network_of(152), network_of(200)),
    "of another wiring": lambda: (network_of(50), network_of(101, dialect="article")),
    "of other names": lambda: (saved("MobileNetV2"), saved("EfficientNetV2L")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_differs_is_listed_once_and_whole(name: str) -> None:
    a, b = PAIRS[name]()
    found = compare(a.graph, b.graph)
    blocks = {
        path: [layer for layer in block.layers if layer.status != "same"]
        for block in found.blocks
        if block.status in ("added", "removed")
        for path in (block.path_a, block.b and block.b.path)
        if path is not None
    }
    listed: list[tuple[str | None, str | None]] = []
    for difference in differences_of(found):
        assert difference.words
        for place in difference.places:
            layers = blocks.get(place.b or place.a or "") if None in place else None
            listed += (
                [(x.a and x.a.path, x.b and x.b.path) for x in layers]
                if layers
                else [(place.a, place.b)]
            )
    differ = [(x.a and x.a.path, x.b and x.b.path) for x in found.layers if x.status != "same"]
    assert sorted(map(str, listed)) == sorted(map(str, differ))


def test_what_only_training_sees_comes_last_and_the_rest_in_order() -> None:
    found = compare(network_of(50).graph, network_of(200).graph)
    differences = differences_of(found)
    trains = [difference.status == "training_only" for difference in differences]
    assert trains == [False, False, True]
    assert [x.places[0].b for x in differences[:2]] == ["c3/block4", "c4/block6"]


def marks_of(scene: Scene) -> dict[str, str]:
    return {n.path: n.mark for panel in scene.panels for n in panel.walk() if n.mark}


def test_two_are_marked_as_in_a_picture_of_both() -> None:
    networks = network_of(152), network_of(200)
    both = comparison(*networks, view="stages", deep=True).panels
    for scene, panel in zip(alongside(*networks), both, strict=True):
        assert scene.panels[0].nodes == panel.nodes


def test_of_three_the_first_is_marked_by_all() -> None:
    first, *others = alongside(small(1, 2, 1, 1), small(1, 1, 1, 1), small(1, 1, 1, 2))
    assert marks_of(first)["c3/block1"] == "removed"
    second, _ = alongside(small(1, 2, 1, 1), small(1, 2, 1, 2))
    assert "c3/block1" not in marks_of(second)
    first, *_ = alongside(small(1, 2, 1, 1), small(1, 1, 1, 1), small(1, 2, 1, 1))
    assert marks_of(first)["c3/block1"] == "changed"
    assert [marks_of(other).get("c5/block1") for other in others] == [None, "added"]
    assert first.mark_words["added"] == "the first has it not"


def test_a_part_is_linked_to_its_counterpart_where_names_do_not_say_so() -> None:
    a, b = saved("MobileNetV2"), saved("MobileNetV3Small")
    one, other = alongside(a, b)
    found = counterparts(compare(a.graph, b.graph))
    links = links_of(other, one, found)
    there = {node.path for node in one.panels[0].walk()}
    for node in other.panels[0].walk():
        if node.repeats == 1:
            said = links.get(node.path, node.path)
            assert (said if said in there else None) == found.get(node.path), node.path
    assert links_of(one, one, {path: path for path in there}) == {}


def test_a_run_of_blocks_is_linked_to_the_run_that_its_first_is_in() -> None:
    a, b = network_of(152), network_of(200)
    one, other = alongside(a, b)
    links = links_of(other, one, counterparts(compare(a.graph, b.graph)))
    assert links.get("c3/block1-7", "c3/block1-7") == "c3/block1-7"
    assert links.get("c3/block8-23") is None
    part = tied(report_on(network_of(50), b))
    (steps,) = part.differences
    places = [step.place.b for step in steps.steps if step.status == "added"]
    assert places == ["c3/block4-23", "c4/block6-35"]


def test_what_has_as_much_has_the_same_colour_in_all() -> None:
    part = tied(report_on(small(1, 2, 1, 1), small(1, 2, 1, 8)))
    one, other = (explorer.scene for explorer in part.explorers)
    assert one.legend is not None
    assert other.legend is not None
    assert one.legend.high == other.legend.high
    assert one.panels[0].nodes[3].heat is not None
    assert other.panels[0].nodes[3].heat is not None
    assert one.panels[0].nodes[3].heat.level == other.panels[0].nodes[3].heat.level
    highs = [[quantity.high for quantity in viewer_of(scene).quantities] for scene in (one, other)]
    assert highs[0] == highs[1]


def test_totals_are_those_of_each_alone() -> None:
    networks = [network_of(50), network_of(101), saved("bert")]
    rows = totals_answer(networks, Question(batch=4, dtype="float16")).table.rows
    for network, row in zip(networks, rows, strict=True):
        assert row["params"] == network.cost.params
        assert row["flops"] == Question().flops(network.cost)
        assert row["activation_bytes"] == network.cost.activation_bytes(batch=4, dtype="float16")
    params = [network.cost.params for network in networks]
    assert rows[1]["params_more_percent"] == round(100 * (params[1] / params[0] - 1), 1)
    assert rows[0]["params_more_percent"] == ""


def measured_on(*networks: Network, **changes: Any) -> Report:
    found = report_on(*networks, only=("differences",))
    return replace(
        found,
        subjects=tuple(
            replace(each, runs=(run_of(PARTS[factor], network=each.network, **changes),))
            for factor, each in enumerate(found.subjects)
        ),
    )


PARTS = [
    [
        Segment(path=path, level="stage", latency=Latency(tuple(factor * x / 1000 for x in times)))
        for path, times in (("stem", range(100, 112)), ("c2", range(200, 224, 2)))
    ]
    for factor in (1, 2, 1.001)
]


def tables_of(report: Report) -> dict[str, Answer]:
    found = section(report)
    assert found is not None
    return {part.name: part.answer for part in found.parts if isinstance(part, Tabled)}


def test_runs_are_compared_with_the_first_as_the_command_compares_them() -> None:
    report = measured_on(small(1, 1, 1, 1), small(1, 2, 1, 1), small(1, 1, 1, 1))
    first, second, third = (each.runs[0] for each in report.subjects)
    tables = tables_of(report)
    for name, run in (("compare-1", second), ("compare-2", third)):
        a, b = (Side(reference=name, run=each) for each in (first, run))
        alone = comparison_answer(Comparison(a=a, b=b, how="groups"))
        assert tables[name].table.rows == alone.table.rows
        assert tables[name].document["ratio"] == alone.document["ratio"]
    prose = [part for part in section(report).parts if isinstance(part, Prose)]  # type: ignore[union-attr]
    assert "network b: B is slower" in prose[0].paragraphs[0]
    assert "network c: No difference shown" in prose[0].paragraphs[1]


def test_a_graph_has_the_changes_of_its_run() -> None:
    report = measured_on(small(1, 1, 1, 1), small(1, 2, 1, 1))
    for explorer in tied(report, runs_beside(report.subjects)).explorers:
        heats = {node.path: node.facts for node in explorer.scene.panels[0].nodes}
        (ratio,) = (fact.value for fact in heats["c2"] if fact.key == "latency_ratio")
        assert ratio == pytest.approx(2.0)
        assert "change" in {each.name for each in viewer_of(explorer.scene).quantities}


def test_what_was_not_measured_alike_is_said_and_not_compared() -> None:
    report = measured_on(small(1, 1, 1, 1), small(1, 2, 1, 1))
    one, other = report.subjects
    other = replace(other, runs=(replace(other.runs[0], precision="float16"),))
    report = replace(report, subjects=(one, other))
    assert "compare-1" not in tables_of(report)
    said = [part.paragraphs[0] for part in section(report).parts if isinstance(part, Prose)]  # type: ignore[union-attr]
    assert len(said) == 1
    assert "float32 and float16" in said[0]


def test_two_runs_of_one_network_are_compared() -> None:
    report = measured_on(small(1, 1, 1, 1), small(1, 1, 1, 1))
    one, other = report.subjects
    alone = replace(report, subjects=(replace(one, runs=(*one.runs, *other.runs)),), only=())
    assert set(tables_of(alone)) == {"compare-1"}
    assert "run 1" in tables_of(alone)["compare-1"].table.title
    graph = graph_section(alone)
    assert graph is not None
    (explorer,) = graph.parts
    assert isinstance(explorer, Explorer)
    names = {each.name for each in viewer_of(explorer.scene).quantities}
    assert {"latency", "change"} <= names


@cache
def page_on_two() -> str:
    return report_page(report_on(small(1, 2, 1, 1), small(1, 3, 2, 1), only=("differences",)))


def test_one_network_differs_from_nothing() -> None:
    assert 'id="differences"' not in report_page(report_on(small(1, 1, 1, 1)))


def test_all_that_differs_can_be_read_without_a_script() -> None:
    steps = page_on_two().split('<div class="steps">')[1].split('<div class="abreast">')[0]
    assert "+1 identical block in c3" in steps
    assert "+1 block in c4" in steps
    only_graph = report_page(report_on(small(1, 2, 1, 1), small(1, 3, 2, 1), only=("graph",)))
    assert 'class="tied' not in only_graph
    assert only_graph.count('<article class="viewer"') == 2


STATES = """() => [...document.querySelectorAll(".tied .viewer")].map((viewer) => ({
  zoom: viewer.querySelector(".actual").textContent,
  selected: viewer.querySelector(".chosen .path code")?.textContent ?? null,
  colour: viewer.querySelector(".quantity").value,
  open: [...viewer.querySelectorAll(".part.open > .face .name")].map((name) => name.textContent),
}))"""

MIDDLE = """(path) => [...document.querySelectorAll(".tied .viewer")].map((viewer) => {
  const view = viewer.querySelector(".view").getBoundingClientRect();
  const faces = [...viewer.querySelectorAll(".face")];
  const face = faces.find((one) => one.title.split("\\n")[0] === path);
  const box = face.getBoundingClientRect();
  return box.top + box.height / 2 - view.top - view.height / 2;
})"""


def until(shown: Page, condition: str, argument: Any = None) -> None:
    """Wait until something is so of what the graphs show: ``a`` and ``b``, or ``all``."""
    shown.wait_for_function(
        f"(argument) => {{ const all = ({STATES})(), [a, b, c] = all; return {condition}; }}",
        arg=argument,
    )


def graph_of(shown: Page, index: int) -> Any:
    return shown.locator(".tied .viewer").nth(index)


def face_of(shown: Page, index: int, name: str) -> Any:
    return graph_of(shown, index).locator(".face", has=shown.locator(f".name:text-is('{name}')"))


@pytest.mark.slow
def test_what_is_done_in_one_is_done_in_the_other(open_page: Open) -> None:
    shown = open_page(page_on_two())
    face_of(shown, 0, "c3").click()
    until(shown, "a.open.includes('c3') && b.open.includes('c3') && b.selected === 'c3'")
    face_of(shown, 1, "c4").click()
    until(shown, "a.open.includes('c4') && b.open.includes('c4') && a.selected === 'c4'")
    graph_of(shown, 0).locator("[data-do=smaller]").click()
    until(shown, "a.zoom === b.zoom && a.zoom !== argument", "100 %")
    graph_of(shown, 1).locator(".quantity").select_option("params")
    until(shown, "a.colour === 'params'")
    graph_of(shown, 1).locator("[data-do=expand]").click()
    both = "location.hash.split(';').every((one) => one.includes('open=*'))"
    until(shown, both)  # what the other has alone, too
    graph_of(shown, 0).locator("[data-do=collapse]").click()
    until(shown, "all.every((one) => !one.open.length) && !location.hash.includes('open')")
    shown.go_back()
    until(shown, f"{both} && all.every((one) => one.open.length)")


@pytest.mark.slow
def test_what_is_seen_in_the_middle_of_one_is_seen_in_that_of_the_other(open_page: Open) -> None:
    shown = open_page(page_on_two())
    face_of(shown, 0, "c4").click()  # b has one block more in c3, another in c4
    until(shown, "b.open.includes('c4')")
    away = f"(path) => ({MIDDLE})(path)"
    for path in ("c4/block0", "c5", "c2"):
        graph_of(shown, 0).locator(".view").evaluate(
            f"(view, path) => view.scrollBy(0, ({MIDDLE})(path)[0])", path
        )
        shown.wait_for_function(
            f"(path) => {{ const [a, b] = ({away})(path); return Math.abs(a - b) < 3; }}", arg=path
        )


@pytest.mark.slow
def test_a_switch_lets_each_go_its_own_way(open_page: Open) -> None:
    shown = open_page(page_on_two())
    shown.get_by_label("Move together").uncheck()
    face_of(shown, 0, "c3").click()
    until(shown, "a.open.includes('c3')")
    assert shown.evaluate(STATES)[1]["open"] == []
    shown.get_by_label("Move together").check()
    face_of(shown, 1, "c5").click()
    until(shown, "a.open.includes('c5') && b.open.length === 1")  # only what is done from now on


@pytest.mark.slow
def test_a_reader_is_led_from_difference_to_difference(open_page: Open) -> None:
    shown = open_page(page_on_two())
    where = shown.locator(".where")
    shown.get_by_role("button", name="Next difference").click()
    until(shown, "b.selected === 'c3/block2' && a.selected === 'c3'")
    assert where.text_content() == "1 of 2"
    shown.keyboard.press("n")
    until(shown, "b.selected === 'c4/block1' && a.selected === 'c4'")
    shown.keyboard.press("p")
    until(shown, "b.selected === 'c3/block2'")
    shown.get_by_role("button", name="+1 block in c4").click()
    until(shown, "b.selected === 'c4/block1'")
    assert shown.locator(".step[aria-current=true]").inner_text().endswith("in c4")
    shown.keyboard.press("n")
    until(shown, "b.selected === 'c3/block2'")  # round again
    shown.go_back()
    until(shown, "b.selected === 'c4/block1' && a.selected === 'c4'")


@pytest.mark.slow
def test_four_stand_below_each_other_on_a_phone(open_page: Open) -> None:
    networks = [small(1, number, 1, 1) for number in (1, 2, 3, 2)]
    html = report_page(report_on(*networks, only=("differences",)))
    shown = open_page(html, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    lefts = shown.evaluate(
        "[...document.querySelectorAll('.tied .viewer')]"
        ".map((one) => one.getBoundingClientRect().left)"
    )
    assert len(lefts) == 4
    assert len(set(lefts)) == 1
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown.get_by_role("button", name="Next difference").tap()
    until(shown, "b.selected === 'c3/block1' && a.selected === 'c3'")
    shown.set_viewport_size({"width": 1280, "height": 800})
    shown.wait_for_function(
        "() => new Set([...document.querySelectorAll('.tied .viewer')]"
        ".map((one) => one.getBoundingClientRect().left)).size === 2"
    )
