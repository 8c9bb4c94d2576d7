"""A report as one page of HTML that needs nothing but itself."""

from __future__ import annotations

from rsinspect.base.embedded import DOCUMENT, embedded
from rsinspect.base.markup import environment
from rsinspect.drawing.page import dressing
from rsinspect.drawing.viewer import viewer_of
from rsinspect.pages.document import document_of
from rsinspect.pages.inline_svg import inline_svg
from rsinspect.pages.parts import Drawn, Explorer, Part, Tabled, Tied
from rsinspect.pages.report import Report, sections_of
from rsinspect.render.html import Shown, table_shown


def report_page(report: Report) -> str:
    """Write the page of a report.

    Raises:
        InvalidChoice: If there is no such theme.
        InvalidQuestion: If no section has anything to say.
    """
    sections = sections_of(report)
    viewers = {
        id(explorer): viewer_of(explorer.scene)
        for section in sections
        for part in section.parts
        for explorer in _explorers(part)
    }
    return (
        environment()
        .get_template("report/report.html")
        .render(
            dressing(list(viewers.values()), report.theme),
            report=report,
            sections=sections,
            viewer_of=lambda part: viewers[id(part)],
            picture_of=lambda part: _picture(part, report.theme),
            shown_of=_shown,
            kind=lambda part: type(part).__name__.lower(),
            embedded=embedded,
            document=embedded(document_of(report)),
            document_id=DOCUMENT,
        )
    )


def _picture(part: Drawn, theme: str) -> str:
    return inline_svg(part.draw, name=part.name, says=part.says, theme=theme)


def _shown(part: Tabled) -> Shown:
    return table_shown(
        part.answer.table,
        name=part.name,
        hidden=part.hidden,
        levels=part.levels,
        level_names=part.level_names,
    )


def _explorers(part: Part) -> tuple[Explorer, ...]:
    match part:
        case Explorer():
            return (part,)
        case Tied():
            return part.explorers
        case _:
            return ()
