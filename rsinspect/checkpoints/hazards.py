"""What would happen to somebody who loads a file: told, and not tried.

Keras makes whatever object a configuration names. What it should not make it has learnt one
vulnerability at a time; a reader that makes nothing has none of them, and can say what it saw.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words

_LONGEST_NAME = 60

_CODE = {
    "Lambda": "code, which was not read; loading the file can run it (CVE-2024-3660, "
    "CVE-2025-9905, CVE-2026-12481)",
    "__lambda__": "a function as code, which was not read; loading the file can run it "
    "(CVE-2024-3660)",
    "TorchModuleWrapper": "a pickled PyTorch module, which was not read; loading the file can run "
    "anything (CVE-2025-49655, CVE-2026-12484)",
    "TFSMLayer": "a SavedModel in another place, which was not read; loading the file runs that "
    "too (CVE-2026-1462)",
}
"""Classes whose instances bring code along, and what they hold."""

_SWITCHES = ("enable_unsafe_deserialization", "disable_safe_mode")

_ORDINARY = re.compile(
    r"(tf_)?keras(\.src|\.api|\.engine)?(\.(?P<room>\w+)(\.\w+)*)?|keras_(hub|cv|nlp|rs)(\.\w+)*"
)
_ROOMS = (
    None, "layers", "models", "ops", "initializers", "regularizers", "constraints", "activations",
    "optimizers", "losses", "metrics", "dtype_policies", "quantizers", "random", "applications",
    "engine", "backend", "mixed_precision",
)  # fmt: skip
"""Parts of Keras that a model consists of."""

_OF_PYTHON = ("function", "slice", "ellipsis", "dict", "set", "tuple", "list", "range", "NoneType")


def hazards_of(config: Mapping[str, Any], content: bytes) -> tuple[str, ...]:
    """Say what loading a file would do beside making a network, a sentence each.

    Args:
        config: Of the model.
        content: Its text, which is searched before every value of it is looked at.
    """
    if _harmless(content):
        return ()
    carriers: dict[str, dict[str, None]] = {}
    imports: dict[str, None] = {}
    calls: dict[str, None] = {}
    switches = False
    for value, layer in _objects(config):
        class_name, module, inner = (value.get(k) for k in ("class_name", "module", "config"))
        if isinstance(class_name, str) and class_name in _CODE:
            carriers.setdefault(class_name, {})[layer or class_name] = None
        called = inner if isinstance(inner, str) else class_name
        switches = switches or called in _SWITCHES
        if isinstance(module, str) and not _is_ordinary(module, class_name):
            foreign = not _ORDINARY.fullmatch(module)
            (imports if foreign else calls)[f"{_short(module)}.{_short(called)}"] = None
    for name in carriers.get("Lambda", ()):  # its code is an object of its own
        carriers.get("__lambda__", {}).pop(name, None)
    said = [
        f"{names_in_words(list(names))}: {_CODE[kind]}."
        for kind, names in carriers.items()
        if names
    ]
    if switches:
        said.append("Loading the file switches Keras's safe mode off (CVE-2025-9906).")
    if imports:
        said.append(
            "Loading the file imports code that is neither in it nor Keras's: "
            f"{names_in_words(list(imports))} (CVE-2025-1550)."
        )
    if calls:
        said.append(
            "Loading the file calls what no model consists of: "
            f"{names_in_words(list(calls))} (CVE-2025-8747)."
        )
    return tuple(said)


def _harmless(content: bytes) -> bool:
    """Tell quickly that a text names nothing but parts of Keras; in doubt it does not say so."""
    if b"\\" in content:
        return False  # an escape may hide a name
    if any(f'"{name}"'.encode() in content for name in (*_CODE, *_SWITCHES)):
        return False
    modules = set(re.findall(rb'"module"\s*:\s*"([^"]*)"', content))
    return all(
        module != b"builtins" and _is_ordinary(module.decode(errors="replace"), None)
        for module in modules
    )


def _objects(config: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
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


def _is_ordinary(module: str, class_name: object) -> bool:
    """Tell whether a module is a part of Keras that models consist of."""
    if module == "builtins":
        return class_name in _OF_PYTHON
    match = _ORDINARY.fullmatch(module)
    return match is not None and match["room"] in _ROOMS


def _short(value: object) -> str:
    return showable(str(value), _LONGEST_NAME)
