"""Recordings of a program that XLA compiled: when each of its ops ran, and what it is of.

XLA's runtime on a CPU tells the profiler when each op of a program begins. An op that goes on in
other threads (a convolution, a product) ends there, with an event of its own, ``end:`` and its
name; without it, half of the time of TensorFlow's programs would be of no op. The program itself is
in the profile, as XLA's message ``HloProto``; JAX gives it as text.

TensorFlow's profile is read with the reader that comes with it; it is private, and where it has
moved there is no recording.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.errors import MeasurementError
from rsinspect.profiling.timeline import Span

INSTEAD = frozenset({"call", "conditional", "while"})
"""Ops that run others: their time is that of those."""
_END = "end: "


class Recording(NamedTuple):
    """One pass of a compiled program.

    Attributes:
        spans: When its ops ran; each is its own owner.
        text: The program, as XLA writes it.
    """

    spans: list[Span]
    text: str


def profile_in(folder: str) -> Path:
    """Find the profile that a framework has written.

    Raises:
        MeasurementError: If there is none.
    """
    profiles = sorted(Path(folder).rglob("*.xplane.pb"))
    if not profiles:
        raise MeasurementError("the profiler wrote nothing")
    return profiles[-1]


def tensorflow_profile(step: Callable[[], object]) -> Any:
    """Run a step with TensorFlow's profiler on, and read what it wrote, an ``XSpace``.

    Raises:
        MeasurementError: If its reader is not where it used to be.
    """
    import tensorflow as tf

    try:
        from tensorflow.tsl.profiler.protobuf import xplane_pb2
    except ImportError as exc:
        raise MeasurementError(
            f"TensorFlow {tf.__version__} has no reader of its profiles where it used to be"
        ) from exc
    options = tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=2, python_tracer_level=0, device_tracer_level=0
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder, options=options)
        try:
            step()
        finally:
            tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        space.ParseFromString(profile_in(folder).read_bytes())
    return space


def stat(plane: Any, event: Any, name: str) -> str:
    """Look up what a profile says of an event; empty where it says nothing."""
    for one in event.stats:
        if plane.stat_metadata[one.metadata_id].name == name:
            text: str = one.str_value or plane.stat_metadata[one.ref_value].name
            return text
    return ""


def tensorflow_recording(step: Callable[[], object]) -> Recording:
    """Record a pass of a function that TensorFlow had XLA compile.

    Raises:
        MeasurementError: If the profile cannot be read, or has no program of XLA's.
    """
    space = tensorflow_profile(step)
    begun: list[tuple[str, str, float, float]] = []  # module, op, start, end of the event
    ended: dict[str, list[float]] = {}
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                title = plane.event_metadata[event.metadata_id].name
                start_us = line.timestamp_ns / 1e3 + event.offset_ps / 1e6
                end_us = start_us + event.duration_ps / 1e6
                if title.startswith(_END):
                    ended.setdefault(title.removeprefix(_END), []).append(end_us)
                elif op := stat(plane, event, "hlo_op"):
                    begun.append((stat(plane, event, "hlo_module"), op, start_us, end_us))
    if not begun:
        raise MeasurementError("the profiler saw no op of a program that XLA compiled")
    module = Counter(module for module, *_ in begun).most_common(1)[0][0]
    program = _program(space, module)
    text = hlo_text(program)
    through = {
        instruction.name
        for computation in program.computations
        for instruction in computation.instructions
        if instruction.opcode in INSTEAD
    }
    ran = ((op, s, e) for of, op, s, e in begun if of == module and op not in through)
    return Recording(spans_of(ran, ended), text)


def spans_of(
    begun: Iterable[tuple[str, float, float]], ended: Mapping[str, Iterable[float]]
) -> list[Span]:
    """Make spans of ops: from the event that begins each to the one that ends it.

    Each is on the first lane that is free, as threads share what they run.

    Args:
        begun: Name, start and end of each op's event, in microseconds.
        ended: When ops of a name ended in another thread.

    >>> spans = spans_of([("a", 0.0, 1.0), ("b", 2.0, 3.0)], {"a": [5.0]})
    >>> [(span.name, span.duration_us, span.lane) for span in spans]
    [('a', 5.0, 'XLA 1'), ('b', 1.0, 'XLA 2')]
    """
    ends = {op: sorted(moments) for op, moments in ended.items()}
    spans: list[Span] = []
    free: list[float] = []  # when each lane is
    for op, start_us, end_us in sorted(begun, key=lambda event: event[1]):
        later = ends.get(op, [])
        while later and later[0] < start_us:
            later.pop(0)
        if later:
            end_us = max(end_us, later.pop(0))
        lane = next((i for i, until in enumerate(free) if until <= start_us), len(free))
        free[lane : lane + 1] = [end_us]
        spans.append(Span(op, op, start_us, end_us - start_us, f"XLA {lane + 1}"))
    return spans


def _program(space: Any, module: str) -> Any:
    """Find the compiled program of that name in a profile, an ``HloModuleProto``."""
    try:
        from tensorflow.compiler.xla.service import hlo_pb2
    except ImportError as exc:
        raise MeasurementError(
            "TensorFlow has no reader of XLA's programs where it used to be"
        ) from exc
    for plane in space.planes:
        for kept in plane.event_metadata.values():
            for one in kept.stats:
                if plane.stat_metadata[one.metadata_id].name != "Hlo Proto":
                    continue
                read = hlo_pb2.HloProto()
                read.ParseFromString(one.bytes_value)
                if read.hlo_module.name == module:
                    return read.hlo_module
    raise MeasurementError("the profile lacks the program that XLA compiled")


def hlo_text(module: Any) -> str:
    """Write a program as XLA does, in as much as ``traces.shares`` reads.

    Args:
        module: XLA's ``HloModuleProto``.
    """
    return "\n".join(_lines(module))


def _lines(module: Any) -> Iterator[str]:
    called = {computation.id: computation.name for computation in module.computations}
    for computation in module.computations:
        entry = "ENTRY " if computation.id == module.entry_computation_id else ""
        yield f"{entry}%{computation.name} () -> () {{"
        names = {one.id: one.name for one in computation.instructions}
        for one in computation.instructions:
            read = ", ".join(f"%{names[number]}" for number in one.operand_ids)
            calls = "".join(f", calls=%{called[x]}" for x in one.called_computation_ids[:1])
            yield (
                f"  %{one.name} = {one.opcode}({read}){calls}, "
                f'metadata={{op_name="{one.metadata.op_name}"}}'
            )
        yield "}"


def jax_recording(step: Callable[[], object], text: str) -> Recording:
    """Record a pass of a program that JAX compiled.

    Args:
        step: Runs it.
        text: The program.
    """
    import jax

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            step()
        profile = jax.profiler.ProfileData.from_file(str(profile_in(folder)))
    spans = []
    for plane in profile.planes:
        for line in plane.lines:
            for event in line.events:
                op = dict(event.stats).get("hlo_op")
                if isinstance(op, str):
                    start, lasts = event.start_ns / 1e3, event.duration_ns / 1e3
                    spans.append(Span(op, op, start, lasts, str(line.name)))
    return Recording(spans, text)
