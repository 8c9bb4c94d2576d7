"""The best network for this machine, from a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rsinspect.api.results import TableResult

if TYPE_CHECKING:
    from rsinspect.profiling.protocol import Event
    from rsinspect.tradeoffs.choice import Choice


class Chosen(TableResult):
    """The best network within bounds on this machine, beside all that were considered.

    Attributes:
        record: All networks, with what follows from their latencies.
    """

    def __init__(self, record: Choice) -> None:
        from rsinspect.tradeoffs.choice_answer import choice_answer

        super().__init__(choice_answer(record))
        self.record = record

    @property
    def pick(self) -> str | None:
        """Return the network to choose, as MODEL text; None where none is within the bounds."""
        return None if self.record.pick is None else self.record.pick.candidate.name

    @property
    def runners_up(self) -> tuple[str, ...]:
        """Return the next best, likewise."""
        return tuple(entry.candidate.name for entry in self.record.runners_up)

    @property
    def nearest(self) -> str:
        """Return the network that exceeds the bounds least."""
        return self.record.nearest.candidate.name

    @property
    def conclusion(self) -> str:
        """Say which network to choose, and what it is like."""
        from rsinspect.tradeoffs.choice_answer import headline

        return headline(self.record)


def choose(
    *,
    max_latency: str | float | None = None,
    min_top1: float | None = None,
    max_memory: str | float | None = None,
    max_flops: str | float | None = None,
    max_params: str | float | None = None,
    batch: int = 1,
    source: str = "paper",
    points: Mapping[str, float] | None = None,
    family: str | None = None,
    convention: str = "paper",
    verify: bool = False,
    on_event: Callable[[Event], None] = lambda _: None,
    **options: Any,
) -> Chosen:
    """Find the best network within bounds on this machine, in about a minute.

    All published ResNet-RS and EfficientNets are considered: the distinct blocks of a few small
    networks are timed in turns, and added up. The most accurate within the bounds is chosen; with
    an accuracy and no latency given, the fastest.

    Args:
        max_latency: Of a batch: ``"200ms"``, or seconds.
        min_top1: ImageNet accuracy, in per cent.
        max_memory: Of weights and activations: ``"500MiB"``, or bytes.
        max_flops: Of an image, by ``convention``: ``"10G"``.
        max_params: Likewise ``"50M"``.
        batch: Images in a batch.
        source: Whose accuracies: ``paper``, ``checkpoints`` or ``timm``.
        points: Networks of your own, by MODEL text, with their accuracy in per cent.
        family: The only one to consider: ``resnet-rs``, ``efficientnet`` or ``yours``.
        convention: What a FLOP is.
        verify: Measure the pick as a whole too, for up to a minute.
        on_event: Called with what happens meanwhile.
        **options: Of ``profiling.request.Settings``, as in ``profile``.

    Raises:
        RsInspectError: If no bound is given, or that cannot be measured here.

    >>> import rsinspect
    >>> rsinspect.choose(max_latency="200ms").pick  # doctest: +SKIP
    '152@224'
    """
    from rsinspect.profiling.request import Settings, check_names
    from rsinspect.tradeoffs.choice import bounds_of
    from rsinspect.tradeoffs.choose import TIME_S, verified
    from rsinspect.tradeoffs.choose import choose as find

    check_names(options)
    bounds = bounds_of(
        max_latency=max_latency, min_top1=min_top1, max_memory=max_memory, max_flops=max_flops,
        max_params=max_params,
    )  # fmt: skip
    settings = Settings(**{"level": "block", "max_time_s": TIME_S, "batch": batch, **options})
    found = find(
        bounds, settings, source=source, own=points, family=family, convention=convention,
        on_event=on_event,
    )  # fmt: skip
    return Chosen(verified(found, on_event=on_event) if verify else found)
