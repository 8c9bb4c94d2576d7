"""What is known of a measurement that came to no round: a prediction, and why it is not more."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import GraphError, InvalidMeasurement
from rsinspect.base.quantities import Images, Seconds, Text
from rsinspect.networks.network import Network, network_from_json
from rsinspect.profiling.budget import Wanted
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.request import Settings

SCHEMA = "rsinspect.prediction/1"
"""Version of the document. 1: first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Predicted:
    """What stands in the document as it stands in the record.

    Attributes:
        model: What was predicted.
        batch: Images in a batch.
        prediction: From the distinct blocks.
        stopped_because: ``time``: a measurement does not fit into it; or ``interrupted``.
        wanted: What an interval of a measurement would take; None where nobody worked it out.
        started_at: When, in UTC.
        wall_s: From the request to the end.
        request: Everything that was requested but the network.
    """

    model: Model
    batch: Images
    prediction: Prediction
    stopped_because: Literal["time", "interrupted"]
    wanted: Wanted | None
    started_at: Text
    wall_s: Seconds
    request: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedRun(_Predicted):
    """A prediction where nothing was measured.

    Attributes:
        network: What was predicted.
    """

    network: Network

    @property
    def title(self) -> str:
        """Name the network for people, with its image size."""
        return self.network.title

    @property
    def per_image_s(self) -> float:
        """Divide the batch's latency by its images."""
        return self.prediction.end_to_end_s / self.batch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document(_Predicted):
    network: dict[str, Any]


def to_json(run: PredictedRun) -> dict[str, Any]:
    """Write it as plain JSON values; ``from_json`` gives the same back."""
    plain = {f.name: codec.to_json(getattr(run, f.name)) for f in fields(_Predicted)}
    return {"schema": SCHEMA, **plain, "network": run.network.to_json()}


def from_json(document: dict[str, Any]) -> PredictedRun:
    """Read what ``to_json`` wrote.

    Raises:
        InvalidMeasurement: If the document is damaged.
    """
    try:
        codec.check_numbers(document, "prediction")
        read = codec.from_json(document, _Document, "prediction")
        plain: dict[str, Any] = {f.name: getattr(read, f.name) for f in fields(_Predicted)}
        return PredictedRun(**plain, network=network_from_json(read.network))
    except (Damaged, GraphError) as exc:
        raise InvalidMeasurement(f"the prediction's document is damaged: {exc}") from exc
