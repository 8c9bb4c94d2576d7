"""The published weight files as answers: which there are, where they lie, what was fetched."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rsinspect import paper
from rsinspect.answers.table import Answer, Column, Table
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes
from rsinspect.base.words import Option, advice, plural
from rsinspect.weights.published import (
    PublishedFile,
    cache_folder,
    md5_of,
    places,
    published_files,
)

if TYPE_CHECKING:
    from rsinspect.weights.fetch import Watch

LIST_SCHEMA = "rsinspect.weights_list/1"
"""Version of the JSON document of the list. 1: first."""

FETCH_SCHEMA = "rsinspect.weights_fetch/1"
"""Version of the JSON document of what was fetched. 1: first."""

State = Literal["absent", "incomplete", "present", "verified", "other"]

_SAID: dict[State, str | None] = {
    "absent": None,
    "incomplete": "incomplete",
    "present": "yes",
    "verified": "verified",
    "other": "another file",
}


class Here(NamedTuple):
    """What of a published file is on this machine.

    Attributes:
        state: ``present`` where it is as long as it must be at least; ``verified`` or ``other``
            where its md5 was compared too.
        path: Where it lies; None where it does not.
        file_bytes: Its size, likewise.
    """

    state: State
    path: Path | None = None
    file_bytes: int | None = None


def here(file: PublishedFile, *, verify: bool = False) -> Here:
    """Find a published file on this machine.

    Args:
        file: Which.
        verify: Whether to read it and compare its md5.
    """
    found = Here("absent")
    for place in places(file.name):
        try:
            size = place.stat().st_size if place.is_file() else None
        except OSError:
            continue
        if size is None:
            continue
        if size < file.weights_bytes:
            state: State = "incomplete"
        elif not verify:
            return Here("present", place, size)
        elif md5_of(place) == file.md5:
            return Here("verified", place, size)
        else:
            state = "other"
        if found.state == "absent":
            found = Here(state, place, size)
    return found


def list_answer(*, verify: bool = False) -> Answer:
    """List the published files: how accurate, how large, where.

    Args:
        verify: Whether to compare the md5 of each that is here.
    """
    files = published_files()
    found = {file.name: here(file, verify=verify) for file in files}
    accuracy = {(row.depth, row.resolution): row.checkpoint_top1 for row in paper.table7()}
    base_url = paper.published_weights().base_url
    rows = [
        {
            "model": f"{file.depth}@{file.resolution}",
            "top": "yes" if file.include_top else "no",
            "params": file.params,
            "weights_bytes": file.weights_bytes,
            "top1": accuracy[file.depth, file.resolution] if file.include_top else None,
            "here": _SAID[found[file.name].state],
            "file": file.name,
        }
        for file in files
    ]
    table = Table(
        title="Published ImageNet weights of ResNet-RS",
        columns=(
            Column("model", "Model"),
            Column("top", "Classifier"),
            Column("params", "Params", "count"),
            Column("weights_bytes", "Size", "bytes"),
            Column("top1", "Top-1 %", "number", decimals=1),
            Column("here", "Here"),
            Column("file", "File"),
        ),
        rows=tuple(rows),
        notes=(*_lie(found.values(), verify=verify), *_LIST_NOTES),
        name="weights",
    )

    def document() -> dict[str, Any]:
        return {
            "schema": LIST_SCHEMA,
            "base_url": base_url,
            "folder": str(cache_folder()),
            "rows": [
                _record(file)
                | {
                    "top1": accuracy[file.depth, file.resolution] if file.include_top else None,
                    "state": found[file.name].state,
                    "path": _text(found[file.name].path),
                    "file_bytes": found[file.name].file_bytes,
                }
                for file in files
            ],
        }

    return Answer(table, document)


_LIST_NOTES = (
    advice("{} reads those that are here and compares their md5.", Option("verify")),
    "Size: of the weights; a file has up to 1 % more, which names them.",
    "Top-1: each file evaluated again by sebastian-sz, as Table 7's column of that name has it.",
    "Without classifier: for another head; their names end in _notop.",
)


def _lie(found: Iterable[Here], *, verify: bool) -> tuple[str, ...]:
    """Say in which folders they lie, and how much of the disk they take."""
    there = [each for each in found if each.path is not None]
    if not there:
        return (f"None is here; they are fetched into {showable(str(cache_folder()))}.",)
    folders = dict.fromkeys(str(each.path.parent) for each in there if each.path is not None)
    taken = binary_bytes(sum(each.file_bytes or 0 for each in there))
    places = showable(" and ".join(folders))
    wrong = [each for each in there if each.state in ("incomplete", "other")]
    again = f" {plural(len(wrong), 'file')} would be fetched again." if wrong else ""
    return (f"{plural(len(there), 'file')} of {taken} in {places}.{again}",)


class Fetched(NamedTuple):
    """A file that is here now.

    Attributes:
        file: Which.
        path: Where it lies.
        was_here: Whether it did before.
        file_bytes: Its size.
    """

    file: PublishedFile
    path: Path
    was_here: bool
    file_bytes: int


def fetch(file: PublishedFile, base_url: str | None, watch: Watch | None = None) -> Fetched:
    """Get a published file, as ``fetch_published`` does.

    Raises:
        WeightsUnavailable: If it cannot be had.
    """
    from rsinspect.weights.fetch import fetch_published, verified_here

    before = verified_here(file.name)
    path = before or fetch_published(file.name, base_url=base_url, watch=watch)
    return Fetched(file, path, before is not None, path.stat().st_size)


def fetch_answer(fetched: Iterable[Fetched]) -> Answer:
    """Tabulate what was fetched."""
    got = tuple(fetched)
    table = Table(
        title="Published weights, verified",
        columns=(
            Column("file", "File"),
            Column("file_bytes", "Size", "bytes"),
            Column("was_here", "Was here"),
            Column("path", "Place", wraps=True),
        ),
        rows=tuple(
            {
                "file": each.file.name,
                "file_bytes": each.file_bytes,
                "was_here": "yes" if each.was_here else "no",
                "path": str(each.path.parent),
            }
            for each in got
        ),
        notes=(_use(got[0].file),) if got else (),
        name="fetched",
    )

    def document() -> dict[str, Any]:
        return {
            "schema": FETCH_SCHEMA,
            "rows": [
                _record(each.file)
                | {
                    "path": str(each.path),
                    "file_bytes": each.file_bytes,
                    "was_here": each.was_here,
                }
                for each in got
            ],
        }

    return Answer(table, document)


def _use(file: PublishedFile) -> str:
    top = "" if file.include_top else "include_top=False, "
    called = f'rsinspect.ResNetRS{file.depth}({top}weights="imagenet-i{file.resolution}")'
    return f"{called} loads it in Python."


def _record(file: PublishedFile) -> dict[str, Any]:
    return {
        "file": file.name,
        "model": f"{file.depth}@{file.resolution}",
        "depth": file.depth,
        "resolution": file.resolution,
        "include_top": file.include_top,
        "params": file.params,
        "weights_bytes": file.weights_bytes,
        "md5": file.md5,
        "url": paper.published_weights().base_url + file.name,
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else os.fspath(path)
