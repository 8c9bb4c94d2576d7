"""A cell: one measurement of a sweep, which is one command that needs nothing but itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache

from rsinspect.base.flags import flag
from rsinspect.base.words import Option
from rsinspect.profiling.request import Settings

_REPEATED = ("seed", "max_time_s", "predict", "roofs")
"""Settings that do not make another point of comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measurement: a network, how it is measured, and the how manieth time.

    Attributes:
        model: MODEL text.
        settings: How it is measured; a process of its own each time.
        fingerprint: Of the network's graph, so that a file that changed meanwhile is noticed.
        repeat: From 0.
        resolution: Image side, or height x width, at which the network is made; None for what the
            text says, or else its own.
        place: Node of a cluster on which it is measured; None for whichever is free.
    """

    model: str
    settings: Settings
    fingerprint: str
    repeat: int = 0
    resolution: str | None = None
    place: str | None = None

    @property
    def point(self) -> str:
        """Name what is measured, whatever the repeat: 12 hexadecimal digits."""
        return _point(self.fingerprint, self.settings)

    @property
    def key(self) -> str:
        """Name the cell within its sweep: ``3f2a91c40b7d.0``, or ``3f2a91c40b7d.0@node3``."""
        at = "" if self.place is None else f"@{self.place}"
        return f"{self.point}.{self.repeat}{at}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """List the arguments of ``rsinspect`` that carry it out, but for where the run goes."""
        sized = () if self.resolution is None else _typed(Option("resolution", self.resolution))
        return ("profile", self.model, *sized, *_options(self.settings))


@lru_cache(maxsize=2**16)
def _point(fingerprint: str, settings: Settings) -> str:
    how = {
        field.name: getattr(settings, field.name)
        for field in fields(Settings)
        if field.name not in _REPEATED
    }
    document = {"fingerprint": fingerprint, "settings": how}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _options(settings: Settings) -> Iterator[str]:
    """Write the settings that are not their defaults, and the batch, as options of ``profile``."""
    default = Settings(batch=settings.batch)
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if field.name == "batch" or value != getattr(default, field.name):
            yield from _typed(Option(field.name, value))


def _typed(option: Option) -> list[str]:
    return flag(option).split(" ", 1)
