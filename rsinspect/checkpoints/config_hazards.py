"""What in a configuration would happen to somebody who loads it: told, and not tried.

Keras makes whatever object a configuration names. What it should not make it has learnt one
vulnerability at a time; a reader that makes nothing has none of them, and can say what it saw.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rsinspect.base.text import showable
from rsinspect.checkpoints.hazards import Hazard

_LONGEST_NAME = 60

_CARRIERS = {
    "Lambda": ("lambda", "code, which was not read"),
    "__lambda__": ("function-as-code", "a function as code, which was not read"),
    "TorchModuleWrapper": ("torch-module", "a pickled PyTorch module, which was not read"),
    "TFSMLayer": ("saved-model-layer", "a SavedModel in another place, which was not read"),
}
"""Classes whose instances bring code along: the kind of hazard, and what they hold."""

_SWITCHES = ("enable_unsafe_deserialization", "disable_safe_mode")
_WITH_VOCABULARY = ("StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization")

_ORDINARY = re.compile(
    r"(tf_)?keras(\.src|\.api|\.engine)?(\.(?P<room>\w+)(\.\w+)*)?|keras_(hub|cv|nlp|rs)(\.\w+)*"
)
_ROOMS = (
    None, "layers", "models", "ops", "initializers", "regularizers", "constraints", "activations",
    "optimizers", "losses", "metrics", "dtype_policies", "quantizers", "random", "applications",
    "engine", "backend", "mixed_precision",
)  # fmt: skip
"""Parts of Keras that a model consists of."""

_OF_FUNCTIONS = (
    "ops", "initializers", "regularizers", "constraints", "activations", "losses", "metrics",
    "random", "backend",
)  # fmt: skip
"""Those of them whose functions a model consists of; other functions make, load or fetch things."""

_MAKERS = ("deserialize", "get")  # each of those rooms has these, which make any object
_OF_PYTHON = ("function", "slice", "ellipsis", "dict", "set", "tuple", "list", "range", "NoneType")
_LIBRARIES = frozenset(
    (*sys.stdlib_module_names, "", "__builtin__", "numpy", "scipy", "tensorflow", "torch", "jax",
     "joblib", "pandas", "cloudpickle", "dill", "pip", "setuptools", "keras", "tf_keras",
     "IPython", "fsspec", "requests", "sklearn", "sympy", "matplotlib", "absl", "h5py", "yaml")
)  # fmt: skip
"""Packages that most machines have, and nobody's own layers are in."""


def hazards_of(config: Any, content: bytes) -> tuple[Hazard, ...]:
    """Find what loading a configuration would do beside making a network.

    Args:
        config: Of the model, or of its training.
        content: Its text, which is searched before every value of it is looked at.
    """
    if _harmless(content):
        return ()
    found: dict[Hazard, None] = {}
    for value, layer in _objects(config):
        for hazard in _hazards(value, layer):
            found[hazard] = None
    lambdas = {hazard.where for hazard in found if hazard.kind == "lambda"}
    return tuple(  # the code of a Lambda is an object of its own
        each for each in found if each.kind != "function-as-code" or each.where not in lambdas
    )


def _hazards(value: Mapping[str, Any], layer: str) -> Iterator[Hazard]:
    """Find what an object of a configuration would do."""
    class_name, module, inner = (value.get(key) for key in ("class_name", "module", "config"))
    settings = inner if isinstance(inner, dict) else {}
    if isinstance(class_name, str) and class_name in _CARRIERS:
        kind, what = _CARRIERS[class_name]
        if class_name == "Lambda" and _is_by_name(settings):
            kind, what = "function-by-name", "a function that is not in the file"
        yield Hazard(kind, layer, what)
    called = inner if class_name == "function" and isinstance(inner, str) else class_name
    if called in _SWITCHES:
        yield Hazard("safe-mode-switch", layer, f"a call of {called}")
    elif isinstance(module, str) and class_name and not _is_ordinary(module, class_name, called):
        yield _foreign(module, called, _is_class(class_name), layer)
    if class_name in _WITH_VOCABULARY and isinstance(settings.get("vocabulary"), str):
        path = _short(settings["vocabulary"])
        yield Hazard("vocabulary-path", layer, f"a vocabulary in another file, {path}")
    for name in {str(value.get("name", "")), str(settings.get("name", ""))}:
        if _is_path(name):
            yield Hazard("name-is-a-path", _short(name), "a name that leads out of the archive")


def _is_by_name(settings: Mapping[str, Any]) -> bool:
    """Tell whether a Lambda names its function, in place of bringing it along."""
    function = settings.get("function")
    if isinstance(function, str):
        return settings.get("function_type") == "function"
    return isinstance(function, dict) and function.get("class_name") == "function"


def _foreign(module: str, called: object, is_class: bool, layer: str) -> Hazard:
    """Say what it is to name something that no model consists of.

    A class of a package that nobody knows is most often a layer of somebody's own.
    """
    name = f"{_short(module)}.{_short(called)}"
    if _ORDINARY.fullmatch(module):
        return Hazard("keras-call", layer, f"{name}, which no model consists of")
    what = f"{name}, which is neither in the file nor Keras's"
    own = is_class and module.partition(".")[0] not in _LIBRARIES
    return Hazard("own-import" if own else "foreign-import", layer, what)


def _is_class(class_name: object) -> bool:
    """Tell whether a name is written as classes are, and does not say that it is a function."""
    return isinstance(class_name, str) and class_name[:1].isupper()


def _is_path(name: str) -> bool:
    """Tell whether a name would leave the folder that it is a place in."""
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or (len(parts) > 1 and (not parts[0] or parts[0].endswith(":")))


def _harmless(content: bytes) -> bool:
    """Tell quickly that a text names nothing but parts of Keras; in doubt it does not say so."""
    if b"\\" in content:
        return False  # an escape may hide a name
    suspicious = (*_CARRIERS, *_SWITCHES, *_WITH_VOCABULARY, "function")
    if any(f'"{name}"'.encode() in content for name in suspicious):
        return False
    if b".." in content or b'"/' in content or b":/" in content:
        return False
    modules = set(re.findall(rb'"module"\s*:\s*"([^"]*)"', content))
    return all(
        module != b"builtins" and _is_ordinary(module.decode(errors="replace"), None, None)
        for module in modules
    )


def _objects(config: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
    """List every object that names a class or a module, each with the layer that it is part of."""
    ahead: list[tuple[Any, str]] = [(config, "")]
    while ahead:
        value, layer = ahead.pop()
        if isinstance(value, dict):
            if "class_name" in value or "module" in value:
                inner = value.get("config")
                name = value.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
                layer = _short(name) if isinstance(name, str) else layer
                yield value, layer
            ahead.extend((part, layer) for part in reversed(value.values()))
        elif isinstance(value, list):
            ahead.extend((part, layer) for part in reversed(value))


def _is_ordinary(module: str, class_name: object, called: object) -> bool:
    """Tell whether what is named is a part of Keras that models consist of."""
    if module == "builtins":
        return class_name in _OF_PYTHON
    match = _ORDINARY.fullmatch(module)
    if match is None or match["room"] not in _ROOMS:
        return False
    if class_name != "function" or match["room"] is None or called == "preprocess_input":
        return True
    return match["room"] in _OF_FUNCTIONS and called not in _MAKERS


def _short(value: object) -> str:
    return showable(str(value), _LONGEST_NAME)
