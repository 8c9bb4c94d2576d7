"""MODEL text that is Python which makes a model: ``train.py:make_model``, ``package.mod:make``.

Such text is carried out: in a process of its own (``keras_process``), and said so.
"""

import re
from pathlib import Path
from typing import NamedTuple

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_FILE = re.compile(rf"(?P<place>.+\.py):(?P<name>{_NAME})", re.IGNORECASE | re.DOTALL)
_MOST_CODE_BYTES = 2**20
_MODULE = re.compile(rf"(?P<place>{_NAME}):(?P<name>{_NAME})")


class Code(NamedTuple):
    """Python that makes a model.

    Attributes:
        place: A file, ``train.py``, or a module, ``package.module``.
        name: Of what is there: a function without arguments that gives a model, or a model.
        is_file: Whether the place is a file.
    """

    place: str
    name: str
    is_file: bool

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"


def code_in(text: str) -> Code | None:
    """Read MODEL text that names Python code; None for other text.

    A module at the top of its package has to be there: else a mistyped dialect were one.

    >>> code_in("train.py:make_model"), code_in("C:\\\\nets\\\\train.py:Nets.small")
    (Code(place='train.py', name='make_model', is_file=True), Code(place='C:\\\\nets\\\\train.py', name='Nets.small', is_file=True))
    >>> code_in("nets.small:make"), code_in("101:article")
    (Code(place='nets.small', name='make', is_file=False), None)
    """  # noqa: E501  # one example, one line
    if match := _FILE.fullmatch(text.strip()):
        return Code(match["place"], match["name"], is_file=True)
    match = _MODULE.fullmatch(text.strip())
    if match is None or not ("." in match["place"] or _is_module(match["place"])):
        return None
    return Code(match["place"], match["name"], is_file=False)


def code_file(text: str) -> str | None:
    """Return the file of MODEL text that names code in one; None for other text."""
    match = _FILE.fullmatch(text.strip())
    return None if match is None else match["place"]


def functions_in(path: Path) -> tuple[str, ...]:
    """List the functions of a file that can be called without arguments; nothing is run.

    Those whose name begins with an underscore are its own; a file that is no Python has none.
    """
    import ast  # only at a press of Tab, or on the way to an error

    from rsinspect.base.sources import content_of

    try:
        body = ast.parse(content_of(path, _MOST_CODE_BYTES)).body
    except (RecursionError, SyntaxError, ValueError, MemoryError):
        return ()
    return tuple(
        each.name
        for each in body
        if isinstance(each, ast.FunctionDef)
        and not each.name.startswith("_")
        and len(each.args.posonlyargs) + len(each.args.args) == len(each.args.defaults)
        and None not in each.args.kw_defaults
    )


def _is_module(name: str) -> bool:
    """Tell whether there is a module of that name, here or installed, without importing it."""
    from importlib.util import find_spec  # only where no network has that name

    try:
        if Path(f"{name}.py").is_file() or Path(name).is_dir():
            return True
        return find_spec(name) is not None
    except (ImportError, ValueError, OSError):  # or no name that a system takes
        return False
