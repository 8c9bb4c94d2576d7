"""The record of a measurement: what was run, where, how, and every sample.

What follows from samples and counts (medians, intervals, shares, rates) is computed, never stored.
Samples of end to end and of all segments stand in the order of ``rounds``, which says where each
came from and whether it counts. ``record.document`` writes and reads it.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rsinspect.answers.rows import Level
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.quantities import BackendName, Count, Device, Name, Seconds, Text
from rsinspect.base.words import Option, advice
from rsinspect.layers import ops
from rsinspect.layers.document import fingerprint
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.kernels import step_macs
from rsinspect.layers.partition import segments
from rsinspect.networks.network import Network
from rsinspect.profiling.choices import Mode, Precision, WeightsOf
from rsinspect.profiling.gate import Verdict
from rsinspect.profiling.record.batch import Batch
from rsinspect.profiling.record.cautions import Caution
from rsinspect.profiling.record.closure import Closure
from rsinspect.profiling.record.energy import Energy
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.prediction import Prediction
from rsinspect.profiling.record.trace import Trace
from rsinspect.profiling.request import Settings
from rsinspect.profiling.roofline.bound import Bound
from rsinspect.profiling.roofline.roofs import Roofs
from rsinspect.profiling.rounds import TotalOf
from rsinspect.profiling.statistics import Latency, Sampling

PASSES: dict[Mode, int] = {"forward": 1, "train": 3}
"""A training step counts as three forward passes: the backward pass makes the gradients of inputs
and of weights, each as costly as the forward pass. The first convolution's input needs none. Of
frozen layers there are fewer (``layers.kernels.step_macs``)."""

SegmentLevel = Literal["stage", "block", "step"]
StoppedBecause = Literal["precise", "time", "rounds", "interrupted"]

SHORTEST_S = 1e-9
"""The clock counts nanoseconds: nothing shorter can have been measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEnd:
    """The whole network at once; the run's ``total_of`` says whether with instruments inside.

    Attributes:
        latency: Of one batch.
        batch: Images in it.
    """

    latency: Latency
    batch: int

    @property
    def images_per_s(self) -> float:
        """Compute the throughput at this batch size."""
        return self.batch / self.latency.median

    @property
    def per_image_s(self) -> float:
        """Divide the batch's latency by its images."""
        return self.latency.median / self.batch

    @property
    def per_128_images_s(self) -> float:
        """Scale the latency to the 128 images of the published tables."""
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
    level: SegmentLevel
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

    Raises:
        InvalidMeasurement: If there is not one value of each per round.
    """

    sampling: Sampling
    at_s: tuple[float, ...]
    foreign_share: tuple[float | None, ...]
    instrumented_s: tuple[float, ...]
    verdict: Verdict

    def __post_init__(self) -> None:
        columns = (self.sampling.kept, self.at_s, self.foreign_share, self.instrumented_s)
        if len({len(column) for column in columns}) > 1:
            raise InvalidMeasurement("the rounds have columns of different lengths")

    @property
    def count(self) -> int:
        """Count all rounds."""
        return len(self.at_s)

    @property
    def kept(self) -> int:
        """Count the rounds that passed the gate."""
        return sum(self.sampling.kept)

    @property
    def processes(self) -> int:
        """Count the processes the rounds came from."""
        return len(set(self.sampling.process))

    @property
    def instrumented(self) -> Latency:
        """Summarise the call with instruments inside."""
        return Latency(self.instrumented_s, self.sampling)

    @property
    def foreign_median(self) -> float | None:
        """Compute the median foreign share of the rounds that count."""
        known = [
            share
            for share, kept in zip(self.foreign_share, self.sampling.kept, strict=True)
            if kept and share is not None
        ]
        return statistics.median(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What stands in a run's document as it stands in the run.

    Attributes:
        model: What was measured.
        environment: Where.
        batch: Images in a batch, and how they came about.
        mode: ``forward`` or ``train``.
        precision: ``float32``, ``tf32``, ``bfloat16`` or ``float16``.
        backend: Keras backend.
        device: ``cpu``, ``gpu`` or ``gpu:1``.
        jit: Whether XLA or torch.compile compiled it.
        level: As requested: ``stage``, ``block`` or ``layer``.
        method: Description of the sampling.
        optimizer: Optimizer of a training step; None in inference.
        roofs: What the device can do at most; None where they were not measured.
        trace: Shares of the layers; None where none was made.
        not_available: Why something that was requested is missing, by its name.
        stopped_because: Why there are not more rounds: ``precise``, ``time``, ``rounds`` or
            ``interrupted``.
        max_time_s: Budget; in files of before, of warm-up and rounds alone.
        measured_s: What warm-up and rounds took.
        warm_up_s: Discarded rounds, the compiling calls first.
        predicted_bytes: Resident memory predicted.
        started_at: When, in UTC.
        wall_s: From the request to the result, everything together.
        request: Everything that was requested but the network; None in files of before.
        loss: Of a training step; None in inference and in files of before.
        weights: Whose the weights were: ``fresh`` ones, those of the network's ``file`` or of a
            live ``model``; None in files of before.
        total_of: Which pass a round's end-to-end time is of: a ``plain`` one, without instruments
            and beside one with them; the ``instrumented`` one itself, where there was no time for
            pairs; or the ``first``, in which the network was compiled.
        energy: Of that pass; None where no counter tells it, and in files of before.
    """

    model: Model
    environment: Environment
    batch: Batch
    mode: Mode
    precision: Precision
    backend: BackendName
    device: Device
    jit: bool
    level: Level
    method: Text
    optimizer: Name | None
    roofs: Roofs | None
    trace: Trace | None
    not_available: Mapping[Name, Text]
    stopped_because: StoppedBecause
    max_time_s: Seconds
    measured_s: Seconds
    warm_up_s: tuple[Seconds, ...]
    predicted_bytes: Count
    started_at: Name
    wall_s: Seconds
    request: Settings | None = None
    loss: Name | None = None
    weights: WeightsOf | None = None
    total_of: TotalOf = "plain"
    energy: Energy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRun(Circumstances):
    """A finished measurement.

    Attributes:
        end_to_end: The whole network.
        segments: Its stages or blocks, in order, then the steps that are neither.
        rounds: Where the samples came from.
        output_max_abs_diff: Largest difference between the outputs with and without instruments;
            None where chance makes them differ.
        output_max_abs: Largest output of the whole network in magnitude; None where it is no
            finite number.
        prediction: From the distinct blocks; None where none was made.
        warnings: Reasons to read the numbers with care.
        network: What was measured; None in files of before.

    Raises:
        InvalidMeasurement: If the whole network or its parts took no time.
    """

    end_to_end: EndToEnd
    segments: tuple[Segment, ...]
    rounds: Rounds
    output_max_abs_diff: float | None
    output_max_abs: float | None
    prediction: Prediction | None = None
    warnings: tuple[Caution, ...] = ()
    network: Network | None = None

    def __post_init__(self) -> None:
        if self.end_to_end.latency.median < SHORTEST_S:
            raise InvalidMeasurement("the whole network took no time")
        if self.closure.sum_s < SHORTEST_S:
            raise InvalidMeasurement("the segments took no time")
        if self.energy is not None and len(self.energy.samples_j) != self.rounds.count:
            raise InvalidMeasurement("there is not one sample of energy per round")

    @property
    def title(self) -> str:
        """Name the network for people, with its image size."""
        return self.model.title if self.network is None else self.network.title

    @property
    def closure(self) -> Closure:
        """Compare the sum of the segments with the whole network."""
        return Closure(
            segments=tuple(segment.latency for segment in self.segments),
            end_to_end=self.end_to_end.latency,
            instrumented=self.rounds.instrumented,
            output_max_abs_diff=self.output_max_abs_diff,
            output_max_abs=self.output_max_abs,
            total_of=self.total_of,
        )

    def share(self, segment: Segment) -> float:
        """Divide a segment's median by the sum of all medians."""
        return segment.latency.median / self.closure.sum_s

    def flops_per_s(self, segment: Segment) -> float | None:
        """Compute a segment's rate: two FLOPs per MAC, in training the backward ones too."""
        if segment.macs is None:
            return None
        flops = 2 * self._macs(segment) * self.batch.used
        return flops / segment.latency.median if segment.latency.median >= SHORTEST_S else None

    def _macs(self, segment: Segment) -> int:
        """Count the MACs of an image: of a training step three times those forward, or fewer."""
        if self.mode == "train" and self.network is not None:
            graph = self.network.graph
            for part in segments(graph, "stage" if self.level == "stage" else "block"):
                if part.path == segment.path and any(layer.frozen for layer in part.layers):
                    return step_macs(graph, part.layers)
        return (segment.macs or 0) * PASSES[self.mode]

    @property
    def end_to_end_flops_per_s(self) -> float:
        """Compute the rate of the whole network, with the same counts."""
        flops = 2 * sum(map(self._macs, self.segments)) * self.batch.used
        return flops / self.end_to_end.latency.median

    @property
    def prediction_error(self) -> float | None:
        """Compute the excess of the predicted latency, as a share of the measured one."""
        if self.prediction is None:
            return None
        return self.prediction.end_to_end_s / self.end_to_end.latency.median - 1

    @property
    def conditions(self) -> str:
        """Describe mode, batch, precision, backend and device."""
        if self.request is not None:
            return self.request.conditions(self.batch.used)
        compiled = " with XLA" if self.jit and self.backend == "tensorflow" else ""
        where = f"{self.precision}, {self.backend}{compiled} on {self.device}"
        return f"{self.mode}, batch {self.batch.used}, {where}"

    def check_model(self, network: Network) -> None:
        """Refuse a run of another network.

        A run that carries its network is compared by fingerprint, but for the momentum of batch
        norm, which takes no time: a Keras model is made with another than its code base has. A run
        of before that is compared by name, resolution, dialect and blocks.

        Raises:
            InvalidMeasurement: If it is another one; the message says what differs.
        """
        if self.network is not None and _as_timed(self.network) == _as_timed(network):
            return
        differences = list(self.model.differences(network))
        if self.network is not None and not differences:
            differences.append("its layers differ")
        if differences:
            raise InvalidMeasurement(
                f"the profile is of another network: {'; '.join(differences[:3])}",
                advice("measure this one, and {} it", Option("save")),
            )


def _as_timed(network: Network) -> str:
    """Compute the fingerprint of a network with every batch norm at one momentum."""
    graph = network.graph
    layers = tuple(
        layer._replace(op=layer.op._replace(momentum=0.0))
        if isinstance(layer.op, ops.BatchNorm)
        else layer
        for layer in graph
    )
    return fingerprint(LayerGraph(graph.name, layers, graph.outputs))
