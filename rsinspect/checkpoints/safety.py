"""Whether a file is safe to load: what in it would act on its loader, and by which release.

Nothing is loaded to say so, and nothing that the file points at is opened. Which format it has its
bytes tell. What cannot be followed to its end is *unknown*, and never called safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.words import names_in_words, plural
from rsinspect.checkpoints.hazards import (
    Form,
    Hazard,
    Level,
    Range,
    Vulnerability,
    known,
    vulnerabilities_of,
)

LEVELS: tuple[Level, ...] = ("danger", "unknown", "caution")
"""From the worst on."""

SAFE = "safe"

Versions = Callable[[str], str | None]
"""The release of a package that is installed here; None where there is none."""


class Finding(NamedTuple):
    """Something in a file that loading it would act on.

    Attributes:
        level: How bad it is, whichever release is installed.
        kind: Of hazard.
        where: The layer, member or array; empty for the file itself.
        what: It is, and what loading does about it.
        vulnerabilities: By which releases act on it that should not.
        installed: The release of each of their packages that is installed here, of those that are.
    """

    level: Level
    kind: str
    where: str
    what: str
    vulnerabilities: tuple[Vulnerability, ...]
    installed: Mapping[str, str]

    @property
    def cves(self) -> tuple[str, ...]:
        """Return the CVE numbers."""
        return tuple(each.name for each in self.vulnerabilities if each.name.startswith("CVE-"))

    @property
    def affected(self) -> str:
        """Say which releases are affected, package by package."""
        packages = {package for each in self.vulnerabilities for package in each.affected}
        return "; ".join(
            _ranges_in_words(package, self._ranges(package)) for package in sorted(packages)
        )

    @property
    def affected_here(self) -> Mapping[str, bool]:
        """Tell of each installed package whether its release is affected."""
        return {
            package: any(_is_within(version, each) for each in self._ranges(package))
            for package, version in self.installed.items()
        }

    @property
    def installed_affected(self) -> bool | None:
        """Tell whether any installed release is affected; None where none is installed."""
        here = self.affected_here
        return any(here.values()) if here else None

    def _ranges(self, package: str) -> tuple[Range, ...]:
        spans = (each.affected.get(package, ()) for each in self.vulnerabilities)
        return tuple(span for some in spans for span in some)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "level": self.level,
            "kind": self.kind,
            "where": self.where,
            "what": self.what,
            "cves": list(self.cves),
            "vulnerabilities": [
                {
                    "name": each.name,
                    "advisory": each.advisory,
                    "source": each.source,
                    "affected": {
                        package: [list(span) for span in spans]
                        for package, spans in each.affected.items()
                    },
                }
                for each in self.vulnerabilities
            ],
            "affected": self.affected,
            "installed": {
                package: {"version": self.installed[package], "affected": affected}
                for package, affected in self.affected_here.items()
            },
            "installed_affected": self.installed_affected,
        }


class Verdict(NamedTuple):
    """What is to be said of a file before anybody loads it.

    Attributes:
        findings: The worst first.
    """

    findings: tuple[Finding, ...]

    @property
    def level(self) -> str:
        """Return the worst level of the findings, or ``safe``."""
        return self.findings[0].level if self.findings else SAFE

    @property
    def sentence(self) -> str:
        """Say it in a sentence."""
        if not self.findings:
            return "safe to load: nothing in it runs code, or reads or writes other files"
        count = plural(sum(each.level == self.level for each in self.findings), "finding")
        return {
            "danger": f"do not load it: {count} of danger",
            "unknown": "not known to be safe: not all of it could be looked at",
            "caution": f"safe to load with care: {count} of what Keras does not write",
        }[self.level]

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "level": self.level,
            "as_of": known().as_of,
            "findings": [each.document() for each in self.findings],
        }


def verdict(path: Path, versions: Versions | None = None) -> Verdict:
    """Judge a file without loading it.

    Args:
        path: Of a file of weights or of a model, or of a folder of a checkpoint.
        versions: Of installed packages; by default from their metadata, none being imported.

    Raises:
        WeightsError: If there is no such file.
    """
    from rsinspect.checkpoints.scan import scanned

    form, hazards = scanned(path)
    found = [_finding(hazard, form, versions or installed) for hazard in dict.fromkeys(hazards)]
    return Verdict(tuple(sorted(found, key=lambda each: LEVELS.index(each.level))))


def installed(package: str) -> str | None:
    """Return the release of a package that is installed here; None where it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _finding(hazard: Hazard, form: Form, versions: Versions) -> Finding:
    kind = known().kinds[hazard.kind]
    vulnerabilities = vulnerabilities_of(hazard.kind, form)
    packages = {package for each in vulnerabilities for package in each.affected}
    here = {package: versions(package) for package in sorted(packages)}
    return Finding(
        kind.level,
        hazard.kind,
        hazard.where,
        f"{hazard.what}; {kind.loading}",
        vulnerabilities,
        {package: version for package, version in here.items() if version is not None},
    )


def _is_within(version: str, span: Range) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        release = Version(version)
    except InvalidVersion:
        return True  # nobody knows what it is
    first, mended = span
    return release >= Version(first) and (mended is None or release < Version(mended))


def _ranges_in_words(package: str, ranges: Iterable[Range]) -> str:
    """Say which releases of a package are affected.

    >>> _ranges_in_words("keras", [("3.13.0", "3.15.0"), ("0", "3.12.3"), ("3.0.0", "3.9.0")])
    'keras before 3.12.3, 3.13.0 to before 3.15.0'
    >>> _ranges_in_words("tf-keras", [("0", None)])
    'tf-keras, every release'
    """
    from packaging.version import Version

    joined: list[tuple[str, str | None]] = []
    for first, mended in sorted(set(ranges), key=lambda span: Version(span[0])):
        if joined:
            last_first, last_mended = joined[-1]
            if last_mended is None:
                break
            if Version(first) <= Version(last_mended):
                later = mended is None or Version(mended) > Version(last_mended)
                joined[-1] = (last_first, mended if later else last_mended)
                continue
        joined.append((first, mended))
    if joined == [("0", None)]:
        return f"{package}, every release"
    words = [
        f"{first} and later"
        if mended is None
        else f"before {mended}"
        if first == "0"
        else f"{first} to before {mended}"
        for first, mended in joined
    ]
    return f"{package} {names_in_words(words)}"
