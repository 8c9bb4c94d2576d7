"""What a Keras configuration says is called on what: its layers, and the tensors each call reads.

Both forms are read. Keras 3 writes a call as ``{"args": [...], "kwargs": {...}}`` with its tensors
in it, each with its shape; Keras 2 as ``[["conv1", 0, 0, {}]]``, without shapes. All of it is plain
JSON values that may be anything, so each is checked as it is met.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from rsinspect.base.errors import GraphError
from rsinspect.base.text import showable
from rsinspect.base.words import plural

Config = Mapping[str, Any]

NO_GRAPH = (
    "a subclassed model has no graph to read; functional and Sequential models have one: call the "
    "same layers on keras.Input, or read a functional one live, for instance a KerasHub backbone"
)

MOST_CALLS = 50_000
"""Of layers in one network, nested ones included; a ResNet of a thousand blocks has 14,000."""

DEEPEST = 32
"""Levels of models in models, or of lists in what a call is given."""

GIVEN = ""
"""Stands for the layer that gives a Sequential model without an input layer what it reads."""

CONSTANT = "_CONSTANT_VALUE"
"""Stands in the place of a layer's name where Keras 2 calls a function on a number."""

KERAS = ("keras", "tf_keras", "tensorflow", "rsinspect")
"""Packages whose classes are known here by their names; ours has a few."""

Key = tuple[str, int, int]
"""Layer, number of its call, number of the output."""


class Tensor(NamedTuple):
    """What a call reads: output ``output`` of call ``node`` of a layer.

    ``shape`` is with the batch, as it is written; None where it is not.
    """

    layer: str
    node: int
    output: int
    shape: Any = None

    @property
    def key(self) -> Key:
        """Return which tensor it is."""
        return self.layer, self.node, self.output


class Call(NamedTuple):
    """One call of a layer: what it is given, with a ``Tensor`` in the place of each tensor."""

    arguments: Sequence[Any]
    keywords: Mapping[str, Any]

    def tensors(self) -> list[Tensor]:
        """List the tensors it reads, in order."""
        return [*_tensors(self.arguments), *_tensors([*self.keywords.values()])]


class Entry:
    """A layer as a configuration has it.

    Attributes:
        name: What the file calls it.
        class_name: Of the layer, without the package it is registered in.
        config: Its settings.
        build: Shapes it was built with, where they are written.
        calls: In their order; of a layer of a Sequential model none yet.
        shared: Number of an object that several entries have in common; else None.
        is_keras: Whether the class is Keras's own; by its name where no module is written.
        is_operation: Whether this is a function of ``keras.ops``, and no layer.
        is_guess: Whether that is so as far as it shows: nothing says it.
        is_input: Whether this is where a tensor comes in.
        frozen: Whether it says that it is not trained.
        keras_2: Whether Keras 2 wrote it, as far as it shows.
    """

    def __init__(self, row: object) -> None:
        called = row.get("class_name") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(called, str) or not called:
            raise GraphError(f"this is no layer of a Keras model: {_brief(row)}")
        config = row.get("config")
        self.config: Config = config if isinstance(config, dict) else {"layers": config}
        self.name = showable(str(row.get("name") or self.config.get("name") or ""), 500)
        if not self.name:
            raise GraphError(f"a layer of class {showable(called, 60)} has no name")
        package, _, class_name = called.rpartition(">")
        self.class_name = class_name or called
        module = "?" if package else row.get("module")
        self.is_keras = not module or str(module).partition(".")[0] in KERAS
        self.is_input = class_name == "InputLayer"
        self.frozen = self.config.get("trainable") is False
        build = row.get("build_config")
        self.build: Config = build if isinstance(build, dict) else {}
        shared = row.get("shared_object_id")
        self.shared = shared if isinstance(shared, int) else None
        nodes = row.get("inbound_nodes")
        nodes = nodes if isinstance(nodes, list) else []
        self.calls = tuple([_call(node) for node in nodes])
        self.keras_2 = "batch_input_shape" in self.config or not isinstance((*nodes, {})[0], dict)
        self.is_operation = self.is_keras and (
            ".ops." in f"{module}."
            # Keras 3 writes no modules in an .h5 file; every layer but one has this setting there.
            or (
                not (module or self.keras_2 or self.is_input or "trainable" in self.config)
                and "registered_name" not in row  # a class of somebody's own, in a .keras
                and not class_name.startswith("SpatialDropout")
            )
        )

        self.is_guess = self.is_operation and not module

    @property
    def is_model(self) -> bool:
        """Tell whether this is a functional or Sequential model, with layers of its own."""
        sequential = self.is_keras and self.class_name in ("Sequential", "Functional", "Model")
        return "layers" in self.config and (sequential or "output_layers" in self.config)


class Model:
    """A functional or Sequential model as a configuration has it.

    Args:
        config: What ``model.get_config()`` gives, or the object of ``model.to_json()`` around it.
        entry_name: What the model around it calls it; its own name by default.

    Attributes:
        name: Of the model.
        entries: Its layers.
        sequential: Whether each reads the one before it.
        inputs: Tensors it takes.
        outputs: Tensors it gives.
        frozen: Whether it says that it is not trained.

    Raises:
        GraphError: If the configuration is that of no such model, or damaged.
    """

    def __init__(self, config: object, entry_name: str = "") -> None:
        if isinstance(config, dict) and "layers" not in config and "config" in config:
            config = config["config"]
        if isinstance(config, list):  # a Sequential model of Keras before 2.2.3
            config = {"layers": config}
        if not isinstance(config, dict):
            raise GraphError(f"this is not the configuration of a Keras model: {_brief(config)}")
        self.name = entry_name or showable(str(config.get("name") or "model"), 500)
        rows = config.get("layers")
        if isinstance(rows, dict) and isinstance(rows.get("layers"), list):
            rows = rows["layers"]
        if not isinstance(rows, list | tuple):
            raise GraphError(
                f"{self.name:.60} keeps no layers in its configuration",
                NO_GRAPH,
            )
        if len(rows) > MOST_CALLS:
            raise GraphError(
                f"{self.name:.60} has {plural(len(rows), 'layer')}; {MOST_CALLS} are read at most"
            )
        self.entries = [Entry(row) for row in rows]
        self.frozen = config.get("trainable") is False
        self.sequential = "output_layers" not in config
        if not self.entries:
            raise GraphError(f"{self.name:.60} has no layers")
        if self.sequential:
            self._chain(config)
            first = self.entries[0]
            self.inputs = [Tensor(first.name if first.is_input else GIVEN, 0, 0)]
            self.outputs = [Tensor(self.entries[-1].name, 0, 0)]
        else:
            self.inputs = list(_tensors(_referred(config.get("input_layers", ()))))
            self.outputs = list(_tensors(_referred(config["output_layers"])))
        self._check_names()

    @cached_property
    def keras_2(self) -> bool:
        """Tell whether Keras 2 wrote it."""
        return any(entry.keras_2 for entry in self.entries)

    def first_node(self, read: Sequence[int], calls: int) -> int:
        """Say which number the first call of this model has, where another model calls it.

        A functional model is called once when it is made, and that call is the first; so is Keras
        2's Sequential model if it has an input layer, but not Keras 3's.

        Args:
            read: Numbers of the calls whose outputs are read.
            calls: How many there are.
        """
        if read and (min(read) == 0 or max(read) >= calls):
            return int(min(read) > 0)
        return int(not self.sequential or (self.keras_2 and self.entries[0].is_input))

    def _chain(self, config: Config) -> None:
        """Let each layer read the one before it, and the first an input."""
        first = self.entries[0]
        if not first.is_input:
            settings = first.config
            shape = (
                settings.get("batch_input_shape")
                or settings.get("batch_shape")
                or config.get("build_input_shape")
                or first.build.get("input_shape")
            )
            if shape:
                made = {"name": f"{first.name}_input", "batch_shape": shape}
                self.entries.insert(0, Entry({"class_name": "InputLayer", "config": made}))
        before = GIVEN
        for entry in self.entries:
            if not entry.is_input:
                entry.calls = (Call((Tensor(before, 0, 0),), {}),)
            before = entry.name

    def _check_names(self) -> None:
        seen: set[str] = set()
        for entry in self.entries:
            if entry.name in seen:
                raise GraphError(f"{self.name:.60} has two layers named {entry.name:.80}")
            seen.add(entry.name)


class Wiring:
    """What is read of what in a model.

    Args:
        model: The model.
        models: Those among its layers that are models, by name.

    Attributes:
        shapes: Shape of a tensor as a reader of it is told, or was built for, batch first.
        read: Numbers of the outputs that are read, by layer and call.
        first_nodes: Number of the first call of each model among the layers.
    """

    def __init__(self, model: Model, models: Mapping[str, Model]) -> None:
        self._model = model
        self.shapes: dict[Key, Any] = {}
        self.read: dict[tuple[str, int], set[int]] = {}
        self._tensors = {
            (entry.name, number): call.tensors()
            for entry in model.entries
            for number, call in enumerate(entry.calls)
        }
        nodes: dict[str, set[int]] = {name: set() for name in models}
        for tensors in (*self._tensors.values(), model.outputs):
            for tensor in tensors:
                name, node, output, shape = tensor
                if shape is not None:
                    self.shapes.setdefault((name, node, output), shape)
                self.read.setdefault((name, node), set()).add(output)
                if name in nodes:
                    nodes[name].add(node)
        self._add_built_shapes()
        calls = {entry.name: len(entry.calls) for entry in model.entries if entry.name in models}
        self.first_nodes = {
            name: models[name].first_node(sorted(nodes[name]), calls[name]) for name in models
        }

    def _add_built_shapes(self) -> None:
        """Add the shapes that layers were built for, where no call tells them."""
        for entry in self._model.entries:
            shapes = entry.build.get("input_shape")
            if len(entry.calls) != 1 or not isinstance(shapes, list | tuple) or not shapes:
                continue
            tensors = self._tensors[entry.name, 0]
            if len(tensors) == 1:
                shapes = [shapes]
            if len(shapes) == len(tensors):
                for tensor, shape in zip(tensors, shapes, strict=True):
                    if isinstance(shape, list | tuple):
                        self.shapes.setdefault(tensor.key, shape)

    def in_order(self) -> Iterator[tuple[Entry, int, list[Tensor]]]:
        """List calls such that each comes after all that it reads, else in their own order.

        Gives the layer, the number by which others know this call, and the tensors it reads.

        Raises:
            GraphError: If a call reads what there is not, or calls read each other in a circle.
        """
        entries = {entry.name: entry for entry in self._model.entries}
        there = {(tensor.layer, tensor.node) for tensor in self._model.inputs}
        there |= {(entry.name, 0) for entry in self._model.entries if entry.is_input}
        tasks = [
            (name, number + self.first_nodes.get(name, 0), tensors)
            for (name, number), tensors in self._tensors.items()
        ]
        made = {(name, node) for name, node, _ in tasks}
        waiting: dict[tuple[str, int], list[int]] = {}
        missing: list[int] = []
        for position, (name, _, tensors) in enumerate(tasks):
            needs = {(tensor.layer, tensor.node) for tensor in tensors} - there
            for need in needs:
                if need not in made:
                    raise GraphError(f"{name:.80} reads {need[0] or 'an input':.80}, "
                                     "which is not there, or is not called so often")  # fmt: skip
                waiting.setdefault(need, []).append(position)
            missing.append(len(needs))
        ready = [position for position, number in enumerate(missing) if not number]
        done = 0
        while ready:
            name, node, tensors = tasks[heapq.heappop(ready)]
            done += 1
            yield entries[name], node, tensors
            for position in waiting.get((name, node), ()):
                missing[position] -= 1
                if not missing[position]:
                    heapq.heappush(ready, position)
        if done < len(tasks):
            name = next(task[0] for task, number in zip(tasks, missing, strict=True) if number)
            raise GraphError(f"{name:.80} reads, by way of other layers, what it gives itself")


def _call(node: object) -> Call:
    """Read one call, in either form."""
    keywords: Any = {}
    if isinstance(node, dict) and "args" in node:
        arguments = _with_tensors(node["args"])
        if given := node.get("kwargs"):
            keywords = _with_tensors(given)
    else:
        arguments = _referred(node, keywords)
        if not isinstance(arguments, list):
            arguments = [arguments]
    if not isinstance(arguments, list) or not isinstance(keywords, dict):
        raise GraphError(f"this is no call of a Keras layer: {_brief(node)}")
    return Call(arguments, keywords)


def _with_tensors(value: Any, depth: int = 0) -> Any:
    """Put a ``Tensor`` in the place of each tensor, as Keras 3 writes them."""
    if isinstance(value, dict):
        _check_depth(depth)
        if value.get("class_name") != "__keras_tensor__":
            return {key: _with_tensors(each, depth + 1) for key, each in value.items()}
        settings = value.get("config")
        if not isinstance(settings, dict) or not _is_reference(settings.get("keras_history")):
            raise GraphError(f"a call reads a tensor of no layer: {_brief(value)}")
        name, node, output, *_ = settings["keras_history"]
        return Tensor(showable(name, 500), node, output, settings.get("shape"))
    if isinstance(value, list | tuple):
        _check_depth(depth)
        return [_with_tensors(each, depth + 1) for each in value]
    return value


def _referred(value: Any, keywords: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """Put a ``Tensor`` in the place of each reference to a layer, as Keras 2 writes them.

    Args:
        value: With references in it.
        keywords: Takes what a call has beside them.
        depth: Of the lists around.
    """
    if isinstance(value, dict):
        _check_depth(depth)
        return {key: _referred(each, keywords, depth + 1) for key, each in value.items()}
    if not isinstance(value, list | tuple):
        return value
    _check_depth(depth)
    if not _is_reference(value):
        return [_referred(each, keywords, depth + 1) for each in value]
    name, node, output, *more = value
    if more and keywords is not None and isinstance(more[0], dict):
        keywords.update(_referred(more[0], None, depth + 1))
    return output if name == CONSTANT else Tensor(showable(name, 500), node, output)


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise GraphError(f"a layer is called with lists more than {DEEPEST} deep")


def _is_reference(value: object) -> bool:
    """Tell whether this names an output of a call: ``["conv1", 0, 0]``."""
    return (
        isinstance(value, list | tuple)
        and len(value) >= 3
        and type(value[0]) is str
        and type(value[1]) is int
        and (type(value[2]) is int or value[0] == CONSTANT)
    )


def _tensors(value: Any) -> Iterator[Tensor]:
    """List the tensors in what was read, those of a mapping in the order of its keys."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            yield from _tensors(value[key])


def _brief(value: object) -> str:
    """Write the beginning of a value, however deep and large it is."""
    import reprlib  # only on the way to an error

    return showable(reprlib.repr(value), 80)
