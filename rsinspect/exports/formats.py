"""The formats that a network can be exported to: who writes each, who opens it, and what breaks.

Sources: Keras 3.15.1, src/export/ and src/models/model.py ``export``; what is said to break was
tried with Keras 3.15.1, TensorFlow 2.21, JAX 0.10.2 and PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rsinspect.base.formats import Formats

ALL = ("float32", "float16", "bfloat16")
"""Precisions of what Keras itself writes: its dtype policies."""

PRECISIONS = (*ALL, "int8")
"""What weights can be written in."""

BACKENDS = ("tensorflow", "jax", "torch")


class Maker(NamedTuple):
    """What a backend of Keras needs to write a format.

    Attributes:
        since: First version of Keras that can.
        packages: By the name that is imported, what is installed.
        trouble: Why it cannot, as far as was tried, and what can instead; None where it can.
    """

    since: str
    packages: Mapping[str, str] = {}
    trouble: str | None = None


class Format(NamedTuple):
    """A format.

    Attributes:
        name: What to call it.
        title: For people.
        suffix: Of its files.
        makers: By backend, the preferred first.
        runtime: Who opens it again.
        packages: Of that, as in ``Maker``.
        precisions: What weights can be written in; the whole network computes in it where
            ``computes`` says so.
        computes: Whether it also computes in them.
        is_folder: Whether it is a folder of files.
        beside: Suffix of a second file that belongs to it.
    """

    name: str
    title: str
    suffix: str
    makers: Mapping[str, Maker]
    runtime: str
    packages: Mapping[str, str]
    precisions: tuple[str, ...] = ALL
    computes: bool = True
    is_folder: bool = False
    beside: str | None = None

    def in_words(self, precision: str) -> str:
        """Say what a precision means here."""
        if precision == "float32":
            return precision
        throughout = self.computes and precision != "int8"
        return f"{precision} throughout" if throughout else f"{precision} weights ({self.title})"


_KERAS = dict.fromkeys(BACKENDS, Maker("3.5"))
_TENSORFLOW = {"tensorflow": "tensorflow"}
_TORCH = {"torch": "torch"}
_OPENVINO = {"openvino": "openvino"}
_ONNX = {"onnx": "onnx"}

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        Format("keras", "Keras", ".keras", _KERAS, "Keras", {"keras": "keras"}),
        Format("weights", "Keras weights", ".weights.h5", _KERAS, "Keras", {"keras": "keras"}),
        Format(
            "saved-model",
            "SavedModel",
            ".savedmodel",
            {
                "tensorflow": Maker("3.5"),
                "jax": Maker("3.5", _TENSORFLOW),
                "torch": Maker(
                    "3.5", _TENSORFLOW,
                    "Keras 3.15.1 does not get a SavedModel out of PyTorch 2.13 (torch.export "
                    "refuses its dynamic_shapes)",
                ),
            },
            "TensorFlow",
            _TENSORFLOW,
            is_folder=True,
        ),
        Format(
            "onnx",
            "ONNX",
            ".onnx",
            {
                "tensorflow": Maker("3.8", {"tf2onnx": "tf2onnx", **_ONNX}),
                "torch": Maker("3.8", _ONNX),
                "jax": Maker("3.14", {"jax2onnx": "jax2onnx", **_ONNX}),
            },
            "ONNX Runtime",
            {"onnxruntime": "onnxruntime"},
            ("float32", "float16"),
        ),
        Format(
            "litert",
            "LiteRT",
            ".tflite",
            {
                "tensorflow": Maker("3.13"),
                "torch": Maker("3.15", {"litert_torch": "litert-torch"}),
                "jax": Maker("3.13", {}, "Keras writes LiteRT on TensorFlow and PyTorch alone"),
            },
            "LiteRT",
            {"ai_edge_litert": "ai-edge-litert"},
            ("float32", "float16", "int8"),
            computes=False,
        ),
        Format(
            "openvino",
            "OpenVINO",
            ".xml",
            {
                "tensorflow": Maker("3.11", _OPENVINO),
                "torch": Maker("3.11", _OPENVINO),
                "jax": Maker(
                    "3.11", _OPENVINO,
                    "OpenVINO 2026.4 does not convert what Keras 3.15.1 makes of JAX (no rule for "
                    "XlaCallModule)",
                ),
            },
            "OpenVINO",
            _OPENVINO,
            ("float32", "float16"),
            computes=False,
            beside=".bin",
        ),
        Format(
            "torch",
            "PyTorch program",
            ".pt2",
            {"torch": Maker("3.15", _TORCH)},
            "PyTorch",
            _TORCH,
        ),
    )
}  # fmt: skip
"""All of them, by name."""

SUFFIXES = Formats(
    "network",
    {format.suffix: format.name for format in FORMATS.values()},
    {
        ".pb": "a SavedModel is a folder: name it .savedmodel",
        ".tf": "a SavedModel is a folder: name it .savedmodel",
        ".pth": "rsinspect weights convert writes timm's weights; .pt2 is a whole program",
        ".pt": "name it .pt2, a program of torch.export",
        ".safetensors": "rsinspect weights convert writes timm's weights",
        ".h5": "name it .weights.h5 for the weights, .keras for all of it",
        ".bin": "name it .xml; OpenVINO's weights lie beside it",
        ".lite": "name it .tflite",
    },
)
"""Which suffix means which."""
