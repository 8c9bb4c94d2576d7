"""Settings of a Keras layer, each read as what it has to be for an op to hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from rsinspect.base.quantities import LARGEST
from rsinspect.base.text import showable
from rsinspect.layers import ops
from rsinspect.layers.ops import Borders, Padding, Sides, TensorShape
from rsinspect.networks.spec import CUSTOM_ACTIVATION

LARGEST_SIDE = 2**24
"""Of a tensor or a window, as in ``base.quantities.Side``."""

MOST_AXES = 8
"""Of a tensor, the batch left out."""

_NUMBERS = (
    "filters", "units", "kernel_size", "strides", "pool_size", "dilation_rate", "groups",
    "depth_multiplier", "input_dim", "output_dim",
)  # fmt: skip
"""Settings that are a number, or one per axis, in every layer of Keras's that has them."""

_ADAPTED = ("lora_rank", "quantization_config", "quantization_mode")

_PLAIN_ACTIVATIONS = {"ReLU": "relu", "Softmax": "softmax", "ELU": "elu"}


class Unfit(Exception):
    """A setting for which no op has a place; the layer is then opaque."""


def is_side(value: object) -> bool:
    """Tell whether a value is a side of a tensor."""
    return type(value) is int and 1 <= value <= LARGEST_SIDE


class Settings:
    """The settings of a layer, or those of a function of ``keras.ops``.

    Every method raises ``Unfit`` where the setting is not what it reads it as.

    Args:
        config: What the configuration says.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def get(self, key: str, default: Any = None) -> Any:
        """Return a setting as it is written."""
        return self._config.get(key, default)

    def has(self, key: str) -> bool:
        """Tell whether a setting is written and is neither null nor false."""
        return self._config.get(key) not in (None, False)

    def refuse(self, *keys: str) -> None:
        """Refuse settings that no op has."""
        for key in keys:
            if self.has(key):
                raise Unfit(key)

    def refuse_adapted(self) -> None:
        """Refuse weights that are quantised or have an adapter of low rank."""
        self.refuse(*_ADAPTED)
        policy = self._config.get("dtype")
        inner = policy.get("config") if isinstance(policy, dict) else None
        if (isinstance(inner, dict) and "mode" in inner) or "_from_" in str(policy):
            raise Unfit("dtype")

    def plain(self) -> Settings:
        """Return the settings of the layer before its weights were quantised or adapted."""
        left_out = (*_ADAPTED, "dtype")
        return Settings({key: self._config[key] for key in self._config if key not in left_out})

    def count(self, key: str, default: int | None = None) -> int:
        """Read a number of filters, units or channels."""
        value = self._config.get(key, default)
        if not is_side(value):
            raise Unfit(key)
        return cast("int", value)

    def flag(self, key: str, default: bool = True) -> bool:
        """Read a switch."""
        value = self._config.get(key, default)
        if not isinstance(value, bool):
            raise Unfit(key)
        return value

    def number(self, key: str, default: float | None = None, high: float = LARGEST) -> float:
        """Read a finite number, for instance a rate; not below zero where ``high`` is given."""
        value = self._config.get(key, default)
        if not is_number(value) or value > high or (high < LARGEST and value < 0):
            raise Unfit(key)
        return float(value)  # what a file of ours says of it is one number, written one way

    def numbers(self, key: str, channels: int, default: float | None = None) -> Any:
        """Read one number, or one per channel, however they are nested."""
        value = self._config.get(key, default)
        if is_number(value):
            return float(value)
        flat = _flat(value)
        if len(flat) not in (1, channels) or not all(map(is_number, flat)):
            raise Unfit(key)
        numbers = tuple(map(float, flat))
        return numbers if len(numbers) > 1 else numbers[0]

    def sides(self, key: str, default: int | None = None) -> Sides:
        """Read a height and width: one number, or two."""
        value = self._config.get(key, default)
        if is_side(value):
            return cast("int", value)
        if isinstance(value, list | tuple) and len(value) == 1:
            value = [value[0], value[0]]
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(is_side, value)):
            raise Unfit(key)
        return ops.sides(*value)

    def borders(self, key: str) -> Borders:
        """Read rows and columns around a map: one number, two, or two pairs."""
        value = self._config.get(key)
        pairs = [value, value] if type(value) is int else value
        if not isinstance(pairs, list | tuple) or len(pairs) != 2:
            raise Unfit(key)
        rows, columns = ((each, each) if type(each) is int else each for each in pairs)
        for pair in (rows, columns):
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise Unfit(key)
            if not all(type(each) is int and 0 <= each <= LARGEST_SIDE for each in pair):
                raise Unfit(key)
        return ops.borders((rows[0], rows[1]), (columns[0], columns[1]))

    def padding(self, default: str = "valid") -> Padding:
        """Read how a window meets the border."""
        value = str(self._config.get("padding", default)).lower()
        if value not in ("same", "valid"):
            raise Unfit("padding")
        return cast("Padding", value)

    def last_axis(self, shape: TensorShape, key: str = "axis", default: int = -1) -> None:
        """Refuse an axis that is not the last one."""
        value = self._config.get(key, default)
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        if value not in (-1, len(shape)):
            raise Unfit(key)

    def activation(self, key: str = "activation") -> str | None:
        """Read the name of a nonlinearity; None for none."""
        value = self._config.get(key)
        if value is None or value == "linear":
            return None
        if isinstance(value, str) and value:
            return showable(value, 100)
        if not isinstance(value, dict):
            raise Unfit(key)
        inner, name = value.get("config"), str(value.get("class_name") or "function")
        if isinstance(inner, str):
            return showable(f"{CUSTOM_ACTIVATION}{inner}", 100)
        if isinstance(inner, dict):
            return self._layer_as_activation(name, Settings(inner), key)
        return showable(f"{CUSTOM_ACTIVATION}{name}", 100)

    def _layer_as_activation(self, name: str, settings: Settings, key: str) -> str:
        """Name a layer that stands in the place of a nonlinearity."""
        if name == "Activation":
            return settings.activation() or "linear"
        if name == "PReLU":
            raise Unfit(key)  # it has weights
        limit = settings.get("max_value")
        plain = (
            limit in (None, 6)
            and not settings.get("negative_slope")
            and not settings.get("threshold")
            and settings.get("alpha", 1) == 1
            and settings.get("axis", -1) == -1
        )
        if plain and name in _PLAIN_ACTIVATIONS:
            return "relu6" if name == "ReLU" and limit else _PLAIN_ACTIVATIONS[name]
        return showable(f"{CUSTOM_ACTIVATION}{name}", 100)


def nonsense_in(config: Mapping[str, Any]) -> str | None:
    """Name a setting that shapes depend on and that is no number, if there is one.

    >>> nonsense_in({"filters": -5, "kernel_size": [3, 3]})
    'filters is -5, and has to be a whole number of 1 to 16777216'
    """
    import reprlib  # only on the way to an error

    for key in _NUMBERS:
        value = config.get(key)
        many = isinstance(value, list | tuple)
        if value is not None and not is_side(value) and not (many and all(map(is_side, value))):
            brief = showable(reprlib.repr(value), 40)
            return f"{key} is {brief}, and has to be a whole number of 1 to {LARGEST_SIDE}"
    return None


_LOWER = {
    "mixed_float16": "float16", "float16": "float16",
    "mixed_bfloat16": "bfloat16", "bfloat16": "bfloat16",
}  # fmt: skip
"""Names of Keras's dtype policies, and what they compute in where that is not float32."""


def lower_precision(config: object) -> str | None:
    """Find what the layers of a model compute in where a policy says so; None for float32.

    >>> layer = {"class_name": "Dense", "config": {"units": 2, "dtype": "mixed_bfloat16"}}
    >>> lower_precision({"layers": [layer]})
    'bfloat16'
    """
    left = [config]
    while left:
        value = left.pop()
        if isinstance(value, list | tuple):
            left += value
        elif isinstance(value, dict) and value.get("class_name") != "InputLayer":
            policy = value.get("dtype")
            inner = policy.get("config") if isinstance(policy, dict) else None
            name = inner.get("name") if isinstance(inner, dict) else policy
            if isinstance(name, str) and name in _LOWER:
                return _LOWER[name]
            left += value.values()
    return None


def is_number(value: object) -> bool:
    """Tell whether a value is a number that can be computed with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _flat(value: Any) -> list[Any]:
    """List the numbers in lists of one element each around a list of numbers."""
    while True:
        if isinstance(value, dict):  # an array, as Keras 2 writes it
            value = value.get("value") or value.get("config")
        elif isinstance(value, list | tuple) and len(value) == 1 and not is_number(value[0]):
            value = value[0]
        else:
            return list(value) if isinstance(value, list | tuple) else [value]
