"""What PyTorch alone has: memory formats, and a pass as one graph for torch.compile."""

import importlib.util
import shutil
from typing import Any

import pytest

from rsinspect.base.errors import BackendUnavailable
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.parent import profile
from rsinspect.profiling.request import ProfileRequest
from tests.conftest import python
from tests.test_profiling_worker import BRIEF

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]

SMALL = """
import os
os.environ |= {"KERAS_BACKEND": "torch", "KERAS_TORCH_DEVICE": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
import numpy as np
import torch
torch.set_num_threads(1)
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.profiling.backends import torch as backend
from rsinspect.profiling.backends.workload import workload
from rsinspect.profiling.request import ProfileRequest

def network(rate=0.0, **settings):
    spec = ResNetRSSpec(blocks=(1, 2), width=0.25, resolution=(32, 32), classes=10,
                        drop_path_rate=rate, dropout_rate=rate)
    work = workload(ProfileRequest(network=resnet_rs(spec), batch=4, level="block",
                                   backend="torch", **settings))
    return work, backend.instrument(work)
"""


def runs(code: str) -> None:
    done = python(SMALL + code)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_memory_format_changes_where_numbers_lie_and_no_result() -> None:
    runs("""
passes = {}
for layout in ("channels_last", "channels_first"):
    for memory_format in (None, "contiguous", "channels_last"):
        work, found = network(layout=layout, memory_format=memory_format)
        passes[layout, memory_format] = found.outputs()[0]
        kernel = work.layers["c2/block0/conv2"].kernel.value
        shape, strides = tuple(kernel.shape), kernel.stride()
        read = kernel.permute(3, 2, 0, 1)
        assert shape == (3, 3, 16, 16), shape
        assert read.is_contiguous() == (memory_format == "contiguous"), strides
        lasts = read.is_contiguous(memory_format=torch.channels_last)
        assert lasts == (memory_format == "channels_last"), strides
        assert memory_format is None or memory_format in found.method, found.method
first, *others = passes.values()
for other in others:
    np.testing.assert_allclose(first, other, rtol=1e-4, atol=1e-6)
""")


def test_momentum_lies_as_its_kernel_does() -> None:
    runs("""
work, found = network(mode="train", memory_format="channels_last")
for variable, momentum in zip(work.model.trainable_variables, found.sgd.momentums, strict=True):
    assert variable.value.stride() == momentum.value.stride(), variable.path
""")


def test_a_step_written_down_as_a_graph_learns_what_the_plain_one_learns() -> None:
    """Run by PyTorch's own kernels instead of compiled ones; with and without marks inside."""
    runs("""
torch.compile = lambda graph, **_: graph
trained = []
for jit, way in ((False, "end_to_end"), (True, "end_to_end"), (True, "instrumented")):
    work, found = network(mode="train", jit=jit, layout="channels_first")
    before = [np.array(w) for w in work.model.get_weights()]
    for _ in range(2):
        made = getattr(found, way)()
    trained.append(work.model.get_weights())
    assert sum(np.abs(a - b).max() > 0 for a, b in zip(before, trained[-1])) >= len(before) - 3
    plain, inside = found.outputs()
    np.testing.assert_allclose(plain, inside, rtol=1e-4, atol=1e-6)
for others in trained[1:]:
    for plain, other in zip(trained[0], others, strict=True):
        np.testing.assert_allclose(plain, other, rtol=1e-3, atol=1e-5)
assert [part for part in found.inside.parts if part is not None] == list(found.work.passes[:-2])
assert all(seconds > 0 for seconds in made.parts_s[:-1]), made
""")


def test_a_graph_drops_what_training_drops_and_anew_each_time() -> None:
    runs("""
torch.compile = lambda graph, **_: graph
_, found = network(0.5, mode="train", jit=True)
tensors = found._tensors(found.work.images)
losses = {float(found._graph(tensors, marked=False)(*tensors)[0]) for _ in range(4)}
assert len(losses) > 1, losses
""")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ to compile with")
def test_a_compiled_pass_is_measured() -> None:
    request = ProfileRequest(
        network=resnet_rs(ResNetRSSpec(blocks=(1,), width=0.25, resolution=(32, 32))),
        batch=2, jit=True, backend="torch", layout="channels_first",
        **BRIEF, roofs=False, predict=False, trace=True,
    )  # fmt: skip
    found = profile(request)
    assert found.jit
    assert found.conditions.endswith("torch with torch.compile on cpu, channels_first")
    assert "torch.compile" in found.method
    assert "channels_last in memory" in found.method
    assert found.closure.same_output
    assert [segment.path for segment in found.segments] == ["stem", "c2", "head", "call"]
    assert found.trace is None
    assert list(found.not_available) == ["trace"]


def test_without_a_compiler_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-compiler-of-that-name -O2")
    asked: dict[str, Any] = {"batch": 1, "backend": "torch", "jit": True, "max_time_s": 300.0}
    with pytest.raises(BackendUnavailable, match="there is no no-compiler-of-that-name") as caught:
        profile(ProfileRequest(network=resnet_rs(ResNetRSSpec(blocks=(1,))), **asked))
    assert caught.value.exit_code == 3
    assert "install one" in (caught.value.hint or "")
