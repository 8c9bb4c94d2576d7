"""``rsinspect graph``: the network as a figure, a page or an interchange file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rsinspect.cli.options import Convention, model_command, show
from rsinspect.networks.network import Network

_STYLE = "Style"


@model_command()
def graph(
    network: Network,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file: .svg, .png, .pdf, .dot, .tex, .html, .mmd, .txt or .me.json; "
            "'-' for stdout. Default: a picture of characters on the terminal.",
            show_default=False,
        ),
    ] = None,
    view: Annotated[
        str | None,
        typer.Option(
            help="figure6, stages, blocks or layers. Default: figure6, in .html, .mmd and .txt "
            "stages; .me.json always has every layer.",
        ),
    ] = None,
    expand: Annotated[
        list[str] | None,
        typer.Option(
            help="Open a stage (c4), a run (c4/block1-22) or a block (c4/block1) one level "
            "further; may be repeated.",
            show_default=False,
        ),
    ] = None,
    color: Annotated[
        str | None,
        typer.Option(
            "--color",
            "--colour",
            help="Colour by params, macs, flops, activations, intensity or latency.",
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile", help="A run that rsinspect profile --save wrote, for --color latency."
        ),
    ] = None,
    convention: Convention = "paper",
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="svg, png, pdf, dot, tikz, html, mermaid, txt or me.json. Default: from the "
            "suffix; svg for '-o -'.",
        ),
    ] = None,
    direction: Annotated[
        str,
        typer.Option(help="The data runs top to bottom or left to right.", rich_help_panel=_STYLE),
    ] = "TB",
    theme: Annotated[
        str,
        typer.Option(
            help="auto (light, and dark where the reader's pages are), paper, light, dark or "
            "print (greys).",
            rich_help_panel=_STYLE,
        ),
    ] = "auto",
    font: Annotated[
        str,
        typer.Option(
            help="DejaVu Sans, DejaVu Serif, DejaVu Sans Mono or STIXGeneral (like Times).",
            rich_help_panel=_STYLE,
        ),
    ] = "DejaVu Sans",
    dpi: Annotated[
        int, typer.Option(help="Resolution of PNG files.", rich_help_panel=_STYLE)
    ] = 192,
    renderer: Annotated[
        str,
        typer.Option(
            help="Which Graphviz: auto, pip or system; rsinspect doctor tells what is here.",
            rich_help_panel=_STYLE,
        ),
    ] = "auto",
) -> None:
    """Draw the network; no system package is needed."""
    from rsinspect.drawing import formats
    from rsinspect.drawing.overlay import check_quantity, overlay
    from rsinspect.drawing.views import view as scene_of
    from rsinspect.layers.question import Question
    from rsinspect.plots.overlay import measured_of
    from rsinspect.profiling.record.document import load_run

    question = Question(convention)
    format = formats.chosen(output, format)
    style = formats.Style(theme=theme, font=font, dpi=dpi, renderer=renderer)
    color = color or ("latency" if profile is not None else None)
    if color is not None:
        check_quantity(color, measured=profile is not None)
    measured = None if profile is None else measured_of(load_run(profile), network)
    scene = scene_of(
        network,
        formats.view_in(format, view),
        direction=direction,
        expand=tuple(expand or ()),
        question=question,
        deep=format in formats.DEEP,
    )
    if color is not None:
        scene = overlay(scene, color, question, measured=measured)
    show(scene, format, style, output)
