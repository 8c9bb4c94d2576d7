"""``rsinspect weights inspect``."""

from typing import Annotated

import typer

from rsinspect.base.talk import say
from rsinspect.cli.declaration import option
from rsinspect.cli.options import with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.weights.rows import RowOptions, WeightFile
from rsinspect.render.formats import TABLES
from rsinspect.weights.inspection import FAILURES
from rsinspect.weights.inspection_table import LEVELS


@with_options
def weights_inspect(
    file: WeightFile,
    rows: RowOptions,
    level: Annotated[str, option("--level", "-l", help="One row per {}.", choices=LEVELS)] = "kind",
    fail_on: Annotated[
        str | None,
        option(
            "--fail-on",
            help="Exit code 1 where the file has one of these, a list with commas: {}.",
            choices=FAILURES,
        ),
    ] = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Say what a weight file is, what is in it, and whether it is safe to load.

    Examples:
        rsinspect weights inspect my.keras
        rsinspect weights inspect stranger.pth --level tensor --fail-on danger
    """
    from rsinspect.weights.inspection import failing, inspection
    from rsinspect.weights.inspection_table import COLUMNS, inspection_answer

    format = chosen(TABLES, output, format)
    selection = rows.make(level, LEVELS, COLUMNS, format)
    reasons = failing(fail_on.split(",") if fail_on else ())
    found = inspection(file)
    answer(inspection_answer(found, selection), format, output, notes)
    if refused := found.refused_for(reasons):
        for line in refused:
            say(line)
        raise typer.Exit(1)
