"""What is to be exported, and how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rsinspect.base import limits
from rsinspect.base.errors import InvalidExport, check_choice
from rsinspect.base.words import Option, advice, plural
from rsinspect.exports.formats import BACKENDS, FORMATS, PRECISIONS, SUFFIXES, Format
from rsinspect.layers import ops
from rsinspect.layers.classifier import classifies
from rsinspect.layers.map_layout import is_map
from rsinspect.networks.network import Network
from rsinspect.weights.chosen import Weights

RANDOM_IMAGES = 3
"""That files are compared on, beside the photograph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """A network, and the files that are to be made of it.

    Attributes:
        network: With its batch norms, also where they are to be folded.
        outputs: Files; their suffixes name the formats.
        weights: The file that they are in; None for fresh ones.
        fold_batch_norm: Whether batch norms become part of the layers beside them.
        precision: One of PRECISIONS.
        batch: Images that the files take at a time; None for any number.
        image: A photograph to compare on; matplotlib's by default.
        backend: Of Keras; by default the one that each format is best made with.
        seed: Of fresh weights and random images.

    Raises:
        InvalidExport: If that cannot be had of anybody.
        InvalidChoice: If a precision or backend is unknown.
        UnknownFormat: If a suffix names no format.
    """

    network: Network
    outputs: tuple[Path, ...]
    weights: Weights | None = None
    fold_batch_norm: bool = False
    precision: str = "float32"
    batch: int | None = None
    image: Path | None = None
    backend: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("precision", self.precision, PRECISIONS)
        if self.backend is not None:
            check_choice("backend", self.backend, BACKENDS)
        if self.batch is not None:
            limits.MEASURED_BATCH.check(self.batch, InvalidExport)
        if not self.outputs:
            raise InvalidExport(
                "there is no file to write",
                advice("name one: {}", Option("output", f"model{FORMATS['onnx'].suffix}")),
            )
        for path in self.outputs:
            self._check(FORMATS[SUFFIXES.of(path)])
        for layer in self.network.graph:
            if isinstance(layer.op, ops.Opaque):
                raise InvalidExport(
                    f"{layer.path} is a layer of class {layer.op.class_name}, which is not known "
                    "here: the network cannot be built to be exported",
                    "call the model's own export() in the code that has the class",
                )
        if self.image is not None and not self.takes_photographs:
            raise InvalidExport(
                f"{self.network.name} takes no photographs: its input is {self.network.size}",
                advice("leave {} out", Option("image")),
            )

    def _check(self, format: Format) -> None:
        if self.batch is not None and format.runtime == "Keras":
            raise InvalidExport(
                f"a {format.suffix} file takes any number of images",
                advice("leave {} out", Option("batch")),
            )
        if self.precision not in format.precisions:
            able = [x.suffix for x in FORMATS.values() if self.precision in x.precisions]
            raise InvalidExport(
                f"{format.title} is not written in {self.precision} here: it takes "
                f"{', '.join(format.precisions)}",
                f"{self.precision} is for {', '.join(able)}",
            )
        maker = format.makers.get(self.backend_for(format))
        if maker is None or maker.trouble is not None:
            able = [name for name, each in format.makers.items() if each.trouble is None]
            reason = None if maker is None else maker.trouble
            raise InvalidExport(
                reason or f"Keras writes {format.title} on {' and '.join(able)} alone",
                advice("choose {}, or leave it out", Option("backend", able[0])),
            )

    @property
    def formats(self) -> dict[Path, Format]:
        """Return the format of each file."""
        return {path: FORMATS[SUFFIXES.of(path)] for path in self.outputs}

    def backend_for(self, format: Format) -> str:
        """Choose the backend of Keras that a format is made with."""
        return self.backend or next(
            name for name, maker in format.makers.items() if maker.trouble is None
        )

    @property
    def takes_photographs(self) -> bool:
        """Tell whether the network takes one image in colour."""
        inputs = self.network.graph.inputs
        shape = inputs[0].shape
        return len(inputs) == 1 and is_map(shape) and shape.channels == 3

    @property
    def classifies(self) -> bool:
        """Tell whether all outputs are of classes."""
        graph = self.network.graph
        return all(classifies(graph.layer(path)) for path in graph.outputs)

    @property
    def weights_in_words(self) -> str:
        """Say with which weights."""
        if self.weights is None:
            return f"fresh weights (seed {self.seed})"
        return f"weights {self.weights.said}"

    @property
    def conditions(self) -> str:
        """Say what of the files is not as it is by default."""
        parts = ["batch norms folded"] if self.fold_batch_norm else []
        if self.batch is not None:
            parts.append(f"for {plural(self.batch, 'image')} at a time")
        if self.precision != "float32":
            parts.append(self.precision)
        return ", ".join((self.weights_in_words, *parts))
