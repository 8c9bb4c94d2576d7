"""The TOML file that keeps bounds: a table per network, called by its MODEL text.

    [check."my.keras"]
    resolution = "320"        # of a network that takes images of any size
    convention = "paper"      # and batch, dtype: as for the options of those names
    params = "63.7M"          # then bounds, by name (answers.bounds)
    max_flops = "12G"

The standard library reads TOML and writes none. Here lines are put in, replaced and left, so that
comments and the order of a person's file stay, and what came out is read again to be sure: fewer
lines than a library that would be loaded for it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rsinspect.answers.bounds import Bound, bounds_of, exactly, usual_bounds, verdicts
from rsinspect.answers.check import Checked, checked
from rsinspect.base.errors import BackendUnavailable, InvalidQuestion, RsInspectError
from rsinspect.base.files import write_whole
from rsinspect.base.formats import Formats
from rsinspect.base.sources import Unreadable
from rsinspect.base.toml import tables_in, toml_text
from rsinspect.base.words import Option, advice, near, quoted
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

FILES = Formats("file of bounds", {".toml": "toml"})
TABLE = "check"
"""Of all networks; other tables of the file are somebody else's."""

_ASKED = ("convention", "batch", "dtype")
_HEAD = "# What `rsinspect check` holds networks to.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the file says of one network.

    Attributes:
        model: MODEL text.
        resolution: Image side, or height x width, where one is said.
        question: What a FLOP is, and the batch and dtype of bytes.
        bounds: By name, as they are written.
    """

    model: str
    resolution: str | None
    question: Question
    bounds: Mapping[str, Any]

    def read(self) -> tuple[Bound, ...]:
        """Read the bounds.

        Raises:
            InvalidQuestion: If one is none; the message says whose.
        """
        try:
            return bounds_of(self.bounds)
        except RsInspectError as exc:
            raise _of_entry(self.model, exc) from exc

    def values(self) -> dict[str, Any]:
        """List keys and values of the table, what is usual left out."""
        usual = Question()
        asked = {
            name: value
            for name in _ASKED
            if (value := getattr(self.question, name)) != getattr(usual, name)
        }
        size = {} if self.resolution is None else {"resolution": self.resolution}
        return {**size, **asked, **self.bounds}

    def over(self, other: Entry | None) -> Entry:
        """Put what was said here over what another entry of the same network says."""
        if other is None:
            return self
        return Entry(
            model=self.model,
            resolution=self.resolution or other.resolution,
            question=other.question if self.question == Question() else self.question,
            bounds={**other.bounds, **self.bounds},
        )

    def renewed(self, network: Network) -> Entry:
        """Set the exact bounds that are broken to what the network is; limits stay.

        Without any bound the network is held to what it is. A bound on a quantity that is only
        known from below stays, and stays broken.
        """
        bounds = dict(self.bounds) or usual_bounds(network, self.question)
        for verdict in verdicts(network, self.read(), self.question):
            if not verdict.holds and verdict.bound.form == "exact" and not verdict.unknown:
                bounds[verdict.bound.name] = exactly(verdict.bound.quantity, verdict.value)
        return replace(self, bounds=bounds)


def held(path: Path, asked: Entry | None, make: Callable[[Entry], Network]) -> list[Checked]:
    """Hold networks to the bounds of a file.

    Args:
        path: Of the file.
        asked: Which network, and what is said of it besides; None for all of the file.
        make: Makes the network of an entry.

    Raises:
        RsInspectError: If the file or an entry cannot be read, or the file has no such network.
    """
    entries = read_entries(path)
    if asked is not None:
        if asked.model not in entries:
            raise InvalidQuestion(
                f"{path} has no bounds of {quoted(asked.model)}",
                advice("{}; {} adds them", near(asked.model, entries), Option("update", True))
                if entries
                else advice("{} adds them", Option("update", True)),
            )
        entries = {asked.model: asked.over(entries[asked.model])}
    if not entries:
        raise InvalidQuestion(
            f"{path} has no bounds",
            advice("name a MODEL; {} adds its bounds", Option("update", True)),
        )
    made = _made(path, entries, make, named=asked is not None)
    return [
        checked(model, made[model], entry.read(), entry.question)
        for model, entry in entries.items()
    ]


def update(path: Path, asked: Entry | None, make: Callable[[Entry], Network]) -> list[Checked]:
    """Write bounds to a file, and hold the networks to them.

    Those that were given are written as they are. Where none was, exact bounds are set to what the
    network is, and limits stay.

    Args:
        path: Of the file; made where there is none.
        asked: Which network and which bounds; None for all of the file.
        make: Makes the network of an entry.

    Raises:
        RsInspectError: If an entry cannot be read or the file be updated; then it stays as it was.
    """
    entries = read_entries(path) if asked is None or _is_there(path) else {}
    if asked is not None:
        entries = {asked.model: asked.over(entries.get(asked.model))}
    made = _made(path, entries, make, named=asked is not None)
    if asked is None or not asked.bounds:
        entries = {model: entry.renewed(made[model]) for model, entry in entries.items()}
    several = [
        checked(model, made[model], entry.read(), entry.question)
        for model, entry in entries.items()
    ]
    write_entries(path, entries)
    return several


def _made(
    path: Path, entries: Mapping[str, Entry], make: Callable[[Entry], Network], *, named: bool
) -> dict[str, Network]:
    """Make the networks of entries; one that nobody named is refused as the file's.

    Raises:
        RsInspectError: If one cannot be made.
    """
    made = {}
    for model, entry in entries.items():
        try:
            made[model] = make(entry)
        except RsInspectError as exc:
            if named:
                raise
            lacks = exc.exit_code == BackendUnavailable.exit_code
            kind = BackendUnavailable if lacks else InvalidQuestion
            raise exc.retold(kind, f"{path}: {TABLE} of {quoted(model)}: ") from exc
    return made


def read_entries(path: Path) -> dict[str, Entry]:
    """Read all bounds of a file, by MODEL text.

    Raises:
        UnknownFormat: If its name does not end in ``.toml``.
        InvalidQuestion: If it cannot be read, is no TOML, or says something that is no bound.
    """
    return _entries(_text(path), path)


def write_entries(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write the bounds of some networks to a file; whatever else it holds stays.

    Raises:
        InvalidQuestion: If the file is there and is not one of bounds, or is laid out so that its
            lines cannot be replaced one by one.
        UnknownFormat: If its name does not end in ``.toml``.
        OutputNotWritable: If it cannot be written.
    """
    FILES.chosen(path, "toml")
    text = _text(path) if _is_there(path) else _HEAD
    wanted = {**_entries(text, path), **entries}
    for entry in entries.values():
        text = _with_entry(text, entry)
    try:
        kept = _entries(text, path)
    except InvalidQuestion:
        kept = {}
    if {name: entry.values() for name, entry in kept.items()} != {
        name: entry.values() for name, entry in wanted.items()
    }:
        raise InvalidQuestion(
            f"{path} is laid out in a way that cannot be updated",
            f'write a table [{TABLE}."MODEL"] per network, and a line per bound',
        )
    write_whole(path, text.encode())


def _is_there(path: Path) -> bool:
    with contextlib.suppress(OSError):  # whoever writes it says what is wrong with its name
        return path.exists()
    return False


def _text(path: Path) -> str:
    FILES.chosen(path, "toml")
    try:
        return toml_text(path)
    except Unreadable as exc:
        raise InvalidQuestion(
            f"{path} cannot be read: {exc}",
            advice(
                "give a bound, such as {}; {} writes the bounds of a MODEL to it",
                Option("max_flops", "10G"),
                Option("update", True),
            ),
        ) from exc


def _entries(text: str, path: Path) -> dict[str, Entry]:
    try:
        tables = tables_in(text).get(TABLE, {})
    except ValueError as exc:
        raise InvalidQuestion(f"{path} is no TOML file: {exc}") from exc
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise InvalidQuestion(
            f"{path}: {TABLE} holds something that is no table",
            f'write a table [{TABLE}."MODEL"] per network',
        )
    try:
        return {model: _entry(model, table) for model, table in tables.items()}
    except InvalidQuestion as exc:
        raise InvalidQuestion(f"{path}: {exc.message}", exc.hint) from exc


def _entry(model: str, table: dict[str, Any]) -> Entry:
    bounds = dict(table)
    size = bounds.pop("resolution", None)
    asked = {name: bounds.pop(name) for name in _ASKED if name in bounds}
    try:
        entry = Entry(
            model=model,
            resolution=None if size is None else str(size),
            question=Question(**asked),
            bounds=bounds,
        )
    except RsInspectError as exc:
        raise _of_entry(model, exc) from exc
    entry.read()
    return entry


def _of_entry(model: str, exc: RsInspectError) -> InvalidQuestion:
    return InvalidQuestion(f"{TABLE} of {quoted(model)}: {exc.message}", exc.hint)


def _with_entry(text: str, entry: Entry) -> str:
    """Put the values of an entry into a text, in the lines that hold others."""
    left, lines, inside, end = dict(entry.values()), [], False, None
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            inside = _parsed(line) == {TABLE: {entry.model: {}}}
        key = next(iter(_parsed(line) or ()), None) if inside else None
        if key is not None and key != TABLE:
            if key not in left:
                continue
            line = _replaced(line, key, left.pop(key))
        lines.append(line)
        if inside and line.strip():
            end = len(lines)
    new = [f"{key} = {_value(value)}" for key, value in left.items()]
    if end is None:
        lines += [*([""] if lines else []), f"[{TABLE}.{_string(entry.model)}]"]
        end = len(lines)
    return "\n".join([*lines[:end], *new, *lines[end:]]) + "\n"


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return tables_in(line)
    except ValueError:
        return None


def _replaced(line: str, key: str, value: object) -> str:
    """Replace the value of a line that has another; what it says behind it stays."""
    if (_parsed(line) or {}).get(key) == value:
        return line
    comment = re.search(r"\s*#[^\"']*$", line)
    return f"{line.partition('=')[0].rstrip()} = {_value(value)}{comment[0] if comment else ''}"


def _value(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    return str(list(value)) if isinstance(value, list | tuple) else str(value)


def _string(text: str) -> str:
    """Write a basic string; what TOML has no place for is spelt out."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
