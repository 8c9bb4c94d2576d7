"""``rsinspect weights verify``."""

from typing import Annotated

import typer

from rsinspect.cli.options import model_command
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.weights.rows import WeightFile
from rsinspect.networks.network import Network
from rsinspect.render.formats import TABLES


@model_command()
def weights_verify(
    file: WeightFile,
    network: Network,
    every: Annotated[
        bool, typer.Option("--all", help="Every tensor, not only what does not fit.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="Only the first N rows.")
    ] = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Name every tensor that a file lacks, or has besides, or in another shape.

    Examples:
        rsinspect weights verify my.h5 50
        rsinspect weights verify my.h5 50 --all -o tensors.csv
    """
    from rsinspect.weights.verify import verified, verify_answer

    format = chosen(TABLES, output, format)
    found = verified(file, network)
    answer(verify_answer(found, every=every, limit=limit), format, output, notes)
    if not found.fits:
        raise typer.Exit(1)
