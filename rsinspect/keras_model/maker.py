"""The process that makes Keras models and says what they are: one request, a reply for each model.

A process of its own, because importing a framework takes seconds, and because the code of a model
may do anything.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rsinspect.base.errors import RsInspectError
from rsinspect.base.requests import Reply
from rsinspect.keras_model.requests import requested
from rsinspect.networks.keras_live import Configuration, configuration_of, is_keras_model

FRAMEWORKS = ("keras", "tensorflow", "jax", "jaxlib", "torch")
_OURS = (__file__, importlib.__file__, "<frozen importlib._bootstrap>",
         "<frozen importlib._bootstrap_external>")  # fmt: skip
_OF_WEIGHTS = ("_initializer", "_regularizer", "_constraint", "build_config")


def main() -> None:
    """Answer the request on standard input."""
    request, reply = requested()
    if "applications" in request:
        _make_applications(request["applications"], reply)
    else:
        reply(_made_by(request))
    os._exit(0)  # whatever threads a model's code has started


def _make_applications(asked: list[Any], reply: Callable[[Reply], None]) -> None:
    """Make networks of ``keras.applications``, of no number.

    In a stateless scope Keras leaves the numbers of weights for later, and later never comes: a
    network takes a fifth of the time, and no memory.
    """
    try:
        from rsinspect.keras_model.backend import keras
    except RsInspectError as exc:
        reply(_problem(exc.message, hint=exc.hint, missing=True))
        return
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    for name, keywords in asked:
        reply(_application(keras, name, keywords))


def _application(keras: Any, name: str, keywords: Any) -> Reply:
    """Make one of them."""
    keras.backend.clear_session(free_memory=False)  # layers are numbered from the start
    keras.StatelessScope().__enter__()
    function = getattr(keras.applications, name, None)
    if function is None:
        return _problem(f"Keras {keras.__version__} has no {name}")
    try:
        model = function(**keywords)
    except Exception as exc:  # whatever Keras has against it
        return _problem(_first_line(exc))
    return Configuration(_plain(model.to_json()), {}).to_json()


def _plain(config: str) -> Any:
    """Leave out of a configuration what says how weights begin and are held, half of its bytes."""

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in pairs if not key.endswith(_OF_WEIGHTS)}

    return json.loads(config, object_pairs_hook=kept)


def _made_by(request: Mapping[str, Any]) -> Reply:
    """Run Python code that makes a model."""
    place, name = request["place"], request["name"]
    try:
        module = _file(Path(place)) if request["is_file"] else _module(place)
        value: Any = module
        for part in name.split("."):
            if not hasattr(value, part):
                return _problem(
                    f"there is no {part} in {place if value is module else name}",
                    hint=_near(part, value),
                )
            value = getattr(value, part)
        if not is_keras_model(value) or isinstance(value, type):
            if not callable(value):
                return _problem(f"{name} is {_a(value)}, no keras.Model and nothing to call")
            value = value()
        if not is_keras_model(value):
            return _problem(f"{name}() gives {_a(value)}, no keras.Model")
        if request.get("save"):
            value.save(request["save"])
        return configuration_of(value).to_json()
    except RsInspectError as exc:
        return _problem(exc.message, hint=exc.hint)
    except SystemExit as exc:
        return _problem(f"the code ended itself with {exc.code!r}")
    except BaseException as exc:  # the last door of this process: any failure is an answer
        missing = isinstance(exc, ModuleNotFoundError) and exc.name in FRAMEWORKS
        return _problem(_first_line(exc), lines=_tail(exc), missing=missing)


def _file(path: Path) -> Any:
    """Import a file as ``python file`` would find what it imports, but not as the main program."""
    path = path.expanduser().resolve()
    if not path.is_file():
        raise RsInspectError("there is no such file")
    root = path.parent
    package: list[str] = []
    while (root / "__init__.py").is_file():
        package.insert(0, root.name)
        root = root.parent
    sys.path[:0] = dict.fromkeys((str(path.parent), str(root), os.getcwd()))  # noqa: PTH109
    sys.argv = [str(path)]
    if package:
        importlib.import_module(".".join(package))
    called = ".".join((*package, path.stem))
    spec = importlib.util.spec_from_file_location(called, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[called] = module
    spec.loader.exec_module(module)
    return module


def _module(name: str) -> Any:
    """Import a module, also from the working directory."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    sys.argv = [name]
    return importlib.import_module(name)


def _problem(
    problem: str, *, hint: str | None = None, lines: tuple[str, ...] = (), missing: bool = False
) -> Reply:
    return {"problem": problem, "hint": hint, "lines": lines, "missing": missing}


def _first_line(exc: BaseException) -> str:
    """Say in one line what an exception is."""
    said = " ".join(str(exc).split())
    return f"{type(exc).__name__}: {said}" if said else type(exc).__name__


def _tail(exc: BaseException) -> tuple[str, ...]:
    """List the lines of the traceback that are the user's: from the first frame of his on."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in _OURS:
        trace = trace.tb_next
    parts = traceback.format_tb(trace)
    if isinstance(exc, SyntaxError):
        parts += traceback.format_exception_only(exc)[:-1]
    return tuple(line for part in parts for line in part.splitlines())


def _a(value: object) -> str:
    """Name the kind of a value."""
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[:1] in 'AEIOUaeiou' else 'a'} {kind}"


def _near(name: str, value: object) -> str | None:
    """Hint at the name that was meant."""
    from rsinspect.base.words import nearest

    close = nearest(name, (each for each in dir(value) if not each.startswith("_")))
    return None if close is None else f"did you mean {close}?"


if __name__ == "__main__":
    main()
