"""The door to Keras: imported once, and its absence put into our words.

The backend is Keras's own choice (``KERAS_BACKEND``, else ``~/.keras/keras.json``); nothing here
depends on which one it is.
"""

from __future__ import annotations

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

__all__ = ["keras", "require_channels_last"]

if int(keras.__version__.split(".")[0]) < 3:
    raise BackendUnavailable(
        f"Keras {keras.__version__} is installed; Keras 3 is needed", "pip install 'keras>=3.5'"
    )


def require_channels_last() -> None:
    """Refuse Keras's global ``channels_first``: images here are (height, width, channels).

    Raises:
        ModelBuildError: If it is set.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ModelBuildError(
            "Keras is set to channels_first; the models are built for channels_last only",
            'call keras.config.set_image_data_format("channels_last")',
        )
