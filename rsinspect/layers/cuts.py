"""Where few tensors are alive: the places at which a graph falls apart into parts."""

from collections.abc import Iterator, Sequence

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph

Part = tuple[Layer, ...]
"""Neighbouring layers between two cuts."""


def alive_after(layers: Sequence[Layer]) -> list[int]:
    """Count, after each layer, the tensors of these layers that others of them still read.

    Negative where the layer's own output is not among them. An output that nothing reads does not
    keep a tensor alive.
    """
    last_read = {path: index for index, layer in enumerate(layers) for path in layer.inputs}
    ends = [0] * len(layers)
    counts = []
    alive = 0
    for index, layer in enumerate(layers):
        alive -= ends[index]
        end = last_read.get(layer.path)
        if end is None:
            counts.append(-alive)
        else:
            ends[end] += 1
            alive += 1
            counts.append(alive)
    return counts


def cut_positions(layers: Sequence[Layer]) -> tuple[int, ...]:
    """Positions of all layers after which exactly one tensor is still to be read, their own.

    The last layer counts as one.
    """
    return tuple([i for i, alive in enumerate(alive_after(layers)) if alive in (0, 1)])


def parts_between(
    graph: LayerGraph, layers: Part, start: int, cuts: Sequence[int]
) -> Iterator[Part]:
    """List the parts between cuts; a part of many resolutions falls apart at wider cuts.

    A wider cut has two tensors alive, or more: the cells of a NASNet read the last two, and the
    skips of a U-Net are alive until its other half reads them.
    """
    for cut in cuts:
        if cut < start:
            continue
        part = layers[start : cut + 1]
        if len(part) > 2 and _is_wide(graph, part):
            before = layers[max(0, start - 1) : start]  # alive where the part begins
            ordered = (*before, *_deepest_first(part))
            counts = alive_after(ordered)
            yield from _narrower(graph, ordered, counts, len(before), len(ordered) - 1, 2)
        else:
            yield part
        start = cut + 1


def _deepest_first(part: Part) -> Iterator[Layer]:
    """Put layers in an order in which each stands just before the first that needs it.

    What has most layers behind it comes first, so that a cell of a NASNet is whole before the next
    one begins, whatever order its file has.
    """
    inside = {layer.path: layer for layer in part}
    depth: dict[str, int] = {}
    for layer in part:
        depth[layer.path] = 1 + max((depth.get(path, 0) for path in layer.inputs), default=0)
    read = {path for layer in part for path in layer.inputs}
    ends = [layer for layer in part if layer.path not in read]
    ahead = [(layer, False) for layer in reversed(ends)]
    done: set[str] = set()
    while ahead:
        layer, ready = ahead.pop()
        if ready:
            yield layer
        elif layer.path not in done:
            done.add(layer.path)
            ahead.append((layer, True))
            sources = [path for path in reversed(layer.inputs) if path in inside]
            ahead += [(inside[path], False) for path in sorted(sources, key=depth.__getitem__)]


_WIDEST = 12
"""How many tensors may be alive at a wider cut."""


def _narrower(
    graph: LayerGraph, layers: Part, counts: list[int], start: int, end: int, width: int
) -> Iterator[Part]:
    """Divide a part at its cuts of that width, and the parts between them at wider ones."""
    while width <= _WIDEST and not (cuts := _wider(layers, counts, start, end, width)):
        width += 1
    if width > _WIDEST:
        yield layers[start : end + 1]
        return
    for cut in dict.fromkeys((*cuts, end)):  # a cut behind a last activation is the end
        part = layers[start : cut + 1]
        if len(part) > 2 and _is_wide(graph, part):
            yield from _narrower(graph, layers, counts, start, cut, width + 1)
        else:
            yield part
        start = cut + 1


def _wider(layers: Part, counts: list[int], start: int, end: int, width: int) -> list[int]:
    """List the cuts of a width; each part but the first reads what the one before it made.

    Where several of them are joins, the others stand inside of what these end.
    """
    cuts: list[int] = []
    newest = ""
    reads = True
    for index in range(start, end):
        reads = reads or newest in layers[index].inputs
        if reads and 0 < counts[index] <= width:
            cuts.append(index)
            newest, reads = layers[index].path, False
    joins = [index for index in cuts if len(layers[index].inputs) > 1]
    if len(joins) < 2:
        return cuts
    return _after_activations(layers, counts, joins, width)


def _after_activations(layers: Part, counts: list[int], joins: list[int], width: int) -> list[int]:
    """Move cuts behind the activation of a join, where all joins of its kind have one."""

    def has_own(index: int) -> bool:
        after = index + 1
        return (
            after < len(layers)
            and isinstance(layers[after].op, ops.Activation | ops.ReLU | ops.PReLU)
            and layers[after].inputs == (layers[index].path,)
            and 0 < counts[after] <= width
        )

    kinds = {layers[index].op.kind for index in joins}
    moved = {
        kind
        for kind in kinds
        if all(has_own(index) for index in joins if layers[index].op.kind == kind)
    }
    return [index + (layers[index].op.kind in moved) for index in joins]


def _is_wide(graph: LayerGraph, part: Part) -> bool:
    """Whether maps in a part have another resolution than those that enter and leave it."""
    end = part[-1].shape
    if len(end) != 3:
        return False
    height = end[0]
    entries: set[int] | None = None
    for layer in part:
        shape = layer.shape
        if len(shape) == 3 and shape[0] != height and shape[0] != 1:
            if isinstance(layer.op, ops.ZeroPad2D | ops.Crop2D):
                continue
            if entries is None:
                inside = {each.path for each in part}
                entries = {
                    graph.layer(path).shape[0]
                    for each in part
                    for path in each.inputs
                    if path not in inside and graph.layer(path).shape
                }
            if all(
                2 * abs(shape[0] - other) > min(shape[0], other) for other in (height, *entries)
            ):
                return True
    return False
