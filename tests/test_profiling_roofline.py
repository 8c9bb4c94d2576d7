"""The least a segment can cost on given roofs, and what a measured time says of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import InvalidChoice, InvalidMeasurement
from rsinspect.layers import ops
from rsinspect.layers.cost import layer_cost, layers_cost
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.kernels import Kernel, Mode, kernels
from rsinspect.layers.partition import segments
from rsinspect.layers.structure import structure_of
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.roofline.bound import Bound, assess, floor_s
from rsinspect.profiling.roofline.roofs import BandwidthRoof, ComputeRoof, Roofs
from tests.conftest import python

SPEC = ResNetRSSpec.variant(50)
GRAPH = build_graph(SPEC)
ROOFS = Roofs(
    compute=(
        ComputeRoof(op="matmul", size="1024x1024", flops_per_s=2e11),
        ComputeRoof(op="conv 3x3", size="64 channels", flops_per_s=3e11),
    ),
    bandwidth=(
        BandwidthRoof(level="L2", working_set_bytes=2**21, bytes_per_s=2e11),
        BandwidthRoof(level="L3", working_set_bytes=2**23, bytes_per_s=1e11),
        BandwidthRoof(level="DRAM", working_set_bytes=2**29, bytes_per_s=5e10),
    ),
    precision="float32",
    method="made up",
)
NO_LIMIT = 1e30


def found(path: str, mode: Mode = "forward", graph: LayerGraph = GRAPH) -> dict[str, Kernel]:
    return {
        kernel.path: kernel
        for kernel in kernels(graph, structure_of(graph).within(path), mode=mode)
    }


def elements(path: str) -> int:
    return GRAPH.layer(path).shape.elements


def floor(path: str, roofs: Roofs = ROOFS, batch: int = 8, mode: Mode = "forward") -> float:
    layers = structure_of(GRAPH).within(path)
    return floor_s(GRAPH, layers, batch=batch, item_bytes=4, roofs=roofs, mode=mode)


def measured(path: str, seconds: float, roofs: Roofs = ROOFS) -> Bound:
    layers = structure_of(GRAPH).within(path)
    return assess(GRAPH, layers, seconds, batch=8, item_bytes=4, roofs=roofs, mode="forward")


def unlimited(*, compute: bool) -> Roofs:
    if compute:
        return replace(ROOFS, compute=(ComputeRoof(op="any", size="any", flops_per_s=NO_LIMIT),))
    fast = BandwidthRoof(level="any", working_set_bytes=1, bytes_per_s=NO_LIMIT)
    return replace(ROOFS, bandwidth=(fast,))


def test_elementwise_layers_cost_no_traffic_of_their_own() -> None:
    block = found("c2/block1")
    assert list(block) == [
        f"c2/block1/{name}"
        for name in ("conv1", "conv2", "conv3", "se/squeeze", "se/reduce", "se/expand", "se/excite")
    ]
    narrow, wide = elements("c2/block1/conv1"), elements("c2/block1/out")
    assert block["c2/block1/conv2"].activations == 2 * narrow
    assert block["c2/block1/conv3"].activations == narrow + wide


def test_a_gate_makes_the_map_be_read_again_and_the_sum_rides_on_the_scaling() -> None:
    wide, gate = elements("c2/block1/out"), elements("c2/block1/se/expand")
    assert found("c2/block1")["c2/block1/se/excite"].activations == 3 * wide + gate


def test_in_a_projection_block_the_shortcut_is_never_written() -> None:
    block = found("c2/block0")
    assert "c2/block0/se/excite" not in block
    source, wide = elements("stem/act4"), elements("c2/block0/out")
    gate = elements("c2/block0/se/expand")
    assert block["c2/block0/shortcut/conv"].activations == source + 2 * wide + gate


def test_without_se_the_sum_rides_on_the_last_convolution() -> None:
    graph = build_graph(SPEC.replace(se_ratio=0.0))
    block = found("c2/block1", graph=graph)
    assert list(block) == [f"c2/block1/conv{number}" for number in (1, 2, 3)]
    narrow, wide = elements("c2/block1/conv1"), elements("c2/block1/out")
    assert block["c2/block1/conv3"].activations == narrow + 2 * wide


def test_macs_on_padding_are_left_out_whoever_pads() -> None:
    assert found("c5/block1")["c5/block1/conv2"].macs == 13 * 13 * 512 * 512  # 15 x 15 with padding
    explicit = found("c5/block0")["c5/block0/conv2"].macs  # 10x10 padded by one, stride 2
    assert explicit == 14 * 14 * 512 * 512
    assert found("c5/block1")["c5/block1/conv1"].macs == 25 * 2048 * 512


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("side", [64, 97, 224])
def test_kernels_are_a_lower_bound_of_layers_on_their_own(dialect: str, side: int) -> None:
    spec = SPEC.replace(dialect=DIALECTS[dialect], resolution=(side, side + 32))
    graph = build_graph(spec)
    for segment in segments(graph, "block"):
        alone = layers_cost(graph, segment.layers)
        fused = kernels(graph, segment.layers, mode="forward")
        assert 0 < sum(kernel.activations for kernel in fused) < alone.read + alone.outputs
        assert 0 < sum(kernel.weights for kernel in fused) <= alone.params
        assert 0.5 * alone.macs < sum(kernel.macs for kernel in fused) <= alone.macs


def test_training_computes_every_convolution_three_times_but_the_first_twice() -> None:
    forward = sum(kernel.macs for kernel in kernels(GRAPH, GRAPH.layers, mode="forward"))
    train = sum(kernel.macs for kernel in kernels(GRAPH, GRAPH.layers, mode="train"))
    first = found("stem")["stem/conv1"].macs
    assert train == 3 * forward - first


def test_in_training_a_batch_norm_before_a_convolution_reads_the_batch_again() -> None:
    block = found("c2/block1", "train")
    narrow = elements("c2/block1/conv1")
    assert block["c2/block1/bn1"] == Kernel("c2/block1/bn1", 0, 2 * narrow, 0)
    assert block["gradient of c2/block1/bn1"].activations == 3 * narrow
    assert "c2/block1/bn3" not in block
    assert "c2/block1/bn1" not in found("c2/block1")


@pytest.mark.parametrize("mode", ["forward", "train"])
@pytest.mark.parametrize("stage", ["c2", "c3", "c4", "c5"])
def test_the_floor_of_a_stage_is_the_sum_of_its_blocks(stage: str, mode: Mode) -> None:
    blocks = [group.path for group in structure_of(GRAPH).groups if group.stage == stage]
    assert floor(stage, mode=mode) == pytest.approx(sum(floor(b, mode=mode) for b in blocks))


def test_the_floor_is_the_flops_when_memory_is_free_and_the_bytes_when_computing_is() -> None:
    layers = structure_of(GRAPH).within("c4")
    flops = sum(kernel.flops(8) for kernel in kernels(GRAPH, layers, mode="forward"))
    free_memory = unlimited(compute=False)
    assert floor("c4", free_memory) == pytest.approx(flops / ROOFS.flops_per_s)
    assert measured("c4", 1.0, free_memory).bound == "compute"
    moved = [kernel.bytes(8, 4) for kernel in kernels(GRAPH, layers, mode="forward")]
    free_compute = unlimited(compute=True)
    expected = sum(size / ROOFS.bytes_per_s(size) for size in moved)
    assert floor("c4", free_compute) == pytest.approx(expected)
    assert measured("c4", 1.0, free_compute).bound == "memory"


def test_weights_move_once_for_a_batch_and_activations_for_every_image() -> None:
    kernel = found("head")["head/classifier"]
    assert kernel.weights == layer_cost(GRAPH, GRAPH.layer("head/classifier")).params
    assert kernel.bytes(8, 4) - kernel.bytes(7, 4) == 4 * (2048 + 1000)


def test_a_fraction_is_the_floor_by_the_time_it_took() -> None:
    least = floor("c3")
    bound = measured("c3", 4 * least)
    assert bound.fraction == pytest.approx(0.25)
    assert bound.reason is None
    assert bound.flops_per_s == pytest.approx(0.25 * bound.attainable_flops_per_s)
    assert bound.intensity == bound.flops / bound.bytes
    assert measured("c3", least).fraction == 1.0


def test_a_segment_below_its_floor_has_no_fraction_but_a_reason() -> None:
    bound = measured("c3", floor("c3") / 2)
    assert bound.fraction is None
    assert bound.reason is not None
    assert bound.reason.startswith("the roof was measured too low: at least 2")


def test_raised_roofs_make_the_segment_that_raised_them_just_fit() -> None:
    seconds = floor("c3") / 1.37
    raised = ROOFS.raised(1.37, "c3 took 73 % of its floor")
    assert measured("c3", seconds, raised).fraction == pytest.approx(1.0)
    assert floor("c4", raised) == pytest.approx(floor("c4") / 1.37)
    assert raised.method == "made up; raised 37.0 %: c3 took 73 % of its floor"
    with pytest.raises(InvalidMeasurement, match="at least 1"):
        ROOFS.raised(0.9, "")


def test_a_working_set_is_held_against_the_largest_that_was_measured_below_it() -> None:
    assert ROOFS.flops_per_s == 3e11
    rates = [ROOFS.bytes_per_s(size) for size in (1, 2**21, 2**23 - 1, 2**23, 2**29, 2**40)]
    assert rates == [2e11, 2e11, 2e11, 1e11, 5e10, 5e10]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(1e6, 1e13), min_size=1, max_size=7), st.integers(0, 2**40))
def test_bandwidth_never_grows_with_the_working_set(rates: list[float], size: int) -> None:
    bandwidth = tuple(
        BandwidthRoof(level="any", working_set_bytes=2**20 * 4**index, bytes_per_s=rate)
        for index, rate in enumerate(rates)
    )
    roofs = replace(ROOFS, bandwidth=bandwidth)
    assert max(rates) >= roofs.bytes_per_s(size) >= roofs.bytes_per_s(2 * size) >= rates[-1]


def read(document: Any, kind: type[Any], where: str) -> Any:
    return codec.from_json(json.loads(json.dumps(document)), kind, where)


def test_roofs_and_bounds_survive_json() -> None:
    assert read(codec.to_json(ROOFS), Roofs, "roofs") == ROOFS
    for seconds in (1.0, 1e-6):
        bound = measured("c2/block1", seconds)
        assert read(codec.to_json(bound) | {"joined_later": 1}, Bound, "bound") == bound


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"compute": []}, "at least one compute and one bandwidth roof"),
        ({"compute": None}, "roofs.compute is None, not an array"),
        ({"compute": [3]}, r"roofs.compute\[0\] is 3, not an object"),
        ({"method": 3}, "roofs.method is 3, not a text"),
        ({"compute": [{"op": "matmul", "size": "1"}]}, r"compute\[0\] has no 'flops_per_s'"),
        ({"compute": [{"op": "m", "size": "1", "flops_per_s": True}]}, "True, not a number"),
        ({"compute": [{"op": "m", "size": "1", "flops_per_s": 0}]}, "0, not 1.0 or more"),
        (
            {"compute": [{"op": "m", "size": "1", "flops_per_s": float("nan")}]},
            "nan, not 1.0 or more",
        ),
        ({"bandwidth": [{"level": "L2", "working_set_bytes": 1.5, "bytes_per_s": 1}]}, "1.5, not"),
        ({"bandwidth": [{"level": "L2", "working_set_bytes": 0, "bytes_per_s": 1}]}, "0, not 1 or"),
        ({"bandwidth": 2 * codec.to_json(ROOFS)["bandwidth"][:1]}, "growing working sets"),
    ],
)
def test_damaged_roofs_are_refused(damage: dict[str, Any], message: str) -> None:
    with pytest.raises((Damaged, InvalidMeasurement), match=message):
        read(codec.to_json(ROOFS) | damage, Roofs, "roofs")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"bound": "disk"}, "bound.bound is an unknown name 'disk'"),
        ({"seconds": "long"}, "bound.seconds is 'long', not a number"),
        ({"flops": 0.5}, "bound.flops is 0.5, not a whole number"),
        ({"reason": 3}, "bound.reason is 3, not a text or null"),
    ],
)
def test_damaged_bounds_are_refused(damage: dict[str, Any], message: str) -> None:
    with pytest.raises(Damaged, match=message):
        read(codec.to_json(measured("c2", 1.0)) | damage, Bound, "bound")


def test_a_sum_of_two_images_convolved_is_one_kernel_that_writes_once() -> None:
    shape = ops.TensorShape(8, 8, 4)
    conv = ops.Conv2D(kernel=1, stride=1, in_channels=4, filters=4)
    graph = LayerGraph(
        "two",
        (
            Layer("other", ops.Input(shape), (), shape),
            Layer("image", ops.Input(shape), (), shape),
            Layer("left", conv, ("image",), shape),
            Layer("middle", conv, ("other",), shape),
            Layer("sum", ops.Add(), ("left", "middle"), shape),
        ),
    )
    (kernel,) = kernels(graph, graph.layers, mode="forward")
    assert kernel.macs == 2 * 8 * 8 * 4 * 4
    assert kernel.activations == 2 * shape.elements + shape.elements, "two maps in, one out"


def test_what_cannot_be_assessed_is_refused() -> None:
    with pytest.raises(InvalidMeasurement, match="above 0 s, not 0"):
        measured("c2", 0)
    with pytest.raises(InvalidMeasurement, match="above 0 s, not nan"):
        measured("c2", float("nan"))
    with pytest.raises(InvalidChoice, match="unknown mode 'backward'") as caught:
        kernels(GRAPH, GRAPH.layers, mode="backward")  # type: ignore[arg-type]
    assert caught.value.hint == "one of forward, train"


def test_the_roofline_needs_no_numerics() -> None:
    code = "import sys, rsinspect.profiling.roofline.bound; print('numpy' in sys.modules)"
    assert python(code).stdout == "False\n"
    assert python("import numpy\n" + code).stdout == "True\n"
