"""The record of a measurement: what was run, where, how, and every sample.

What follows from samples and counts (medians, intervals, shares, rates) is computed, never stored.
Samples of end to end and of all segments stand in the order of ``rounds``, which says where each
came from and whether it counts. ``rsinspect.profiling.run_document`` writes and reads it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.cautions import Caution
from rsinspect.profiling.gate import Verdict
from rsinspect.profiling.roofline import Bound, Roofs
from rsinspect.profiling.statistics import (
    Latency,
    Sampling,
    interval_of_excess,
)

NO_ROOFS = "roofs not measured"
NO_PART = "no part of the network"

PASSES = {"forward": 1, "train": 3}
"""A training step counts as three forward passes: the backward pass makes the gradients of inputs
and of weights, each as costly as the forward pass. The first convolution's input needs none."""

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
