"""What people can choose of a measurement, by name; light, because help texts list it."""

from typing import Literal

Backend = Literal["tensorflow", "jax", "torch"]
BACKENDS: tuple[Backend, ...] = ("tensorflow", "jax", "torch")
Mode = Literal["forward", "train"]
MODES: tuple[Mode, ...] = ("forward", "train")
Precision = Literal["float32", "tf32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16", "float16")
COMPILERS: dict[str, str] = {"tensorflow": "XLA", "jax": "XLA", "torch": "torch.compile"}
"""What ``jit`` stands for on each backend."""
WeightsOf = Literal["fresh", "file", "model"]
"""Whose weights a network is measured with."""
MemoryFormat = Literal["contiguous", "channels_last"]
MEMORY_FORMATS: tuple[MemoryFormat, ...] = ("contiguous", "channels_last")
"""How PyTorch keeps a map in memory, whatever the order of its axes."""
