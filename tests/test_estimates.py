"""Latencies that were not measured: from parts of a made-up machine whose truth is known."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

import rsinspect
from rsinspect.base.errors import InvalidMeasurement, InvalidSpec
from rsinspect.comparisons import comparison
from rsinspect.design_space.space import Space
from rsinspect.estimates.estimate import Estimator
from rsinspect.estimates.machine import Machine
from rsinspect.estimates.parts import PER_BATCH, Part, parts_of
from rsinspect.estimates.timings import Sum, Timing
from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.networks.named import network
from rsinspect.networks.network import Network, from_graph, resnet_rs
from rsinspect.profiling.record import predicted
from rsinspect.profiling.record.document import to_json
from rsinspect.profiling.record.run import Segment
from rsinspect.profiling.statistics import Latency
from rsinspect.runs.store import open_store
from tests.compared import a_comparison
from tests.conftest import Cli
from tests.networks import network_of
from tests.runs import ROOFS, a_prediction, run_of

RATES = (2e-5, 1.5e-11, 0.8e-11, 3e-10, 3e-10, 9e-10)
"""Of a machine that nobody has."""


def truth(part: Part, batch: int) -> float:
    """Seconds of a part: its work at those rates, and better on larger maps and wider layers."""
    images = [1 if once else batch for once in PER_BATCH]
    work = math.fsum(w * n * r for w, n, r in zip(part.work, images, RATES, strict=True))
    pixels, channels = part.place[:2]
    return work * math.exp(0.08 * math.sin(pixels + math.log(batch)) + 0.1 * math.cos(channels))


def true_latency(made: Network, batch: int) -> float:
    return sum(part.repeats * truth(part, batch) for part in parts_of(made.graph))


def timing(made: Network, batch: int = 1, *, factor: float = 1.0) -> Timing:
    seconds = {part.path: factor * truth(part, batch) for part in parts_of(made.graph)}
    return Timing.of_parts(made, batch, seconds)


MEASURED = ("50@160", "152@224", "350@320")
PUBLISHED = (
    "50@160", "101@160", "101@192", "152@192", "152@224", "152@256", "200@256", "270@256",
    "350@256", "350@320", "420@320",
)  # fmt: skip


def test_parts_of_three_networks_tell_of_all_depths_and_sizes() -> None:
    estimator = Estimator.of_timings([timing(network(text)) for text in MEASURED])
    for text in PUBLISHED:
        made = network(text)
        found = estimator.latency(made, 1)
        assert found.latency_s == pytest.approx(true_latency(made, 1), rel=0.03), text
        assert found.low_s < true_latency(made, 1) < found.high_s
        assert not found.extrapolates


def test_wholes_of_three_networks_tell_of_others() -> None:
    timings = [
        Timing.whole(made, 8, true_latency(made, 8)) for made in map(network, MEASURED)
    ]  # fmt: skip
    estimator = Estimator.of_timings(timings)
    for text in PUBLISHED:
        made = network(text)
        found = estimator.latency(made, 8)
        assert found.latency_s == pytest.approx(true_latency(made, 8), rel=0.06), text
        assert found.low_s < true_latency(made, 8) < found.high_s
        assert found.images_per_s == 8 / found.latency_s


def test_intervals_cover_what_processes_scatter() -> None:
    """Each process of the made-up machine is faster or slower as a whole, by 3 %."""
    draw = random.Random(5)
    inside = tries = 0
    for _ in range(40):
        timings = [timing(network(t), factor=math.exp(draw.gauss(0, 0.03))) for t in MEASURED]
        estimator = Estimator.of_timings(timings)
        made = network(draw.choice(PUBLISHED))
        found = estimator.latency(made, 1)
        measured = true_latency(made, 1) * math.exp(draw.gauss(0, 0.03))
        tries += 1
        inside += found.low_s <= measured <= found.high_s
    assert inside / tries >= 0.9


def test_tables_of_a_space_are_what_each_network_gets() -> None:
    estimator = Estimator.of_timings([timing(network(text)) for text in MEASURED])
    space = Space.of({"depth": (50, 101), "width": (0.5, 1.0), "resolution": (128, 256)})
    latencies = estimator.latencies(space, 4)
    for point in range(space.size):
        layout, width, side = space.point(point)
        where = np.array([space.widths.index(width)]), np.array([space.resolutions.index(side)])
        found = latencies.of(*where, np.array([layout.blocks]))
        alone = estimator.latency(resnet_rs(space.spec(point)), 4)
        assert found["latency_s"][0] == pytest.approx(alone.latency_s)
        assert found["latency_low_s"][0] == pytest.approx(alone.low_s)
        assert found["latency_high_s"][0] == pytest.approx(alone.high_s)


def test_what_lies_beyond_the_measured_is_said() -> None:
    estimator = Estimator.of_timings([timing(network("50@160")), timing(network("101@192"))])
    inside = estimator.latency(network("101@160"), 1)
    assert inside.extrapolates == ()
    beyond = estimator.latency(network("101@320"), 8)
    assert beyond.extrapolates[:2] == (
        "batch 8: measured was 1", "320 pixels: measured were 160 to 192",
    )  # fmt: skip
    assert beyond.high_s / beyond.low_s > inside.high_s / inside.low_s


def test_roofs_alone_give_a_wide_interval() -> None:
    found = Estimator.of(ROOFS).latency(network("50"), 8)
    assert 0.1 < found.latency_s < 10
    assert found.high_s / found.low_s > 1.5
    assert found.how == "the roofs of the machine"


def test_a_run_tells_of_its_parts_and_adds_up_to_its_whole() -> None:
    made = network_of(50)
    segments = [
        Segment(path=path, level="block", latency=Latency((0.1,)))
        for part in parts_of(made.graph)
        for path in part.paths
    ]
    read = Timing.of(run_of(segments, network=made, batch=2, whole=[3.6], level="block"))
    assert (read.title, read.batch, read.sides) == (made.title, 2, (160, 160))
    assert [len(each.times) for each in read.sums] == [1] * 10
    repeats = {part: part.repeats for part in parts_of(made.graph)}
    total = sum(repeats[next(iter(each.times))] * each.seconds for each in read.sums)
    assert total == pytest.approx(3.6)


def test_a_run_of_stages_tells_of_sums_of_their_blocks() -> None:
    made = network_of(50)
    stages = [
        Segment(path=path, level="stage", latency=Latency((0.1,)))
        for path in ("stem", "c2", "c3", "c4", "c5", "head")
    ]
    read = Timing.of(run_of(stages, network=made, batch=2, whole=[1.2], level="stage"))
    assert [each.seconds for each in read.sums] == pytest.approx([0.2] * 6)
    assert [sum(each.times.values()) for each in read.sums] == [1, 3, 4, 6, 3, 1]
    unlike = Timing.of(run_of(stages[:-1], network=made, batch=2, whole=[1.2], level="stage"))
    assert [each.seconds for each in unlike.sums] == [1.2]


def test_layers_of_unknown_cost_are_said() -> None:
    estimator = Estimator.of_timings([timing(network("50@160"))])
    image = ops.TensorShape(32, 32, 3)
    layers = (
        Layer("image", ops.Input(image), (), image),
        Layer("conv", ops.Conv2D(kernel=3, in_channels=3, filters=3), ("image",), image),
        Layer("strange", ops.Opaque("Strange", image), ("conv",), image),
    )
    made = from_graph(LayerGraph("strange", layers, ("strange",)))
    assert "1 layer of unknown cost" in estimator.latency(made, 1).extrapolates


def test_runs_of_unlike_conditions_are_refused() -> None:
    one, other = (
        run_of([_whole()], network=network_of(50)),
        run_of([_whole()], precision="bfloat16"),
    )
    with pytest.raises(
        InvalidMeasurement, match=r"differ in conditions: .*float32.* and .*bfloat16"
    ):
        Estimator.of([one, other])
    with pytest.raises(InvalidMeasurement, match="needs a network that was measured"):
        Estimator.of([])
    with pytest.raises(InvalidMeasurement, match="before runs had their networks"):
        Estimator.of([run_of([_whole()])])


def _whole() -> Segment:
    return Segment(path="stem", level="stage", latency=Latency((1.0,)))


def test_a_part_of_no_network_is_told_from_those_measured() -> None:
    machine = Machine([timing(network("50"))])
    own, other = ([(part, 1) for part in parts_of(network(t).graph)] for t in ("50", "101@320"))
    assert machine.unlike(own).max() < 1e-9
    assert machine.unlike(other).max() > 0.1


def test_a_sum_of_parts_tells_of_each_by_its_share() -> None:
    made = network("50")
    first, second, *_ = parts_of(made.graph)
    both = truth(first, 1) + truth(second, 1)
    machine = Machine([Timing(made.title, 1, (Sum({first: 1.0, second: 1.0}, both),))])
    logarithms, _ = machine.parts([(first, 1), (second, 1)])
    assert np.exp(logarithms).sum() == pytest.approx(both, rel=0.05)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of three runs of the made-up machine."""
    files = []
    for text in MEASURED:
        made, path = network(text), tmp_path_factory.mktemp("runs") / "run.json"
        segments = [
            Segment(path=path, level="block", latency=Latency((truth(part, 1),)))
            for part in parts_of(made.graph)
            for path in part.paths
        ]
        whole = [true_latency(made, 1)]
        run = run_of(segments, network=made, batch=1, whole=whole, level="block")
        path.write_bytes(json.dumps(to_json(run)).encode())
        files.append(path)
    return files


def named(files: list[Path]) -> list[str]:
    return [word for path in files for word in ("--from", str(path))]


def test_the_command_estimates_from_files(saved: list[Path], cli: Cli) -> None:
    document = json.loads(cli("estimate", "420@320", "101", "-b1,8", "-fjson", *named(saved)).out)
    assert document["schema"] == "rsinspect.estimate/1"
    assert [row["batch"] for row in document["rows"]] == [1, 8, 1, 8]
    deep = document["rows"][0]
    assert deep["latency_s"]["median"] == pytest.approx(true_latency(network("420"), 1), rel=0.03)
    assert deep["estimated"]
    assert not deep["extrapolates"]
    assert document["rows"][1]["extrapolates"] == ["batch 8: measured was 1"]
    assert [each["batch"] for each in document["known_from"]] == [1, 1, 1]


def test_the_command_estimates_from_the_store(saved: list[Path], cli: Cli, tmp_path: Path) -> None:
    database = tmp_path / "runs.db"
    with open_store(database, write=True) as store:
        for path in saved:
            store.add(json.loads(path.read_text()), tags=[f"at-{path.parent.name}"])
        last = store.find("latest").id
        store.add(predicted.to_json(a_prediction()))  # neither is a measurement to learn from
        store.add(comparison.to_json(a_comparison()))
    whole = cli("estimate", "101", "-fcsv", "--db", database).out
    assert whole == cli("estimate", "101", "-fcsv", *named(list(reversed(saved)))).out
    one = cli("estimate", "101", "-fcsv", "--db", database, "--from", last).out
    assert one == cli("estimate", "101", "-fcsv", "--from", saved[-1]).out


def test_what_cannot_be_estimated_is_one_line(saved: list[Path], cli: Cli, tmp_path: Path) -> None:
    for arguments, said in (
        (("101", "--db", tmp_path / "none.db"), "error: nothing was measured to estimate from"),
        (("101", "-b", "few", *named(saved)), "error: 'few' is no batch"),
        (("101", "-b", "0", *named(saved)), "error: the batch is 0"),
        (("101", *named(saved), "-o", saved[0]), "is read for --from"),
        (("101", "--roofline", *named(saved)), "error: no run has the roofs of its machine"),
        (("101", "--from", tmp_path / "none.json"), "cannot be read"),
    ):
        outcome = cli("estimate", *arguments)
        assert outcome.code == 2, outcome
        assert said in outcome.err
        assert not outcome.out


def test_a_space_is_searched_under_a_latency(saved: list[Path], cli: Cli) -> None:
    axes = ("-a", "depth=50,101,152", "-a", "resolution=128:320:32", *named(saved))
    limit_s = true_latency(network("101@224"), 1)
    outcome = cli("scale", *axes, "--max-latency", f"{limit_s}s", "-fjson")
    document = json.loads(outcome.out)
    for row in document["rows"]:
        made = network(f"{row['depth']}@{row['resolution']}")
        assert row["latency_s"] == pytest.approx(true_latency(made, 1), rel=0.03)
        assert row["latency_low_s"] < row["latency_s"] <= limit_s
    every = json.loads(cli("scale", *axes, "--latency", "-fjson").out)["rows"]
    within = [row for row in every if row["latency_s"] <= limit_s]
    assert 0 < len(document["rows"]) == len(within) < len(every)
    refused = cli("scale", *axes, "--max-latency", "1us")
    assert refused.code == 2
    assert "the least latency of a point" in refused.err
    charted = rsinspect.scale(
        depth=(50,), latency=True, runs=saved, objective="max:macs,min:latency_s"
    )
    assert charted.rows[0]["latency_s"] == pytest.approx(
        true_latency(network("50@224"), 1), rel=0.03
    )
    with pytest.raises(InvalidSpec, match="no latencies are estimated"):
        rsinspect.scale(depth=(50,), objective="max:macs,min:latency_s")


def test_python_estimates_from_runs_and_files(saved: list[Path]) -> None:
    runs = [rsinspect.load_run(path) for path in saved]
    found = rsinspect.estimate("101@192", 420, batch=(1, 8), runs=runs)
    assert [row["batch"] for row in found.rows] == [1, 8, 1, 8]
    assert found.rows == rsinspect.estimate("101@192", 420, batch=(1, 8), runs=saved).rows
    assert found.to_json()["rows"][0]["model"] == "resnet-rs-101"
