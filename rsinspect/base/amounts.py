"""Amounts as people write them: ``63.7M``, ``12e9``, ``1,024``, ``512 MiB``; times: ``20ms``.

What ``base.units`` writes is read here. An amount knows how exactly it was written, so that a
number can be held against it: ``63.7M`` is every count that rounds to it, ``63724296`` one count.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.limits import COST
from rsinspect.base.words import quoted, shown

COUNTS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip

TIMES_S = {
    "": 1.0, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0,
    "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0,
}  # fmt: skip
"""Seconds of each unit of time; without one it is seconds."""

LONGEST_S = 1e9
"""Thirty years."""

_TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,2}))?\s*([a-zµμ]*)")
_HINT_TIME = "write 20ms, 1.5s, 30min, 2h or 30d"

_DIGITS = r"\d+(?:[,_ ]\d{3})+|\d+"
_AMOUNT = re.compile(rf"({_DIGITS})(?:\.(\d*))?(?:[eE]([+-]?\d{{1,2}}))?\s*([A-Za-z]*)", re.ASCII)
_HINT = "write 10G, 1e9, 50M or 1,024"
_HINT_BYTES = "write 64MiB, 3.5 GB or 1024"


class Amount(NamedTuple):
    """A number that somebody wrote.

    Attributes:
        text: As it was written.
        digits: All its digits as a whole number: 637 of ``63.7M``.
        step: What the last of them counts, times ``divisor``: 10**6 of ``63.7M``.
        divisor: Ten to the number of digits behind the point.
    """

    text: str
    digits: int
    step: int
    divisor: int

    @property
    def value(self) -> int | float:
        """Return the number; whole where it is."""
        whole, rest = divmod(self.digits * self.step, self.divisor)
        return self.digits * self.step / self.divisor if rest else whole

    def is_met_by(self, value: int) -> bool:
        """Tell whether a number, rounded as this was written, is this.

        >>> amount("63.7M").is_met_by(63_724_296), amount("64M").is_met_by(63_724_296)
        (True, True)
        >>> amount("63,724,296").is_met_by(63_724_297), amount("12e9").is_met_by(12_600_000_000)
        (False, False)
        """
        return abs(value * self.divisor - self.digits * self.step) * 2 <= self.step

    def is_least_of(self, value: int) -> bool:
        """Tell whether a number is as large or larger."""
        return value * self.divisor >= self.digits * self.step

    def is_most_of(self, value: int) -> bool:
        """Tell whether a number is as large or smaller."""
        return value * self.divisor <= self.digits * self.step


def amount(written: object, *, in_bytes: bool | None = None) -> Amount:
    """Read an amount.

    Args:
        written: Text, or a number, which is meant exactly.
        in_bytes: Whether it counts bytes, so that ``MiB`` and ``MB`` are units of it; None where
            it may count either.

    Raises:
        InvalidQuestion: If it is none.

    >>> amount("10G").value, amount("64 MiB").value, amount("2.5e6").value, amount("1,024").value
    (10000000000, 67108864, 2500000, 1024)
    """
    hint = _HINT_BYTES if in_bytes else _HINT
    if isinstance(written, int | float) and not isinstance(written, bool):
        COST.check(written, InvalidQuestion)
        if written == int(written):
            return Amount(str(int(written)), int(written), 1, 1)
        written = repr(written)
    if not isinstance(written, str):
        raise InvalidQuestion(f"{shown(written)} is not a quantity", hint)
    text = written.strip()
    found = _AMOUNT.fullmatch(text) if len(text) < 60 else None
    units = {**COUNTS, **({} if in_bytes is False else BYTES)}
    if found is None or found[4] not in units:
        if found is not None and found[4] in BYTES:
            raise InvalidQuestion(f"{quoted(text)} counts bytes, and this is a count", hint)
        raise InvalidQuestion(f"{quoted(text)} is not a quantity", hint)
    whole, behind, exponent, unit = found.groups()
    behind = behind or ""
    power = int(exponent or 0) - len(behind)
    read = Amount(
        text=text,
        digits=int(re.sub(r"\D", "", whole) + behind),
        step=units[unit] * 10 ** max(power, 0),
        divisor=10 ** max(-power, 0),
    )
    COST.check(read.value, InvalidQuestion)
    return read


def seconds_of(written: object) -> float:
    """Read a length of time, in seconds.

    Args:
        written: Text, or a number of seconds.

    Raises:
        InvalidQuestion: If it is none, or no time at all.

    >>> seconds_of("20ms"), seconds_of("1.5 s"), seconds_of("2h"), seconds_of(0.2)
    (0.02, 1.5, 7200.0, 0.2)
    """
    if isinstance(written, str):
        found = _TIME.fullmatch(written.strip()) if len(written) < 60 else None
        if found is None or found[3] not in TIMES_S:
            raise InvalidQuestion(f"{quoted(written)} is not a length of time", _HINT_TIME)
        written = float(f"{found[1]}e{found[2] or 0}") * TIMES_S[found[3]]
    if isinstance(written, bool) or not isinstance(written, int | float):
        raise InvalidQuestion(f"{shown(written)} is not a length of time", _HINT_TIME)
    if not 0 < written < LONGEST_S:
        raise InvalidQuestion(f"{shown(written)} s is no length of time to wait for", _HINT_TIME)
    return float(written)
