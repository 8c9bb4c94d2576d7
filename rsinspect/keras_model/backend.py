"""The door to Keras: imported once, and its absence put into our words.

The backend is Keras's own choice (``KERAS_BACKEND``, else ``~/.keras/keras.json``); nothing here
depends on which one it is.
"""

from __future__ import annotations

from typing import Any

from rsinspect.base.errors import BackendUnavailable, ModelBuildError

try:
    import keras
except ImportError as exc:
    raise BackendUnavailable(
        f"Keras cannot be imported: {exc}",
        "install the framework, or choose another with KERAS_BACKEND=tensorflow, jax or torch",
    ) from exc
except (ValueError, RuntimeError) as exc:  # Keras's answers to a backend it does not know
    raise BackendUnavailable(
        f"Keras cannot use its backend: {exc}", "set KERAS_BACKEND to tensorflow, jax or torch"
    ) from exc

__all__ = ["keras", "require_model"]

if int(keras.__version__.split(".")[0]) < 3:
    raise BackendUnavailable(
        f"Keras {keras.__version__} is installed; Keras 3 is needed", "pip install 'keras>=3.5'"
    )


def require_model(model: Any) -> None:
    """Refuse what is no model of Keras 3.

    Raises:
        ModelBuildError: If it is none.
    """
    if not isinstance(model, keras.Model):
        kind = type(model)
        is_other_keras = any(base.__name__ == "Model" for base in kind.__mro__)
        raise ModelBuildError(
            f"a {f'{kind.__module__}.{kind.__qualname__}'.removeprefix('builtins.')} is no model "
            "of Keras 3",
            "save it and load it with Keras 3's keras.saving.load_model"
            if is_other_keras
            else "it takes a live keras.Model, such as rsinspect.ResNetRS50() makes",
        )
