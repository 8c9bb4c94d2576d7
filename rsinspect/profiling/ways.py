"""Ways of running a network that leave its results alone, and the order in which they are tried.

A way is a set of choices: whether a compiler runs the network, in which layout Keras computes, how
PyTorch keeps maps in memory, whether batch norms were folded away or TensorFlow computes each in
one op. Which is fastest depends on the machine, the network and the batch, so it is measured. Not
all combinations are: each step changes one thing, or two that belong together, of the fastest way
so far. Steps that are compiled for long come last, so that there is an answer when the time is up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from rsinspect.base.words import Option
from rsinspect.layers import ops
from rsinspect.layers.map_layout import Layout
from rsinspect.networks.network import folded
from rsinspect.profiling.choices import COMPILERS, MemoryFormat
from rsinspect.profiling.request import JIT, ProfileRequest, Settings

Step = Mapping[str, Any]
"""Choices to make otherwise, by name."""

STEPS: dict[str, tuple[Step, ...]] = {
    "tensorflow": (
        {"fold_batch_norm": True},
        {"fused_batch_norm": True},
        {"layout": "channels_first"},
        {"jit": True},
    ),
    "jax": (
        {"fold_batch_norm": True},
        {"layout": "channels_first"},
    ),
    "torch": (
        {"fold_batch_norm": True},
        {"memory_format": "channels_last"},
        {"layout": "channels_first"},
        {"layout": "channels_first", "memory_format": "channels_last"},
        {"jit": True},
    ),
}
"""What is tried on each backend, in this order; a new way joins here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of running a network; its choices are those of ``Settings``."""

    jit: bool
    layout: Layout = "channels_last"
    memory_format: MemoryFormat | None = None
    fold_batch_norm: bool = False
    fused_batch_norm: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Way:
        """Tell in which way a network is run with these settings."""
        return cls(
            jit=settings.compiles,
            layout=settings.layout,
            memory_format=settings.memory_format,
            fold_batch_norm=settings.fold_batch_norm,
            fused_batch_norm=settings.fused_batch_norm,
        )

    def after(self, step: Step) -> Way:
        """Take a step from here."""
        return replace(self, **step)

    def request(self, request: ProfileRequest) -> ProfileRequest:
        """Request a measurement in this way."""
        network = request.network
        if self.fold_batch_norm:
            network = folded(network)
        return replace(request, network=network, **self.choices)

    def is_idle(self, step: Step, request: ProfileRequest) -> bool:
        """Tell whether a step to this way changes nothing: no batch norm is left to be fused."""
        left = (isinstance(x.op, ops.BatchNorm) for x in self.request(request).network.graph)
        return step.keys() == {"fused_batch_norm"} and not any(left)

    @property
    def choices(self) -> dict[str, Any]:
        """Return all choices by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def changes(self, start: Way) -> dict[str, Any]:
        """Return the choices that are otherwise than at the start.

        >>> Way(jit=True).changes(Way(jit=False))
        {'jit': True}
        """
        own, other = self.choices, start.choices
        return {name: choice for name, choice in own.items() if choice != other[name]}

    def options(self, start: Way) -> tuple[Option, ...]:
        """List the options that ask for this way instead of the start."""
        return tuple(Option(name, choice) for name, choice in self.changes(start).items())

    def words(self, start: Way, backend: str) -> str:
        """Say what is otherwise than at the start.

        >>> Way(jit=True, fold_batch_norm=True).words(Way(jit=False), "tensorflow")
        'batch norm folded, XLA'
        """
        changed = self.changes(start)
        words = []
        if changed.get("fold_batch_norm"):
            words.append("batch norm folded")
        if changed.get("fused_batch_norm"):
            words.append("batch norm fused")
        if "layout" in changed:
            words.append(self.layout)
        if self.memory_format is not None and "memory_format" in changed:
            words.append(f"{self.memory_format} in memory")
        if "jit" in changed:
            words.append(COMPILERS[backend] if self.jit else f"without {COMPILERS[backend]}")
        return ", ".join(words) or "as it is"


CHOICES = tuple(field.name for field in fields(Way))
"""Names of what a way consists of."""


def steps(settings: Settings, among: Collection[str] = ()) -> tuple[Step, ...]:
    """List the steps that may be taken, in order.

    A choice that was made is kept: nobody who asks for a memory format wants another. Nothing is
    folded in training.

    Args:
        settings: What was asked for.
        among: Names of the only choices that are free; all are where none is named.
    """
    fixed = set()
    if settings.jit is not None or len(JIT[settings.backend]) == 1:
        fixed.add("jit")
    if settings.memory_format is not None:
        fixed.add("memory_format")
    if settings.fused_batch_norm:
        fixed.add("fused_batch_norm")
    if settings.fold_batch_norm or settings.mode == "train":
        fixed.add("fold_batch_norm")
    return tuple(
        step
        for step in STEPS[settings.backend]
        if not fixed & step.keys() and (not among or step.keys() <= set(among))
    )
