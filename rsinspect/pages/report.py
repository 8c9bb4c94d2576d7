"""A report: what it is about, and the sections that its page has."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rsinspect.base.errors import InvalidQuestion, check_choice
from rsinspect.base.text import showable
from rsinspect.base.words import names_in_words
from rsinspect.drawing.choices import AUTO
from rsinspect.drawing.views import DEFAULT_QUESTION
from rsinspect.layers.question import Question
from rsinspect.pages.choices import SECTIONS, THEMES
from rsinspect.pages.parts import Section
from rsinspect.pages.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a page is asked to show.

    Attributes:
        subjects: One network, or up to four side by side.
        question: What a FLOP is; the batch and dtype of bytes.
        title: Of the page; empty for one that says what it is about.
        theme: One of THEMES.
        only: Names of the sections to show; empty for all.
        command: What makes the page again, as it is typed.
        notes: What to know of the choice of networks, a sentence each.
        db: File of a store whose other runs may be shown too; None for none.
        index: Address of the page that lists this one; empty where there is none.

    Raises:
        InvalidChoice: If there is no theme, or no section of a name.
    """

    subjects: tuple[Subject, ...]
    question: Question = DEFAULT_QUESTION
    title: str = ""
    theme: str = AUTO
    only: tuple[str, ...] = ()
    command: str = ""
    notes: tuple[str, ...] = ()
    db: Path | None = None
    index: str = ""

    def __post_init__(self) -> None:
        check_choice("theme", self.theme, THEMES)
        for name in self.only:
            check_choice("section", name, SECTIONS)

    def shows(self, section: str) -> bool:
        """Tell whether a section is among those to show."""
        return not self.only or section in self.only

    @property
    def heading(self) -> str:
        """Return the title, or else what it is about."""
        return showable(self.title or ", ".join(each.network.title for each in self.subjects))


_NEEDS = {
    "differences": "differences are of two networks or runs",
    "weights": "weights of a file that has them",
    "latency": "latencies of a run",
}
"""What a section is of that not every report has."""


def sections_of(report: Report) -> tuple[Section, ...]:
    """Make the sections of a report, in order; those with nothing to say are left out.

    Raises:
        InvalidQuestion: If none of those that were chosen has anything to say; a gallery's page
            may be so, beside others that are not.
    """
    wanted = [name for name in SECTIONS if report.shows(name)]
    modules = [import_module(f"rsinspect.pages.sections.{name}") for name in wanted]
    sections = (module.section(report) for module in modules)
    made = tuple(section for section in sections if section is not None)
    if not made and not report.index:
        needed = [_NEEDS[name] for name in wanted if name in _NEEDS]
        raise InvalidQuestion(
            f"{report.heading}: there is nothing to show in {names_in_words(wanted)}",
            ", ".join(needed) or "facts, graph and tables are of every network",
        )
    return made
