"""What a sweep measures: networks, ways of measuring them, and in which order.

Every network is measured in every way that it can be, each time in a process of its own. The order
is that of shuffled blocks: all once, then all again, so that a machine that becomes faster or
slower meanwhile favours none.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

from rsinspect.base import codec, limits
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import InvalidMeasurement, check_choice
from rsinspect.base.words import plural
from rsinspect.layers.map_layout import LAYOUTS
from rsinspect.networks.grammar import parse_resolution
from rsinspect.networks.lists import models_of
from rsinspect.networks.named import network
from rsinspect.networks.network import Network, folded
from rsinspect.profiling.choices import BACKENDS, MODES, PRECISIONS
from rsinspect.profiling.request import DEFAULT_MAX_TIME_S, ProfileRequest, Settings
from rsinspect.sweeps.cells import Cell

SCHEMA = "rsinspect.plan/1"
"""Version of the document. 1: first."""

REPEATS = limits.Limit("the number of repeats", 1, 1_000)
MOST_CELLS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What is combined with what.

    Attributes:
        models: MODEL texts, or what ``networks.lists`` reads.
        resolutions: Image sides, or heights x widths; none for each network's own.
        batches: Images in a batch.
        precisions: Of ``profiling.choices``; so are the next three.
        layouts: Orders of a map's axes.
        modes: ``forward``, ``train``.
        backends: Of Keras.
        devices: ``cpu``, ``gpu``, ``gpu:1``.
        threads: Of the framework; none for its own choice.
        level: What is timed apart.
        jit: Compile; None for the backend's default.
        fold_batch_norm: Measure the networks with batch norms folded.
        max_time_s: Of one measurement, everything included.

    Raises:
        InvalidMeasurement: If a number is none.
        InvalidChoice: If a name is unknown.
    """

    models: tuple[str, ...]
    resolutions: tuple[str, ...] = ()
    batches: tuple[int, ...] = (1,)
    precisions: tuple[str, ...] = ("float32",)
    layouts: tuple[str, ...] = (LAYOUTS[0],)
    modes: tuple[str, ...] = ("forward",)
    backends: tuple[str, ...] = ("tensorflow",)
    devices: tuple[str, ...] = ("cpu",)
    threads: tuple[int, ...] = ()
    level: str = "stage"
    jit: bool | None = None
    fold_batch_norm: bool = False
    max_time_s: float = DEFAULT_MAX_TIME_S

    def __post_init__(self) -> None:
        limits.MAX_TIME.check(self.max_time_s, InvalidMeasurement)
        for limit, numbers in (
            (limits.MEASURED_BATCH, self.batches),
            (limits.THREADS, self.threads),
        ):
            for number in numbers:
                limit.check(number, InvalidMeasurement)
        for what, names, known in (
            ("precision", self.precisions, PRECISIONS),
            ("layout", self.layouts, LAYOUTS),
            ("mode", self.modes, MODES),
            ("backend", self.backends, BACKENDS),
        ):
            for name in names:
                check_choice(what, name, known)

    def networks(self) -> Iterator[tuple[str, str | None, Network]]:
        """Make each network at each size: MODEL text, the size where one is chosen, the network.

        Raises:
            RsInspectError: If one cannot be made.
        """
        for model, size in product(models_of(self.models), self.resolutions or (None,)):
            made = network(model, resolution=None if size is None else parse_resolution(size))
            yield model, size, folded(made) if self.fold_batch_norm else made

    def ways(self) -> Iterator[dict[str, Any]]:
        """List what is measured how: settings by name, which nobody has checked together."""
        axes = {
            "batch": self.batches,
            "precision": self.precisions,
            "layout": self.layouts,
            "mode": self.modes,
            "backend": self.backends,
            "device": self.devices,
            "threads": self.threads or (None,),
        }
        for values in product(*axes.values()):
            yield dict(zip(axes, values, strict=True)) | {
                "level": self.level,
                "jit": self.jit,
                "fold_batch_norm": self.fold_batch_norm,
                "max_time_s": self.max_time_s,
                "strict_batch": True,
            }


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One network in one way of measuring it, which several cells repeat.

    Attributes:
        model: MODEL text.
        resolution: As ``Cell`` has it.
        title: Of the network, for people.
        fingerprint: Of its graph.
        settings: How it is measured.
        needed_bytes: Memory that a measurement is predicted to need.
        macs: Of an image, forward.
    """

    model: str
    resolution: str | None
    title: str
    fingerprint: str
    settings: Settings
    needed_bytes: int
    macs: int

    def cell(self, repeat: int, place: str | None = None) -> Cell:
        """Measure it once, on that node of a cluster where one is named.

        What a first measurement says of the device and of memory, later ones need not.
        """
        again: dict[str, Any] = {"predict": False, "roofs": False} if repeat else {}
        return Cell(
            model=self.model,
            resolution=self.resolution,
            settings=replace(self.settings, **again),
            fingerprint=self.fingerprint,
            repeat=repeat,
            place=place,
        )

    @property
    def name(self) -> str:
        """Name it as its cells do."""
        return self.cell(0).point


class KeyParts(NamedTuple):
    """What the key of a cell says.

    Attributes:
        point: Name of its point.
        repeat: From 0.
        place: Node of a cluster, or None.
    """

    point: str
    repeat: int
    place: str | None


def key_parts(key: str) -> KeyParts | None:
    """Read the key of a cell; None where it is none.

    >>> key_parts("3f2a91c40b7d.2@node3"), key_parts("3f2a91c40b7d")
    (KeyParts(point='3f2a91c40b7d', repeat=2, place='node3'), None)
    """
    found = re.fullmatch(r"([0-9a-f]+)\.(\d{1,9})(?:@(.+))?", key, re.ASCII)
    return None if found is None else KeyParts(found[1], int(found[2]), found[3])


class LeftOut(NamedTuple):
    """A combination that nobody can measure.

    Attributes:
        title: Of the network.
        reason: In one line.
    """

    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sweep measures. The same plan is the same sweep, however often each is repeated.

    Attributes:
        points: Each once, in the order in which they were written.
        seed: Of the order.
        left_out: Combinations that were asked for and cannot be measured.
    """

    points: tuple[Point, ...]
    seed: int = 0
    left_out: tuple[LeftOut, ...] = ()

    @classmethod
    def of(cls, axes: Axes, seed: int = 0) -> Plan:
        """Combine everything with everything.

        Raises:
            RsInspectError: If a network cannot be made, or nothing of it all can be measured.
        """
        from rsinspect.profiling.memory import needed_memory

        points: dict[str, Point] = {}
        left_out: list[LeftOut] = []
        limits.SEED.check(seed, InvalidMeasurement)
        for model, size, made in axes.networks():
            for way in axes.ways():
                try:
                    request = ProfileRequest(network=made, **way)
                except InvalidMeasurement as exc:
                    left_out.append(LeftOut(made.title, exc.message))
                    refused = exc
                    continue
                point = Point(
                    model=model,
                    resolution=size,
                    title=made.title,
                    fingerprint=made.fingerprint,
                    settings=request.settings,
                    needed_bytes=needed_memory(request).total_bytes,
                    macs=made.cost.macs,
                )
                points.setdefault(point.name, point)
        if not points:
            raise refused
        return cls(points=tuple(points.values()), seed=seed, left_out=tuple(left_out))

    def cells(self, repeats: int, places: Sequence[str | None] = (None,)) -> Iterator[Cell]:
        """List the cells in the order in which they are measured.

        Args:
            repeats: How often each point is measured.
            places: Nodes of a cluster, on each of which every point is.

        Raises:
            InvalidMeasurement: If that is no number of repeats, or makes too many cells.
        """
        REPEATS.check(repeats, InvalidMeasurement)
        many = len(self.points) * len(places) * repeats
        if many > MOST_CELLS:
            raise InvalidMeasurement(
                f"the sweep has {plural(many, 'cell')}; {plural(MOST_CELLS, 'cell')} are the most",
                "divide it",
            )
        for repeat in range(repeats):
            block = [point.cell(repeat, place) for point in self.points for place in places]
            random.Random(f"{self.seed}.{repeat}").shuffle(block)
            yield from block

    def cell_of(self, key: str) -> Cell | None:
        """Find the cell of a key; None where it is of no point of this plan."""
        at = key_parts(key)
        point = next((each for each in self.points if at and each.name == at.point), None)
        return None if at is None or point is None else point.cell(at.repeat, at.place)

    def to_json(self) -> dict[str, Any]:
        """Write what makes it this plan as plain JSON values."""
        return {
            "schema": SCHEMA,
            "seed": self.seed,
            "points": [codec.to_json(point) for point in self.points],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    seed: int
    points: tuple[Point, ...]


def plan_from_json(document: dict[str, Any]) -> Plan:
    """Read what ``Plan.to_json`` wrote.

    Raises:
        InvalidMeasurement: If the document is damaged or of a later version.
    """
    try:
        if document.get("schema") != SCHEMA:
            raise Damaged(f"its schema is not {SCHEMA}")
        read = codec.from_json(document, _Document, "plan")
    except Damaged as exc:
        raise InvalidMeasurement(f"the plan of the sweep cannot be read: {exc}") from exc
    return Plan(points=read.points, seed=read.seed)


def shard_of(cells: Iterable[Cell], shard: tuple[int, int] | None) -> Sequence[Cell]:
    """Take every n-th cell: those of shard i of n, from 1.

    >>> shard_of("abcde", (2, 2))
    ['b', 'd']
    """
    every = list(cells)
    return every if shard is None else every[shard[0] - 1 :: shard[1]]
