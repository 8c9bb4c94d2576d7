"""The document of a run: plain JSON values, and a run again from them.

``to_json`` and ``from_json`` are each other's inverse. What is read is checked key by key: a
damaged document is refused with the key's name and place.

Schema ``rsinspect.profile/1``: first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.profiling.cautions import CAUTIONS, KINDS, Caution, wording
from rsinspect.profiling.gate import Verdict
from rsinspect.profiling.roofline import Bound, Roofs
from rsinspect.profiling.run import (
    CLOSES_WITHIN,
    NO_PART,
    NO_ROOFS,
    Attempt,
    Batch,
    Closure,
    EndToEnd,
    Environment,
    Excess,
    Model,
    Outcome,
    PredictedPart,
    Prediction,
    ProfileRun,
    Rounds,
    Segment,
    Trace,
    TracedEvent,
    TracedLayer,
)
from rsinspect.profiling.statistics import NOMINAL_COVERAGE, Latency, Sampling

SCHEMA = "rsinspect.profile/1"

UNITS = {
    "macs": "per image, forward",
    "flops_per_s": "2 * macs * batch / median latency; training steps count three times the MACs",
    "bytes": "per batch, forward; inputs, outputs and weights of each layer, nothing fused",
    "intensity": "FLOP of the paper's convention per byte, forward",
    "share": "of the sum of the segments' medians",
    "latency_s": "seconds for one batch",
}
"""What the numbers of a segment are counts of; part of the document."""


def to_json(run: ProfileRun) -> dict[str, Any]:
    """The run as plain JSON values; ``from_json`` gives the same run back."""
    return {
        "schema": SCHEMA,
        "model": asdict(run.model),
        "environment": environment_to_json(run.environment),
        "batch": asdict(run.batch),
        "mode": run.mode,
        "precision": run.precision,
        "backend": run.backend,
        "device": run.device,
        "jit": run.jit,
        "level": run.level,
        "method": run.method,
        "optimizer": run.optimizer,
        "end_to_end": {
            "latency_s": _latency_to_json(run.end_to_end.latency),
            "images_per_s": run.end_to_end.images_per_s,
            "per_image_s": run.end_to_end.per_image_s,
            "per_128_images_s": run.end_to_end.per_128_images_s,
        },
        "segments": [_segment_to_json(run, segment) for segment in run.segments],
        "rounds": {
            "process": list(run.rounds.sampling.process),
            "burst": list(run.rounds.sampling.burst),
            "kept": list(run.rounds.sampling.kept),
            "at_s": list(run.rounds.at_s),
            "foreign_share": list(run.rounds.foreign_share),
            "instrumented_s": list(run.rounds.instrumented_s),
            "verdict": run.rounds.verdict,
        },
        "closure": {
            "sum_s": run.closure.sum_s,
            "end_to_end_s": run.closure.end_to_end_s,
            **_excess_to_json(run.closure.gap),
            "closes": run.closure.closes,
            "closes_within": CLOSES_WITHIN,
            "instrumentation": _excess_to_json(run.closure.overhead),
            "rounds": run.rounds.count,
            "rounds_kept": run.rounds.kept,
            "processes": run.rounds.processes,
            "foreign_share": run.rounds.foreign_median,
            "output_max_abs_diff": run.closure.output_max_abs_diff,
            "output_max_abs": run.closure.output_max_abs,
        },
        "prediction": None
        if run.prediction is None
        else {**asdict(run.prediction), "relative_error": run.prediction_error},
        "roofs": None if run.roofs is None else run.roofs.to_json(),
        "trace": None if run.trace is None else _trace_to_json(run.trace),
        "not_available": dict(run.not_available),
        "warnings": [
            {"kind": KINDS[type(caution)], **asdict(caution), "message": wording(caution)}
            for caution in run.warnings
        ],
        "units": UNITS,
        "stopped_because": run.stopped_because,
        "max_time_s": run.max_time_s,
        "measured_s": run.measured_s,
        "warm_up_s": list(run.warm_up_s),
        "predicted_bytes": run.predicted_bytes,
        "started_at": run.started_at,
        "wall_s": run.wall_s,
    }


def from_json(document: object) -> ProfileRun:
    """A run from what ``to_json`` gave; keys that joined later are passed over.

    Raises:
        InvalidMeasurement: If the document is damaged or of another schema.
    """
    read = _Reader(document, "profile")
    schema = read.value("schema")
    if schema != SCHEMA:
        raise InvalidMeasurement(
            f"the document's schema is {schema!r}; this version reads {SCHEMA}",
            "a later rsinspect wrote it: update rsinspect"
            if isinstance(schema, str) and schema.startswith("rsinspect.profile/")
            else "it is no profile of rsinspect",
        )
    model, batch = read.inside("model"), read.inside("batch")
    end_to_end, closure = read.inside("end_to_end"), read.inside("closure")
    used = batch.whole("used")
    batch.positive("used")
    rounds = _rounds(read.inside("rounds"))
    latency = _latency(end_to_end, "latency_s", rounds.sampling)
    segments = tuple(_segment(row, rounds.sampling) for row in read.rows("segments"))
    return ProfileRun(
        model=Model(
            name=model.text("name"),
            depth=model.maybe("depth", model.whole),
            blocks=tuple(_wholes(model, "blocks")),
            resolution=_pair(model, "resolution"),
            dialect=model.text("dialect"),
        ),
        environment=environment_from_json(read.inside("environment").document),
        batch=Batch(
            requested=batch.whole("requested"),
            used=used,
            tried=tuple(_attempt(row) for row in batch.rows("tried")),
        ),
        mode=read.text("mode"),
        precision=read.text("precision"),
        backend=read.text("backend"),
        device=read.text("device"),
        jit=read.truth("jit"),
        level=read.text("level"),
        method=read.text("method"),
        optimizer=read.maybe("optimizer", read.text),
        end_to_end=EndToEnd(latency=latency, batch=used),
        segments=segments,
        rounds=rounds,
        closure=Closure(
            segments=tuple(segment.latency for segment in segments),
            end_to_end=latency,
            instrumented=rounds.instrumented,
            output_max_abs_diff=closure.maybe("output_max_abs_diff", closure.number),
            output_max_abs=closure.number("output_max_abs"),
        ),
        prediction=read.maybe("prediction", lambda key: _prediction(read.inside(key))),
        roofs=read.maybe("roofs", lambda key: Roofs.from_json(read.value(key))),
        trace=read.maybe("trace", lambda key: _trace(read.inside(key))),
        not_available=read.texts("not_available"),
        warnings=tuple(_caution(row) for row in read.rows("warnings")),
        stopped_because=read.text("stopped_because"),
        max_time_s=read.number("max_time_s"),
        measured_s=read.number("measured_s"),
        warm_up_s=read.numbers("warm_up_s"),
        predicted_bytes=read.whole("predicted_bytes"),
        started_at=read.text("started_at"),
        wall_s=read.number("wall_s"),
    )


def load_run(path: Path) -> ProfileRun:
    """The run that a file holds.

    Raises:
        InvalidMeasurement: If the file is missing, damaged or of another schema.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as exc:
        raise InvalidMeasurement(
            f"{path} cannot be read: {exc.strerror}",
            "rsinspect profile MODEL --save FILE writes a run",
        ) from exc
    except (UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise InvalidMeasurement(
            f"{path} is no JSON document: {exc}", "rsinspect profile MODEL --save FILE writes a run"
        ) from exc
    return from_json(document)


def environment_to_json(environment: Environment) -> dict[str, Any]:
    """As plain JSON values."""
    return asdict(environment) | {
        "versions": dict(environment.versions),
        "flags": dict(environment.flags),
        "unknown": dict(environment.unknown),
    }


def environment_from_json(document: Mapping[str, Any]) -> Environment:
    """What ``environment_to_json`` gave; keys that joined later are passed over."""
    read = _Reader(document, "environment")
    return Environment(
        platform=read.text("platform"),
        cpu_model=read.maybe("cpu_model", read.text),
        cpus_visible=read.maybe("cpus_visible", read.whole),
        cpus_affinity=read.maybe("cpus_affinity", read.whole),
        cpus_quota=read.maybe("cpus_quota", read.number),
        governor=read.maybe("governor", read.text),
        threads_requested=read.maybe("threads_requested", read.whole),
        threads=read.text("threads"),
        versions=read.texts("versions"),
        flags=read.texts("flags"),
        load_before=read.maybe("load_before", read.number),
        load_after=read.maybe("load_after", read.number),
        seed=read.whole("seed"),
        peak_rss_bytes=read.maybe("peak_rss_bytes", read.whole),
        unknown=read.texts("unknown"),
    )


def _segment_to_json(run: ProfileRun, segment: Segment) -> dict[str, Any]:
    bound = segment.bound
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
        "bound_reason": (NO_ROOFS if segment.level != "step" else NO_PART)
        if bound is None
        else None,
        "roofline": bound and _bound_to_json(bound),
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


def _trace_to_json(trace: Trace) -> dict[str, Any]:
    return {
        "layers": [asdict(layer) for layer in trace.layers],
        "unattributed": trace.unattributed,
        "steps": trace.steps,
        "method": trace.method,
        "events": [list(event) for event in trace.events],
    }


def _excess_to_json(excess: Excess) -> dict[str, Any]:
    low, high = excess.interval or (None, None)
    return {"relative_error": excess.relative, "ci_low": low, "ci_high": high}


T = TypeVar("T")


class _Reader:
    """Values of a JSON object, checked; an error names the key."""

    def __init__(self, document: object, where: str) -> None:
        self.where = where
        if not isinstance(document, Mapping):
            self.damaged(f"is {type(document).__name__}, not an object")
        self.document: Mapping[str, Any] = document

    def damaged(self, what: str) -> NoReturn:
        raise InvalidMeasurement(f"the profile document is damaged: {self.where} {what}")

    def value(self, key: str) -> Any:
        if key not in self.document:
            self.damaged(f"has no {key!r}")
        return self.document[key]

    def _wrong(self, key: str, wanted: str) -> NoReturn:
        self.damaged(f"has {key!r} = {self.document[key]!r:.60}, not {wanted}")

    def text(self, key: str) -> str:
        value = self.value(key)
        return value if isinstance(value, str) else self._wrong(key, "a text")

    def whole(self, key: str) -> int:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(key, "a whole number")
        return value

    def number(self, key: str) -> float:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong(key, "a number")
        return value if math.isfinite(value) else self._wrong(key, "a finite number")

    def positive(self, key: str) -> float:
        value = self.number(key)
        return value if value > 0 else self._wrong(key, "a number above 0")

    def maybe(self, key: str, read: Callable[[str], T]) -> T | None:
        return None if self.value(key) is None else read(key)

    def array(self, key: str) -> list[Any]:
        value = self.value(key)
        return value if isinstance(value, list) else self._wrong(key, "an array")

    def numbers(self, key: str) -> tuple[float, ...]:
        row = _Reader(dict(enumerate(self.array(key))), f"{self.where}.{key}")
        return tuple(row.number(index) for index in row.document)

    def maybe_numbers(self, key: str) -> tuple[float | None, ...]:
        row = _Reader(dict(enumerate(self.array(key))), f"{self.where}.{key}")
        return tuple(row.maybe(index, row.number) for index in row.document)

    def truth(self, key: str) -> bool:
        value = self.value(key)
        return value if isinstance(value, bool) else self._wrong(key, "true or false")

    def inside(self, key: str) -> _Reader:
        return _Reader(self.value(key), f"{self.where}.{key}")

    def rows(self, key: str) -> list[_Reader]:
        return [
            _Reader(row, f"{self.where}.{key}[{index}]")
            for index, row in enumerate(self.array(key))
        ]

    def texts(self, key: str) -> tuple[tuple[str, str], ...]:
        inside = self.inside(key)
        return tuple((name, inside.text(name)) for name in inside.document)


def _wholes(read: _Reader, key: str) -> list[int]:
    values = read.array(key)
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        read.damaged(f"has {key!r} that are not whole numbers")
    return values


def _pair(read: _Reader, key: str) -> tuple[int, int]:
    values = _wholes(read, key)
    if len(values) != 2:
        read.damaged(f"has {key!r} that are not height and width")
    return values[0], values[1]


def _latency(read: _Reader, key: str, sampling: Sampling) -> Latency:
    inside = read.inside(key)
    try:
        latency = Latency(inside.numbers("samples"), sampling)
    except InvalidMeasurement as exc:
        inside.damaged(f"cannot be: {exc.message}")
    if not math.isclose(latency.median, inside.number("median"), rel_tol=1e-9):
        inside.damaged(
            f"has the median {inside.value('median')}, its samples have {latency.median}"
        )
    return latency


def _rounds(read: _Reader) -> Rounds:
    verdict: Verdict
    match read.text("verdict"):
        case "all" | "gated" | "quietest" | "unknown" as verdict:
            pass
        case other:
            read.damaged(f"has the unknown verdict {other!r}")
    kept = read.array("kept")
    if not all(isinstance(value, bool) for value in kept):
        read.damaged("has 'kept' that are not true or false")
    try:
        sampling = Sampling(
            tuple(_wholes(read, "process")), tuple(_wholes(read, "burst")), tuple(kept)
        )
    except InvalidMeasurement as exc:
        read.damaged(f"cannot be: {exc.message}")
    found = Rounds(
        sampling=sampling,
        at_s=read.numbers("at_s"),
        foreign_share=read.maybe_numbers("foreign_share"),
        instrumented_s=read.numbers("instrumented_s"),
        verdict=verdict,
    )
    lengths = {len(kept), found.count, len(found.foreign_share), len(found.instrumented_s)}
    if len(lengths) > 1:
        read.damaged("has columns of different lengths")
    return found


def _segment(read: _Reader, sampling: Sampling) -> Segment:
    def latency(key: str) -> Latency:
        return _latency(read, key, sampling)

    return Segment(
        path=read.text("path"),
        level=read.text("level"),
        latency=latency("latency_s"),
        forward=read.maybe("forward_s", latency),
        backward=read.maybe("backward_s", latency),
        macs=read.maybe("macs", read.whole),
        bytes_moved=read.maybe("bytes", read.whole),
        intensity=read.maybe("intensity", read.number),
        bound=read.maybe("roofline", lambda key: _bound(read.inside(key))),
    )


def _bound_to_json(bound: Bound) -> dict[str, Any]:
    return asdict(bound) | {
        "flops_per_s": bound.flops_per_s,
        "attainable_flops_per_s": bound.attainable_flops_per_s,
        "intensity": bound.intensity,
    }


def _bound(read: _Reader) -> Bound:
    kind: Literal["compute", "memory"]
    match read.text("bound"):
        case "compute" | "memory" as kind:
            pass
        case other:
            read.damaged(f"has the unknown bound {other!r}")
    return Bound(
        bound=kind,
        flops=read.whole("flops"),
        bytes=read.whole("bytes"),
        floor_s=read.number("floor_s"),
        seconds=read.positive("seconds"),
        fraction=read.maybe("fraction", read.number),
        reason=read.maybe("reason", read.text),
    )


def _prediction(read: _Reader) -> Prediction:
    return Prediction(
        parts=tuple(
            PredictedPart(
                path=row.text("path"),
                repeats=row.whole("repeats"),
                latency_s=row.number("latency_s"),
            )
            for row in read.rows("parts")
        ),
        end_to_end_s=read.number("end_to_end_s"),
        rounds=read.whole("rounds"),
        ready_s=read.number("ready_s"),
    )


def _trace(read: _Reader) -> Trace:
    return Trace(
        layers=tuple(
            TracedLayer(
                path=row.text("path"),
                share=row.number("share"),
                latency_s=row.maybe("latency_s", row.number),
            )
            for row in read.rows("layers")
        ),
        unattributed=read.number("unattributed"),
        steps=read.whole("steps"),
        method=read.text("method"),
        events=tuple(_event(read, row) for row in read.array("events")),
    )


def _event(read: _Reader, row: object) -> TracedEvent:
    match row:
        case [str(name), str() | None as owner, float() | int() as start, float() | int() as lasts,
              str(lane)]:  # fmt: skip
            return TracedEvent(name, owner, start, lasts, lane)
    return read.damaged(f"has an event {row!r:.60} that is none")


def _attempt(read: _Reader) -> Attempt:
    outcome: Outcome
    match read.text("outcome"):
        case "ran" | "skipped" | "out_of_memory" as outcome:
            pass
        case other:
            read.damaged(f"has the unknown outcome {other!r}")
    return Attempt(
        batch=read.whole("batch"),
        outcome=outcome,
        reason=read.maybe("reason", read.text),
        predicted_bytes=read.whole("predicted_bytes"),
        peak_rss_bytes=read.maybe("peak_rss_bytes", read.whole),
    )


def _caution(read: _Reader) -> Caution:
    kind = read.text("kind")
    if kind not in CAUTIONS:
        read.damaged(f"has the unknown kind {kind!r}")
    record = CAUTIONS[kind]
    caution: Caution = record(**{name: read.number(name) for name in record.__match_args__})
    return caution
