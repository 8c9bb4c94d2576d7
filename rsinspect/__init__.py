"""rsinspect: choose, understand, draw, measure and use ResNet-RS networks.

The Keras models load on first use, so that importing the package stays light:

    >>> import rsinspect
    >>> model = rsinspect.ResNetRS50(weights=None)  # doctest: +SKIP

Everything else is pure Python: ``rsinspect.spec``, ``rsinspect.graph``, ``rsinspect.resnet_rs``,
``rsinspect.cost``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rsinspect.keras_model.applications import ResNetRS as ResNetRS
    from rsinspect.keras_model.applications import ResNetRS50 as ResNetRS50
    from rsinspect.keras_model.applications import ResNetRS101 as ResNetRS101
    from rsinspect.keras_model.applications import ResNetRS152 as ResNetRS152
    from rsinspect.keras_model.applications import ResNetRS200 as ResNetRS200
    from rsinspect.keras_model.applications import ResNetRS270 as ResNetRS270
    from rsinspect.keras_model.applications import ResNetRS350 as ResNetRS350
    from rsinspect.keras_model.applications import ResNetRS420 as ResNetRS420
    from rsinspect.keras_model.applications import decode_predictions as decode_predictions
    from rsinspect.keras_model.applications import preprocess_input as preprocess_input

_APPLICATIONS = (
    "ResNetRS",
    "ResNetRS50",
    "ResNetRS101",
    "ResNetRS152",
    "ResNetRS200",
    "ResNetRS270",
    "ResNetRS350",
    "ResNetRS420",
    "decode_predictions",
    "preprocess_input",
)


def __getattr__(name: str) -> Any:
    if name in _APPLICATIONS:
        from rsinspect.keras_model import applications

        return getattr(applications, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_APPLICATIONS]
