"""Files for other runtimes: what is asked, what is kept, and what of a file that does not agree."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rsinspect
from rsinspect.base import process
from rsinspect.base.errors import BackendUnavailable, ExportError, ImageError, OutputNotWritable
from rsinspect.exports import parent
from rsinspect.exports.answer import export_answer
from rsinspect.exports.comparison import compared
from rsinspect.exports.exported import TOLERANCES, Exported
from rsinspect.exports.formats import FORMATS
from rsinspect.exports.parent import Hands, refuse
from rsinspect.exports.request import ExportRequest
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import Cli
from tests.schemas import complaints

SMALL = ("--blocks", "1,1,1,1", "--width", "0.25", "-r", "32")
WORKER = Path(__file__).with_name("export_worker.py")


def hands(runtime: dict[str, Any] | None = None, keras: dict[str, Any] | None = None) -> Hands:
    """Workers that do as they are told."""
    commands = [(sys.executable, str(WORKER), json.dumps(told or {})) for told in (keras, runtime)]
    return Hands(keras=commands[0], runtime=commands[1])


Export = Callable[..., Exported]


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Export a small network with workers that do as they are told, every package being there."""
    monkeypatch.setattr(parent, "check_packages", lambda *_: None)
    small = resnet_rs(ResNetRSSpec(blocks=(1, 1), resolution=(32, 32), classes=10))

    def call(*names: str, keras: Any = None, runtime: Any = None, **options: Any) -> Exported:
        outputs = tuple(tmp_path / name for name in names)
        request = ExportRequest(network=small, outputs=outputs, **options)
        return parent.export(request, hands=hands(runtime, keras))

    return call


def test_files_that_agree_are_in_their_places_and_nothing_else(
    export: Export, tmp_path: Path
) -> None:
    names = [f"net{format.suffix}" for format in FORMATS.values()]
    exported = export(*names)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "net.bin"])
    assert [file.path.name for file in exported.files] == names
    assert {file.backend for file in exported.files} == {"tensorflow", "torch"}
    refuse(exported)


def test_a_table_and_a_document_say_what_was_found(export: Export) -> None:
    exported = export("net.onnx", runtime={"pass_s": 1.0}, keras={"pass_s": 2.0}, batch=2)
    answer = export_answer(exported)
    (row,) = answer.table.rows
    assert (row["difference"], row["top5"], row["ratio"]) == ("1e-07", "1 of 2", 0.5)
    assert (row["bytes"], row["runtime"], row["result"]) == (4, "ONNX Runtime 1.2", "agrees")
    document = answer.document
    (file,) = document["files"]
    assert document["schema"] == "rsinspect.export/1"
    assert (document["images"], document["photograph"]) == (4, "grace_hopper.jpg")
    assert file["latency"] == {
        "batch": 2, "rounds": parent.ROUNDS, "file_s": 1.0, "keras_s": 2.0,
        "ratio": 0.5, "ratio_low": 0.5, "ratio_high": 0.5,
    }  # fmt: skip
    assert file["comparison"]["tolerance"] == TOLERANCES["float32"]
    assert file["versions"] == {"keras": "3.15.1"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("net.onnx", {"difference": 1e-3}),
        ("net.xml", {"difference": 1e-3}),
        ("net.savedmodel", {"problem": "its outputs have numbers that are not finite"}),
    ],
)
def test_of_a_file_that_does_not_agree_nothing_is_left(
    export: Export, tmp_path: Path, name: str, told: dict[str, Any]
) -> None:
    exported = export(name, runtime=told)
    assert list(tmp_path.iterdir()) == []
    assert export_answer(exported).table.rows[0]["result"] == "differs, not kept"
    with pytest.raises(ExportError, match=r"was not kept: its outputs"):
        refuse(exported)


def test_a_file_that_does_not_agree_leaves_the_old_one(export: Export, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("old")
    export("net.onnx", runtime={"difference": 1e-3})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
    export("net.onnx")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["made"]


def test_a_disk_that_is_full_is_said_to_be_and_not_what_a_framework_made_of_it(
    export: Export, tmp_path: Path
) -> None:
    said = (
        "Unable to sync (file write failed: errno = 28, error message = 'No space left on device')"
    )
    with pytest.raises(
        OutputNotWritable, match=r"net.onnx cannot be written: No space left on dev"
    ):
        export("net.onnx", keras={"make_raises": said})
    with pytest.raises(ExportError, match="out of room"):
        export("net.onnx", keras={"make_raises": "out of room"})
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_followed_and_a_file_keeps_its_mode(export: Export, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(exist_ok=True)
    target, link = tmp_path / "elsewhere" / "net.onnx", tmp_path / "net.onnx"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    export("net.onnx")
    assert link.is_symlink()
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("made", 0o600)


def test_a_pipe_is_refused_before_anything_is_made(export: Export, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.onnx")
    with pytest.raises(OutputNotWritable, match="is a pipe or a device"):
        export("net.onnx", keras={"make_raises": "nothing is asked"})
    assert (tmp_path / "net.onnx").is_fifo()


@pytest.mark.parametrize("name", ["net.xml", "net.savedmodel"])
@pytest.mark.parametrize("fails", [OSError(5, "I/O error"), KeyboardInterrupt()])
def test_what_cannot_take_the_old_ones_place_leaves_it(
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fails: BaseException,
) -> None:
    export(name)
    for file in (x for x in tmp_path.rglob("*") if x.is_file()):
        file.write_text("old")
    replace = Path.replace

    def refused(new: Path, target: Path) -> Path:
        monkeypatch.undo()
        raise fails

    monkeypatch.setattr(parent, "check_packages", lambda *_: None)
    monkeypatch.setattr(
        Path, "replace", lambda new, target: (refused if new.name == name else replace)(new, target)
    )
    with pytest.raises((OutputNotWritable, KeyboardInterrupt)):
        export(name)
    places = {"net.xml": ["net.bin", "net.xml"], "net.savedmodel": ["saved_model.pb"]}[name]
    files = sorted(x for x in tmp_path.rglob("*") if x.is_file())
    assert [x.name for x in files] == places
    assert {x.read_text() for x in files} == {"old"}


def test_a_comparison_on_outputs_that_are_all_alike_is_said_to_say_little(export: Export) -> None:
    told = [export("net.onnx", runtime={"difference": 0.0, "spread": x}) for x in (0.0, 0.5)]
    says_little = ["says little" in str(export_answer(each).table.notes) for each in told]
    assert says_little == [True, False]


def test_half_precision_may_differ_by_more(export: Export) -> None:
    (file,) = export("net.onnx", runtime={"difference": 1e-3}, precision="float16").files
    assert file.problem is None


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"make_raises": "no rule for it"}, r"Keras on tensorflow: ValueError: no rule for it"),
        ({"make_dies": True}, r"Keras on tensorflow ended with code 7\n  \| the last words"),
    ],
)
def test_a_worker_that_fails_leaves_nothing(
    export: Export, tmp_path: Path, told: dict[str, Any], said: str
) -> None:
    with pytest.raises(ExportError, match=said):
        export("net.onnx", keras=told)
    assert list(tmp_path.iterdir()) == []


def test_a_saved_model_takes_the_place_of_one_and_of_nothing_else(
    export: Export, tmp_path: Path
) -> None:
    place = tmp_path / "net.savedmodel"
    for _ in range(2):
        export("net.savedmodel")
        assert (place / "saved_model.pb").read_text() == "made"
    (place / "saved_model.pb").rename(place / "photographs")
    with pytest.raises(Exception, match="is there already, and is no SavedModel"):
        export("net.savedmodel")


def test_a_photograph_that_is_none_is_refused_before_anything_is_made(
    export: Export, tmp_path: Path
) -> None:
    (tmp_path / "cat.jpg").write_text("no cat")
    with pytest.raises(ImageError):
        export("net.onnx", image=tmp_path / "cat.jpg", keras={"make_dies": True})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is no file to write"),
        (("-o", "net.pth"), "rsinspect weights convert"),
        (("-o", "net"), "has no suffix"),
        (("-o", "net.onnx", "-o", "net.onnx"), "are one file"),
        (("-o", "net.onnx", "--precision", "bfloat16"), "ONNX is not written in bfloat16"),
        (("-o", "net.onnx", "--precision", "half"), "unknown precision"),
        (("-o", "net.keras", "--batch", "2"), "takes any number of images"),
        (("-o", "net.xml", "--backend", "jax"), "XlaCallModule"),
        (("-o", "net.pt2", "--backend", "tensorflow"), "on torch alone"),
        (("-o", "net.onnx", "--batch", "0"), "must be"),
        (("-o", "nowhere/net.onnx"), "does not exist"),
    ],
)
def test_what_nobody_can_export_is_refused_in_one_line(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli("export", *SMALL, *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_missing_is_named_with_the_command_that_brings_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda x: None if x == "jax2onnx" else find(x))
    outcome = cli("export", *SMALL, "-o", tmp_path / "net.onnx", "--backend", "jax")
    assert outcome.code == 3
    assert "pip install jax2onnx" in outcome.err


def test_a_keras_that_is_too_old_is_told_which_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "version", lambda _: "3.7.0")
    with pytest.raises(BackendUnavailable, match=r"Keras 3.7.0 .* \(pip install 'keras>=3.8'\)"):
        parent.check_packages(FORMATS["onnx"], "tensorflow")


def test_outputs_are_compared_by_their_largest_and_by_what_other_images_give() -> None:
    expected = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    same = compared([expected], [expected])
    assert (same["relative_difference"], same["tops"][0]) == (0, ([0, 1, 2], [0, 1, 2]))
    turned = compared([expected], [expected[:, ::-1]])
    assert turned["relative_difference"] > 0.5
    assert turned["tops"][1] == ([2, 1, 0], [0, 1, 2])
    assert "not finite" in compared([expected], [expected * np.nan])["problem"]
    assert "its outputs are" in compared([expected], [expected[:, :2]])["problem"]
    maps = np.ones((2, 4, 4, 3))
    assert compared([maps], [maps])["tops"] is None


def test_a_dialogue_ends_with_its_program() -> None:
    echo = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"
    with process.Dialogue((sys.executable, "-c", echo), {}) as dialogue:
        assert dialogue.ask(b"abc", 600) == b"cba"
        assert dialogue.ask(b"de", 600) == b"ed"
    with process.Dialogue((sys.executable, "-c", "exit(3)"), {}) as dialogue:
        with pytest.raises(process.HungUp) as ended:
            dialogue.ask(b"abc", 600)
        assert ended.value.ended.code == 3
    sleeps = "import time; time.sleep(600)"
    with (
        process.Dialogue((sys.executable, "-c", sleeps), {}) as dialogue,
        pytest.raises(process.OutOfTime),
    ):
        dialogue.ask(b"abc", 0)


@pytest.mark.keras
@pytest.mark.slow
def test_every_format_of_tensorflow_says_what_keras_says(tmp_path: Path) -> None:
    """A live model's own weights, its statistics not those it was born with; norms are folded."""
    import keras

    from rsinspect.keras_model.build import build_model

    small = ResNetRSSpec(blocks=(1, 1), resolution=(32, 32), width=0.25, classes=10)
    model = build_model(resnet_rs(small))
    drawn = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([drawn.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    suffixes = [format.suffix for format in FORMATS.values() if format.name != "torch"]
    result = rsinspect.export(
        model, [tmp_path / f"net{suffix}" for suffix in suffixes], fold_batch_norm=True
    )
    assert {row["result"] for row in result.rows} == {"agrees"}
    assert {row["top5"] for row in result.rows} == {"4 of 4"}
    for file in result.to_json()["files"]:
        assert file["comparison"]["relative_difference"] < 1e-5
        assert file["comparison"]["spread"] > 1e-3
    import onnx

    graph = onnx.load(tmp_path / "net.onnx").graph
    assert len(graph.input) == 1  # constants of the normalization are inside
    assert "BatchNormalization" not in {node.op_type for node in graph.node}
    again = keras.saving.load_model(tmp_path / "net.keras")
    image = drawn.uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    ours, theirs = (each.predict_on_batch(image) for each in (model, again))
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(ours).max()


CODE = """
import keras

def make():
    keras.utils.set_random_seed(7)
    image = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Conv2D(8, 3, name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(5, name="out")(x))
"""


@pytest.mark.keras
@pytest.mark.slow
def test_a_model_that_code_makes_is_exported_with_its_weights(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(CODE)
    place = tmp_path / "net.tflite"
    outcome = cli(
        "export", f"{tmp_path / 'nets.py'}:make", "-o", place, "--precision", "int8", "-b", 2,
        "-f", "json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert complaints(document) == []
    (file,) = document["files"]
    assert file["comparison"]["relative_difference"] < 0.1
    from ai_edge_litert.interpreter import Interpreter

    namespace: dict[str, Any] = {}
    exec(CODE, namespace)
    image = np.full((2, 16, 16, 3), 100, dtype="float32")
    interpreter = Interpreter(model_path=str(place))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    expected = namespace["make"]().predict_on_batch(image)
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not here")
def test_a_pytorch_program_says_what_keras_says(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("export", *SMALL, "-o", tmp_path / "net.pt2", "-f", "json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["files"][0]["comparison"]["relative_difference"] < 1e-5
