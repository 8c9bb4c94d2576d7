"""How much of the image one output position sees."""

from typing import NamedTuple, assert_never

from rsinspect.layers import ops
from rsinspect.layers.graph import LayerGraph


class ReceptiveField(NamedTuple):
    """What one output position sees.

    Attributes:
        size: Side of the square of image pixels, or None once the whole image is pooled.
        stride: Image pixels between neighbouring positions, or None likewise.
    """

    size: int | None
    stride: int | None


def receptive_fields(graph: LayerGraph) -> dict[str, ReceptiveField]:
    """Compute every layer's receptive field, along its convolutions and window pools.

    The largest over a layer's inputs. SE gates see the whole map and are left out: with them every
    block would see the whole image. Source: Araujo, Norris, Sim 2019, "Computing Receptive Fields
    of Convolutional Neural Networks": size += (kernel - 1) * stride so far.
    """
    fields_: dict[str, ReceptiveField] = {}
    for layer in graph:
        sources = [fields_[path] for path in layer.inputs]
        seen = [(f.size, f.stride) for f in sources if f.size is not None and f.stride is not None]
        match layer.op:
            case ops.Input():
                field = ReceptiveField(1, 1)
            case ops.GlobalAvgPool() | ops.GlobalMaxPool():
                field = ReceptiveField(None, None)
            case (
                ops.Conv2D(kernel=window, stride=stride)
                | ops.AvgPool2D(size=window, stride=stride)
                | ops.MaxPool2D(size=window, stride=stride)
            ):
                field = ReceptiveField(None, None)
                if seen:
                    size, jump = seen[0]
                    field = ReceptiveField(size + (window - 1) * jump, jump * stride)
            case (
                ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D() | ops.BatchNorm()
                | ops.Activation() | ops.Reshape() | ops.Multiply() | ops.DropPath() | ops.Add()
                | ops.Dropout() | ops.Dense()
            ):  # fmt: skip
                field = ReceptiveField(*max(seen)) if seen else ReceptiveField(None, None)
            case _:
                assert_never(layer.op)
        fields_[layer.path] = field
    return fields_
