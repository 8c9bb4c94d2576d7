"""``rsinspect graph``: the network as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rsinspect.cli.options import model_command
from rsinspect.spec import ResNetRSSpec


@model_command()
def graph(
    spec: ResNetRSSpec,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file: .svg, .png, .pdf or .dot; '-' for stdout.",
            show_default=False,
        ),
    ],
    view: Annotated[
        str, typer.Option(help="stages: one card per stage, repeats folded.")
    ] = "stages",
    direction: Annotated[str, typer.Option(help="TB, top to bottom, or LR, left to right.")] = "TB",
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help="svg, png, pdf or dot. Default: from the suffix."),
    ] = None,
) -> None:
    """Draw the network through Graphviz; no system package is needed."""
    import sys

    from rsinspect.drawing.engine import check_format, draw
    from rsinspect.drawing.views import view as scene_of
    from rsinspect.errors import UnknownPicture
    from rsinspect.files import check_writable, write_whole

    to_stdout = str(output) == "-"
    if format is None:
        format = "svg" if to_stdout else output.suffix.removeprefix(".").lower()
        if not format:
            raise UnknownPicture(
                f"{output} has no suffix to tell the format", "name it .svg, .png, .pdf or .dot"
            )
    check_format(format)
    if not to_stdout:
        check_writable(output)
    scene = scene_of(spec, view, direction=direction)  # type: ignore[arg-type]  # checked there
    content = draw(scene, format)
    if to_stdout:
        sys.stdout.buffer.write(content)
    else:
        write_whole(output, content)
