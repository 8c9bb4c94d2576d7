"""Which tensors a training step keeps for its backward pass."""

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.saved import saved


def chain(*op_list: tuple[ops.Op, TensorShape], frozen: tuple[str, ...] = ()) -> LayerGraph:
    """Layers one after the other, called by what they are and where they stand."""
    layers: list[Layer] = []
    for position, (op, shape) in enumerate(op_list):
        path = f"{op.kind.lower()}{position}"
        inputs = (layers[-1].path,) if layers else ()
        layers.append(Layer(path, op, inputs, shape, frozen=path in frozen))
    return LayerGraph("chain", tuple(layers), (layers[-1].path,))


IMAGE, MAP, ROUND = TensorShape(8, 8, 3), TensorShape(8, 8, 4), TensorShape(10, 10, 4)
INPUT = (ops.Input(IMAGE), IMAGE)
FIRST = (ops.Conv2D(3, 3, 4), MAP)
NORM = (ops.BatchNorm(4, 0.99, 1e-3), MAP)
RELU = (ops.Activation("relu"), MAP)
SWISH = (ops.Activation("silu"), MAP)
PAD = (ops.ZeroPad2D(1), ROUND)
AGAIN = (ops.Conv2D(3, 4, 4), MAP)
INSIDE = (ops.Conv2D(3, 4, 4, padding="valid"), MAP)


def paths(graph: LayerGraph, *, pads: bool = True) -> list[str]:
    return [layer.path for layer in saved(graph, pads=pads)]


def test_of_convolution_norm_and_rectifier_two_are_kept() -> None:
    graph = chain(INPUT, FIRST, NORM, RELU, AGAIN)
    assert paths(graph) == ["input0", "conv2d1", "activation3"]


def test_a_swish_needs_what_it_read() -> None:
    graph = chain(INPUT, FIRST, NORM, SWISH, AGAIN)
    assert paths(graph) == ["input0", "conv2d1", "batchnorm2", "activation3"]


def test_a_compiler_reads_around_a_map() -> None:
    graph = chain(INPUT, FIRST, NORM, PAD, INSIDE)
    assert paths(graph) == ["input0", "conv2d1", "zeropad2d3"]
    assert paths(graph, pads=False) == ["input0", "conv2d1", "batchnorm2"]


def test_what_is_frozen_hands_a_gradient_on_without_knowing_what_it_read() -> None:
    layers = (INPUT, FIRST, NORM, RELU, AGAIN)
    assert paths(chain(*layers, frozen=("conv2d1", "batchnorm2"))) == ["activation3"]
    assert paths(chain(*layers, frozen=("conv2d4",))) == ["input0", "conv2d1", "activation3"]
    assert paths(chain(*layers, frozen=("conv2d1", "batchnorm2", "conv2d4"))) == []


def test_a_view_is_no_tensor_of_its_own() -> None:
    flat = TensorShape(MAP.elements)
    graph = chain(INPUT, FIRST, RELU, (ops.Flatten(), flat), (ops.Dense(256, 2), TensorShape(2)))
    assert paths(graph) == ["input0", "activation2"]
