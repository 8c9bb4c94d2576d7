"""The layers of a Keras configuration, one by one, as layers of a graph; models in models inlined.

What no op describes becomes an opaque layer: so does a layer of a known class with a setting that
its op has no place for, or whose op would give another shape than the configuration tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rsinspect.base.errors import GraphError, ShapeMismatch
from rsinspect.base.words import Option, advice, plural, shown
from rsinspect.layers import ops
from rsinspect.layers.cost import weight_shapes
from rsinspect.layers.graph import Layer, alike
from rsinspect.layers.map_layout import CHANNELS_FIRST, CHANNELS_LAST, TURNED, Layout, is_map
from rsinspect.layers.ops import Op, TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.keras_calls import (
    DEEPEST,
    MOST_CALLS,
    Call,
    Entry,
    Key,
    Model,
    Tensor,
    Wiring,
)
from rsinspect.networks.keras_described import (
    agree,
    class_name_of,
    closed,
    described,
    shapes_by_rule,
)
from rsinspect.networks.keras_layers import Shapes
from rsinspect.networks.keras_layout import (
    Value,
    begins_first,
    reads_first,
    said_for_last,
    says_first,
    told_for_last,
    turns_round,
)
from rsinspect.networks.keras_opaque import opaque_weights
from rsinspect.networks.keras_ops import TENSORFLOW
from rsinspect.networks.keras_settings import (
    LARGEST_SIDE,
    MOST_AXES,
    Settings,
    Unfit,
    is_side,
    nonsense_in,
)

MOST_OUTPUTS = 1_000
"""Of one layer."""

LIVE = "the live model knows it: train.py:make_model, or from Python rsinspect.summary(model)"
BUILT = "a model gets it when it is built: give it an Input, or call it once"
LOADING = (LIVE, BUILT)
"""Ways to a shape that a configuration leaves out, all of which run the model."""

WeightShapes = tuple[tuple[int, ...], ...]
Weights = Callable[[tuple[str, ...]], tuple[WeightShapes, int] | None]
"""Tells the shapes of a layer's weights, trained ones first, and how many are not trained.

It is asked by the names of the models around the layer and its own; None where it does not know.
"""


class Place(NamedTuple):
    """Where in the nesting of models a layer stands.

    Attributes:
        path: What its path begins with: ``tower.2/``.
        names: Of the models around it, in the file.
        identity: Likewise, or the number of an object that stands in several places.
        frozen: Whether a model around it keeps it from training.
        training: What a model around it is called with; None where it is not said.
    """

    path: str = ""
    names: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    frozen: bool = False
    training: bool | None = None


class Walk:
    """The layers of a network as they are read.

    Args:
        resolution: Of images of open size.
        weights: Tells the weights of a layer that no op describes.

    Attributes:
        layers: In an order a forward pass may run them.
        names: Name in the file of each path: ``tower/conv1``.
    """

    def __init__(self, resolution: tuple[int, int] | None, weights: Weights | None) -> None:
        self.layers: list[Layer] = []
        self.names: dict[str, str] = {}
        self._resolution = resolution
        self.was_open = False  # an input has a side that the resolution closed
        self._weights = weights
        self._shapes: dict[str, TensorShape] = {}
        self._uses: dict[str, int] = {}
        self._owners: dict[tuple[str, ...], Layer] = {}
        self._models: dict[int, Model] = {}
        self._calls = 0
        self._may_turn = False  # some layer has the data format channels_first
        self._turned: dict[tuple[str, Layout], str] = {}

    def inline(
        self,
        model: Model,
        place: Place,
        given: Sequence[Value] | None,
        told: Mapping[Key, Any],
    ) -> list[Value]:
        """Add the layers of a model.

        Args:
            model: Whose layers.
            place: Where they stand.
            given: The tensors it is called on; None for the outermost model, whose inputs are those
                of the network.
            told: Shapes of its outputs, batch first, where they are known.

        Returns:
            Its outputs.

        Raises:
            GraphError: If the layers do not fit together, or a shape is not known.
        """
        if len(place.names) > DEEPEST:
            raise GraphError(f"models are nested more than {DEEPEST} deep")
        models = {entry.name: self._model(entry) for entry in model.entries if entry.is_model}
        wiring = Wiring(model, models)
        values = self._inputs(model, given)
        shapes = {**told, **wiring.shapes}
        for entry, node, tensors in wiring.in_order():
            self._calls += 1
            if self._calls > MOST_CALLS:
                raise GraphError(f"the network has more than {MOST_CALLS} layers")
            name = entry.name
            read = {
                output: shapes.get((name, node, output))
                for output in sorted(wiring.read.get((name, node), ()))
            }
            inputs = [_value(values, tensor, name) for tensor in tensors]
            if name in models:
                inner = self._inside(place, entry, model.keras_2, node - wiring.first_nodes[name])
                known = {
                    tensor.key: read.get(output)
                    for output, tensor in enumerate(models[name].outputs)
                }
                outputs = dict(enumerate(self.inline(models[name], inner, inputs, known)))
            else:
                outputs = self._called(entry, entry.calls[node], place, inputs, read)
            for output, value in outputs.items():
                values[name, node, output] = value
        return [_value(values, tensor, model.name) for tensor in model.outputs]

    def _model(self, entry: Entry) -> Model:
        """Read a model among the layers, once."""
        if id(entry.config) not in self._models:
            self._models[id(entry.config)] = Model(entry.config, entry.name)
        return self._models[id(entry.config)]

    def _has_channels_first(self, model: Model, depth: int = 0) -> bool:
        """Tell whether a layer has that data format."""
        return depth <= DEEPEST and any(
            self._has_channels_first(self._model(x), depth + 1) if x.is_model else says_first(x)
            for x in model.entries
        )

    def _inside(self, place: Place, entry: Entry, keras_2: bool, call: int) -> Place:
        """Return the place of the layers in a model.

        A model that is not trained keeps its layers from it in Keras 2; in Keras 3 each layer says
        so for itself.
        """
        names = (*place.names, entry.name)
        identity = names if entry.shared is None else (f"#{entry.shared}",)
        if place.identity != place.names and entry.shared is None:
            identity = (*place.identity, entry.name)
        path = self._unused(f"{place.path}{entry.name}")
        frozen = place.frozen or (keras_2 and entry.frozen)
        return Place(f"{path}/", names, identity, frozen, _training(place, entry.calls[call]))

    def _unused(self, path: str) -> str:
        """Return a path, with a number where it is there already."""
        unused, number = path, self._uses.get(path, 0)
        while unused in self._uses:
            number += 1
            unused = f"{path}.{number}"
        self._uses[path] = max(number, 1)
        self._uses[unused] = self._uses.get(unused, 1)
        return unused

    def _add(self, layer: Layer, name: str) -> str:
        path = layer.path
        if len(layer.shape) > MOST_AXES or not all(map(is_side, layer.shape)):
            raise GraphError(
                f"{path} has the shape {layer.shape}; "
                f"a tensor has at most {MOST_AXES} sides of 1 to {LARGEST_SIDE}"
            )
        self.layers.append(layer)
        self.names[path] = name
        self._shapes[path] = layer.shape
        return path

    def _inputs(self, model: Model, given: Sequence[Value] | None) -> dict[Key, Value]:
        """Bind what a model takes to what it is given, or make inputs of the network."""
        if given is not None:
            if len(given) != len(model.inputs):
                raise GraphError(
                    f"{model.name:.80} takes {plural(len(model.inputs), 'tensor')} "
                    f"and is given {len(given)}"
                )
            return {tensor.key: value for tensor, value in zip(model.inputs, given, strict=True)}
        values: dict[Key, Value] = {}
        self._may_turn = self._has_channels_first(model)
        for entry in model.entries:
            if entry.is_input:
                first = self._may_turn and begins_first(model, entry.name)
                shape = self._input_shape(entry, first)
                layer = Layer(self._unused(entry.name), ops.Input(shape), (), shape)
                path = self._add(layer, entry.name)
                values[entry.name, 0, 0] = Value(path, first and is_map(shape))
        if not values:
            raise GraphError(
                f"{model.name:.80} does not say which shape it takes",
                BUILT,
            )
        return values

    def _input_shape(self, entry: Entry, first: bool) -> TensorShape:
        """Read the shape of an input, open sides closed by the resolution."""
        sides = entry.config.get("batch_shape") or entry.config.get("batch_input_shape")
        if not isinstance(sides, list | tuple) or not sides:
            raise GraphError(f"{entry.name:.80} has no shape")
        if isinstance(sides[0], list | tuple):
            sides = sides[0]
        sides = list((told_for_last(sides) if first else sides)[1:])
        image = len(sides) == 3 and None in sides[:2]
        if None in sides:
            if self._resolution is None:
                what = "images of any size" if image else "tensors of any length"
                raise GraphError(
                    f"{entry.name:.80} takes {what}; costs need one",
                    advice(
                        "give {}",
                        Option("resolution", 224, "rsinspect.network(model, resolution=224)"),
                    ),
                )
            height, width = self._resolution
            self.was_open = True
            if image:
                sides[0] = height if sides[0] is None else sides[0]
                sides[1] = width if sides[1] is None else sides[1]
            else:
                sides[sides.index(None)] = height
        if len(sides) > MOST_AXES or not all(map(is_side, sides)):
            raise GraphError(f"{entry.name:.80} has the shape {sides!r:.80}; every side of an "
                             f"input is a number of 1 to {LARGEST_SIDE}")  # fmt: skip
        return TensorShape(*sides)

    def _called(
        self,
        entry: Entry,
        call: Call,
        place: Place,
        inputs: Sequence[Value],
        read: Mapping[int, Any],
    ) -> dict[int, Value]:
        """Add a layer, its maps as the graph has them; returns its outputs that are read."""
        shapes = [self._shapes[value.path] for value in inputs]
        first = False
        if self._may_turn:
            if len(inputs) == 1 and is_map(shapes[0]) and turns_round(entry, call, inputs[0].first):
                return {0: Value(inputs[0].path, not inputs[0].first)}
            first = reads_first(entry, call, [value.first for value in inputs], shapes)
        if first:
            entry, call = said_for_last(entry, call)
            read = {output: told_for_last(told) for output, told in read.items()}
        paths = [self._lying(value, first) for value in inputs]
        outputs = self._layer(entry, call, place, paths, read)
        return {
            output: Value(path, first and is_map(self._shapes[path]))
            for output, path in outputs.items()
        }

    def _lying(self, value: Value, first: bool) -> str:
        """Give the path of a tensor as a layer reads it; a layer of its own may turn it round."""
        shape = self._shapes[value.path]
        if value.first == first or not is_map(shape):
            return value.path
        layout = CHANNELS_LAST if first else CHANNELS_FIRST
        key = value.path, layout
        if key not in self._turned:
            op = ops.Permute(TURNED[layout])
            path = self._unused(f"{value.path}/{layout}")
            layer = Layer(path, op, (value.path,), infer_shape(op, (shape,)))
            self._turned[key] = self._add(layer, path)
        return self._turned[key]

    def _layer(
        self,
        entry: Entry,
        call: Call,
        place: Place,
        inputs: Sequence[str],
        read: Mapping[int, Any],
    ) -> dict[int, str]:
        """Add a layer; returns the paths of its outputs that are read."""
        shapes = tuple([self._shapes[path] for path in inputs])
        op, shape = self._op(entry, call, place, shapes, read)
        weighed = bool(weight_shapes(op)) or (isinstance(op, ops.Opaque) and op.weights is None)
        shares = None
        if weighed:
            identity = (*place.identity, entry.name)
            if entry.shared is not None:
                identity = (f"#{entry.shared}",)
            owner = self._owners.get(identity)
            if owner is not None and alike(owner.op, op):
                shares = owner.path
            elif owner is not None:  # the same weights, which another op has counted
                op, weighed = ops.Opaque(class_name_of(entry), shape, ()), False
        frozen = weighed and (place.frozen or entry.frozen)
        name = "/".join((*place.names, entry.name))
        path = self._unused(f"{place.path}{entry.name}")
        layer = Layer(path, op, tuple(inputs), shape, shares, frozen)
        self._add(layer, name)
        if weighed and shares is None:
            self._owners[identity] = layer
        paths = {0: path}
        if isinstance(op, ops.Opaque):
            outputs = self._outputs(entry, call, shapes, read)
            for index in read:
                if not 0 <= index <= MOST_OUTPUTS:
                    raise GraphError(f"{path:.80} has no output {shown(index)}")
                if index:
                    pick = ops.Pick(index, outputs[index])
                    picked = Layer(self._unused(f"{path}[{index}]"), pick, (path,), pick.shape)
                    paths[index] = self._add(picked, name)
        return paths

    def _op(
        self,
        entry: Entry,
        call: Call,
        place: Place,
        shapes: Shapes,
        read: Mapping[int, Any],
    ) -> tuple[Op, TensorShape]:
        """Say what a layer does and which shape comes out; what no op does is opaque."""
        try:
            op = described(entry, call, shapes)
            if isinstance(op, ops.BatchNorm | ops.Dropout) and _training(place, call):
                op = op._replace(in_training=True)
            if any(read):
                raise Unfit("several outputs")
            shape = infer_shape(op, shapes)
            if not agree(read.get(0), shape):
                raise Unfit("shape")
        except (Unfit, ShapeMismatch):
            shape = self._outputs(entry, call, shapes, read)[0]
            op = ops.Opaque(class_name_of(entry), shape, *self._weights_of(entry, place, shapes))
        return op, shape

    def _outputs(
        self, entry: Entry, call: Call, shapes: Shapes, read: Mapping[int, Any]
    ) -> dict[int, TensorShape]:
        """List the shapes that come out of an opaque layer; that of output 0 always."""
        outputs = {index: shape for index, told in read.items() if (shape := closed(told))}
        if all(index in outputs for index in (0, *read)):
            return outputs
        for index, shape in enumerate(shapes_by_rule(entry, call, shapes)):
            if agree(read.get(index), shape):
                outputs.setdefault(index, shape)
        if 0 not in outputs and 0 not in read and outputs:
            outputs[0] = outputs[min(outputs)]
        unknown = next((index for index in (0, *read) if index not in outputs), None)
        if unknown is None:
            return outputs
        told = read.get(unknown)
        if told is None:
            if entry.is_keras and (nonsense := nonsense_in(entry.config)):
                raise GraphError(f"{entry.name:.80}: {nonsense} in this {class_name_of(entry)}")
            raise GraphError(
                f"{entry.name:.80}: the output shape of this {class_name_of(entry)} is not in the "
                "configuration",
                LIVE,
            )
        raise GraphError(
            f"{entry.name:.80}: the output shape of this {class_name_of(entry)} "
            f"is open: {told!r:.60}",
            "no op describes such a layer; save the model with inputs of a fixed size",
        )

    def _weights_of(
        self, entry: Entry, place: Place, shapes: Shapes
    ) -> tuple[WeightShapes | None, int]:
        """Ask for the weights of an opaque layer."""
        if (entry.is_operation and not entry.is_guess) or entry.class_name in TENSORFLOW:
            return (), 0
        known = self._weights((*place.names, entry.name)) if self._weights else None
        if known is None and entry.is_operation:
            return (), 0
        if known is None and entry.is_keras:
            ruled = opaque_weights(entry.class_name, Settings(entry.config), shapes)
            known = None if ruled is None else (ruled, 0)
        if known is None or not all(is_side(side) for shape in known[0] for side in shape):
            return None, 0
        weights, constants = known
        trained = len(weights) - constants
        # In an order that is the same whoever tells them: a fingerprint has them.
        return (*sorted(weights[:trained]), *sorted(weights[trained:])), constants


def _value(values: Mapping[Key, Value], tensor: Tensor, reader: str) -> Value:
    """Look up a tensor."""
    value = values.get(tensor.key)
    if value is None:
        raise GraphError(
            f"{reader:.80} reads output {tensor.output} of {tensor.layer:.80}, which is not there"
        )
    return value


def _training(place: Place, call: Call) -> bool | None:
    """Tell with which ``training`` a layer is called: what the model around it is called with wins.

    So it is in Keras 3 (keras/src/models/functional.py, ``operation_fn``).
    """
    if place.training is not None:
        return place.training
    said = call.keywords.get("training")
    return said if isinstance(said, bool) else None
