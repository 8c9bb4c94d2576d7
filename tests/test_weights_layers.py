"""What the weights in a file are like, in a summary's columns and in the colours of a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import rsinspect
from rsinspect.base.errors import InvalidQuestion, UnknownPicture, WeightsError
from rsinspect.networks.network import Network, folded, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.order import weight_order
from tests.conftest import Cli
from tests.weight_files import write_keras_3

NETWORK = resnet_rs(
    ResNetRSSpec.layout((1, 2, 1, 1), width=0.25, resolution=(32, 32), classes=5)
)  # fmt: skip
COUNTED = ("weight_min", "weight_max", "weight_mean", "weight_std", "dead_channels", "bad_numbers")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with three dead channels in c3, a NaN in c4 and an infinite mean in the stem."""
    path = write_keras_3(tmp_path_factory.mktemp("weights") / "mine.weights.h5", NETWORK)
    with h5py.File(path, "r+") as file:
        groups = groups_of(file)
        dead = groups["c3/block1/conv2"]["0"]
        dead[..., :3] = 0
        for name, layer in groups.items():
            if "/bn" in name:
                layer["0"][...] = np.abs(layer["0"][...]) + 0.1  # gammas: none is dead
        groups["c4/block0/conv1"]["0"][0, 0, 0, 0] = np.nan
        groups["stem/bn1"]["2"][0] = np.inf
    return path


def groups_of(file: Any) -> dict[str, Any]:
    named: dict[str, Any] = {}

    def note(place: str, item: Any) -> None:
        if place.endswith("/vars"):
            named[str(item.attrs["name"])] = item

    file.visititems(note)
    return {layer.path: named[NETWORK.names[layer.path]] for layer in weight_order(NETWORK.graph)}


def trained(path: Path, start: str) -> Any:
    """All finite numbers that are trained, of a layer or of what lies in a stage or block."""
    with h5py.File(path) as file:
        arrays = [
            group[index][()].ravel()
            for name, group in groups_of(file).items()
            if not start or f"{name}/".startswith(f"{start}/")
            for index in group
            if index in "01"
        ]
    numbers = np.concatenate(arrays).astype(np.float64)
    return numbers[np.isfinite(numbers)]


@pytest.mark.parametrize("level", ["stage", "block", "layer"])
def test_rows_are_what_numpy_says_of_their_layers(path: Path, level: Any) -> None:
    shown = rsinspect.summary(
        NETWORK, level=level, folded=False, columns=("path", *COUNTED), weights=path
    )
    for row in [*shown.rows, {**shown.totals[-1], "path": ""}]:
        try:
            numbers = trained(path, str(row["path"]))
        except ValueError:  # nothing to join: a layer without weights
            assert all(row[key] is None for key in COUNTED)
            continue
        expected = [numbers.min(), numbers.max(), numbers.mean(), numbers.std()]
        assert [row[key] for key in COUNTED[:4]] == pytest.approx(expected, rel=1e-9)


def test_dead_channels_and_bad_numbers_are_found_where_they_are(path: Path) -> None:
    shown = rsinspect.summary(NETWORK, columns=("path", *COUNTED), weights=path)
    assert {row["path"]: row["dead_channels"] for row in shown.rows if row["dead_channels"]} == {
        "c3": 3
    }
    assert {row["path"]: row["bad_numbers"] for row in shown.rows if row["bad_numbers"]} == {
        "stem": 1, "c4": 1,
    }  # fmt: skip
    assert (shown.totals[0]["dead_channels"], shown.totals[0]["bad_numbers"]) == (3, 2)


def test_the_document_has_the_numbers_only_where_a_file_is_named(path: Path) -> None:
    document = rsinspect.summary(NETWORK, weights=path).to_json()
    assert document["totals"]["weights"]["nans"] == 1
    assert document["totals"]["weights"]["infinities"] == 1
    assert document["rows"][0]["weights"] is None  # the input has none
    plain = rsinspect.summary(NETWORK).to_json()
    assert "weights" not in plain["rows"][0]
    assert "weights" not in plain["totals"]


def test_the_command_line_shows_columns_of_weights_by_default(
    path: Path, tmp_path: Path, cli: Cli
) -> None:
    model = tmp_path / "model.json"
    NETWORK.save(model)
    shown = cli("summary", str(model), "--weights", str(path))
    assert "Path   Params" in shown.out
    assert "Dead  Bad" in shown.out
    assert "FLOPs" not in shown.out
    every = cli("summary", str(model), "--weights", str(path), "-f", "csv", "-s", "dead_channels")
    head, first, *_ = every.out.splitlines()
    assert head.split(",")[-7:] == [*COUNTED[:4], "weight_zeros", *COUNTED[4:]]
    assert first.split(",")[0] == "c3"
    refused = cli("summary", str(model), "--columns", "weight_std")
    assert (refused.code, refused.out) == (2, "")
    assert "--weights my.h5" in refused.err


def test_what_is_of_another_network_is_refused(path: Path) -> None:
    with pytest.raises(WeightsError, match=r"does not fit resnet-rs-50: it has \d+ of its 346"):
        rsinspect.summary("50", weights=path)
    with pytest.raises(WeightsError, match="before batch norms are folded"):
        rsinspect.summary(folded(NETWORK), weights=path)
    with pytest.raises(InvalidQuestion, match="no file is named"):
        rsinspect.summary("50", sort="weight_std")


def test_a_head_of_other_classes_is_left_out_and_said(path: Path) -> None:
    other = resnet_rs(NETWORK.spec.replace(classes=9))  # type: ignore[union-attr]
    shown = rsinspect.summary(other, columns=("path", *COUNTED), weights=path)
    assert shown.rows[-1]["weight_std"] is None
    lacks = "Not all: the file lacks 2 tensors of the network. The file: ResNet-RS"
    assert any(note.startswith(lacks) for note in shown.notes)


# Pictures


def heats(picture: Any) -> dict[str, str]:
    nodes = picture.to_json()["panels"][0]["nodes"]
    return {node["path"]: node["heat"]["text"] for node in nodes if node["heat"]}


def test_pictures_are_coloured_by_what_the_weights_are_like(path: Path) -> None:
    spread = rsinspect.graph(NETWORK, "stages", weights=path)
    assert heats(spread)["c4"] == f"± {trained(path, 'c4').std():.3g}"
    assert "input" not in heats(spread)
    assert heats(rsinspect.graph(NETWORK, "stages", color="dead_channels", weights=path))["c3"] == (
        "3 dead channels (100.0 %)"
    )
    largest = heats(rsinspect.graph(NETWORK, "stages", color="weight_max", weights=path))
    assert largest["c5"] == f"{np.abs(trained(path, 'c5')).max():.3g}"
    legend = spread.to_json()["legend"]
    assert legend["title"].startswith("standard deviation of trained weights in mine.weights.h5")


@pytest.mark.parametrize("view", ["figure6", "blocks", "layers"])
def test_every_view_can_be_coloured(path: Path, view: str) -> None:
    assert "±" in rsinspect.graph(NETWORK, view, weights=path).to_svg()


def test_a_page_can_be_coloured_by_each_of_them(path: Path, tmp_path: Path) -> None:
    rsinspect.graph(NETWORK, weights=path).save(tmp_path / "a.html")
    rsinspect.graph(NETWORK).save(tmp_path / "b.html")
    with_weights, without = ((tmp_path / f"{name}.html").read_text("utf-8") for name in "ab")
    for name in ("spread of weights", "largest weight", "dead channels"):
        assert name in with_weights
        assert name not in without
    assert "1 NaN or infinite" in with_weights


def test_colours_of_weights_need_a_file(path: Path, tmp_path: Path, cli: Cli) -> None:
    with pytest.raises(UnknownPicture, match="no file is named"):
        rsinspect.graph(NETWORK, color="weight_std")
    model, output = tmp_path / "model.json", tmp_path / "a.netron.json"
    NETWORK.save(model)
    assert cli("graph", str(model), "--weights", str(path), "-o", str(output)).code == 0
    assert "3 dead channels" in json.dumps(json.loads(output.read_text()))


def test_any_network_has_its_weights_looked_at(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    model = keras.Sequential(
        [keras.Input((8, 8, 3)),
         keras.layers.SeparableConv2D(4, 3, bias_initializer="ones", name="start"),
         keras.layers.Flatten(), keras.layers.Dense(2, kernel_initializer="zeros", name="end")]
    )  # fmt: skip
    model.save(tmp_path / "mine.keras")
    made: Network = rsinspect.network(tmp_path / "mine.keras")
    rows = rsinspect.summary(made, level="layer", weights=tmp_path / "mine.keras").rows
    found = {str(row["path"]): row for row in rows}
    assert found["end"]["dead_channels"] == 2
    assert found["end"]["weight_zeros"] == 1
    assert found["start"]["weight_max"] == 1
