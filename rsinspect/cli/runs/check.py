"""``rsinspect runs check``."""

import typer

from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.recording import Db
from rsinspect.render.formats import TABLES


def runs_check(
    db: Db = None, format: Format = None, output: Output = None, notes: Notes = "short"
) -> None:
    """Check that the database is whole; exit code 1 where not.

    Examples:
        rsinspect runs check
        rsinspect runs check --db lab.db
    """
    from rsinspect.runs.integrity import findings, integrity_answer
    from rsinspect.runs.place import database_path

    chosen(TABLES, output, format)
    path = database_path(db)
    found = list(findings(path))
    answer(integrity_answer(found, path), format, output, notes)
    if any(finding.wrong for finding in found):
        raise typer.Exit(1)
