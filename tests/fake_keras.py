"""A process that answers as Keras's does (``networks.keras_process``), without Keras."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rsinspect.networks import keras_process

PROGRAM = """
import json, sys
line = sys.stdin.readline()
with open({log!r}, "a") as log:
    log.write(line)
for name, keywords in json.loads(line)["applications"]:
    if {problem!r}:
        reply = dict(problem={problem!r}, hint=None, lines=[], missing={missing!r})
        print(json.dumps(reply), flush=True)
        continue
    shape = [None, *keywords["input_shape"]]
    tensor = lambda of, shape: dict(
        class_name="__keras_tensor__",
        config=dict(shape=shape, dtype="float32", keras_history=[of, 0, 0]))
    layer = lambda kind, name, inbound, **config: dict(
        module="keras.layers", class_name=kind, config=dict(name=name, **config), name=name,
        registered_name=None, inbound_nodes=[dict(args=inbound, kwargs=dict())] * bool(inbound))
    layers = [
        layer("InputLayer", "image", [], batch_shape=shape),
        layer("GlobalAveragePooling2D", "pool", [tensor("image", shape)],
              data_format="channels_last", keepdims=False),
        layer("Dense", "predictions", [tensor("pool", [None, shape[-1]])], units=len(name),
              activation="softmax", use_bias=True),
    ]
    config = dict(name=name.lower(), layers=layers, input_layers=["image", 0, 0],
                  output_layers=["predictions", 0, 0])
    config = dict(module="keras.models", class_name="Functional", config=config)
    print(json.dumps(dict(config=config, weights=[], outputs=[])), flush=True)
"""
"""Each network is a pool and a classifier with as many units as its name has letters."""


class FakeKeras:
    """The process, and what it was asked.

    Args:
        patch: Of the test.
        folder: For its log, and the networks that are kept.
    """

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch = patch
        self._log = folder / "asked.jsonl"
        self.cache = folder / "cache"
        patch.setenv("RSINSPECT_CACHE", str(self.cache))
        self.answer()

    def answer(self, problem: str = "", *, missing: bool = False) -> None:
        """Answer with networks; with a problem, if there is one."""
        code = PROGRAM.format(log=str(self._log), problem=problem, missing=missing)
        self._patch.setattr(keras_process, "COMMAND", (sys.executable, "-c", code))

    @property
    def asked(self) -> list[list[str]]:
        """Names of the networks of each request."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [[name for name, _ in json.loads(line)["applications"]] for line in lines]
