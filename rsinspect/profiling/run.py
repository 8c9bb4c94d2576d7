"""The record of a measurement: what was run, where, how, and every sample.

``ProfileRun.to_json`` and ``from_json`` are each other's inverse. What follows from samples and
counts (medians, intervals, shares, rates) is computed, never stored; the document has it for its
readers. Samples of end to end and of all segments stand in the order of ``rounds``, which says
where each came from and whether it counts.

Schema ``rsinspect.profile/1``: first.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, TypeVar

from rsinspect.errors import InvalidMeasurement
from rsinspect.profiling.cautions import CAUTIONS, KINDS, Caution, wording
from rsinspect.profiling.gate import Verdict
from rsinspect.profiling.roofline import Bound, Roofs
from rsinspect.profiling.statistics import (
    NOMINAL_COVERAGE,
    Latency,
    Sampling,
    interval_of_excess,
)
from rsinspect.spec import ResNetRSSpec

SCHEMA = "rsinspect.profile/1"

NO_ROOFS = "roofs not measured"
NO_PART = "no part of the network"

PASSES = {"forward": 1, "train": 3}
"""A training step counts as three forward passes: the backward pass makes the gradients of inputs
and of weights, each as costly as the forward pass. The first convolution's input needs none."""

UNITS = {
    "macs": "per image, forward",
    "flops_per_s": "2 * macs * batch / median latency; training steps count three times the MACs",
    "bytes": "per batch, forward; inputs, outputs and weights of each layer, nothing fused",
    "intensity": "FLOP of the paper's convention per byte, forward",
    "share": "of the sum of the segments' medians",
    "latency_s": "seconds for one batch",
}
"""What the numbers of a segment are counts of; part of the document."""

CLOSES_WITHIN = 0.03
"""Share of the whole within which the gap's interval has to lie."""

SAME_OUTPUT_WITHIN = 1e-3
"""Of the largest output in magnitude; float32 sums in another order differ by less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What was measured.

    Attributes:
        name: Of the variant, or of its layout.
        depth: Of the variant, or None.
        blocks: Blocks per stage.
        resolution: Height and width.
        dialect: Name of the dialect.
    """

    name: str
    depth: int | None
    blocks: tuple[int, ...]
    resolution: tuple[int, int]
    dialect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where it was measured; a fact that is not known is None, with its reason in ``unknown``.

    Attributes:
        platform: Operating system and architecture.
        cpu_model: Name of the processor.
        cpus_visible: Processors the operating system shows.
        cpus_affinity: Processors the worker may run on.
        cpus_quota: Processors the control group's quota amounts to.
        governor: Frequency governor of the first processor.
        threads_requested: As asked for; None leaves it to the framework.
        threads: How that was carried out, in words.
        versions: Of Python, Keras, the backend and rsinspect.
        flags: Variables of the process environment that frameworks obey and that were set.
        load_before: Load average of the last minute before the worker imported anything.
        load_after: The same when it had measured.
        seed: Of weights, images and the order of samples.
        peak_rss_bytes: Most memory the worker had resident.
        unknown: Name of a fact and the reason why it is None, each.
    """

    platform: str
    cpu_model: str | None
    cpus_visible: int | None
    cpus_affinity: int | None
    cpus_quota: float | None
    governor: str | None
    threads_requested: int | None
    threads: str
    versions: tuple[tuple[str, str], ...]
    flags: tuple[tuple[str, str], ...]
    load_before: float | None
    load_after: float | None
    seed: int
    peak_rss_bytes: int | None
    unknown: tuple[tuple[str, str], ...] = ()

    def ended(self, load_after: float | None, reason: str | None) -> Environment:
        """The same with the load average at the end, or the reason why it is not known."""
        unknown = {name: why for name, why in self.unknown if name != "load_after"}
        if load_after is None:
            unknown["load_after"] = reason or "not told by this system"
        return replace(self, load_after=load_after, unknown=tuple(unknown.items()))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self) | {
            "versions": dict(self.versions),
            "flags": dict(self.flags),
            "unknown": dict(self.unknown),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Environment:
        """What ``to_json`` gave; keys that joined later are passed over."""
        read = _Reader(document, "environment")
        return cls(
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


Outcome = Literal["ran", "skipped", "out_of_memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One rung of the batch ladder.

    Attributes:
        batch: Images in a batch.
        outcome: ``skipped`` when it was predicted not to fit and never started.
        reason: Why it did not run, in words; None when it ran.
        predicted_bytes: Resident memory predicted.
        peak_rss_bytes: Resident memory used, or None where the worker was not started or the system
            does not say.
    """

    batch: int
    outcome: Outcome
    reason: str | None
    predicted_bytes: int
    peak_rss_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images in a batch: asked for, used, and what was tried between.

    Attributes:
        requested: As asked for.
        used: What all latencies are for.
        tried: Every rung, the one that ran last.
    """

    requested: int
    used: int
    tried: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEnd:
    """The whole network at once, without any instrument inside.

    Attributes:
        latency: Of one batch.
        batch: Images in it.
    """

    latency: Latency
    batch: int

    @property
    def images_per_s(self) -> float:
        """Throughput at this batch size."""
        return self.batch / self.latency.median

    @property
    def per_image_s(self) -> float:
        """Share of one image in the batch's latency."""
        return self.latency.median / self.batch

    @property
    def per_128_images_s(self) -> float:
        """Latency scaled to the 128 images of the published tables."""
        return self.per_image_s * 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stage or block, or a step that is none of the network's parts.

    Attributes:
        path: Of the stage or block, or ``loss``, ``optimizer``, ``call``.
        level: ``stage`` or ``block`` (stem and head have no blocks and are one segment each), or
            ``step``.
        latency: Of one batch; forward and backward together.
        forward: The forward part of it; None for a step.
        backward: The backward part of it; None for a step and in inference.
        macs: For one image, forward; None for a step.
        bytes_moved: For the batch, forward: inputs, outputs and weights of each layer on its own;
            None for a step.
        intensity: FLOPs of the paper's convention per byte moved; None where nothing moves.
        bound: What the roofs of the device say; None without roofs and for a step.
    """

    path: str
    level: str
    latency: Latency
    forward: Latency | None = None
    backward: Latency | None = None
    macs: int | None = None
    bytes_moved: int | None = None
    intensity: float | None = None
    bound: Bound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Where the samples came from, one value per round.

    Attributes:
        sampling: Process and burst of each round, and whether it counts.
        at_s: When it began, since the first of its process.
        foreign_share: Share of the processors that other programs used in it, or in its burst
            where it was too short to tell; None where the system does not tell.
        instrumented_s: The call with instruments inside.
        verdict: On what grounds rounds count: ``all``, ``gated``, ``quietest`` or ``unknown``.
    """

    sampling: Sampling
    at_s: tuple[float, ...]
    foreign_share: tuple[float | None, ...]
    instrumented_s: tuple[float, ...]
    verdict: Verdict

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.at_s)

    @property
    def kept(self) -> int:
        """Those that count."""
        return sum(self.sampling.kept)

    @property
    def processes(self) -> int:
        """Processes they came from."""
        return len(set(self.sampling.process))

    @property
    def instrumented(self) -> Latency:
        """The call with instruments inside."""
        return Latency(self.instrumented_s, self.sampling)

    @property
    def foreign_median(self) -> float | None:
        """Median of the foreign share of the rounds that count."""
        known = [
            share
            for share, kept in zip(self.foreign_share, self.sampling.kept, strict=True)
            if kept and share is not None
        ]
        return statistics.median(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """How far one median is above another, as a share of the other, with its 95 % interval.

    Attributes:
        relative: The share.
        interval: Its ends; None with too few rounds.
    """

    relative: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, parts: Sequence[Latency], whole: Latency) -> Excess:
        """Of the sum of the parts' medians above the whole's."""
        total = sum(part.median for part in parts)
        return cls(relative=total / whole.median - 1, interval=interval_of_excess(parts, whole))

    def within(self, limit: float) -> bool | None:
        """Whether the whole interval is; None where there is none."""
        if self.interval is None:
            return None
        return -limit <= self.interval[0] and self.interval[1] <= limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Whether the segments account for the whole.

    Attributes:
        segments: Latencies of all segments, steps included.
        end_to_end: The whole network without instruments, timed in the same rounds.
        instrumented: The call with instruments inside.
        output_max_abs_diff: Largest difference between the outputs with and without instruments;
            None where chance makes them differ.
        output_max_abs: Largest output of the whole network in magnitude.
    """

    segments: tuple[Latency, ...]
    end_to_end: Latency
    instrumented: Latency
    output_max_abs_diff: float | None
    output_max_abs: float

    @property
    def sum_s(self) -> float:
        """Sum of the segments' medians."""
        return sum(segment.median for segment in self.segments)

    @property
    def end_to_end_s(self) -> float:
        """Median of the whole network."""
        return self.end_to_end.median

    @property
    def gap(self) -> Excess:
        """Of the sum of the segments over the whole network."""
        return Excess.of(self.segments, self.end_to_end)

    @property
    def overhead(self) -> Excess:
        """Of the call with instruments over the whole network: what the instruments cost."""
        return Excess.of([self.instrumented], self.end_to_end)

    @property
    def relative_error(self) -> float:
        """How far the sum is above the whole, as a share of the whole."""
        return self.gap.relative

    @property
    def closes(self) -> bool | None:
        """Whether the gap's interval is within 3 %; None where there is no interval."""
        return self.gap.within(CLOSES_WITHIN)

    @property
    def same_output(self) -> bool:
        """Whether both computed the same, up to rounding, or there is no telling."""
        difference = self.output_max_abs_diff
        return difference is None or difference <= SAME_OUTPUT_WITHIN * self.output_max_abs


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedPart:
    """A distinct block, timed in a small network.

    Attributes:
        path: Of the block, or of a step.
        repeats: How many there are in the whole network.
        latency_s: Median of one of them.
    """

    path: str
    repeats: int
    latency_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a network of the distinct blocks says about the whole one.

    Attributes:
        parts: The distinct blocks, then the steps.
        end_to_end_s: Of the whole network: repeats times medians, added up.
        rounds: That were timed.
        ready_s: Since the worker began to import the framework.
    """

    parts: tuple[PredictedPart, ...]
    end_to_end_s: float
    rounds: int
    ready_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedLayer:
    """What the framework's profiler saw of a layer.

    Attributes:
        path: Of the layer, or of a step.
        share: Of the traced time.
        latency_s: That share of the measured latency of its segment.
    """

    path: str
    share: float
    latency_s: float | None


class TracedEvent(NamedTuple):
    """An op that the profiler saw in one pass.

    Attributes:
        name: As the framework calls it.
        owner: Path of its layer, or a step; None where it belongs to neither.
        start_us: Since the first.
        duration_us: How long it ran.
        lane: Thread or stream.
    """

    name: str
    owner: str | None
    start_us: float
    duration_us: float
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Shares of the layers.

    Attributes:
        layers: In the order of the network.
        unattributed: Share of the traced time that belongs to no layer.
        steps: Passes that were traced.
        method: How, in words.
        events: Of one of them.
    """

    layers: tuple[TracedLayer, ...]
    unattributed: float
    steps: int
    method: str
    events: tuple[TracedEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRun:
    """A finished measurement.

    Attributes:
        model: What was measured.
        environment: Where.
        batch: Images in a batch, and how they came about.
        mode: ``forward`` or ``train``.
        precision: ``float32``, ``tf32``, ``bfloat16`` or ``float16``.
        backend: Keras backend.
        device: ``cpu``, ``gpu`` or ``gpu:1``.
        jit: Whether XLA compiled it.
        level: That was asked for: ``stage``, ``block`` or ``layer``.
        method: How samples were taken, in words.
        optimizer: Of a training step, in words; None in inference.
        end_to_end: The whole network.
        segments: Its stages or blocks, in order, then the steps that are neither.
        rounds: Where the samples came from.
        closure: Whether the segments account for the whole.
        prediction: From the distinct blocks; None where none was made.
        roofs: What the device can do at most; None where they were not measured.
        trace: Shares of the layers; None where none was made.
        not_available: What was asked for and could not be had, and why, each.
        warnings: Reasons to read the numbers with care.
        stopped_because: Why there are not more rounds: ``precise``, ``time``, ``rounds`` or
            ``interrupted``.
        max_time_s: Budget of warm-up and rounds.
        measured_s: What they took.
        warm_up_s: Discarded rounds, the compiling calls first.
        predicted_bytes: Resident memory predicted.
        started_at: When, in UTC.
        wall_s: From the request to the result, all attempts together.
    """

    model: Model
    environment: Environment
    batch: Batch
    mode: str
    precision: str
    backend: str
    device: str
    jit: bool
    level: str
    method: str
    optimizer: str | None
    end_to_end: EndToEnd
    segments: tuple[Segment, ...]
    rounds: Rounds
    closure: Closure
    prediction: Prediction | None
    roofs: Roofs | None
    trace: Trace | None
    not_available: tuple[tuple[str, str], ...]
    warnings: tuple[Caution, ...]
    stopped_because: str
    max_time_s: float
    measured_s: float
    warm_up_s: tuple[float, ...]
    predicted_bytes: int
    started_at: str
    wall_s: float

    def share(self, segment: Segment) -> float:
        """A segment's median as a share of the sum of all medians."""
        return segment.latency.median / self.closure.sum_s

    def flops_per_s(self, segment: Segment) -> float | None:
        """Rate of a segment: two FLOPs per MAC, in training three times those of a forward pass."""
        if segment.macs is None:
            return None
        flops = 2 * segment.macs * PASSES.get(self.mode, 1) * self.batch.used
        return flops / segment.latency.median if segment.latency.median else None

    @property
    def end_to_end_flops_per_s(self) -> float:
        """Rate of the whole network, counted alike."""
        macs = sum(segment.macs or 0 for segment in self.segments)
        flops = 2 * macs * PASSES.get(self.mode, 1) * self.batch.used
        return flops / self.end_to_end.latency.median

    @property
    def prediction_error(self) -> float | None:
        """How far the predicted latency is above the measured one, as a share of the latter."""
        if self.prediction is None:
            return None
        return self.prediction.end_to_end_s / self.end_to_end.latency.median - 1

    @property
    def conditions(self) -> str:
        """Mode, batch, precision, backend and device, in words."""
        compiled = " with XLA" if self.jit and self.backend == "tensorflow" else ""
        where = f"{self.precision}, {self.backend}{compiled} on {self.device}"
        return f"{self.mode}, batch {self.batch.used}, {where}"

    def check_model(self, spec: ResNetRSSpec) -> None:
        """Refuse a run of another network.

        Raises:
            InvalidMeasurement: If name, blocks, resolution or dialect differ; the message says how.
        """
        for what, measured, wanted in (
            ("model", self.model.name, spec.name),
            ("resolution", "x".join(map(str, self.model.resolution)), spec.size),
            ("dialect", self.model.dialect, spec.dialect.name),
            ("blocks", self.model.blocks, spec.blocks),
        ):
            if measured != wanted:
                raise InvalidMeasurement(
                    f"the profile is of another network: its {what} is {measured}, not {wanted}",
                    "measure this one: rsinspect profile MODEL --save run.json",
                )

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON values; ``from_json`` gives the same run back."""
        return {
            "schema": SCHEMA,
            "model": asdict(self.model),
            "environment": self.environment.to_json(),
            "batch": asdict(self.batch),
            "mode": self.mode,
            "precision": self.precision,
            "backend": self.backend,
            "device": self.device,
            "jit": self.jit,
            "level": self.level,
            "method": self.method,
            "optimizer": self.optimizer,
            "end_to_end": {
                "latency_s": _latency_to_json(self.end_to_end.latency),
                "images_per_s": self.end_to_end.images_per_s,
                "per_image_s": self.end_to_end.per_image_s,
                "per_128_images_s": self.end_to_end.per_128_images_s,
            },
            "segments": [self._segment_to_json(segment) for segment in self.segments],
            "rounds": {
                "process": list(self.rounds.sampling.process),
                "burst": list(self.rounds.sampling.burst),
                "kept": list(self.rounds.sampling.kept),
                "at_s": list(self.rounds.at_s),
                "foreign_share": list(self.rounds.foreign_share),
                "instrumented_s": list(self.rounds.instrumented_s),
                "verdict": self.rounds.verdict,
            },
            "closure": {
                "sum_s": self.closure.sum_s,
                "end_to_end_s": self.closure.end_to_end_s,
                **_excess_to_json(self.closure.gap),
                "closes": self.closure.closes,
                "closes_within": CLOSES_WITHIN,
                "instrumentation": _excess_to_json(self.closure.overhead),
                "rounds": self.rounds.count,
                "rounds_kept": self.rounds.kept,
                "processes": self.rounds.processes,
                "foreign_share": self.rounds.foreign_median,
                "output_max_abs_diff": self.closure.output_max_abs_diff,
                "output_max_abs": self.closure.output_max_abs,
            },
            "prediction": None
            if self.prediction is None
            else {**asdict(self.prediction), "relative_error": self.prediction_error},
            "roofs": None if self.roofs is None else self.roofs.to_json(),
            "trace": None if self.trace is None else _trace_to_json(self.trace),
            "not_available": dict(self.not_available),
            "warnings": [
                {"kind": KINDS[type(caution)], **asdict(caution), "message": wording(caution)}
                for caution in self.warnings
            ],
            "units": UNITS,
            "stopped_because": self.stopped_because,
            "max_time_s": self.max_time_s,
            "measured_s": self.measured_s,
            "warm_up_s": list(self.warm_up_s),
            "predicted_bytes": self.predicted_bytes,
            "started_at": self.started_at,
            "wall_s": self.wall_s,
        }

    def _segment_to_json(self, segment: Segment) -> dict[str, Any]:
        bound = segment.bound
        return {
            "path": segment.path,
            "level": segment.level,
            "latency_s": _latency_to_json(segment.latency),
            "forward_s": segment.forward and _latency_to_json(segment.forward),
            "backward_s": segment.backward and _latency_to_json(segment.backward),
            "share": self.share(segment),
            "macs": segment.macs,
            "flops_per_s": self.flops_per_s(segment),
            "bytes": segment.bytes_moved,
            "intensity": segment.intensity,
            "bound": bound and bound.bound,
            "bound_reason": (NO_ROOFS if segment.level != "step" else NO_PART)
            if bound is None
            else None,
            "roofline": bound and _bound_to_json(bound),
        }

    @classmethod
    def from_json(cls, document: object) -> ProfileRun:
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
        return cls(
            model=Model(
                name=model.text("name"),
                depth=model.maybe("depth", model.whole),
                blocks=tuple(_wholes(model, "blocks")),
                resolution=_pair(model, "resolution"),
                dialect=model.text("dialect"),
            ),
            environment=Environment.from_json(read.inside("environment").document),
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
    return ProfileRun.from_json(document)


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
