"""What a network would cost deeper or less deep, wider or narrower, at other image sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from rsinspect import paper
from rsinspect.answers.chart import Axis, Chart, Facet, Point, Series
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.errors import SpecError
from rsinspect.base.units import dimensions
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.question import Question
from rsinspect.layers.receptive_field import receptive_fields
from rsinspect.networks.network import Network, at_size, folded, resnet_rs

SCHEMA = "rsinspect.scaling/1"
"""Version of the document. 1: first."""

Direction = Literal["depth", "width", "resolution"]

FACTORS = (0.5, 0.75, 1.5, 2.0)
"""Of widths, of layouts without a depth, and of image sides to the nearest multiple of STEP."""
TWICE = "×2"
STEP = 32
MOST_DEPTHS = 2
"""Published depths below, and as many above."""

_Change = tuple[Direction, str, dict[str, Any]]
"""What is changed, what it is called, and the numbers of it."""


class Scaled(NamedTuple):
    """A network that differs from another in one thing.

    Attributes:
        direction: What that is; None for the network itself.
        label: Of it, short: ``101``, ``×0.5``, ``192×192``.
        params: Of the network.
        flops: Of one image.
        peak_bytes: The most activations alive at once in inference, for the batch.
        sees_all: Path of the first layer each of whose outputs sees the whole image, along the
            longer side; None where none is known to.
        twice: Whether it is twice as deep, as wide or as large an image.
    """

    direction: Direction | None
    label: str
    params: int
    flops: int
    peak_bytes: int
    sees_all: str | None
    twice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A network among those that differ from it in one thing.

    Attributes:
        network: In question.
        question: What a FLOP is; batch and dtype of activations.
        own: What it costs.
        others: What others cost: by depth, width and resolution, each rising.
        receptive_field: Side of the square of pixels that the last map sees; None where not known.
        fixed: Why the network takes images of one size alone; None where it takes others.
    """

    network: Network
    question: Question
    own: Scaled
    others: tuple[Scaled, ...]
    receptive_field: int | None
    fixed: str | None = None

    @property
    def doubled(self) -> tuple[Scaled, ...]:
        """List what twice of each costs, where that can be built."""
        return tuple(each for each in self.others if each.twice)

    def along(self, direction: Direction) -> tuple[Scaled, ...]:
        """List the networks of one direction with the network itself, by what they cost."""
        found = [each for each in self.others if each.direction == direction]
        return tuple(sorted((*found, self.own), key=lambda each: (each.flops, each.params)))


def scaling_of(network: Network, question: Question) -> Scaling | None:
    """Cost a network and its neighbours; None where it takes no image.

    Depths and widths are those of a ResNet-RS; any other has its image sizes alone.
    """
    if network.resolution is None:
        return None
    others = [
        _scaled(made, question, direction, label, twice=label == TWICE)
        for direction, label, made in _rebuilt(network)
    ]
    why = []
    double = tuple(2 * side for side in network.resolution)
    for size in _sizes(network.resolution):
        try:
            made = at_size(network, size)
        except SpecError as exc:
            why.append(exc.message)
            continue
        others.append(_scaled(made, question, "resolution", dimensions(size), twice=size == double))
    fields = [seen.size for seen in receptive_fields(network.graph).values() if seen.size]
    sized = any(each.direction == "resolution" for each in others)
    return Scaling(
        network=network,
        question=question,
        own=_scaled(network, question),
        others=tuple(others),
        receptive_field=max(fields, default=None),
        fixed=None if sized or not why else why[0],
    )


def _scaled(
    network: Network,
    question: Question,
    direction: Direction | None = None,
    label: str = "as it is",
    *,
    twice: bool = False,
) -> Scaled:
    side = max(network.resolution or (0,))
    seen = receptive_fields(network.graph)
    whole = (path for path, field in seen.items() if field.size is not None and field.size >= side)
    return Scaled(
        direction,
        label,
        network.cost.params,
        question.flops(network.cost),
        peak_activation(network.graph).bytes(batch=question.batch, dtype=question.dtype),
        next(whole, None),
        twice,
    )


def _rebuilt(network: Network) -> Iterator[tuple[Direction, str, Network]]:
    """Make a ResNet-RS again, of other depths and widths that can be built."""
    known = network.recognised
    if known is None or known.part is not None:
        return
    spec = known.spec
    changes = (*_depths(spec.depth, spec.blocks), *_widths(spec.width))
    for direction, label, change in changes:
        try:
            made = resnet_rs(spec.replace(**change))
        except SpecError:
            continue
        yield direction, label, made if network.folding is None else folded(made)


def _depths(depth: int | None, blocks: tuple[int, ...]) -> Iterator[_Change]:
    """List other depths: published ones beside a published one, else multiples of the layout."""
    known = paper.variants()
    published = [each for each in known if known[each].published]
    double = tuple(2 * number for number in blocks)
    if depth in published:
        place = published.index(depth)
        for other in published[max(0, place - MOST_DEPTHS) : place + MOST_DEPTHS + 1]:
            if other != depth:
                yield "depth", str(other), {"depth": other, "blocks": known[other].blocks}
    else:
        for factor in FACTORS:
            layout = tuple(max(1, round(factor * number)) for number in blocks)
            if layout not in (blocks, double):
                yield "depth", ",".join(map(str, layout)), {"depth": None, "blocks": layout}
    yield "depth", TWICE, {"depth": None, "blocks": double}


def _widths(width: float) -> Iterator[_Change]:
    for factor in FACTORS:
        yield "width", f"×{factor:g}", {"width": factor * width}


def _sizes(resolution: tuple[int, int]) -> list[tuple[int, int]]:
    """List other image sizes, smallest first; twice the size is exact."""
    found = {
        (round(factor * resolution[0] / STEP) * STEP, round(factor * resolution[1] / STEP) * STEP)
        for factor in FACTORS[:-1]
    }
    found.add((2 * resolution[0], 2 * resolution[1]))
    return sorted(size for size in found if min(size) > 0 and size != resolution)


NOUNS: dict[Direction, str] = {"depth": "Depth", "width": "Width", "resolution": "Resolution"}


def scaling_answer(scaling: Scaling) -> Answer:
    """Show what the network and its neighbours cost, and how many times as much."""
    own, question = scaling.own, scaling.question
    directions = [each for each in NOUNS if any(o.direction == each for o in scaling.others)]
    rows = [
        _row(scaling, each, direction) for direction in directions
        for each in scaling.along(direction)
    ]  # fmt: skip
    table = Table(
        title=f"One thing changed at a time: {scaling.network.title}",
        columns=(
            Column("direction", "Changed"),
            Column("label", "To"),
            Column("params", "Params", "count"),
            Column("params_ratio", "Params\n/ this", "number", decimals=2),
            Column("flops", f"FLOPs\n({question.convention})", "count"),
            Column("flops_ratio", "FLOPs\n/ this", "number", decimals=2),
            Column("peak_activation_bytes", "Act.\npeak", "bytes"),
            Column("peak_ratio", "Act.\n/ this", "number", decimals=2),
            Column("sees_all", "Sees the whole\nimage from"),
        ),
        rows=tuple(rows or [_row(scaling, own, "resolution")]),
        notes=tuple(_notes(scaling)),
        name="scaling",
    )
    return Answer(table, lambda: _document(scaling, rows))


def _row(scaling: Scaling, each: Scaled, direction: Direction) -> dict[str, Value]:
    own = scaling.own
    return {
        "direction": NOUNS[direction].lower(),
        "label": each.label,
        "params": each.params,
        "params_ratio": _ratio(each.params, own.params),
        "flops": each.flops,
        "flops_ratio": _ratio(each.flops, own.flops),
        "peak_activation_bytes": each.peak_bytes,
        "peak_ratio": _ratio(each.peak_bytes, own.peak_bytes),
        "sees_all": each.sees_all,
    }


def _ratio(value: int, own: int) -> float | None:
    return value / own if own else None


def _notes(scaling: Scaling) -> Iterator[str]:
    question = scaling.question
    yield (
        f"FLOPs ({question.convention}), for one image: {question.legend}. Act.: the most "
        f"activations alive at once in inference, batch {question.batch}, {question.dtype}."
    )
    if any(each.sees_all for each in scaling.others):
        yield (
            "Sees the whole image from: the first layer whose receptive field is as large as the "
            "image, squeeze-and-excitation left out."
        )
    if scaling.fixed is not None:
        yield f"No other image size: {scaling.fixed}."


def _document(scaling: Scaling, rows: list[dict[str, Value]]) -> dict[str, Any]:
    question = scaling.question
    return {
        "schema": SCHEMA,
        "model": scaling.network.document(),
        "convention": question.convention,
        "batch": question.batch,
        "dtype": question.dtype,
        "receptive_field": scaling.receptive_field,
        "rows": rows,
    }


def scaling_chart(scaling: Scaling) -> Chart | None:
    """Chart params against FLOPs along each direction; of resolution alone, FLOPs against it.

    None where there is nothing beside the network itself.
    """
    if not scaling.others:
        return None
    convention = scaling.question.convention
    flops = Axis(f"FLOPs per image ({convention})", "count", log=True)
    if all(each.direction == "resolution" for each in scaling.others):
        return Chart(
            title="",
            subtitle="",
            x=Axis("Image, pixels along the longer side", "integer", log=True),
            y=flops,
            facets=(Facet("", (_series(scaling, "resolution", _by_side(scaling)),)),),
            ringed="this network",
        )
    series = [
        _series(scaling, direction, lambda each: (each.flops, each.params))
        for direction in NOUNS
        if len(scaling.along(direction)) > 1
    ]
    return Chart(
        title="",
        subtitle="",
        x=flops,
        y=Axis("Parameters", "count", log=True),
        facets=(Facet("", tuple(series)),),
        ringed="this network",
    )


def _by_side(scaling: Scaling) -> Callable[[Scaled], tuple[float, float]]:
    own = max(scaling.network.resolution or (0,))

    def place(each: Scaled) -> tuple[float, float]:
        sides = [own] if each.direction is None else map(int, each.label.split("×"))
        return max(sides), each.flops

    return place


def _series(
    scaling: Scaling, direction: Direction, place: Callable[[Scaled], tuple[float, float]]
) -> Series:
    """Join the networks along a direction, each by its name."""
    points = [
        Point(*place(each), "" if each.direction is None else each.label,
              ringed=each.direction is None)
        for each in scaling.along(direction)
    ]  # fmt: skip
    return Series(NOUNS[direction], tuple(points), line="solid")
