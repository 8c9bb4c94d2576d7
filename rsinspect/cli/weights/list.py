"""``rsinspect weights list``."""

from typing import Annotated

import typer

from rsinspect.cli.outputs import Format, Notes, Output, answer


def weights_list(
    verify: Annotated[
        bool, typer.Option("--verify", help="Read those that are here and compare their md5.")
    ] = False,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """List the published ImageNet weight files, how big they are and where they lie.

    Examples:
        rsinspect weights list
        rsinspect weights list --verify -o weights.csv
    """
    from rsinspect.weights.listing import list_answer

    answer(list_answer(verify=verify), format, output, notes)
