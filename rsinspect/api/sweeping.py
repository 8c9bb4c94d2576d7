"""Sweeps from a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsinspect.api.sweep_results import Sweep
    from rsinspect.sweeps.driver import Event


def sweep(
    models: str | Sequence[str],
    *,
    repeats: int = 3,
    time_s: float | None = None,
    seed: int = 0,
    shard: tuple[int, int] | None = None,
    retry: bool = False,
    db: str | Path | None = None,
    ray: str | None = None,
    per_node: bool = False,
    node_labels: Sequence[str] = (),
    on_event: Callable[[Event], object] = lambda _: None,
    **axes: Any,
) -> Sweep:
    """Measure many networks in many ways, each several times in random order.

    Each measurement is a process of its own, and goes to the store as it comes. The same call again
    goes on where it was interrupted.

    Args:
        models: MODEL texts: ``"published"``, ``"50,152@224"``, ``["EfficientNetB0-B4", "my.keras"]``.
        repeats: How often each network is measured in each way.
        time_s: Seconds there are; what is least sure is measured again until they are over.
        seed: Of the order.
        shard: Which part of the cells, and of how many parts: ``(1, 4)``.
        retry: Measure again what failed before.
        db: File of the store; the user's own by default.
        ray: Address of a Ray cluster on which they are measured, one at a time on each node or
            accelerator: ``"host:port"``, ``"ray://host:port"``, ``"auto"`` for that of this
            machine, ``"local"`` for one made for this.
        per_node: Measure everything on each node.
        node_labels: What a node must have to measure: ``["ray.io/accelerator-type=L4"]``.
        on_event: Called as cells are handed out and come back.
        **axes: Of ``sweeps.plan.Axes``: ``batches``, ``resolutions``, ``precisions``, ``modes``,
            ``backends``, ``devices``, ``layouts``, ``threads``, and ``level``, ``jit``,
            ``fold_batch_norm`` and ``max_time_s`` of all.

    Raises:
        RsInspectError: If nothing of that can be measured, or the store cannot be written.

    >>> import rsinspect
    >>> found = rsinspect.sweep("50,101", batches=(1, 8), max_time_s=30)  # doctest: +SKIP
    >>> found.save("sweep.csv")  # doctest: +SKIP
    """  # noqa: E501  # one line of examples
    from rsinspect.api.sweep_results import Sweep
    from rsinspect.base.errors import check_choice
    from rsinspect.base.talk import say
    from rsinspect.runs.place import database_path
    from rsinspect.runs.store import open_store
    from rsinspect.sweeps.driver import Driver, Order
    from rsinspect.sweeps.plan import Plan
    from rsinspect.sweeps.plan_file import NAMES, wanted
    from rsinspect.sweeps.results import results_of, sweep_answer
    from rsinspect.sweeps.site import Site

    for name in axes:
        check_choice("option", name, NAMES)
    read = wanted({"models": models, "repeats": repeats, "seed": seed, "time_s": time_s, **axes})
    order = Order(repeats=read.repeats, shard=shard, time_s=read.time_s, retry=retry)
    path = database_path(None if db is None else Path(db))
    plan = Plan.of(read.axes, read.seed)
    site = Site(ray=ray, per_node=per_node, labels=tuple(node_labels))
    with site.ready(say) as (executor, places):
        driver = Driver(path, plan, replace(order, places=places), on_event=on_event)
        driver.drive(executor)
    with open_store(path) as store:
        results = results_of(store, driver.sweep, driver.plan)
    return Sweep(driver.sweep, sweep_answer(driver.sweep, driver.plan, results))
