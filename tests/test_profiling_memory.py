"""Memory predicted from the graph, and memory read from files that a test writes."""

import sys
from pathlib import Path

import pytest

from rsinspect.layers import ops
from rsinspect.layers.cost import layers_cost
from rsinspect.layers.liveness import peak_activation
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling import machine, memory
from rsinspect.profiling.choices import BACKENDS, MODES
from tests.conftest import python

GIB = 1 << 30


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_prediction_is_the_sum_of_its_terms(backend: str, mode: str) -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    found = memory.needed_memory(graph, batch=16, backend=backend, mode=mode)
    copies = 3 if mode == "train" else 1  # and momentum, and gradients
    assert found.weights_bytes == copies * 4 * (35_691_912 + 53_376)
    assert found.input_bytes == 2 * 16 * 160 * 160 * 3 * 4
    alive = peak_activation(graph).bytes()
    if mode == "train":
        alive = layers_cost(graph, graph).activation_bytes()
    elif backend == "torch":
        held = [layer for layer in graph if not isinstance(layer.op, ops.Dropout)]
        alive = layers_cost(graph, held).activation_bytes()
    factor = memory.CALIBRATIONS[backend, mode].activation_factor
    assert found.activations_bytes == pytest.approx(factor * 16 * alive, abs=16)
    assert found.total_bytes == found.framework_bytes + found.working_bytes
    assert found.working_bytes == (
        found.weights_bytes + found.activations_bytes + found.input_bytes + found.graph_bytes
    )


def test_only_activations_and_input_grow_with_the_batch() -> None:
    graph = build_graph(ResNetRSSpec.variant(50))
    one = memory.needed_memory(graph, batch=1, backend="tensorflow")
    many = memory.needed_memory(graph, batch=128, backend="tensorflow")
    assert many.activations_bytes == pytest.approx(128 * one.activations_bytes, abs=128)
    assert many.input_bytes == 128 * one.input_bytes
    assert (many.weights_bytes, many.graph_bytes) == (one.weights_bytes, one.graph_bytes)


MEMORY_WITHIN = {
    ("tensorflow", "forward"): 0.027, ("tensorflow", "train"): 0.075, ("jax", "forward"): 0.035,
    ("jax", "train"): 0.025, ("torch", "forward"): 0.055, ("torch", "train"): 0.04,
}  # fmt: skip


@pytest.mark.parametrize(
    # Peak resident memory (VmHWM) of workers: Linux x86-64 with two processors, Python 3.11,
    # TensorFlow 2.21, JAX 0.10, PyTorch 2.13, Keras 3.15; the distinct blocks predicted first.
    ("backend", "mode", "depth", "resolution", "batch", "measured_mb"),
    [
        ("tensorflow", "forward", 50, 160, 8, 1098),
        ("tensorflow", "forward", 50, 160, 64, 1435),
        ("tensorflow", "forward", 50, 224, 16, 1258),
        ("tensorflow", "forward", 101, 160, 16, 1364),
        ("tensorflow", "forward", 152, 224, 8, 1563),
        ("tensorflow", "forward", 270, 160, 4, 1951),
        ("tensorflow", "forward", 50, 160, 8, 1106),
        ("tensorflow", "forward", 50, 224, 32, 1407),
        ("tensorflow", "forward", 101, 160, 32, 1503),
        ("tensorflow", "forward", 152, 224, 8, 1557),
        ("tensorflow", "forward", 270, 160, 16, 2008),
        ("tensorflow", "train", 50, 160, 1, 1928),
        ("tensorflow", "train", 50, 160, 4, 2082),
        ("tensorflow", "train", 50, 160, 16, 3337),
        ("tensorflow", "train", 50, 224, 8, 2957),
        ("tensorflow", "train", 101, 160, 8, 3256),
        ("tensorflow", "train", 101, 224, 4, 3244),
        ("tensorflow", "train", 152, 160, 4, 3518),
        ("tensorflow", "train", 50, 160, 8, 2384),
        ("tensorflow", "train", 50, 224, 8, 2899),
        ("tensorflow", "train", 101, 160, 8, 3264),
        ("tensorflow", "train", 101, 224, 4, 3264),
        ("tensorflow", "train", 152, 160, 4, 3543),
        ("jax", "forward", 50, 160, 8, 940),
        ("jax", "forward", 50, 160, 8, 993),
        ("jax", "forward", 50, 224, 32, 2029),
        ("jax", "forward", 101, 160, 32, 1589),
        ("jax", "forward", 152, 224, 8, 1589),
        ("jax", "forward", 270, 160, 16, 1965),
        ("jax", "train", 50, 160, 4, 2086),
        ("jax", "train", 50, 160, 16, 2942),
        ("jax", "train", 101, 160, 4, 2811),
        ("jax", "train", 50, 160, 8, 2309),
        ("jax", "train", 50, 224, 8, 2856),
        ("jax", "train", 101, 160, 8, 3329),
        ("jax", "train", 101, 224, 4, 3221),
        ("jax", "train", 152, 160, 4, 3737),
        ("torch", "forward", 50, 160, 8, 1449),
        ("torch", "forward", 50, 160, 8, 1428),
        ("torch", "forward", 50, 224, 32, 7173),
        ("torch", "forward", 101, 160, 32, 5712),
        ("torch", "forward", 152, 224, 8, 4445),
        ("torch", "forward", 270, 160, 16, 7634),
        ("torch", "forward", 50, 192, 64, 9911),
        ("torch", "forward", 101, 224, 16, 5637),
        ("torch", "forward", 200, 160, 8, 3533),
        ("torch", "forward", 350, 160, 4, 3168),
        ("torch", "train", 50, 160, 4, 1733),
        ("torch", "train", 50, 160, 16, 3712),
        ("torch", "train", 101, 160, 4, 2575),
        ("torch", "train", 50, 160, 8, 2373),
        ("torch", "train", 50, 224, 8, 3619),
        ("torch", "train", 101, 160, 8, 3425),
        ("torch", "train", 101, 224, 4, 3382),
        ("torch", "train", 152, 160, 4, 3275),
        ("torch", "train", 50, 160, 16, 3747),
        ("torch", "train", 101, 192, 8, 4402),
        ("torch", "train", 152, 224, 2, 3210),
        ("torch", "train", 200, 160, 2, 3103),
    ],
)
def test_prediction_agrees_with_what_was_measured(
    backend: str, mode: str, depth: int, resolution: int, batch: int, measured_mb: int
) -> None:
    spec = ResNetRSSpec.variant(depth).replace(resolution=(resolution, resolution))
    found = memory.needed_memory(
        build_graph(spec), batch=batch, backend=backend, mode=mode
    ).total_bytes
    assert found == pytest.approx(measured_mb * 1e6, rel=MEMORY_WITHIN[backend, mode])


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
