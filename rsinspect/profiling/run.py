"""The record of a measurement: what was run, where, how, and every sample.

``ProfileRun.to_json`` and ``from_json`` are each other's inverse. What follows from samples and
counts (medians, shares, rates) is computed, never stored; the document has it for its readers.

Schema ``rsinspect.profile/1``: first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from rsinspect.errors import InvalidMeasurement
from rsinspect.profiling.cautions import CAUTIONS, KINDS, Caution, wording
from rsinspect.profiling.statistics import NOMINAL_COVERAGE, Latency
from rsinspect.spec import ResNetRSSpec

SCHEMA = "rsinspect.profile/1"

NO_ROOFS = "roofs not measured"

UNITS = {
    "macs": "per image",
    "flops_per_s": "2 * macs * batch / median latency",
    "bytes": "per batch; inputs, outputs and weights of each layer on its own, nothing fused",
    "intensity": "FLOP of the paper's convention per byte",
    "share": "of the sum of the segments' medians",
    "latency_s": "seconds for one batch",
}
"""What the numbers of a segment are counts of; part of the document."""

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
    load_before: float | None
    load_after: float | None
    seed: int
    peak_rss_bytes: int | None
    unknown: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self) | {"versions": dict(self.versions), "unknown": dict(self.unknown)}

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
    """A stage or block, measured on the activations that the one before it made.

    Attributes:
        path: Of the stage or block.
        level: ``stage`` or ``block``; stem and head have no blocks and are one segment each.
        latency: Of one batch.
        macs: For one image.
        bytes_moved: For the batch: inputs, outputs and weights of each layer on its own.
        intensity: FLOPs of the paper's convention per byte moved; None where nothing moves.
    """

    path: str
    level: str
    latency: Latency
    macs: int
    bytes_moved: int
    intensity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Whether the segments account for the whole.

    Attributes:
        sum_s: Sum of the segments' medians.
        end_to_end_s: Median of the whole network, timed on its own in the same rounds.
        chain_max_abs_diff: Largest difference between the outputs of the two.
        output_max_abs: Largest output of the whole network in magnitude.
    """

    sum_s: float
    end_to_end_s: float
    chain_max_abs_diff: float
    output_max_abs: float

    @property
    def relative_error(self) -> float:
        """How far the sum is above the whole, as a share of the whole."""
        return self.sum_s / self.end_to_end_s - 1

    @property
    def same_output(self) -> bool:
        """Whether both computed the same, up to rounding."""
        return self.chain_max_abs_diff <= SAME_OUTPUT_WITHIN * self.output_max_abs


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRun:
    """A finished measurement.

    Attributes:
        model: What was measured.
        environment: Where.
        batch: Images in a batch, and how they came about.
        mode: ``forward``.
        precision: ``float32``.
        backend: Keras backend.
        device: ``cpu``.
        method: How samples were taken, in words.
        end_to_end: The whole network.
        segments: Its stages or blocks, in order.
        closure: Whether they account for the whole.
        warnings: Reasons to read the numbers with care.
        stopped_because: Why there are not more rounds: ``precise``, ``time`` or ``rounds``.
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
    method: str
    end_to_end: EndToEnd
    segments: tuple[Segment, ...]
    closure: Closure
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

    def flops_per_s(self, segment: Segment) -> float:
        """Rate of a segment: two FLOPs per MAC."""
        return 2 * segment.macs * self.batch.used / segment.latency.median

    @property
    def conditions(self) -> str:
        """Mode, batch, precision, backend and device, in words."""
        where = f"{self.precision}, {self.backend} on {self.device}"
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
            "method": self.method,
            "end_to_end": {
                "latency_s": _latency_to_json(self.end_to_end.latency),
                "images_per_s": self.end_to_end.images_per_s,
                "per_image_s": self.end_to_end.per_image_s,
                "per_128_images_s": self.end_to_end.per_128_images_s,
            },
            "segments": [
                {
                    "path": segment.path,
                    "level": segment.level,
                    "latency_s": _latency_to_json(segment.latency),
                    "share": self.share(segment),
                    "macs": segment.macs,
                    "flops_per_s": self.flops_per_s(segment),
                    "bytes": segment.bytes_moved,
                    "intensity": segment.intensity,
                    "bound": None,
                    "bound_reason": NO_ROOFS,
                }
                for segment in self.segments
            ],
            "closure": {
                "sum_s": self.closure.sum_s,
                "end_to_end_s": self.closure.end_to_end_s,
                "relative_error": self.closure.relative_error,
                "chain_max_abs_diff": self.closure.chain_max_abs_diff,
                "output_max_abs": self.closure.output_max_abs,
            },
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
            method=read.text("method"),
            end_to_end=EndToEnd(latency=_latency(end_to_end), batch=used),
            segments=tuple(_segment(row) for row in read.rows("segments")),
            closure=Closure(
                sum_s=closure.positive("sum_s"),
                end_to_end_s=closure.positive("end_to_end_s"),
                chain_max_abs_diff=closure.number("chain_max_abs_diff"),
                output_max_abs=closure.number("output_max_abs"),
            ),
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


def _latency(read: _Reader) -> Latency:
    inside = read.inside("latency_s")
    try:
        latency = Latency(inside.numbers("samples"))
    except InvalidMeasurement as exc:
        inside.damaged(exc.message)
    if not math.isclose(latency.median, inside.number("median"), rel_tol=1e-9):
        inside.damaged(
            f"has the median {inside.value('median')}, its samples have {latency.median}"
        )
    return latency


def _segment(read: _Reader) -> Segment:
    return Segment(
        path=read.text("path"),
        level=read.text("level"),
        latency=_latency(read),
        macs=read.whole("macs"),
        bytes_moved=read.whole("bytes"),
        intensity=read.maybe("intensity", read.number),
    )


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
