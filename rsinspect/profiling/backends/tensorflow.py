"""TensorFlow: time stamps inside the graph, XLA's profiler, or a chain of functions on a GPU.

On a CPU, in graph mode, the instrumented network is one ``tf.function`` like the plain one, with
``tf.timestamp`` between its parts. Control dependencies hold a stamp in its place: it waits for the
output of the part before (in training also for its weight gradients and its updates of batch-norm
statistics), and whatever reads the input of the part after waits for it. What lies before the first
and after the last stamp is the part ``call``: entering and leaving a function of hundreds of
variables.

XLA has no time stamps; on a CPU its profiler tells when each op of the program ran (``compiled``).
A chain of functions, one per part, came to 4.9 % more than the whole: cuts keep the compiler from
fusing across them.

On a GPU a stamp would tell when work was queued. There each part is a function of its own, called
one after the other from Python, waited for, and the time of a call that computes nothing is taken
off each. That path has not been run on a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

import tensorflow as tf

from rsinspect.base.errors import DeviceUnavailable
from rsinspect.keras_model.build import alone
from rsinspect.layers.map_layout import CHANNELS_FIRST
from rsinspect.profiling.backends.compiled import Profiled
from rsinspect.profiling.backends.recordings import tensorflow_recording
from rsinspect.profiling.backends.workload import (
    Instrument,
    Workload,
    as_array,
    each,
    few,
    from_marks,
    loss_of,
    null_call_s,
    optimizer,
)
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented


def configure(request: ProfileRequest) -> None:
    """Set threads, devices and TF32, before anything is computed.

    Raises:
        DeviceUnavailable: If there is no such GPU, or a CPU cannot convolve channels first.
    """
    if request.threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(request.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    if not request.on_cpu:
        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            raise DeviceUnavailable(
                f"tensorflow finds no {request.device} here",
                "rsinspect doctor can list the devices; pip install 'tensorflow[and-cuda]'",
            )
        for device in gpus:
            tf.config.experimental.set_memory_growth(device, True)
    tf.config.experimental.enable_tensor_float_32_execution(request.precision == "tf32")
    if request.layout == CHANNELS_FIRST and request.on_cpu:
        _check_channels_first(jit=request.compiles)


def _check_channels_first(*, jit: bool) -> None:
    """Refuse channels first where TensorFlow cannot convolve so: on a CPU without oneDNN."""
    convolve = tf.function(
        lambda x: tf.nn.conv2d(x, x, 1, "VALID", data_format="NCHW"),
        autograph=False, jit_compile=jit or None,
    )  # fmt: skip
    try:
        convolve(tf.zeros((1, 1, 1, 1)))
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as exc:
        raise DeviceUnavailable(
            "tensorflow convolves channels_first on a CPU with oneDNN alone, which is off here",
            "unset TF_ENABLE_ONEDNN_OPTS, compile with XLA, or measure it with channels_last",
        ) from exc


def instrument(work: Workload) -> Instrument:
    """Choose the instruments that suit the request."""
    if not work.request.on_cpu:
        return _Chain(work)
    if work.request.compiles:
        return Profiled(work, _Compiled(work), tensorflow_recording, "gradient_tape/")
    return _Stamped(work)


def _updates(function: Callable[[], Any]) -> tuple[Any, list[Any]]:
    """Call a function while a graph is traced: its results, and its ops with side effects."""
    graph = tf.compat.v1.get_default_graph()
    before = len(graph.get_operations())
    results = function()
    created = graph.get_operations()[before:]
    return results, [op for op in created if op.op_def.is_stateful]


def _plain(work: Workload, sgd: Any, *, jit: bool) -> Callable[[], object]:
    """Make one function of the whole pass or training step."""
    model, images, labels = work.model, work.images, work.labels
    if not work.trains:
        forward = tf.function(
            lambda x: model(x, training=False), autograph=False, jit_compile=jit or None
        )
        return lambda: forward(images)
    variables = model.trainable_variables

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            with tf.name_scope("loss"):
                loss = loss_of(work, y, outputs)
                scaled = sgd.scale_loss(loss)
        gradients = tape.gradient(scaled, variables)
        with tf.name_scope("optimizer"):
            sgd.apply(gradients, variables)
        return loss

    compiled = tf.function(step, autograph=False, jit_compile=jit or None)
    return lambda: compiled(images, labels)


class _Compiled:
    """One function that XLA compiles."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self._plain = _plain(work, optimizer(work) if work.trains else None, jit=True)
        self.made: object = None  # by the latest call

    def end_to_end(self) -> object:
        self.made = self._plain()
        return self.made

    def inferred(self) -> Any:
        if not self.work.trains:
            return as_array(self.made)
        return as_array(self.work.model(few(self.work.images), training=False))

    def compiled_text(self) -> str | None:
        return None


class _Stamped:
    """One graph with time stamps between its parts."""

    carries_total = True

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.sgd = optimizer(work) if work.trains else None
        self._plain = _plain(work, self.sgd, jit=False)
        self.made: object = None  # by the latest call of each
        self.made_inside: object = None
        self.stamped = tf.function(self._step if work.trains else self._forward, autograph=False)
        self.parts = (*work.passes, ("call", "whole"))
        unit = work.request.cut_level
        self.method = (
            f"time stamps inside one tf.function, between {unit}s, paired with the function "
            "without them"
        )

    def end_to_end(self) -> object:
        self.made = self._plain()
        return self.made

    def instrumented(self) -> Instrumented:
        start = time.perf_counter_ns()
        outputs = (
            self.stamped(self.work.images, self.work.labels)
            if self.work.trains
            else self.stamped(self.work.images)
        )
        wall_s = (time.perf_counter_ns() - start) / 1e9
        self.made_inside = outputs[0]
        stamps = outputs[1].numpy()  # seconds; a float64 tells a quarter of a microsecond apart
        parts = [max(0.0, float(later - sooner)) for sooner, later in pairwise(stamps)]
        return Instrumented(wall_s=wall_s, parts_s=(*parts, max(0.0, wall_s - sum(parts))))

    def outputs(self) -> tuple[Any, Any]:
        if not self.work.trains:
            return as_array(self.made), as_array(self.made_inside)
        forward = tf.function(lambda x: self.work.model(x, training=False), autograph=False)
        stamped = tf.function(self._forward, autograph=False)
        images = few(self.work.images)
        return as_array(forward(images)), as_array(stamped(images)[0])

    def compiled_text(self) -> str | None:
        return None

    @staticmethod
    def _stamp(stamps: list[Any], *after: Any) -> None:
        with tf.control_dependencies(tf.nest.flatten(after)):
            stamps.append(tf.timestamp())

    @staticmethod
    def _held(tensors: Any, stamps: list[Any]) -> Any:
        """Hold tensors back until the last stamp is taken."""
        with tf.control_dependencies(stamps[-1:]):
            return each(tf.identity, tensors)

    def _part(self, stamps: list[Any]) -> AbstractContextManager[None]:
        """Open the scope of a part's ops.

        With mixed precision each waits for the last stamp, as casts of weights would else run
        before their part. In float32 all that can run ahead is arithmetic on batch norm's
        parameters; to make every op wait costs 1 % of a pass of depth 152 (0.2 % without), so it
        may.
        """
        if self.work.request.computes_in == "float32":
            return nullcontext()
        held: AbstractContextManager[None] = tf.control_dependencies(stamps[-1:])
        return held

    def _forward(self, x: Any) -> tuple[Any, Any]:
        stamps: list[Any] = []
        self._stamp(stamps, x)
        value = self._held(x, stamps)
        for cut in self.work.cuts:
            with self._part(stamps):
                value = cut(value, training=False)
            self._stamp(stamps, value)
            value = self._held(value, stamps)
        return value, tf.stack(stamps)

    def _step(self, x: Any, y: Any) -> tuple[Any, Any]:
        work, sgd = self.work, self.sgd
        assert sgd is not None
        stamps: list[Any] = []
        self._stamp(stamps, x)
        value = self._held(x, stamps)
        done = []
        learns = False  # whether a gradient is wanted of what a part reads
        for cut in work.cuts:
            source = value

            def forward(cut: Any = cut, source: Any = source) -> Any:
                with tf.GradientTape() as tape:
                    tape.watch(source)
                    with self._part(stamps):
                        made = cut(source, training=True)
                return tape, made

            (tape, made), updates = _updates(forward)
            done.append((tape, [source] if learns else [], made, cut.trainable_variables))
            learns = learns or bool(cut.trainable_variables)
            self._stamp(stamps, made, updates)
            value = self._held(made, stamps)
        with tf.GradientTape() as tape:
            tape.watch(value)
            with self._part(stamps), tf.name_scope("loss"):
                loss = loss_of(work, y, value)
                scaled = sgd.scale_loss(loss)
        gradient = tape.gradient(scaled, value)
        self._stamp(stamps, gradient)
        gradient = self._held(gradient, stamps)
        gradients: dict[int, Any] = {}
        for tape, source, made, variables in reversed(done):
            found: list[Any] = []
            if wanted := [*source, *variables]:
                with self._part(stamps):
                    found = tape.gradient(made, wanted, output_gradients=gradient)
            gradients.update(zip(map(id, variables), found[len(source) :], strict=True))
            self._stamp(stamps, [one for one in found if one is not None])
            if source:
                gradient = self._held(found[0], stamps)
        variables = work.model.trainable_variables

        def apply() -> None:
            with tf.control_dependencies(stamps[-1:]), tf.name_scope("optimizer"):
                sgd.apply([gradients[id(one)] for one in variables], variables)

        _, updates = _updates(apply)
        self._stamp(stamps, updates)
        return loss, tf.stack(stamps)


class _Chain:
    """Functions of their own, called one after the other and waited for."""

    carries_total = False

    def __init__(self, work: Workload) -> None:
        self.work = work
        jit = work.request.compiles
        self.sgd = optimizer(work) if work.trains else None
        self.ready = _no_wait if work.request.on_cpu else tf.test.experimental.sync_devices
        self._plain = _plain(work, self.sgd, jit=jit)
        self.made: object = None  # by the latest call of each
        self.made_inside: object = None
        self.cuts = [
            tf.function(
                lambda x, cut=cut: cut(x, training=work.trains),
                autograph=False, jit_compile=jit or None,
            )
            for cut in work.cuts
        ]  # fmt: skip
        self.loss = tf.function(
            lambda y, outputs: loss_of(work, y, outputs), autograph=False, jit_compile=jit or None
        )
        self.apply = tf.function(self._apply, autograph=False, jit_compile=jit or None)
        nothing = tf.function(lambda: tf.constant(0.0), autograph=False)
        nothing()
        self.null_s = null_call_s(lambda: (nothing(), self.ready()))
        self.parts = (*work.passes, ("call", "whole"))
        unit = work.request.cut_level
        self.method = (
            f"chain of {unit}s, each a tf.function{' compiled by XLA' if jit else ''}, less a null "
            f"call each; cuts keep the compiler from fusing across {unit}s"
            + ("" if work.request.on_cpu else "; unverified on GPU")
        )

    def end_to_end(self) -> object:
        self.made = self._plain()
        self.ready()
        return self.made

    def instrumented(self) -> Instrumented:
        return self._trained() if self.work.trains else self._chained()

    def _chained(self) -> Instrumented:
        value = self.work.images
        marks = [time.perf_counter_ns()]
        for cut in self.cuts:
            value = cut(value)
            self.ready()
            marks.append(time.perf_counter_ns())
        self.made_inside = value
        return from_marks(marks, self.null_s)

    def _trained(self) -> Instrumented:
        assert self.sgd is not None
        backward: list[int] = []

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def boundary(*tensors: Any) -> Any:
            def mark(*gradients: Any) -> Any:
                self.ready()
                backward.append(time.perf_counter_ns())
                return gradients

            return tuple(map(tf.identity, tensors)), mark

        variables = self.work.model.trainable_variables
        value = self.work.images
        marks = [time.perf_counter_ns()]
        learns = False  # whether a gradient comes back to here
        with tf.GradientTape() as tape:
            for function, cut in zip(self.cuts, self.work.cuts, strict=True):
                value = function(value)
                learns = learns or bool(cut.trainable_variables)
                if learns:
                    value = alone(list(boundary(*tf.nest.flatten(value))))
                self.ready()
                marks.append(time.perf_counter_ns())
            scaled = self.sgd.scale_loss(self.loss(self.work.labels, value))
        gradients = tape.gradient(scaled, variables)
        self.ready()
        backward += [time.perf_counter_ns()] * (len(self.cuts) + 1 - len(backward))
        self.apply(gradients)
        self.ready()
        return from_marks([*marks, *backward, time.perf_counter_ns()], self.null_s)

    def _apply(self, gradients: Any) -> None:
        assert self.sgd is not None
        with tf.name_scope("optimizer"):
            self.sgd.apply(gradients, self.work.model.trainable_variables)

    def outputs(self) -> tuple[Any, Any]:
        if not self.work.trains:
            return as_array(self.made), as_array(self.made_inside)
        jit = self.work.request.compiles or None

        def run(model: Any, x: Any) -> Any:
            return tf.function(
                lambda x: model(x, training=False), autograph=False, jit_compile=jit
            )(x)

        images = value = few(self.work.images)
        for cut in self.work.cuts:
            value = run(cut, value)
        return as_array(run(self.work.model, images)), as_array(value)

    def compiled_text(self) -> str | None:
        return None


def _no_wait() -> None:
    """Return at once: on a CPU a ``tf.function`` returns when its result is ready."""
