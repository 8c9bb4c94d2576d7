"""The worker on real, tiny networks; and the whole way from request to record."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rsinspect.errors import BackendUnavailable
from rsinspect.profiling import worker
from rsinspect.profiling.cautions import ChainDiffers
from rsinspect.profiling.parent import profile
from rsinspect.profiling.protocol import (
    Event,
    Failure,
    Phase,
    ProfileRequest,
    RoundDone,
    decode,
    request_to_json,
)
from rsinspect.profiling.run import ProfileRun
from rsinspect.spec import ResNetRSSpec

SPEC = ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32))


def installed(backend: str) -> bool:
    return importlib.util.find_spec(backend) is not None


def backends() -> list[object]:
    return [
        pytest.param(
            backend,
            marks=pytest.mark.skipif(not installed(backend), reason=f"{backend} is not installed"),
        )
        for backend in ("tensorflow", "jax", "torch")
    ]


@pytest.mark.keras
@pytest.mark.parametrize("backend", backends())
def test_a_tiny_network_is_measured(backend: str) -> None:
    events: list[Event] = []
    request = ProfileRequest(spec=SPEC, batch=2, max_time_s=2.0, backend=backend)
    found = profile(request, on_event=events.append)
    assert [segment.path for segment in found.segments] == ["stem", "c2", "c3", "c4", "c5", "head"]
    rounds = len(found.end_to_end.latency.samples)
    assert rounds >= 1
    assert {len(segment.latency.samples) for segment in found.segments} == {rounds}
    assert found.closure.same_output
    assert found.closure.output_max_abs > 0
    assert not any(isinstance(caution, ChainDiffers) for caution in found.warnings)
    assert found.batch.used == 2
    assert sum(found.share(segment) for segment in found.segments) == pytest.approx(1)
    environment = found.environment
    assert dict(environment.versions).keys() == {"python", "keras", backend, "rsinspect"}
    for name in ("cpu_model", "governor", "cpus_quota", "cpus_affinity", "peak_rss_bytes"):
        assert (getattr(environment, name) is None) == (name in dict(environment.unknown))
    assert ProfileRun.from_json(json.loads(json.dumps(found.to_json()))) == found
    phases = [event.name for event in events if isinstance(event, Phase)]
    assert phases == ["starting", "building", "compiling", "warm-up", "measuring"]
    measured = [e for e in events if isinstance(e, RoundDone) and e.phase == "measuring"]
    assert [event.round for event in measured] == list(range(1, rounds + 1))


@pytest.mark.keras
@pytest.mark.skipif(not installed("tensorflow"), reason="tensorflow is not installed")
def test_a_network_without_preprocessing_and_head_is_measured_with_threads() -> None:
    spec = SPEC.replace(include_top=False, preprocessing=False, resolution=(32, 48))
    request = ProfileRequest(spec=spec, batch=1, max_time_s=0.5, threads=1)
    found = profile(request)
    assert [segment.path for segment in found.segments] == ["stem", "c2", "c3", "c4", "c5"]
    assert found.environment.threads_requested == 1
    assert found.closure.same_output


@pytest.mark.keras
@pytest.mark.parametrize("backend", backends())
def test_blocks_are_measured_one_by_one(backend: str) -> None:
    spec = SPEC.replace(blocks=(1, 2, 1, 1))
    found = profile(
        ProfileRequest(spec=spec, batch=2, level="block", max_time_s=1.0, backend=backend)
    )
    assert [segment.path for segment in found.segments] == [
        "stem", "c2/block0", "c3/block0", "c3/block1", "c4/block0", "c5/block0", "head",
    ]  # fmt: skip
    assert {segment.level for segment in found.segments} == {"block"}
    assert found.method.startswith("chain of blocks")
    assert found.closure.same_output
    assert found.closure.output_max_abs > 0


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_backend_that_cannot_be_imported_is_unavailable(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = f"raise ModuleNotFoundError(\"No module named '{backend}'\")"
    (tmp_path / f"{backend}.py").write_text(missing)  # stands before an installed one
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BackendUnavailable, match=f"No module named '{backend}'") as caught:
        profile(ProfileRequest(spec=SPEC, batch=1, backend=backend))
    assert caught.value.exit_code == 3
    assert f"rsinspect[{backend}]" in (caught.value.hint or "")


def say_to_worker(text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "rsinspect.profiling.worker"], input=text,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_request_that_cannot_be_is_refused_before_any_import() -> None:
    document = request_to_json(ProfileRequest(spec=SPEC, batch=1)) | {"batch": 0}
    done = say_to_worker(json.dumps(document) + "\n")
    assert done.returncode == 1
    message = decode(done.stdout.splitlines()[-1])
    assert isinstance(message, Failure)
    assert (message.kind, message.error) == ("refused", "InvalidMeasurement")


def test_a_bug_is_told_and_keeps_its_traceback() -> None:
    done = say_to_worker("no request\n")
    assert done.returncode == 1
    message = decode(done.stdout.splitlines()[-1])
    assert isinstance(message, Failure)
    assert message.kind == "error"
    assert "Traceback" in done.stderr


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (MemoryError(), "memory"),
        (ResourceExhaustedError("OOM when allocating"), "memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "memory"),
        (RuntimeError("could not create a primitive"), "memory"),
        (RuntimeError("std::bad_alloc"), "memory"),
        (ValueError("shapes"), "error"),
    ],
)
def test_allocation_errors_are_told_apart(exc: Exception, kind: str) -> None:
    assert worker._failure_kind(exc) == kind
