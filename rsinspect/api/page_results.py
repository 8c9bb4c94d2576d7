"""A page that explains networks, as a value that saves itself."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from rsinspect.base.embedded import check_page
from rsinspect.base.files import write_whole
from rsinspect.pages.report import Report


class Page:
    """A page that explains networks: one file that opens anywhere, with no server.

    Attributes:
        record: What the page is asked to show.
    """

    def __init__(self, record: Report) -> None:
        self.record = record

    @property
    def title(self) -> str:
        """Say what it is about."""
        return self.record.heading

    @cached_property
    def _html(self) -> str:
        from rsinspect.pages.html import report_page

        return report_page(self.record)

    def to_html(self) -> str:
        """Write the page, a whole document."""
        return self._html

    def to_json(self) -> dict[str, Any]:
        """Give the document that is in the page, as plain values."""
        from rsinspect.pages.document import document_of

        return document_of(self.record)

    def save(self, path: str | Path) -> None:
        """Write it to a file, whole or not at all; the file is MODEL text from then on.

        Args:
            path: With a name that ends in ``.html``.

        Raises:
            UnknownFormat: If its name does not end in ``.html``.
            InvalidQuestion: If none of the chosen sections has anything to say.
            OutputNotWritable: If the file cannot be written.
        """
        path = Path(path)
        check_page(path)
        write_whole(path, self.to_html().encode())

    def _repr_html_(self) -> str:
        from rsinspect.api.functions import graph
        from rsinspect.render.frame import framed

        still = graph(self.record.subjects[0].network, "stages", theme=self.record.theme)
        return framed(self.to_html(), svg=still.to_svg(), says=f"About {self.title}")

    def __repr__(self) -> str:
        return f"<Page: {self.title}>"
