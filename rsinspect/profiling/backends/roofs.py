"""The roofs of the device, measured with the framework that runs the network.

A roof is what is attainable, so of every operation the fastest call counts, and of all sizes the
fastest size. Operations are compiled as the network is and use numbers of its precision; devices,
threads and TF32 are those the worker has set.

* Compute: a matrix product, and convolutions of the shapes of ResNet-RS. They pad nothing, so every
  MAC that is counted is done. Each is made larger until a call takes GROWN_S, which fills a GPU.
* Bandwidth: numbers changed where they lie, so each byte is read once and written once and no
  cache line is fetched only to be written over. On a CPU that is NumPy's, on as many threads as the
  framework has: memory belongs to the machine, TensorFlow reached a quarter of it in a level-2
  cache for the time between its passes, and NumPy needs no compiling. On a GPU it is the
  framework's. Passes follow each other within one call, so that the call costs nothing, and each
  needs the one before, so that no compiler can leave one out.

``profiling.caches`` says which working sets are measured.

The GPU path has not been run on a GPU.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.units import ITEM_BYTES, binary_bytes
from rsinspect.profiling import machine
from rsinspect.profiling.caches import caches, working_sets
from rsinspect.profiling.roofline.roofs import BandwidthRoof, ComputeRoof, Roofs

Array = np.ndarray[Any, np.dtype[np.float32]]
Call = Callable[[], object]
"""Does its work once and returns when it is done."""

MATMUL_SIDES = (512, 1024, 2048, 4096, 8192)
BATCHES = (8, 32, 128)
CONVOLUTIONS = ((3, 64, 56), (3, 128, 28), (3, 256, 14), (1, 256, 40), (1, 512, 14))
"""Kernel, channels in and out, side of the map."""

GROWN_S = 0.005
"""A call as long as this costs nothing beside what it computes, and is large enough."""

PASSES_BYTES = 512 * 2**20
PASSES = (4, 512)
"""Passes within one call: as many as make PASSES_BYTES, no fewer and no more than these."""


class Work(NamedTuple):
    """Something to be timed.

    Attributes:
        size: Size of the operands.
        flops: Operations of one call.
        make: Makes the call, operands included.
    """

    size: str
    flops: int
    make: Callable[[], Call]


class Device(Protocol):
    """What is asked of a backend.

    Attributes:
        name: Of the device: ``cpu`` or ``gpu``.
        how: Description of the compilation of calls.
        threads: On a CPU, those of one operation.
    """

    name: str
    how: str
    threads: int

    def product(self, left: Array, right: Array) -> Call:
        """Make a matrix product."""

    def convolution(self, images: Array, kernel: Array) -> Call:
        """Make a convolution without padding: (batch, height, width, in) by (h, w, in, out)."""

    def stream(self, elements: int, passes: int) -> Call:
        """Make a GPU function that changes that many float32 numbers in place, that many times."""


def measure_roofs(
    backend: str,
    precision: str,
    *,
    jit: bool,
    clock: Callable[[], int],
    max_time_s: float,
) -> Roofs:
    """Measure the highest rates of this process's device.

    Args:
        backend: tensorflow, jax or torch.
        precision: float32, tf32, bfloat16 or float16.
        jit: Compile with XLA, on TensorFlow.
        clock: Nanoseconds.
        max_time_s: Budget, compiling included; a compute and a bandwidth roof are measured in any
            case.

    Raises:
        InvalidMeasurement: If the device cannot compute in that precision.
    """
    dtype = "float32" if precision == "tf32" else precision
    device = _DEVICES[backend](dtype, jit)
    if precision == "tf32" and device.name == "cpu":
        raise _cannot(precision, device, backend)
    bench = _Bench(clock, clock() + round(max_time_s * 1e9))
    sets = working_sets(caches() if device.name == "cpu" else ())
    compute = _compute(device, bench, later=len(sets))
    bandwidth = _bandwidth(device, bench, sets)
    if not compute or not bandwidth:
        raise _cannot(precision, device, backend)
    left_out = f"; left out: {', '.join(bench.left_out)}" if bench.left_out else ""
    return Roofs(
        compute=compute,
        bandwidth=bandwidth,
        precision=precision,
        method=f"fastest calls of {device.how}; memory read and written in place{left_out}",
    )


def _cannot(precision: str, device: Device, backend: str) -> InvalidMeasurement:
    return InvalidMeasurement(f"{precision} cannot be computed on {device.name} by {backend}")


class _Bench:
    """Times calls within a budget, and notes what could not be timed."""

    def __init__(self, clock: Callable[[], int], deadline_ns: int) -> None:
        self.clock = clock
        self.deadline_ns = deadline_ns
        self.left_out: list[str] = []

    def share(self, of: int) -> int:
        """Divide the remaining nanoseconds among that many measurements; never below 0."""
        return max(0, self.deadline_ns - self.clock()) // of

    def fastest_s(self, name: str, make: Callable[[], Call], budget_ns: int) -> float | None:
        """Time the fastest call, in seconds; None, and a note, where the call fails.

        The first call, which compiles, does not count. One more is made in any case.
        """
        start = self.clock()
        try:
            call = make()
            call()
            fastest, calls = 0, 0
            while calls == 0 or self.clock() - start < budget_ns:
                before = self.clock()
                call()
                taken = max(1, self.clock() - before)
                fastest = taken if calls == 0 else min(fastest, taken)
                calls += 1
        except Exception as exc:  # of any framework, for whatever it does not have
            self.left_out.append(f"{name} ({_reason(exc)})")
            return None
        return fastest / 1e9


def _reason(exc: Exception) -> str:
    """Summarise an exception in a few words, without paths of this machine."""
    line = next(iter(str(exc).splitlines()), "")
    said = re.sub(r"\S*[/\\]\S*", "...", line).strip()[:80]
    return f"{type(exc).__name__}: {said}" if said else type(exc).__name__


def _compute(device: Device, bench: _Bench, *, later: int) -> tuple[ComputeRoof, ...]:
    """Measure the fastest size of each operation."""
    operations = _operations(device)
    found: list[ComputeRoof] = []
    for index, (op, works) in enumerate(operations):
        if found and not bench.share(1):
            bench.left_out.append(f"{op} (no time)")
            continue
        budget = bench.share(len(operations) - index + later) // len(works)
        best: ComputeRoof | None = None
        for work in works:
            seconds = bench.fastest_s(f"{op} {work.size}", work.make, budget)
            if seconds is None:
                break
            if best is None or work.flops / seconds > best.flops_per_s:
                best = ComputeRoof(op=op, size=work.size, flops_per_s=work.flops / seconds)
            if seconds >= GROWN_S or not bench.share(1):
                break
        if best is not None:
            found.append(best)
    return tuple(found)


def _operations(device: Device) -> list[tuple[str, list[Work]]]:
    """List every operation in all its sizes, the smallest first."""
    products = [
        Work(f"{side}x{side}", 2 * side**3, partial(_product, device, side))
        for side in MATMUL_SIDES
    ]
    return [
        ("matmul", products),
        *(
            (
                f"conv {kernel}x{kernel}",
                [
                    Work(
                        f"{channels} channels, {side}x{side}, batch {batch}",
                        2 * batch * (side - kernel + 1) ** 2 * (kernel * channels) ** 2,
                        partial(_convolution, device, kernel, channels, side, batch),
                    )
                    for batch in BATCHES
                ],
            )
            for kernel, channels, side in CONVOLUTIONS
        ),
    ]


def _product(device: Device, side: int) -> Call:
    return device.product(_numbers(side, side), _numbers(side, side))


def _convolution(device: Device, kernel: int, channels: int, side: int, batch: int) -> Call:
    images = _numbers(batch, side, side, channels)
    return device.convolution(images, _numbers(kernel, kernel, channels, channels))


def _numbers(*shape: int) -> Array:
    """Draw random numbers; a device may be faster on numbers that are all the same."""
    return np.random.default_rng(0).random(shape, dtype=np.float32) - np.float32(0.5)


def _bandwidth(
    device: Device, bench: _Bench, sets: Sequence[tuple[str, int]]
) -> tuple[BandwidthRoof, ...]:
    """Measure the rate at which each working set is read and written.

    The largest comes first: allocators keep what was freed, so the smaller ones then need no more.
    """
    found: list[BandwidthRoof] = []
    for index, (level, size) in enumerate(reversed(sets)):
        name = f"{binary_bytes(size)} in place"
        if found and not bench.share(1):
            bench.left_out.append(f"{name} (no time)")
            continue
        passes = min(max(PASSES_BYTES // size, PASSES[0]), PASSES[1])
        elements = size // ITEM_BYTES["float32"]
        make = (
            partial(_in_place, elements, passes, device.threads)
            if device.name == "cpu"
            else partial(device.stream, elements, passes)
        )
        seconds = bench.fastest_s(name, make, bench.share(len(sets) - index))
        if seconds is not None:
            rate = 2 * size * passes / seconds
            found.append(BandwidthRoof(level=level, working_set_bytes=size, bytes_per_s=rate))
    return tuple(reversed(found))


def _in_place(elements: int, passes: int, threads: int) -> Call:
    """Negate numbers in place; NumPy lets several threads do so at once."""
    pool = ThreadPoolExecutor(threads)

    def negate(numbers: Array) -> None:
        for _ in range(passes):
            np.negative(numbers, out=numbers)

    def allocate(_: int) -> Array:
        return np.ones(elements // threads, dtype=np.float32)

    parts = list(pool.map(allocate, range(threads)))
    return lambda: list(pool.map(negate, parts))


class _TensorFlow:
    """``tf.function``, with XLA where the network has it."""

    def __init__(self, dtype: str, jit: bool) -> None:
        import tensorflow as tf

        self.tf, self.dtype, self.jit = tf, dtype, jit
        self.name = "gpu" if tf.config.list_logical_devices("GPU") else "cpu"
        self.how = "tf.function with XLA" if jit else "tf.function"
        self.threads = tf.config.threading.get_intra_op_parallelism_threads() or len(
            machine.processors()
        )

    def _compile(self, function: Callable[..., Any], *operands: Any) -> Call:
        compiled = self.tf.function(function, autograph=False, jit_compile=self.jit or None)
        if self.name == "cpu":  # where a function returns when it is done
            return lambda: compiled(*operands)

        def call() -> None:
            compiled(*operands)
            self.tf.test.experimental.sync_devices()

        return call

    def _tensor(self, numbers: Array) -> Any:
        return self.tf.cast(self.tf.constant(numbers), self.dtype)

    def product(self, left: Array, right: Array) -> Call:
        operands = self._tensor(left), self._tensor(right)
        return self._compile(self.tf.matmul, *operands)

    def convolution(self, images: Array, kernel: Array) -> Call:
        def function(x: Any, w: Any) -> Any:
            return self.tf.nn.conv2d(x, w, 1, "VALID")

        return self._compile(function, self._tensor(images), self._tensor(kernel))

    def passes(self, count: int) -> Callable[[Any], Any]:
        """Make what changes all numbers that many times, and gives one of them."""

        def function(x: Any) -> Any:
            def change(i: Any, y: Any) -> tuple[Any, Any]:
                return i + 1, 1 - y

            return self.tf.while_loop(lambda i, _: i < count, change, (0, x))[1][0]

        return function

    def stream(self, elements: int, passes: int) -> Call:
        return self._compile(self.passes(passes), self.tf.ones(elements))


class _JAX:
    """``jax.jit``, waited for."""

    how = "jax.jit"

    def __init__(self, dtype: str, jit: bool) -> None:
        import jax

        self.jax, self.dtype = jax, dtype
        self.name = "cpu" if jax.default_backend() == "cpu" else "gpu"
        self.threads = len(machine.processors())

    def _compile(self, function: Callable[..., Any], *operands: Array) -> Call:
        compiled = self.jax.jit(function)
        arrays = [self.jax.numpy.asarray(numbers, self.dtype) for numbers in operands]
        return lambda: self.jax.block_until_ready(compiled(*arrays))

    def product(self, left: Array, right: Array) -> Call:
        return self._compile(self.jax.numpy.matmul, left, right)

    def convolution(self, images: Array, kernel: Array) -> Call:
        def function(x: Any, w: Any) -> Any:
            return self.jax.lax.conv_general_dilated(
                x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )

        return self._compile(function, images, kernel)

    def passes(self, count: int) -> Any:
        """Make what changes all numbers that many times; they are written over, not copied."""
        jax = self.jax

        def function(x: Any) -> Any:
            return jax.lax.fori_loop(0, count, lambda _, y: 1 - y, x)

        return jax.jit(function, donate_argnums=0)

    def stream(self, elements: int, passes: int) -> Call:
        jax, compiled = self.jax, self.passes(passes)
        numbers = jax.numpy.ones(elements, "float32")

        def call() -> None:
            nonlocal numbers
            numbers = jax.block_until_ready(compiled(numbers))

        return call


class _Torch:
    """Operation by operation, in inference mode."""

    how = "single torch operations"

    def __init__(self, dtype: str, jit: bool) -> None:
        import torch

        self.torch, self.dtype = torch, getattr(torch, dtype)
        self.name = "gpu" if torch.cuda.is_available() else "cpu"
        self.device = "cuda" if self.name == "gpu" else "cpu"
        self.threads = torch.get_num_threads()

    def _call(self, function: Callable[[], object]) -> Call:
        def call() -> None:
            with self.torch.inference_mode():
                function()
            if self.name == "gpu":
                self.torch.cuda.synchronize()

        return call

    def _tensor(self, numbers: Array) -> Any:
        return self.torch.from_numpy(numbers).to(self.device, self.dtype)

    def product(self, left: Array, right: Array) -> Call:
        x, w = self._tensor(left), self._tensor(right)
        return self._call(lambda: self.torch.matmul(x, w))

    def convolution(self, images: Array, kernel: Array) -> Call:
        x = self._tensor(images).permute(0, 3, 1, 2)  # channels stay last in memory
        w = self._tensor(kernel).permute(3, 2, 0, 1)
        w = w.contiguous(memory_format=self.torch.channels_last)
        return self._call(lambda: self.torch.nn.functional.conv2d(x, w))

    def stream(self, elements: int, passes: int) -> Call:
        numbers = self.torch.ones(elements, device=self.device)

        def function() -> None:
            for _ in range(passes):
                numbers.neg_()

        return self._call(function)


_DEVICES: dict[str, Callable[[str, bool], Device]] = {
    "tensorflow": _TensorFlow,
    "jax": _JAX,
    "torch": _Torch,
}
