"""Ray as a cluster: its nodes, what a measurement has to itself there, and how its tasks end.

Ray's processors are numbers that tasks ask for: nothing is pinned and nothing kept apart. A cell
therefore asks for all processors of its node, or for one accelerator and its share of them, and for
the resource ``measure`` where nodes declare it; so two sweeps on one cluster do not disturb each
other. Ray would start a lost task again by itself (three times, ``DEFAULT_TASK_MAX_RETRIES`` of
``ray/_private/ray_constants.py``) and might measure a cell twice: here it never does. A task that
is bound to a node that is gone waits for ever: whoever starts tasks has to look at the nodes too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from rsinspect.base.errors import ClusterUnavailable, InvalidMeasurement
from rsinspect.base.files import scratch
from rsinspect.base.words import shown
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.cluster import Greeting, Loss, Node, Task
from rsinspect.sweeps.execution import Outcome, carry_out
from rsinspect.sweeps.locks import MACHINE, in_turn, place_of

LOCAL = "local"
"""The address of a cluster of this machine alone, made for the sweep."""
MEASURE = "measure"
"""A resource of Ray's; where a node declares it, only such nodes measure."""
_NODE_ID = "ray.io/node-id"
_ANSWERS_WITHIN_S = 5.0
_LOCAL_STORE_BYTES = 2**27
"""For objects: runs are small; Ray itself would take a third of the memory."""

Work = Callable[[Cell], Outcome]


def carry_out_in_turn(cell: Cell) -> Outcome:
    """Carry a cell out; one of the processors waits until no other sweep measures on its machine.

    Nodes may share a machine, and somebody may measure there without Ray.
    """
    with in_turn(place_of(MACHINE)) if cell.settings.on_cpu else contextlib.nullcontext():
        return carry_out(cell)


@contextlib.contextmanager
def ray_cluster(
    address: str = LOCAL, *, labels: Mapping[str, str] | None = None, work: Work = carry_out_in_turn
) -> Iterator[RayCluster]:
    """Connect to a Ray cluster, or start one here, for as long as it is used.

    Args:
        address: ``local``, ``auto`` for the one that runs here, ``host:port`` or ``ray://host:port``.
        labels: What nodes must have to measure, such as ``{"ray.io/accelerator-type": "L4"}``.
        work: What carries a cell out on a node.

    Raises:
        ClusterUnavailable: If Ray is not installed, or no such cluster answers.
        InvalidMeasurement: If that is no address.
    """
    # Before Ray is imported: it reads these once.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray will do by itself
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of tasks that were given up
    try:
        import ray
    except ImportError as exc:
        raise ClusterUnavailable(
            "Ray is not installed", "pip install 'rsinspect[cluster]'"
        ) from exc
    with contextlib.ExitStack() as stack:
        how: dict[str, Any] = {}
        if address == LOCAL:
            os.environ.setdefault("RAY_worker_niceness", "0")  # else measurements run at 15
            folder = stack.enter_context(_short_folder())
            how = {
                "include_dashboard": False,
                "object_store_memory": _LOCAL_STORE_BYTES,
                "_temp_dir": folder,
            }
        else:
            _check_answers(address)
        stack.enter_context(_stdout_left_alone())
        try:
            with _signals_kept():
                ray.init(address=address, log_to_driver=False, logging_level="ERROR", **how)
        except (OSError, ValueError, RuntimeError, ImportError) as exc:
            said = (str(exc).strip() or type(exc).__name__).splitlines()[0]
            raise ClusterUnavailable(
                f"no Ray cluster can be used at {address}: {said}",
                "from a machine that is none of its nodes, use ray://HOST:10001",
            ) from exc
        stack.callback(ray.shutdown)
        yield RayCluster(ray, labels or {}, work)


class RayCluster:
    """The cluster that this process is connected to.

    Args:
        ray: The module.
        labels: What nodes must have to measure.
        work: What carries a cell out on a node.
    """

    def __init__(self, ray: ModuleType, labels: Mapping[str, str], work: Work) -> None:
        self._ray = ray
        self._labels = labels
        self._work = work
        self._greet = ray.remote(max_retries=0, num_cpus=0)(_greeter())
        self._measure = ray.remote(max_retries=0)(_measure)
        self._files: dict[str, tuple[str, Any] | None] = {}

    def nodes(self) -> Sequence[Node]:
        """List the nodes that are alive and may measure."""
        found = [_node(row) for row in self._ray.nodes() if row["Alive"]]
        declared = any(node.measures is not None for node in found)
        return [
            node
            for node in found
            if node.cpus > 0
            and (node.measures or not declared)
            and all(node.labels.get(label) == value for label, value in self._labels.items())
        ]

    def greet(self, node: Node) -> Task:
        """Ask a node for its versions; it needs nothing that a measurement uses."""
        return self._greet.options(label_selector={_NODE_ID: node.id}).remote()

    def start(self, node: Node, cell: Cell) -> Task:
        """Start a cell on a node, with all that a measurement there is to have to itself."""
        lanes = 1 if cell.settings.on_cpu else node.lanes
        resources = {} if node.measures is None else {MEASURE: _share(node.measures, lanes)}
        task = self._measure.options(
            name=f"rsinspect {cell.model} {cell.key}",
            num_cpus=_share(node.cpus, lanes),
            num_gpus=0 if cell.settings.on_cpu else 1,
            resources=resources,
            label_selector={_NODE_ID: node.id},
        )
        name, content = self._file(cell.model) or (None, None)
        return task.remote(self._work, cell, name, content)

    def finished(self, tasks: Collection[Task], timeout_s: float) -> Sequence[Task]:
        """Wait until a task has ended, or for some time; list those that have."""
        if not tasks:
            time.sleep(timeout_s)
            return ()
        all_tasks = list(tasks)
        ended, others = self._ray.wait(all_tasks, num_returns=1, timeout=timeout_s)
        if ended and others:
            ended, _ = self._ray.wait(all_tasks, num_returns=len(all_tasks), timeout=0)
        return list(ended)

    def result(self, task: Task) -> Outcome | Greeting | Loss:
        """Return what became of a task that has ended."""
        failed = self._ray.exceptions
        try:
            result = self._ray.get(task)
        except failed.OutOfMemoryError:
            return Loss(
                what="memory",
                reason="had its memory used up, and Ray's memory monitor ended the measurement",
            )
        except (failed.NodeDiedError, failed.LocalRayletDiedError, failed.ObjectLostError) as exc:
            return Loss(what="node", reason=f"was lost ({type(exc).__name__})")
        except failed.TaskUnschedulableError:  # as it was bound to one node
            return Loss(what="node", reason="is gone from the cluster")
        except failed.WorkerCrashedError:
            return Loss(what="worker", reason="lost the worker of Ray that measured")
        except failed.RayTaskError as exc:
            said = str(exc.cause).strip() or type(exc.cause).__name__
            return Loss(what="task", reason=f"cannot run it: {said.splitlines()[0]}")
        except failed.RayError as exc:
            return Loss(what="task", reason=f"cannot run it: {type(exc).__name__}")
        return Greeting(**result) if isinstance(result, dict) else result

    def give_up(self, task: Task) -> None:
        """End a task that nobody waits for any more."""
        with contextlib.suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.cancel(task, force=True)

    def _file(self, model: str) -> tuple[str, Any] | None:
        """Hand a file that is a model to the cluster, once; None for another model."""
        if model not in self._files:
            path = Path(model)
            is_file = path.is_file()
            self._files[model] = (path.name, self._ray.put(path.read_bytes())) if is_file else None
        return self._files[model]


def _node(row: Mapping[str, Any]) -> Node:
    """Read a row of ``ray.nodes()``."""
    has = row["Resources"]
    return Node(
        id=row["NodeID"],
        name=row["NodeName"] or row["NodeManagerAddress"],
        cpus=has.get("CPU", 0.0),
        gpus=int(has.get("GPU", 0)),
        measures=has.get(MEASURE),
        labels=row["Labels"],
    )


def _share(amount: float, lanes: int) -> float:
    """Divide an amount of a resource; what is more than one has to be whole for Ray."""
    share = amount / lanes
    return share if share < 1 else float(int(share))


def _measure(work: Work, cell: Cell, name: str | None, content: bytes | None) -> Outcome:
    """Carry a cell out on a node, in a worker of Ray's; its model is a file if it has a name."""
    if "OMP_NUM_THREADS" not in _environment_at_start():
        os.environ.pop("OMP_NUM_THREADS", None)  # Ray's: the processors that the task asked for
    if name is None or content is None:
        return work(cell)
    with scratch() as folder:
        path = folder / name
        path.write_bytes(content)
        return work(replace(cell, model=str(path)))


def _environment_at_start() -> frozenset[str]:
    """List the variables that this process was started with, where the system tells."""
    try:
        started = Path("/proc/self/environ").read_bytes()
    except OSError:
        return frozenset()
    return frozenset(
        entry.partition(b"=")[0].decode(errors="replace") for entry in started.split(b"\0")
    )


def _greeter() -> Callable[[], dict[str, Any]]:
    """Make what a node is asked first: it travels by value, as the node may lack this package."""

    def greet() -> dict[str, Any]:
        import contextlib
        import os
        import platform
        from importlib import metadata

        versions = {"python": platform.python_version()}
        for package in ("tensorflow", "keras", "jax", "torch"):
            with contextlib.suppress(metadata.PackageNotFoundError):
                versions[package] = metadata.version(package)
        with contextlib.suppress(ImportError):
            import rsinspect

            versions["rsinspect"] = rsinspect.__version__
            from rsinspect.profiling.machine import cpu_model

            versions["processor"] = cpu_model()[0] or "unknown"
        return {"versions": versions, "niceness": os.nice(0) if hasattr(os, "nice") else 0}

    return greet


def _check_answers(address: str) -> None:
    """Refuse an address where nobody answers; Ray itself would try for minutes.

    Raises:
        ClusterUnavailable: If nothing listens there.
        InvalidMeasurement: If that is no address.
    """
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InvalidMeasurement(
            f"{shown(address)} is no address of a Ray cluster",
            "it is host:port, ray://host:port, auto for the one that runs here, or local",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_WITHIN_S).close()
    except OSError as exc:
        raise ClusterUnavailable(
            f"no Ray cluster answers at {address}: {exc.strerror or exc}",
            "start one as its head (ray start), and name the address that it prints",
        ) from exc


@contextlib.contextmanager
def _short_folder() -> Iterator[str]:
    """Make a folder for Ray's sockets, whose names have to be short, and remove it again."""
    place = "/tmp" if sys.platform != "win32" else None
    with tempfile.TemporaryDirectory(
        prefix="rsinspect-", dir=place, ignore_cleanup_errors=True
    ) as folder:
        yield folder


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep what this process does on SIGTERM, which Ray would replace by an exit of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _stdout_left_alone() -> Iterator[None]:
    """Keep Ray from printing what befell its nodes to stdout, which is for the answer.

    ``log_to_driver=False`` does not cover that (Ray 2.60: ``listen_error_messages``).
    """
    from ray._private import worker

    name = "print_to_stdstream"
    before = getattr(worker, name, None)
    if before is not None:
        setattr(worker, name, lambda *_, **__: None)
    try:
        yield
    finally:
        if before is not None:
            setattr(worker, name, before)
