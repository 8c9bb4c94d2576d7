"""The parent, with workers that are small scripts: no framework is imported here."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from rsinspect.base import errors
from rsinspect.base.errors import (
    BackendUnavailable,
    BatchDoesNotFit,
    InvalidChoice,
    InvalidMeasurement,
    MeasurementError,
    ModelBuildError,
)
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.partition import segments
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling import memory
from rsinspect.profiling.attempt import WorkerEnd, is_out_of_memory, run_worker
from rsinspect.profiling.budget import GRACE_S, Budget, Estimate
from rsinspect.profiling.choices import BACKENDS
from rsinspect.profiling.parent import (
    IN_THE_MIDST,
    Interrupted,
    NotMeasured,
    ladder,
    profile,
)
from rsinspect.profiling.protocol import (
    AttemptStarted,
    BatchRefused,
    Estimated,
    Event,
    Failure,
    MemoryUsed,
    NotAvailable,
    Phase,
    PhaseName,
    Ready,
    RoofsMeasured,
    Traced,
    decode,
    encode,
)
from rsinspect.profiling.record.cautions import (
    BatchReduced,
    BusyMachine,
    CutShort,
    FewSamples,
    NeverQuiet,
    NotSteady,
)
from rsinspect.profiling.record.document import from_json, to_json
from rsinspect.profiling.record.prediction import PredictedPart, Prediction
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.record.trace import TracedEvent, TracedSeconds
from rsinspect.profiling.request import ProfileRequest, request_from_json, request_to_json
from rsinspect.profiling.rounds import Finished, Round, RoundDone
from tests.networks import network_of
from tests.processes import PATIENCE_S, gone
from tests.runs import ENVIRONMENT, ROOFS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")

SPEC = ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32))
NETWORK = resnet_rs(SPEC)
AMPLE_S = 600.0
"""A budget by the real clock: however slow the machine, it is not what ends a measurement."""
REQUEST = ProfileRequest(network=NETWORK, batch=8, max_time_s=AMPLE_S)
GIB = 1 << 30

PRELUDE = """
import json, os, signal, sys, time
request = json.loads(sys.stdin.readline())
batch = request["batch"]
def say(event, **values):
    print(json.dumps({"event": event} | values), flush=True)
def die(number):
    os.kill(os.getpid(), number)
    time.sleep(3600)
environment = {
    "platform": "fake", "cpu_model": None, "cpus_visible": 2, "cpus_affinity": 2,
    "cpus_quota": None, "governor": None, "threads_requested": None, "threads": "default",
    "versions": {}, "flags": {}, "load_before": 1.5, "load_after": None, "seed": 0,
    "peak_rss_bytes": None, "unknown": {},
}
paths = ["stem", "c2", "c3", "c4", "c5", "head"]
def ready(parts=6):
    say("ready", parts=[[path, "forward"] for path in paths[:parts]], method="fake",
        output_max_abs_diff=0.0, output_max_abs=0.5, optimizer=None, environment=environment)
def rounds(count=6, parts=6, foreign_s=0.0):
    for number in range(count):
        say("round", burst=number, at_s=number, end_to_end_s=0.6, instrumented_s=0.61,
            parts_s=[0.1] * parts, capacity_s=2.4, foreign_s=foreign_s, clock_share=None)
def finished():
    say("finished", warm_up=[9.0, 1.2, 1.2], steady=True, stopped_because="time", elapsed_s=1.0)
def result(count=6, parts=6, foreign_s=0.0):
    ready(parts)
    rounds(count, parts, foreign_s)
    finished()
"""

MakeWorker = Callable[[str], tuple[str, ...]]


@pytest.fixture
def worker(tmp_path: Path) -> MakeWorker:
    """A worker command that runs ``body`` after the prelude."""

    def make(body: str) -> tuple[str, ...]:
        script = tmp_path / "worker.py"
        script.write_text(PRELUDE + textwrap.dedent(body))
        return (sys.executable, "-S", str(script))

    return make


def run(
    command: tuple[str, ...],
    *,
    batch: int = 8,
    available: int | None = None,
    strict: bool = False,
    backend: str = "tensorflow",
    max_time_s: float = AMPLE_S,
    events: list[Event] | None = None,
    up_at: type[object] | None = None,
) -> ProfileRun:
    """A run of a worker; where ``up_at`` is given, the time is up when such an event comes."""
    request = ProfileRequest(
        network=NETWORK, batch=batch, max_time_s=max_time_s, strict_batch=strict, backend=backend
    )
    budget, on_event = time_that_is_up(
        max_time_s, lambda event: up_at is not None and isinstance(event, up_at)
    )

    def hear(event: Event) -> None:
        if events is not None:
            events.append(event)
        on_event(event)

    return profile(
        request,
        budget=None if up_at is None else budget,
        on_event=hear,
        worker=command,
        available_bytes=lambda: available,
    )


def time_that_is_up(
    whole_s: float, when: Callable[[Event], bool]
) -> tuple[Budget, Callable[[Event], None]]:
    """A budget whose clock stands still until an event uses all of it, and what hears events."""
    now_s = 0.0

    def hear(event: Event) -> None:
        nonlocal now_s
        if when(event):
            now_s = whole_s + 2 * GRACE_S

    return Budget.starting(whole_s, lambda: now_s), hear


def needed(batch: int) -> memory.NeededMemory:
    return memory.needed_memory(ProfileRequest(network=NETWORK, batch=batch))


def test_a_run_has_the_samples_and_what_follows_from_the_graph(worker: MakeWorker) -> None:
    events: list[Event] = []
    found = run(
        worker(
            """
            say("phase", name="building")
            print("not ours")
            say("progress", phase="measuring", round=1, elapsed_s=0.5)
            say("memory", peak_rss_bytes=123456789)
            result()
            """
        ),
        events=events,
    )
    assert events == [
        AttemptStarted(8),
        Phase("building"),
        RoundDone("measuring", 1, 0.5),
        MemoryUsed(123456789),
    ]
    assert [segment.path for segment in found.segments] == ["stem", "c2", "c3", "c4", "c5", "head"]
    assert found.end_to_end.latency.median == 0.6
    assert found.closure.sum_s == pytest.approx(0.6)
    assert found.batch.requested == found.batch.used == 8
    (attempt,) = found.batch.tried
    assert attempt.outcome == "ran"
    assert attempt.predicted_bytes == found.predicted_bytes == needed(8).total_bytes
    assert attempt.peak_rss_bytes is not None
    assert attempt.peak_rss_bytes >= 123456789
    assert BusyMachine(1.5, 2) in found.warnings
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_few_rounds_are_said_to_be_few(worker: MakeWorker) -> None:
    assert FewSamples(3) in run(worker("result(count=3)")).warnings
    assert not any(
        isinstance(caution, FewSamples | NotSteady) for caution in run(worker("result()")).warnings
    )


def test_rungs_predicted_not_to_fit_are_skipped_and_listed(worker: MakeWorker) -> None:
    available = int((needed(16).total_bytes + 1) / memory.FITS_SHARE)
    events: list[Event] = []
    found = run(worker("result()"), batch=64, available=available, events=events)
    assert [(attempt.batch, attempt.outcome) for attempt in found.batch.tried] == [
        (64, "skipped"), (32, "skipped"), (16, "ran"),
    ]  # fmt: skip
    reason = found.batch.tried[0].reason
    assert reason is not None
    assert reason.startswith("predicted ")
    assert found.batch.tried[0].peak_rss_bytes is None
    assert BatchReduced(64, 16) in found.warnings
    stem = segments(build_graph(SPEC), "stage")[0].cost(build_graph(SPEC))
    assert found.segments[0].bytes_moved == stem.bytes_moved(batch=16)
    assert found.segments[0].macs == stem.macs
    assert [type(event) for event in events] == [BatchRefused, BatchRefused, AttemptStarted]


def test_the_prediction_is_beside_the_framework_that_was_imported(worker: MakeWorker) -> None:
    body = """
        say("phase", name="starting")
        say("memory", peak_rss_bytes=111_000_000)
        say("phase", name="building")
        say("memory", peak_rss_bytes=900_000_000)
        result()
    """
    found = run(worker(body))
    assert found.predicted_bytes == 111_000_000 + needed(8).working_bytes


def test_nothing_fits(worker: MakeWorker) -> None:
    with pytest.raises(BatchDoesNotFit, match="no batch from 4 down to 1 fits") as caught:
        run(worker("result()"), batch=4, available=1000)
    assert caught.value.hint


def test_strict_batch_refuses_the_first_rung_that_does_not_fit(worker: MakeWorker) -> None:
    with pytest.raises(BatchDoesNotFit, match="batch 4 does not fit: predicted"):
        run(worker("result()"), batch=4, available=1000, strict=True)


DEATHS = {
    "SIGKILL": "die(signal.SIGKILL)",
    "SIGSEGV": "die(signal.SIGSEGV)",
    "SIGABRT": "die(signal.SIGABRT)",
    "exit 137": "os._exit(137)",
    "exit 139": "os._exit(139)",
    "exit 134": "os._exit(134)",
    "bad_alloc": "print(\"terminate called ... 'std::bad_alloc'\", file=sys.stderr); os._exit(1)",
    "MemoryError": "say('failure', kind='memory', error='MemoryError', message=''); os._exit(1)",
    "tensorflow": (
        "say('failure', kind='error', error='ResourceExhaustedError', message='OOM when');"
        "os._exit(1)"
    ),
    "oneDNN": (
        "say('failure', kind='error', error='AbortedError',"
        " message='could not create a primitive'); os._exit(1)"
    ),
    "jax": (
        "say('failure', kind='error', error='XlaRuntimeError',"
        " message='RESOURCE_EXHAUSTED: Out of memory'); os._exit(1)"
    ),
    "torch": (
        "say('failure', kind='error', error='OutOfMemoryError', message='tried to allocate');"
        "os._exit(1)"
    ),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_death_with_the_memory_used_up_halves_the_batch(worker: MakeWorker, death: str) -> None:
    found = run(
        worker(
            f"""
            if batch > 4:
                say("memory", peak_rss_bytes={9 * GIB})
                {DEATHS[death]}
            result()
            """
        ),
        batch=16,
        available=10 * GIB,
    )
    assert [(attempt.batch, attempt.outcome) for attempt in found.batch.tried] == [
        (16, "out_of_memory"), (8, "out_of_memory"), (4, "ran"),
    ]  # fmt: skip
    assert "peak memory 9.00 GiB" in (found.batch.tried[0].reason or "")


@pytest.mark.parametrize("death", DEATHS)
def test_the_same_death_with_little_memory_in_use_is_a_crash(
    worker: MakeWorker, death: str
) -> None:
    with pytest.raises(MeasurementError, match="crashed at batch 16") as caught:
        run(
            worker(
                f"""
                print("last words", file=sys.stderr, flush=True)
                say("memory", peak_rss_bytes=1000)
                {DEATHS[death]}
                """
            ),
            batch=16,
            available=10 * GIB,
        )
    assert not isinstance(caught.value, BatchDoesNotFit)
    assert "last words" in caught.value.message


def ended(number: int, peak: int | None) -> WorkerEnd:
    return WorkerEnd(returncode=-number, finished=False, failure=None, tail="", peak_rss_bytes=peak)


def test_the_framework_alone_never_counts_as_memory_used_up() -> None:
    """Every worker uses it: 80 % of a small prediction is reached by importing."""
    prediction = needed(1)
    assert prediction.framework_bytes > 0.8 * prediction.total_bytes
    idle = ended(signal.SIGKILL, prediction.framework_bytes)
    assert not is_out_of_memory(idle, prediction, 100 * GIB)
    full = ended(signal.SIGKILL, prediction.total_bytes)
    assert is_out_of_memory(full, prediction, 100 * GIB)


def test_a_program_that_crashes_with_memory_to_spare_was_not_short_of_it() -> None:
    prediction = needed(8)
    crash = ended(signal.SIGSEGV, prediction.total_bytes)
    assert not is_out_of_memory(crash, prediction, 100 * GIB)
    assert is_out_of_memory(crash, prediction, prediction.total_bytes * 3 // 2)
    assert is_out_of_memory(crash, prediction, None)


def test_a_tensor_too_large_to_be_allocated_counts_though_it_was_never_used() -> None:
    prediction = needed(8)
    said = Failure(kind="memory", error="ResourceExhaustedError", message="OOM when allocating")
    small = replace(ended(signal.SIGKILL, prediction.framework_bytes), returncode=1, failure=said)
    assert is_out_of_memory(small, prediction, prediction.total_bytes * 3 // 2)
    assert not is_out_of_memory(small, prediction, 100 * GIB)


def test_on_a_gpu_the_worker_s_word_has_to_do() -> None:
    said = Failure(kind="error", error="XlaRuntimeError", message="CUDA_ERROR_OUT_OF_MEMORY: x")
    told = replace(ended(signal.SIGABRT, 1000), failure=said)
    assert is_out_of_memory(told, needed(8), None, on_cpu=False)
    assert not is_out_of_memory(ended(signal.SIGABRT, 1000), needed(8), None, on_cpu=False)


def test_a_worker_that_takes_more_than_there_is_is_ended(worker: MakeWorker) -> None:
    request = replace(REQUEST, memory_limit_bytes=200_000_000)
    found = run_worker(
        worker("ballast = b'x' * 400_000_000; time.sleep(3600)"), request, Budget.starting(AMPLE_S),
        on_event=lambda _: None,
    )  # fmt: skip
    assert found.returncode == -signal.SIGKILL
    assert not found.finished
    assert is_out_of_memory(found, needed(8), 200_000_000)


def test_where_nobody_knows_the_peak_the_kernel_s_kill_is_believed() -> None:
    assert is_out_of_memory(ended(signal.SIGKILL, None), needed(8), None)
    assert not is_out_of_memory(ended(signal.SIGSEGV, None), needed(8), None)


def test_an_ordinary_exit_without_a_result_is_a_crash(worker: MakeWorker) -> None:
    with pytest.raises(MeasurementError, match="ended with code 3 without a result"):
        run(worker("sys.exit(3)"))


def test_only_the_end_of_a_long_complaint_is_kept(worker: MakeWorker) -> None:
    with pytest.raises(MeasurementError) as caught:
        run(worker("for i in range(100_000): print('line', i, file=sys.stderr)\nsys.exit(1)"))
    assert "line 99999" in caught.value.message
    assert len(caught.value.message.splitlines()) < 20


@pytest.mark.parametrize(("backend", "extra"), [("torch", "torch"), ("jax", "jax")])
def test_a_missing_framework_says_how_to_install_it(
    worker: MakeWorker, backend: str, extra: str
) -> None:
    with pytest.raises(BackendUnavailable, match="No module named") as caught:
        run(
            worker(
                "say('failure', kind='unavailable', error='ModuleNotFoundError',"
                " message='No module named x'); os._exit(1)"
            ),
            backend=backend,
        )
    assert caught.value.exit_code == 3
    assert caught.value.hint == f"pip install {extra}"


def test_an_error_of_our_own_arrives_as_itself(worker: MakeWorker) -> None:
    with pytest.raises(ModelBuildError, match="too odd") as caught:
        run(
            worker(
                "say('failure', kind='refused', error='ModelBuildError', message='too odd',"
                " hint='another'); os._exit(1)"
            )
        )
    assert caught.value.hint == "another"


def test_a_name_that_is_no_error_of_ours_becomes_one(worker: MakeWorker) -> None:
    assert hasattr(errors, "annotations")
    with pytest.raises(MeasurementError, match="x"):
        run(worker("say('failure', kind='refused', error='annotations', message='x')"))


def test_a_refusal_that_words_its_own_message_arrives_as_it_was_said(worker: MakeWorker) -> None:
    with pytest.raises(InvalidChoice, match="unknown dtype 'f8'"):
        run(worker("say('failure', kind='refused', error='InvalidChoice',"
                   " message=\"unknown dtype 'f8'\", hint='did you mean f4?')"))  # fmt: skip


def test_a_result_of_the_wrong_length_is_refused(worker: MakeWorker) -> None:
    with pytest.raises(MeasurementError, match="'c3', 'forward'"):
        run(worker("result(parts=2)"))


def test_a_result_counts_even_if_the_worker_then_dies(worker: MakeWorker) -> None:
    assert run(worker("result(); die(signal.SIGSEGV)")).end_to_end.latency.median == 0.6


def test_whatever_a_worker_is_at_when_the_time_is_up_has_words() -> None:
    assert {*IN_THE_MIDST} == {*get_args(PhaseName)}


def test_a_worker_past_its_deadline_is_ended_with_its_children(
    worker: MakeWorker, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    command = worker(
        f"""
        import subprocess
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(3600)"])
        open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
        say("phase", name="measuring")
        time.sleep(3600)
        """
    )
    with pytest.raises(NotMeasured, match="nothing was measured in 1 s") as caught:
        run(command, max_time_s=1.0, up_at=Phase)
    assert caught.value.hint
    assert gone(*pids.read_text().split())


@pytest.mark.slow
def test_a_child_that_outlives_the_worker_does_not_hold_up_the_result(
    worker: MakeWorker, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    command = worker(
        f"""
        import subprocess
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(3600)"])
        open({str(pids)!r}, "w").write(str(child.pid))
        result()
        """
    )
    assert run(command).batch.used == 8
    assert gone(pids.read_text())


def test_a_large_caller_is_not_mistaken_for_a_large_worker(worker: MakeWorker) -> None:
    caller = f"""
from rsinspect.profiling.parent import profile
from rsinspect.profiling.request import ProfileRequest
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
ballast = b"x" * 400_000_000
spec = ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32))
request = ProfileRequest(network=resnet_rs(spec), batch=8, max_time_s={AMPLE_S})
run = profile(request, worker={worker("result()")!r})
print(run.batch.tried[0].peak_rss_bytes)
"""
    done = subprocess.run(
        [sys.executable, "-c", caller], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None" or int(done.stdout) < 200_000_000


@pytest.mark.slow
def test_a_process_that_leaves_the_group_does_not_hold_up_the_result(
    worker: MakeWorker, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    command = worker(
        f"""
        import subprocess
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", "import time; time.sleep(3600)"], start_new_session=True
        )
        open({str(pid)!r}, "w").write(str(child.pid))
        result()
        """
    )
    try:
        assert run(command).batch.used == 8
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_an_exception_in_the_caller_ends_the_worker(worker: MakeWorker, tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def stop(event: Event) -> None:
        if isinstance(event, Phase):
            raise RuntimeError("enough")

    command = worker(
        f"""
        open({str(pid)!r}, "w").write(str(os.getpid()))
        say("phase", name="measuring")
        time.sleep(3600)
        """
    )
    with pytest.raises(RuntimeError, match="enough"):
        profile(REQUEST, on_event=stop, worker=command)
    assert gone(pid.read_text())


def test_ctrl_c_ends_the_worker_and_is_passed_on(worker: MakeWorker, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = worker(
        f"""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        open({str(pid)!r}, "w").write(str(os.getpid()))
        say("phase", name="measuring")
        time.sleep(3600)
        """
    )
    caller = f"""
from rsinspect.profiling.parent import profile
from rsinspect.profiling.request import ProfileRequest
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
spec = ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.25, resolution=(32, 32))
request = ProfileRequest(network=resnet_rs(spec), batch=8, max_time_s={AMPLE_S})
try:
    profile(request, worker={command!r}, on_event=lambda event: print(event, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", caller], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "measuring" in line:
                break
        os.kill(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert rest.strip().endswith("interrupted")
    assert gone(pid.read_text())


def test_a_worker_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="cannot be started"):
        run((str(tmp_path / "none"),))


def test_a_worker_that_never_reads_a_large_request_meets_its_deadline(tmp_path: Path) -> None:
    script = tmp_path / "deaf.py"
    script.write_text("import time; time.sleep(3600)")
    request = ProfileRequest(network=network_of(420), batch=8)
    budget = Budget.starting(0.1)
    assert len(json.dumps(request_to_json(request, budget))) > 1 << 17, "more than a pipe holds"
    ended = run_worker(
        (sys.executable, "-S", str(script)), request, budget, on_event=lambda _: None
    )
    assert ended.out_of_time


def test_a_worker_that_never_listens_is_a_crash(worker: MakeWorker) -> None:
    with pytest.raises(MeasurementError, match="ended with code 5"):
        run((sys.executable, "-S", "-c", "import sys; sys.exit(5)"))


def test_the_ladder_halves_down_to_one() -> None:
    assert list(ladder(128)) == [128, 64, 32, 16, 8, 4, 2, 1]
    assert list(ladder(1)) == [1]


def without_params() -> Network:
    """A network of which nothing is learnt."""
    shape = TensorShape(8, 8, 3)
    image = Layer("image", ops.Input(shape), (), shape)
    pool = Layer("pool", ops.GlobalAvgPool(), ("image",), TensorShape(3))
    return from_graph(LayerGraph("small", (image, pool)))


def with_a_recurrence() -> Network:
    """A network with a layer that no op describes."""
    shape = TensorShape(5, 8)
    return from_graph(
        LayerGraph(
            "recurrent",
            (
                Layer("words", ops.Input(shape), (), shape),
                Layer("lstm", ops.Opaque("LSTM", TensorShape(4)), ("words",), TensorShape(4)),
            ),
        )
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 0}, "the batch is 0; it must be a whole number from 1 to"),
        ({"batch": True}, "the batch is True"),
        ({"batch": 10**9}, "from 1 to 65 536 images"),
        ({"threads": 0}, "number of threads is 0"),
        ({"max_time_s": 0.0}, "time budget is 0.0; it must be above 0"),
        ({"max_time_s": float("nan")}, "time budget is nan; it must be above 0"),
        ({"backend": "jacks"}, "unknown backend 'jacks'"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"device": "gpu:x"}, "unknown device 'gpu:x'"),
        ({"device": "gpu", "threads": 2}, "threads are of the cpu"),
        ({"mode": "backward"}, "unknown mode 'backward'"),
        ({"level": "model"}, "unknown level 'model'"),
        ({"precision": "float8"}, "unknown precision 'float8'"),
        ({"precision": "tf32"}, "tf32 is a format of GPUs"),
        ({"processes": 0}, "number of processes is 0"),
        ({"backend": "jax", "jit": False}, "cannot do without jit"),
        ({"memory_format": "contiguous"}, "a memory format is PyTorch's; tensorflow chooses"),
        ({"fold_batch_norm": True, "mode": "train"}, "no batch norm to train"),
        ({"layout": "nchw"}, "unknown layout 'nchw'"),
        (
            {"mode": "train", "network": without_params()},
            "nothing in small is trained",
        ),
        ({"network": with_a_recurrence()}, "lstm is a layer of class LSTM, which is not known"),
    ],
)
def test_what_nobody_can_measure_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises((InvalidMeasurement, InvalidChoice), match=words):
        ProfileRequest(**({"network": NETWORK, "batch": 8} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_request_arrives_as_it_was_sent(dialect: str, backend: str) -> None:
    request = ProfileRequest(
        network=network_of(101, dialect=dialect, resolution=(64, 96)),
        batch=3, backend=backend, threads=2, seed=7, strict_batch=True, max_time_s=1.5,
    )  # fmt: skip
    budget = Budget.starting(1.5)
    document = json.loads(json.dumps(request_to_json(request, budget)))
    received, left = request_from_json(document)
    assert left == budget
    assert received == replace(request, network=replace(request.network, spec=None))
    assert received.network.names == dict(request.network.names)


@pytest.mark.parametrize(
    "message",
    [
        Phase("compiling"),
        RoundDone("warm-up", 2, 1.5),
        MemoryUsed(5),
        Failure(kind="error", error="ValueError", message="no"),
        Ready(
            parts=(("stem", "forward"), ("loss", "whole")), method="m", output_max_abs_diff=None,
            output_max_abs=1.0, optimizer="SGD", environment=ENVIRONMENT,
        ),
        Round(
            burst=1, at_s=0.5, end_to_end_s=0.2, instrumented_s=0.21, parts_s=(0.1, 0.11),
            capacity_s=0.8, foreign_s=None, clock_share=0.9,
        ),
        Finished(warm_up=(2.0,), steady=False, stopped_because="time", elapsed_s=3.0),
        Prediction(
            parts=(
                PredictedPart(path="stem", repeats=1, latency_s=0.1),
                PredictedPart(path="c2/block1", repeats=4, latency_s=0.2),
            ),
            end_to_end_s=0.9, rounds=12,
            ready_s=5.0,
        ),
        RoofsMeasured(ROOFS),
        NotAvailable("trace", "why"),
        Estimated(Estimate(batch=128, ready_s=4.0, pass_s=3.5, begun_s=8.0)),
        Traced(
            TracedSeconds(
                seconds={"stem/conv1": 0.5}, unattributed_s=0.1, steps=3, method="m",
                events=(TracedEvent("conv", None, 0.0, 1.5, "lane"),),
            )
        ),
    ],
    ids=lambda message: type(message).__name__,
)  # fmt: skip
def test_a_message_arrives_as_it_was_sent(message: Phase) -> None:
    line = encode(message)
    assert "\n" not in line
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", ["", "WARNING: hello", "3", "[]", "{}", '{"event": "song"}', '{"event": "phase"}']
)
def test_a_line_that_is_no_message_is_none(line: str) -> None:
    assert decode(line) is None


def test_every_sample_is_kept_and_those_with_a_neighbour_do_not_count(worker: MakeWorker) -> None:
    found = run(worker("ready(); rounds(10); rounds(10, foreign_s=1.2); finished()"))
    assert len(found.end_to_end.latency.samples) == 20
    assert (found.rounds.kept, found.rounds.verdict) == (10, "gated")
    assert found.rounds.foreign_share[-1] == 0.5


def test_a_machine_that_is_never_quiet_is_said_to_be_so(worker: MakeWorker) -> None:
    found = run(worker("result(count=20, foreign_s=1.2)"))
    assert NeverQuiet(0.5, 8) in found.warnings


def test_processes_measure_one_after_the_other(worker: MakeWorker) -> None:
    events: list[Event] = []
    request = ProfileRequest(network=NETWORK, batch=8, max_time_s=900.0, processes=3)
    command = worker(
        """
        left = request["ends_s"] - time.monotonic()
        assert left <= 900 / (3 - request["seed"])
        assert request["predict"] == (request["seed"] == 0)
        result()
        """
    )
    found = profile(
        request, on_event=events.append, worker=command, available_bytes=lambda: None
    )  # fmt: skip
    assert [e.process for e in events if isinstance(e, AttemptStarted)] == [0, 1, 2]
    assert found.rounds.processes == 3
    assert found.rounds.count == 18
    assert found.rounds.sampling.process == tuple(n for n in range(3) for _ in range(6))


def test_a_training_step_has_forward_backward_and_steps_of_its_own(worker: MakeWorker) -> None:
    request = replace(REQUEST, mode="train")
    body = """
    parts = [[path, "forward"] for path in paths] + [["loss", "whole"]]
    parts += [[path, "backward"] for path in reversed(paths)] + [["optimizer", "whole"]]
    say("ready", parts=parts, method="fake", output_max_abs_diff=0.0, output_max_abs=0.5,
        optimizer="SGD", environment=environment)
    for number in range(6):
        say("round", burst=number, at_s=number, end_to_end_s=1.4, instrumented_s=1.4,
            parts_s=[0.1] * len(parts), capacity_s=5.6, foreign_s=0.0, clock_share=None)
    finished()
    """
    found = profile(request, worker=worker(body), available_bytes=lambda: None)
    assert [s.path for s in found.segments][-3:] == ["head", "loss", "optimizer"]
    stem = found.segments[0]
    assert stem.forward is not None
    assert stem.backward is not None
    assert (stem.forward.median, stem.backward.median) == (0.1, 0.1)
    assert stem.latency.median == pytest.approx(0.2)
    assert found.flops_per_s(stem) == pytest.approx(3 * 2 * (stem.macs or 0) * 8 / 0.2)
    assert found.closure.sum_s == pytest.approx(1.4)
    assert found.closure.closes
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_a_prediction_roofs_and_what_is_missing_are_kept(worker: MakeWorker) -> None:
    events: list[Event] = []
    body = """
    say("predicted", parts=[dict(path=path, repeats=1, latency_s=s)
                           for path, s in (("stem", 0.1), ("c2/block0", 0.2))],
        end_to_end_s=0.3, rounds=9, ready_s=4.5)
    result()
    say("roofs", roofs={
        "precision": "float32", "method": "made up",
        "compute": [{"op": "matmul", "size": "1024", "flops_per_s": 1e12}],
        "bandwidth": [{"level": "DRAM", "working_set_bytes": 1000000, "bytes_per_s": 1e10}],
    })
    say("not_available", what="trace", reason="no profiler")
    """
    found = run(worker(body), events=events)
    assert found.prediction is not None
    assert found.prediction_error == pytest.approx(0.3 / 0.6 - 1)
    assert any(isinstance(event, Prediction) for event in events)
    assert found.roofs is not None
    bound = found.segments[0].bound
    assert bound is not None
    assert 0 < (bound.fraction or 0) < 1
    assert found.not_available == {"trace": "no profiler"}
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_a_segment_faster_than_its_roof_raises_the_roof(worker: MakeWorker) -> None:
    body = """
    result()
    say("roofs", roofs={
        "precision": "float32", "method": "made up",
        "compute": [{"op": "matmul", "size": "1024", "flops_per_s": 1e6}],
        "bandwidth": [{"level": "DRAM", "working_set_bytes": 1000000, "bytes_per_s": 1e6}],
    })
    """
    found = run(worker(body))
    fractions = [s.bound.fraction for s in found.segments if s.bound is not None]
    assert len(fractions) == 6
    assert max(f for f in fractions if f is not None) == 1.0
    assert None not in fractions
    assert found.roofs is not None
    assert "ran faster than they allow" in found.roofs.method


def test_ctrl_c_keeps_what_was_measured(worker: MakeWorker) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, RoundDone):
            raise KeyboardInterrupt

    command = worker(
        """
        ready()
        rounds(7)
        say("progress", phase="measuring", round=7, elapsed_s=0.5)
        time.sleep(3600)
        """
    )
    with pytest.raises(Interrupted) as caught:
        profile(REQUEST, on_event=stop, worker=command)
    found = caught.value.run
    assert isinstance(found, ProfileRun)
    assert found.stopped_because == "interrupted"
    assert found.end_to_end.latency.samples == (0.6,) * 7
    assert CutShort(7) in found.warnings
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_ctrl_c_before_the_first_round_has_nothing_to_keep(worker: MakeWorker) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Phase):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        profile(
            REQUEST, on_event=stop,
            worker=worker("say('phase', name='building'); time.sleep(3600)"),
        )  # fmt: skip
    assert caught.value.run is None


HEAVY = ("tensorflow", "keras", "jax", "torch", "numpy")
REPORT_HEAVY = f"print([name for name in {HEAVY} if name in __import__('sys').modules])"


def heavy_after(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT_HEAVY}"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_the_parent_imports_no_framework() -> None:
    assert heavy_after("import rsinspect.profiling.parent") == "[]"


def test_the_purity_test_can_fail() -> None:
    assert heavy_after("import numpy") == "['numpy']"


def test_a_worker_that_was_not_yet_asked_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A signal between start and request once ended in an AttributeError, exit code 1."""
    from rsinspect.profiling import attempt

    def interrupted(worker: object, request: object, budget: object) -> None:
        raise SystemExit(143)

    monkeypatch.setattr(attempt._Worker, "ask", interrupted)
    command = [sys.executable, "-c", "import time; time.sleep(3600)"]
    request = ProfileRequest(network=NETWORK, batch=1)
    with pytest.raises(SystemExit, match="143"):
        run_worker(command, request, Budget.starting(60), on_event=lambda _: None)
