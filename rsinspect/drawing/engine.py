"""Runs Graphviz, wherever it is, behind one function.

The default engine is pygraphviz, whose wheels carry the C libraries: it needs no system package,
draws SVG, PNG and PDF (with embedded fonts), and has been kept by the NetworkX family for years. It
runs in a process of its own with a font configuration of our own, so pictures do not depend on the
machine's fonts. Where it has no wheel, the system's ``dot`` serves, and the picture then depends on
that machine's version.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from rsinspect.drawing.dot import dot
from rsinspect.drawing.scene import Scene
from rsinspect.drawing.svg import finish
from rsinspect.errors import GraphvizNotFound, RenderError, UnknownPicture
from rsinspect.files import template
from rsinspect.spec import near

Renderer = Literal["pip", "system"]
FORMATS = ("svg", "png", "pdf", "dot")
TIMEOUT_S = 60.0
PNG_DPI = 192


def check_format(name: str) -> None:
    """Refuse an unknown picture format.

    Raises:
        UnknownPicture: If there is none of that name.
    """
    if name not in FORMATS:
        raise UnknownPicture(f"unknown picture format {name!r}", near(name, list(FORMATS)))


def available() -> Renderer:
    """The renderer that will be used.

    Raises:
        GraphvizNotFound: If there is none.
    """
    if importlib.util.find_spec("pygraphviz") is not None:
        return "pip"
    if shutil.which("dot") is not None:
        return "system"
    raise GraphvizNotFound(
        "no Graphviz engine: neither the pygraphviz package nor a dot program is here",
        "pip install pygraphviz, or install Graphviz; --format dot needs neither",
    )


def draw(scene: Scene, format: str, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """The scene as a file's content.

    Args:
        scene: What to show.
        format: svg, png, pdf or dot.
        timeout_s: Seconds after which Graphviz is killed.

    Raises:
        UnknownPicture: If the format is unknown.
        RenderError: If Graphviz fails or hangs.
        GraphvizNotFound: If there is no engine.
    """
    check_format(format)
    source = dot(scene, dpi=PNG_DPI if format == "png" else None)
    if format == "dot":
        return source.encode()
    picture = _run(source, format, available(), timeout_s)
    return finish(picture, scene) if format == "svg" else picture


def font_directory() -> Path:
    """Where the DejaVu fonts are that matplotlib ships.

    Raises:
        GraphvizNotFound: If matplotlib is not installed.
    """
    spec = importlib.util.find_spec("matplotlib")  # found, not imported: it would bring numpy
    if spec is None or spec.origin is None:
        raise GraphvizNotFound("the fonts of the figures are missing", "pip install matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def _run(source: str, format: str, renderer: Renderer, timeout_s: float) -> bytes:
    environment = dict(os.environ)
    if renderer == "system":
        command = [shutil.which("dot") or "dot", f"-T{format}"]
        return _output_of(command, source.encode(), environment, timeout_s)
    import jinja2

    with tempfile.TemporaryDirectory(prefix="rsinspect-") as scratch:
        fonts = Path(scratch) / "fonts.conf"
        text = jinja2.Template(template("fonts.conf")).render(
            fonts=font_directory(), cache=Path(scratch) / "cache"
        )
        fonts.write_text(text, encoding="utf-8")
        environment["FONTCONFIG_FILE"] = str(fonts)
        command = [sys.executable, "-I", str(Path(__file__).with_name("layout.py")), format]
        return _output_of(command, source.encode(), environment, timeout_s)


def _output_of(
    command: list[str], source: bytes, environment: dict[str, str], timeout_s: float
) -> bytes:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(source, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise RenderError(
                f"Graphviz did not finish within {timeout_s:g} s and was stopped",
                "--format dot gives the source without laying it out",
            ) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0 or not output:
        said = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
        said = [line for line in said if not line.startswith("Fontconfig warning")]
        raise RenderError(
            f"Graphviz ended with code {process.returncode}: {said[-1] if said else 'no message'}"
        )
    return output
