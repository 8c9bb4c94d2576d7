"""``rsinspect cite``: how to cite the paper and the tool."""

from pathlib import Path
from typing import Annotated

from rsinspect.base.formats import Formats
from rsinspect.cli.outputs import format_option, output_option, put

CITATIONS = Formats(
    "citation", {".bib": "bibtex", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}
)


def cite(
    format: Annotated[str | None, format_option(CITATIONS, "bibtex")] = None,
    output: Annotated[Path | None, output_option(CITATIONS)] = None,
) -> None:
    """Show how to cite the paper and this tool, as BibTeX.

    Examples:
        rsinspect cite
        rsinspect cite -o references.bib
    """
    from rsinspect.answers.citation import citations
    from rsinspect.render.bibtex import bibtex
    from rsinspect.render.data import document_text

    name = CITATIONS.chosen(output, format) or "bibtex"
    document = citations()
    text = bibtex(document) if name == "bibtex" else document_text(document, name)  # type: ignore[arg-type]  # one of CITATIONS
    put(text.encode(), output)
