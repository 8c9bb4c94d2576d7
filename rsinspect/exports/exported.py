"""What became of an export: values, and whether each file agrees with Keras."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsinspect.exports.formats import Format
from rsinspect.exports.request import ExportRequest

TOLERANCES = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1, "int8": 1e-1}
"""How far outputs may be from Keras's in float32, of the largest output; by precision.

Runtimes add products in other orders, so that results differ by rounding: by 6e-8 in float32, 5e-4
in float16, 4e-3 in bfloat16 and, of a kernel's largest weight, by 4e-3 in int8 each time. Through
a hundred layers in a row such errors add up like steps in random directions, to about ten of them,
and where layers amplify, a few times that. So the tolerances are 1 700 roundings in float32, as
there it costs nothing to be sure that runtimes with other convolutions pass, 40 in float16, and 25
in bfloat16 and int8. A wrong layout, padding or epsilon, or a layer that is left out, changes
outputs by as much as other images do (``spread``), which in float32 is a hundred times that or
more.
"""


@dataclass(frozen=True, slots=True)
class Turns:
    """Times of a file and of Keras, measured in turns.

    Attributes:
        batch: Images in a pass.
        rounds: The median pass of each round, in seconds: of the file, and of Keras.
    """

    batch: int
    rounds: tuple[tuple[float, float], ...]

    @property
    def ratios(self) -> list[float]:
        """Divide the file's time by Keras's, round by round; sorted."""
        return sorted(file / keras for file, keras in self.rounds)

    def document(self) -> dict[str, Any]:
        """Write it for programs."""
        return {
            "batch": self.batch,
            "rounds": len(self.rounds),
            "file_s": statistics.median(file for file, _ in self.rounds),
            "keras_s": statistics.median(keras for _, keras in self.rounds),
            "ratio": statistics.median(self.ratios),
            "ratio_low": self.ratios[0],
            "ratio_high": self.ratios[-1],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """A file, opened again and compared.

    Attributes:
        path: Where it is, or was to be.
        format: Of it.
        backend: Of Keras, that made it.
        size_bytes: Of all its files.
        made_in_s: Seconds that Keras took to write it.
        runtime_version: Of the runtime that opened it.
        how: What was set there that the runtime does not do by itself.
        comparison: Of ``comparison.compared``.
        turns: None where it does not agree.
        versions: Of what made it.
        tolerance: Of its precision.
    """

    path: Path
    format: Format
    backend: str
    size_bytes: int
    made_in_s: float
    runtime_version: str
    how: str | None
    comparison: dict[str, Any]
    turns: Turns | None
    versions: dict[str, str]
    tolerance: float

    @property
    def problem(self) -> str | None:
        """Say why it does not agree; None where it does."""
        if (problem := self.comparison["problem"]) is not None:
            return str(problem)
        difference = self.comparison["relative_difference"]
        if difference <= self.tolerance:
            return None
        return (
            f"its outputs differ from Keras's by {difference:.1e} of the largest; "
            f"{self.tolerance:g} is tolerated"
        )

    @property
    def same_tops(self) -> tuple[int, int] | None:
        """Count images whose likeliest classes are the same in order, of how many; or None."""
        if (tops := self.comparison.get("tops")) is None:
            return None
        return sum(one == other for one, other in tops), len(tops)

    @property
    def says_little(self) -> bool:
        """Tell whether outputs differ between images by no more than is tolerated of files.

        Fresh weights of a deep network give one class all of the probability, whatever the image.
        """
        found = self.comparison
        return bool(found["problem"] is None and found["spread"] <= self.tolerance)

    def document(self) -> dict[str, Any]:
        """Write it for programs."""
        found = self.comparison
        return {
            "path": str(self.path),
            "format": self.format.name,
            "kept": self.problem is None,
            "problem": self.problem,
            "bytes": self.size_bytes,
            "made_in_s": self.made_in_s,
            "backend": self.backend,
            "runtime": {
                "name": self.format.runtime, "version": self.runtime_version, "set": self.how,
            },
            "comparison": {
                "largest_difference": found.get("largest_difference"),
                "largest_output": found.get("largest_output"),
                "relative_difference": found.get("relative_difference"),
                "tolerance": self.tolerance,
                "spread": found.get("spread"),
                "images_of_same_top5": None if self.same_tops is None else self.same_tops[0],
                "top5": found.get("tops"),
            },
            "latency": None if self.turns is None else self.turns.document(),
            "versions": self.versions,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """All files of a request.

    Attributes:
        request: What was asked.
        photograph: Name of the photograph; None for none.
        images: How many were compared on.
        files: In the order of the request.
        notes: What is to be known of weights and folding.
    """

    request: ExportRequest
    photograph: str | None
    images: int
    files: tuple[ExportedFile, ...]
    notes: tuple[str, ...] = ()
