"""The framework's own profiler says which layer ran; on real, tiny networks."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rsinspect.base.errors import MeasurementError
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.backends.recordings import hlo_text, spans_of
from rsinspect.profiling.choices import Mode
from rsinspect.profiling.parent import profile
from rsinspect.profiling.record.document import from_json, to_json
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.request import ProfileRequest
from tests.conftest import Cli
from tests.test_profiling_worker import BRIEF, backends

SPEC = ResNetRSSpec(blocks=(1, 2), width=0.25, resolution=(32, 32), classes=10)
NETWORK = resnet_rs(SPEC)
MOVES_OR_ADDS = re.compile(r"(?:(?:copy|transpose|bitcast|AddN)_?)+(?:fusion|\d+)?(?:\.\d+)*")
"""Ops that may be of no layer, as they serve several: they compute nothing of any."""

TEXT = """HloModule m
%fused (p: f32[]) -> f32[] {
  %p = f32[] parameter(0)
  ROOT %a = f32[] add(%p, %p), metadata={op_name="jit(f)/block_0_conv_1/add" id=1}
}

%several (q: f32[]) -> f32[] {
  %q = f32[] parameter(0)
  %d = f32[] convolution(%q, %q), metadata={op_name="jit(f)/block_0_conv_1/conv"}
  ROOT %e = f32[] dot(%d, %q), metadata={op_name="jit(f)/predictions/dot"}
}

ENTRY %main (x: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %f = f32[] fusion(%x), kind=kCustom, calls=%fused
  %g = f32[] negate(%x), metadata={op_name="jit(f)/transpose(jvp(predictions))/neg"}
  %h = f32[] fusion(%x), kind=kCustom, calls=%several, metadata={op_name="jit(f)/predictions/dot"}
  ROOT %c = f32[] copy(%f)
}
"""


def traced(backend: str, mode: Mode) -> ProfileRun:
    request = ProfileRequest(
        network=NETWORK, batch=2, backend=backend, mode=mode, level="layer", roofs=False,
        predict=False, **BRIEF,
    )  # fmt: skip
    return profile(request)


@pytest.mark.keras
@pytest.mark.parametrize("mode", ["forward", "train"])
@pytest.mark.parametrize("backend", backends())
def test_layers_are_seen_and_share_the_time_of_their_blocks(backend: str, mode: Mode) -> None:
    found = traced(backend, mode)
    assert found.not_available == {}
    trace = found.trace
    assert trace is not None
    seen = {layer.path for layer in trace.layers}
    convolutions = {layer.path for layer in build_graph(SPEC) if "conv" in layer.path}
    assert convolutions <= seen
    nobodys = [event.name for event in trace.events if event.owner is None]
    assert all(MOVES_OR_ADDS.fullmatch(name) for name in nobodys), nobodys
    assert mode == "train" or not nobodys
    for segment in found.segments:
        own = [
            layer.latency_s
            for layer in trace.layers
            if layer.latency_s is not None
            and (layer.path == segment.path or layer.path.startswith(f"{segment.path}/"))
        ]
        if segment.level != "step" and segment.path != "stem":  # which has the preprocessing too
            assert sum(own) == pytest.approx(segment.latency.median)
    if mode == "train" and backend != "torch":
        assert {"loss", "optimizer"} <= seen
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


@pytest.mark.keras
def test_an_instruction_of_xla_belongs_to_its_layer_or_to_what_it_calls_or_reads() -> None:
    from rsinspect.profiling.backends.traces import divided_among, shares

    def owner(name: str) -> str | None:
        return next((known for known in ("block_0", "predictions") if known in name), None)

    found = shares(TEXT, owner, lambda name: 3.0 if "conv_1" in name else 1.0)
    assert found["f"] == found["c"] == found["a"] == {"block_0": 1.0}
    assert found["g"] == {"predictions": 1.0}
    assert found["h"] == {"block_0": 0.75, "predictions": 0.25}
    assert "x" not in found
    assert divided_among({"h": 2.0, "g": 1.0}, found) == {"block_0": 1.5, "predictions": 1.5}


@pytest.mark.keras
def test_a_trace_of_a_gpu_is_said_not_to_be_there() -> None:
    from rsinspect.profiling.backends.traces import trace_layers

    work: Any = SimpleNamespace(request=SimpleNamespace(on_cpu=False))
    network: Any = None
    with pytest.raises(MeasurementError, match="of the cpu"):
        trace_layers(work, network)


def test_an_op_lasts_until_the_event_that_ends_it_in_another_thread() -> None:
    begun = [("conv", 10.0, 11.0), ("relu", 40.0, 42.0), ("conv", 50.0, 51.0), ("dot", 55.0, 56.0)]
    spans = spans_of(begun, {"conv": [60.0, 38.0], "relu": [42.5], "other": [99.0]})
    assert [(span.name, span.start_us, span.end_us, span.lane) for span in spans] == [
        ("conv", 10.0, 38.0, "XLA 1"),
        ("relu", 40.0, 42.5, "XLA 1"),
        ("conv", 50.0, 60.0, "XLA 1"),
        ("dot", 55.0, 56.0, "XLA 2"),
    ]


def test_a_program_in_a_profile_is_written_as_xla_writes_it() -> None:
    def op(
        number: int, name: str, opcode: str, *reads: int, calls: int = 0, op_name: str = ""
    ) -> SimpleNamespace:
        return SimpleNamespace(
            id=number, name=name, opcode=opcode, operand_ids=reads,
            called_computation_ids=[calls] if calls else [],
            metadata=SimpleNamespace(op_name=op_name),
        )  # fmt: skip

    fused = [op(1, "p", "parameter"), op(2, "a", "add", 1, 1, op_name="m/conv_1/add")]
    main = [op(1, "x", "parameter"), op(2, "f", "fusion", 1, calls=7)]
    module = SimpleNamespace(
        entry_computation_id=8,
        computations=[
            SimpleNamespace(id=7, name="fused", instructions=fused),
            SimpleNamespace(id=8, name="main", instructions=main),
        ],
    )
    assert hlo_text(module).splitlines() == [
        "%fused () -> () {",
        '  %p = parameter(), metadata={op_name=""}',
        '  %a = add(%p, %p), metadata={op_name="m/conv_1/add"}',
        "}",
        "ENTRY %main () -> () {",
        '  %x = parameter(), metadata={op_name=""}',
        '  %f = fusion(%x), calls=%fused, metadata={op_name=""}',
        "}",
    ]


@pytest.mark.keras
def test_the_command_writes_a_trace_and_a_table_of_layers(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = ProfileRequest.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "most_rounds", 1)
    trace, save = tmp_path / "trace.json", tmp_path / "run.json"
    outcome = cli(
        "profile", "--blocks", "1,2", "--width", "0.25", "-r", "32", "--batch", "2", "--level",
        "layer", "--max-time", "800", "--no-roofs", "--trace", trace, "--save", save,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "stem/conv1" in outcome.out
    assert "is estimated" in outcome.err
    events = json.loads(trace.read_text())["traceEvents"]
    assert any(event.get("args", {}).get("path") == "stem/conv1" for event in events)
    again = cli("profile", "--from", save)
    assert again.out == outcome.out
