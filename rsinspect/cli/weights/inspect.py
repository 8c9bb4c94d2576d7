"""``rsinspect weights inspect``."""

from pathlib import Path
from typing import Annotated

import typer

from rsinspect.base.talk import say
from rsinspect.cli.claims import reads
from rsinspect.cli.declaration import option
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.render.formats import TABLES
from rsinspect.weights.inspection import FAILURES
from rsinspect.weights.inspection_table import LEVELS


def weights_inspect(
    file: Annotated[
        Path,
        typer.Argument(
            help="A .h5, .weights.h5, .keras, .safetensors, .npz or .pth file, or a checkpoint of "
            "TensorFlow: its index, its prefix or its folder.",
            callback=reads,
        ),
    ],
    level: Annotated[
        str, option("--level", "-l", help="One row per {} of tensor.", choices=LEVELS)
    ] = "kind",
    columns: Annotated[
        str | None, typer.Option("--columns", "-c", help="Columns to show, by key, or 'all'.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", "-s", help="Sort by this column, largest first.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="Only the first N rows.")
    ] = None,
    filter: Annotated[
        str | None, typer.Option("--filter", help="Only names or kinds like this: '*bn1*', gamma.")
    ] = None,
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
    """Say what a weight file is, what is in it, and whether it is safe to load."""
    from rsinspect.weights.inspection import failing, inspection
    from rsinspect.weights.inspection_table import (
        InspectionOptions,
        column_keys,
        inspection_answer,
    )

    format = chosen(TABLES, output, format)
    wanted = column_keys() if columns == "all" else tuple(columns.split(",")) if columns else ()
    options = InspectionOptions(
        level=level,  # type: ignore[arg-type]  # checked by InspectionOptions
        columns=wanted or (column_keys() if format in ("csv", "parquet") else ()),
        sort=sort,
        limit=limit,
        filter=filter,
    )
    reasons = failing(fail_on.split(",") if fail_on else ())
    found = inspection(file)
    answer(inspection_answer(found, options), format, output, notes)
    if refused := found.refused_for(reasons):
        for line in refused:
            say(line)
        raise typer.Exit(1)
