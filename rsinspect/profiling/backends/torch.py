"""PyTorch: the network runs operation by operation, and hooks at the cuts read the clock.

Both ways run the very same network; in the instrumented one the last layer of each stage or block
marks the time when its output is there, and an autograd function does the same on the way back. On
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
from rsinspect.profiling.backends.workload import (
    FEW,
    Instrument,
    Workload,
    as_array,
    loss_of,
    optimizer,
)
from rsinspect.profiling.protocol import ProfileRequest
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
        self.moments: list[Any] = []
        self.begin_ns = time.perf_counter_ns()

    def mark(self) -> None:
        if self.on_cpu:
            self.moments.append(time.perf_counter_ns())
        else:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self.moments.append(event)

    def instrumented(self) -> Instrumented:
        """Split the call into the parts between the marks, and the rest."""
        if not self.on_cpu:
            torch.cuda.synchronize()
        wall_s = (time.perf_counter_ns() - self.begin_ns) / 1e9
        parts = [
            (after - before) / 1e9 if self.on_cpu else before.elapsed_time(after) / 1e3
            for before, after in pairwise(self.moments)
        ]
        return Instrumented(wall_s=wall_s, parts_s=(*parts, max(0.0, wall_s - sum(parts))))


class _Hooked:
    """The network, run with and without hooks."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.marks: _Marks | None = None
        self.sgd: Any = None
        self.variables: list[Any] = []
        if work.trains:
            self.sgd = optimizer(work)
            self.variables = list(work.model.trainable_variables)
        for segment in work.segments:
            self._hook(work.model.get_layer(work.request.network.names[segment.output]))
        self.parts = (*work.passes, ("call", "whole"))
        self.method = (
            f"hooks at the ends of {work.request.cut_level}s, paired with passes without them; "
            "the copies between layouts with which Keras surrounds a convolution count"
            + ("" if work.request.on_cpu else "; CUDA events; unverified on GPU")
        )

    def _hook(self, layer: Any) -> None:
        run: Callable[..., Any] = layer.call

        def call(*args: Any, **kwargs: Any) -> Any:
            output = run(*args, **kwargs)
            marks = self.marks
            if marks is None:
                return output
            if self.work.trains:
                output = _Boundary.apply(output, marks)
            marks.mark()
            return output

        layer.call = call

    def _pass(self) -> Any:
        if not self.work.trains:
            with torch.inference_mode():
                return self.work.model(self.work.images, training=False)
        marks = self.marks
        outputs = self.work.model(self.work.images, training=True)
        scaled = self.sgd.scale_loss(loss_of(self.work, self.work.labels, outputs))
        for variable in self.variables:
            variable.value.grad = None
        scaled.backward()
        if marks is not None:
            marks.mark()
        with torch.no_grad():
            self.sgd.apply([v.value.grad for v in self.variables], self.variables)
        if marks is not None:
            marks.mark()
        return scaled

    def end_to_end(self) -> object:
        outputs = self._pass()
        if not self.work.request.on_cpu:
            torch.cuda.synchronize()
        return outputs

    def instrumented(self) -> Instrumented:
        self.marks = marks = _Marks(self.work.request.on_cpu)
        try:
            marks.mark()
            self._pass()
            return marks.instrumented()
        finally:
            self.marks = None

    def outputs(self) -> tuple[Any, Any]:
        with torch.inference_mode():
            images = value = self.work.images[:FEW]
            whole = self.work.model(images, training=False)
            for cut in self.work.cuts:
                value = cut(value, training=False)
        return as_array(whole), as_array(value)

    def compiled_text(self) -> str | None:
        return None


class _Boundary(torch.autograd.Function):  # type: ignore[misc]
    """Hands on a tensor and, on the way back, its gradient; marks when that came."""

    @staticmethod
    def forward(ctx: Any, tensor: Any, marks: _Marks) -> Any:
        ctx.marks = marks
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        ctx.marks.mark()
        return gradients[0], None
