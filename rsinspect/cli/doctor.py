"""``rsinspect doctor``: what this machine has, and what is used of it."""

from __future__ import annotations

from typing import Annotated

import typer

from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen


def doctor(
    devices: Annotated[
        bool,
        typer.Option("--devices", help="Also ask each backend for its devices; takes a while."),
    ] = False,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Check this machine: renderers, fonts, frameworks; exit code 3 where no renderer draws.

    Examples:
        rsinspect doctor
        rsinspect doctor --format json
    """
    from rsinspect.doctor.answer import doctor_answer
    from rsinspect.doctor.checkup import examine
    from rsinspect.render.formats import TABLES

    chosen(TABLES, output, format)
    checkup = examine(devices=devices)
    answer(doctor_answer(checkup), format, output, notes)
    if not checkup.works:
        raise typer.Exit(3)
