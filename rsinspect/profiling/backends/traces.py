"""Shares of the layers in one pass, from the framework's own profiler.

Keras puts a layer's name into the names of its ops; TensorFlow keeps it through graph rewriting
and into gradients, XLA in the metadata of the compiled program (``recordings``). PyTorch runs layer
by layer, so the clock is read around each layer's call, and on the way back when a layer's
gradient comes in: what runs until the next one comes is its backward pass.

Not supported: GPUs (untested), and PyTorch with torch.compile, whose kernels serve several layers
and do not say which.
"""

from __future__ import annotations

import functools
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rsinspect.base.errors import MeasurementError
from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost
from rsinspect.profiling.backends.recordings import (
    Recording,
    jax_recording,
    stat,
    tensorflow_profile,
    tensorflow_recording,
)
from rsinspect.profiling.backends.workload import Instrument, Workload
from rsinspect.profiling.budget import TRACED
from rsinspect.profiling.record.trace import TracedEvent, TracedSeconds
from rsinspect.profiling.timeline import Span, attribute

SCOPES = ("loss", "optimizer")
_PROFILERS = {"tensorflow": "TensorFlow's profiler", "jax": "JAX's profiler"}


def trace_layers(
    work: Workload, network: Instrument, steps: int = TRACED, *, alone: bool = False
) -> TracedSeconds:
    """Trace the layers: seconds per layer and step, spans of the last step, and the method.

    Args:
        work: The network and its batch.
        network: The same as functions.
        steps: Passes to record.
        alone: Only the function with instruments inside was compiled.

    Raises:
        MeasurementError: If there is no trace for this backend and device.
    """
    request = work.request
    if not request.on_cpu:
        raise MeasurementError("traces are of the cpu so far")
    if request.backend == "torch" and request.compiles:
        raise MeasurementError(
            "torch.compile fuses layers, and its trace does not tell whose is what"
        )
    owner = owners(work)
    known: Shares = {}
    match request.backend:
        case "tensorflow" | "jax" if request.compiles:
            method = f"{_PROFILERS[request.backend]}, fused convolutions by their MACs"
            text = network.compiled_text() or ""

            def record() -> Recording:
                if request.backend == "jax":
                    return jax_recording(network.end_to_end, text)
                return tensorflow_recording(network.end_to_end)

            recordings = [record() for _ in range(steps)]
            known = shares(recordings[0].text, owner, weights(work))
            passes = [owned(recording.spans, known) for recording in recordings]
        case "tensorflow":
            method = _PROFILERS[request.backend]
            step = network.instrumented if alone else network.end_to_end
            passes = [_tensorflow(step, owner) for _ in range(steps)]
        case _:
            method = "clock readings around every layer"
            passes = [_torch(work, network.end_to_end) for _ in range(steps)]
    attributions = [attribute(spans) for spans in passes]
    seconds: dict[str, float] = {}
    for attribution in attributions:
        for path, value in (
            divided_among(attribution.seconds, known) if known else attribution.seconds
        ).items():
            seconds[path] = seconds.get(path, 0.0) + value / steps
    if not seconds:
        raise MeasurementError("the profiler saw no op of any layer")
    last = passes[-1]
    begin = min(span.start_us for span in last)
    return TracedSeconds(
        seconds=seconds,
        unattributed_s=sum(attribution.unattributed_s for attribution in attributions) / steps,
        steps=steps,
        method=method,
        events=tuple(
            TracedEvent(
                span.name,
                _heaviest(span.owner, known),
                round(span.start_us - begin, 3),
                round(span.duration_us, 3),
                span.lane,
            )
            for span in last
        ),
    )


def _heaviest(owner: str | None, known: Shares) -> str | None:
    if owner is None or not known:
        return owner
    return max(known[owner], key=lambda layer: known[owner][layer])


def weights(work: Workload) -> Callable[[str], float]:
    """Make the function that looks up the MACs of an op's layer by the op's name; at least 1."""
    owner = owners(work)
    macs = {layer.path: float(layer_cost(work.graph, layer).macs) for layer in work.graph}
    return lambda name: macs.get(owner(name) or "", 0.0) or 1.0


def owners(work: Workload) -> Callable[[str], str | None]:
    """Make the function that looks up a layer's path, or a step, by an op's name.

    Names of layers hold digits at their end (``_conv_2``), and Keras appends more (``_conv_2_1``):
    a component of the name is looked up as it stands, and only then without its last number. All
    uses of a layer that is used more than once count as its first, and what turns a map round
    (``_conv_2_channels_last``) as the layer that gave it.
    """
    paths: dict[str, str] = {}
    for path, layer in work.layers.items():
        paths.setdefault(layer.name, path)

    @functools.cache
    def owner(name: str) -> str | None:
        for component in re.split(r"[/()]+", name):
            plain = re.sub(r"_\d+$", "", component)
            for candidate in (component, plain, re.sub(r"_channels_(first|last)$", "", plain)):
                if candidate in paths:
                    return paths[candidate]
                if candidate in SCOPES:
                    return candidate
        return None

    return owner


def _tensorflow(step: Callable[[], object], owner: Callable[[str], str | None]) -> list[Span]:
    space = tensorflow_profile(step)
    spans = []
    turns: dict[str, list[tuple[float, bool, str]]] = {}
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                title = plane.event_metadata[event.metadata_id].name
                name, colon, kind = title.rpartition(":")
                start = line.timestamp_ns / 1e3 + event.offset_ps / 1e6
                if title in (_CALL_BEGINS, _CALL_ENDS):
                    called = stat(plane, event, "name")
                    turns.setdefault(called, []).append((start, title == _CALL_ENDS, line.name))
                if not colon or not kind or ":" in name or name.startswith("Eager"):
                    continue  # an op is "its/name:Kind"; "ExecutorState::Process" is none
                spans.append(Span(name, owner(name), start, event.duration_ps / 1e6, line.name))
    return [*spans, *_calls(turns, owner)]


_CALL_BEGINS = "ExecutorState::ProcessAsync::Start"
_CALL_ENDS = "ExecutorState::ProcessAsync::Done"


def _calls(
    turns: Mapping[str, Sequence[tuple[float, bool, str]]], owner: Callable[[str], str | None]
) -> list[Span]:
    """List the calls of functions of layers; Keras has XLA compile each grouped convolution.

    Args:
        turns: When each began and ended, whether it is its end, and where, by the op's name.
        owner: Looks up the owner by an op's name.
    """
    return [
        Span(name, who, begin, end - begin, lane)
        for name, moments in turns.items()
        if name.endswith("PartitionedCall") and (who := owner(name)) is not None
        for (begin, is_end, lane), (end, ends, _) in pairwise(sorted(moments))
        if ends and not is_end
    ]


_COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.\-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = ")
_OP_NAME = re.compile(r'metadata=\{[^}]*?op_name="([^"]+)"')
_CALLS = re.compile(r"(?:calls|to_apply)=%?([\w.\-]+)")
_PRODUCT = re.compile(r" (?:convolution|dot)\(")
_OPERAND = re.compile(r"%([\w.\-]+)")


Shares = Mapping[str, Mapping[str, float]]
"""Owners of each instruction of a compiled program, and the share of each owner."""


def shares(text: str, owner: Callable[[str], str | None], weight: Callable[[str], float]) -> Shares:
    """Attribute each instruction of a compiled program to the layers and steps it serves.

    A fusion belongs to the layer in its own name. XLA's library fusions may hold several
    convolutions, even of several blocks: these are divided among their layers in proportion to
    ``weight``. A fusion without a name, such as a copy, belongs to the computation it calls, or
    else to the layer it reads. An instruction of no layer is left out.

    Args:
        text: The compiled program.
        owner: Looks up the owner by an op's name.
        weight: Looks up the work of an op's layer by the op's name.
    """
    owners_of: dict[str, Mapping[str, float]] = {}
    inside: dict[str, list[tuple[str, float]]] = {}  # computation -> its products, by layer
    last: dict[str, str] = {}  # computation -> its last layer
    computation = ""
    for line in text.splitlines():
        if match := _COMPUTATION.match(line):
            computation = match[1]
        if not (match := _INSTRUCTION.match(line)):
            continue
        name = _OP_NAME.search(line)
        who = owner(name[1]) if name else None
        called = match_of.group(1) if (match_of := _CALLS.search(line)) else ""
        products = inside.get(called, [])
        if who is None:
            who = last.get(called)
        if len({layer for layer, _ in products}) > 1:
            total = sum(value for _, value in products)
            divided: dict[str, float] = {}
            for layer, value in products:
                divided[layer] = divided.get(layer, 0.0) + value / total
            owners_of[match[1]] = divided
        elif who is not None:
            owners_of[match[1]] = {who: 1.0}
        else:
            read = _OPERAND.findall(line[match.end() :])
            source = next((owners_of[operand] for operand in read if operand in owners_of), None)
            if source is not None:
                owners_of[match[1]] = source
        inside.setdefault(computation, []).extend(products)
        if name and who is not None and _PRODUCT.search(line):
            inside[computation].append((who, weight(name[1])))
        if who is not None:
            last[computation] = who
    return owners_of


def divided_among(seconds: Mapping[str, float], known: Shares) -> dict[str, float]:
    """Divide seconds per instruction among the owners."""
    found: dict[str, float] = {}
    for op, value in seconds.items():
        for owner, share in known[op].items():
            found[owner] = found.get(owner, 0.0) + share * value
    return found


def owned(spans: Iterable[Span], known: Shares) -> list[Span]:
    """Leave the time of ops that are of no layer to nobody."""
    return [span if span.name in known else span._replace(owner=None) for span in spans]


def _torch(work: Workload, step: Callable[[], object]) -> list[Span]:
    torch: Any = sys.modules["torch"]
    spans: list[Span] = []
    arrivals: list[tuple[float, str]] = []

    def now_us() -> float:
        return time.perf_counter_ns() / 1e3

    def watched(layer: Any, path: str) -> Any:
        run = layer.call

        def call(*args: Any, **kwargs: Any) -> Any:
            start = now_us()
            output = run(*args, **kwargs)
            spans.append(Span(path, path, start, now_us() - start, "forward"))
            if work.trains and isinstance(output, torch.Tensor) and output.requires_grad:
                output.register_hook(lambda _: arrivals.append((now_us(), path)))
            return output

        layer.call = call
        return functools.partial(setattr, layer, "call", run)

    first = {id(layer): path for path, layer in reversed(list(work.layers.items()))}
    restore = [
        watched(work.layers[path], path)
        for path in first.values()
        if not isinstance(work.graph.layer(path).op, ops.Input)
    ]
    try:
        step()
    finally:
        for undo in restore:
            undo()
    if arrivals:
        arrived_us = arrivals[0][0]
        forward_end = spans[-1].end_us
        spans.append(Span("loss", "loss", forward_end, arrived_us - forward_end, "forward"))
    for (moment, path), (following, _) in pairwise(arrivals):
        spans.append(Span(path, path, moment, following - moment, "backward"))
    if not spans:
        raise MeasurementError("no layer was called")
    return spans
