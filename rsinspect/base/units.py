"""Numbers as people read them: counts in decimal, bytes in binary, times in s, ms and µs.

Exact integers stay exact until they pass through here, and they pass through here only on their
way to a person: data formats keep the integer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

ITEM_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}
"""Bytes of one element, by dtype name."""


def _scaled(value: float, base: int, suffixes: tuple[str, ...]) -> str:
    """Write at most three digits before the point, three significant ones from 1 on."""
    scaled, index = float(value), 0
    while abs(scaled) >= 999.5 and index < len(suffixes) - 1:
        scaled /= base
        index += 1
    if index == 0 and scaled == int(scaled):
        text = str(int(scaled))
    elif abs(scaled) >= 99.95:
        text = f"{scaled:.0f}"
    elif abs(scaled) >= 9.995:
        text = f"{scaled:.1f}"
    else:
        text = f"{scaled:.2f}"
    return f"{text} {suffixes[index]}".rstrip()


def count(value: int) -> str:
    """Write a count with a decimal suffix.

    >>> count(63_724_296), count(999), count(0)
    ('63.7 M', '999', '0')
    """
    return _scaled(value, 1000, ("", "k", "M", "G", "T", "P"))


def binary_bytes(value: int) -> str:
    """Write bytes with a binary suffix; from 1000 of one on it is the next.

    >>> binary_bytes(3_686_400), binary_bytes(512), binary_bytes(1010 * 2**20)
    ('3.52 MiB', '512 B', '0.99 GiB')
    """
    return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))


def seconds(value: float) -> str:
    """Write a time in the unit that keeps it at 1 or more.

    >>> seconds(0.0222), seconds(3.0), seconds(4.2e-5), seconds(0.0)
    ('22.2 ms', '3.00 s', '42.0 µs', '0 s')
    """
    if not value:
        return "0 s"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if abs(value) * factor >= 1 or unit == "µs":
            scaled = value * factor
            digits = 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2
            return f"{scaled:.{digits}f} {unit}"
    raise AssertionError("unreachable")


def seconds_span(low: float, high: float, middle: float) -> str:
    """Write two times in the unit of one between them.

    >>> seconds_span(0.929, 1.01, 0.966), seconds_span(1.39, 1.5, 1.44), seconds_span(0.0, 2.1, 1.0)
    ('929 to 1010 ms', '1.39 to 1.50 s', '0 to 2.10 s')
    """
    unit = seconds(middle).rpartition(" ")[2]
    factor = {"s": 1.0, "ms": 1e3, "µs": 1e6}[unit]

    def written(value: float) -> str:
        scaled = value * factor
        digits = 0 if scaled >= 99.95 or not scaled else 1 if scaled >= 9.995 else 2
        return f"{scaled:.{digits}f}"

    return f"{written(low)} to {written(high)} {unit}"


def length_of_time(value: float) -> str:
    """Write how long somebody waits: in seconds, minutes or hours.

    >>> length_of_time(40), length_of_time(2000), length_of_time(12_000)
    ('40 s', '33 min', '3 h 20 min')
    """
    if value < 99.5:
        return f"{value:.0f} s"
    minutes = round(value / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def dimensions(sides: Iterable[int]) -> str:
    """Write the sides of an image or a kernel, or a shape, with multiplication signs.

    >>> dimensions((160, 192)), dimensions(())
    ('160×192', '')
    """
    return "×".join(map(str, sides))


def typed(text: str) -> str:
    """Write sizes as a keyboard and a data file have them, with the letter x.

    >>> typed("conv 3×3/2, 64")
    'conv 3x3/2, 64'
    """
    return text.replace("×", "x")


def crossed(text: str) -> str:
    """Write sizes with multiplication signs in place of the letter x, as readers have them.

    >>> crossed("conv 3x3 64 channels, 56x56; max pool")
    'conv 3×3 64 channels, 56×56; max pool'
    """
    return re.sub(r"(?<=\d)x(?=\d)", "×", text)


def percent(value: float) -> str:
    """Write a share of one in per cent.

    >>> percent(0.2345), percent(1.0), percent(0.0001), percent(0.0)
    ('23.4 %', '100.0 %', '<0.1 %', '0.0 %')
    """
    if 0 < value < 0.0005:
        return "<0.1 %"
    return f"{100 * value:.1f} %"


def changed_by(ratio: float) -> str:
    """Write a ratio of two as a change, in per cent and with its sign; from double on as a factor.

    >>> changed_by(1.123), changed_by(0.96), changed_by(1.0), changed_by(2.5)
    ('+12.3 %', '−4.0 %', '0.0 %', '×2.50')
    """
    if ratio >= 2:
        return f"×{significant(ratio)}"
    tenths = round(1000 * (ratio - 1))
    sign = "+" if tenths > 0 else "−" if tenths else ""
    return f"{sign}{abs(tenths) / 10:.1f} %"


def grouped(value: int) -> str:
    """Write every digit, from five on in groups of three: the one way to write thousands.

    >>> grouped(63724296), grouped(4096), grouped(-12345)
    ('63 724 296', '4096', '-12 345')
    """
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", " ")


def all_grouped(text: str) -> str:
    """Group the digits of every whole number of five digits or more in a text.

    >>> all_grouped("5*2043136 = 10215680; 0.123456, 1e100000, U+12345")
    '5*2 043 136 = 10 215 680; 0.123456, 1e100000, U+12345'
    """
    return re.sub(r"(?<![\w.+])\d{5,}(?![\w.])", lambda found: grouped(int(found[0])), text)


def significant(value: float, digits: int = 3) -> str:
    """Write that many significant digits, and all of those before the point.

    >>> significant(8.676), significant(16.09), significant(0.4917), significant(1234.5)
    ('8.68', '16.1', '0.492', '1234')
    """
    if not value:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded if decimals >= 0 else value:.{max(decimals, 0)}f}"
