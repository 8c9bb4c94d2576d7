"""The weights of a ResNet-RS written in another convention: whole and read again, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.errors import WeightsError
from rsinspect.base.files import placed, scratch
from rsinspect.base.formats import Formats
from rsinspect.checkpoints.keras_writing import LayerArrays, write_keras_2, write_keras_3
from rsinspect.networks.network import Network
from rsinspect.weights.naming import CONVENTIONS, TensorPlace, Weight, tensors
from rsinspect.weights.resnet_rs_file import ResNetRSFile, resnet_rs_file

OUTPUTS = Formats(
    "weight file",
    {
        ".h5": "keras-2-h5",
        ".hdf5": "keras-2-h5",
        ".weights.h5": "keras-3-weights",
        ".keras": "keras-archive",
        ".safetensors": "safetensors",
        ".pth": "torch",
        ".pt": "torch",
    },
    {
        suffix: f"rsinspect export writes networks as {suffix} files"
        for suffix in (".onnx", ".tflite", ".xml", ".pt2")
    },
)
"""What is written, by the end of a file's name."""

CONVENTION_OF = {
    "keras-2-h5": "keras-2",
    "keras-3-weights": "keras-3",
    "keras-archive": "keras-3",
    "safetensors": "timm",
    "torch": "timm",
}
"""Whose names a format has its tensors by."""

_COUNTER = "num_batches_tracked"
_SAME_WIRING = ("keras", "timm")
"""Dialects whose networks compute what timm's does."""


class Written(NamedTuple):
    """What was written.

    Attributes:
        convention: Of the names.
        names: Of each weight in the file, by its place in the network.
        made: Tensors that are no weights of the network: what each is.
        rounded: How many tensors were of a type that float32 does not hold exactly.
    """

    convention: str
    names: Mapping[tuple[str, Weight], tuple[str, TensorPlace]]
    made: Mapping[str, str]
    rounded: int


Values = Callable[[str, Weight], Any]
"""A weight of a network by path and weight, as a NumPy array of Keras's."""


def write(source: ResNetRSFile, network: Network, output: Path) -> Written:
    """Write the weights of an open file to another one, and read them again.

    Args:
        source: Whose weights.
        network: The same network, as a model of the new file has it.
        output: The end of its name says in which convention (``OUTPUTS``).

    Raises:
        UnknownFormat: If it names none.
        WeightsError: If the network has no names there, or what was written does not come back.
        OutputNotWritable: If the file cannot be written.
        BackendUnavailable: If what writes the format is not here.
    """
    format = OUTPUTS.of(output)
    convention = CONVENTION_OF[format]
    assert network.spec is not None
    dialect = network.spec.dialect.name
    if convention == "timm" and dialect not in _SAME_WIRING:
        raise WeightsError(
            f"timm has no network that is wired as the {dialect} dialect has it",
            "it would take such weights, and compute something else with them",
        )
    values = _Values(source)
    made: dict[str, str] = {}
    with placed(output) as temporary:
        if convention == "timm":
            state = _state_dict(network, values)
            made = {name: "PyTorch's count of batches, 0" for name in state if _COUNTER in name}
            _write_state_dict(temporary, format, state)
        elif format == "keras-archive":
            _write_archive(temporary, network, values)
        else:
            write_layers = write_keras_2 if convention == "keras-2" else write_keras_3
            write_layers(temporary, _layers(network, values))
        names = {
            (place.path, place.weight): (name, place)
            for name, place in tensors(network, convention).items()
        }
        _require_same(values, temporary, network, output)
    return Written(convention, names, made, len(values.rounded))


class _Values:
    """The weights of an open file, each as float32 when it is asked for.

    Attributes:
        rounded: Names of tensors of a type with more digits than float32 has.
    """

    def __init__(self, source: ResNetRSFile) -> None:
        self._source = source
        self._names = {(place.path, place.weight): name for name, place, _ in source.weights()}
        self.rounded: set[str] = set()

    def __call__(self, path: str, weight: Weight) -> Any:
        """Read a weight."""
        name = self._names[path, weight]
        array = self._source.read(name)
        if array.dtype in ("float64", "int64", "int32"):
            self.rounded.add(name)
        return array.astype("float32", copy=False)


def _layers(network: Network, values: Values) -> Iterator[LayerArrays]:
    """Give the layers of a network in Keras's order, with their weights."""
    by_path: dict[str, list[Weight]] = {}
    for place in tensors(network, "keras-3").values():
        by_path.setdefault(place.path, []).append(place.weight)
    for layer, group in CONVENTIONS["keras-3"].names(network):
        arrays: dict[str, Any] = {
            weight: values(layer.path, weight) for weight in by_path[layer.path]
        }
        yield LayerArrays(network.names[layer.path], group, arrays)


def _state_dict(network: Network, values: Values) -> dict[str, Any]:
    """Make what timm's ``state_dict()`` gives, in its order, of NumPy arrays."""
    import numpy as np

    state: dict[str, Any] = {}
    for name, place in tensors(network, "timm").items():
        state[name] = np.ascontiguousarray(place.stored(values(place.path, place.weight)))
        if place.weight == "moving_variance":
            state[f"{name.rpartition('.')[0]}.{_COUNTER}"] = np.zeros((), "int64")
    return state


def _write_state_dict(path: Path, format: str, state: dict[str, Any]) -> None:
    if format == "torch":
        from rsinspect.checkpoints.torch_writing import write_state_dict

        write_state_dict(path, state)
    else:
        from safetensors.numpy import save

        # What timm's and Hugging Face's loaders look for. On the disk by ourselves: where that has
        # no room, ``save_file`` raises an error of its own.
        path.write_bytes(save(state, {"format": "pt"}))


def _write_archive(path: Path, network: Network, values: Values) -> None:
    """Have Keras make the model, load the weights and save both."""
    from rsinspect.weights.keras_archive import archive

    with scratch() as folder:
        weights = folder / "model.weights.h5"
        write_keras_3(weights, _layers(network, values))
        archive(network, weights, path)


def _require_same(values: Values, written: Path, network: Network, output: Path) -> None:
    """Read a file again, and compare it with what was to be in it, bit for bit.

    Raises:
        WeightsError: If anything comes back otherwise.
    """
    with resnet_rs_file(written, network) as back:
        for name, place, _ in back.weights():
            theirs, ours = back.read(name), values(place.path, place.weight)
            if theirs.dtype != ours.dtype or theirs.tobytes() != ours.tobytes():
                raise WeightsError(f"{output} was not written: {name} came back as something else")
