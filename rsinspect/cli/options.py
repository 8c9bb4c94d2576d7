"""Options that several commands share, each declared once.

``model_command`` gives a command all the options that describe a network and hands it one
``Network``; ``answer`` puts a report where the user wants it, ``show`` a picture.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.answers.table import Report
from rsinspect.base.errors import InvalidSpec
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.named import is_file, network, parse_blocks, parse_model, parse_resolution
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec

if TYPE_CHECKING:
    from rsinspect.answers.chart import Chart
    from rsinspect.drawing.formats import Style
    from rsinspect.drawing.scene import Scene

_NETWORK = "Network"
_OUTPUT = "Output"

Format = Annotated[
    str,
    typer.Option(
        "--format", "-f", help="table, json, csv, markdown or latex.", rich_help_panel=_OUTPUT
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write to this file instead of stdout.", rich_help_panel=_OUTPUT
    ),
]
Convention = Annotated[
    str, typer.Option(help="What a FLOP is: mac, paper, timm or full.", rich_help_panel=_OUTPUT)
]


def _option(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=_NETWORK)


_NETWORK_OPTIONS: dict[str, tuple[Any, Any]] = {
    "model": (
        Annotated[
            str | None,
            typer.Argument(
                help="A depth (270), a depth at a resolution (152@224) or a published name "
                "(resnet-rs-152-i224).",
                show_default=False,
            ),
        ],
        None,
    ),
    "blocks": (
        Annotated[str | None, _option("--blocks", help="A layout of your own: 3,4,23,3.")],
        None,
    ),
    "resolution": (
        Annotated[
            str | None,
            _option(
                "--resolution",
                "-r",
                help="Image side, or height x width: 224, 160x192. Default: the largest published.",
            ),
        ],
        None,
    ),
    "width": (
        Annotated[
            float,
            _option(
                "--width",
                help="Multiplier of all filters, rounded to multiples of 8.",
            ),
        ],
        1.0,
    ),
    "dialect": (
        Annotated[
            str | None,
            _option("--dialect", help=f"Whose wiring: {', '.join(DIALECTS)}. Default: keras."),
        ],
        None,
    ),
    "classes": (
        Annotated[
            int | None,
            _option("--classes", help="Outputs of the classifier. Default: 1000, tf-models 1001."),
        ],
        None,
    ),
    "channels": (Annotated[int, _option("--channels", help="Channels of the image.")], 3),
    "se_ratio": (
        Annotated[
            float | None,
            _option(
                "--se-ratio",
                help="Squeeze-and-excitation ratio; 0 for none. Default: 0.25, the ancestors 0.",
            ),
        ],
        None,
    ),
    "drop_path_rate": (
        Annotated[
            float | None,
            _option("--drop-path-rate", help="Stochastic depth. Default: the published one."),
        ],
        None,
    ),
    "dropout_rate": (
        Annotated[
            float | None,
            _option("--dropout", help="Dropout before the classifier. Default: the published one."),
        ],
        None,
    ),
    "activation": (
        Annotated[
            str | None,
            _option(
                "--activation",
                help="Nonlinearity of stem and blocks. Default: relu, tf-models swish.",
            ),
        ],
        None,
    ),
    "include_top": (
        Annotated[bool, _option("--top/--no-top", help="With or without the classifier.")],
        True,
    ),
    "pooling": (
        Annotated[
            str | None,
            _option("--pooling", help="Without the classifier: avg or max. Default: the map."),
        ],
        None,
    ),
    "preprocessing": (
        Annotated[
            bool,
            _option("--preprocessing/--no-preprocessing", help="With or without rescaling layers."),
        ],
        True,
    ),
}


def network_from_options(
    *,
    model: str | None,
    blocks: str | None,
    resolution: str | None,
    dialect: str | None,
    default_model: str | None = None,
    **fields: Any,
) -> Network:
    """Make the network that the options describe.

    Raises:
        SpecError: If they describe none.
    """
    if fields["pooling"] is not None and fields["include_top"]:
        raise InvalidSpec(
            f"--pooling {fields['pooling']} is for networks without a classifier",
            "add --no-top",
        )
    changes = {name: value for name, value in fields.items() if value is not None}
    size = None if resolution is None else parse_resolution(resolution)
    if blocks is not None:
        if model is not None:
            raise InvalidSpec(
                f"{model} and --blocks {blocks} describe two networks", "give one of them"
            )
        if size is not None:
            changes["resolution"] = size
        layout = parse_blocks(blocks)
        return resnet_rs(ResNetRSSpec.layout(layout, dialect=dialect or "keras", **changes))
    model = model or default_model
    if model is None:
        raise InvalidSpec("no network named", "give a depth, 50 to 420, or --blocks 3,4,23,3")
    if is_file(model):
        defaults = {name: default for name, (_, default) in _NETWORK_OPTIONS.items()}
        given = [name for name, value in fields.items() if value != defaults[name]]
        if size is not None or dialect is not None or given:
            raise InvalidSpec(
                f"{model} is a file: it holds one network, which options cannot change",
                "leave the options of the network out",
            )
        return network(model)
    return resnet_rs(parse_model(model).spec(resolution=size, dialect=dialect, **changes))


def model_command(
    default_model: str | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command whose first parameter is a network gets the network options in its place.

    Args:
        default_model: MODEL where none is given; None makes it required.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = typing.get_type_hints(command, include_extras=True)
        own = list(inspect.signature(command).parameters.values())[1:]
        own = [p.replace(annotation=hints[p.name]) for p in own]
        network = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
            )
            for name, (annotation, default) in _NETWORK_OPTIONS.items()
        ]
        own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]

        @wraps(command)
        def run(**values: Any) -> None:
            network_values = {name: values.pop(name) for name in _NETWORK_OPTIONS}
            command(network_from_options(default_model=default_model, **network_values), **values)

        parameters = [*network, *own]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        del run.__wrapped__
        return run

    return decorate


def answer(report: Report, format_name: str, output: Path | None) -> None:
    """Put a report on stdout or into a file, in the format asked for.

    Raises:
        InvalidQuestion: If the format is unknown.
        OutputNotWritable: If the file cannot be written.
    """
    if format_name == "table":
        from rsinspect.render.console import console_for, print_table

        if output is None:
            print_table(report.table, console_for())
            return
        import io

        buffer = io.StringIO()
        print_table(report.table, console_for(buffer))
        text = buffer.getvalue()
    else:
        from rsinspect.render.data import as_text

        text = as_text(report, format_name)
    if output is None or str(output) == "-":
        import sys

        sys.stdout.write(text)
    else:
        from rsinspect.base.files import write_whole

        write_whole(output, text.encode())


def plot(chart: Chart, output: Path, theme: str) -> None:
    """Put a chart into a file.

    Raises:
        OutputNotWritable: If the file cannot be written.
        RenderError: If its suffix or the theme is unknown.
    """
    from rsinspect.base.files import check_writable, write_whole
    from rsinspect.drawing.charts import chart_file

    check_writable(output)
    write_whole(output, chart_file(chart, output, theme))


def show(scene: Scene, format_name: str, style: Style, output: Path | None) -> None:
    """Put a picture on stdout or into a file, with the files that belong beside it.

    Raises:
        OutputNotWritable: If a file cannot be written.
        RenderError: If the picture cannot be drawn.
    """
    import sys
    from dataclasses import replace

    from rsinspect.base.files import check_writable, write_whole
    from rsinspect.drawing.formats import companions, render

    if output is None or str(output) == "-":
        if format_name == "txt":
            from rsinspect.render.console import console_for

            console = console_for()
            style = replace(
                style,
                width=console.width,
                colour=console.is_terminal and not console.no_color,
                ascii_only=not (console.encoding or "utf-8").lower().startswith("utf"),
            )
        sys.stdout.flush()
        sys.stdout.buffer.write(render(scene, format_name, style))
        sys.stdout.buffer.flush()
        return
    check_writable(output)
    contents = companions(scene, format_name, output) | {output: render(scene, format_name, style)}
    for path in contents:
        check_writable(path)
    for path, content in contents.items():
        write_whole(path, content)
