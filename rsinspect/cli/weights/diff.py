"""``rsinspect weights diff``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rsinspect.cli.claims import reads
from rsinspect.cli.declaration import option
from rsinspect.cli.options import with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.weights.rows import RowOptions
from rsinspect.render.formats import TABLES
from rsinspect.weights.change_table import LEVELS


def _file(metavar: str, help: str) -> Any:
    return typer.Argument(metavar=metavar, help=help, show_default=False, callback=reads)


@with_options
def weights_diff(
    a: Annotated[
        Path,
        _file("A", "A weight file of any format that weights inspect reads."),
    ],
    b: Annotated[
        Path,
        _file("B", "Another, which is read as what A became; a ResNet-RS may have other names."),
    ],
    rows: RowOptions,
    level: Annotated[
        str | None,
        option(
            "--level",
            "-l",
            help="One row per {}. Default: stage where both are one ResNet-RS, else kind.",
            choices=LEVELS,
        ),
    ] = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Compare two weight files, tensor by tensor.

    Examples:
        rsinspect weights diff imagenet.pth finetuned.weights.h5
        rsinspect weights diff before.h5 after.h5 --level tensor --filter 'c5/*'
    """
    from rsinspect.weights.change import comparison
    from rsinspect.weights.change_table import COLUMNS, change_answer

    format = chosen(TABLES, output, format)
    selection = rows.make(level, LEVELS, COLUMNS, format)
    answer(change_answer(comparison(a, b), selection), format, output, notes)
