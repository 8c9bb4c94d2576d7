"""How each runtime opens a file and runs it; none of them needs Keras but Keras itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

Arrays = list[Any]


class Opened(NamedTuple):
    """A file that was opened.

    Attributes:
        run: From a batch, an array per input, to an array per output.
        version: Of the runtime.
        how: What was set that it does not do by itself; None for nothing.
    """

    run: Callable[[Arrays], Arrays]
    version: str
    how: str | None = None


def _keras(path: Path, inputs: list[str], config: str | None) -> Opened:
    import keras

    return _in_keras(keras.saving.load_model(path, compile=False))


def _weights(path: Path, inputs: list[str], config: str | None) -> Opened:
    import keras

    from rsinspect.keras_model import keras_layers  # noqa: F401  # classes that the model may have

    model = keras.models.model_from_json(config)
    model.load_weights(path)
    return _in_keras(model)


def _in_keras(model: Any) -> Opened:
    import keras

    backend = keras.backend.backend()
    if backend != "jax":
        model.jit_compile = False

    def run(given: Arrays) -> Arrays:
        return _listed(model.predict_on_batch(_alone(given)))

    return Opened(run, keras.__version__, f"on {backend} {version(backend)}")


def _saved_model(path: Path, inputs: list[str], config: str | None) -> Opened:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))

    def run(given: Arrays) -> Arrays:
        tensors = [tf.constant(array) for array in given]
        return [output.numpy() for output in _listed(loaded.serve(_alone(tensors)))]

    return Opened(run, tf.__version__)


def _onnx(path: Path, inputs: list[str], config: str | None) -> Opened:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    names = inputs if set(inputs) <= set(names) else names

    def run(given: Arrays) -> Arrays:
        return list(session.run(None, dict(zip(names, given, strict=False))))

    return Opened(run, onnxruntime.__version__)


def _litert(path: Path, inputs: list[str], config: str | None) -> Opened:
    """Open a LiteRT file; by itself the interpreter uses one thread."""
    from ai_edge_litert.interpreter import Interpreter

    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    runner = Interpreter(model_path=str(path), num_threads=threads).get_signature_runner()
    names = list(runner.get_input_details())
    names = inputs if set(inputs) <= set(names) else names

    def run(given: Arrays) -> Arrays:
        found = runner(**dict(zip(names, given, strict=True)))
        return [found[name] for name in sorted(found, key=_number)]

    return Opened(run, version("ai-edge-litert"), f"{threads} threads")


def _number(name: str) -> tuple[int, str]:
    """Sort ``output_10`` behind ``output_9``."""
    return len(name), name


def _openvino(path: Path, inputs: list[str], config: str | None) -> Opened:
    """Open an OpenVINO file, computing in float32; by itself it may choose less."""
    import openvino

    hint = "INFERENCE_PRECISION_HINT"
    core = openvino.Core()
    model = core.read_model(path)
    usual = core.compile_model(model, "CPU").get_property(hint).get_type_name()
    compiled = core.compile_model(model, "CPU", {hint: "f32"})
    how = None if usual == "f32" else f"{hint}=f32; its own choice here is {usual}"

    def run(given: Arrays) -> Arrays:
        found = compiled(given)
        return [found[output] for output in compiled.outputs]

    return Opened(run, version("openvino"), how)


def _torch(path: Path, inputs: list[str], config: str | None) -> Opened:
    import torch

    program = torch.export.load(path).module()

    def run(given: Arrays) -> Arrays:
        tensors = [torch.from_numpy(array) for array in given]
        with torch.no_grad():
            outputs = _listed(program(_alone(tensors)))
        return [output.float().numpy() for output in outputs]

    return Opened(run, torch.__version__)


RUNTIMES: dict[str, Callable[[Path, list[str], str | None], Opened]] = {
    "keras": _keras,
    "weights": _weights,
    "saved-model": _saved_model,
    "onnx": _onnx,
    "litert": _litert,
    "openvino": _openvino,
    "torch": _torch,
}
"""By the name of the format."""


def _alone(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _listed(values: Any) -> list[Any]:
    if isinstance(values, dict):
        return list(values.values())
    return list(values) if isinstance(values, list | tuple) else [values]
