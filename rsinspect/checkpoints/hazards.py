"""What would happen to somebody who loads a file: a value, and how it is said.

A hazard is found by whoever reads a part of a file: its configuration (``config_hazards``), the
members of an archive, an HDF5 file (``boundary``), a pickle (``pickles``). What loading does about
it, and which releases did, is data: ``vulnerabilities.json``, each entry with its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from rsinspect.base import codec
from rsinspect.base.words import names_in_words

Level = Literal["danger", "unknown", "caution"]
"""Loading runs code, reads or writes other files, or exhausts the machine; nobody can say; it is
odd, and harmless by itself."""

Form = Literal["archive", "hdf5", "config", "other"]
"""What a configuration lies in: releases of Keras differ in which they check."""

Range = tuple[str, str | None]
"""Releases: the first, and the one that is none of them any more; None where there is none."""


class Hazard(NamedTuple):
    """Something in a file that its loader would act on.

    Attributes:
        kind: Of ``vulnerabilities.json``.
        where: The layer, member or array, as it may be shown; empty for the file itself.
        what: It is, in words.
    """

    kind: str
    where: str
    what: str


class Kind(NamedTuple):
    """What is known of hazards of a kind.

    Attributes:
        level: How bad it is.
        loading: What a loader does about it, in words.
        known: Names of the vulnerabilities, oldest first.
    """

    level: Level
    loading: str
    known: tuple[str, ...]


class Vulnerability(NamedTuple):
    """A way in which releases of a package did what a file wants.

    Attributes:
        name: Its CVE number, or the pull request that mended it.
        what: It is, in words.
        advisory: GitHub's number of the advisory; None where there is none.
        source: Where it was read.
        affected: Releases by package.
        formats: In which it shows; empty for all.
        note: What the sources do not agree on.
    """

    name: str
    what: str
    advisory: str | None
    source: str
    affected: Mapping[str, tuple[Range, ...]]
    formats: tuple[str, ...] = ()
    note: str = ""


class Known(NamedTuple):
    """All that is known.

    Attributes:
        as_of: The day.
        kinds: Of hazards.
        vulnerabilities: By name.
    """

    as_of: str
    kinds: Mapping[str, Kind]
    vulnerabilities: Mapping[str, Vulnerability]


@cache
def known() -> Known:
    """Read what is known of hazards and releases."""
    document = codec.from_text(Path(__file__).with_name("vulnerabilities.json").read_bytes())
    return Known(
        document["as_of"],
        {
            name: Kind(each["level"], each["loading"], tuple(each["known"]))
            for name, each in document["hazards"].items()
        },
        {name: _vulnerability(name, each) for name, each in document["vulnerabilities"].items()},
    )


def _vulnerability(name: str, entry: Mapping[str, object]) -> Vulnerability:
    affected = entry["affected"]
    assert isinstance(affected, dict)
    formats = entry.get("formats", [])
    assert isinstance(formats, list)
    return Vulnerability(
        name,
        str(entry["what"]),
        None if entry["advisory"] is None else str(entry["advisory"]),
        str(entry["source"]),
        {package: tuple((a, b) for a, b in ranges) for package, ranges in affected.items()},
        tuple(formats),
        str(entry.get("note", "")),
    )


def vulnerabilities_of(kind: str, form: Form) -> tuple[Vulnerability, ...]:
    """List the vulnerabilities by which a hazard of a file of that form takes effect."""
    every = (known().vulnerabilities[name] for name in known().kinds[kind].known)
    return tuple(each for each in every if not each.formats or form in each.formats)


def sentences(hazards: Iterable[Hazard], form: Form) -> tuple[str, ...]:
    """Say what was found, a sentence for each kind, with the numbers of its vulnerabilities."""
    places: dict[tuple[str, str], dict[str, None]] = {}
    for hazard in hazards:
        places.setdefault((hazard.kind, hazard.what), {})[hazard.where] = None
    said = []
    for (kind, what), where in places.items():
        names = ", ".join(each.name for each in vulnerabilities_of(kind, form))
        before = f"{names_in_words(list(where))}: " if any(where) else ""
        said.append(
            f"{before}{what}; {known().kinds[kind].loading}{f' ({names})' if names else ''}."
        )
    return tuple(said)
