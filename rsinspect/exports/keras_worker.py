"""The worker that has the network in Keras: what it says of images, and files made of it.

It answers, in this order: ``build``, ``images``, then ``make`` and ``time`` as often as wanted. The
framework is imported with it, in the backend that the environment names.
"""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from pathlib import Path
from typing import Any

from rsinspect.base.errors import ExportError, FoldingWarning
from rsinspect.exports.passes import cycled, timed
from rsinspect.exports.serving import Reply, serve
from rsinspect.networks.network import Network, network_from_json


class Keras:
    """The network as a Keras model, and what is made of it."""

    def __init__(self) -> None:
        self._model: Any = None
        self._exported: Any = None
        self._given: list[Any] = []

    def build(
        self,
        network: Any,
        weights: str | None,
        own: bool,
        seed: int,
        fold_batch_norm: bool,
    ) -> Reply:
        """Build the network, give it its weights, and fold a copy of it where that is wanted.

        Args:
            network: Its JSON.
            weights: The file that they are in; None for fresh ones.
            own: Whether the network was read from it.
            seed: Of fresh weights.
            fold_batch_norm: Of ``ExportRequest``.
        """
        import keras

        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
        random.seed(seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._model = _with_weights(network_from_json(network), weights, own, seed)
            self._exported = self._model
            if fold_batch_norm:
                from rsinspect.keras_model.fold_batch_norm import fold_batch_norm as fold

                self._exported = fold(self._model)
        notes = [str(each.message) for each in caught if issubclass(each.category, FoldingWarning)]
        if keras.backend.backend() != "jax":
            self._model.jit_compile = False
        return {"notes": notes, "versions": _versions()}

    def images(
        self, folder: str, photograph: str | None, scaling: str, random_images: int, seed: int
    ) -> Reply:
        """Make up images, and write down what Keras says of them.

        Args:
            folder: Is given ``given.npz`` and ``expected.npz``, an array per input or output.
            photograph: Path of a file; None where the network takes none.
            scaling: Of pixels, as the network wants them: one of ``images.preprocessing``.
            random_images: How many besides.
            seed: Of them.
        """
        import numpy as np

        drawn = np.random.default_rng(seed)
        count = random_images + (photograph is not None)
        self._given = [
            _random_batch(tensor.shape[1:], count, drawn) for tensor in _inputs(self._model)
        ]
        if photograph is not None:
            from rsinspect.images import photograph as photographs
            from rsinspect.images.preprocessing import prepared, scaled

            height, width = self._model.inputs[0].shape[1:3]
            self._given[0][:1] = prepared(photographs.photograph(photograph), (height, width))
            self._given[0] = scaled(self._given[0], scaling)
        expected = _predicted(self._model, self._given)
        _save(Path(folder, "given.npz"), self._given)
        _save(Path(folder, "expected.npz"), expected)
        return {"images": count}

    def make(self, format: str, path: str, precision: str, batch: int | None) -> Reply:
        """Write a file.

        Args:
            format: Name of one of FORMATS.
            path: Of the file, in a folder of its own.
            precision: Of its weights.
            batch: Images that it takes at a time; None for any number.
        """
        from rsinspect.exports.makers import MAKERS

        began = time.perf_counter()
        MAKERS[format](self._exported, Path(path), precision, batch)
        if not Path(path).exists():
            raise ExportError(f"Keras wrote no {Path(path).name}, and did not say why")
        return {
            "seconds": time.perf_counter() - began,
            "config": self._exported.to_json() if format == "weights" else None,
            "inputs": [tensor.name for tensor in _inputs(self._exported)],
            "versions": _versions(),
        }

    def time(self, batch: int, passes: int) -> Reply:
        """Time passes of the network in Keras, as ``predict_on_batch`` runs them.

        Args:
            batch: Images in each.
            passes: How many.
        """
        given = [cycled(array, batch) for array in self._given]
        return {"seconds": timed(lambda: _predicted(self._model, given), passes)}


def _with_weights(network: Network, weights: str | None, own: bool, seed: int) -> Any:
    """Build a network with the weights it is to have."""
    from rsinspect.keras_model.build import build_model
    from rsinspect.keras_model.load import weighted

    if weights is not None:
        return weighted(network, Path(weights), own=own)
    model = build_model(network)
    _draw(model, seed)
    return model


def _draw(model: Any, seed: int) -> None:
    """Give a model fresh kernels, the same on every backend; its configuration stays Keras's."""
    import numpy as np

    from rsinspect.keras_model.fresh_kernels import fresh_kernels

    draw = fresh_kernels(np.random.default_rng(seed))
    for weight in model.trainable_variables:
        if weight.name.endswith("kernel"):
            weight.assign(draw(tuple(weight.shape), weight.dtype))


def _inputs(model: Any) -> list[Any]:
    return list(model.inputs)


def _predicted(model: Any, given: list[Any]) -> list[Any]:
    """Run a model on a batch; a list of arrays, one per output."""
    found = model.predict_on_batch(given[0] if len(given) == 1 else given)
    return list(found) if isinstance(found, list | tuple) else [found]


def _random_batch(shape: tuple[int, ...], count: int, drawn: Any) -> Any:
    """Make up a batch: pictures of coloured squares for a map of few channels, else numbers to 1.

    The squares of each are of another size, from a pixel to half the picture, as networks with
    fresh weights hardly tell noise from other noise.
    """
    import numpy as np

    if len(shape) != 3 or shape[-1] > 4:
        return drawn.random((count, *shape), dtype=np.float32)
    height, width, channels = shape
    batch = np.empty((count, *shape), dtype=np.float32)
    for number in range(count):
        side = max(1, min(height, width) >> 1 >> (2 * (count - 1 - number)))
        squares = drawn.random((-(-height // side), -(-width // side), channels), dtype=np.float32)
        whole = squares.repeat(side, axis=0).repeat(side, axis=1)
        batch[number] = np.round(255 * whole[:height, :width])
    return batch


def _save(path: Path, arrays: list[Any]) -> None:
    import numpy as np

    np.savez(path, **{f"array{n}": array for n, array in enumerate(arrays)})


def _versions() -> dict[str, str]:
    """List the versions of what took part."""
    import sys
    from importlib.metadata import PackageNotFoundError, version

    names = {
        "keras": "keras", "tensorflow": "tensorflow", "jax": "jax", "torch": "torch",
        "tf2onnx": "tf2onnx", "onnx": "onnx", "openvino": "openvino", "jax2onnx": "jax2onnx",
        "litert_torch": "litert-torch", "onnxscript": "onnxscript",
    }  # fmt: skip
    found = {}
    others = {"jax", "torch"} - {sys.modules["keras"].backend.backend()}
    for module, package in names.items():
        if module in sys.modules and module not in others:  # TensorFlow imports JAX
            with contextlib.suppress(PackageNotFoundError):
                found[package] = version(package)
    return found


def main() -> None:
    """Answer what is asked."""
    keras = Keras()
    serve(
        {
            "build": keras.build,
            "images": keras.images,
            "make": keras.make,
            "time": keras.time,
        }
    )


if __name__ == "__main__":
    main()
