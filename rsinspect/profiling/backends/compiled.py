"""A program that XLA compiled on a CPU, timed part by part without cutting it.

XLA's profiler records when each op of the program ran, and the program tells whose layer an op is.
So the instrumented pass is the very program that runs without, and what fuses across parts stays
fused; nothing is lost but what recording costs. The wall time in which ops of several threads ran
is divided among them, and the time of a fusion of several convolutions by their MACs. In a training
step everything from the first op of a gradient on is the backward pass. Ops of no layer count as
``other``; time in which no op ran counts as ``call``.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from rsinspect.profiling.backends.recordings import Recording
from rsinspect.profiling.backends.traces import (
    SCOPES,
    Shares,
    divided_among,
    owned,
    owners,
    shares,
    weights,
)
from rsinspect.profiling.backends.workload import Workload
from rsinspect.profiling.rounds import Instrumented
from rsinspect.profiling.timeline import attribute


class Whole(Protocol):
    """The whole pass or training step as one program."""

    def end_to_end(self) -> object:
        """Run it; ready when it returns."""

    def inferred(self) -> Any:
        """Return what it gives in inference, as an array, after it has run."""

    def compiled_text(self) -> str | None:
        """Return the program as text, where its compiler gives it."""


class Profiled:
    """The whole program, with XLA's profiler on or off.

    Args:
        work: What runs.
        whole: The program.
        record: Runs a step with the profiler on.
        of_gradients: Pattern of what stands in the names of a gradient's ops.
    """

    carries_total = True

    def __init__(
        self,
        work: Workload,
        whole: Whole,
        record: Callable[[Callable[[], object]], Recording],
        of_gradients: str,
    ) -> None:
        self.work = work
        self.whole = whole
        self.record = record
        self.of_gradients = of_gradients
        self.known: Shares | None = None  # until the program is read, with the first recording
        self.backward: set[str] = set()
        self.parts = (*work.passes, ("other", "whole"), ("call", "whole"))
        self.method = (
            "XLA's profiler, ops of the compiled program by the layer in their metadata, fusions "
            "of several convolutions by their MACs; paired with passes that it does not record"
        )

    def end_to_end(self) -> object:
        """Run it without the profiler."""
        return self.whole.end_to_end()

    def compiled_text(self) -> str | None:
        """Return the program as text, where its compiler gives it."""
        return self.whole.compiled_text()

    def instrumented(self) -> Instrumented:
        """Run it with the profiler on, and divide the call among the parts."""
        took: list[float] = []

        def step() -> None:
            start = time.perf_counter_ns()
            self.whole.end_to_end()
            took.append((time.perf_counter_ns() - start) / 1e9)

        recording = self.record(step)
        known = self._read(recording.text) if self.known is None else self.known
        spans = owned(recording.spans, known)
        turn = min((s.start_us for s in spans if s.name in self.backward), default=math.inf)
        before = attribute(span for span in spans if span.start_us < turn)
        after = attribute(span for span in spans if span.start_us >= turn)
        forward = divided_among(before.seconds, known)
        backward = divided_among(after.seconds, known)
        seconds = {
            "forward": forward,
            "backward": backward,
            "whole": {p: forward.get(p, 0.0) + backward.get(p, 0.0) for p in SCOPES},
        }
        parts = [seconds[step].get(path, 0.0) for path, step in self.parts[:-2]]
        parts.append(max(0.0, before.busy_s + after.busy_s - sum(parts)))
        return Instrumented(wall_s=took[0], parts_s=(*parts, max(0.0, took[0] - sum(parts))))

    def _read(self, text: str) -> Shares:
        """Read from the program whose each op is, and which are of gradients."""
        home = {layer.path: part.path for part in self.work.segments for layer in part.layers}
        layer_of = owners(self.work)

        def part(op_name: str) -> str | None:
            path = layer_of(op_name)
            return None if path is None else home.get(path, path)

        named = rf'%?([\w.\-]+) = .*op_name="[^"]*{self.of_gradients}'
        self.backward = set(re.findall(named, text))
        self.known = shares(text, part, weights(self.work))
        return self.known

    def outputs(self) -> tuple[Any, Any]:
        """Return the same program's outputs twice over; it contains no instruments."""
        outputs = self.whole.inferred()
        return outputs, outputs
