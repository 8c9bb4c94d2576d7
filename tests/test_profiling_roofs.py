"""Measuring roofs: with made-up devices and clocks, then for real on each backend, in small."""

import importlib.util
import json
import re
from collections.abc import Callable
from itertools import count, pairwise
from operator import attrgetter
from pathlib import Path

import pytest

from rsinspect.base import codec
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.profiling.backends import roofs
from rsinspect.profiling.backends.roofs import measure_roofs
from rsinspect.profiling.caches import WORKING_SET_LIMIT, caches, working_sets
from rsinspect.profiling.roofline.roofs import Roofs

MIB = 2**20


class Clock:
    """Nanoseconds that pass only when somebody works."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class MadeUp:
    """A device whose products take a millisecond a call, less with each, and which may refuse."""

    name = "gpu"
    how = "made-up calls"
    threads = 1

    def __init__(self, clock: Clock, refused: tuple[str, ...] = (), call_ns: int = 10**6) -> None:
        self.clock, self.refused, self.call_ns = clock, refused, call_ns
        self.calls: list[int] = []

    def _work(self, kind: str) -> Callable[[], None]:
        if kind in self.refused:
            raise RuntimeError(f"no kernel for {kind} in /usr/lib/kernels.so\nor elsewhere")
        taken = iter(range(self.call_ns, 0, -self.call_ns // 1000))

        def call() -> None:
            self.calls.append(self.clock.now)
            self.clock.now += next(taken, 1)

        return call

    def product(self, left: object, right: object) -> Callable[[], None]:
        return self._work("product")

    def convolution(self, images: object, kernel: object) -> Callable[[], None]:
        return self._work("convolution")

    def stream(self, elements: int, passes: int) -> Callable[[], None]:
        return self._work("stream")


def measured(
    monkeypatch: pytest.MonkeyPatch,
    *,
    refused: tuple[str, ...] = (),
    max_time_s: float = 1.0,
    call_ns: int = 10**6,
) -> tuple[Roofs, MadeUp]:
    clock = Clock()
    device = MadeUp(clock, refused, call_ns)
    monkeypatch.setattr(roofs, "MATMUL_SIDES", (8, 16))
    monkeypatch.setattr(roofs, "BATCHES", (1,))
    monkeypatch.setattr("rsinspect.profiling.caches.WORKING_SET_LIMIT", 4 * MIB)
    monkeypatch.setitem(roofs._DEVICES, "made up", lambda dtype, jit: device)
    found = measure_roofs("made up", "float32", jit=False, clock=clock, max_time_s=max_time_s)
    return found, device


def test_the_fastest_call_within_the_budget_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    found, device = measured(monkeypatch)
    assert 0.9e9 < device.clock.now < 1.1e9
    product = found.compute[0]
    assert (product.op, product.size) == ("matmul", "16x16")
    assert product.flops_per_s > 2 * 16**3 / 1e-3
    assert [roof.op for roof in found.compute[1:]] == 3 * ["conv 3x3"] + 2 * ["conv 1x1"]
    assert [roof.level for roof in found.bandwidth] == ["512 KiB", "1.50 MiB", "4.00 MiB"]
    assert found.method == "fastest calls of made-up calls; memory read and written in place"


def test_without_time_one_roof_of_each_kind_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found, device = measured(monkeypatch, max_time_s=0.0)
    assert [roof.op for roof in found.compute] == ["matmul"]
    assert [roof.working_set_bytes for roof in found.bandwidth] == [4 * MIB]
    assert len(device.calls) == 4
    assert "left out: conv 3x3 (no time), " in found.method


def test_operations_grow_until_a_call_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = measured(monkeypatch, call_ns=10**10, max_time_s=1e4)
    assert found.compute[0].size == "8x8"


def test_what_the_device_cannot_compute_is_left_out_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, _ = measured(monkeypatch, refused=("convolution",))
    assert [roof.op for roof in found.compute] == ["matmul"]
    assert "(RuntimeError: no kernel for convolution in ...)" in found.method
    assert "/usr" not in found.method
    assert "elsewhere" not in found.method


@pytest.mark.parametrize("refused", [("product", "convolution"), ("stream",)])
def test_a_precision_that_nothing_can_be_computed_in_is_refused(
    monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidMeasurement, match=r"^float32 cannot be computed on gpu by made up$"):
        measured(monkeypatch, refused=refused)


def write_caches(root: Path, cpu: int, rows: list[tuple[str, str, str, str]]) -> None:
    for number, row in enumerate(rows):
        index = root / f"sys/devices/system/cpu/cpu{cpu}/cache/index{number}"
        index.mkdir(parents=True)
        for name, value in zip(("level", "size", "type", "shared_cpu_list"), row, strict=True):
            (index / name).write_text(f"{value}\n")


def test_caches_are_those_of_all_processors_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsinspect.profiling.machine.processors", lambda: (0, 1, 2))
    for cpu in (0, 1):
        write_caches(
            tmp_path,
            cpu,
            [
                ("1", "48K", "Data", str(cpu)),
                ("2", "2048K", "Unified", str(cpu)),
                ("2", "64K", "Instruction", str(cpu)),
                ("3", "32M", "Unified", "0-1"),
                ("4", "?", "Unified", "0-1"),
            ],
        )
    assert caches(tmp_path) == (("L2", 4 * MIB), ("L3", 32 * MIB))
    assert caches(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    "known",
    [
        (),
        (("L2", 4 * MIB), ("L3", 480 * MIB)),
        (("L2", 20 * MIB), ("L3", 30 * MIB)),
        (("L2", MIB),),
        (("L3", 4096 * MIB),),
    ],
)
def test_working_sets_grow_from_the_caches_to_beyond_them(
    known: tuple[tuple[str, int], ...],
) -> None:
    found = working_sets(known)
    sizes = [size for _, size in found]
    assert all(2 <= later / sooner <= 6 for sooner, later in pairwise(sizes))
    last = 4 * known[-1][1] if known else WORKING_SET_LIMIT
    assert sizes[-1] == min(last, WORKING_SET_LIMIT)
    assert sizes[0] <= (known[0][1] // 2 if known else sizes[0])
    levels = [level for level, _ in found]
    if not known:
        assert levels[0] == "512 KiB"
    elif known[-1][1] < WORKING_SET_LIMIT:
        assert levels[0] == known[0][0]
        assert levels[-1] == "DRAM"


def installed(backend: str) -> bool:
    return importlib.util.find_spec(backend) is not None


def on(*backends: tuple[str, bool]) -> list[object]:
    return [
        pytest.param(
            backend,
            jit,
            id=f"{backend}, XLA" if jit and backend != "jax" else backend,
            marks=pytest.mark.skipif(not installed(backend), reason=f"{backend} is not installed"),
        )
        for backend, jit in backends
    ]


TICK_S = 0.01
"""Between two readings of the clock of ``measure``: what every call takes by it."""


def measure(backend: str, precision: str, *, jit: bool) -> Roofs:
    """Roofs of a real device by a clock that counts how often it is read."""
    clock = count(step=round(TICK_S * 1e9)).__next__
    return measure_roofs(backend, precision, jit=jit, clock=clock, max_time_s=1.0)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("backend", "jit"),
    on(("tensorflow", False), ("tensorflow", True), ("jax", True), ("torch", False)),
)
def test_a_real_device_has_roofs(backend: str, jit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofs, "caches", lambda: (("L2", MIB), ("L3", 4 * MIB)))
    found = measure(backend, "float32", jit=jit)
    assert [(roof.op, roof.flops_per_s * TICK_S) for roof in found.compute] == [
        ("matmul", 2 * 512**3),
        *(
            (f"conv {k}x{k}", 2 * 8 * (side - k + 1) ** 2 * (k * channels) ** 2)
            for k, channels, side in roofs.CONVOLUTIONS
        ),
    ]
    assert "left out" not in found.method
    level, size, rate = attrgetter("level", "working_set_bytes", "bytes_per_s")(found.bandwidth[-1])
    assert (level, rate * TICK_S) == ("DRAM", 2 * size * (roofs.PASSES_BYTES // size))
    assert codec.from_json(json.loads(json.dumps(codec.to_json(found))), Roofs, "roofs") == found
    with pytest.raises(InvalidMeasurement, match=f"tf32 cannot be computed on cpu by {backend}"):
        measure(backend, "tf32", jit=jit)
    assert measure(backend, "bfloat16", jit=jit).precision == "bfloat16"


def compiled_by_xla(backend: str, elements: int, passes: int) -> str:
    device = roofs._DEVICES[backend]("float32", True)
    change = device.passes(passes)  # type: ignore[attr-defined]
    if backend == "jax":
        import jax.numpy as jnp

        return str(change.lower(jnp.ones(elements, "float32")).compile().as_text())
    import tensorflow as tf

    compiled = tf.function(change, autograph=False, jit_compile=True)
    ir = compiled.experimental_get_compiler_ir(tf.ones(elements))
    return str(ir(stage="optimized_hlo"))


@pytest.mark.keras
@pytest.mark.parametrize(("backend", "_jit"), on(("tensorflow", True), ("jax", True)))
def test_no_compiler_leaves_out_passes_over_memory(backend: str, _jit: bool) -> None:
    text = compiled_by_xla(backend, 2 * MIB, 37)
    computations = re.split(r"\n}\n", text)
    loop = re.search(r" while\(.*condition=%([\w.\-]+), body=%([\w.\-]+)", text)
    assert loop is not None, "the passes are no loop"
    condition, body = (
        next(c for c in computations if c.lstrip().startswith(f"%{name} ("))
        for name in loop.groups()
    )
    assert "constant(37)" in condition
    assert re.search(rf"= f32\[{2 * MIB}\]\{{0\}} (fusion|subtract)\(", body)
