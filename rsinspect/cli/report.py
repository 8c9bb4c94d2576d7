"""``rsinspect report``: one offline page that explains a network, or several side by side."""

from pathlib import Path
from typing import Annotated

import typer

from rsinspect.cli.claims import writes
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.options import models
from rsinspect.cli.outputs import write
from rsinspect.networks.named import network


def report(
    model: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="One to four networks: a depth, a name, a file, code that makes one.",
            show_default=False,
            autocompletion=completing(models),
        ),
    ],
    output: Annotated[
        Path,
        option(
            "--output", "-o", help="The page: a file whose name ends in .html.", callback=writes
        ),
    ],
) -> None:
    """Write one page that explains a network and opens anywhere."""
    from rsinspect.pages.html import report_page
    from rsinspect.pages.report import Report
    from rsinspect.pages.subject import Subject

    subjects = tuple(
        Subject(text=text, network=network(text), key=key)
        for key, text in zip("abcd", model, strict=False)
    )
    write({output: report_page(Report(subjects=subjects)).encode()})
