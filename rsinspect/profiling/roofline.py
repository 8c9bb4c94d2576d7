"""The least time a segment can take on this machine, and how near it came.

The roofline model (Williams, Waterman and Patterson 2009) sets two roofs: arithmetic and memory
bandwidth. Both are measured where the network runs, with the same framework (``backends.roofs``);
a data sheet is no roof. The *floor* is the sum over kernels of the longer of arithmetic at the
compute roof and traffic at the bandwidth roof. It is to be a lower bound, so whatever a framework
could leave out is left out:

* Operations are two per MAC of convolutions and of the classifier, without the taps that fall on
  padding, which libraries skip: a quarter of a 3x3 on 5x5. Elementwise work is not counted; it runs
  beside, on other units, and what it costs is its traffic.
* A kernel is a convolution, a pool or a dense layer with the elementwise layers that follow. It
  reads its inputs and weights once and writes its result once; between its own layers nothing
  moves. A residual sum rides on whichever of its inputs nothing else reads, and reads only the
  other; explicit padding and preprocessing are part of the kernel that reads them.
* Scaling by an SE gate is a kernel of its own: the gate depends on the whole map, so the map is
  written first and read again. So, in training, is a batch norm before a convolution, since its
  statistics depend on the whole batch; any other could be computed by the kernels that read it.
* Backward, a convolution or dense layer is two kernels with the MACs of the forward one, for the
  gradients of its input and of its weights; the first convolution has only the second. A kernel
  that scales or normalises reads gradient and input and writes a gradient. Gradients of sums and
  pools ride along, and the optimizer is left out.
* Bandwidth falls as the working set grows. Traffic is set against the bandwidth of the largest
  working set measured that is no larger than the kernel's own, so it is never underrated.

Kernels are taken to run one after the other, each on the whole machine. A segment below its floor
therefore shows a roof that was measured too low, never a machine that beats its own limits: its
fraction is None, with that reason, unless the roofs are raised by it (``Roofs.raised``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple, get_args

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.units import percent
from rsinspect.base.units import seconds as seconds_text
from rsinspect.layers import ops
from rsinspect.layers.cost import op_cost
from rsinspect.layers.graph import Layer, LayerGraph

Mode = Literal["forward", "train"]
Kind = Literal["compute", "memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeRoof:
    """The fastest rate at which one operation was computed.

    Attributes:
        op: Such as ``matmul`` or ``conv 3x3``.
        size: Of the operands, in words.
        flops_per_s: Two operations per MAC.
    """

    op: str
    size: str
    flops_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BandwidthRoof:
    """The fastest rate at which memory was read and written.

    Attributes:
        level: Where a working set of that size lies: ``L2``, ``L3``, ``DRAM``, or the size in words
            where the caches are not known.
        working_set_bytes: Memory that was gone through again and again.
        bytes_per_s: Bytes read and bytes written, added up.
    """

    level: str
    working_set_bytes: int
    bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofs:
    """What a machine can do at best, as measured.

    Attributes:
        compute: Of several operations; at least one.
        bandwidth: Of several working sets, the smallest first; at least one.
        precision: Of the numbers.
        method: How they were measured, in words.

    Raises:
        InvalidMeasurement: If a kind of roof is missing or a rate is no number above 0.
    """

    compute: tuple[ComputeRoof, ...]
    bandwidth: tuple[BandwidthRoof, ...]
    precision: str
    method: str

    def __post_init__(self) -> None:
        if not self.compute or not self.bandwidth:
            raise InvalidMeasurement("roofs are at least one compute and one bandwidth roof")
        rates = [roof.flops_per_s for roof in self.compute]
        rates += [roof.bytes_per_s for roof in self.bandwidth]
        if not all(math.isfinite(rate) and rate > 0 for rate in rates):
            raise InvalidMeasurement("every roof is a finite rate above 0")
        sets = [roof.working_set_bytes for roof in self.bandwidth]
        if sets[0] < 1 or any(one >= other for one, other in pairwise(sets)):
            raise InvalidMeasurement("bandwidth roofs have growing working sets, each once")

    @property
    def flops_per_s(self) -> float:
        """The compute roof: the rate of the fastest operation."""
        return max(roof.flops_per_s for roof in self.compute)

    def bytes_per_s(self, working_set_bytes: float) -> float:
        """The bandwidth roof for a working set: that of the largest measured up to its size.

        Where a larger one was measured faster, the bandwidth is that: a roof is no average.

        >>> levels = [BandwidthRoof(level=name, working_set_bytes=size, bytes_per_s=rate)
        ...           for name, size, rate in [("L2", 2**20, 2e11), ("DRAM", 2**28, 5e10)]]
        >>> compute = ComputeRoof(op="matmul", size="1024x1024", flops_per_s=3e11)
        >>> roofs = Roofs(compute=(compute,), bandwidth=tuple(levels), precision="float32",
        ...               method="made up")
        >>> roofs.bytes_per_s(2**27) == 2e11, roofs.bytes_per_s(2**30) == 5e10
        (True, True)
        """
        below = [r for r in self.bandwidth if r.working_set_bytes <= working_set_bytes]
        first = max(0, len(below) - 1)
        return max(roof.bytes_per_s for roof in self.bandwidth[first:])

    def raised(self, factor: float, reason: str) -> Roofs:
        """All roofs raised by one factor; the method says so.

        By one, because what lowers a roof while it is measured lowers them all: another program on
        one of two processors halved arithmetic and bandwidth alike.

        A floor is in inverse proportion to the roofs, so a segment that took 1/factor of its floor
        takes exactly its floor by these.

        Args:
            factor: At least 1.
            reason: In words, such as the segment that was faster than its floor.

        Raises:
            InvalidMeasurement: If the factor would lower them.
        """
        if not (math.isfinite(factor) and factor >= 1):
            raise InvalidMeasurement(f"roofs are raised by a factor of at least 1, not {factor!r}")
        return replace(
            self,
            compute=tuple(
                [replace(roof, flops_per_s=roof.flops_per_s * factor) for roof in self.compute]
            ),
            bandwidth=tuple(
                [replace(roof, bytes_per_s=roof.bytes_per_s * factor) for roof in self.bandwidth]
            ),
            method=f"{self.method}; raised {percent(factor - 1)}: {reason}",
        )

    def to_json(self) -> dict[str, Any]:
        """The roofs as plain JSON values; ``from_json`` gives the same roofs back."""
        return {
            "precision": self.precision,
            "method": self.method,
            "compute": [asdict(roof) for roof in self.compute],
            "bandwidth": [asdict(roof) for roof in self.bandwidth],
        }

    @classmethod
    def from_json(cls, document: object) -> Roofs:
        """Roofs from what ``to_json`` gave; keys that joined later are passed over.

        Raises:
            InvalidMeasurement: If the document is damaged.
        """
        whole = _object(document, "the document")
        return cls(
            compute=tuple(
                [
                    ComputeRoof(
                        op=_text(row, "op"),
                        size=_text(row, "size"),
                        flops_per_s=_number(row, "flops_per_s"),
                    )
                    for row in _rows(whole, "compute")
                ]
            ),
            bandwidth=tuple(
                [
                    BandwidthRoof(
                        level=_text(row, "level"),
                        working_set_bytes=int(_number(row, "working_set_bytes", int)),
                        bytes_per_s=_number(row, "bytes_per_s"),
                    )
                    for row in _rows(whole, "bandwidth")
                ]
            ),
            precision=_text(whole, "precision"),
            method=_text(whole, "method"),
        )


def _damaged(what: str) -> InvalidMeasurement:
    return InvalidMeasurement(f"the roofs are damaged: {what}", "measure them again")


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _damaged(f"{where} is no object")
    return value


def _value(row: Mapping[str, Any], key: str) -> Any:
    if key not in row:
        raise _damaged(f"no {key!r}")
    return row[key]


def _rows(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    values = _value(document, key)
    if not isinstance(values, list):
        raise _damaged(f"{key!r} is no array")
    return [_object(row, f"a row of {key!r}") for row in values]


def _text(row: Mapping[str, Any], key: str) -> str:
    value = _value(row, key)
    if not isinstance(value, str):
        raise _damaged(f"{key!r} is {value!r:.60}, not a text")
    return value


def _number(row: Mapping[str, Any], key: str, kind: type[int | float] = float) -> float:
    value = _value(row, key)
    kinds = int if kind is int else int | float
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise _damaged(f"{key!r} is {value!r:.60}, not a number")
    return value


class Kernel(NamedTuple):
    """One pass over memory: a convolution, pool, dense layer or scaling, and what rides on it.

    Attributes:
        path: The layer it begins with; ``gradient of ...`` for one of the backward pass.
        macs: Per image; those that fall on padding left out.
        activations: Elements read and written, per image.
        weights: Elements read or written once for the whole batch.
    """

    path: str
    macs: int
    activations: int
    weights: int

    def flops(self, batch: int) -> int:
        """Operations for a batch, two per MAC."""
        return 2 * self.macs * batch

    def bytes(self, batch: int, item_bytes: int) -> int:
        """Bytes that must move for a batch; also its working set, each byte moving once."""
        return (self.activations * batch + self.weights) * item_bytes


@dataclass(slots=True)
class _Start:
    """The layer a kernel begins with."""

    path: str
    read: int
    written: int
    macs: int = 0
    weights: int = 0
    weighted: bool = False
    barrier: bool = False
    of_image: bool = False


@dataclass(slots=True)
class _Fused:
    """A kernel that grows as layers join it."""

    starts: list[_Start]
    reads: dict[str, int]
    written: int


def kernels(graph: LayerGraph, layers: Sequence[Layer], *, mode: Mode) -> tuple[Kernel, ...]:
    """The fewest kernels that some neighbouring layers come to; see the top of this file.

    Args:
        graph: Where the layers stand.
        layers: In order; what they read from outside is read from memory.
        mode: ``forward`` for inference, ``train`` for forward and backward.

    Raises:
        InvalidMeasurement: If there is no such mode.

    >>> from rsinspect.layers.structure import structure_of
    >>> from rsinspect.networks.resnet_rs import build_graph
    >>> from rsinspect.networks.spec import ResNetRSSpec
    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> block = structure_of(graph).within("c2/block1")
    >>> [kernel.path for kernel in kernels(graph, block, mode="forward")][:4]
    ['c2/block1/conv1', 'c2/block1/conv2', 'c2/block1/conv3', 'c2/block1/se/squeeze']
    """
    if mode not in get_args(Mode):
        raise InvalidMeasurement(
            f"no mode {mode!r}", f"the modes are {' and '.join(get_args(Mode))}"
        )
    fused = _fuse(graph, layers, mode)
    found = [
        Kernel(
            kernel.starts[0].path,
            sum(start.macs for start in kernel.starts),
            sum(kernel.reads.values()) + kernel.written,
            sum(start.weights for start in kernel.starts),
        )
        for kernel in fused
    ]
    if mode == "train":
        for kernel in reversed(fused):
            for start in reversed(kernel.starts):
                found += _gradients(start)
    return tuple(found)


def _fuse(graph: LayerGraph, layers: Sequence[Layer], mode: Mode) -> list[_Fused]:
    readers = _readers(graph)
    inside = {layer.path for layer in layers}
    home: dict[str, _Fused] = {}
    size: dict[str, int] = {}  # what is read of a tensor: explicit zeros are not
    image = _image_paths(graph)
    fused: list[_Fused] = []

    def elements(path: str) -> int:
        return size[path] if path in inside else graph.layer(path).shape.elements

    def begin(start: _Start, reads: dict[str, int]) -> None:
        kernel = _Fused([start], reads, start.written)
        fused.append(kernel)
        home[start.path] = kernel

    for layer in layers:
        path, op, inputs, shape = layer
        out = size[path] = shape.elements
        match op:
            case ops.Input():
                continue
            case ops.Conv2D() | ops.Dense():
                macs, touched = _work(graph, layer)
                read = min(elements(inputs[0]), touched)
                params = op_cost(op, graph.input_shapes(layer), shape).params
                start = _Start(
                    path, read, out, macs, params, weighted=True, of_image=inputs[0] in image
                )
                begin(start, {inputs[0]: read})
            case ops.AvgPool2D() | ops.MaxPool2D() | ops.GlobalAvgPool() | ops.GlobalMaxPool():
                read = elements(inputs[0])
                begin(_Start(path, read, out), {inputs[0]: read})
            case ops.Multiply():
                reads = {source: elements(source) for source in inputs}
                begin(_Start(path, sum(reads.values()), out, barrier=True), reads)
            case ops.BatchNorm() if mode == "train" and _meets_convolution(graph, readers, path):
                read = elements(inputs[0])
                begin(_Start(path, read, out, barrier=True), {inputs[0]: read})
            case ops.Add():
                free = [p for p in inputs if p in home and len(readers[p]) == 1]
                reads = {p: elements(p) for p in inputs if p not in free}
                if not free:
                    begin(_Start(path, sum(reads.values()), out), reads)
                    continue
                kernel = home[free[0]]
                kernel.reads |= reads
                for other in {id(home[p]): home[p] for p in free[1:]}.values():
                    if other is not kernel:
                        _merge(kernel, other, home)
                        fused.remove(other)
                home[path] = kernel
            case _:  # elementwise on one input: joins what made it, or else what will read it
                size[path] = min(out, elements(inputs[0]))
                if inputs[0] in home:
                    home[path] = home[inputs[0]]
    return fused


def _merge(kernel: _Fused, other: _Fused, home: dict[str, _Fused]) -> None:
    """Both results are added up where they are made, so one is written."""
    kernel.starts += other.starts
    kernel.reads |= other.reads
    for path, owner in home.items():
        if owner is other:
            home[path] = kernel


def _gradients(start: _Start) -> list[Kernel]:
    """Kernels of the backward pass of what one layer began."""
    name = f"gradient of {start.path}"
    moved = start.read + start.written
    if start.weighted:
        kernel = Kernel(name, start.macs, moved, start.weights)
        return [kernel] if start.of_image else [kernel, kernel]
    return [Kernel(name, 0, start.read + moved, 0)] if start.barrier else []


@lru_cache(maxsize=8)
def _readers(graph: LayerGraph) -> Mapping[str, tuple[Layer, ...]]:
    found: dict[str, list[Layer]] = {layer.path: [] for layer in graph}
    for layer in graph:
        for path in layer.inputs:
            found[path].append(layer)
    return {path: tuple(layers) for path, layers in found.items()}


@lru_cache(maxsize=8)
def _image_paths(graph: LayerGraph) -> frozenset[str]:
    """The image and what is elementwise of it: preprocessing and padding."""
    found: set[str] = set()
    for layer in graph:
        if isinstance(layer.op, ops.Input) or (_elementwise(layer) and layer.inputs[0] in found):
            found.add(layer.path)
    return frozenset(found)


def _elementwise(layer: Layer) -> bool:
    """Whether each number of its output is made of one of its only input."""
    others = (
        ops.Input, ops.Conv2D, ops.Dense, ops.AvgPool2D, ops.MaxPool2D, ops.GlobalAvgPool,
        ops.GlobalMaxPool, ops.Multiply, ops.Add,
    )  # fmt: skip
    return not isinstance(layer.op, others)


def _meets_convolution(
    graph: LayerGraph, readers: Mapping[str, tuple[Layer, ...]], path: str
) -> bool:
    """Whether a convolution reads it, by way of elementwise layers or at once."""
    return any(
        isinstance(layer.op, ops.Conv2D | ops.Dense)
        or (_elementwise(layer) and _meets_convolution(graph, readers, layer.path))
        for layer in readers[path]
    )


def _work(graph: LayerGraph, layer: Layer) -> tuple[int, int]:
    """MACs of a convolution or dense layer that meet no padding, and the most it can read."""
    op = layer.op
    if isinstance(op, ops.Dense):
        return op.in_channels * op.units, op.in_channels
    assert isinstance(op, ops.Conv2D)
    source = graph.layer(layer.inputs[0])
    explicit = 0
    if isinstance(source.op, ops.ZeroPad2D):
        explicit = source.op.padding
        source = graph.layer(source.inputs[0])
    rows, columns = (
        _taps(before, after, op.kernel, op.stride, explicit, same=op.padding == "same")
        for before, after in (
            (source.shape.height, layer.shape.height),
            (source.shape.width, layer.shape.width),
        )
    )
    taps = rows * columns
    return taps * op.in_channels * op.filters, taps * op.in_channels


def _taps(before: int, after: int, kernel: int, stride: int, explicit: int, *, same: bool) -> int:
    """Taps along one axis that fall on one of ``before`` numbers, for all ``after`` outputs.

    >>> _taps(5, 5, 3, 1, 0, same=True)
    13
    """
    whole = before + 2 * explicit
    padding = max(0, (after - 1) * stride + kernel - whole) // 2 if same else 0
    first = explicit + padding
    return sum(
        min(before, position * stride - first + kernel) - max(0, position * stride - first)
        for position in range(after)
        if position * stride - first < before and position * stride - first + kernel > 0
    )


def floor_s(
    graph: LayerGraph,
    layers: Sequence[Layer],
    *,
    batch: int,
    item_bytes: int,
    roofs: Roofs,
    mode: Mode,
) -> float:
    """The least seconds that some neighbouring layers can take for one batch.

    Args:
        graph: Where the layers stand.
        layers: In order, such as those of a segment.
        batch: Images in a batch.
        item_bytes: Of one number.
        roofs: Of the machine.
        mode: ``forward`` or ``train``.

    Raises:
        InvalidMeasurement: If there is no such mode.
    """
    compute, memory = _terms(kernels(graph, layers, mode=mode), batch, item_bytes, roofs)
    return compute + memory


def _terms(
    found: Iterable[Kernel], batch: int, item_bytes: int, roofs: Roofs
) -> tuple[float, float]:
    """The floor in two parts: of kernels that the compute roof holds down, and of the others."""
    compute = memory = 0.0
    for kernel in found:
        moved = kernel.bytes(batch, item_bytes)
        arithmetic_s = kernel.flops(batch) / roofs.flops_per_s
        traffic_s = moved / roofs.bytes_per_s(moved)
        if arithmetic_s >= traffic_s:
            compute += arithmetic_s
        else:
            memory += traffic_s
    return compute, memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What holds a segment down, and how near it came.

    Attributes:
        bound: Which kernels make up most of the floor: those held down by ``compute`` or by
            ``memory``.
        flops: Operations that cannot be left out, for the batch.
        bytes: Bytes that must move, for the batch.
        floor_s: The least seconds by the roofs.
        seconds: Measured.
        fraction: Floor by measured seconds, 0 to 1; None if that were more than 1.
        reason: Why there is no fraction; None where there is one.
    """

    bound: Kind
    flops: int
    bytes: int
    floor_s: float
    seconds: float
    fraction: float | None
    reason: str | None

    @property
    def flops_per_s(self) -> float:
        """The rate that was measured."""
        return self.flops / self.seconds

    @property
    def attainable_flops_per_s(self) -> float:
        """The rate at which it would take its floor."""
        return self.flops / self.floor_s if self.floor_s else 0.0

    @property
    def intensity(self) -> float | None:
        """Operations per byte; None where nothing moves."""
        return self.flops / self.bytes if self.bytes else None

    def to_json(self) -> dict[str, Any]:
        """The bound as plain JSON values, with what follows from them."""
        return asdict(self) | {
            "flops_per_s": self.flops_per_s,
            "attainable_flops_per_s": self.attainable_flops_per_s,
            "intensity": self.intensity,
        }

    @classmethod
    def from_json(cls, document: object) -> Bound:
        """A bound from what ``to_json`` gave; keys that joined later are passed over.

        Raises:
            InvalidMeasurement: If the document is damaged.
        """
        row = _object(document, "a bound")
        kinds = {name: name for name in get_args(Kind)}
        bound = _text(row, "bound")
        if bound not in kinds:
            raise _damaged(f"'bound' is {bound!r:.60}, not compute or memory")
        fraction = None if _value(row, "fraction") is None else _number(row, "fraction")
        return cls(
            bound=kinds[bound],
            flops=int(_number(row, "flops", int)),
            bytes=int(_number(row, "bytes", int)),
            floor_s=_number(row, "floor_s"),
            seconds=_number(row, "seconds"),
            fraction=fraction,
            reason=None if _value(row, "reason") is None else _text(row, "reason"),
        )


def assess(
    graph: LayerGraph,
    layers: Sequence[Layer],
    seconds: float,
    *,
    batch: int,
    item_bytes: int,
    roofs: Roofs,
    mode: Mode,
) -> Bound:
    """What holds some neighbouring layers down, given the seconds they took for a batch.

    Args:
        graph: Where the layers stand.
        layers: In order, such as those of a segment.
        seconds: Measured for one batch.
        batch: Images in a batch.
        item_bytes: Of one number.
        roofs: Of the machine.
        mode: ``forward`` or ``train``.

    Raises:
        InvalidMeasurement: If there is no such mode or the time is not above 0.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidMeasurement(f"a measured time is above 0 s, not {seconds!r}")
    found = kernels(graph, layers, mode=mode)
    compute, memory = _terms(found, batch, item_bytes, roofs)
    floor = compute + memory
    beaten = floor > seconds * (1 + _ROUNDING)
    return Bound(
        bound="compute" if compute >= memory else "memory",
        flops=sum(kernel.flops(batch) for kernel in found),
        bytes=sum(kernel.bytes(batch, item_bytes) for kernel in found),
        floor_s=floor,
        seconds=seconds,
        fraction=None if beaten else min(1.0, floor / seconds),
        reason=(
            f"the roof was measured too low: at least {seconds_text(floor)} by the roofs, "
            f"{seconds_text(seconds)} measured"
            if beaten
            else None
        ),
    )


_ROUNDING = 1e-9
"""Of a sum of floating-point terms, when a segment that raised the roofs is set against them."""
