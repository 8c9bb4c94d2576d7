"""What is on this machine, and whether it serves.

Installed packages are looked up, not imported; each renderer draws a tiny picture in each format;
devices are asked for only on request, because that imports the frameworks. Nothing is timed, so the
same machine gives the same answer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shlex
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import rsinspect
from rsinspect.base import process
from rsinspect.base.errors import GraphvizNotFound, RenderError
from rsinspect.base.sources import content_of
from rsinspect.drawing import engine
from rsinspect.networks.keras_cache import keras_home
from rsinspect.profiling import machine
from rsinspect.profiling.choices import BACKENDS

DRAWN: tuple[engine.Format, ...] = ("svg", "png", "pdf")
VARIABLES = (
    "KERAS_BACKEND", "RSINSPECT_WEIGHTS_URL", "RSINSPECT_CACHE", "NO_COLOR", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
INSTALL_RENDERER: dict[engine.Kind, str] = {
    "pip": "pip install pygraphviz",
    "system": "install Graphviz",
}
DEVELOPERS = ("fuzz", "lint", "test")
"""Extras that only who works on rsinspect needs; CONTRIBUTING.md speaks of them."""

DEVICES_TIMEOUT_S = 120.0
_DRAWING_TIMEOUT_S = 20.0
_KERAS_SETTINGS_BYTES = 2**16
_TINY = 'digraph { node [fontname="DejaVu Sans"] a -> b }'
_DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tf-nightly")}
_ASK = (sys.executable, "-P", "-m", "rsinspect.doctor.devices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """A Graphviz that is, or is not, here.

    Attributes:
        kind: ``pip`` or ``system``.
        used: Whether pictures are drawn by it, unless another is asked for.
        why: Why it is used or is not here.
        path: Where it is.
        package: Name and version of the package it comes in, where it does.
        version: Of Graphviz.
        draws: The formats of DRAWN it drew.
        problem: Why it did not draw the next one.
    """

    kind: engine.Kind
    used: bool = False
    why: str
    path: Path | None = None
    package: str | None = None
    version: str | None = None
    draws: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """Keras or one of its backends.

    Attributes:
        name: Of the package.
        installed: Whether it can be found.
        version: None also where an installed package does not tell it.
        devices: What it can compute on; None where it was not asked or does not answer.
        problem: Why it does not answer.
    """

    name: str
    installed: bool
    version: str | None = None
    devices: tuple[str, ...] | None = None
    problem: str | None = None

    @property
    def install(self) -> str:
        """Return the command to install it."""
        return f"pip install {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Packages that rsinspect does without.

    Attributes:
        name: As in ``rsinspect[name]``.
        asked: The packages, as pip takes them.
        missing: Packages that are not installed.
    """

    name: str
    asked: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def install(self) -> str:
        """Return the command to install them, which is right however rsinspect came here."""
        return f"pip install {' '.join(map(shlex.quote, self.asked))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All of it.

    Attributes:
        rsinspect: Version.
        python: Implementation and version.
        platform: System and processor architecture.
        cpu: Name of the processor.
        cores: How many there are; how many this process may run on; how many its control group's
            quota amounts to.
        renderers: In the order of preference.
        fonts: Directory of the figures' fonts.
        keras: The package.
        keras_backend: What Keras computes with, and who says so.
        backends: All of BACKENDS.
        extras: In alphabetical order; empty where the package has no metadata.
        variables: Environment variables of VARIABLES and their values, without passwords.
    """

    rsinspect: str
    python: str
    platform: str
    cpu: str | None
    cores: tuple[int | None, int | None, float | None]
    renderers: tuple[Renderer, ...]
    fonts: Path | None
    keras: Framework
    keras_backend: tuple[str, str]
    backends: tuple[Framework, ...]
    extras: tuple[Extra, ...]
    variables: tuple[tuple[str, str | None], ...]

    @property
    def works(self) -> bool:
        """Tell whether the default job, an SVG, can be done here."""
        return any(renderer.used and "svg" in renderer.draws for renderer in self.renderers)


def examine(*, devices: bool = False) -> Checkup:
    """Examine this machine.

    Args:
        devices: Import each backend, in a process of its own, and ask for its devices.
    """
    return Checkup(
        rsinspect=rsinspect.__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cpu=machine.cpu_model()[0],
        cores=(os.cpu_count(), machine.affinity()[0], machine.cgroup_cpus()[0]),
        renderers=_renderers(),
        fonts=_fonts(),
        keras=_framework("keras"),
        keras_backend=keras_backend(),
        backends=tuple(_framework(name, devices=devices) for name in BACKENDS),
        extras=extras(),
        variables=tuple((name, _discreet(os.environ.get(name))) for name in VARIABLES),
    )


def keras_backend() -> tuple[str, str]:
    """Name the backend Keras will take, and the setting that decides it."""
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "KERAS_BACKEND"
    path = keras_home() / "keras.json"
    try:
        name = json.loads(content_of(path, _KERAS_SETTINGS_BYTES)).get("backend")
    except (ValueError, RecursionError, AttributeError):
        name = None
    return (name, str(path)) if isinstance(name, str) else ("tensorflow", "Keras's default")


def extras() -> tuple[Extra, ...]:
    """List what users may add, by the installed package's metadata; not what developers need."""
    return tuple(
        Extra(
            name=name,
            asked=tuple(map(str, packages)),
            missing=_missing("rsinspect", name),
        )
        for name, packages in sorted(_requirements("rsinspect").items())
        if name and name not in DEVELOPERS
    )


class _Requirement(NamedTuple):
    """A package that another needs, with an extra of its own or none."""

    name: str
    extra: str

    def __str__(self) -> str:
        return f"{self.name}[{self.extra}]" if self.extra else self.name


def _requirements(package: str) -> dict[str, list[_Requirement]]:
    """List packages by the extra of ``package`` that needs them.

    Conditions other than an extra are left aside.
    """
    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return {}
    packages: dict[str, list[_Requirement]] = {}
    for line in lines:
        wanted = re.match(r"([\w.-]+)(?:\[([\w.-]+)\])?", line)
        extra = re.search(r"extra == ['\"]([\w.-]+)['\"]", line)
        if wanted:
            needed = _Requirement(wanted[1], wanted[2] or "")
            packages.setdefault(extra[1] if extra else "", []).append(needed)
    return packages


def _missing(package: str, extra: str) -> tuple[str, ...]:
    absent: list[str] = []
    for name, inner in _requirements(package).get(extra, []):
        if _version(name) is None:
            absent.append(name)
        elif inner:
            absent += _missing(name, inner)
    return tuple(absent)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _renderers() -> tuple[Renderer, ...]:
    try:
        default = engine.choose()
    except GraphvizNotFound:
        default = None
    return tuple(_renderer(kind, default) for kind in INSTALL_RENDERER)


def _renderer(kind: engine.Kind, default: engine.Engine | None) -> Renderer:
    used = default is not None and default.kind == kind
    try:
        graphviz = engine.choose(kind)
    except GraphvizNotFound as exc:
        return Renderer(kind=kind, why=exc.message)
    draws: list[str] = []
    version = problem = None
    try:
        version = graphviz.version(_DRAWING_TIMEOUT_S)
        for format in DRAWN:
            engine.run(_TINY, format, renderer=kind, timeout_s=_DRAWING_TIMEOUT_S)
            draws.append(format)
    except RenderError as exc:
        problem = exc.message
    return Renderer(
        kind=kind,
        used=used,
        why=default.why
        if default is not None and used
        else f"only where the renderer {kind} is asked for",
        path=graphviz.path,
        package=f"pygraphviz {_version('pygraphviz') or ''}".strip() if kind == "pip" else None,
        version=version,
        draws=tuple(draws),
        problem=problem,
    )


def _fonts() -> Path | None:
    try:
        return engine.font_directory()
    except GraphvizNotFound:
        return None


def _framework(name: str, *, devices: bool = False) -> Framework:
    if importlib.util.find_spec(name) is None:
        return Framework(name=name, installed=False)
    versions = (_version(package) for package in _DISTRIBUTIONS.get(name, (name,)))
    version = next(filter(None, versions), None)
    found, problem = _devices(name) if devices else (None, None)
    return Framework(name=name, installed=True, version=version, devices=found, problem=problem)


def _devices(name: str) -> tuple[tuple[str, ...] | None, str | None]:
    """List a framework's devices, or None and the reason it names none."""
    quiet = dict(os.environ) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        ended = process.run((*_ASK, name), environment=quiet, timeout_s=DEVICES_TIMEOUT_S)
    except process.TooMuchOutput:
        return None, "no answer"
    except process.OutOfTime:
        return None, f"no answer within {DEVICES_TIMEOUT_S:g} s"
    if ended.code:
        return None, ended.errors[-1] if ended.errors and ended.code > 0 else ended.manner
    try:
        return tuple(map(str, json.loads(ended.output))), None
    except ValueError:
        return None, "no answer"


def _discreet(value: str | None) -> str | None:
    """Strip the user and password of an address from a value."""
    return value if value is None else re.sub(r"//[^/@]*@", "//***@", value)
