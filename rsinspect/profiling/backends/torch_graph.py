"""A pass on PyTorch as one graph of its operations, which torch.compile can take whole.

torch.compile given a Keras model as it is reads Keras's own calls with Dynamo, which gives up on
most of them: with Keras 3.15 and PyTorch 2.13 it took minutes for the depth of 50, in pieces, and
what came out was no faster. So the pass is run once and its operations are written down as they
come (``make_fx``), with all variables as arguments. A moment of the clock is an operation too: it
claims to change the tensor it is given, so that no compiler moves it before what makes that tensor,
or behind what reads it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from rsinspect.base.errors import BackendUnavailable
from rsinspect.base.words import Option, advice

_LIBRARY = torch.library.Library("rsinspect", "DEF")
_LIBRARY.define("moment(Tensor(a!) tensor, int number) -> ()")
_listener: Callable[[int], None] | None = None


def _moment(tensor: Any, number: int) -> None:
    if _listener is not None:
        _listener(number)


for _where in ("CPU", "CUDA"):
    _LIBRARY.impl("moment", _moment, _where)
_LIBRARY.impl("moment", lambda tensor, number: None, "Meta")


def moment(tensor: Any, number: int) -> None:
    """Put a moment into the graph that is being written down, after a tensor is made."""
    torch.ops.rsinspect.moment(tensor.detach(), number)


@contextmanager
def heard_by(listener: Callable[[int], None]) -> Iterator[None]:
    """Tell a function of the moments as they come."""
    global _listener
    _listener = listener
    try:
        yield
    finally:
        _listener = None


def require_compiler() -> None:
    """Check that the C++ compiler is there that torch.compile calls for a CPU.

    Raises:
        BackendUnavailable: If it is not.
    """
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = next(iter(shlex.split(os.environ.get("CXX", ""))), usual)
    if shutil.which(compiler) is None:
        raise BackendUnavailable(
            f"torch.compile needs a C++ compiler, and there is no {compiler} here",
            advice("install one, such as g++, or leave {} out", Option("jit")),
        )


def compiled(function: Callable[..., Any], tensors: Sequence[Any]) -> Callable[..., Any]:
    """Run a function once, and compile the operations that it ran.

    Args:
        function: Of tensors; it returns a list of them.
        tensors: Of the shapes and layouts in memory for which it is compiled.
    """
    return torch.compile(make_fx(function)(*tensors), dynamic=False, fullgraph=True)  # type: ignore[no-any-return]


@contextmanager
def unseeded(layers: Sequence[keras.Layer]) -> Iterator[None]:
    """Let drop path draw from PyTorch's own numbers: a graph cannot hold a seed of Keras's."""
    ours = [x for x in layers if isinstance(x, keras.layers.Dropout) and x.noise_shape is not None]
    theirs = [layer.call for layer in ours]

    def dropped(layer: keras.Layer) -> Callable[..., Any]:
        def call(tensor: Any, training: bool = False) -> Any:
            if not training:
                return tensor
            sides = zip(layer.noise_shape, tensor.shape, strict=True)
            kept = tensor.new_ones([whole if side is None else side for side, whole in sides])
            return tensor * torch.nn.functional.dropout(kept, layer.rate)

        return call

    for layer in ours:
        layer.call = dropped(layer)
    try:
        yield
    finally:
        for layer, call in zip(ours, theirs, strict=True):
            layer.call = call
