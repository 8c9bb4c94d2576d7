"""A network from a Keras model's configuration: plain JSON values, read without Keras.

``model.get_config()`` of a functional or Sequential model tells every layer, its numbers and what
it reads. Nothing from it is imported or run: a class is looked up in a closed table here, and a
layer or a setting that the ops of the graph do not describe is refused by name, never guessed.

Layers of a ResNet-RS under the reference names get their paths back (``keras_names``); all other
layers are called by their Keras names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rsinspect.base.errors import GraphError, ShapeMismatch, UnknownPath
from rsinspect.base.words import Option, advice
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_names import layer_path
from rsinspect.networks.network import Network, from_graph
from rsinspect.networks.spec import CUSTOM_ACTIVATION

Config = Mapping[str, Any]
Shapes = tuple[TensorShape, ...]


def from_keras_config(
    config: Config,
    *,
    resolution: tuple[int, int] | None = None,
    weights: Callable[[tuple[str, ...]], Any] | None = None,
) -> Network:
    """Read a network from what ``model.get_config()`` gives.

    Args:
        config: Of a functional or Sequential model.
        resolution: Height and width of the image, for a model that takes images of any size.

    Raises:
        GraphError: If a layer or a setting is not one of the graph's ops, a layer is used twice,
            or the configuration is not that of a functional or Sequential model.
    """
    config = config.get("config", config)
    try:
        rows = _rows(config)
        paths = _paths([row.name for row in rows])
        shapes: dict[str, TensorShape] = {}
        layers = []
        for row in rows:
            inputs = tuple(row.inputs)
            op = row.op(tuple(shapes[name] for name in inputs), resolution)
            try:
                shapes[row.name] = infer_shape(op, tuple(shapes[name] for name in inputs))
            except ShapeMismatch as exc:
                raise ShapeMismatch(f"{row.name}: {exc.message}") from exc
            layers.append(
                Layer(paths[row.name], op, tuple(paths[name] for name in inputs), shapes[row.name])
            )
        outputs = tuple(paths[name] for name in _outputs(config, rows))
        graph = LayerGraph(str(config["name"]), tuple(layers), outputs)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as exc:
        raise GraphError(
            f"this is not the configuration of a functional Keras model: {exc!r:.120}",
            "pass what model.get_config() gives",
        ) from exc
    return from_graph(graph, {path: name for name, path in paths.items()})


def _rows(config: Config) -> list[_Row]:
    """List layers in order; a layer of a Sequential model reads the one before it."""
    configs = config.get("layers")
    if not isinstance(configs, Sequence):
        raise GraphError(
            f"{config.get('name', 'the model')!s:.60} keeps no layers in its configuration",
            "a subclassed model has no graph to read; functional and Sequential models have one",
        )
    rows: list[_Row] = []
    for row in configs:
        rows.append(_Row(row, rows[-1].name if rows else None))
    return rows


def _paths(names: Sequence[str]) -> dict[str, str]:
    """Map each Keras name to a path: the reference's where it is one, else the name itself."""
    paths: dict[str, str] = {}
    for name in names:
        for dialect in (DIALECTS["keras"], DIALECTS["article"]):
            try:
                paths[name] = layer_path(name, dialect)
                break
            except UnknownPath:
                continue
    if not any("/block" in path for path in paths.values()):
        paths = {}  # names like "normalization" alone do not make a ResNet-RS
    return {name: paths.get(name, name) for name in names}


def _outputs(config: Config, rows: Sequence[_Row]) -> tuple[str, ...]:
    outputs = config.get("output_layers")
    if outputs is None:
        return (rows[-1].name,)
    if outputs and isinstance(outputs[0], str):
        return (outputs[0],)
    if isinstance(outputs, Mapping):
        outputs = list(outputs.values())
    return tuple(str(output[0]) for output in outputs)


class _Row:
    """One layer of a configuration."""

    def __init__(self, row: Config, before: str | None) -> None:
        self.kind = str(row["class_name"])
        self.config: Config = row["config"]
        self.name = str(row.get("name") or self.config["name"])
        nodes = row.get("inbound_nodes")
        if nodes is not None and len(nodes) > 1:
            raise self.refuse(f"a layer used {len(nodes)} times")
        self.inputs: list[str] = []
        """Names of the layers it reads."""
        if nodes is None and before is not None and self.kind != "InputLayer":
            self.inputs.append(before)
        for node in nodes or ():
            _collect(node["args"] if isinstance(node, Mapping) else node, self.inputs)

    def refuse(self, what: str) -> GraphError:
        """Make the error for something that no op describes."""
        return GraphError(f"{self.name}: {what} is not among the ops that a graph describes")

    def op(self, inputs: Shapes, resolution: tuple[int, int] | None) -> Op:
        """Say what the layer does.

        Raises:
            GraphError: If no op does that.
        """
        if self.kind == "InputLayer":
            return self._image(resolution)
        if self.kind not in _READERS:
            raise self.refuse(f"a layer of class {self.kind}")
        if self.config.get("data_format", "channels_last") != "channels_last":
            raise self.refuse("the data format channels_first")
        return _READERS[self.kind](self, inputs)

    def _image(self, resolution: tuple[int, int] | None) -> Op:
        sides = list(self.config.get("batch_shape") or self.config["batch_input_shape"])[1:]
        if len(sides) == 3 and None in sides[:2]:
            if resolution is None:
                raise GraphError(
                    f"{self.name} takes images of any size; costs need one",
                    advice("give {}", Option("resolution", 224)),
                )
            sides[:2] = [
                given if side is None else side
                for side, given in zip(sides, resolution, strict=False)
            ]
        if not all(isinstance(side, int) and side > 0 for side in sides):
            raise GraphError(f"{self.name} has the shape {sides}; every side must be known")
        return ops.Input(TensorShape(*sides))

    def same(self, key: str) -> int:
        """Read a setting of two equal sides, such as a kernel size.

        Raises:
            GraphError: If the sides differ.
        """
        value = self.config[key]
        sides = [value] if isinstance(value, int) else list(value)
        if len(set(sides)) != 1:
            raise self.refuse(f"{key} {tuple(sides)} with unequal sides")
        return int(sides[0])

    def expect(self, **settings: Any) -> None:
        """Refuse a setting that is not as the op takes for granted."""
        for key, value in settings.items():
            given = self.config.get(key, value)
            given = list(given) if isinstance(given, tuple) else given
            if given != value:
                raise self.refuse(f"{self.kind} with {key} {given}")

    def activation(self, key: str = "activation") -> str | None:
        """Name of a nonlinearity; None for none."""
        value = self.config.get(key)
        if isinstance(value, Mapping):
            inner = value.get("config")
            name = inner if isinstance(inner, str) else value.get("class_name")
            return f"{CUSTOM_ACTIVATION}{name}"
        return None if value in (None, "linear") else str(value)


def _collect(value: Any, names: list[str]) -> None:
    """Collect the names of layers whose tensors are arguments of a call."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            names.append(str(value["config"]["keras_history"][0]))
            return
        raise GraphError("a layer is called with an argument that is no tensor")
    if isinstance(value, list | tuple):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            names.append(value[0])  # Keras 2: [name, node, tensor, {}]
            return
        for each in value:
            _collect(each, names)


def _conv(row: _Row, inputs: Shapes) -> Op:
    row.expect(groups=1)
    if row.same("dilation_rate") != 1:
        raise row.refuse("a dilated convolution")
    return ops.Conv2D(
        kernel=row.same("kernel_size"),
        in_channels=inputs[0].channels,
        filters=row.config["filters"],
        stride=row.same("strides"),
        padding=row.config["padding"],
        use_bias=row.config["use_bias"],
        activation=row.activation(),
    )


def _batch_norm(row: _Row, inputs: Shapes) -> Op:
    row.expect(scale=True, center=True)
    if row.config["axis"] not in (-1, [-1], len(inputs[0]), [len(inputs[0])]):
        raise row.refuse(f"batch norm over axis {row.config['axis']}")
    return ops.BatchNorm(
        channels=inputs[0].channels,
        momentum=row.config["momentum"],
        epsilon=row.config["epsilon"],
    )


def _dense(row: _Row, inputs: Shapes) -> Op:
    row.expect(use_bias=True)
    if len(inputs[0]) != 1:
        raise row.refuse(f"a dense layer on {inputs[0]}")
    return ops.Dense(inputs[0].channels, row.config["units"], row.activation())


def _dropout(row: _Row, inputs: Shapes) -> Op:
    shape = row.config.get("noise_shape")
    if shape is None:
        return ops.Dropout(row.config["rate"])
    if list(shape)[1:] != [1] * len(inputs[0]):
        raise row.refuse(f"dropout with noise of shape {list(shape)}")
    return ops.DropPath(row.config["rate"])


def _pad(row: _Row, inputs: Shapes) -> Op:
    sides = {side for pair in row.config["padding"] for side in pair}
    if len(sides) != 1:
        raise row.refuse(f"padding {row.config['padding']} with unequal sides")
    return ops.ZeroPad2D(sides.pop())


def _avg_pool(row: _Row, inputs: Shapes) -> Op:
    row.expect(padding="same")
    return ops.AvgPool2D(row.same("pool_size"), row.same("strides"))


def _max_pool(row: _Row, inputs: Shapes) -> Op:
    return ops.MaxPool2D(row.same("pool_size"), row.same("strides"), row.config["padding"])


def _global_avg_pool(row: _Row, inputs: Shapes) -> Op:
    row.expect(keepdims=False)
    return ops.GlobalAvgPool()


def _global_max_pool(row: _Row, inputs: Shapes) -> Op:
    row.expect(keepdims=False)
    return ops.GlobalMaxPool()


def _reshape(row: _Row, inputs: Shapes) -> Op:
    sides = list(row.config["target_shape"])
    if -1 in sides:
        rest = 1
        for side in sides:
            rest *= side if side != -1 else 1
        sides[sides.index(-1)] = inputs[0].elements // max(1, rest)
    return ops.Reshape(TensorShape(*sides))


def _relu(row: _Row, inputs: Shapes) -> Op:
    row.expect(max_value=None, negative_slope=0.0, threshold=0.0)
    return ops.Activation("relu")


def _rescaling(row: _Row, inputs: Shapes) -> Op:
    row.expect(offset=0.0)
    return ops.Rescaling(row.config["scale"])


def _normalization(row: _Row, inputs: Shapes) -> Op:
    row.expect(invert=False)
    mean, variance = row.config.get("mean"), row.config.get("variance")
    if mean is None or variance is None:
        raise row.refuse("a normalization whose mean is not in the configuration")
    return ops.Normalization(tuple(mean), tuple(variance))


def _add(row: _Row, inputs: Shapes) -> Op:
    if len(inputs) < 2:
        raise row.refuse(f"{row.kind} of {len(inputs)} inputs")
    return ops.Add()


def _multiply(row: _Row, inputs: Shapes) -> Op:
    if len(inputs) != 2:
        raise row.refuse(f"{row.kind} of {len(inputs)} inputs")
    return ops.Multiply()


_READERS: dict[str, Callable[[_Row, Shapes], Op]] = {
    "Conv2D": _conv,
    "BatchNormalization": _batch_norm,
    "Activation": lambda row, inputs: ops.Activation(row.activation() or "linear"),
    "ReLU": _relu,
    "Dense": _dense,
    "Dropout": _dropout,
    "ZeroPadding2D": _pad,
    "AveragePooling2D": _avg_pool,
    "MaxPooling2D": _max_pool,
    "GlobalAveragePooling2D": _global_avg_pool,
    "GlobalMaxPooling2D": _global_max_pool,
    "Reshape": _reshape,
    "Add": _add,
    "Multiply": _multiply,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
}
"""Which op a class of Keras layer is; the closed table of what is read."""
