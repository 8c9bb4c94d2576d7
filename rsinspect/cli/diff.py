"""``rsinspect diff``: two networks, what one has and the other has not, as a table or a picture."""

from __future__ import annotations

from typing import Annotated

import typer

from rsinspect.base.errors import InvalidQuestion
from rsinspect.cli.options import Output, answer, show

_PICTURE = "Picture"


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="MODEL or MODEL:DIALECT: 152, 152@224, 101:article; +se or -se at its end.",
            show_default=False,
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise; B is read as what A became.")],
    more: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[C]...",
            help="Further steps, each beside the one before: 200:resnet 200:resnet+se 200.",
            show_default=False,
        ),
    ] = None,
    resolution: Annotated[
        str | None,
        typer.Option(
            "--resolution",
            "-r",
            help="Of both: 224, 160x192. Default: the one that A or B names with '@', else the "
            "larger of their largest published ones, for both.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="table, json, csv, markdown or latex; with --graph as for rsinspect graph.",
        ),
    ] = None,
    output: Output = None,
    graph: Annotated[
        bool,
        typer.Option("--graph", help="Draw both side by side instead.", rich_help_panel=_PICTURE),
    ] = False,
    view: Annotated[
        str | None,
        typer.Option(
            help="stages, blocks or layers. Default: blocks; .me.json always has every layer.",
            rich_help_panel=_PICTURE,
        ),
    ] = None,
    direction: Annotated[
        str,
        typer.Option(help="The data runs TB or LR.", rich_help_panel=_PICTURE),
    ] = "TB",
    theme: Annotated[
        str,
        typer.Option(help="auto, paper, light, dark or print (greys).", rich_help_panel=_PICTURE),
    ] = "auto",
) -> None:
    """What B has more, less or otherwise than A, and what that costs."""
    from rsinspect.differences.report import chain_answer, diff_answer
    from rsinspect.networks.named import networks, parse_resolution

    one, two, *others = networks(
        a,
        b,
        *(more or ()),
        resolution=None if resolution is None else parse_resolution(resolution),
    )
    if others:
        if graph:
            raise InvalidQuestion("a picture has two sides, not more", "leave --graph or name two")
        answer(chain_answer((one, two, *others)), format or "table", output)
        return
    if not graph:
        answer(diff_answer(one, two), format or "table", output)
        return
    from rsinspect.drawing import formats
    from rsinspect.drawing.comparison import comparison

    format = formats.chosen(output, format)
    if view is None and format != "me.json":
        view = "blocks"
    scene = comparison(
        one,
        two,
        view=formats.view_in(format, view),
        direction=direction,
        deep=format in formats.DEEP,
    )
    show(scene, format, formats.Style(theme=theme), output)
