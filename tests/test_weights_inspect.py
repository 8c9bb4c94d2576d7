"""What is said of a file with weights: kinds of tensors, statistics, faults, tables, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import rsinspect
from rsinspect.base.errors import InvalidChoice, InvalidQuestion, WeightsError
from rsinspect.checkpoints import raw
from rsinspect.checkpoints.tensors import StoredTensor
from rsinspect.layers.cost import weight_shapes
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.inspection import inspection
from rsinspect.weights.naming import CONVENTIONS, tensors, weights_of
from rsinspect.weights.roles import Role, roles
from rsinspect.weights.statistics import Statistics, statistics_of
from tests.conftest import Cli
from tests.torch_files import write_torch
from tests.weight_files import fine_tuned

RNG = np.random.default_rng(0)
SMALL = resnet_rs(ResNetRSSpec.layout((1, 1, 1, 1), width=0.25, resolution=(32, 32), classes=10))


def approx(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_each_tensor_of_a_resnet_rs_is_what_its_name_says(convention: str) -> None:
    """The tables of names say which weight each tensor is; what its name looks like says it too."""
    shapes = {
        (layer.path, weight): shape
        for layer in SMALL.graph
        if weight_shapes(layer.op)
        for weight, shape in zip(weights_of(layer.op), weight_shapes(layer.op), strict=True)
    }
    named = tensors(SMALL, convention)
    stored = {
        name: StoredTensor(name, place.stored_shape(shapes[place.path, place.weight]), "float32", 0)
        for name, place in named.items()
    }
    found = roles(stored)
    assert {name: role.kind for name, role in found.items()} == {
        name: place.weight for name, place in named.items()
    }
    for name, role in found.items():
        filters = shapes[named[name].path, named[name].weight][-1]
        assert np.prod([stored[name].shape[axis] for axis in role.channels]) == filters


def test_names_of_other_networks_are_told_or_left_alone() -> None:
    shapes = {
        "block1/depthwise/depthwise_kernel:0": (3, 3, 8, 1),
        "layers/depthwise_conv2d_3/vars/0": (3, 3, 8, 1),
        "layers/batch_normalization/vars/0": (8,),  # one of two: which, nobody says
        "layers/batch_normalization/vars/1": (8,),
        "optimizer/vars/3": (3, 3, 8, 8),
        "conv2d/kernel/ExponentialMovingAverage": (3, 3, 8, 8),
        "conv2d/kernel/Momentum": (3, 3, 8, 8),
        "bn.num_batches_tracked": (),
        "norm.weight": (8,),
        "norm.bias": (8,),
        "arr_0": (3, 3),
    }
    found = roles({name: StoredTensor(name, s, "float32", 0) for name, s in shapes.items()})
    assert [role.kind for role in found.values()] == [
        "kernel", "kernel", "other", "other", "optimizer", "kernel", "optimizer", "other",
        "gamma", "bias", "other",
    ]  # fmt: skip
    assert found["layers/depthwise_conv2d_3/vars/0"].channels == (2, 3)


@pytest.mark.parametrize("rows", [1, 3, 7, 50])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "bool"])
def test_statistics_are_numpys_however_a_tensor_is_cut(rows: int, dtype: str) -> None:
    whole = (RNG.standard_normal((50, 4, 3)) * 100).astype(dtype)
    found = statistics_of([whole[n : n + rows] for n in range(0, 50, rows)], Role("other"))
    exact = whole.astype("float64")
    assert (found.elements, found.nans, found.infinities) == (600, 0, 0)
    assert (found.least, found.greatest) == (exact.min(), exact.max())
    assert (found.mean, found.deviation) == (approx(exact.mean()), approx(exact.std()))
    assert found.zeros == (exact == 0).sum()


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    whole = RNG.standard_normal((10, 5)).astype("float32")
    whole[3], whole[4, :2], whole[9, 4] = np.nan, np.inf, -np.inf
    found = statistics_of([whole[:5], whole[5:], np.full((2, 5), np.nan)], Role("other"))
    finite = whole[np.isfinite(whole)].astype("float64")
    assert (found.elements, found.nans, found.infinities) == (60, 15, 3)
    assert (found.mean, found.deviation) == (approx(finite.mean()), approx(finite.std()))
    nothing = statistics_of([np.full(3, np.nan)], Role("other"))
    assert (nothing.mean, nothing.deviation, nothing.least) == (None, None, None)
    assert nothing + Statistics() == nothing
    assert not nothing.is_constant


def test_dead_channels_are_counted_along_the_axis_of_the_outputs() -> None:
    kernel = RNG.standard_normal((3, 3, 6, 8)).astype("float32")
    kernel[..., [1, 5]] = 0
    kernel[:, :, 2] = 0  # an input nobody reads is no dead output
    for array, role in (
        (kernel, Role("kernel", (3,))),
        (kernel.transpose(3, 2, 0, 1), Role("kernel", (0,))),
    ):
        for pieces in ([array], np.array_split(array, 3)):
            found = statistics_of(pieces, role)
            assert (found.channels, found.dead) == (8, 2)
    gamma = np.array([1, -1e-7, 0, 1e-3, np.nan])
    assert statistics_of([gamma], Role("gamma", (0,))).dead == 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small state dict with something wrong of each kind."""
    kernel = (RNG.standard_normal((4, 3, 1, 1)) / 4).astype("float32")
    kernel[2] = 0
    arrays = {
        "conv.weight": kernel,
        "bn.weight": np.array([1, 0.5, 0, 2], "float32"),
        "bn.bias": np.full(4, 0.5, "float32"),
        "bn.running_mean": np.array([0, 1, np.nan, 2], "float32"),
        "bn.running_var": np.array([1, np.inf, 1, 2], "float32"),
        "bn.num_batches_tracked": np.array(7, "int64"),
    }
    return write_torch(tmp_path / "small.pth", arrays)


def test_the_table_says_what_is_wrong(cli: Cli, file: Path) -> None:
    outcome = cli("weights", "inspect", str(file), "--notes", "full")
    assert outcome.code == 0
    text = " ".join(outcome.out.split())
    assert "small.pth: 6 tensors, 29 numbers (float32, int64)" in text
    for sentence in (
        "Safe to load: nothing in it runs code, or reads or writes other files.",
        "NaN in 1 tensor: bn.running_mean.",
        "Infinite numbers in 1 tensor: bn.running_var.",
        "All one number, as if never trained, in 1 tensor: bn.bias.",
        "Dead channels in 2 tensors: conv.weight, bn.weight.",
    ):
        assert sentence in text
    assert max(map(len, outcome.out.splitlines())) <= 80
    rows = cli("weights", "inspect", str(file), "--level", "tensor", "-f", "csv").out.splitlines()
    keys = rows[0].split(",")
    first = dict(zip(keys, rows[1].split(","), strict=True))
    assert (first["name"], first["shape"], first["dead"]) == ("conv.weight", "4x3x1x1", "1")


def test_rows_are_sorted_filtered_and_cut(file: Path) -> None:
    found = rsinspect.inspect_weights(file, level="tensor", sort="nans", limit=2)
    assert [row["name"] for row in found.rows] == ["bn.running_mean", "conv.weight"]
    assert found.totals[0]["name"] == "shown"
    named = rsinspect.inspect_weights(file, level="tensor", filter="*running*")
    assert len(named.rows) == 2
    kinds = rsinspect.inspect_weights(file, filter="gamma*", columns=("name", "tensors", "dead"))
    assert kinds.rows == [{"name": "gammas", "tensors": 1, "dead": 1}]
    assert [line.split()[0] for line in found.faults] == ["NaN", "Infinite", "All", "Dead"]
    with pytest.raises(InvalidQuestion, match="no tensor matches"):
        rsinspect.inspect_weights(file, level="tensor", filter="nothing")
    with pytest.raises(InvalidQuestion, match="stages are known of a ResNet-RS alone"):
        rsinspect.inspect_weights(file, level="stage")
    with pytest.raises(InvalidChoice, match="unknown column"):
        rsinspect.inspect_weights(file, columns=("size",))


def test_tensors_of_a_resnet_rs_are_told_by_their_place(cli: Cli, tmp_path: Path) -> None:
    before, after = fine_tuned(tmp_path)
    for path, own in ((before, "layer1.0.conv2.weight"), (after, "layers/conv2d_5/vars/0")):
        found = rsinspect.inspect_weights(path, level="stage")
        assert [row["name"] for row in found.rows] == ["stem", "c2", "c3", "c4", "c5", "head"]
        by_place = {one.place: one.tensor.name for one in found.found.tensors}
        assert by_place["c2/block0/conv2/kernel"] == own
        assert next(iter(by_place)) == "stem/conv1/kernel"
        assert found.identity is not None
        assert found.identity.is_resnet_rs
        rows = rsinspect.inspect_weights(path, level="tensor", filter="c2/*conv2/*").rows
        assert [row["name"] for row in rows] == ["c2/block0/conv2/kernel"]
    text = " ".join(cli("weights", "inspect", str(after)).out.split())
    assert "(keras), 5 classes; all its arrays say so." in text
    document = json.loads(cli("weights", "inspect", str(after), "-f", "json").out)
    assert document["identity"]["classes"] == 5
    assert [stage["stage"] for stage in document["stages"]][-1] == "head"
    assert document["tensors"][0]["place"] == "stem/conv1/kernel"


def test_the_document_has_every_tensor(cli: Cli, file: Path) -> None:
    document = json.loads(cli("weights", "inspect", str(file), "-f", "json", "--limit", "1").out)
    assert document["schema"] == "rsinspect.weights_inspect/1"
    assert document["file"]["format"] == "torch"
    assert document["file"]["bytes"] == file.stat().st_size
    assert [tensor["name"] for tensor in document["tensors"]][:2] == ["conv.weight", "bn.weight"]
    assert document["tensors"][0]["shape"] == [4, 3, 1, 1]
    assert document["tensors"][0]["dead_channels"] == 1
    assert {kind["kind"]: kind["elements"] for kind in document["kinds"]}["kernel"] == 12
    assert document["totals"]["elements"] == 29
    assert document["totals"]["nans"] == 1
    assert document["totals"]["tensors_dead"] == 2


@pytest.mark.parametrize(
    ("reasons", "code"), [("nan", 1), ("dead,infinite", 1), ("constant", 1), ("", 0)]
)
def test_a_file_fails_for_what_it_is_asked_to_fail_for(
    cli: Cli, file: Path, tmp_path: Path, reasons: str, code: int
) -> None:
    outcome = cli("weights", "inspect", str(file), *(["--fail-on", reasons] if reasons else []))
    assert outcome.code == code
    assert len(outcome.err.splitlines()) == len(reasons.split(",") if reasons else [])
    sound = write_torch(tmp_path / "sound.pth", {"fc.weight": np.eye(3, dtype="float32")})
    assert (
        cli("weights", "inspect", str(sound), *(["--fail-on", reasons] if reasons else [])).code
        == 0
    )


def test_a_file_that_would_do_something_is_told_about_though_it_is_not_read(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "linked.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = h5py.ExternalLink("other.h5", "/numbers")
    outcome = cli("weights", "inspect", str(path))
    text = " ".join(outcome.out.split())
    assert outcome.code == 0
    assert "Do not load it: 1 finding of danger. - layers/dense/vars/0: a link" in text
    assert "CVE-2026-9335" in text
    assert "Its tensors were not read:" in text
    document = json.loads(cli("weights", "inspect", str(path), "-f", "json").out)
    assert document["safety"]["level"] == "danger"
    assert document["file"]["format"] is None
    assert document["tensors"] == []
    for reasons, code in (("danger", 1), ("caution", 1), ("nan", 0)):
        outcome = cli("weights", "inspect", str(path), "--fail-on", reasons)
        assert outcome.code == code
        assert outcome.err.startswith("danger: layers/dense/vars/0: ") == bool(code)


def test_what_cannot_be_asked_is_refused(cli: Cli, file: Path) -> None:
    unknown = cli("weights", "inspect", str(file), "--fail-on", "nans")
    assert (unknown.code, unknown.out) == (2, "")
    assert "did you mean nan?" in unknown.err
    missing = cli("weights", "inspect", "missing.h5")
    assert (missing.code, missing.err.splitlines()[0]) == (2, "error: there is no file missing.h5")


def test_no_more_than_a_slab_is_in_memory_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "SLAB_BYTES", 1 << 10)
    path = tmp_path / "large.npz"
    np.savez(path, a=np.arange(100_000, dtype="float32").reshape(1000, 100))
    sizes: list[int] = []

    def counted(slabs: object, role: Role) -> Statistics:
        pieces = list(slabs)  # type: ignore[call-overload]
        sizes.extend(piece.nbytes for piece in pieces)
        return statistics_of(pieces, role)

    monkeypatch.setattr("rsinspect.weights.inspection.statistics_of", counted)
    (found,) = inspection(path).tensors
    assert found.statistics is not None
    assert found.statistics.greatest == 99_999
    assert max(sizes) <= 1 << 10


def test_a_damaged_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(WeightsError, match="damaged"):
        rsinspect.inspect_weights(file)
