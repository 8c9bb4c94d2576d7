"""Several networks from one text: ``published``, ``50,101,152@224``, ``EfficientNetB0-B4``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rsinspect import paper
from rsinspect.base.errors import InvalidSpec
from rsinspect.base.words import quoted
from rsinspect.networks import applications
from rsinspect.networks.named import is_file, source

PUBLISHED = "published"
"""The eleven networks of the paper's Table 7."""

_SPAN = re.compile(r"(?P<first>[^@]*\w)\s*-\s*(?P<last>\w+)\s*(?P<size>@.+)?")


def models_of(texts: str | Iterable[str]) -> tuple[str, ...]:
    """List the MODEL texts that are meant, each once, in the order in which they are written.

    Args:
        texts: Divided by commas, or one by one. Each is MODEL text; ``published``; or a span, from
            one network of ``keras.applications`` to a later one of its family
            (``EfficientNetB0-B4``), or from one published depth to another (``50-200``).

    Raises:
        SpecError: If one names no network.
        InvalidChoice: If a dialect is unknown.

    >>> models_of("50,152@224"), models_of("EfficientNetB0-B2,101-200")
    (('50', '152@224'), ('EfficientNetB0', 'EfficientNetB1', 'EfficientNetB2', '101', '152', '200'))
    """
    several = texts.split(",") if isinstance(texts, str) else list(texts)
    named = [model for text in several for model in _meant(text.strip())]
    if not named:
        raise InvalidSpec("no network named", f"name some, such as 50,101 or {PUBLISHED}")
    return tuple(dict.fromkeys(named))


def _meant(text: str) -> list[str]:
    if text.lower() == PUBLISHED:
        return [f"{row.depth}@{row.resolution}" for row in paper.table7()]
    span = None if is_file(text) else _SPAN.fullmatch(text)
    if span is not None and (found := _span(span["first"], span["last"])):
        return [f"{name}{span['size'] or ''}" for name in found]
    source(text)  # refuses what is none
    return [text]


def _span(first: str, last: str) -> list[str]:
    """List the networks from one to another; none where that is no span."""
    if first.isdecimal() and last.isdecimal():
        depths = [v.depth for v in paper.variants().values() if v.published]
        ends = int(first), int(last)
        return [str(d) for d in depths if ends[0] <= d <= ends[1]] if {*ends} <= {*depths} else []
    named = applications.named_in(first)
    if named is None or named.resolution is not None:
        return []
    family = applications.names(applications.family_named(named.name))
    start = family.index(named.name)
    for end in range(start, len(family)):
        if family[end].lower().endswith(last.lower()):
            return list(family[start : end + 1])
    raise InvalidSpec(
        f"{quoted(f'{first}-{last}')} is no span of networks",
        f"such as {family[0]}-{family[-1].removeprefix(_shared(family))}",
    )


def _shared(names: tuple[str, ...]) -> str:
    """Return what all names begin with."""
    letters = zip(*names, strict=False)
    same = 0
    for column in letters:
        if len(set(column)) > 1:
            break
        same += 1
    return names[0][:same]
