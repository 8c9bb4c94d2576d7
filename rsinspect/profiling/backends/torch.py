"""PyTorch: the network runs operation by operation, and hooks at the cuts read the clock.

Both ways run the very same network; in the instrumented one the last layer of each stage or block
marks the time when its output is there, and an autograd function does the same on the way back, as
far as anything is learnt. On
a GPU the marks are CUDA events, recorded in the stream and read after one synchronisation at the
end; that path has not been run on a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

from rsinspect.base.errors import DeviceUnavailable
from rsinspect.keras_model.build import alone
from rsinspect.layers.partition import Segment
from rsinspect.profiling.backends.workload import (
    Instrument,
    Part,
    Parts,
    Workload,
    as_array,
    few,
    loss_of,
    optimizer,
)
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented


def configure(request: ProfileRequest) -> None:
    """Set threads and TF32, and check that the device is there.

    Raises:
        DeviceUnavailable: If it is not.
    """
    if request.threads is not None:
        torch.set_num_threads(request.threads)
        torch.set_num_interop_threads(1)
    if not request.on_cpu and not torch.cuda.is_available():
        raise DeviceUnavailable(
            f"torch finds no {request.device} here",
            "rsinspect doctor can list the devices",
        )
    torch.backends.cuda.matmul.allow_tf32 = request.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = request.precision == "tf32"


def instrument(work: Workload) -> Instrument:
    """Put hooks at the cuts of the network."""
    return _Hooked(work)


class _Marks:
    """Moments of one pass: readings of the clock, or events of the GPU's stream."""

    def __init__(self, on_cpu: bool) -> None:
        self.on_cpu = on_cpu
        self.moments: list[tuple[Part | None, Any]] = []
        self.begin_ns = time.perf_counter_ns()

    def mark(self, ended: Part | None) -> None:
        """Note that a part has ended, or that the first begins."""
        if self.on_cpu:
            self.moments.append((ended, time.perf_counter_ns()))
        else:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self.moments.append((ended, event))

    def instrumented(self, parts: Parts) -> Instrumented:
        """Split the call into the parts that ended, and the rest; no time for those that did not.

        Args:
            parts: All but the rest.
        """
        if not self.on_cpu:
            torch.cuda.synchronize()
        wall_s = (time.perf_counter_ns() - self.begin_ns) / 1e9
        took = {
            ended: (after - before) / 1e9 if self.on_cpu else before.elapsed_time(after) / 1e3
            for (_, before), (ended, after) in pairwise(self.moments)
        }
        seconds = [took.get(part, 0.0) for part in parts]
        return Instrumented(wall_s=wall_s, parts_s=(*seconds, max(0.0, wall_s - sum(seconds))))


class _Hooked:
    """The network, run with and without hooks."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.carries_total = not work.request.compiles
        self.marks: _Marks | None = None
        self.sgd: Any = None
        self.variables: list[Any] = []
        if work.trains:
            self.sgd = optimizer(work)
            self.variables = list(work.model.trainable_variables)
        paths = [segment.path for segment in work.segments]
        self.after = dict(zip(paths, [*paths[1:], None], strict=True))
        for segment in work.segments[:-1]:
            self._hook(segment)
        self.parts = (*work.passes, ("call", "whole"))
        self.method = (
            f"hooks at the ends of {work.request.cut_level}s, paired with passes without them; "
            "the copies between layouts with which Keras surrounds a convolution count"
            + ("" if work.request.on_cpu else "; CUDA events; unverified on GPU")
        )

    def _hook(self, segment: Segment) -> None:
        """Read the clock when the last layer of a segment has run, at that of its calls."""
        (path,) = segment.outputs
        layer = self.work.layers[path]
        inside = (x.path for x in segment.layers if self.work.layers.get(x.path) is layer)
        uses = list(inside).index(path) + 1
        run: Callable[..., Any] = layer.call
        calls = 0

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            output = run(*args, **kwargs)
            if self.marks is None:
                return output
            calls += 1
            return self._ended(segment.path, output) if calls % uses == 0 else output

        layer.call = call

    def _ended(self, path: str, output: Any) -> Any:
        """Note that a segment has ended; and later, that the gradient of its output has come."""
        marks = self.marks
        if marks is None:
            return output
        if self.work.trains:
            after = self.after[path]
            part: Part = ("loss", "whole") if after is None else (after, "backward")
            several = list(output) if isinstance(output, list | tuple) else [output]
            output = alone(list(_Boundary.apply(marks, part, *several)))
        marks.mark((path, "forward"))
        return output

    def _pass(self) -> Any:
        last = self.work.segments[-1].path
        if not self.work.trains:
            with torch.inference_mode():
                return self._ended(last, self.work.model(self.work.images, training=False))
        marks = self.marks
        outputs = self._ended(last, self.work.model(self.work.images, training=True))
        scaled = self.sgd.scale_loss(loss_of(self.work, self.work.labels, outputs))
        for variable in self.variables:
            variable.value.grad = None
        scaled.backward()
        if marks is not None:
            marks.mark((self._first_that_learns, "backward"))
        with torch.no_grad():
            self.sgd.apply([v.value.grad for v in self.variables], self.variables)
        if marks is not None:
            marks.mark(("optimizer", "whole"))
        return scaled

    @property
    def _first_that_learns(self) -> str:
        """Name the segment whose backward part is the last."""
        parts = zip(self.work.segments, self.work.cuts, strict=True)
        return next(segment.path for segment, cut in parts if cut.trainable_variables)

    def end_to_end(self) -> object:
        outputs = self._pass()
        if not self.work.request.on_cpu:
            torch.cuda.synchronize()
        return outputs

    def instrumented(self) -> Instrumented:
        self.marks = marks = _Marks(self.work.request.on_cpu)
        try:
            marks.mark(None)
            self._pass()
            return marks.instrumented(self.work.passes)
        finally:
            self.marks = None

    def outputs(self) -> tuple[Any, Any]:
        with torch.inference_mode():
            images = value = few(self.work.images)
            whole = self.work.model(images, training=False)
            for cut in self.work.cuts:
                value = cut(value, training=False)
        return as_array(whole), as_array(value)

    def compiled_text(self) -> str | None:
        return None


class _Boundary(torch.autograd.Function):  # type: ignore[misc]
    """Hands on tensors and, on the way back, their gradients; marks when those came."""

    @staticmethod
    def forward(ctx: Any, marks: _Marks, part: Part, *tensors: Any) -> Any:
        ctx.marks, ctx.part = marks, part
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        ctx.marks.mark(ctx.part)
        return (None, None, *gradients)
