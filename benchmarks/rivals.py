"""The networks that ours are measured against, with the same weights, in the same process.

Ours is what ``profile`` measures (``profiling.backends``), read from a file that it has in common
with the rival: tf_keras's original writes one of Keras 2, and timm's gets the weights of a Keras
layer by its place in the network. Every function here gives passes that return their outputs, or
the loss of a training step: SGD with momentum on the same images and labels, without dropout, so
that losses agree step by step.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import rsinspect
from rsinspect.networks.network import Network
from rsinspect.profiling.choices import Mode
from rsinspect.profiling.request import OwnWeights, ProfileRequest
from rsinspect.profiling.ways import Way

Pass = Callable[[], Any]
LEARNING_RATE, MOMENTUM = 1e-4, 0.9
"""Those of ``profiling.backends.workload``."""


class Ours(NamedTuple):
    """A network of ours in one of its modes.

    Attributes:
        call: One pass.
        work: What it is made of: images, labels, layers.
    """

    call: Pass
    work: Any


def prepared(backend: str) -> ModuleType:
    """Choose Keras's backend, for this whole process, on the CPU."""
    os.environ |= {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_TORCH_DEVICE": "cpu",
        "JAX_PLATFORMS": "cpu",
    }
    return importlib.import_module(f"rsinspect.profiling.backends.{backend}")


def ours(backend: str, network: Network, way: Way, batch: int, mode: Mode) -> Ours:
    """Build a network read from a file in one of the ways that ``profile`` has options for."""
    module = prepared(backend)
    from rsinspect.profiling.backends.workload import workload

    weights = OwnWeights.of(network)
    request = way.request(
        ProfileRequest(network=network, weights=weights, batch=batch, backend=backend, mode=mode)
    )
    module.configure(request)
    work = workload(request)
    return Ours(module.instrument(work).end_to_end, work)


def as_array(made: Any) -> Any:
    """What a pass returned as an array: outputs, or the loss, which comes first."""
    first = made[0] if isinstance(made, list | tuple) else made
    return np.asarray(first.detach().cpu() if hasattr(first, "detach") else first)


def randomise(model: Any, seed: int = 7) -> None:
    """Give every batch norm statistics that it could have after training.

    The last of a residual branch stays small: with scales near one, deep networks multiply their
    activations, and float32 rounding with them.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        values = layer.get_weights()
        if type(layer).__name__ != "BatchNormalization" or len(values) != 4:
            continue
        scale, size = (0.2 if "batch_norm_3" in layer.name else 1.0), values[0].shape
        layer.set_weights(
            [
                scale * random.uniform(0.5, 1.5, size),
                scale * random.normal(0, 0.1, size),
                random.normal(0, 0.1, size),
                random.uniform(0.5, 1.5, size),
            ]
        )


def original(depth: int, side: int, path: Path) -> Any:
    """Build Keras 2's own ResNet-RS and save it for us to read."""
    from tf_keras.src.applications import resnet_rs

    shape = (side, side, 3)
    model = resnet_rs.ResNetRS(depth, shape, weights=None, dropout_rate=0.0, drop_connect_rate=0.0)
    randomise(model)
    model.save(path)
    return model


def original_pass(model: Any, work: Any) -> Pass:
    """One pass or training step of Keras 2's own, as one function."""
    import tensorflow as tf
    import tf_keras

    images = tf.constant(np.asarray(work.images))
    if not work.trains:
        forward = tf.function(lambda x: model(x, training=False), autograph=False)
        return lambda: forward(images).numpy()
    labels = tf.constant(np.asarray(work.labels[0]))
    variables = model.trainable_variables
    optimizer = tf_keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM)
    optimizer.build(variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator,unused-ignore]
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            losses = tf_keras.losses.sparse_categorical_crossentropy(y, model(x, training=True))
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return lambda: step(images, labels).numpy()


def of_ours(depth: int, side: int, path: Path) -> None:
    """Save our network for both sides to read."""
    shape = (side, side, 3)
    model = rsinspect.ResNetRS(depth, shape, weights=None, dropout_rate=0.0, drop_connect_rate=0.0)
    randomise(model)
    model.save(path)


_STEM = {
    "conv1.0": "conv1", "conv1.1": "bn1", "conv1.3": "conv2", "conv1.4": "bn2", "conv1.6": "conv3",
    "bn1": "bn3", "maxpool.0": "conv4", "maxpool.1": "bn4",
}  # fmt: skip
_IN_BLOCK = {
    "se.fc1": "se/reduce", "se.fc2": "se/expand", "downsample.0": "shortcut/conv",
    "downsample.1": "shortcut/conv", "downsample.2": "shortcut/bn",
}  # fmt: skip


def path_of(module: str) -> str:
    """Name the place in our network of a module of timm's.

    >>> path_of("layer3.0.downsample.1"), path_of("maxpool.0"), path_of("layer1.2.conv3")
    ('c4/block0/shortcut/conv', 'stem/conv4', 'c2/block2/conv3')
    """
    if module == "fc":
        return "head/classifier"
    if not module.startswith("layer"):
        return f"stem/{_STEM[module]}"
    stage, block, rest = module.removeprefix("layer").split(".", 2)
    return f"c{int(stage) + 1}/block{block}/{_IN_BLOCK.get(rest, rest)}"


def timm_model(depth: int, layers: Mapping[str, Any]) -> Any:
    """Build timm's own ResNet-RS with the weights of ours, and the preprocessing that ours has.

    Args:
        depth: Which.
        layers: Keras layers by their place in the network.
    """
    import timm
    import torch

    model = timm.create_model(f"resnetrs{depth}")
    fills = {
        "weight": ("kernel", "gamma"), "bias": ("bias", "beta"), "running_mean": ("moving_mean",),
        "running_var": ("moving_variance",),
    }  # fmt: skip
    values = dict(model.state_dict())
    for name, value in values.items():
        module, _, kind = name.rpartition(".")
        if kind == "num_batches_tracked":
            continue
        layer = layers[path_of(module)]
        found = next(getattr(layer, own) for own in fills[kind] if hasattr(layer, own))
        array = np.asarray(found.value.detach().cpu())
        turned = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
        values[name] = torch.tensor(turned.copy()).reshape(value.shape)
    model.load_state_dict(values)

    class Whole(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            for name, three in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
                self.register_buffer(name, torch.tensor(three).reshape(1, 3, 1, 1))

        def forward(self, images: Any) -> Any:
            return self.model((images / 255 - self.mean) / self.std)

    return Whole()


def timm_pass(model: Any, work: Any, memory_format: str, *, compiled: bool = False) -> Pass:
    """One pass or training step of timm's own.

    Args:
        model: It.
        work: Whose images and labels it is given.
        memory_format: ``contiguous`` or ``channels_last``.
        compiled: By torch.compile.
    """
    import torch

    lies = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
    model = model.to(memory_format=lies[memory_format])
    images = work.images
    if images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)
    images = images.contiguous(memory_format=lies[memory_format])
    run = torch.compile(model) if compiled else model
    if not work.trains:
        model.eval()

        def forward() -> Any:
            with torch.inference_mode():
                return run(images).softmax(-1)

        return forward
    model.train()
    labels = work.labels[0].long()
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM)

    def step() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(run(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step
