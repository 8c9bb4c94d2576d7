"""Which ResNet-RS a heap of arrays is, by their shapes alone, whatever they are called.

The kernels show its numbers: how many 3x3 ones there are of each width, how wide its stem and its
gates are. They are a guess at a spec, for each dialect; that spec's own arrays are then counted in
the heap, and all of them are there or it is another network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from rsinspect import paper
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import LayerGraph
from rsinspect.networks.dialects import DIALECTS, Dialect
from rsinspect.networks.recognition import body_spec
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import EXPANSION, ResNetRSSpec, round_channels
from rsinspect.weights.signatures import Arrays, Shape, signatures

HEAD_ARRAYS = 12
"""As many may there be besides a body for them to be called a head: six layers."""


_SE_RATIO = 0.25  # of a ResNet-RS


class Body(NamedTuple):
    """A ResNet-RS without its classifier, found in a heap of arrays.

    Attributes:
        spec: Of the body, in the first dialect that has such arrays.
        dialects: All dialects that have the same.
        arrays: Its own.
        besides: What else is in the heap.
        folded: Whether its batch norms are folded.
        copies: How many times it is there.
    """

    spec: ResNetRSSpec
    dialects: tuple[str, ...]
    arrays: Arrays
    besides: Arrays
    folded: bool = False
    copies: int = 1


class Head(NamedTuple):
    """What follows the body.

    Attributes:
        top: Whether it is the one classifier of a ResNet-RS.
        classes: Outputs of the last dense layer; None for none, or where it is not known which.
        arrays: All that are no part of the body.
        is_head: Whether these are few enough for a head.
    """

    top: bool
    classes: int | None
    arrays: Arrays
    is_head: bool = True


class Near(NamedTuple):
    """The known network that a heap of arrays is most like.

    Attributes:
        names: Of the network, and of all that have the same arrays.
        alike: Share of arrays that both have, of those of the one that has more.
        body: The network's arrays without a classifier.
        spec: Of it, where it is a ResNet-RS.
    """

    names: tuple[str, ...]
    alike: float
    body: Arrays
    spec: ResNetRSSpec | None = None


def body_in(arrays: Arrays) -> Body | None:
    """Find the body of a ResNet-RS, or of an ancestor of its family; None where there is none.

    Of several that are there, the one that leaves the fewest arrays over.

    >>> spec = ResNetRSSpec.variant(101, classes=10)
    >>> found = body_in(arrays_of(build_graph(spec)))
    >>> found.spec.name, found.dialects, dict(found.besides)
    ('resnet-rs-101', ('keras', 'tf-models', 'timm'), {(2048, 10): 1, (10,): 1})
    """
    specs = tuple(_candidates(arrays))
    found = _fitting(arrays, specs, folded=False)
    folded = not found
    found = found or _fitting(arrays, specs, folded=True)
    if not found:
        return None
    spec, body = max(found, key=lambda each: (each[1].total(), *_likelihood(each[0])))
    same = [each.dialect.name for each, own in found if own == body and _same(each, spec)]
    copies = min(arrays[shape] // count for shape, count in body.items())
    besides = arrays - Counter({shape: copies * count for shape, count in body.items()})
    return Body(
        spec, tuple(dict.fromkeys((spec.dialect.name, *same))), body, besides, folded, copies
    )


def head_of(spec: ResNetRSSpec, besides: Arrays) -> Head:
    """Read what there is besides a body.

    Args:
        spec: Of the body.
        besides: Arrays.
    """
    features = EXPANSION * round_channels(spec.filters[-1], spec.width)
    dense = {shape: count for shape, count in besides.items() if len(shape) == 2}
    outputs = [given for _, given in dense]
    ends = [given for given in outputs if given not in {read for read, _ in dense}]
    classes = ends[0] if len(ends) == 1 and max(dense.values()) == 1 else None
    top = classes is not None and besides == {(features, classes): 1, (classes,): 1}
    is_head = besides.total() <= HEAD_ARRAYS
    return Head(top, classes, besides, is_head)


def _fitting(
    arrays: Arrays, specs: Iterable[ResNetRSSpec], *, folded: bool
) -> list[tuple[ResNetRSSpec, Arrays]]:
    """List the specs all of whose arrays are there."""
    bodies = ((spec, _body_arrays(spec, folded)) for spec in specs)
    return [(spec, body) for spec, body in bodies if not body - arrays]


def _same(spec: ResNetRSSpec, other: ResNetRSSpec) -> bool:
    """Tell whether two networks are of one family: an ancestor is no dialect of a ResNet-RS."""
    return spec.dialect.family == other.dialect.family


def _likelihood(spec: ResNetRSSpec) -> tuple[bool, bool]:
    """Order networks of the same arrays: those with the gates of their dialect, then ancestors."""
    usual: float = dict(spec.dialect.defaults).get("se_ratio", _SE_RATIO)
    return spec.se_ratio == usual, spec.dialect.family != "resnet-rs"


def nearest(arrays: Arrays) -> Near | None:
    """Find the known network that a heap of arrays is most like; None where nothing is alike."""
    known: list[Near] = []
    for depth in paper.variants():
        spec = _plain(ResNetRSSpec.variant(depth, include_top=False))
        body = _body_arrays(spec, False)
        known.append(Near((spec.name,), _alike(arrays, body), body, spec))
    known += [Near(each.names, _alike(arrays, each.body), each.body) for each in signatures()]
    best = max(known, key=lambda near: near.alike)
    return best if best.alike > 0 else None


def _alike(arrays: Arrays, body: Arrays) -> float:
    return (arrays & body).total() / max(arrays.total(), body.total(), 1)


def arrays_of(graph: LayerGraph) -> Arrays:
    """Count the arrays of a graph by shape."""
    return Counter(shape for layer in graph for shape in weight_shapes(layer.op))


@lru_cache(maxsize=64)
def _body_arrays(spec: ResNetRSSpec, folded: bool) -> Arrays:
    graph = build_graph(spec)
    if folded:
        from rsinspect.layers.batch_norm import fold_batch_norm  # few networks are folded

        graph = fold_batch_norm(graph).graph
    return arrays_of(graph)


def _plain(spec: ResNetRSSpec) -> ResNetRSSpec:
    """Leave out of a spec what no array shows."""
    return spec.replace(drop_path_rate=0.0, dropout_rate=0.0, preprocessing=False)


def _candidates(arrays: Arrays) -> Iterator[ResNetRSSpec]:
    """Guess at specs of the body, a few of each dialect."""
    kernels: Arrays = Counter({shape: n for shape, n in arrays.items() if len(shape) == _RANK})
    for dialect in DIALECTS.values():
        side = dialect.stem_kernel
        first = [
            (shape[2], shape[3])
            for shape in kernels
            if shape[:2] == (side, side) and shape[2] < shape[3]
        ]
        for channels, filters in sorted(first)[:_MOST_STEMS]:
            width = filters / dialect.stem_filters[0]
            trunk = kernels - Counter(_stem(dialect, channels, width))
            stages = tuple(_stages(trunk))
            if not stages:
                continue
            spec = body_spec(stages, width, _hidden(kernels, *stages[-1]), dialect)
            if spec is not None:
                yield spec.replace(channels=channels)


_RANK = 4  # of a kernel
_MOST_STEMS = 4
"""Kernels that could be the first: those of the fewest channels."""


def _stem(dialect: Dialect, channels: int, width: float) -> Iterator[Shape]:
    """List the kernels of a stem."""
    for filters in dialect.stem_filters:
        wide = round_channels(filters, width)
        yield (dialect.stem_kernel, dialect.stem_kernel, channels, wide)
        channels = wide


def _stages(kernels: Arrays) -> Iterable[tuple[int, int]]:
    """Count blocks by inner width: a 3x3 kernel and one that widens its output, each."""
    for side, _, channels, filters in sorted(kernels):
        widened = (1, 1, filters, EXPANSION * filters)
        if side == 3 and channels == filters and widened in kernels:
            yield kernels[3, 3, filters, filters], filters


def _hidden(kernels: Arrays, blocks: int, filters: int) -> int:
    """Tell the inner width of the last stage's gates; 0 for none.

    All but the first of its blocks begin with a kernel of the same form.
    """
    channels = EXPANSION * filters
    for (*_, read, given), count in kernels.items():
        own = blocks - 1 if given == filters else 0
        if read == channels and count - own >= blocks and kernels[1, 1, given, channels]:
            return given
    return 0
