"""``rsinspect runs import``."""

from pathlib import Path
from typing import Annotated

import typer

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.recording import Db
from rsinspect.render.formats import TABLES


def runs_import(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="PLACE...",
            help="Files of runs (profile --save), of exports, folders of those, other stores.",
            show_default=False,
        ),
    ],
    db: Db = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Take in measurements from files and other databases.

    Examples:
        rsinspect runs import run.json lab.db
        rsinspect runs import measured-elsewhere
    """
    from rsinspect.runs.intake import intake_answer, take_in_at
    from rsinspect.runs.place import database_path

    chosen(TABLES, output, format)
    path = database_path(db)
    taken = take_in_at(path, places)
    refused = [wrong for each in taken for wrong in each.refused]
    if refused and not any(each.is_anything for each in taken):
        place, reason = refused[0]
        more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise InvalidMeasurement(f"{place} was refused: {reason}{more}")
    answer(intake_answer(taken, path), format, output, notes)
    if refused:
        raise typer.Exit(1)
