"""What is listed of a document: of a run, a prediction, a comparison, or whatever comes later.

``Facts`` is the row of the store; everything in it follows from the document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.words import quoted
from rsinspect.profiling.record import document as profiles
from rsinspect.profiling.record import predicted
from rsinspect.profiling.record.batch import Batch
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.model import Model
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import Settings

Document = Mapping[str, Any]

KINDS = ("profile", "prediction", "fastest", "compare")
"""What can be kept: names in the schemas of documents."""

DIGITS = 12
"""Of a name made from content: one in 300 000 stores of 30 000 runs holds two runs of one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is listed of a run; what its document does not tell is None.

    Attributes:
        kind: One of ``KINDS``.
        model: Name of the network: ``resnet-rs-50``.
        title: The same for people, with the image size.
        fingerprint: Of the network's graph.
        height: Of the image.
        width: Of the image.
        batch: Images in a batch, as measured.
        mode: ``forward`` or ``train``.
        precision: Of the numbers computed with.
        backend: Keras backend.
        device: ``cpu``, ``gpu`` or ``gpu:1``.
        jit: Whether XLA or torch.compile compiled it.
        layout: Order of a map's axes.
        threads: As requested.
        level: What was timed apart.
        conditions: All of that in words.
        median_s: Latency of a batch, end to end.
        low_s: Where its 95 % interval begins.
        high_s: Where it ends.
        rounds: Which the median is of.
        started_at: When, in UTC, as the machine's clock had it.
        started_s: The same in seconds since 1970.
        machine: Which, in 12 hexadecimal digits: ``machine_of``.
        machine_name: The processor's, for people.
        version: Of the rsinspect that measured.
        peak_bytes: Most memory that the worker had resident.
    """

    kind: str
    model: str | None = None
    title: str | None = None
    fingerprint: str | None = None
    height: int | None = None
    width: int | None = None
    batch: int | None = None
    mode: str | None = None
    precision: str | None = None
    backend: str | None = None
    device: str | None = None
    jit: bool | None = None
    layout: str | None = None
    threads: int | None = None
    level: str | None = None
    conditions: str | None = None
    median_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    rounds: int | None = None
    started_at: str | None = None
    started_s: float | None = None
    machine: str | None = None
    machine_name: str | None = None
    version: str | None = None
    peak_bytes: int | None = None


def canonical(document: Document) -> bytes:
    """Write a document in the one way whose digest is its name."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def name_of(document: Document, letter: str = "r") -> str:
    """Name a document by its content.

    >>> name_of({"schema": "rsinspect.profile/1"})
    'rab1ffdbddb78'
    """
    return letter + hashlib.sha256(canonical(document)).hexdigest()[:DIGITS]


def kind_of(document: object) -> str:
    """Tell what a document is of, by its schema.

    Raises:
        InvalidMeasurement: If it is nothing that is kept.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    for kind in KINDS:
        if isinstance(schema, str) and schema.startswith(f"rsinspect.{kind}/"):
            return kind
    what = f"the schema {quoted(schema)}" if isinstance(schema, str) else "no schema"
    raise InvalidMeasurement(
        f"a document with {what} is not kept", f"runs are of rsinspect.{KINDS[0]}/1"
    )


def facts_of(document: Document) -> Facts:
    """Read what is listed of a document.

    Raises:
        InvalidMeasurement: If it is damaged, of a later version, or nothing that is kept.
    """
    kind = kind_of(document)
    if kind == "profile":
        return _of_run(profiles.from_json(document))
    if kind == "prediction":
        return _of_prediction(predicted.from_json(dict(document)))
    if kind == "fastest":
        return _of_contest(document)
    return Facts(kind=kind, **_of_sides(document) | _told(document))


@dataclass(frozen=True, kw_only=True)
class _Side:
    run: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """What is read of the document of a comparison."""

    a: _Side
    b: _Side


def _of_sides(document: Document) -> dict[str, Any]:
    """Read what the two runs of a comparison share, and both their titles."""
    try:
        read = codec.from_json(dict(document), _Pair, "comparison")
    except Damaged:
        return {}  # of a later version, perhaps: it is kept all the same
    one, other = facts_of(read.a.run), facts_of(read.b.run)
    alike: dict[str, Any] = {
        field.name: getattr(one, field.name)
        for field in fields(Facts)
        if field.name not in _OF_ONE and getattr(one, field.name) == getattr(other, field.name)
    }
    if one.title and other.title:
        alike["title"] = f"{one.title} → {other.title}"
    started = {"started_at": other.started_at, "started_s": other.started_s}
    return alike | started


_OF_ONE = ("kind", "title", "median_s", "low_s", "high_s", "rounds", "peak_bytes")
"""What is of one run and not of a comparison."""


def _told(document: Document) -> dict[str, Any]:
    """Read what a document of a room above tells in plain words."""
    words = {name: document.get(name) for name in ("title", "conditions", "started_at")}
    texts: dict[str, Any] = {name: word for name, word in words.items() if isinstance(word, str)}
    if "started_at" in texts:
        texts["started_s"] = since_1970(texts["started_at"])
    return texts


def _of_run(run: ProfileRun) -> Facts:
    latency, settings = run.end_to_end.latency, run.request
    return Facts(
        kind="profile",
        **_of_model(run.model, run.title),
        **_of_environment(run.environment),
        batch=run.batch.used,
        mode=run.mode,
        precision=run.precision,
        backend=run.backend,
        device=run.device,
        jit=run.jit,
        layout=None if settings is None else settings.layout,
        level=run.level,
        conditions=run.conditions,
        median_s=latency.median,
        low_s=latency.ci_low,
        high_s=latency.ci_high,
        rounds=run.rounds.kept,
        started_at=run.started_at,
        started_s=since_1970(run.started_at),
    )


def _of_prediction(run: PredictedRun) -> Facts:
    return Facts(
        kind="prediction",
        **_of_model(run.model, run.title),
        **_of_settings(run.request, run.batch),
        threads=run.request.threads,
        started_at=run.started_at,
        started_s=since_1970(run.started_at),
    )


@dataclass(frozen=True, kw_only=True)
class _Contest:
    """What is read of the document of a contest."""

    model: Model
    batch: Batch
    environment: Environment
    request: Settings


def _of_contest(document: Document) -> Facts:
    try:
        read = codec.from_json(document, _Contest, "contest")
    except Damaged as exc:
        raise InvalidMeasurement(f"the document is damaged: {exc}") from exc
    return Facts(
        kind="fastest",
        **_of_model(read.model, read.model.title),
        **_of_environment(read.environment),
        **_of_settings(read.request, read.batch.used) | _told(document),
    )


def _of_model(model: Model, title: str) -> dict[str, Any]:
    height, width = model.resolution or (None, None)
    return {
        "model": model.name,
        "title": title,
        "fingerprint": model.fingerprint,
        "height": height,
        "width": width,
    }


def _of_environment(environment: Environment) -> dict[str, Any]:
    return {
        "threads": environment.threads_requested,
        "machine": machine_of(environment),
        "machine_name": environment.cpu_model,
        "version": environment.versions.get("rsinspect"),
        "peak_bytes": environment.peak_rss_bytes,
    }


def _of_settings(settings: Settings, batch: int) -> dict[str, Any]:
    return {
        "batch": batch,
        "mode": settings.mode,
        "precision": settings.precision,
        "backend": settings.backend,
        "device": settings.device,
        "jit": settings.compiles,
        "layout": settings.layout,
        "level": settings.level,
        "conditions": settings.conditions(batch),
    }


def since_1970(moment: str | None) -> float | None:
    """Convert a moment to seconds since 1970; None where it is none.

    >>> since_1970("1970-01-02T00:00:00+00:00"), since_1970("yesterday")
    (86400.0, None)
    """
    try:
        read = datetime.fromisoformat(moment or "")
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def machine_of(environment: Environment) -> str:
    """Tell one machine from another by what decides how fast it is: 12 hexadecimal digits.

    System, architecture, processor, and how many of them; what can be changed on one machine,
    such as versions or the kernel's, is not in it.
    """
    system, *rest = environment.platform.split("-")
    architecture = next((word for word in rest if word in _ARCHITECTURES), None)
    processors = (environment.cpus_visible, environment.cpus_quota)
    told = {"machine": [system, architecture, environment.cpu_model, *processors]}
    return name_of(told, "")


_ARCHITECTURES = ("x86_64", "AMD64", "aarch64", "arm64", "armv7l", "ppc64le", "s390x", "riscv64")
