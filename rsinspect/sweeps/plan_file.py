"""What to measure as people write it: options of a line, arguments, or a TOML file.

    [sweep]
    models = ["published", "EfficientNetB0-B4"]    # or one text: "published,EfficientNetB0-B4"
    batches = [1, 8]
    precisions = ["float32", "bfloat16"]
    max_time = "30s"
    repeats = 3

Names are those of the options, with underscores; other tables of the file are somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rsinspect.base.amounts import seconds_of
from rsinspect.base.errors import InvalidMeasurement, InvalidQuestion, RsInspectError, check_choice
from rsinspect.base.flags import flag
from rsinspect.base.formats import Formats
from rsinspect.base.sources import Unreadable
from rsinspect.base.toml import tables_in, toml_text
from rsinspect.base.words import Option, advice, shown
from rsinspect.sweeps.plan import Axes

FILES = Formats("plan of a sweep", {".toml": "toml"})
TABLE = "sweep"

REPEATS = 3
"""How often each point is measured by default."""

_NUMBERS = ("batches", "threads")
_SINGLE = ("level", "jit", "fold_batch_norm", "max_time_s")
_TIMES = ("max_time_s", "time_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be measured, and how often.

    Attributes:
        axes: What is combined with what.
        repeats: How often each point is measured.
        time_s: Time there is; None to do each cell and no more.
        seed: Of the order.
    """

    axes: Axes
    repeats: int = REPEATS
    time_s: float | None = None
    seed: int = 0


_ORDER = ("repeats", "time_s", "seed")
NAMES = (*(field.name for field in fields(Axes)), *_ORDER)


def wanted(given: Mapping[str, Any], file: Path | None = None) -> Wanted:
    """Read what is wanted from values by name, and from a file what they leave open.

    Args:
        given: Values that are None are left open; lists may be texts divided by commas.
        file: With a table ``[sweep]``.

    Raises:
        InvalidMeasurement: If no network is named, or a value is none of its kind.
        InvalidQuestion: If the file cannot be read.
        InvalidChoice: If a name is unknown.
    """
    values = {} if file is None else read_table(file)
    values |= {name: value for name, value in given.items() if value is not None}
    read = {name: _read(name, value) for name, value in values.items()}
    if not read.get("models"):
        raise InvalidMeasurement(
            "no network named",
            advice("name some, such as {} or {}", Option("models", "published"),
                   Option("models", "50,101,EfficientNetB0")),
        )  # fmt: skip
    order = {name: read.pop(name) for name in _ORDER if name in read}
    return Wanted(axes=Axes(**read), **order)


def read_table(path: Path) -> dict[str, Any]:
    """Read the table of a file: values by name.

    Raises:
        UnknownFormat: If its name does not end in ``.toml``.
        InvalidQuestion: If it cannot be read, is no TOML, has no such table or another name in it.
    """
    FILES.chosen(path, "toml")
    try:
        document = tables_in(toml_text(path))
    except Unreadable as exc:
        raise InvalidQuestion(f"{path} cannot be read: {exc}", exc.hint) from exc
    except ValueError as exc:
        raise InvalidQuestion(f"{path} is no TOML file: {exc}") from exc
    table = document.get(TABLE)
    if not isinstance(table, dict):
        raise InvalidQuestion(f"{path} has no table [{TABLE}]", 'such as models = ["published"]')
    called = {flag(Option(name)).lstrip("-").replace("-", "_"): name for name in NAMES}
    called["time"] = "time_s"
    known = {**{name: name for name in NAMES}, **called}
    try:
        for name in table:
            check_choice("name", name, called if name not in known else known)
    except RsInspectError as exc:
        raise InvalidQuestion(f"{path}: [{TABLE}] has an {exc.message}", exc.hint) from exc
    return {known[name]: value for name, value in table.items()}


def _read(name: str, value: Any) -> Any:
    """Read the value of a name: several where it is an axis.

    Raises:
        InvalidMeasurement: If it is none of its kind.
    """
    if name in _TIMES:
        return seconds_of(value)
    if name in (*_SINGLE, *_ORDER):
        return value
    several = value.split(",") if isinstance(value, str) else value
    if not isinstance(several, list | tuple):
        several = [several]
    texts = [each.strip() if isinstance(each, str) else each for each in several]
    if name in _NUMBERS:
        return tuple(_whole(name, each) for each in texts)
    for each in texts:
        if not isinstance(each, str | int) or isinstance(each, bool):
            raise InvalidMeasurement(advice("{} takes texts, not " + shown(each), Option(name)))
    return tuple(map(str, texts))


def _whole(name: str, value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidMeasurement(
        advice("{} takes whole numbers, not {}", Option(name), shown(value)),
        advice("such as {}", Option(name, "1,8")),
    )
