"""Three counters of FLOPs nobody here wrote, and what each of them should say of a graph.

``tensorflow`` is TensorFlow's ``float_operation`` profiler on the graph of a call: 2 per MAC, and
so much per element of other operations, by the name of the operation. ``torch`` is PyTorch's
``torch.utils.flop_counter.FlopCounterMode``: 2 per MAC of convolutions and products, nothing else.
``jax`` is XLA's cost analysis of the lowered call: 2 per MAC outside SAME padding, and one per
element of every elementwise operation.

``python -m tests.counters BACKEND NAME ...`` counts networks of keras.applications, a line of JSON
each, in a process that has only that backend.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost, op_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape

BACKENDS = ("tensorflow", "torch", "jax")

Terms = dict[str, int]
"""FLOPs of one image by what they are spent on, in the counter's own names."""


class Counted(NamedTuple):
    """A network, what a counter says of it, and its configuration, for ``from_keras_config``."""

    name: str
    terms: Terms
    config: dict[str, Any]


def tensorflow_terms(model: Any) -> Terms:
    """Ask TensorFlow's profiler, operation by operation."""
    import tensorflow as tf
    from tensorflow.python.profiler import model_analyzer, option_builder

    images = [tf.TensorSpec((1, *x.shape[1:]), x.dtype) for x in model.inputs]
    call = tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0], training=False))
    graph = call.get_concrete_function(*images).graph
    options = option_builder.ProfileOptionBuilder(
        option_builder.ProfileOptionBuilder.float_operation()
    ).with_empty_output()
    profile = model_analyzer.profile(graph, cmd="op", options=options.build())
    terms, nodes = {}, [profile]
    while nodes:
        nodes += (node := nodes.pop()).children
        if node.float_ops and node is not profile:
            terms[node.name] = int(node.float_ops)
    return terms


def torch_terms(model: Any) -> Terms:
    """Ask PyTorch's counter, which runs the model on zeros."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    images = [torch.zeros((1, *x.shape[1:]), dtype=getattr(torch, x.dtype)) for x in model.inputs]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(images if len(images) > 1 else images[0], training=False)
    return {"aten": sum(counter.get_flop_counts()["Global"].values())}


def jax_terms(model: Any) -> Terms:
    """Ask XLA, which knows a sum alone, in float32; exponentials are counted apart."""
    import jax

    images = [jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype) for x in model.inputs]
    weights = [[x.value for x in model.trainable_variables]]
    weights.append([x.value for x in model.non_trainable_variables])

    def call(trained: Any, fixed: Any, *x: Any) -> Any:
        images = list(x) if len(x) > 1 else x[0]
        return model.stateless_call(trained, fixed, images, training=False)[0]

    said = jax.jit(call).lower(*weights, *images).cost_analysis()
    return {"flops": int(said["flops"])}


def count(backend: str, name: str) -> Counted:
    """Build a network of keras.applications and count it with the backend of this process.

    All its weights, and those of models that are made after it, are zeros.

    Args:
        backend: One of ``BACKENDS``; ``KERAS_BACKEND`` says the same.
        name: As Keras has it, ``MobileNetV2``, or at another size, ``MobileNetV2@96``.
    """
    import keras

    def zeros(self: object, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.zeros(shape, dtype)

    for initializer in (keras.initializers.VarianceScaling, keras.initializers.TruncatedNormal):
        initializer.__call__ = zeros  # JAX would compile a function for each shape that is drawn
    keras.backend.clear_session()
    maker, _, side = name.partition("@")
    side = side or ("224" if maker.startswith("MobileNetV3") else "")  # open, unless it is said
    shape = (int(side), int(side), 3) if side else None
    model = getattr(keras.applications, maker)(weights=None, input_shape=shape)
    counters = {"tensorflow": tensorflow_terms, "torch": torch_terms, "jax": jax_terms}
    return Counted(name, counters[backend](model), json.loads(model.to_json()))


def counted_elsewhere(
    backend: str, names: Iterable[str], *, python: str = sys.executable
) -> Iterator[Counted]:
    """Count networks in a process that has only that backend, one by one as they are done."""
    with subprocess.Popen(
        [python, "-m", "tests.counters", backend, *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield Counted(*json.loads(line))
    assert process.returncode == 0, f"{backend} stopped with {process.returncode}"


def expected_by_tensorflow(graph: LayerGraph) -> Terms:
    """Say what TensorFlow's profiler counts, by the name of its operation.

    Named terms: convolutions and products at 2 per MAC, where it sees them (Keras runs grouped
    convolutions in a compiled function, into which the profiler does not look); biases; a batch
    norm's product and sum per element and its C-sized preparations; activations that are made of
    arithmetic (silu, gelu, hard sigmoid); softmax at 5; pools by window; means by element read.
    """
    terms: Counter[str] = Counter()
    for layer in graph:
        terms.update(_tensorflow_layer(graph, layer))
    return {name: number for name, number in terms.items() if number}


def _tensorflow_layer(graph: LayerGraph, layer: Layer) -> Terms:
    op, n = layer.op, layer.shape.elements
    inputs = graph.input_shapes(layer)
    cost = op_cost(op, inputs, layer.shape)
    match op:
        case ops.Conv2D():
            seen = 2 * cost.macs if op.groups == 1 else 0
            return _sum({"Conv2D": seen, "BiasAdd": cost.bias_adds}, _activation(op.activation, n))
        case ops.DepthwiseConv2D():
            return {"DepthwiseConv2dNative": 2 * cost.macs, "BiasAdd": cost.bias_adds}
        case ops.SeparableConv2D():
            pointwise = op.in_channels * op.multiplier * n
            return {
                "Conv2D": 2 * pointwise,
                "DepthwiseConv2dNative": 2 * (cost.macs - pointwise),
                "BiasAdd": cost.bias_adds,
            }
        case ops.Dense():
            return _sum(
                {"MatMul": 2 * cost.macs, "BiasAdd": cost.bias_adds}, _activation(op.activation, n)
            )
        case ops.BatchNorm(c):
            return {
                "Mul": n + c + (c if op.scale else 0), "AddV2": n + c, "Rsqrt": 2 * c,
                "Sub" if op.center else "Neg": c,
            }  # fmt: skip
        case ops.LayerNorm(c):
            rows = n // c
            return {
                "Mean": 2 * n, "SquaredDifference": 2 * n, "Rsqrt": 2 * rows, "Neg": rows,
                "Mul": 3 * n if op.scale else n + rows, "AddV2": n + rows + n * op.center,
            }  # fmt: skip
        case ops.Activation(function):
            return _activation(function, n)
        case ops.AvgPool2D():
            return {"AvgPool": cost.pooled}
        case ops.MaxPool2D():
            return {"MaxPool": cost.pooled}
        case ops.GlobalAvgPool():
            return {"Mean": cost.averaged}
        case ops.Add() | ops.Multiply():
            return {"AddV2": cost.added, "Mul": cost.scaled}
        case ops.ScaledAdd():
            return {"AddV2": n, "Mul": n}
        case ops.ChannelScale():
            return {"Mul": n}
        case ops.Rescaling():
            return {"Mul": n, "AddV2": n}
        case ops.Normalization():
            return {"Sub": n, "RealDiv": n, "Maximum": layer.shape.channels}
        case ops.Arithmetic(function):
            name = {"add": "AddV2", "multiply": "Mul", "subtract": "Sub", "divide": "RealDiv"}
            return {name[function]: n}
        case _:
            return {}


def _activation(function: str | None, n: int) -> Terms:
    """Say what the profiler counts of a nonlinearity; what TensorFlow has an operation for, not."""
    made: dict[str | None, Terms] = {
        "silu": {"Mul": 2 * n},
        "gelu": {"Mul": 3 * n, "Neg": n},
        "softmax": {"Softmax": 5 * n},
        "hard_silu": {"AddV2": n, "RealDiv": n, "Mul": n},
        "hard_sigmoid": {"AddV2": n, "RealDiv": n},
    }
    return made.get(function, {})


def expected_by_jax(graph: LayerGraph) -> Terms:
    """Say what XLA counts before it compiles, by the kind of op.

    Named terms: convolutions and products at 2 per MAC, taps on SAME padding left out; 1 per
    element of elementwise arithmetic, of which activations are made (a sigmoid is 3 and an
    exponential that is counted apart, an exact gelu 66, a polynomial); a window less 1 per pooled
    element, and the counts that an average with SAME padding divides by.
    """
    terms: Counter[str] = Counter()
    for layer in graph:
        terms[layer.op.kind] += _jax_layer(graph, layer)
    return {name: number for name, number in terms.items() if number}


def _jax_layer(graph: LayerGraph, layer: Layer) -> int:
    op, n = layer.op, layer.shape.elements
    inputs = graph.input_shapes(layer)
    cost = op_cost(op, inputs, layer.shape)
    match op:
        case ops.Conv2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D() | ops.Dense():
            macs = cost.macs - _macs_on_padding(op, inputs[0], layer)
            return 2 * macs + cost.bias_adds + _jax_activation(op.activation, layer.shape)
        case ops.BatchNorm(c):
            return 2 * n + (3 + op.scale + op.center) * c
        case ops.LayerNorm(c):
            return 10 * n + 3 * (n // c) + 3
        case ops.Activation(function):
            return _jax_activation(function, layer.shape)
        case ops.ReLU():
            return 2 * n
        case ops.MaxPool2D():
            return cost.pooled - n
        case ops.AvgPool2D(padding="valid"):
            return cost.pooled
        case ops.AvgPool2D():
            return cost.pooled + (cost.pooled - n) // layer.shape.channels
        case ops.GlobalAvgPool():
            return cost.averaged
        case ops.ZeroPad2D():
            return 1
        case ops.Normalization(adapted=adapted):
            return n if adapted else 2 * n  # of a mean that nobody gave, zeros are not subtracted
        case _:
            return cost.scaled + cost.added + cost.preprocessed


def _jax_activation(function: str | None, shape: TensorShape) -> int:
    if function == "softmax":
        return 4 * shape.elements - shape.elements // shape.channels
    each = {"relu": 1, "relu6": 2, "sigmoid": 3, "silu": 4, "gelu": 66}
    each |= {"hard_sigmoid": 4, "hard_silu": 5}
    return each.get(function or "", 0) * shape.elements


def _macs_on_padding(op: Any, source: TensorShape, layer: Layer) -> int:
    """Count the multiply-adds of a convolution that fall on its own SAME padding, tap by tap."""
    if isinstance(op, ops.Dense) or op.padding == "valid":
        return 0
    all_taps = inner = 1
    for before, after, kernel, stride, dilation in zip(
        source[:2], layer.shape[:2], ops.pair(op.kernel), ops.pair(op.stride),
        ops.pair(op.dilation), strict=True,
    ):  # fmt: skip
        padding = max(0, (after - 1) * stride + (kernel - 1) * dilation + 1 - before)
        places = [
            x * stride - padding // 2 + t * dilation for x in range(after) for t in range(kernel)
        ]
        all_taps *= len(places)
        inner *= sum(0 <= place < before for place in places)
    if isinstance(op, ops.Conv2D):
        each = op.in_channels // op.groups * op.filters
    else:  # the depthwise part
        each = source.channels * op.multiplier
    return (all_taps - inner) * each


def _sum(*terms: Terms) -> Terms:
    total: Counter[str] = Counter()
    for each in terms:
        total.update(each)
    return total


def expected_by_torch(graph: LayerGraph) -> Terms:
    """Say what PyTorch's counter counts: 2 per MAC, and nothing else."""
    return {"aten": sum(2 * layer_cost(graph, layer).macs for layer in graph)}


def differences(expected: Terms, counted: Terms) -> Terms:
    """List what was counted and not expected, by name; negative where it is missing."""
    names = sorted({*expected, *counted})
    both = {name: counted.get(name, 0) - expected.get(name, 0) for name in names}
    return {name: number for name, number in both.items() if number}


if __name__ == "__main__":
    os.environ |= {
        "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "KERAS_BACKEND": sys.argv[1]
    }  # fmt: skip
    for each in sys.argv[2:]:
        try:
            counted = count(sys.argv[1], each)
        except ValueError as exc:  # Keras builds no NASNetMobile on PyTorch
            counted = Counted(each, {}, {"refused": str(exc)})
        print(json.dumps(counted), flush=True)
