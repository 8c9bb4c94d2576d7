"""A file that Keras saved is MODEL text: read as data, by every command, with nothing loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.base.errors import RsInspectError, WeightsError
from rsinspect.checkpoints.config import StoredWeights, saved_model
from rsinspect.networks.named import compared, network
from tests import keras_files
from tests.conftest import Cli, python
from tests.keras_files import conv, functional, h5_file, image, keras_file, row, small

PARAMS = 3 * 3 * 3 * 4 + 4 + 3 * 3 * 4 * 5 + 5


def files(folder: Path, config: Any = None) -> list[Path]:
    """One model in every kind of file."""
    (folder / "config.json").write_text(json.dumps(config or small()))
    return [
        keras_file(folder / "my.keras", config),
        h5_file(folder / "my.h5", config),
        h5_file(folder / "my.hdf5", config),
        folder / "config.json",
    ]


def test_a_model_in_any_file_is_the_same_network(tmp_path: Path) -> None:
    read = [network(str(path)) for path in files(tmp_path)]
    assert {one.fingerprint for one in read} == {read[0].fingerprint}
    assert {one.title for one in read} == {"small @ 8×8"}
    assert read[0].cost.params == PARAMS
    assert rsinspect.network(tmp_path / "my.keras") == read[0]
    assert rsinspect.network(json.dumps(small())) == read[0]
    assert rsinspect.network(json.dumps(small()["config"])) == read[0]


@pytest.mark.parametrize(
    "command",
    [
        ["summary", "{}", "--level", "layer", "-f", "json"],
        ["graph", "{}", "-f", "dot", "-o", "-"],
        ["diff", "{}", "50", "-f", "json"],
        ["diff", "50", "{}", "-f", "json"],
    ],
    ids=" ".join,
)
def test_every_command_takes_a_file(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    for path in files(tmp_path):
        done = cli(*(path if word == "{}" else word for word in command))
        assert (done.code, done.err) == (0, "")
        assert "small" in done.out


def test_what_is_read_is_not_written_over(cli: Cli, tmp_path: Path) -> None:
    path = keras_file(tmp_path / "my.keras")
    path.rename(tmp_path / "my.json")
    (tmp_path / "my.json").write_text(json.dumps(small()))
    assert cli("summary", tmp_path / "my.json", "-o", tmp_path / "my.json").code == 2


def test_options_change_the_size_of_a_file_alone(cli: Cli, tmp_path: Path) -> None:
    path = keras_file(tmp_path / "my.keras", functional(image(side=None), conv("one", "image")))
    done = cli("summary", path)
    assert (done.code, "--resolution 224" in done.err) == (2, True)
    assert "small @ 16×24" in cli("summary", path, "-r", "16x24").out
    assert network(str(path), resolution=(16, 24)).title == "small @ 16×24"
    assert rsinspect.network(path, resolution=16).title == "small @ 16×16"
    done = cli("summary", path, "-r", "16", "--width", "2")
    assert (done.code, "of which options change the size alone" in done.err) == (2, True)
    for side in ("0", "-3", "99999"):
        done = cli("summary", path, "-r", side)
        assert (done.code, "a whole number from 1 to 16 384" in done.err) == (2, True)


def test_any_network_is_costed_at_another_size(cli: Cli, tmp_path: Path) -> None:
    paths = files(tmp_path)
    rsinspect.network(paths[0]).save(tmp_path / "saved.json")
    (tmp_path / "graph.json").write_text(json.dumps(rsinspect.network(paths[0]).to_json()["graph"]))
    made = [network(str(path), resolution=(16, 24)) for path in (*paths, tmp_path / "saved.json")]
    made.append(network(str(tmp_path / "graph.json"), resolution=(16, 24)))
    made.append(rsinspect.network(network(str(paths[0])), resolution=(16, 24)))
    made.append(rsinspect.network(network(str(paths[0])).graph, resolution=(16, 24)))
    assert {one.title for one in made} == {"small @ 16×24"}
    assert {one.cost.macs for one in made} == {6 * network(str(paths[0])).cost.macs}
    assert {one.cost.params for one in made} == {PARAMS}
    assert rsinspect.network(rsinspect.network("50"), resolution=224).title == (
        "ResNet-RS-50 @ 224×224"
    )
    fixed = functional(image(), row("Flatten", "flat", "image"), row("Dense", "d", "flat", units=3))
    path = keras_file(tmp_path / "fixed.keras", fixed)
    done = cli("summary", path, "-r", "16")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 2)
    assert "d (Dense) is for one size alone" in done.err


def test_networks_of_files_are_compared_at_one_size(tmp_path: Path) -> None:
    path = str(keras_file(tmp_path / "a.keras", functional(image(side=None), conv("c", "image"))))
    made = compared(path, "50", resolution=(64, 64)).networks
    assert [one.size for one in made] == ["64×64", "64×64"]


def test_a_keras_archive_needs_neither_h5py_nor_numpy(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "my.keras")
    code = (
        f"import sys; from rsinspect.cli.app import run; run(['summary', {str(path)!r}]);"
        "print({'h5py', 'numpy', 'keras', 'tensorflow'} & set(sys.modules))"
    )
    assert python(code).stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("kind", "number"), [("TFSMLayer", "CVE-2026-1462"), ("TorchModuleWrapper", "CVE-2025-49655")]
)
def test_nobody_is_told_to_load_a_hazard_whose_shape_is_not_known(
    cli: Cli, tmp_path: Path, kind: str, number: str
) -> None:
    done = cli(
        "summary", keras_file(tmp_path / "s.keras", functional(image(), row(kind, "x", "image")))
    )
    assert (done.code, done.out) == (2, "")
    assert number in done.err
    assert "x: the output shape of this" in done.err
    assert "live model" not in done.err


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"class_name": "MyModel", "config": {"units": 3}},
            "holds no graph: Keras saves a 'MyModel'",
        ),
        (
            {"class_name": "ResNetBackbone", "config": {"name": "b"}},
            "call the same layers on keras.Input",
        ),
        ({"class_name": "Functional", "config": 3}, "holds no graph"),
        ({"schema": "rsinspect.summary/1"}, None),
        ([], "is no JSON object"),
        ('{"config": NaN}', "is no JSON: NaN, which is no number"),
        ('{"config": [1, -Infinity]}', "is no JSON: Infinity, which is no number"),
        ('{"class_name": "Functional"', "is no JSON"),
        ("\xff\xfe", "is no JSON"),
        ("[" * 100_000, "is no JSON: it nests too deep"),
        ("", "is no JSON"),
    ],
)
def test_what_holds_no_graph_says_so_in_one_line(
    cli: Cli, tmp_path: Path, config: Any, words: str | None
) -> None:
    done = cli("summary", keras_file(tmp_path / "my.keras", config or "[]"))
    assert (done.code, done.out) == (2, "")
    assert (words or "error: ") in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") <= 2


def test_weights_alone_are_told_from_a_model(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "my.weights.h5").write_bytes(
        keras_files.hdf5(tmp_path / "x", {"layers/conv2d/vars/0": (3, 3, 3, 4)})
    )
    done = cli("summary", tmp_path / "my.weights.h5")
    assert (done.code, "holds weights without a model" in done.err) == (2, True)
    assert "name a file with its configuration" in done.err


@pytest.mark.parametrize("name", ["my.keras", "my.h5", "my.hdf5", "my.weights.h5"])
@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\3\4", b"\x89HDF\r\n\x1a\n"])
def test_a_file_that_is_something_else_is_refused_in_one_line(
    cli: Cli, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    done = cli("summary", tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert done.err.count("\n") <= 2


# ---- weights


def test_weights_are_found_by_class_and_number_in_each_model(tmp_path: Path) -> None:
    tower = functional(image("in"), row("LSTM", "first", "in"), row("LSTM", "second", "first"))
    tower["name"] = "tower"
    bare = functional(
        image(), row("LSTM", "odd", "image"), tower,
        row("Add", "plus", "odd", "keras.src.ops.numpy"),
        row("Bidirectional", "both", "odd", layer=row("LSTM", "l")),
        row("TimeDistributed", "timed", "odd", layer=row("BatchNormalization", "n")),
        row("MyPReLU2D", "mine", "odd", module="my.layers"),
    )  # fmt: skip
    path = keras_file(tmp_path / "my.keras", bare, {
        "layers/lstm/cell/vars/0": (3, 8), "layers/lstm/cell/vars/1": (2, 8),
        "layers/lstm/cell/seed_generator/vars/0": (2,),
        "layers/functional/layers/lstm/cell/vars/0": (5, 8),
        "layers/functional/layers/lstm_1/cell/vars/0": (7, 8),
        "layers/bidirectional/forward_layer/cell/vars/0": (11, 8),
        "layers/bidirectional/backward_layer/cell/vars/0": (10, 8),
        "layers/time_distributed/layer/vars/0": (1,), "layers/time_distributed/layer/vars/1": (2,),
        "layers/time_distributed/layer/vars/2": (3,), "layers/time_distributed/layer/vars/3": (4,),
        "layers/my_p_re_lu2d/vars/0": (13,), "layers/my_p_re_lu2d/vars/10": (14,),
        "layers/lstm_10/cell/vars/0": (999,), "optimizer/vars/0": (998,),
    })  # fmt: skip
    weights = saved_model(path).weights
    found = {
        names: weights(names)
        for names in (
            ("odd",), ("tower", "first"), ("tower", "second"), ("both",), ("timed",), ("mine",),
            ("image",), ("tower",), ("nobody",), (),
        )
    }  # fmt: skip
    assert found == {
        ("odd",): StoredWeights(((2, 8), (3, 8))),
        ("tower", "first"): StoredWeights(((5, 8),)),
        ("tower", "second"): StoredWeights(((7, 8),)),
        ("both",): StoredWeights(((10, 8), (11, 8))),
        ("timed",): StoredWeights(((1,), (2,), (3,), (4,)), 2),
        ("mine",): StoredWeights(((13,), (14,))),
        ("image",): StoredWeights(()),
        ("tower",): StoredWeights(((5, 8), (7, 8))),
        ("nobody",): None,
        (): None,
    }


def test_weights_in_a_file_of_arrays_are_not_known(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "my.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(small()))
        archive.writestr("model.weights.npz", b"pickle")
    assert saved_model(tmp_path / "my.keras").weights(("one",)) is None


MODELS = ("text_model", "siamese", "fine_tuned_mobilenet", "mixed_precision")


@pytest.mark.keras
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_weights_are_those_of_the_live_model(tmp_path: Path, name: str, ending: str) -> None:
    from tests import foreign

    model = getattr(foreign, name)()
    path = tmp_path / f"my{ending}"
    model.save(path)
    weights = saved_model(path).weights

    def check(model: Any, around: tuple[str, ...]) -> None:
        for layer in model.layers:
            names = (*around, layer.name)
            if hasattr(layer, "layers"):
                check(layer, names)
                continue
            found = weights(names)
            assert found is not None
            shapes = [tuple(weight.shape) for weight in layer.weights]
            assert sorted(found.shapes) == sorted(shapes)
            if layer.trainable:
                assert found.constants == len(layer.non_trainable_weights)

    check(model, ())


def test_an_error_of_the_reader_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a long path is cut where it stands in a message
    odd = functional(image(), row("Conv2D", "one", "image"))
    with pytest.raises(RsInspectError, match=r"my\.keras") as refused:
        network(str(keras_file(Path("my.keras"), odd)))
    assert refused.value.exit_code == 2


@pytest.mark.keras
def test_a_model_in_a_class_of_its_own_is_read_live_and_counted_in_files(tmp_path: Path) -> None:
    """As KerasHub's backbones are: the file has the arguments of the class alone."""
    import keras

    class Backbone(keras.Model):  # type: ignore[misc]
        def __init__(self, filters: int = 4, **more: Any) -> None:
            picture = keras.Input((8, 8, 3))
            x = keras.layers.Conv2D(filters, 3)(picture)
            x = keras.layers.LSTM(3)(keras.layers.Reshape((-1, filters))(x))
            super().__init__(picture, x, **more)
            self.filters = filters

        def get_config(self) -> dict[str, Any]:
            return {"filters": self.filters, "name": self.name}

    bare = Backbone(name="backbone")
    read = rsinspect.network(bare)
    assert read.cost.params == bare.count_params()
    assert [layer.op.kind for layer in read.graph] == ["Input", "Conv2D", "Reshape", "Opaque"]
    bare.save(tmp_path / "bare.keras")
    with pytest.raises(RsInspectError, match=r"holds no graph: Keras saves a 'Backbone'"):
        network(str(tmp_path / "bare.keras"))
    picture = keras.Input((8, 8, 3))
    around = keras.Model(picture, keras.layers.Dense(2)(bare(picture)), name="around")
    around.save(tmp_path / "around.keras")
    around.save(tmp_path / "around.h5")
    for model in (around, tmp_path / "around.keras", tmp_path / "around.h5"):
        made = rsinspect.network(model)
        assert made.cost.params == around.count_params()
        assert made.cost.uncounted == 1


@pytest.mark.parametrize(
    ("policy", "mode", "arrays", "more", "costs"),
    [
        ("DTypePolicy", None, [(3, 32), (32,)], {"lora_rank": 4}, (268, 172, 0)),
        ("QuantizedDTypePolicy", "int8", [(3, 32), (32,), (32,)], {}, (160, 32, 0)),
        ("QuantizedDTypePolicy", "int8", [(3, 32), (32,), (32,)], {"lora_rank": 4}, (300, 172, 0)),
        ("Int4DTypePolicy", "int4/128", [(3, 16), (32,), (1, 32)], {}, (112, 32, 0)),
        ("Int4DTypePolicy", "int4/128", [(3, 16), (32,), (1, 32)], {"lora_rank": 4}, (0, 0, 1)),
        ("QuantizedFloat8DTypePolicy", "float8", [(3, 32), (32,), (), (9,)], {}, (138, 138, 0)),
    ],
)
def test_adapted_and_quantised_layers_count_as_keras_counts_them(
    tmp_path: Path,
    policy: str,
    mode: str | None,
    arrays: list[tuple[int, ...]],
    more: dict[str, Any],
    costs: tuple[int, int, int],
) -> None:
    """An adapter, which the file has multiplied into the kernel, has 4 * (3 + 32) weights."""
    dtype = {"class_name": policy, "config": {"mode": mode} if mode else {"name": "float32"}}
    last = row("Dense", "d", "image", units=32, use_bias=True, **more)
    last["config"]["dtype"] = dtype
    weights = {f"layers/dense/vars/{number}": shape for number, shape in enumerate(arrays)}
    read = network(str(keras_file(tmp_path / "a.keras", functional(image(), last), weights)))
    assert (read.cost.params, read.cost.trainable_params, read.cost.unweighed) == costs
    assert read.graph.output.shape == (8, 8, 32)
    assert read.graph.layer("d").op.kind == "Opaque"


def test_an_archive_by_another_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "my.h5").write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match=r"my\.h5 is a zip archive") as caught:
        saved_model(tmp_path / "my.h5")
    assert caught.value.hint == "if it is a .keras archive, let its name end in .keras"
