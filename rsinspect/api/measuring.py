"""Measurements from a notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsinspect.api.networks import Model, network

if TYPE_CHECKING:
    from rsinspect.api.results import Run
    from rsinspect.profiling.protocol import Event


def profile(
    model: Model,
    batch: int = 128,
    *,
    on_event: Callable[[Event], None] = lambda _: None,
    **options: Any,
) -> Run:
    """Measure the latency of a network here, part by part and as a whole.

    The network is built afresh in a process of its own: with the weights of a live model or of a
    file that has them, else with random ones. All of it takes up to ``max_time_s`` seconds,
    starting and compiling included.

    Args:
        model: As in ``network``.
        batch: Images in a batch; halved until it fits.
        on_event: Called with what happens meanwhile.
        **options: Of ``profiling.request.Settings``: ``mode``, ``level``, ``precision``,
            ``backend``, ``device``, ``jit``, ``layout``, ``memory_format``, ``threads`` and the
            others that it has.

    Raises:
        RsInspectError: If that cannot be measured here; the message says why.

    >>> import rsinspect
    >>> run = rsinspect.profile("50", batch=1, max_time_s=30)  # doctest: +SKIP
    >>> run.save("run.json")  # doctest: +SKIP
    """
    from tempfile import TemporaryDirectory

    from rsinspect.api.results import Run
    from rsinspect.profiling.parent import profile as measure
    from rsinspect.profiling.request import OwnWeights, ProfileRequest, check_names

    check_names(options)
    made = network(model)
    is_live = callable(getattr(model, "get_config", None))
    with TemporaryDirectory() as folder:
        copied = OwnWeights(f"{folder}/model.keras", "model")
        weights = copied if is_live else OwnWeights.of(made)
        request = ProfileRequest(network=made, batch=batch, weights=weights, **options)
        if is_live:
            model.save(copied.path)
        return Run(measure(request, on_event=on_event))


def load_run(path: str | Path) -> Run:
    """Read a measurement that ``Run.save`` or ``rsinspect profile --save`` wrote.

    Raises:
        InvalidMeasurement: If the file holds none.
    """
    from rsinspect.api.results import Run
    from rsinspect.profiling.record.saved import load_run as load

    return Run(load(Path(path)))
