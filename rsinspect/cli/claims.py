"""Which files a call reads and writes: none is written that it reads, and none twice.

The options and arguments that name files have one of these functions as their callback, so that
what cannot be is refused before anything is worked out.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import typer

from rsinspect.base.embedded import page_named
from rsinspect.base.errors import StoreUnusable
from rsinspect.base.files import check_apart, check_writable
from rsinspect.base.formats import STDOUT

_CLAIMS = "rsinspect.claims"


class _Claims(NamedTuple):
    """Files by the option or argument that names them."""

    read: dict[str, Path]
    written: dict[str, Path]


def writes(context: typer.Context, parameter: typer.CallbackParam, path: Path | None) -> Any:
    """Refuse a file that cannot be written, or that the call has another use for.

    Raises:
        OutputNotWritable: With the reason.
    """
    if path is not None and path != STDOUT and not context.resilient_parsing:
        check_writable(path)
        claims = _claims(context)
        claims.written[_called(parameter)] = path
        check_apart(claims.written, claims.read)
    return path


def writes_each(context: typer.Context, parameter: typer.CallbackParam, paths: Any) -> Any:
    """Note files that the call writes, or folders: who writes them refuses what cannot be.

    Raises:
        OutputNotWritable: If the call has another use for one.
    """
    if paths and not context.resilient_parsing:
        claims = _claims(context)
        for number, path in enumerate(paths):
            claims.written[f"{_called(parameter)} {path}" + " again" * (number > 0)] = path
            check_apart(claims.written, claims.read)
    return paths


def reads(context: typer.Context, parameter: typer.CallbackParam, path: Path | None) -> Any:
    """Note a file that the call reads.

    Raises:
        OutputNotWritable: If it would be written over.
    """
    if path is not None and not context.resilient_parsing:
        claims = _claims(context)
        called, page = _called(parameter), page_named(str(path))
        file = path if page is None else page.path
        claims.read[f"{called} {file}" if called in claims.read else called] = file
        check_apart(claims.written, claims.read)
    return path


def reads_model(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Note each MODEL that is a file, as ``reads`` does.

    Raises:
        OutputNotWritable: If it would be written over.
    """
    from rsinspect.networks.named import file_of

    for text in value if isinstance(value, list | tuple) else (value,):
        if text is not None and (path := file_of(text)) is not None:
            reads(context, parameter, path)
    return value


def reads_runs(context: typer.Context, parameter: typer.CallbackParam, names: Any) -> Any:
    """Note each of several runs that is a file, as ``reads`` does.

    Raises:
        OutputNotWritable: If it would be written over.
    """
    for name in names or ():
        if name.lower().endswith(".json") or page_named(name) is not None:
            reads(context, parameter, Path(name))
    return names


def reads_store(context: typer.Context, _: typer.CallbackParam, path: Path | None) -> Any:
    """Note the file of the store of runs, whoever named it.

    Raises:
        OutputNotWritable: If it would be written over.
    """
    if not context.resilient_parsing:
        from rsinspect.runs.place import database_path

        claims = _claims(context)
        with suppress(StoreUnusable):  # whoever needs it will say so
            claims.read["the store of runs"] = database_path(path)
            check_apart(claims.written, claims.read)
    return path


def _claims(context: typer.Context) -> _Claims:
    claims: _Claims = context.meta.setdefault(_CLAIMS, _Claims({}, {}))
    return claims


def _called(parameter: typer.CallbackParam) -> str:
    """Name an option by its long name, an argument as the help does."""
    long = [name for name in parameter.opts if name.startswith("--")]
    return long[0] if long else (parameter.human_readable_name).upper()
