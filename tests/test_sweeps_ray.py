"""Cells on Ray: clusters of several nodes on this machine, whose nodes, workers and drivers die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.base.errors import ClusterUnavailable, InvalidMeasurement
from rsinspect.runs.store import open_store
from rsinspect.sweeps import ray_cluster as room
from rsinspect.sweeps.cells import Cell
from rsinspect.sweeps.cluster import Loss
from rsinspect.sweeps.execution import Outcome
from rsinspect.sweeps.ray_cluster import RayCluster, ray_cluster
from rsinspect.sweeps.scheduling import ClusterExecutor
from rsinspect.sweeps.site import Site
from tests.clusters import keys, some_cells
from tests.processes import gone, until
from tests.sweeps import document_of, plan_of

pytest.importorskip("ray", reason="the extra cluster is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Ray's are not there")]

Nodes = Callable[..., Any]


class Cluster:
    """Nodes of Ray on this machine, small ones; a node is a raylet and its workers."""

    def __init__(self, folder: Path, **head: Any) -> None:
        Path("/tmp/ray").mkdir(exist_ok=True)  # where cluster_utils notes the address
        from ray.cluster_utils import Cluster

        arguments = {"num_cpus": 0, "include_dashboard": False, **self.small, **head}
        self.ray = Cluster(True, head_node_args=arguments | {"temp_dir": str(folder)})
        self.address: str = self.ray.address

    small = {"object_store_memory": 80 * 2**20}  # noqa: RUF012

    def add(self, name: str, **has: Any) -> Any:
        return self.ray.add_node(node_name=name, **({"num_cpus": 2} | self.small | has))

    def kill(self, node: Any) -> None:
        self.ray.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        self.ray.shutdown()


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with room._short_folder() as folder:  # pytest's own names are too long for sockets
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster(short: Path) -> Iterator[Cluster]:
    made = Cluster(short)
    made.add("a")
    made.add("b", labels={"ray.io/accelerator-type": "L4"}, num_gpus=2)
    yield made
    made.close()


class Diary:
    """What cells on several nodes write into one folder, as they begin and end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def work(self, cell: Cell) -> Outcome:
        import ray

        node = os.environ.get("CUDA_VISIBLE_DEVICES", "") + ray.util.get_node_ip_address()
        began = time.monotonic()
        with (self.folder / "begun").open("a") as diary:
            diary.write(f"{cell.key} {ray.get_runtime_context().get_node_id()} {os.getpid()}\n")
        while self._held(cell).exists():
            time.sleep(0.05)
        document = {
            "node": ray.get_runtime_context().get_node_id(),
            "device": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "address": node,
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "span": (began, time.monotonic()),
        }
        return Outcome(key=cell.key, kind="done", document=document)

    def begun(self) -> list[list[str]]:
        path = self.folder / "begun"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def measure(self, cell: Cell) -> Outcome:
        """Carry a cell out with a run as its result."""
        outcome = self.work(cell)
        batch = cell.settings.batch
        return replace(outcome, document=document_of(batch, n=batch))

    def _held(self, cell: Cell) -> Path:
        return self.folder / f"hold-{cell.repeat}-{cell.settings.batch}"

    def hold(self, cell: Cell) -> Path:
        """Let a cell not end before this file is gone."""
        path = self._held(cell)
        path.touch()
        return path


def carried_out(connected: RayCluster, cells: list[Cell]) -> dict[str, Outcome]:
    executor = ClusterExecutor(connected, rsinspect.__version__)
    return {outcome.key: outcome for outcome in executor.outcomes(cells)}


def overlapping(documents: list[dict[str, Any]], what: str) -> list[tuple[Any, Any]]:
    """List spans of one node or device that overlap."""
    found = []
    for number, one in enumerate(documents):
        for other in documents[:number]:
            together = one["span"][0] < other["span"][1] and other["span"][0] < one["span"][1]
            if together and one[what] == other[what] and one["node"] == other["node"]:
                found.append((one, other))
    return found


def test_one_cell_at_a_time_on_each_node(cluster: Cluster, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    cells = some_cells(12)
    with ray_cluster(cluster.address, work=diary.work) as connected:
        assert ClusterExecutor(connected, "1").places() == ("a", "b")
        outcomes = carried_out(connected, cells)
    documents = [outcome.document for outcome in outcomes.values() if outcome.document]
    assert keys(outcomes.values()) == keys(cells)
    assert len(diary.begun()) == len(documents) == 12
    assert len({document["node"] for document in documents}) == 2
    assert not overlapping(documents, "node")
    assert {document["threads"] for document in documents} == {os.environ.get("OMP_NUM_THREADS")}


def test_each_accelerator_has_its_own_cell(cluster: Cluster, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    holds = [diary.hold(cell) for cell in some_cells(2)]
    both = threading.Thread(target=lambda: until(lambda: len(diary.begun()) == 2))
    both.start()

    def let_go() -> None:  # both are measured at a time: neither ends before both have begun
        both.join()
        for hold in holds:
            hold.unlink()

    threading.Thread(target=let_go).start()
    labels = {"ray.io/accelerator-type": "L4"}
    with ray_cluster(cluster.address, labels=labels, work=diary.work) as connected:
        assert [node.name for node in connected.nodes()] == ["b"]
        outcomes = carried_out(connected, some_cells(5, device="gpu"))
    documents = [outcome.document for outcome in outcomes.values() if outcome.document]
    assert len(documents) == 5
    assert {document["device"] for document in documents} == {"0", "1"}
    assert not overlapping(documents, "device")


def test_only_nodes_that_declare_it_measure_where_any_does(cluster: Cluster) -> None:
    with ray_cluster(cluster.address) as connected:
        node = cluster.add("c", resources={"measure": 1}, num_cpus=1)
        try:
            assert [(found.name, found.measures) for found in connected.nodes()] == [("c", 1.0)]
        finally:
            cluster.kill(node)


def test_a_node_killed_in_mid_cell_loses_nothing(
    cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    diary = Diary(tmp_path)
    cluster.add("a")  # two of one name are one place: either may measure
    cells = some_cells(4)
    hold = diary.hold(cells[1])
    cells[1] = replace(cells[1], place="a")

    def kill() -> None:
        until(lambda: any(key == cells[1].key for key, *_ in diary.begun()))
        where = next(node for key, node, _ in diary.begun() if key == cells[1].key)
        cluster.kill(next(node for node in cluster.ray.worker_nodes if node.node_id == where))
        until(lambda: [key for key, *_ in diary.begun()].count(cells[1].key) == 2)
        hold.unlink()

    killer = threading.Thread(target=kill)
    killer.start()
    told: list[str] = []
    with ray_cluster(cluster.address, work=diary.work) as connected:
        executor = ClusterExecutor(connected, rsinspect.__version__, tell=told.append)
        outcomes = list(executor.outcomes(cells))
    killer.join()
    assert keys(outcomes) == keys(cells)
    assert {outcome.kind for outcome in outcomes} == {"done"}
    assert len({node for key, node, _ in diary.begun() if key == cells[1].key}) == 2
    assert len(diary.begun()) == 5
    assert any(line.startswith("node a was lost") for line in told)
    assert capfd.readouterr().out == ""


def test_what_becomes_of_cells_and_of_files_that_are_models(
    cluster: Cluster, tmp_path: Path
) -> None:
    model = tmp_path / "my.keras"
    model.write_bytes(b"layers")
    mark = tmp_path / "died"

    def work(cell: Cell) -> Outcome:
        if cell.repeat == 0 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if cell.repeat == 1:
            raise ValueError("no such thing\nat all")
        found = Path(cell.model)
        read = (found.name, found.read_bytes()) if found.suffix else None
        return Outcome(key=cell.key, kind="done", document={"path": str(found), "read": read})

    cells = some_cells(3)
    cells[2] = replace(cells[2], model=str(model))
    told: list[str] = []
    with ray_cluster(cluster.address, work=work) as connected:
        executor = ClusterExecutor(connected, rsinspect.__version__, tell=told.append)
        found = {outcome.key: outcome for outcome in executor.outcomes(cells)}
    died, failed, filed = (found[cell.key] for cell in cells)
    assert died.kind == "done"
    assert any("lost the worker of Ray" in line for line in told)
    assert not any(line.startswith("node") for line in told if "differs" not in line)
    assert failed.kind == "crashed"
    assert (failed.reason or "")[1:] == " cannot run it: no such thing"
    assert filed.document is not None
    assert filed.document["read"] == ("my.keras", b"layers")
    assert filed.document["path"] != str(model)
    assert not Path(filed.document["path"]).exists()


DRIVER = """
import sys
from pathlib import Path
import rsinspect
from rsinspect.sweeps.driver import Driver, Order
from rsinspect.sweeps.ray_cluster import ray_cluster
from rsinspect.sweeps.scheduling import ClusterExecutor
from tests.sweeps import plan_of
from tests.test_sweeps_ray import Diary
address, folder = sys.argv[1], Path(sys.argv[2])
driver = Driver(folder / "runs.db", plan_of(*range(1, 7)), Order(repeats=1))
with ray_cluster(address, work=Diary(folder).measure) as cluster:
    driver.drive(ClusterExecutor(cluster, rsinspect.__version__))
"""


def test_a_driver_that_is_killed_leaves_nothing_running_and_the_sweep_goes_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    diary, plan = Diary(tmp_path), plan_of(*range(1, 7))
    cells = list(plan.cells(1))
    holds = [diary.hold(cell) for cell in cells[3:]]
    command = (sys.executable, "-c", DRIVER, cluster.address, str(tmp_path))

    def states() -> list[str]:
        with open_store(tmp_path / "runs.db") as store:
            (sweep,) = store.sweeps()
            return sorted(state.state for state in store.cells(sweep.id))

    with subprocess.Popen(command) as driver:
        assert until(lambda: len(diary.begun()) == 5)  # two are held, on two nodes
        assert until(lambda: states().count("done") == 3)
        driver.kill()
    cut_short = [cell.key for cell in cells[3:5]]
    assert gone(*[pid for key, _, pid in diary.begun() if key in cut_short])
    assert states() == ["done"] * 3 + ["waiting"] * 3
    for hold in holds:
        hold.unlink()
    assert subprocess.run(command, check=False).returncode == 0
    assert states() == ["done"] * 6
    assert len(diary.begun()) == 8  # three, two that were cut short, and the last three


def test_everything_is_measured_on_each_node_by_its_name(cluster: Cluster) -> None:
    site = Site(ray=cluster.address, per_node=True)
    with site.ready(lambda _: None) as (_, places):
        assert places == ("a", "b")
    with site.ready(lambda _: None, kept=("a", "gone")) as (_, places):
        assert places == ("a", "gone", "b")
    labels = Site(ray=cluster.address, labels=("ray.io/accelerator-type=H100",))
    with pytest.raises(ClusterUnavailable, match="or the labels"), labels.ready(lambda _: None):
        pass


def test_a_cell_that_uses_up_the_memory_of_a_node_is_told_from_a_lost_one(tmp_path: Path) -> None:
    with room._short_folder() as folder:  # a cluster for which any memory at all is too much
        limits = {"memory_usage_threshold": 0.0001, "memory_monitor_refresh_ms": 50}
        cluster = Cluster(Path(folder), num_cpus=1, _system_config=limits)
        try:
            hold = Diary(tmp_path).hold(some_cells(1)[0])
            with ray_cluster(cluster.address, work=Diary(tmp_path).work) as connected:
                (node,) = connected.nodes()
                task = connected.start(node, some_cells(1)[0])
                while not connected.finished([task], 1.0):
                    pass
                lost = connected.result(task)
            hold.unlink()
        finally:
            cluster.close()
    assert isinstance(lost, Loss)
    assert (lost.what, "Ray's memory monitor ended" in lost.reason) == ("memory", True)


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("nonsense", InvalidMeasurement, "no address of a Ray cluster"),
        ("host:99999999", InvalidMeasurement, "no address of a Ray cluster"),
        ("127.0.0.1:9", ClusterUnavailable, r"no Ray cluster answers at 127\.0\.0\.1:9"),
        ("ray://127.0.0.1:9", ClusterUnavailable, "no Ray cluster answers"),
    ],
)
def test_an_address_where_nobody_is_is_refused_at_once(
    address: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says), ray_cluster(address):
        pass


def test_a_cluster_of_this_machine_is_made_and_gone_again(tmp_path: Path) -> None:
    import ray

    before = signal.getsignal(signal.SIGTERM)
    with ray_cluster(work=Diary(tmp_path).work) as connected:
        assert signal.getsignal(signal.SIGTERM) == before
        outcomes = carried_out(connected, some_cells(2))
        folder = Path(ray._private.worker._global_node.get_session_dir_path())
        assert folder.exists()
    assert len(outcomes) == 2
    assert not folder.exists()
    assert gone(*[pid for *_, pid in Diary(tmp_path).begun()])
