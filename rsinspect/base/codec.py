"""Records to JSON values and back, by their types.

A record is a frozen dataclass, whose fields become keys, or a NamedTuple, which becomes an array.
What is read is checked against the types of the fields, and their bounds (``base.quantities``).
Unknown keys are ignored, so newer documents still load. Texts are written as they may be shown
(``base.text``), so that what is written can be read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from rsinspect.base.quantities import LARGEST, PATTERNS, SHOWABLE
from rsinspect.base.text import LONGEST_NAME, showable
from rsinspect.base.units import grouped

DEEPEST = 100
"""No document of rsinspect nests deeper than a few levels."""

MOST_VALUES = 5_000_000
"""A run of an hour has thousands; beyond, values fill gigabytes before any is looked at."""

T = TypeVar("T")

_NOUNS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


class Damaged(ValueError):
    """A document that does not fit its type; the message names the key and what was expected."""


def to_json(record: Any) -> Any:
    """Write a record as plain JSON values.

    >>> from typing import NamedTuple
    >>> class Size(NamedTuple):
    ...     height: int
    ...     width: int
    >>> to_json({"size": Size(3, 4)})
    {'size': [3, 4]}
    """
    return _lists(msgspec.to_builtins(record))


def _lists(value: Any) -> Any:
    """Replace tuples by lists, as reading JSON gives them, and make texts showable."""
    if isinstance(value, dict):
        return {_name(key): _lists(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_lists(part) for part in value]
    return showable(value) if isinstance(value, str) else value


def _name(key: Any) -> Any:
    return showable(key, LONGEST_NAME) if isinstance(key, str) else key


def from_json(document: Any, kind: type[T], where: str) -> T:
    """Read a record from plain JSON values.

    Args:
        document: What ``to_json`` wrote.
        kind: The record's type.
        where: What the document is called in errors.

    Raises:
        Damaged: If a key is missing or of another type.

    >>> from_json([3, "4"], tuple[int, int], "size")
    Traceback (most recent call last):
    rsinspect.base.codec.Damaged: size[1] is '4', not a whole number
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as exc:
        raise Damaged(_worded(str(exc), document, where)) from exc


def from_text(text: bytes) -> Any:
    """Read plain JSON values from a file's content.

    Raises:
        Damaged: If it is no JSON, nests too deep, or holds a number beyond floating point or too
            many values.
    """
    if sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise Damaged(f"it holds more than {grouped(MOST_VALUES)} values")
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise Damaged("it nests too deep") from None
    except UnicodeDecodeError as exc:
        raise Damaged(f"it is not UTF-8: {exc.reason}") from exc
    except msgspec.DecodeError as exc:
        raise Damaged(str(exc).replace("JSON is malformed: ", "").lower()) from exc


def check_numbers(document: Any, where: str) -> None:
    """Refuse numbers that are not finite or too large, and documents that nest too deep.

    Raises:
        Damaged: With the place of the first one.

    >>> check_numbers({"rows": [1.0, float("inf")]}, "table")
    Traceback (most recent call last):
    rsinspect.base.codec.Damaged: table.rows[1] is inf, not a finite number
    """
    pending: list[tuple[str, Any, int]] = [(where, document, 0)]
    while pending:
        place, value, depth = pending.pop()
        if depth > DEEPEST:
            raise Damaged(f"{where} nests deeper than {DEEPEST} levels")
        if isinstance(value, float) and not math.isfinite(value):
            raise Damaged(f"{place} is {value}, not a finite number")
        if isinstance(value, int | float) and not -LARGEST <= value <= LARGEST:
            raise Damaged(f"{place} is a number beyond {LARGEST:g}")
        if isinstance(value, dict | list | tuple):
            pending += [(f"{place}{key}", part, depth + 1) for key, part in _parts(value)]


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield f".{showable(str(key), 60)}", part
    else:
        for index, part in enumerate(value):
            yield f"[{index}]", part


def _worded(reason: str, document: Any, where: str) -> str:
    """Reword an error of msgspec in the terms of this program, with the wrong value."""
    said, _, place = reason.partition(" - at `")
    if of_key := place.startswith("key` in `"):
        place = place.removeprefix("key` in `")
    place = place.removeprefix("$").rstrip("`")
    path = f"a key of {where}{place}" if of_key else f"{where}{place}"
    if match := re.fullmatch(r"Object missing required field `(.*)`", said):
        return f"{path} has no {match[1]!r}"
    shown = None if of_key else _shown(document, place)
    if match := re.fullmatch(r"Expected `array` of length (\d+), got (\d+)", said):
        return f"{path} has {match[2]} values, not {match[1]}"
    if match := re.fullmatch(r"Expected `(.*)`, got `(.*)`", said):
        wanted = " or ".join(_NOUNS.get(name, name) for name in match[1].split(" | "))
        return f"{path} {shown or 'is ' + _NOUNS.get(match[2], match[2])}, not {wanted}"
    if match := re.fullmatch(r"Expected `(?:int|float)` (>=|<=) (.*)", said):
        return f"{path} {shown}, not {match[2]} or {'more' if match[1] == '>=' else 'less'}"
    if match := re.fullmatch(r"Expected `(?:str|array)` of length (>=|<=) (.*)", said):
        if match[1] == ">=":
            return f"{path} is empty"
        return f"{path} is longer than {grouped(int(match[2]))}"
    if said == f"Expected `str` matching regex {SHOWABLE!r}":
        return f"{path} {shown or 'is a text'} with characters that cannot be shown"
    for pattern, words in PATTERNS.items():
        if said == f"Expected `str` matching regex {pattern!r}":
            return f"{path} {shown}, not {words}"
    if said.startswith("Invalid enum value"):
        return f"{path} is an unknown name{showable(said.removeprefix('Invalid enum value'), 80)}"
    return showable(f"{path}: {said[:1].lower()}{said[1:]}", 300)


def _shown(document: Any, place: str) -> str | None:
    """Write the value at a place of the document; None where the place is not exact."""
    for key, index in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", place):
        try:
            document = document[key] if key else document[int(index)]
        except (LookupError, TypeError, ValueError):
            return None
    if isinstance(document, dict | list | tuple):
        return None
    return f"is {brief(document)}"


def brief(value: object) -> str:
    """Write a value of a document in a few characters."""
    return showable(ascii(value) if isinstance(value, str) else repr(value), 60)


class Tagged:
    """A codec of records of several types, which a key tells apart.

    Args:
        tag: The key.
        kinds: Types by its value.
    """

    def __init__(self, tag: str, kinds: Mapping[str, type[Any]]) -> None:
        self.tag = tag
        self.kinds = kinds
        self.names = {kind: name for name, kind in kinds.items()}

    def to_json(self, record: Any) -> dict[str, Any]:
        """Write a record, its kind first."""
        values: dict[str, Any] = to_json(record)
        return {self.tag: self.names[type(record)]} | values

    def from_json(self, document: Any, where: str) -> Any:
        """Read a record.

        Raises:
            Damaged: If the kind is unknown or a key is damaged.
        """
        name = from_json(document, dict[str, Any], where).get(self.tag)
        if not isinstance(name, str) or name not in self.kinds:
            raise Damaged(f"{where}.{self.tag} is an unknown name {brief(name)}")
        return from_json(document, self.kinds[name], where)
