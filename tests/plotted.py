"""Runs to plot, and what can be read off a plot: its texts, and which of them meet."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING, Any

from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.run import ProfileRun, Segment, SegmentLevel
from rsinspect.profiling.roofline.bound import Bound
from rsinspect.profiling.roofline.roofs import BandwidthRoof, ComputeRoof, Roofs
from rsinspect.profiling.statistics import Latency, Sampling
from tests.runs import run_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

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
        of: SegmentLevel = "block" if level == "block" else "stage"
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

    model = Model(name=name or f"resnet-rs-{depth}", depth=depth, blocks=LAYOUTS[depth],
                  resolution=(160, 160), dialect="keras")  # fmt: skip
    return run_of(segments, model=model, mode=mode, level=level, roofs=roofs)


def texts_of(figure: Figure) -> list[Text]:
    return [text for axes in figure.axes for text in axes.texts]


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in texts_of(figure)]


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


RUNS: dict[str, dict[str, Any]] = {
    "stages": {"level": "stage"},
    "blocks of a training step": {"mode": "train"},
    "blocks of the deepest": {"depth": 420},
    "training the deepest, many rounds": {"depth": 420, "mode": "train", "rounds": 400},
    "many roofs": {"roofs": GPU},
    "an awkward name": {"name": AWKWARD, "level": "stage"},
    "no two blocks alike": {"distinct": True, "level": "block"},
}
