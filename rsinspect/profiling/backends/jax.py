"""JAX: the profiler's events of the compiled program on a CPU, a chain of functions on a GPU.

JAX returns before its results are ready (0.7 ms of 283 in one measurement), so every sample ends in
``block_until_ready``. On a CPU the instrumented pass is the very program that runs without
(``compiled``).

A chain of functions, one per stage or block, runs in another time than the whole: at batch 4 the
parts of a training step came to 19 % less than one jitted step. On a GPU it is used all the same,
each part waited for, less a call that computes nothing; that path has not been run on a GPU.
"""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp

from rsinspect.base.errors import DeviceUnavailable
from rsinspect.profiling import machine
from rsinspect.profiling.backends.compiled import Profiled, Whole
from rsinspect.profiling.backends.recordings import jax_recording
from rsinspect.profiling.backends.workload import (
    Instrument,
    Workload,
    as_array,
    few,
    from_marks,
    loss_of,
    null_call_s,
    optimizer,
)
from rsinspect.profiling.request import ProfileRequest
from rsinspect.profiling.rounds import Instrumented

MATMUL_PRECISION = {"float32": "highest", "tf32": "tensorfloat32"}


def configure(request: ProfileRequest) -> None:
    """Set the precision of products, and check that the device is there.

    Raises:
        DeviceUnavailable: If it is not.
    """
    jax.config.update(
        "jax_default_matmul_precision", MATMUL_PRECISION.get(request.precision, "default")
    )
    try:
        platform = jax.devices()[0].platform
    except RuntimeError as exc:
        raise _missing(request, str(exc).splitlines()[0]) from exc
    if not request.on_cpu and platform != "gpu":
        raise _missing(request, f"it runs on the {platform}")


def _missing(request: ProfileRequest, why: str) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"jax finds no {request.device} here: {why}",
        "rsinspect doctor can list the devices",
    )


def instrument(work: Workload) -> Instrument:
    """Choose the instruments that suit the request."""
    if work.request.on_cpu:
        whole: Whole = _Trained(work) if work.trains else _Forward(work)
        text = whole.compiled_text() or ""
        return Profiled(work, whole, lambda step: jax_recording(step, text), r"transpose\(jvp")
    return _TrainedChain(work) if work.trains else _ForwardChain(work)


def _values(variables: Any) -> list[Any]:
    return [variable.value for variable in variables]


def _compiled(function: Any, *arguments: Any, donate: tuple[int, ...] = ()) -> Any:
    """Compile a function for these arguments; its compiled text describes exactly what runs."""
    program = jax.jit(function, donate_argnums=donate).lower(*arguments).compile()
    machine.return_freed_memory()  # of the compiler's, before there is any of the program's
    return program


class _Forward:
    """Inference as one program."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        model = work.model
        self.variables = _values(model.trainable_variables), _values(model.non_trainable_variables)

        def forward(trainable: Any, others: Any, x: Any) -> Any:
            return model.stateless_call(trainable, others, x, training=False)[0]

        self.program = _compiled(forward, *self.variables, work.images)
        self.made: object = None  # by the latest call

    def end_to_end(self) -> object:
        self.made = jax.block_until_ready(self.program(*self.variables, self.work.images))
        return self.made

    def inferred(self) -> Any:
        return as_array(self.made)

    def compiled_text(self) -> str | None:
        text: str = self.program.as_text()
        return text


class _Trained:
    """Training steps as one program; its state goes from step to step."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.sgd = optimizer(work)
        model = work.model
        self.state = (
            _values(model.trainable_variables),
            _values(model.non_trainable_variables),
            _values(self.sgd.variables),
        )
        self.program = _compiled(
            self._step, *self.state, work.images, work.labels, donate=(0, 1, 2)
        )

    def _loss(self, labels: Any, outputs: Any, sgd_state: Any) -> Any:
        with jax.named_scope("loss"):
            return self._scaled(loss_of(self.work, labels, outputs), sgd_state)

    def _scaled(self, loss: Any, sgd_state: Any) -> Any:
        """Scale the loss by the optimizer's state among the arguments, not by its variables."""
        import keras

        if not isinstance(self.sgd, keras.optimizers.LossScaleOptimizer):
            return loss
        mapping = list(zip(self.sgd.variables, sgd_state, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return self.sgd.scale_loss(loss)

    def _step(self, trainable: Any, others: Any, sgd: Any, x: Any, y: Any) -> Any:
        def loss(trainable: Any) -> Any:
            outputs, updated = self.work.model.stateless_call(trainable, others, x, training=True)
            return self._loss(y, outputs, sgd), updated

        (value, others), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
        trainable, sgd = self._apply(trainable, gradients, sgd)
        return value, (trainable, others, sgd)

    def _apply(self, trainable: Any, gradients: Any, sgd: Any) -> Any:
        with jax.named_scope("optimizer"):
            return self.sgd.stateless_apply(sgd, gradients, trainable)

    def end_to_end(self) -> object:
        value, self.state = self.program(*self.state, self.work.images, self.work.labels)
        return jax.block_until_ready((value, self.state))

    def inferred(self) -> Any:
        trainable, others, _ = self.state
        model = self.work.model

        def forward(trainable: Any, others: Any, x: Any) -> Any:
            return model.stateless_call(trainable, others, x, training=False)[0]

        return as_array(jax.jit(forward)(trainable, others, few(self.work.images)))

    def compiled_text(self) -> str | None:
        text: str = self.program.as_text()
        return text


def _method(work: Workload) -> str:
    unit = work.request.cut_level
    return (
        f"chain of {unit}s, each a jax.jit that is waited for, less a null call each; cuts keep "
        f"the compiler from fusing across {unit}s; unverified on GPU"
    )


def _null_s() -> float:
    nothing = jax.jit(lambda x: x + 1)
    zero = jnp.zeros(())
    nothing(zero)
    return null_call_s(lambda: jax.block_until_ready(nothing(zero)))


class _ForwardChain(_Forward):
    """Inference part by part."""

    carries_total = False

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        self.cuts = [self._jitted(cut) for cut in work.cuts]
        self.made_inside: object = None  # by the latest chain
        self.null_s = _null_s()
        self.parts = (*work.passes, ("call", "whole"))
        self.method = _method(work)

    @staticmethod
    def _jitted(model: Any) -> tuple[Any, list[Any], list[Any]]:
        def forward(trainable: Any, others: Any, x: Any) -> Any:
            return model.stateless_call(trainable, others, x, training=False)[0]

        variables = _values(model.trainable_variables), _values(model.non_trainable_variables)
        return jax.jit(forward), *variables

    def instrumented(self) -> Instrumented:
        value = self.work.images
        marks = [time.perf_counter_ns()]
        for function, *variables in self.cuts:
            value = jax.block_until_ready(function(*variables, value))
            marks.append(time.perf_counter_ns())
        self.made_inside = value
        return from_marks(marks, self.null_s)

    def outputs(self) -> tuple[Any, Any]:
        return as_array(self.made), as_array(self.made_inside)


class _TrainedChain(_Trained):
    """Training steps part by part: pullbacks of the stages or blocks, each compiled on its own."""

    carries_total = False

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        model = work.model
        trainable = {id(v): i for i, v in enumerate(model.trainable_variables)}
        frozen = {id(v): i for i, v in enumerate(model.non_trainable_variables)}
        self.cuts = [
            (
                self._forward(cut),
                [trainable[id(v)] for v in cut.trainable_variables],
                [frozen[id(v)] for v in cut.non_trainable_variables],
            )
            for cut in work.cuts
        ]
        self.pull = jax.jit(lambda pullback, gradient: pullback(gradient))
        self.loss = jax.jit(jax.grad(self._loss, argnums=1))
        self.apply = jax.jit(self._apply, donate_argnums=(0, 2))
        self.null_s = _null_s()
        self.parts = (*work.passes, ("call", "whole"))
        self.method = _method(work)

    @staticmethod
    def _forward(cut: Any) -> Any:
        def forward(trainable: Any, others: Any, x: Any) -> Any:
            def run(trainable: Any, x: Any) -> Any:
                return cut.stateless_call(trainable, others, x, training=True)

            return jax.vjp(run, trainable, x, has_aux=True)

        return jax.jit(forward)

    def instrumented(self) -> Instrumented:
        trainable, others, sgd = self.state
        others = list(others)
        gradients: list[Any] = [None] * len(trainable)
        value, pullbacks = self.work.images, []
        marks = [time.perf_counter_ns()]

        def mark(*made: Any) -> None:
            jax.block_until_ready(made)
            marks.append(time.perf_counter_ns())

        for function, own, own_others in self.cuts:
            value, pullback, updated = function(
                [trainable[i] for i in own], [others[i] for i in own_others], value
            )
            mark(value, pullback, updated)
            pullbacks.append(pullback)
            for i, update in zip(own_others, updated, strict=True):
                others[i] = update
        gradient = self.loss(self.work.labels, value, sgd)
        mark(gradient)
        for _, own, _ in reversed(self.cuts):
            found, gradient = self.pull(pullbacks.pop(), gradient)
            mark(found, gradient)
            for i, one in zip(own, found, strict=True):
                gradients[i] = one
        trainable, sgd = self.apply(trainable, gradients, sgd)
        mark(trainable, sgd)
        self.state = (trainable, others, sgd)
        return from_marks(marks, self.null_s)

    def outputs(self) -> tuple[Any, Any]:
        trainable, others, _ = self.state

        def run(model: Any, own: Any, own_others: Any, x: Any) -> Any:
            return jax.jit(
                lambda t, o, x: model.stateless_call(t, o, x, training=False)[0]
            )(own, own_others, x)  # fmt: skip

        images = value = few(self.work.images)
        for cut, (_, own, own_others) in zip(self.work.cuts, self.cuts, strict=True):
            value = run(cut, [trainable[i] for i in own], [others[i] for i in own_others], value)
        whole = run(self.work.model, trainable, others, images)
        return as_array(whole), as_array(value)
