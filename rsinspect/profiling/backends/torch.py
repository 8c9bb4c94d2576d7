"""PyTorch: the network runs operation by operation, and hooks at the cuts read the clock.

Both ways run the very same network; in the instrumented one the last layer of each stage or block
marks the time when its output is there, and an autograd function does the same on the way back, as
far as anything is learnt. On a GPU the marks are CUDA events, recorded in the stream and read after
one synchronisation at the end; that path has not been run on a GPU.

With torch.compile a pass is one compiled graph (``torch_graph``). The instrumented pass is another
graph of the same operations, with the marks among them: nothing is fused across a mark.

A kernel of Keras is (height, width, in, out), and each pass turns every one round for PyTorch. With
a memory format they lie in memory as PyTorch reads them, whatever Keras calls their axes, and so do
the images and the optimizer's momentum.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch

from rsinspect.base.errors import DeviceUnavailable
from rsinspect.keras_model.build import alone
from rsinspect.layers.map_layout import CHANNELS_FIRST
from rsinspect.layers.partition import Segment
from rsinspect.profiling.backends import torch_graph
from rsinspect.profiling.backends.workload import (
    Instrument,
    Part,
    Parts,
    Workload,
    as_array,
    each,
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
    """Put hooks at the cuts of the network, or moments into its compiled graph.

    Raises:
        BackendUnavailable: If there is nothing to compile it with.
    """
    request = work.request
    if request.compiles and request.on_cpu:
        torch_graph.require_compiler()
    memory_format = request.memory_format or (COMPILED_FORMAT if request.compiles else None)
    if memory_format is not None:
        work = _lying(work, _FORMATS[memory_format])
    return _Compiled(work) if request.compiles else _Hooked(work)


COMPILED_FORMAT = "channels_last"
"""In which a compiled pass keeps its tensors if nobody says: oneDNN's convolutions read it."""

_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def _lying(work: Workload, memory_format: Any) -> Workload:
    """Lay kernels and images out in memory; shapes and numbers stay."""
    for variable in work.model.variables:
        _lay_kernel(variable, memory_format)
    first = work.request.layout == CHANNELS_FIRST

    def image(tensor: Any) -> Any:
        if tensor.ndim != 4:
            return tensor
        if first:
            return tensor.contiguous(memory_format=memory_format)
        turned = tensor.permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
        return turned.permute(0, 2, 3, 1)

    return replace(work, images=each(image, work.images))


def _lay_kernel(variable: Any, memory_format: Any) -> None:
    """Lay a kernel, (height, width, in, out), out as PyTorch reads it, (out, in, height, width)."""
    tensor = variable.value
    if tensor.ndim == 4:
        turned = tensor.data.permute(3, 2, 0, 1).contiguous(memory_format=memory_format)
        tensor.data = turned.permute(2, 3, 1, 0)


class _Marks:
    """Moments of one pass: readings of the clock, or events of the GPU's stream."""

    def __init__(self, on_cpu: bool) -> None:
        self.on_cpu = on_cpu
        self.moments: list[tuple[Part | None, Any]] = []
        self.begin_ns = time.perf_counter_ns()

    def mark(self, ended: Part | None, *after: Any) -> None:
        """Note that a part has ended with those tensors, or that the first begins."""
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


class _Inside(_Marks):
    """Moments of a pass that is being written down: operations that will tell when they run."""

    def __init__(self, on_cpu: bool) -> None:
        super().__init__(on_cpu)
        self.parts: list[Part | None] = []

    def mark(self, ended: Part | None, *after: Any) -> None:
        """Put a moment into the graph, behind the last of the tensors."""
        torch_graph.moment(after[-1], len(self.parts))
        self.parts.append(ended)


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
            self._lay_momentum()
        paths = [segment.path for segment in work.segments]
        self.after = dict(zip(paths, [*paths[1:], None], strict=True))
        for segment in work.segments[:-1]:
            self._hook(segment)
        self.parts = (*work.passes, ("call", "whole"))
        self.method = (
            f"hooks at the ends of {work.request.cut_level}s, paired with passes without them; "
            + self._how
            + ("" if work.request.on_cpu else "; CUDA events; unverified on GPU")
        )

    @property
    def _how(self) -> str:
        """Say what else a reader has to know of the timing."""
        if self.work.request.memory_format is not None:
            return f"kernels and images lie {self.work.request.memory_format} in memory"
        if self.work.request.layout == CHANNELS_FIRST:
            return "the copies with which Keras turns every kernel round count"
        return "the copies between layouts with which Keras surrounds a convolution count"

    def _lay_momentum(self) -> None:
        """Lay what the optimizer keeps of each kernel out as the kernel."""
        kernels = {tuple(v.shape): v.value.stride() for v in self.variables if v.value.ndim == 4}
        for kept in self.sgd.variables:
            tensor, strides = kept.value, kernels.get(tuple(kept.shape))
            if strides is not None and tensor.stride() != strides:
                tensor.data = torch.empty_strided(tensor.shape, strides).copy_(tensor.data)

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
        marks.mark((path, "forward"), *(output if isinstance(output, list | tuple) else [output]))
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
        self._learn([v.value.grad for v in self.variables])
        return scaled

    def _learn(self, gradients: list[Any]) -> None:
        """Let the optimizer change the variables, and mark its end."""
        with torch.no_grad():
            self.sgd.apply(gradients, self.variables)
        if self.marks is not None:
            self.marks.mark(("optimizer", "whole"))

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


class _Compiled(_Hooked):
    """The network, compiled with and without marks inside."""

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        self.learnt = list(work.model.trainable_variables)
        self.kept = list(work.model.non_trainable_variables)
        self.graphs: dict[bool, Any] = {}
        self.inside = _Inside(work.request.on_cpu)
        unit = work.request.cut_level
        lies = work.request.memory_format or COMPILED_FORMAT
        self.method = (
            f"moments of the clock inside one graph compiled by torch.compile, between {unit}s, "
            "paired with the graph without them; nothing is fused across them; kernels and images "
            f"lie {lies} in memory" + ("" if work.request.on_cpu else "; unverified on GPU")
        )

    def _tensors(self, images: Any) -> list[Any]:
        """List what the graph reads: variables, images, labels, and what the loss is scaled by."""
        tensors = [v.value.detach() for v in (*self.learnt, *self.kept)]
        tensors += images if isinstance(images, list | tuple) else [images]
        if self.work.trains:
            tensors += [*self.work.labels, self.sgd.scale_loss(self.learnt[0].value.new_ones(()))]
        return tensors

    def _graph(self, tensors: list[Any], *, marked: bool) -> Any:
        """Compile the pass with or without marks inside, once."""
        if marked not in self.graphs:
            before, self.marks = self.marks, self.inside if marked else None
            try:
                with torch_graph.unseeded(self.work.model.layers):
                    step = self._step if self.work.trains else self._forward
                    self.graphs[marked] = torch_graph.compiled(step, tensors)
            finally:
                self.marks = before
        return self.graphs[marked]

    def _called(self, tensors: tuple[Any, ...]) -> tuple[Any, list[Any], list[Any]]:
        """Call the model with these for its variables and images; labels are left over.

        Returns:
            Its outputs, what became of the variables that are kept, and what is left over.
        """
        learnt, kept, images = len(self.learnt), len(self.kept), len(self.work.graph.inputs)
        values, rest = tensors[: learnt + kept], tensors[learnt + kept :]
        if self.marks is not None:
            self.marks.mark(None, *rest[:images])  # what comes before is the call's
        outputs, changed = self.work.model.stateless_call(
            values[:learnt], values[learnt:], alone(list(rest[:images])), training=self.work.trains
        )
        return self._ended(self.work.segments[-1].path, outputs), changed, list(rest[images:])

    def _forward(self, *tensors: Any) -> list[Any]:
        outputs, *_ = self._called(tensors)
        return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

    def _step(self, *tensors: Any) -> list[Any]:
        count = len(self.learnt)
        learnt, kept = tensors[:count], tensors[count : count + len(self.kept)]
        with torch.enable_grad():
            learnt = tuple(tensor.detach().requires_grad_() for tensor in learnt)
            outputs, changed, (*labels, scale) = self._called((*learnt, *tensors[count:]))
            scaled = loss_of(self.work, labels, outputs) * scale
            gradients = torch.autograd.grad(scaled, learnt, allow_unused=True)
        for tensor, value in zip(kept, changed, strict=True):
            if value is not tensor:
                tensor.copy_(value.detach())
        return [scaled.detach(), *gradients]

    def _pass(self) -> Any:
        marks = self.marks
        tensors = self._tensors(self.work.images)
        with torch.no_grad():
            graph = self._graph(tensors, marked=marks is not None)
            with torch_graph.heard_by(self._hears):
                made = graph(*tensors)
        if not self.work.trains:
            return alone(made)
        if marks is not None:
            marks.mark((self._first_that_learns, "backward"))
        self._learn(made[1:])
        return made[0]

    def _hears(self, number: int) -> None:
        if self.marks is not None:
            self.marks.mark(self.inside.parts[number])

    def outputs(self) -> tuple[Any, Any]:
        """Return outputs of both graphs; of a training step its loss and the gradient made last."""
        found = []
        for marked in (False, True):
            torch.manual_seed(self.work.request.seed)  # both drop the same
            tensors = self._tensors(self.work.images)
            with torch.no_grad():
                made = list(self._graph(tensors, marked=marked)(*tensors))
            found.append(as_array(made[:2] if self.work.trains else alone(made)))
        plain, inside = found
        return plain, inside


class _Boundary(torch.autograd.Function):  # type: ignore[misc]
    """Hands on tensors and, on the way back, their gradients; marks when those came."""

    @staticmethod
    def forward(ctx: Any, marks: _Marks, part: Part, *tensors: Any) -> Any:
        ctx.marks, ctx.part = marks, part
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        ctx.marks.mark(ctx.part, *gradients)
        return (None, None, *gradients)
