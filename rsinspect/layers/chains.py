"""What the layers of a chain are: units, pieces of one resolution, a head; and their form."""

from collections.abc import Iterator, Sequence

from rsinspect.layers import ops
from rsinspect.layers.cuts import Part
from rsinspect.layers.graph import Layer
from rsinspect.layers.ops import pair

POOLS = (ops.MaxPool2D, ops.AvgPool2D)
ENLARGES = (ops.Conv2DTranspose, ops.UpSampling2D)
ENDS = (ops.GlobalAvgPool, ops.GlobalMaxPool, ops.Dense, ops.Flatten)
"""With one of these the head of a chain begins."""
LIGHT = (
    ops.BatchNorm, ops.LayerNorm, ops.Activation, ops.ReLU, ops.PReLU, ops.Dropout, ops.DropPath,
    ops.ChannelScale, ops.Arithmetic, ops.Multiply,
)  # fmt: skip
"""What goes with the convolution before it; a product ends a gate."""
FORMLESS = (ops.ZeroPad2D, ops.Dropout, ops.DropPath)
"""What makes no other form: padding and regularisation."""


def after_pool(chain: Sequence[Part]) -> int:
    """Find what stands between the pool of a stem and a block: the norm of its entry."""
    start = len(chain)
    while start and isinstance(chain[start - 1][-1].op, LIGHT):
        start -= 1
    return start if start and isinstance(chain[start - 1][-1].op, POOLS) else len(chain)


def head_start(chain: Sequence[Part]) -> int:
    """Find the first global pool, classifier or the like after the last map that is computed."""
    start = len(chain)
    for index in range(len(chain) - 1, -1, -1):
        layer = chain[index][-1]
        height, *_ = (*layer.shape, 1)
        if isinstance(layer.op, ENDS) or (isinstance(layer.op, POOLS) and height == 1):
            start = index
        elif height > 1 and (convolves(chain[index]) or isinstance(layer.op, ENLARGES)):
            break
    return start


def joined(parts: Sequence[Part]) -> Part:
    """List the layers of neighbouring parts."""
    return tuple([layer for part in parts for layer in part])


def is_light_way(part: Part) -> bool:
    """Tell whether nothing before the end of a part computes anything of its own."""
    return all(isinstance(x.op, (*LIGHT, *POOLS, *ENLARGES, *FORMLESS)) for x in part[:-1])


def convolves(part: Part) -> bool:
    """Tell whether a part has a convolution."""
    return any(isinstance(layer.op, ops.CONVOLUTIONS) for layer in part)


def shrinks(layer: Layer) -> bool:
    """Tell whether a layer makes its map smaller by its stride."""
    op = layer.op
    return isinstance(op, (ops.Conv2D, ops.DepthwiseConv2D, ops.SeparableConv2D, *POOLS)) and (
        pair(op.stride) != (1, 1)
    )


def resizes(part: Part) -> bool:
    """Tell whether a part changes the resolution."""
    return shrinks(part[-1]) or any(isinstance(layer.op, ENLARGES) for layer in part)


def pieces_of(chain: Sequence[Part]) -> list[list[Part]]:
    """Divide a chain where its resolution changes: a pool ends a piece, all else begins one."""
    pieces: list[list[Part]] = [[]]
    for part in chain:
        op = part[-1].op
        if isinstance(op, POOLS) and shrinks(part[-1]):
            pieces[-1].append(part)
            pieces.append([])
            continue
        if resizes(part) and any(map(convolves, pieces[-1])):
            pads: list[Part] = []
            while pieces[-1] and isinstance(pieces[-1][-1][-1].op, ops.ZeroPad2D):
                pads.insert(0, pieces[-1].pop())
            pieces.append(pads)
        pieces[-1].append(part)
    return [piece for piece in pieces if piece]


def units_of(chain: Sequence[Part]) -> Iterator[tuple[int, int]]:
    """Find units in a chain: a depthwise convolution with the 1x1 convolutions around it.

    The one before belongs to it where it widens; separable convolutions that follow each other are
    one unit.
    """
    free = index = 0
    while index < len(chain):
        op = chain[index][-1].op
        begin, end = index, 0
        if isinstance(op, ops.SeparableConv2D):
            end = _after_light(chain, index + 1)
            while end < len(chain) and isinstance(chain[end][-1].op, ops.SeparableConv2D):
                end = _after_light(chain, end + 1)
        elif isinstance(op, ops.DepthwiseConv2D):
            project = _after_light(chain, index + 1)
            if project < len(chain) and _is_pointwise(chain[project][-1].op):
                end = _after_light(chain, project + 1)
        if not end:
            index += 1
            continue
        while begin > free and isinstance(chain[begin - 1][-1].op, ops.ZeroPad2D):
            begin -= 1
        before = begin - 1
        while before > free and isinstance(chain[before][-1].op, LIGHT):
            before -= 1
        if before >= free and isinstance(op, ops.DepthwiseConv2D):
            expand = chain[before][-1].op
            if (
                isinstance(expand, ops.Conv2D)
                and _is_pointwise(expand)
                and expand.filters > expand.in_channels
            ):
                begin = before
        yield begin, end
        free = index = end


def _after_light(chain: Sequence[Part], index: int) -> int:
    while index < len(chain) and isinstance(chain[index][-1].op, LIGHT):
        index += 1
    return index


def _is_pointwise(op: ops.Op) -> bool:
    return isinstance(op, ops.Conv2D) and pair(op.kernel) == (1, 1) and pair(op.stride) == (1, 1)


def form(layers: Sequence[Layer]) -> list[object]:
    """Write what layers do without their widths, strides, padding and regularisation."""
    return [
        (layer.op.kind, getattr(layer.op, "kernel", None))
        for layer in layers
        if not isinstance(layer.op, FORMLESS)
    ]


def start_of_form(chain: Sequence[Part], wanted: list[object]) -> int:
    """Find where the end of a chain begins that has a form; its length where it has not."""
    length = 0
    for begin in range(len(chain) - 1, -1, -1):
        length += len(form(chain[begin]))
        if length == len(wanted) and form(joined(chain[begin:])) == wanted:
            while begin and isinstance(chain[begin - 1][-1].op, ops.ZeroPad2D):
                begin -= 1
            return begin
        if length > len(wanted):
            break
    return len(chain)
