"""Runs Graphviz, wherever it is, behind one function.

The default is pygraphviz: its wheels carry the C libraries, so it needs no system package, draws
SVG, PNG and PDF with embedded fonts, and the NetworkX family has kept it for years. graphviz-pure,
the other one from pip, takes a third of its time on a figure of stages and 1.1 times as long on
all layers of ResNet-RS-420, but draws no PDF and does not read our fonts: in DejaVu Sans Mono it
allots words 0.7 of their width, so that text leaves its box. Where pygraphviz has no wheel, the
system's ``dot`` serves, and the picture then depends on that machine's version.

Either runs in a process of its own, with the fonts that matplotlib ships and no others. pygraphviz
gets none of the user's environment and the date is taken out of PDFs: the same source gives the
same bytes.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rsinspect.base import process
from rsinspect.base.errors import GraphvizNotFound, PictureTooLarge, RenderError, check_choice
from rsinspect.base.files import scratch, template
from rsinspect.base.process import Ended
from rsinspect.base.units import binary_bytes, grouped
from rsinspect.base.words import Option, advice
from rsinspect.drawing import layout
from rsinspect.drawing.choices import FONTS, RENDERERS

Kind = Literal["pip", "system"]
Format = Literal["svg", "png", "pdf", "json"]
TIMEOUT_S = 60.0
MOST_BYTES = 2**29
"""More than any picture has."""


_LAYOUT = (sys.executable, "-I", "-S", str(Path(layout.__file__)))
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""What a Python may need to start; nothing of it shows in a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A Graphviz of this machine.

    Attributes:
        kind: ``pip``, the pygraphviz package, or ``system``, a program called dot.
        path: The package's directory, or the program.
        why: Reason it is used.
    """

    kind: Kind
    path: Path
    why: str

    def command(self, format: str) -> tuple[str, ...]:
        """Return the command of a program that draws from its standard input."""
        if self.kind == "system":
            return (str(self.path), f"-T{format}")
        return (*_LAYOUT, str(self.path), format)

    def version(self, timeout_s: float = TIMEOUT_S) -> str:
        """Start Graphviz and read its version.

        Args:
            timeout_s: Seconds after which it is ended.

        Raises:
            RenderError: If it does not.
        """
        command = (*_LAYOUT, str(self.path)) if self.kind == "pip" else (str(self.path), "-V")
        ended = _ended(command, b"", _environment(self.kind), timeout_s)
        said = " ".join((ended.output.decode(errors="replace"), *ended.errors))
        found = re.search(r"\d+\.\d+(\.\d+)?", said)
        if ended.code or found is None:
            raise RenderError(f"Graphviz {ended.manner}: {_complaint(ended)}")
        return found[0]


DOT = Option("format", "dot")


def choose(renderer: str = "auto") -> Engine:
    """Choose the Graphviz that draws.

    Args:
        renderer: ``pip`` or ``system`` insist on one; ``auto`` takes the first there is.

    Raises:
        InvalidChoice: If there is no renderer of that name.
        GraphvizNotFound: If it is not here.
    """
    check_choice("renderer", renderer, RENDERERS)
    automatic = Option("renderer", "auto")
    insisted = "asked for by name"
    package = None if renderer == "system" else importlib.util.find_spec("pygraphviz")
    if package is not None and package.origin is not None:
        why = insisted if renderer == "pip" else "the default: it needs no system package"
        return Engine(kind="pip", path=Path(package.origin).parent, why=why)
    program = None if renderer == "pip" else shutil.which("dot")
    if program is not None and os.path.isabs(program):  # noqa: PTH117  # not one of this folder
        why = insisted if renderer == "system" else "the pygraphviz package is not here"
        return Engine(kind="system", path=Path(program), why=why)
    if renderer == "pip":
        raise GraphvizNotFound(
            "the pygraphviz package is not here", advice("pip install pygraphviz, or {}", automatic)
        )
    if renderer == "system":
        raise GraphvizNotFound(
            "no program called dot is on the PATH", advice("install Graphviz, or {}", automatic)
        )
    raise GraphvizNotFound(
        "no Graphviz engine: neither the pygraphviz package nor a dot program is here",
        advice("pip install pygraphviz, or install Graphviz; {} needs neither", DOT),
    )


def run(
    source: str, format: Format, *, renderer: str = "auto", timeout_s: float = TIMEOUT_S
) -> bytes:
    """Run Graphviz and return its output.

    Args:
        source: DOT.
        format: svg, png, pdf, or json: the graph with positions.
        renderer: As for ``choose``.
        timeout_s: Seconds after which Graphviz is ended.

    Raises:
        InvalidChoice: If there is no such renderer.
        GraphvizNotFound: If it is not here.
        NoTemporaryDirectory: If there is no room for temporary files.
        PictureTooLarge: If a PNG would have too many pixels; none is drawn then.
        RenderError: If Graphviz fails or hangs.
    """
    engine = choose(renderer)
    fonts = font_directory()
    with scratch() as directory:
        environment = _environment(engine.kind) | _font_configuration(fonts, directory)

        def drawn(format: str) -> bytes:
            ended = _ended(engine.command(format), source.encode(), environment, timeout_s)
            if engine.kind == "pip" and ended.code == layout.TOO_LARGE:
                width, height = map(int, ended.output.split())
                raise _too_large(width, height)
            return _picture(ended, format)

        if engine.kind == "system" and format == "png":
            size = _size_px(drawn("svg"))
            if not layout.fits(*size):
                raise _too_large(*size)
        picture = drawn(format)
    return _undated(picture) if format == "pdf" else picture


def check_font(name: str) -> None:
    """Refuse an unknown font family.

    Raises:
        InvalidChoice: If it is none of FONTS.
    """
    check_choice("font", name, FONTS)


def font_directory() -> Path:
    """Locate the fonts that matplotlib ships.

    Raises:
        GraphvizNotFound: If matplotlib is not installed.
    """
    spec = importlib.util.find_spec("matplotlib")  # found, not imported: it would bring numpy
    if spec is None or spec.origin is None:
        raise GraphvizNotFound("the fonts of the figures are missing", "pip install matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def _environment(kind: Kind) -> dict[str, str]:
    """List the variables of a Graphviz process, but for its fonts."""
    if kind == "system":
        return dict(os.environ) | {"TZ": "UTC", "SOURCE_DATE_EPOCH": "0"}
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"TZ": "UTC"}


def _font_configuration(fonts: Path, directory: Path) -> dict[str, str]:
    """Write a configuration of those fonts alone; return the variables that name it.

    The folder of the cache is named by a variable too: XML cannot hold the name of every folder.
    """
    from html import escape
    from string import Template

    text = Template(template("fonts.conf")).substitute(fonts=escape(str(fonts)))
    path = directory / "fonts.conf"
    path.write_bytes(os.fsencode(text))
    return {"FONTCONFIG_FILE": str(path), "XDG_CACHE_HOME": str(directory)}


def _ended(
    command: tuple[str, ...], source: bytes, environment: Mapping[str, str], timeout_s: float
) -> Ended:
    try:
        ended = process.run(
            command, source=source, environment=environment, timeout_s=timeout_s,
            most_bytes=MOST_BYTES,
        )  # fmt: skip
    except process.OutOfTime:
        raise RenderError(
            f"Graphviz did not finish within {timeout_s:g} s and was stopped",
            advice("{} gives the source without laying it out", DOT),
        ) from None
    except process.TooMuchOutput as exc:
        raise RenderError(f"Graphviz wrote more than {binary_bytes(exc.args[0])}", _IS_IT) from exc
    except OSError as exc:
        raise RenderError(f"Graphviz cannot be started: {exc.strerror}") from exc
    noise = "Fontconfig warning"  # about the system's own files, which it reads and leaves aside
    return ended._replace(errors=tuple(e for e in ended.errors if not e.startswith(noise)))


_BEGINNINGS = {"svg": b"<", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{"}


def _picture(ended: Ended, format: str) -> bytes:
    """Return the output; raise where Graphviz failed or complained, as its picture is wrong."""
    failed = any(line.startswith("Error:") for line in ended.errors)
    if ended.code or not ended.output or failed:
        raise RenderError(f"Graphviz {ended.manner}: {_complaint(ended)}")
    if not ended.output.lstrip().startswith(_BEGINNINGS[format]):
        raise RenderError(f"what Graphviz wrote is no {format}", _IS_IT)
    return ended.output


_IS_IT = "is the dot on the PATH that of Graphviz? rsinspect doctor tries it"


def _size_px(svg: bytes) -> tuple[int, int]:
    try:
        return layout.size_px(svg)
    except (ValueError, OverflowError) as exc:
        raise RenderError("what Graphviz wrote is no svg with a size", _IS_IT) from exc


def _complaint(ended: Ended) -> str:
    """Pick the first error of Graphviz, else its last line."""
    said = [line.removeprefix("Error: ") for line in ended.errors if line.startswith("Error: ")]
    return next(iter((*said, *reversed(ended.errors))), "no message").strip()


def _too_large(width: int, height: int) -> PictureTooLarge:
    size = f"a picture of {grouped(width)} × {grouped(height)} px"
    if max(width, height) > layout.LONGEST_SIDE_PX:
        limit = f"{grouped(layout.LONGEST_SIDE_PX)} px a side"
    else:
        limit = f"{grouped(layout.LARGEST_AREA_PX)} px in all"
    return PictureTooLarge(
        f"{size} is too large, the limit is {limit}",
        advice("{}, or a lower {}", Option("format", "svg"), Option("dpi")),
    )


def _undated(pdf: bytes) -> bytes:
    """Blank out the creation time of a PDF; every offset in it stays right."""
    return re.sub(rb"/CreationDate \([^)]*\)", lambda match: b" " * len(match[0]), pdf)
