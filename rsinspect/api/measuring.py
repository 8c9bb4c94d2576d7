"""Measurements from a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsinspect.api.networks import Model, network

if TYPE_CHECKING:
    from rsinspect.api.results import Fastest, Run
    from rsinspect.networks.network import Network
    from rsinspect.profiling.protocol import Event
    from rsinspect.profiling.request import OwnWeights, ProfileRequest


Given = tuple["Network", "OwnWeights | None", Callable[[], object]]
"""A network, its own weights, and what writes the file that they are in."""


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
            ``backend``, ``device``, ``jit``, ``layout``, ``memory_format``,
            ``fold_batch_norm``, ``threads`` and the others that it has.

    Raises:
        RsInspectError: If that cannot be measured here; the message says why.

    >>> import rsinspect
    >>> run = rsinspect.profile("50", batch=1, max_time_s=30)  # doctest: +SKIP
    >>> run.save("run.json")  # doctest: +SKIP
    """
    from rsinspect.api.results import Run
    from rsinspect.profiling.parent import profile as measure

    with _request(model, batch, options) as request:
        return Run(measure(request, on_event=on_event))


def fastest(
    model: Model,
    batch: int = 128,
    *,
    among: Sequence[str] = (),
    on_event: Callable[[Event], None] = lambda _: None,
    **options: Any,
) -> Fastest:
    """Find the fastest way of running a network here that leaves its results alone.

    Ways are batch norm folded, the other layout of maps, a compiler, on PyTorch how maps lie in
    memory, on TensorFlow batch norm in one op. They are run in turns in one process, and their
    outputs compared; all of it takes up to ``max_time_s`` seconds.

    Args:
        model: As in ``network``.
        batch: Images in a batch; halved until there is time to compare all ways.
        among: Names of the only choices that are free, such as ``["layout"]``; all by default.
        on_event: Called with what happens meanwhile.
        **options: As in ``profile``; choices among them are kept, the others are free.

    Raises:
        RsInspectError: If that cannot be compared here; the message says why.

    >>> import rsinspect
    >>> found = rsinspect.fastest("50", batch=8)  # doctest: +SKIP
    >>> run = rsinspect.profile("50", batch=8, **found.changes)  # doctest: +SKIP
    """
    from rsinspect.api.results import Fastest
    from rsinspect.base.errors import check_choice
    from rsinspect.profiling.fastest import fastest as find
    from rsinspect.profiling.ways import CHOICES

    for name in among:
        check_choice("choice", name, CHOICES)
    with _request(model, batch, options) as request:
        return Fastest(find(request, among=among, on_event=on_event))


@contextmanager
def _request(model: Model, batch: int, options: dict[str, Any]) -> Iterator[ProfileRequest]:
    """Make a request; the weights of a live model are in a file as long as it lasts."""
    from rsinspect.profiling.request import ProfileRequest, check_names

    check_names(options)
    folds = options.get("fold_batch_norm", False)
    with with_own_weights(model, fold_batch_norm=folds) as (made, weights, save):
        request = ProfileRequest(network=made, batch=batch, weights=weights, **options)
        save()
        yield request


@contextmanager
def with_own_weights(model: Model, *, fold_batch_norm: bool = False) -> Iterator[Given]:
    """Make a network, and name the weights that it has; for a live model they are in a file.

    Args:
        model: As in ``network``.
        fold_batch_norm: Likewise.

    Returns:
        The network, its weights or None, and what writes that file, which is gone at the end.
    """
    from rsinspect.base.files import scratch
    from rsinspect.profiling.request import OwnWeights

    made = network(model, fold_batch_norm=fold_batch_norm)
    if not callable(getattr(model, "get_config", None)):
        yield made, OwnWeights.of(made), lambda: None
        return
    with scratch() as folder:
        copied = OwnWeights(f"{folder}/model.keras", "model")
        yield made, copied, lambda: model.save(copied.path)


def load_run(path: str | Path) -> Run:
    """Read a measurement that ``Run.save`` or ``rsinspect profile --save`` wrote.

    Args:
        path: Of its ``.json`` file, or of a page of ``report`` that holds one.

    Raises:
        InvalidMeasurement: If the file holds none.

    >>> import rsinspect
    >>> rsinspect.load_run("run.json").plot().save("latency.svg")  # doctest: +SKIP
    """
    from rsinspect.api.results import Run
    from rsinspect.profiling.record.saved import load_run as load

    return Run(load(Path(path)))
