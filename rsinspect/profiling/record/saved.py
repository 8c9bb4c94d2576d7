"""What a file of ``profile`` holds: a run, or the prediction that was made in its place.

The file is read once and within bounds; its schema says which of the two it is.
"""

from __future__ import annotations

from pathlib import Path

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.words import Option, advice
from rsinspect.profiling.record import document, predicted
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.run import ProfileRun


def load_saved(path: Path) -> ProfileRun | PredictedRun:
    """Read the run or the prediction that a file holds.

    Raises:
        InvalidMeasurement: If the file is missing, without an end, damaged or of another schema.
    """
    hint = advice("profile a network and {} the run", Option("save"))
    try:
        found = codec.from_text(content_of(path))
    except Unreadable as exc:
        raise InvalidMeasurement(f"{path} cannot be read: {exc}", hint) from exc
    except Damaged as exc:
        raise InvalidMeasurement(f"{path} is no JSON document: {exc}", hint) from exc
    try:
        if isinstance(found, dict) and found.get("schema") == predicted.SCHEMA:
            return predicted.from_json(found)
        return document.from_json(found)
    except InvalidMeasurement as exc:
        raise InvalidMeasurement(f"{path}: {exc.message}", exc.hint) from exc


def load_run(path: Path) -> ProfileRun:
    """Read the run that a file holds.

    Raises:
        InvalidMeasurement: As ``load_saved``, or if it holds a prediction.
    """
    run = load_saved(path)
    if isinstance(run, PredictedRun):
        raise InvalidMeasurement(f"{path} holds a prediction, nothing was measured")
    return run
