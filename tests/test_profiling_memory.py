"""Memory predicted from the graph, and memory read from files that a test writes."""

import sys
from pathlib import Path
from typing import Any

import pytest

from rsinspect.networks.named import network
from rsinspect.profiling import machine, memory
from rsinspect.profiling.choices import BACKENDS, MODES, Mode
from rsinspect.profiling.distinct import distinct_blocks
from rsinspect.profiling.request import ProfileRequest
from tests.conftest import python
from tests.networks import saved

GIB = 1 << 30


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_prediction_is_the_sum_of_its_terms(backend: str, mode: Mode) -> None:
    request = ProfileRequest(network=network("50"), batch=16, backend=backend, mode=mode)
    found, constants = memory.needed_memory(request), memory.CALIBRATIONS[backend, mode]
    weights = 4 * (35_691_912 + 53_376)
    kept_ready = weights * (3 if mode == "train" else 1)  # with momentum and gradients
    if backend == "tensorflow":  # never frees those of the distinct blocks
        small = distinct_blocks(network("50"))
        assert small is not None
        kept_ready += (2 if mode == "train" else 1) * small.network.cost.weight_bytes()
    assert found.weights_bytes == kept_ready
    largest = 4 * 512 * 512 * 9
    copies = constants.largest_copies * largest + constants.weights_copies * weights
    assert found.copies_bytes == pytest.approx(copies, abs=1)
    assert found.input_bytes == 2 * 16 * 160 * 160 * 3 * 4
    factor = constants.activation_factor
    assert found.activations_bytes == pytest.approx(factor * 4 * 16 * memory.kept(request), abs=1)
    assert found.total_bytes == found.framework_bytes + found.working_bytes
    assert found.working_bytes == (
        found.weights_bytes
        + found.copies_bytes
        + found.activations_bytes
        + found.input_bytes
        + found.graph_bytes
    )
    assert found.beside(None) == found
    assert found.beside(1).total_bytes == 1 + found.working_bytes


def kept_bytes(backend: str, mode: Mode, **more: Any) -> int:
    request = ProfileRequest(network=network("50"), batch=1, backend=backend, mode=mode, **more)
    return 4 * memory.kept(request)


def test_tensors_kept_are_those_that_the_frameworks_keep() -> None:
    # TensorFlow: peak of its allocator (get_memory_info), batch 8 less batch 4 of training, by 4.
    assert kept_bytes("tensorflow", "train") == pytest.approx(65e6, rel=0.05)
    # XLA: temp_size_in_bytes of memory_analysis(), batch 16 less batch 8, by 8.
    assert kept_bytes("jax", "train") == pytest.approx((1_093_793_472 - 619_066_688) / 8, rel=0.01)
    outputs = network("50").cost.activation_bytes()
    rounded = kept_bytes("torch", "train") - kept_bytes("torch", "train", layout="channels_first")
    assert kept_bytes("torch", "forward") < outputs < kept_bytes("torch", "train") - rounded


def test_only_activations_and_input_grow_with_the_batch() -> None:
    one, many = (
        memory.needed_memory(ProfileRequest(network=network("50"), batch=batch))
        for batch in (1, 128)
    )
    assert many.activations_bytes == pytest.approx(128 * one.activations_bytes, abs=128)
    assert many.input_bytes == 128 * one.input_bytes
    assert (many.weights_bytes, many.graph_bytes) == (one.weights_bytes, one.graph_bytes)


FITTED = (
    ("tensorflow", "forward", "50@160", 32, 450),
    ("tensorflow", "forward", "101@224", 16, 615),
    ("tensorflow", "forward", "MobileNetV2", 32, 732),
    ("tensorflow", "forward", "VGG16", 16, 1319),
    ("tensorflow", "forward", "DenseNet121", 16, 344),
    ("tensorflow", "train", "50@160", 8, 1614),
    ("tensorflow", "train", "50@224", 8, 2101),
    ("tensorflow", "train", "101@192", 4, 2193),
    ("tensorflow", "train", "MobileNetV2", 8, 925),
    ("tensorflow", "train", "VGG16", 4, 2642),
    ("tensorflow", "train", "DenseNet121", 4, 1231),
    ("jax", "forward", "50@160", 16, 504),
    ("jax", "forward", "MobileNetV2", 32, 551),
    ("jax", "forward", "101@224", 16, 928),
    ("jax", "forward", "VGG16", 8, 1217),
    ("jax", "forward", "DenseNet121", 16, 464),
    ("jax", "train", "50@160", 8, 1489),
    ("jax", "train", "101@160", 4, 1882),
    ("jax", "train", "MobileNetV2", 8, 1381),
    ("jax", "train", "VGG16", 4, 2694),
    ("torch", "forward", "50@160", 16, 1845),
    ("torch", "forward", "VGG16", 8, 1208),
    ("torch", "train", "101@160", 4, 1974),
    ("torch", "train", "MobileNetV2", 8, 1314),
    ("torch", "train", "VGG16", 4, 2544),
)
HELD_OUT = (
    ("tensorflow", "forward", "200@160", 8, 750),
    ("torch", "forward", "101@192", 8, 2058),
)
"""Peak resident memory (VmHWM) of workers beyond what they had with the framework imported, in MB:
Linux x86-64 with two processors, Python 3.11, TensorFlow 2.21, JAX 0.10, PyTorch 2.13, Keras 3.15;
the distinct blocks predicted first. The constants were taken from the former."""


@pytest.mark.parametrize(("backend", "mode", "model", "batch", "measured_mb"), FITTED + HELD_OUT)
def test_prediction_agrees_with_what_was_measured(
    backend: str, mode: Mode, model: str, batch: int, measured_mb: int
) -> None:
    known = network(model) if model[0].isdigit() else saved(model)
    request = ProfileRequest(network=known, batch=batch, backend=backend, mode=mode)
    found = memory.needed_memory(request)
    measured = found.framework_bytes + measured_mb * 1e6
    assert found.total_bytes == pytest.approx(measured, rel=0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_process_cannot_take_more_than_its_limit() -> None:
    code = """
from rsinspect.profiling.machine import limit_memory
assert limit_memory(100_000_000)
kept = bytearray(50_000_000)
try:
    bytearray(200_000_000)
except MemoryError:
    print("refused")
"""
    done = python(code)
    assert done.stdout == "refused\n", done.stderr


def test_available_is_what_the_kernel_says(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal: 99 kB\nMemAvailable:   2097152 kB\n")
    assert memory.available_memory(tmp_path) == 2 * GIB


def test_available_is_unknown_where_nothing_says(tmp_path: Path) -> None:
    assert memory.available_memory(tmp_path) is None


def test_control_group_version_2_limits_it_file_cache_aside(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", f"MemAvailable: {8 * GIB // 1024} kB\n")
    write(tmp_path, "proc/self/cgroup", "0::/user.slice/job\n")
    group = "sys/fs/cgroup/user.slice"
    write(tmp_path, f"{group}/job/memory.max", "max\n")
    write(tmp_path, f"{group}/memory.max", f"{4 * GIB}\n")  # of the group around it
    write(tmp_path, f"{group}/memory.current", f"{3 * GIB}\n")
    write(tmp_path, f"{group}/memory.stat", f"anon 5\ninactive_file {GIB}\n")
    assert memory.available_memory(tmp_path) == 2 * GIB


def test_control_group_version_1_limits_it(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "9:name=systemd:/\n4:memory:/host/path\n0::/\n")
    # Inside a container the path is the host's and is not there; the root of the hierarchy is.
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", f"{GIB}\n")
    write(tmp_path, "sys/fs/cgroup/memory/memory.usage_in_bytes", f"{GIB // 4}\n")
    assert memory.available_memory(tmp_path) == GIB * 3 // 4


def test_control_group_without_a_limit_is_none(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "4:memory:/\n")
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert machine.cgroup_free_bytes(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "cpus"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("nonsense", None)]
)
def test_processor_quota(tmp_path: Path, text: str, cpus: float | None) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/\n")
    write(tmp_path, "sys/fs/cgroup/cpu.max", text)
    value, reason = machine.cgroup_cpus(tmp_path)
    assert value == cpus
    assert (reason is None) == (cpus is not None)


def test_processor_quota_of_version_1(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "2:cpu,cpuacct:/\n")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert machine.cgroup_cpus(tmp_path) == (2.0, None)


def test_processor_and_governor(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", "processor : 0\nmodel name\t: A Processor @ 2 GHz\n")
    assert machine.cpu_model(tmp_path) == ("A Processor @ 2 GHz", None)
    value, reason = machine.governor(tmp_path)
    assert value is None
    assert reason is not None
    assert "cannot be read" in reason
    write(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n")
    assert machine.governor(tmp_path) == ("performance", None)


def test_peak_memory_of_a_process(tmp_path: Path) -> None:
    write(tmp_path, "proc/7/status", "Name: x\nVmHWM:\t    1024 kB\n")
    assert machine.peak_rss_bytes(7, tmp_path) == 1 << 20
    assert machine.peak_rss_bytes(8, tmp_path) is None
