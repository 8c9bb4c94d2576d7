"""Plots of a run say what was measured, in any theme and format, and no text covers another."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from io import BytesIO
from itertools import combinations
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from rsinspect.base.errors import UnknownPicture
from rsinspect.drawing.canvas import FORMATS, WIDTH, check_plot
from rsinspect.drawing.theme import THEMES, contrast
from rsinspect.profiling.plots import (
    latency_figure,
    latency_plot,
    points_of,
    roof_lines,
    roofline_figure,
    roofline_plot,
    rows_of,
)
from rsinspect.profiling.report import closure_line
from rsinspect.profiling.roofline import BandwidthRoof, Bound, ComputeRoof, Roofs
from rsinspect.profiling.run import (
    Batch,
    Closure,
    EndToEnd,
    Environment,
    Model,
    ProfileRun,
    Rounds,
    Segment,
)
from rsinspect.profiling.statistics import Latency, Sampling
from tests.conftest import python

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from tests.browser import Open

pytest_plugins = ("tests.browser",)

SVG = Path("plot.svg")
ROUNDS = 12
AWKWARD = "a<b>&\"'$x_{1}$\\frac \x00\n\ud800 層 " + "long " * 40
LAYOUTS = {50: (3, 4, 6, 3), 420: (4, 44, 87, 4)}

CPU = Roofs(
    compute=(
        ComputeRoof(op="matmul", size="2048x2048", flops_per_s=2.5e11),
        ComputeRoof(op="conv 3x3", size="128 to 128", flops_per_s=3.2e11),
        ComputeRoof(op="conv 1x1", size="256 to 256", flops_per_s=2.4e11),
    ),
    bandwidth=(
        BandwidthRoof(level="L2", working_set_bytes=2**21, bytes_per_s=2e11),
        BandwidthRoof(level="L3", working_set_bytes=2**23, bytes_per_s=6e10),
        BandwidthRoof(level="L3", working_set_bytes=2**25, bytes_per_s=5e10),
        BandwidthRoof(level="DRAM", working_set_bytes=2**27, bytes_per_s=2.3e10),
    ),
    precision="float32",
    method="made up",
)
GPU = Roofs(
    compute=tuple(
        [
            ComputeRoof(op=f"op {index}", size="", flops_per_s=6e13 / (1 + index / 4))
            for index in range(6)
        ]
    ),
    bandwidth=tuple(
        [
            BandwidthRoof(level=f"{2**index} MiB", working_set_bytes=2 ** (20 + index),
                          bytes_per_s=6e12 / (1 + index / 5))
            for index in range(9)
        ]
    ),
    precision="float32",
    method="made up",
)  # fmt: skip


def a_run(depth: int = 50, level: str = "block", mode: str = "forward", *,
          roofs: Roofs | None = CPU, name: str | None = None, distinct: bool = False,
          rounds: int = ROUNDS) -> ProfileRun:  # fmt: skip
    """Blocks of a stage are identical but for the first, or all distinct."""
    random = Random(depth)
    kept = tuple(index % 4 != 3 for index in range(rounds))
    sampling = Sampling((0,) * rounds, tuple(index // 2 for index in range(rounds)), kept)

    def latency(around: float) -> Latency:
        return Latency(
            tuple(around * (1 + 0.05 * random.random()) for _ in range(rounds)), sampling
        )

    def segment(path: str, macs: int, moved: int) -> Segment:
        whole = latency(macs / 5e10 * random.uniform(0.8, 1.6))
        parts: dict[str, Any] = {}
        if mode == "train":
            parts["forward"] = Latency(tuple(0.25 * s for s in whole.samples), sampling)
            parts["backward"] = Latency(tuple(0.75 * s for s in whole.samples), sampling)
        if roofs is not None:
            floor = max(2 * macs / roofs.flops_per_s, moved / roofs.bandwidth[-1].bytes_per_s)
            parts["bound"] = Bound(
                bound="compute", flops=2 * macs, bytes=moved, floor_s=floor,
                seconds=whole.median, fraction=min(1.0, floor / whole.median), reason=None,
            )  # fmt: skip
        of = "block" if level == "block" else "stage"
        return Segment(path=path, level=of, latency=whole, macs=macs, bytes_moved=moved,
                       intensity=2 * macs / moved, **parts)  # fmt: skip

    segments = [segment("stem", 9 * 10**8, 4 * 10**7)]
    for index, blocks in enumerate(LAYOUTS[depth]):
        counts = [(4 * 10**8 - 10**7 * index, 2 * 10**7 // (1 + index))] + [
            (2 * 10**8, 10**7 // (1 + index) + (9973 * block if distinct else 0))
            for block in range(1, blocks)
        ]
        if level == "stage":
            total, moved = map(sum, zip(*counts, strict=True))
            segments.append(segment(f"c{index + 2}", total, moved))
        else:
            segments += [
                segment(f"c{index + 2}/block{block}", *of) for block, of in enumerate(counts)
            ]
    segments.append(segment("head", 2 * 10**6, 9 * 10**6))
    if name is not None:
        segments[1] = replace(segments[1], path=name)
    steps = ["loss", "optimizer", "call"] if mode == "train" else ["call"]
    segments += [Segment(path=step, level="step", latency=latency(2e-4)) for step in steps]

    def whole() -> Latency:
        columns = zip(*[segment.latency.samples for segment in segments], strict=True)
        return Latency(tuple(sum(column) for column in columns), sampling)

    recorded = Rounds(
        sampling=sampling, at_s=tuple(map(float, range(rounds))), foreign_share=(0.01,) * rounds,
        instrumented_s=whole().samples, verdict="gated",
    )  # fmt: skip
    return ProfileRun(
        model=Model(name=name or f"resnet-rs-{depth}", depth=depth, blocks=LAYOUTS[depth],
                    resolution=(160, 160), dialect="keras"),
        environment=Environment(
            platform="Linux", cpu_model=None, cpus_visible=2, cpus_affinity=2, cpus_quota=None,
            governor=None, threads_requested=None, threads="default", versions=(), flags=(),
            load_before=None, load_after=None, seed=0, peak_rss_bytes=None,
        ),
        batch=Batch(requested=8, used=8, tried=()), mode=mode, precision="float32",
        backend="tensorflow", device="cpu", jit=False, level=level, method="", optimizer=None,
        end_to_end=EndToEnd(latency=whole(), batch=8), segments=tuple(segments), rounds=recorded,
        closure=Closure(
            segments=tuple(segment.latency for segment in segments), end_to_end=whole(),
            instrumented=recorded.instrumented, output_max_abs_diff=None, output_max_abs=1.0,
        ),
        prediction=None, roofs=roofs, trace=None, not_available=(), warnings=(),
        stopped_because="time", max_time_s=60.0, measured_s=60.0, warm_up_s=(1.0,),
        predicted_bytes=1, started_at="", wall_s=70.0,
    )  # fmt: skip


def texts_of(figure: Figure) -> list[Text]:
    return [text for axes in figure.axes for text in axes.texts]


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in texts_of(figure)]


# ---- what is refused


@pytest.mark.parametrize("name", ["plot.gif", "plot", "plot.svg.txt"])
def test_a_suffix_that_names_no_format_is_refused(name: str) -> None:
    with pytest.raises(UnknownPicture, match=r"cannot draw a|has no suffix") as refusal:
        check_plot(Path(name), "paper")
    assert refusal.value.hint == "name it .svg, .pdf, .png"


@pytest.mark.parametrize("name", ["plot.SVG", "a.b.png", "plot.pdf"])
def test_known_suffixes_pass_in_either_case(name: str) -> None:
    check_plot(Path(name), "dark")


@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
def test_an_unknown_theme_is_refused_with_the_nearest(draw: Any) -> None:
    with pytest.raises(UnknownPicture, match="unknown theme 'drak'") as refusal:
        draw(a_run(), SVG, "drak")
    assert refusal.value.hint == "did you mean dark?"


def test_a_roofline_needs_roofs() -> None:
    with pytest.raises(UnknownPicture, match="the run has no roofs") as refusal:
        roofline_plot(a_run(roofs=None), SVG, "paper")
    assert refusal.value.hint == "measure with --roofs"


def test_a_roofline_needs_a_segment_to_set_against_them() -> None:
    run = replace(a_run(roofs=None), roofs=CPU)
    with pytest.raises(UnknownPicture, match="no segment to set against"):
        roofline_plot(run, SVG, "paper")


# ---- no text covers another

Corners = list[tuple[float, float]]


def corners_of(text: Text) -> Corners:
    """Of the text as it stands, rotated or not, in pixels."""
    import matplotlib

    degrees = text.get_rotation()
    text.set_rotation(0)
    with matplotlib.rc_context({"text.hinting": "no_hinting"}):
        box = text.get_window_extent()
    text.set_rotation(degrees)
    x, y = text.get_transform().transform(text.get_position())
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        (x + cos * (a - x) - sin * (b - y), y + sin * (a - x) + cos * (b - y))
        for a, b in [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
    ]


def meet(one: Corners, other: Corners) -> bool:
    """Whether two rectangles share more than a pixel: no side of either keeps them apart."""
    for first, second in [(shape[i], shape[i + 1]) for shape in (one, other) for i in range(2)]:
        along = second[0] - first[0], second[1] - first[1]
        length = math.hypot(*along) or 1.0
        spans = [
            [(x * along[0] + y * along[1]) / length for x, y in shape] for shape in (one, other)
        ]
        if max(spans[0]) <= min(spans[1]) + 1 or max(spans[1]) <= min(spans[0]) + 1:
            return False
    return True


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    found = [(text.get_text(), corners_of(text)) for text in texts_of(figure) if text.get_text()]
    return [
        (one, other) for (one, its), (other, others) in combinations(found, 2) if meet(its, others)
    ]


def outside(figure: Figure) -> list[str]:
    width, height = figure.bbox.width, figure.bbox.height
    return [
        text.get_text()
        for text in texts_of(figure)
        if not all(0 <= x <= width and 0 <= y <= height for x, y in corners_of(text))
    ]


@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
def test_the_margins_of_a_bitmap_are_empty(draw: Any) -> None:
    from matplotlib.image import imread

    pixels = imread(BytesIO(draw(a_run(depth=420, mode="train"), Path("plot.png"), "paper")))
    width = pixels.shape[1]
    assert width == 2 * WIDTH
    margins = pixels[:, :36], pixels[:, -36:], pixels[:30], pixels[-16:]
    assert all((margin == 1).all() for margin in margins)
    assert not (pixels[:, 36:-36] == 1).all()


RUNS: dict[str, dict[str, Any]] = {
    "stages": {"level": "stage"},
    "blocks of a training step": {"mode": "train"},
    "blocks of the deepest": {"depth": 420},
    "training the deepest, many rounds": {"depth": 420, "mode": "train", "rounds": 400},
    "many roofs": {"roofs": GPU},
    "an awkward name": {"name": AWKWARD, "level": "stage"},
    "no two blocks alike": {"distinct": True, "level": "block"},
}


@pytest.mark.filterwarnings("ignore:Glyph .* missing")
@pytest.mark.parametrize("draw", [latency_figure, roofline_figure])
@pytest.mark.parametrize("case", RUNS)
def test_no_text_covers_another_or_leaves_the_page(case: str, draw: Any) -> None:
    figure = draw(a_run(**RUNS[case]), "paper")
    assert len(texts_of(figure)) > 15
    assert overlaps(figure) == []
    assert outside(figure) == []


def test_the_check_of_overlaps_can_fail() -> None:
    figure = roofline_figure(a_run(level="stage"), "paper")
    title = texts_of(figure)[0]
    rising = next(text for text in texts_of(figure) if text.get_rotation())
    title.set_position(rising.get_position())
    assert overlaps(figure) == [(title.get_text(), rising.get_text())]
    rising.set_position((-5, 10))
    assert outside(figure) == [rising.get_text()]


def test_a_rotated_text_is_checked_where_it_stands() -> None:
    figure = roofline_figure(a_run(level="stage"), "paper")
    rising = next(text for text in texts_of(figure) if text.get_rotation())
    level = texts_of(figure)[0]
    x, y = rising.get_position()
    level.set_text("L")
    level.set_position((x + 50, y - 1))  # below the slope, within the upright box around it
    assert 20 < rising.get_rotation() < 80
    assert rising.get_window_extent().overlaps(level.get_window_extent())
    assert overlaps(figure) == []


# ---- what is said


def test_the_header_names_model_conditions_and_the_whole() -> None:
    run = a_run()
    words = words_of(latency_figure(run, "paper"))
    assert words[0] == "resnet-rs-50 @ 160x160"
    assert words[1] == run.conditions
    assert words[2].startswith("End to end ")
    assert "95 % CI" in words[2]


def test_the_closure_sentence_is_at_the_foot() -> None:
    run = a_run()
    words = words_of(latency_figure(run, "paper"))
    lines = [line for line in reversed(words[3:]) if line in closure_line(run)]
    assert closure_line(run) in " ".join(lines)


def test_segments_stand_in_the_order_of_the_network_with_their_share() -> None:
    run = a_run(level="stage")
    words = words_of(latency_figure(run, "paper"))
    paths = [segment.path for segment in run.segments]
    assert [word for word in words if word in paths] == paths
    shares = [word for word in words if re.fullmatch(r"<?\d+\.\d %", word)]
    assert len(shares) == len(paths)


def test_forward_and_backward_are_stacked_in_their_proportion() -> None:
    from matplotlib.patches import Rectangle

    figure = latency_figure(a_run(level="stage", mode="train"), "paper")
    assert {"forward", "backward"} <= set(words_of(figure))
    drawn = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    bars = [(bar.get_x(), bar.get_width()) for bar in drawn if bar.get_height() == 14]
    (_, back), (start, ahead) = bars[:2]
    assert bars[0][0] == pytest.approx(start + ahead)
    assert ahead / (ahead + back) == pytest.approx(0.25)
    assert "backward" not in words_of(latency_figure(a_run(), "paper"))


def test_the_floor_is_explained_only_where_it_is_known() -> None:
    key = "least time the roofs allow"
    assert key in words_of(latency_figure(a_run(), "paper"))
    assert key not in words_of(latency_figure(a_run(roofs=None), "paper"))


def test_rounds_that_are_left_out_for_brevity_are_owned_up_to() -> None:
    assert "a round" in words_of(latency_figure(a_run(), "paper"))
    many = latency_figure(a_run(depth=50, rounds=600), "paper")
    assert "one round in 3" in words_of(many)


def test_a_run_of_few_rounds_has_no_interval_and_says_so() -> None:
    run = a_run(level="stage", rounds=4)
    assert words_of(latency_figure(run, "paper")).count("too few") == len(run.segments)


@pytest.mark.parametrize(
    ("scale", "unit"), [(1e-4, "us for a batch of 8"), (1, "ms for a batch of 8"),
                        (1e3, "s for a batch of 8")],
)  # fmt: skip
def test_the_axis_has_the_unit_that_suits(scale: float, unit: str) -> None:
    run = a_run(level="stage", roofs=None)
    segments = tuple(
        replace(s, latency=Latency(tuple(scale * x for x in s.latency.samples), s.latency.sampling))
        for s in run.segments
    )
    run = replace(
        run,
        segments=segments,
        closure=replace(run.closure, segments=tuple(s.latency for s in segments)),
    )
    assert unit in words_of(latency_figure(run, "paper"))


# ---- folding


def test_few_segments_have_a_row_each() -> None:
    run = a_run(depth=50)
    assert [row.name for row in rows_of(run)] == [segment.path for segment in run.segments]


def test_identical_neighbours_share_a_row_where_there_are_many() -> None:
    names = [row.name for row in rows_of(a_run(depth=420))]
    assert names == [
        "stem", "c2/block0", "c2/block1-3", "c3/block0", "c3/block1-43", "c4/block0",
        "c4/block1-86", "c5/block0", "c5/block1-3", "head", "call",
    ]  # fmt: skip


def test_blocks_of_different_counts_are_never_folded() -> None:
    run = a_run(distinct=True)
    assert len(rows_of(run, most=0)) == len(run.segments)


def test_a_folded_row_has_the_mean_of_its_blocks_and_all_of_their_share() -> None:
    run = a_run(depth=420)
    rows = {row.name: row for row in rows_of(run)}
    row = rows["c4/block1-86"]
    medians = [segment.latency.median for segment in row.segments]
    assert row.median == pytest.approx(sum(medians) / 86)
    assert sum(row.share(run) for row in rows.values()) == pytest.approx(1)
    words = words_of(latency_figure(run, "paper"))
    assert any(re.fullmatch(r"86 × \d\.\d\d ms", word) for word in words)


def test_the_interval_of_a_folded_row_is_that_of_the_mean() -> None:
    one = rows_of(a_run(depth=420))[1]
    twins = type(one)((one.segments[0], replace(one.segments[0], path="c2/block1")))
    assert one.interval is not None
    assert twins.interval is not None
    assert twins.interval == pytest.approx(one.interval)
    assert twins.interval[0] < twins.median < twins.interval[1]


# ---- the roofline


def test_a_point_is_what_was_computed_by_what_moved_and_how_long_it_took() -> None:
    run = a_run(level="stage")
    point = points_of(run)[0]
    segment = run.segments[0]
    assert segment.bound is not None
    assert point.intensity == pytest.approx(2 * 9 * 10**8 / (4 * 10**7))
    assert point.rate == pytest.approx(2 * 9 * 10**8 / segment.latency.median)
    assert point.attainable == pytest.approx(segment.bound.attainable_flops_per_s)
    assert [point.row.name for point in points_of(run)] == ["stem", "c2", "c3", "c4", "c5", "head"]


def test_every_point_is_named_and_steps_are_said_to_be_missing() -> None:
    run = a_run(depth=420, mode="train")
    words = words_of(roofline_figure(run, "paper"))
    for point in points_of(run):
        assert any(word.startswith(f"{point.row.name} ") for word in words)
    assert "Not shown, no arithmetic: loss, optimizer, call." in words


def test_names_that_find_no_place_are_counted() -> None:
    run = a_run(depth=420, distinct=True)
    words = words_of(roofline_figure(run, "paper"))
    named = sum(bool(re.fullmatch(r"\S+ <?[\d.]+ %", word)) for word in words)
    missing = len(points_of(run)) - named
    assert missing > 0
    assert f"Without a name for want of room: {missing}." in words


def test_roofs_too_near_each_other_share_a_line_that_tells_both_rates() -> None:
    levels = [(roof.level, roof.bytes_per_s) for roof in CPU.bandwidth]
    assert [roof.names for roof in roof_lines(levels, 1.1)] == [("L2",), ("L3",), ("DRAM",)]
    assert roof_lines(levels, 1.1)[1].label("B/s") == "L3 60.0 GB/s"
    near = roof_lines(levels, 3)
    assert [roof.label("B/s") for roof in near] == ["L2 200 GB/s", "L3, DRAM 23.0 G to 60.0 GB/s"]


def test_all_of_many_roofs_are_named() -> None:
    words = words_of(roofline_figure(a_run(roofs=GPU), "paper"))
    assert not any("want of room" in word for word in words)
    told = " ".join(word for word in words if word.endswith("B/s"))
    assert told.count("TB/s") > 1
    assert "1 MiB" in told
    assert "256 MiB" in told


def test_roofs_and_ridges_are_labelled() -> None:
    words = words_of(roofline_figure(a_run(level="stage"), "paper"))
    assert {"conv 3x3 320 GFLOP/s", "matmul, conv 1x1 250 GFLOP/s"} <= set(words)
    assert {"L2 200 GB/s", "L3 60.0 GB/s", "DRAM 23.0 GB/s"} <= set(words)
    assert {"1.6", "5.33", "13.9"} <= set(words)


# ---- files


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
def test_the_same_run_gives_the_same_bytes_whatever_matplotlibs_settings(
    draw: Any, suffix: str
) -> None:
    import matplotlib

    path = Path("plot" + suffix)
    first = draw(a_run(level="stage"), path, "paper")
    assert first.startswith({".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG"}[suffix])
    with matplotlib.rc_context({"font.size": 30, "path.sketch": (1.0, 90.0, 2.0)}):
        assert draw(a_run(level="stage"), path, "paper") == first
    for trace in (b"CreationDate", b"dc:date", b"Software", b"http://pypi", b"Matplotlib v"):
        assert trace not in first


@pytest.mark.slow
def test_another_process_gives_the_same_bytes() -> None:
    code = (
        "import hashlib; from tests.test_profiling_plots import *\n"
        "run = a_run(420, mode='train')\n"
        "for draw in (latency_plot, roofline_plot):\n"
        "    print(hashlib.sha256(draw(run, SVG, 'dark')).hexdigest())"
    )
    outcomes = [python(code, PYTHONHASHSEED=seed) for seed in ("1", "2")]
    assert len(outcomes[0].stdout.split()) == 2, outcomes[0].stderr
    assert outcomes[0].stdout == outcomes[1].stdout


@pytest.mark.parametrize("draw", [latency_plot, roofline_plot])
def test_any_name_makes_a_sound_file(draw: Any) -> None:
    run = a_run(level="stage", name=AWKWARD)
    for suffix in FORMATS:
        assert draw(run, Path("plot" + suffix), "paper")
    root = ElementTree.fromstring(draw(run, SVG, "paper"))
    words = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(word.startswith("a<b>&\"'$x_{1}$\\frac \ufffd\ufffd\ufffd 層") for word in words)


def test_text_stays_text_in_svg() -> None:
    run = a_run()
    root = ElementTree.fromstring(latency_plot(run, SVG, "paper"))
    words = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {segment.path for segment in run.segments} <= words
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "Latency of resnet-rs-50"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("draw", [latency_figure, roofline_figure])
def test_each_theme_has_its_paper_and_legible_text(draw: Any, theme: str) -> None:
    from matplotlib.colors import to_hex

    figure = draw(a_run(level="stage"), theme)
    assert to_hex(figure.get_facecolor()) == THEMES[theme].paper
    colours = {to_hex(text.get_color()) for text in texts_of(figure)}
    assert len(colours) > 1
    assert all(contrast(colour, THEMES[theme].paper) >= 4.5 for colour in colours)


def test_nothing_is_loaded_before_something_is_drawn() -> None:
    code = (
        "import sys; from pathlib import Path; from rsinspect.profiling import plots\n"
        "plots.check_plot(Path('a.svg'), 'paper')\n"
        "print([name for name in ('matplotlib', 'numpy', 'keras') if name in sys.modules])"
    )
    outcome = python(code)
    assert outcome.stdout.strip() == "[]", outcome.stderr


@pytest.mark.slow
@pytest.mark.parametrize("family", ["DejaVu Sans", "Verdana"])
def test_in_a_browser_all_text_is_on_the_page(family: str, open_page: Open) -> None:
    picture = roofline_plot(a_run(420), SVG, "paper").decode()
    picture += latency_plot(a_run(420), SVG, "paper").decode().replace("<?xml", "<!-- -->")
    drawings = re.findall(r"<svg.*?</svg>", picture.replace("DejaVu Sans", family), re.DOTALL)
    page = open_page(f"<!doctype html><meta charset=utf-8>{''.join(drawings)}")
    left_over = page.evaluate(
        """() => [...document.querySelectorAll("text")].filter(text => {
            const page = text.ownerSVGElement.getBoundingClientRect();
            const box = text.getBoundingClientRect();
            return box.left < page.left || box.right > page.right
                || box.top < page.top || box.bottom > page.bottom;
        }).map(text => text.textContent)"""
    )
    assert len(drawings) == 2
    assert page.locator("text").count() > 60
    assert left_over == []
