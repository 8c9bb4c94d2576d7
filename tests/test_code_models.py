"""MODEL text that is Python which makes a model: run in a process of its own, and said so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.base.errors import InvalidSpec, ModelBuildError
from rsinspect.base.requests import Reply
from rsinspect.cli.options import models
from rsinspect.networks import keras_process
from rsinspect.networks.code import code_in
from tests.conftest import Cli
from tests.processes import PATIENCE_S, gone, until

TENSOR = '{"class_name": "__keras_tensor__", "config": {"shape": [null, 8, 8, 3], ' \
    '"dtype": "float32", "keras_history": ["image", 0, 0]}}'  # fmt: skip
TRAIN = """
import json, os, sys, time
from beside import LAYERS
print("a print of the code")

class Weight:
    def __init__(self, *shape, trainable=True):
        self.shape, self.trainable = shape, trainable

class Layer:
    trainable = True
    def __init__(self, name, *weights):
        self.name, self.weights = name, weights
    def get_config(self):
        return dict(name=self.name)

class Model:
    "A model as Keras has it, without Keras."
    def __init__(self, *layers):
        self.layers, self.outputs = layers, [Weight(None, 3)]
    def to_json(self):
        return json.dumps(dict(class_name="Functional", config=dict(
            name="mine", layers=LAYERS, input_layers=[["image", 0, 0]],
            output_layers=[["odd", 0, 0]])))

def make_model():
    return Model(Layer("image"), Layer("odd", Weight(3, trainable=False), Weight(4, 5)))

class Nets:
    small = make_model()

def nothing(): pass
def fails(): raise ValueError("bad" + chr(10) + "units")
def leaves(): sys.exit("enough")
def dies(): os._exit(9)
def lacks(): import torch_that_nobody_has
def lacks_keras():
    raise ModuleNotFoundError("No module named 'jax'", name="jax")
def forever():
    open("pid", "w").write(str(os.getpid()))
    time.sleep(3600)
number = 3
"""
BESIDE = f"""
null = None
LAYERS = [
    dict(module="keras.layers", class_name="InputLayer", name="image", inbound_nodes=[],
         registered_name=None, config=dict(name="image", batch_shape=[None, 8, 8, 3])),
    dict(module="mine", class_name="Odd", name="odd", registered_name="mine>Odd",
         config=dict(name="odd"), inbound_nodes=[dict(args=[{TENSOR}], kwargs=dict())]),
]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with code, which is the working directory."""
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "broken.py").write_text("def f(:\n")
    nets = tmp_path / "nets"
    nets.mkdir()
    (nets / "__init__.py").write_text("")
    (nets / "parts.py").write_text("from train import make_model as make")
    (nets / "large.py").write_text("from .parts import make")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "text",
    ["train.py:make_model", "train.py:Nets.small", "./train.py:make_model", "train:make_model",
     "nets.large:make", "nets/large.py:make"],
)  # fmt: skip
def test_a_function_or_a_variable_gives_the_network(cli: Cli, folder: Path, text: str) -> None:
    outcome = cli("summary", text)
    assert outcome.code == 0, outcome.err
    said, printed = outcome.err.splitlines()
    assert said == f"{text} is run, in a process of its own, to get the model that it makes"
    assert printed == "a print of the code"
    assert "mine @ 8×8" in outcome.out
    assert "a print" not in outcome.out


def test_weights_of_layers_that_no_op_describes_are_counted(folder: Path) -> None:
    found = rsinspect.network("train.py:make_model")
    assert (found.cost.params, found.cost.trainable_params) == (23, 20)
    assert found.graph.layers[-1].shape == (3,)


def test_quiet_silences_the_code_too(cli: Cli, folder: Path) -> None:
    assert cli("summary", "train.py:make_model", "-q").err == ""


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("train.py:nothing", 2, "nothing() gives None, no keras.Model"),
        ("train.py:number", 2, "number is an int, no keras.Model and nothing to call"),
        ("train.py:mak_model", 2, "hint: did you mean make_model?"),
        ("train.py:leaves", 2, "the code ended itself with 'enough'"),
        ("train.py:dies", 2, "ended with code 9 and made no model"),
        ("train.py:lacks", 2, "No module named 'torch_that_nobody_has'"),
        ("train.py:lacks_keras", 3, "No module named 'jax'"),
        ("train.py", 2, "name it behind a colon: train.py:make_model, nothing, fails, leaves and"),
        ("beside.py", 2, "name it behind a colon: beside.py:make_model"),
        ("nobody.py:make", 2, "there is no file 'nobody.py'"),
        ("nobody.there:make", 2, "No module named 'nobody'"),
        ("nobody:make", 2, "'nobody:make' is not a model"),
        ("broken.py:f", 2, "SyntaxError"),
        ("train.py:make_model --classes 10", 2, "it makes one network"),
    ],
)
def test_code_that_gives_no_model_is_refused_in_one_line(
    cli: Cli, folder: Path, text: str, code: int, said: str
) -> None:
    outcome = cli("summary", *text.split(), "-q")
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert outcome.err.startswith("error: ")


def test_what_fails_is_shown_with_the_users_own_lines(cli: Cli, folder: Path) -> None:
    lines = cli("summary", "train.py:fails", "-q").err.splitlines()
    assert lines[0] == "error: train.py:fails gives no model: ValueError: bad units"
    assert lines[1].endswith("in fails")
    assert f'File "{folder}/train.py"' in lines[1]
    assert "raise ValueError" in lines[2]
    assert not any("rsinspect" in line for line in lines[1:])


def test_code_that_never_ends_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_process, "CODE_TIMEOUT_S", 1.0)
    with pytest.raises(ModelBuildError, match="made no model within 1 s and was ended"):
        rsinspect.network("train.py:forever")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc who is alive")
def test_an_interruption_ends_the_code(folder: Path) -> None:
    root = str(Path(__file__).parent.parent)
    calling = subprocess.Popen(
        [sys.executable, "-m", "rsinspect", "summary", "train.py:forever"],
        env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid = folder / "pid"
    assert until(lambda: pid.exists() and pid.read_text() != "")
    calling.send_signal(signal.SIGINT)
    _, said = calling.communicate(timeout=PATIENCE_S)
    assert calling.returncode == 130
    assert said.splitlines()[-1].startswith("error: interrupted")
    assert gone(pid.read_text())


def test_the_file_of_the_code_is_not_written_over(cli: Cli, folder: Path) -> None:
    outcome = cli("summary", "train.py:make_model", "-o", "train.py")
    assert outcome.code == 2
    assert (folder / "train.py").read_text() == TRAIN


def test_a_shell_is_offered_the_functions_of_a_file(folder: Path) -> None:
    (folder / "small.py").write_text("def make(a=1, *, b=2): 1/0\ndef _own(): ...\ndef f(x): ...\n")
    assert list(models("small.py:m")) == ["small.py:make"]
    assert list(models("broken.py:")) == list(models("nobody.py:")) == []


def test_a_path_of_windows_is_a_path() -> None:
    found = code_in("C:\\nets\\train.py:make")
    assert found is not None
    assert (found.place, found.name) == ("C:\\nets\\train.py", "make")
    assert code_in("C:\\nets\\my.keras") is None


@pytest.mark.keras
def test_code_with_keras(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in the process, where Keras takes seconds to begin; the others are answered here."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [])

    def asked_here(
        command: object, request: dict[str, Any], on_reply: Callable[[Reply], None], **_: Any
    ) -> None:
        from rsinspect.keras_model.maker import _made_by

        on_reply(_made_by(request))

    (folder / "real.py").write_text(
        "import keras\n"
        "class Odd(keras.layers.Layer):\n"
        "    def __init__(self, function): super().__init__(name='odd'); self.f = function\n"
        "    def build(self, shape): self.w = self.add_weight(shape=(shape[-1], 3))\n"
        "    def call(self, x): return self.f(x @ self.w)\n"
        "def make():\n"
        "    image = keras.Input((None, None, 3))\n"
        "    pooled = keras.layers.GlobalAveragePooling2D()(image)\n"
        "    return keras.Model(image, Odd(lambda x: x)(pooled))\n"
        "class Net(keras.Model):\n"
        "    def __init__(self, function=None):\n"
        "        super().__init__(name='net')\n"
        "        self.dense = keras.layers.Dense(2)\n"
        "    def call(self, x): return self.dense(x)\n"
        "def nested():\n"
        "    vector = keras.Input((4,))\n"
        "    return keras.Model(vector, Net(lambda x: x)(vector))\n"
    )
    found = rsinspect.network("real.py:make", resolution=32)
    assert (found.size, found.cost.params, found.graph.layers[-1].shape) == ("32×32", 9, (3,))
    monkeypatch.setattr(keras_process, "ask", asked_here)
    with pytest.raises(InvalidSpec, match=r"real\.py:make: .* takes images of any size"):
        rsinspect.network("real.py:make")
    nested = rsinspect.network("real.py:nested")
    assert (nested.cost.params, nested.cost.unweighed, nested.cost.uncounted) == (10, 0, 1)
    with pytest.raises(InvalidSpec, match="Net keeps no layers"):
        rsinspect.network("real.py:Net")
