"""timm's own networks there and back; where PyTorch and timm are installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsinspect.weights.conversion import convert

torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
timm = pytest.importorskip("timm", reason="timm is not installed here")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("classes", [1000, 7, 0])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_network_of_timm_is_the_same_there_and_back(
    tmp_path: Path, classes: int, ending: str
) -> None:
    torch.manual_seed(classes)
    state = timm.create_model("resnetrs50", num_classes=classes).state_dict()
    for name, value in state.items():
        if "running" in name:
            value.uniform_(0.5, 1.5)
    source, there, back = tmp_path / "a.pth", tmp_path / "b.weights.h5", tmp_path / f"c{ending}"
    torch.save({"state_dict_ema": state, "epoch": 3}, source)
    convert(source, there)
    convert(there, back)
    model = timm.create_model("resnetrs50", num_classes=classes, checkpoint_path=str(back))
    after = model.state_dict()
    assert [*after] == [*state]
    for name, value in state.items():
        assert torch.equal(after[name], value), name


def test_a_state_dict_that_is_written_is_one_that_pytorch_guards(tmp_path: Path) -> None:
    state = timm.create_model("resnetrs50").state_dict()
    torch.save(state, tmp_path / "a.pth")
    convert(tmp_path / "a.pth", tmp_path / "b.h5")
    convert(tmp_path / "b.h5", tmp_path / "c.pth")
    loaded = torch.load(tmp_path / "c.pth", weights_only=True)
    assert [*loaded] == [*state]
    assert loaded["bn1.num_batches_tracked"].dtype == torch.int64
    np.testing.assert_array_equal(loaded["conv1.0.weight"], state["conv1.0.weight"])
