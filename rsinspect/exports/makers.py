"""How each format is written from a Keras model.

Keras's own ``export`` does it wherever it can. What it leaves out is added here: half precision,
and constants that it would lose.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Maker = Callable[[Any, Path, str, int | None], None]
"""Writes a model to a path, in a precision, for a batch (None for any)."""


def _keras(model: Any, path: Path, precision: str, batch: int | None) -> None:
    in_precision(model, precision).save(path)


def _weights(model: Any, path: Path, precision: str, batch: int | None) -> None:
    in_precision(model, precision).save_weights(path)


def _saved_model(model: Any, path: Path, precision: str, batch: int | None) -> None:
    in_precision(model, precision).export(
        str(path), format="tf_saved_model", verbose=False, input_signature=_signature(model, batch)
    )


def _onnx(model: Any, path: Path, precision: str, batch: int | None) -> None:
    """Write ONNX; half precision is ONNX Runtime's own conversion of the float32 file."""
    import keras

    with _constants_inside(model) if keras.backend.backend() == "tensorflow" else _as_it_is():
        model.export(
            str(path), format="onnx", verbose=False, input_signature=_signature(model, batch)
        )
    if precision == "float16":
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), path)


def _litert(model: Any, path: Path, precision: str, batch: int | None) -> None:
    """Write LiteRT; int8 is of weights alone, whose scales are a tensor's or a channel's."""
    how: dict[str, Any] = {}
    if precision != "float32":
        import tensorflow as tf

        how["optimizations"] = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            how["target_spec"] = {"supported_types": [tf.float16]}
    model.export(
        str(path), format="litert", verbose=False, input_signature=_signature(model, batch), **how
    )


def _openvino(model: Any, path: Path, precision: str, batch: int | None) -> None:
    """Write OpenVINO; half precision is its own compression of weights."""
    model.export(
        str(path), format="openvino", verbose=False, input_signature=_signature(model, batch)
    )
    if precision == "float16":
        import openvino

        whole = path.with_name(f"whole-{path.name}")
        path.rename(whole)
        path.with_suffix(".bin").rename(whole.with_suffix(".bin"))
        read = openvino.Core().read_model(whole)
        openvino.save_model(read, path, compress_to_fp16=True)
        del read  # which maps the file
        whole.unlink()
        whole.with_suffix(".bin").unlink()


def _torch(model: Any, path: Path, precision: str, batch: int | None) -> None:
    """Write a program of ``torch.export``; any batch is a dimension that is left open."""
    import torch

    how: dict[str, Any] = {"input_signature": _signature(model, batch)}
    if batch is None:
        opened = {0: torch.export.Dim("batch", min=1)}
        count = len(model.inputs)
        how |= {"dynamic_shapes": opened if count == 1 else [([opened] * count,)]}
    in_precision(model, precision).export(str(path), format="torch", verbose=False, **how)


MAKERS: dict[str, Maker] = {
    "keras": _keras,
    "weights": _weights,
    "saved-model": _saved_model,
    "onnx": _onnx,
    "litert": _litert,
    "openvino": _openvino,
    "torch": _torch,
}
"""By the name of the format."""


def in_precision(model: Any, precision: str) -> Any:
    """Copy a model into a dtype policy, weights and all; float32 is what it is already."""
    import keras

    if precision == "float32":
        return model

    def lower(layer: Any) -> Any:
        config = layer.get_config()
        if not isinstance(layer, keras.layers.InputLayer):
            config["dtype"] = precision
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=lower)
    copy.set_weights(model.get_weights())
    return copy


def _signature(model: Any, batch: int | None) -> Any:
    """Describe the inputs for a batch, None for any; Keras's own asks for a model that was run."""
    import keras

    specs = [
        keras.InputSpec(shape=(batch, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    ]
    return specs if len(specs) == 1 else [specs]


@contextlib.contextmanager
def _constants_inside(model: Any) -> Iterator[None]:
    """Let the constants of normalization layers be part of the graph, for a while.

    Keras keeps them as tensors outside of what TensorFlow traces. tf2onnx 1.17 makes each an input
    of the file, to be fed with every image: a file that ONNX Runtime refuses to run.
    """
    import keras

    changed: list[tuple[Any, Any, Any]] = []
    for layer in _layers(model):
        if isinstance(layer, keras.layers.Normalization) and layer.mean is not None:
            changed.append((layer, layer.mean, layer.variance))
            layer.mean, layer.variance = (
                keras.ops.convert_to_numpy(each) for each in (layer.mean, layer.variance)
            )
    try:
        yield
    finally:
        for layer, mean, variance in changed:
            layer.mean, layer.variance = mean, variance


@contextlib.contextmanager
def _as_it_is() -> Iterator[None]:
    yield


def _layers(model: Any) -> Iterator[Any]:
    """Walk the layers, also of models inside the model."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)
