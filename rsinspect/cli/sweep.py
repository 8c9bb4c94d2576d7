"""``rsinspect sweep``: many networks measured in many ways, interrupted or not."""

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.answers.rows import LEVELS
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.flags import flag
from rsinspect.base.talk import say
from rsinspect.base.words import Option, advice, plural, quoted
from rsinspect.cli.claims import reads
from rsinspect.cli.declaration import option
from rsinspect.cli.options import with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.recording import Db
from rsinspect.layers.map_layout import LAYOUTS
from rsinspect.profiling.choices import BACKENDS, MODES, PRECISIONS
from rsinspect.render.formats import TABLES

if TYPE_CHECKING:
    from rsinspect.sweeps.driver import Driver, Order
    from rsinspect.sweeps.execution import Executor
    from rsinspect.sweeps.plan import Plan
    from rsinspect.sweeps.site import Site


def _axis(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="What is measured", **more)


def _where(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Cluster", **more)


def _how(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Sweep", **more)


@dataclass(kw_only=True, repr=False)
class AxisOptions:
    """What is combined with what; several values are divided by commas."""

    models: Annotated[
        str | None,
        _axis(
            "--models",
            help="Networks: published (the paper's eleven), 50,101,152@224, EfficientNetB0-B4, "
            "my.keras; any MODEL.",
        ),
    ] = None
    resolutions: Annotated[
        str | None, _axis("--resolutions", help="Image sizes: 160,224. Default: each its own.")
    ] = None
    batches: Annotated[
        str | None, _axis("--batches", help="Numbers of images in a batch: 1,8. Default: 1.")
    ] = None
    precisions: Annotated[
        str | None,
        _axis("--precisions", help="Of {}. Default: float32.", choices=PRECISIONS),
    ] = None
    modes: Annotated[
        str | None, _axis("--modes", help="Of {}. Default: forward.", choices=MODES)
    ] = None
    backends: Annotated[
        str | None, _axis("--backends", help="Of {}. Default: tensorflow.", choices=BACKENDS)
    ] = None
    devices: Annotated[str | None, _axis("--devices", help="cpu, gpu, gpu:1. Default: cpu.")] = None
    layouts: Annotated[
        str | None, _axis("--layouts", help="Of {}. Default: channels_last.", choices=LAYOUTS)
    ] = None
    threads: Annotated[
        str | None,
        _axis("--threads", help="Threads of the framework: 1,2. Default: its own choice."),
    ] = None
    level: Annotated[
        str | None,
        _axis("--level", help="{}: what is timed apart. Default: stage.", choices=LEVELS),
    ] = None
    jit: Annotated[
        bool | None,
        _axis("--jit/--no-jit", help="Compile. Default: on jax, not elsewhere."),
    ] = None
    fold_batch_norm: Annotated[
        bool, _axis("--fold-batchnorm", help="Measure the networks with batch norms folded.")
    ] = False
    max_time: Annotated[
        str | None,
        _axis("--max-time", help="Of one measurement, everything included: 30s. Default: 60s."),
    ] = None

    @property
    def given(self) -> dict[str, Any]:
        """List those that were given, as Python calls them."""
        values = {name: getattr(self, name) for name in AxisOptions.__dataclass_fields__}
        values["max_time_s"] = values.pop("max_time")
        values["fold_batch_norm"] = self.fold_batch_norm or None
        return {name: value for name, value in values.items() if value is not None}


@dataclass(kw_only=True, repr=False)
class OrderOptions:
    """In which order, how often, and how long."""

    repeats: Annotated[
        int | None,
        _how("--repeats", help="Measure each so often, in fresh processes. Default: 3."),
    ] = None
    time: Annotated[
        str | None,
        _how(
            "--time",
            help="Time there is: 2h. When all is measured, what is least sure is measured again.",
        ),
    ] = None
    seed: Annotated[int | None, _how("--seed", help="Of the random order. Default: 0.")] = None
    shard: Annotated[
        str | None,
        _how(
            "--shard",
            help="Measure only every n-th cell: 1/4 of 4 shards. runs import puts the stores of "
            "all together.",
        ),
    ] = None
    resume: Annotated[
        str | None,
        _how(
            "--resume",
            help="Go on with this sweep, or with the latest; the same command again does, too.",
        ),
    ] = None
    retry: Annotated[bool, _how("--retry", help="Measure again what failed before.")] = False
    dry_run: Annotated[
        bool,
        _how("--dry-run", help="Show what would be measured, with its time and memory."),
    ] = False
    db: Db = None

    @property
    def given(self) -> dict[str, Any]:
        """List what can stand in a plan, as Python calls it."""
        values = {"repeats": self.repeats, "time_s": self.time, "seed": self.seed}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def part(self) -> tuple[int, int] | None:
        """Read which shard is meant: its number, and of how many.

        Raises:
            InvalidMeasurement: If that is none.
        """
        if self.shard is None:
            return None
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", self.shard, re.ASCII)
        if found is None:
            raise InvalidMeasurement(
                f"{quoted(self.shard)} is no shard", advice("such as {}", Option("shard", "1/4"))
            )
        return int(found[1]), int(found[2])


@dataclass(kw_only=True, repr=False)
class SiteOptions:
    """Where cells are carried out."""

    ray: Annotated[
        str | None,
        _where(
            "--ray",
            metavar="ADDRESS",
            help="Measure on a Ray cluster, one cell at a time on each node or accelerator: "
            "HOST:PORT, ray://HOST:PORT, auto (that of this machine) or local (made for this).",
        ),
    ] = None
    per_node: Annotated[
        bool, _where("--per-node", help="Measure everything on each node of the cluster.")
    ] = False
    node_label: Annotated[
        list[str] | None,
        _where(
            "--node-label",
            metavar="KEY=VALUE",
            help="Measure on nodes with this label: accelerator=L4; repeatable.",
        ),
    ] = None

    @property
    def site(self) -> "Site":
        """Return where that is.

        Raises:
            InvalidMeasurement: If nodes are chosen without a cluster.
        """
        from rsinspect.sweeps.site import Site

        return Site(ray=self.ray, per_node=self.per_node, labels=tuple(self.node_label or ()))


@with_options
def sweep(
    axes: AxisOptions,
    order: OrderOptions,
    where: SiteOptions,
    plan_file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PLAN.toml]",
            help="A file with the options below in its table sweep; those on the line go before.",
            show_default=False,
            callback=reads,
        ),
    ] = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Measure many networks in many ways, interrupted or not, here, by shard or on Ray.

    Examples:
        rsinspect sweep --models published,InceptionV3 --batches 1,8
        rsinspect sweep --resume latest --retry
    """
    from rsinspect.runs.place import database_path

    chosen(TABLES, output, format)
    path = database_path(order.db)
    site = where.site
    plan, wanted = _plan(axes, order, plan_file, path)
    if order.dry_run:
        if site.per_node:
            with site.ready(say, wanted.places) as (_, places):
                wanted = replace(wanted, places=places)
        _foresee(path, plan, wanted, format, output, notes)
        return
    from rsinspect.sweeps.driver import Driver
    from rsinspect.sweeps.results import left_out_notes

    for line in left_out_notes(plan.left_out):
        say(line)
    with site.ready(say, wanted.places) as (executor, places):
        driver = Driver(path, plan, replace(wanted, places=places))
        _carry_out(driver, executor)
    answer(_result(driver), format, output, notes)
    if driver.failed and not driver.done:
        raise typer.Exit(1)


def _plan(
    axes: AxisOptions, order: OrderOptions, file: Path | None, path: Path
) -> "tuple[Plan, Order]":
    """Make the plan that is asked for, or find the one of a sweep that was begun."""
    from rsinspect.base.amounts import seconds_of
    from rsinspect.sweeps.driver import Order

    if order.resume is None:
        from rsinspect.sweeps.plan import Plan
        from rsinspect.sweeps.plan_file import wanted

        read = wanted(axes.given | order.given, file)
        how = Order(repeats=read.repeats, time_s=read.time_s, shard=order.part, retry=order.retry)
        return Plan.of(read.axes, read.seed), how
    if axes.given or file is not None or order.shard is not None or order.seed is not None:
        raise InvalidMeasurement(
            advice("{} goes on with what was begun", Option("resume", order.resume)),
            advice("leave the rest out, but for {}, {} and {}", Option("time"), Option("repeats"),
                   Option("retry", True)),
        )  # fmt: skip
    from rsinspect.sweeps.saved_sweeps import kept_sweep

    kept = kept_sweep(path, order.resume)
    time_s = None if order.time is None else seconds_of(order.time)
    repeats = max(order.repeats or 0, kept.repeats)
    return kept.plan, Order(repeats=repeats, time_s=time_s, retry=order.retry, places=kept.places)


def _foresee(
    path: Path, plan: "Plan", order: "Order", format: str | None, output: Path | None, notes: str
) -> None:
    """Show what would be measured; nothing is written to the store."""
    from rsinspect.sweeps.outlook import outlook_answer
    from rsinspect.sweeps.plan import shard_of
    from rsinspect.sweeps.saved_sweeps import over_keys, past_times

    cells = shard_of(plan.cells(order.repeats, order.places), order.shard)
    done = over_keys(path, plan, retry=order.retry)
    waiting = [cell for cell in cells if cell.key not in done]
    result = outlook_answer(plan, waiting, past_times(path, plan), len(cells) - len(waiting))
    answer(result, format, output, notes)


def _carry_out(driver: "Driver", executor: "Executor") -> None:
    """Carry cells out, and say how to go on where something ends that."""
    from rsinspect.cli.sweeping import Watch
    from rsinspect.runs.store import open_store
    from rsinspect.sweeps.results import results_of

    with open_store(driver.path) as store:
        watch = Watch(driver, results_of(store, driver.sweep, driver.plan))
    driver.on_event = watch
    many, done, failed = len(driver.cells), driver.measured, len(driver.failed)
    before = f", {done} done before" if done else ""
    again = f", {failed} failed before ({flag(Option('retry', True))})" if failed else ""
    say(f"sweep {driver.sweep}: {plural(many, 'cell')}{before}{again}, kept in {driver.path}")
    try:
        with watch.shown():
            driver.drive(executor)
    except (KeyboardInterrupt, SystemExit):
        say(f"{driver.measured} of {plural(many, 'cell')} are done; the same command goes on")
        sys.stderr.flush()
        raise


def _result(driver: "Driver") -> Any:
    from rsinspect.runs.store import open_store
    from rsinspect.sweeps.results import results_of, sweep_answer

    with open_store(driver.path) as store:
        results = results_of(store, driver.sweep, driver.plan)
    return sweep_answer(driver.sweep, driver.plan, results)
