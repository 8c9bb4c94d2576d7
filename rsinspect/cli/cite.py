"""``rsinspect cite``: how to cite the paper and the tool."""

from pathlib import Path
from typing import Annotated

from rsinspect.base.formats import Formats
from rsinspect.cli.claims import writes
from rsinspect.cli.options import OUTPUT, one_of, option
from rsinspect.cli.outputs import put

CITATIONS = Formats(
    "citation", {".bib": "bibtex", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}
)


def cite(
    format: Annotated[
        str | None,
        option(
            "--format",
            "-f",
            help=f"{one_of(CITATIONS.names)}. Default: from the suffix of the file; else bibtex.",
            panel=OUTPUT,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help=f"Write to this file instead of stdout: {one_of(CITATIONS.suffixes)}.",
            panel=OUTPUT,
            callback=writes,
        ),
    ] = None,
) -> None:
    """Show how to cite the paper and this tool, as BibTeX."""
    from rsinspect.answers.citation import citations
    from rsinspect.render.bibtex import bibtex
    from rsinspect.render.data import document_text

    name = CITATIONS.chosen(output, format) or "bibtex"
    document = citations()
    text = bibtex(document) if name == "bibtex" else document_text(document, name)  # type: ignore[arg-type]  # one of CITATIONS
    put(text.encode(), output)
