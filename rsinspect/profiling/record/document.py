"""The document of a run: plain JSON values, and a run again from them.

``to_json`` and ``from_json`` are each other's inverse. Most of a run is written as it is, field by
field; samples are written with what follows from them, and read without it.

Schema ``rsinspect.profile/1``: first. ``request``, ``network``, most of ``model``, ``answer`` and
``energy`` joined later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import GraphError, InvalidMeasurement
from rsinspect.base.quantities import Count, MeasuredSeconds, Name, Ratio, Seconds
from rsinspect.networks.network import Network, network_from_json
from rsinspect.profiling.gate import Verdict
from rsinspect.profiling.record.cautions import CAUTIONS, wording
from rsinspect.profiling.record.closure import CLOSES_WITHIN, Closure, Excess
from rsinspect.profiling.record.energy import Energy
from rsinspect.profiling.record.headline import headline
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.run import (
    Circumstances,
    EndToEnd,
    ProfileRun,
    Rounds,
    Segment,
    SegmentLevel,
)
from rsinspect.profiling.roofline.bound import Bound
from rsinspect.profiling.statistics import NOMINAL_COVERAGE, Latency, Sampling

SCHEMA = "rsinspect.profile/1"

NO_ROOFS = "roofs not measured"
NO_PART = "no part of the network"
SAME_PASS = "parts and whole are of the same passes: there was no time for others"

UNITS = {
    "macs": "per image, forward",
    "flops_per_s": "2 * macs * batch / median latency; training steps count three times the MACs",
    "bytes": "per batch, forward; inputs, outputs and weights of each layer, nothing fused",
    "intensity": "FLOP of the paper's convention per byte, forward",
    "share": "of the sum of the segments' medians",
    "latency_s": "seconds for one batch",
}
"""What the numbers of a segment are counts of; part of the document."""


@dataclass(frozen=True, slots=True)
class _Samples:
    samples: tuple[Seconds, ...]
    median: Seconds


@dataclass(frozen=True, slots=True)
class _WholeSamples:
    samples: tuple[MeasuredSeconds, ...]
    median: MeasuredSeconds


@dataclass(frozen=True, slots=True)
class _EndToEnd:
    latency_s: _WholeSamples


@dataclass(frozen=True, slots=True)
class _Segment:
    path: Name
    level: SegmentLevel
    latency_s: _Samples
    forward_s: _Samples | None
    backward_s: _Samples | None
    macs: Count | None
    bytes: Count | None
    intensity: Ratio | None
    roofline: Bound | None


@dataclass(frozen=True, slots=True)
class _Rounds:
    process: tuple[Count, ...]
    burst: tuple[Count, ...]
    kept: tuple[bool, ...]
    at_s: tuple[Seconds, ...]
    foreign_share: tuple[Ratio | None, ...]
    instrumented_s: tuple[Seconds, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Closure:
    output_max_abs_diff: Ratio | None
    output_max_abs: Ratio | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document(Circumstances):
    """The keys that are read; the others follow from them."""

    end_to_end: _EndToEnd
    segments: tuple[_Segment, ...]
    rounds: _Rounds
    closure: _Closure
    prediction: Prediction | None
    warnings: tuple[dict[str, Any], ...]
    network: dict[str, Any] | None = None


_PLAIN = tuple(field.name for field in fields(Circumstances))


def to_json(run: ProfileRun) -> dict[str, Any]:
    """Write the run as plain JSON values; ``from_json`` gives the same run back."""
    plain = {name: codec.to_json(getattr(run, name)) for name in _PLAIN}
    return {
        "schema": SCHEMA,
        "answer": headline(run),
        **plain,
        "end_to_end": {
            "latency_s": _latency_to_json(run.end_to_end.latency),
            "images_per_s": run.end_to_end.images_per_s,
            "per_image_s": run.end_to_end.per_image_s,
            "per_128_images_s": run.end_to_end.per_128_images_s,
        },
        "segments": [_segment_to_json(run, segment) for segment in run.segments],
        "rounds": codec.to_json(run.rounds.sampling)
        | {
            "at_s": list(run.rounds.at_s),
            "foreign_share": list(run.rounds.foreign_share),
            "instrumented_s": list(run.rounds.instrumented_s),
            "verdict": run.rounds.verdict,
        },
        "closure": _closure_to_json(run, run.closure),
        "energy": run.energy and _energy_to_json(run.energy, run.rounds.sampling),
        "prediction": run.prediction and _prediction_to_json(run, run.prediction),
        "warnings": [
            CAUTIONS.to_json(caution) | {"message": wording(caution)} for caution in run.warnings
        ],
        "units": UNITS,
        "network": run.network and run.network.to_json(),
    }


def _energy_to_json(energy: Energy, sampling: Sampling) -> dict[str, Any]:
    low, high = energy.interval(sampling) or (None, None)
    document: dict[str, Any] = codec.to_json(energy)
    return document | {"mean_j": energy.mean_j(sampling), "ci_low": low, "ci_high": high}


def _prediction_to_json(run: ProfileRun, prediction: Prediction) -> dict[str, Any]:
    document: dict[str, Any] = codec.to_json(prediction)
    return document | {
        "relative_error": run.prediction_error,
        "covers_measured": prediction.covers(run.end_to_end.latency.median),
    }


def _segment_to_json(run: ProfileRun, segment: Segment) -> dict[str, Any]:
    bound = segment.bound
    reason = None if bound else NO_PART if segment.level == "step" else NO_ROOFS
    return {
        "path": segment.path,
        "level": segment.level,
        "latency_s": _latency_to_json(segment.latency),
        "forward_s": segment.forward and _latency_to_json(segment.forward),
        "backward_s": segment.backward and _latency_to_json(segment.backward),
        "share": run.share(segment),
        "macs": segment.macs,
        "flops_per_s": run.flops_per_s(segment),
        "bytes": segment.bytes_moved,
        "intensity": segment.intensity,
        "bound": bound and bound.bound,
        "bound_reason": reason,
        "roofline": bound
        and codec.to_json(bound)
        | {
            "flops_per_s": bound.flops_per_s,
            "attainable_flops_per_s": bound.attainable_flops_per_s,
            "intensity": bound.intensity,
        },
    }


def _latency_to_json(latency: Latency) -> dict[str, Any]:
    first, third = latency.quartiles
    return {
        "median": latency.median,
        "ci_low": latency.ci_low,
        "ci_high": latency.ci_high,
        "ci_nominal": NOMINAL_COVERAGE,
        "q1": first,
        "q3": third,
        "minimum": latency.minimum,
        "samples": list(latency.samples),
    }


def _closure_to_json(run: ProfileRun, closure: Closure) -> dict[str, Any]:
    return {
        "sum_s": closure.sum_s,
        "end_to_end_s": closure.end_to_end_s,
        **_excess_to_json(closure.gap),
        "closes": closure.closes,
        "closes_within": CLOSES_WITHIN,
        "instrumentation": _excess_to_json(closure.overhead),
        "rounds": run.rounds.count,
        "rounds_kept": run.rounds.kept,
        "processes": run.rounds.processes,
        "foreign_share": run.rounds.foreign_median,
        "output_max_abs_diff": closure.output_max_abs_diff,
        "output_max_abs": closure.output_max_abs,
        **({} if closure.total_of == "plain" else {"reason": SAME_PASS}),
    }


def _excess_to_json(excess: Excess | None) -> dict[str, Any]:
    if excess is None:
        return {"relative_error": None, "ci_low": None, "ci_high": None}
    low, high = excess.interval or (None, None)
    return {"relative_error": excess.relative, "ci_low": low, "ci_high": high}


def from_json(document: object) -> ProfileRun:
    """Read the run that ``to_json`` wrote; unknown keys are ignored, so newer documents load.

    Raises:
        InvalidMeasurement: If the document is damaged or of another schema.
    """
    try:
        _check_schema(document)
        codec.check_numbers(document, "profile")
        return _run(codec.from_json(document, _Document, "profile"))
    except Damaged as exc:
        raise InvalidMeasurement(f"the profile document is damaged: {exc}") from exc


def _check_schema(document: object) -> None:
    if not isinstance(document, dict):
        raise Damaged("profile is not an object")
    if "schema" not in document:
        raise Damaged("profile has no 'schema'")
    schema = document["schema"]
    if schema != SCHEMA:
        later = isinstance(schema, str) and schema.startswith("rsinspect.profile/")
        raise InvalidMeasurement(
            f"the document's schema is {schema!r:.60}; this version reads {SCHEMA}",
            "a later rsinspect wrote it: update rsinspect"
            if later
            else "it is no profile of rsinspect",
        )


def _run(read: _Document) -> ProfileRun:
    """Make the run of a document whose types are right.

    Raises:
        Damaged: If values do not fit together.
    """
    try:
        sampling = Sampling(read.rounds.process, read.rounds.burst, read.rounds.kept)
        rounds = Rounds(
            sampling=sampling,
            at_s=read.rounds.at_s,
            foreign_share=read.rounds.foreign_share,
            instrumented_s=read.rounds.instrumented_s,
            verdict=read.rounds.verdict,
        )
    except InvalidMeasurement as exc:
        raise Damaged(f"profile.rounds cannot be: {exc.message}") from exc
    whole = _latency(read.end_to_end.latency_s, sampling, "end_to_end.latency_s")
    network = None if read.network is None else _network(read.network, read.model)
    plain: dict[str, Any] = {name: getattr(read, name) for name in _PLAIN}
    return ProfileRun(
        **plain,
        end_to_end=EndToEnd(latency=whole, batch=read.batch.used),
        segments=tuple(
            _segment(segment, sampling, f"segments[{index}]")
            for index, segment in enumerate(read.segments)
        ),
        rounds=rounds,
        output_max_abs_diff=read.closure.output_max_abs_diff,
        output_max_abs=read.closure.output_max_abs,
        prediction=read.prediction,
        warnings=tuple(
            CAUTIONS.from_json(row, f"profile.warnings[{index}]")
            for index, row in enumerate(read.warnings)
        ),
        network=network,
    )


def _segment(read: _Segment, sampling: Sampling, where: str) -> Segment:
    def latency(samples: _Samples, key: str) -> Latency:
        return _latency(samples, sampling, f"{where}.{key}")

    def maybe(samples: _Samples | None, key: str) -> Latency | None:
        return None if samples is None else latency(samples, key)

    return Segment(
        path=read.path,
        level=read.level,
        latency=latency(read.latency_s, "latency_s"),
        forward=maybe(read.forward_s, "forward_s"),
        backward=maybe(read.backward_s, "backward_s"),
        macs=read.macs,
        bytes_moved=read.bytes,
        intensity=read.intensity,
        bound=read.roofline,
    )


def _latency(read: _Samples | _WholeSamples, sampling: Sampling, where: str) -> Latency:
    try:
        latency = Latency(read.samples, sampling)
    except InvalidMeasurement as exc:
        raise Damaged(f"profile.{where} cannot be: {exc.message}") from exc
    if not math.isclose(latency.median, read.median, rel_tol=1e-9):
        raise Damaged(
            f"profile.{where} has the median {read.median}, its samples have {latency.median}"
        )
    return latency


def _network(document: dict[str, Any], model: Model) -> Network:
    try:
        network = network_from_json(document)
    except GraphError as exc:
        raise Damaged(f"profile.network: {exc.message}") from exc
    if model.fingerprint != network.fingerprint:
        raise Damaged("profile.model and profile.network are of different networks")
    return network
