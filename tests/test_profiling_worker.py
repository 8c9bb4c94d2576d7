"""The worker on real, tiny networks; and the whole way from request to record."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rsinspect.base.errors import BackendUnavailable, DeviceUnavailable
from rsinspect.layers.partition import segments
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling import worker
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.choices import Mode
from rsinspect.profiling.parent import profile
from rsinspect.profiling.protocol import (
    Event,
    Failure,
    Phase,
    decode,
)
from rsinspect.profiling.record.cautions import OutputsDiffer
from rsinspect.profiling.record.document import from_json, to_json
from rsinspect.profiling.request import ProfileRequest, request_to_json
from rsinspect.profiling.rounds import RoundDone
from tests.conftest import Cli
from tests.processes import PATIENCE_S

BRIEF: dict[str, Any] = {"max_time_s": 800.0, "most_rounds": 1}
"""One burst, however slow the machine; pytest ends a test after 900 s."""

SPEC = ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32))
NETWORK = resnet_rs(SPEC)


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


STAGES = ["stem", "c2", "c3", "c4", "c5", "head"]
REST = {"tensorflow": ["call"], "jax": ["other", "call"], "torch": ["call"]}
"""Steps that are no part of the network."""


@pytest.mark.keras
@pytest.mark.parametrize("backend", backends())
def test_a_tiny_network_is_measured(backend: str) -> None:
    events: list[Event] = []
    request = ProfileRequest(network=NETWORK, batch=2, **BRIEF, backend=backend, roofs=False)
    found = profile(request, on_event=events.append)
    assert [segment.path for segment in found.segments] == [*STAGES, *REST[backend]]
    rounds = found.rounds.count
    assert rounds >= 1
    assert {len(segment.latency.samples) for segment in found.segments} == {rounds}
    assert found.closure.same_output
    assert (found.closure.output_max_abs or 0) > 0
    assert not any(isinstance(caution, OutputsDiffer) for caution in found.warnings)
    assert found.batch.used == 2
    assert sum(found.share(segment) for segment in found.segments) == pytest.approx(1)
    environment = found.environment
    assert dict(environment.versions).keys() == {"python", "keras", backend, "rsinspect"}
    for name in ("cpu_model", "governor", "cpus_quota", "cpus_affinity", "load_after"):
        assert (getattr(environment, name) is None) == (name in dict(environment.unknown))
    assert environment.peak_rss_bytes is not None
    assert from_json(json.loads(json.dumps(to_json(found)))) == found
    phases = [event.name for event in events if isinstance(event, Phase)]
    assert phases == ["starting", "building", "compiling", "warm-up", "measuring"]
    measured = [e for e in events if isinstance(e, RoundDone) and e.phase == "measuring"]
    assert measured[-1].round == rounds


@pytest.mark.keras
@pytest.mark.parametrize("backend", backends())
def test_a_training_step_is_measured_forward_and_backward(backend: str) -> None:
    request = ProfileRequest(
        network=NETWORK, batch=2, mode="train", **BRIEF, backend=backend, roofs=False
    )
    found = profile(request)
    assert [segment.path for segment in found.segments] == [
        *STAGES, "loss", "optimizer", *REST[backend],
    ]  # fmt: skip
    for segment in found.segments[:6]:
        assert segment.forward is not None
        assert segment.backward is not None
        assert segment.backward.median > 0
    assert found.optimizer is not None
    assert found.closure.same_output


@pytest.mark.keras
@pytest.mark.skipif(not installed("tensorflow"), reason="tensorflow is not installed")
@pytest.mark.parametrize("mode", ["forward", "train"])
def test_xla_is_measured_uncut_by_its_own_profiler(mode: Mode) -> None:
    request = ProfileRequest(
        network=NETWORK, batch=1, mode=mode, jit=True, **BRIEF, roofs=False, predict=False,
        level="layer" if mode == "forward" else "stage",
    )  # fmt: skip
    found = profile(request)
    assert found.jit
    assert "XLA's profiler" in found.method
    assert found.closure.same_output
    assert found.conditions.endswith("tensorflow with XLA on cpu")
    assert [s.path for s in found.segments if s.level == "step"] == [
        *(["loss", "optimizer"] if mode == "train" else []), "other", "call",
    ]  # fmt: skip
    parts = [segment for segment in found.segments if segment.level != "step"]
    assert all(segment.latency.median > 0 for segment in parts), "each part has ops of its own"
    if mode == "train":
        assert all(p.backward is not None and p.backward.median > 0 for p in parts)
    else:
        assert found.not_available == {}
        assert (found.energy is None) == ("energy" in found.environment.unknown)
        assert found.trace is not None
        assert {"c2/block0/conv2", "c4/block0/conv2"} <= {x.path for x in found.trace.layers}


@pytest.mark.keras
@pytest.mark.parametrize("backend", backends())
def test_mixed_precision_is_measured_without_preprocessing_and_head_on_a_thread(
    backend: str,
) -> None:
    spec = SPEC.replace(include_top=False, preprocessing=False, resolution=(32, 48))
    request = ProfileRequest(
        network=resnet_rs(spec), batch=1, precision="bfloat16", threads=1, **BRIEF,
        backend=backend, roofs=False,
    )  # fmt: skip
    found = profile(request)
    assert found.precision == "bfloat16"
    stage = segments(build_graph(spec), "stage")[1].cost(build_graph(spec))
    assert found.segments[1].bytes_moved == stage.bytes_moved(batch=1, dtype="bfloat16")
    assert [segment.path for segment in found.segments] == [*STAGES[:5], *REST[backend]]
    assert found.environment.threads_requested == 1
    assert found.closure.same_output


@pytest.mark.keras
@pytest.mark.parametrize("backend", backends())
def test_a_gpu_that_is_not_there_is_said_not_to_be_there(backend: str) -> None:
    with pytest.raises(DeviceUnavailable, match=f"{backend} finds no gpu here") as caught:
        profile(ProfileRequest(network=NETWORK, batch=1, device="gpu", backend=backend, **BRIEF))
    assert caught.value.exit_code == 3


@pytest.mark.keras
@pytest.mark.parametrize("backend", backends())
def test_blocks_are_measured_one_by_one_after_a_prediction(backend: str) -> None:
    spec = SPEC.replace(blocks=(1, 3, 1, 1))
    events: list[Event] = []
    found = profile(
        ProfileRequest(
            network=resnet_rs(spec),
            batch=2,
            level="block",
            **BRIEF,
            backend=backend,
            roofs=False,
        ),
        on_event=events.append,
    )
    assert [segment.path for segment in found.segments] == [
        "stem", "c2/block0", "c3/block0", "c3/block1", "c3/block2", "c4/block0", "c5/block0",
        "head", *REST[backend],
    ]  # fmt: skip
    assert {segment.level for segment in found.segments} == {"block", "step"}
    assert found.closure.same_output
    assert found.prediction is not None
    assert {part.path: part.repeats for part in found.prediction.parts}["c3/block1"] == 2
    phases = [event.name for event in events if isinstance(event, Phase)]
    assert phases.index("predicting") < phases.index("building")
    if backend == "tensorflow":  # by construction, but for what rounding and clamping could lose
        for index, whole in enumerate(found.rounds.instrumented_s):
            parts = sum(segment.latency.samples[index] for segment in found.segments)
            assert parts == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_backend_that_cannot_be_imported_is_unavailable(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = f"raise ModuleNotFoundError(\"No module named '{backend}'\")"
    (tmp_path / f"{backend}.py").write_text(missing)  # stands before an installed one
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BackendUnavailable, match=f"No module named '{backend}'") as caught:
        profile(ProfileRequest(network=NETWORK, batch=1, backend=backend))
    assert caught.value.exit_code == 3
    assert f"pip install {backend}" in (caught.value.hint or "")


def say_to_worker(text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "rsinspect.profiling.worker"], input=text,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def test_a_request_that_cannot_be_is_refused_before_any_import() -> None:
    request = ProfileRequest(network=NETWORK, batch=1)
    document = request_to_json(request, Budget.starting(60)) | {"batch": 0}
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


def test_a_time_in_which_nothing_can_start_is_kept_all_the_same(cli: Cli) -> None:
    outcome = cli("profile", "50", "--batch", "1", "--max-time", "0.05")
    assert (outcome.code, outcome.out) == (1, "")
    *_, error, hint = outcome.err.splitlines()
    assert error.startswith("error: nothing was measured in 0.05 s")
    assert hint == "hint: allow more, such as --max-time 60"


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
