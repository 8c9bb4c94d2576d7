"""How the networks or runs of a report differ."""

from __future__ import annotations

from collections.abc import Iterator

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.comparisons.answer import comparison_answer
from rsinspect.comparisons.comparison import Comparison, Side
from rsinspect.differences.report import chain_answer, diff_answer
from rsinspect.differences.totals import totals_answer
from rsinspect.pages.parts import Heading, Part, Prose, Section, Tabled
from rsinspect.pages.report import Report
from rsinspect.pages.tied import tied


def section(report: Report) -> Section | None:
    """Compare what a report is about; None where it is about one thing."""
    networks = list(_networks(report)) if len(report.subjects) > 1 else []
    parts: list[Part] = [*networks[:1], *_runs(report), *networks[1:]]
    return Section("differences", "Differences", tuple(parts)) if parts else None


def _networks(report: Report) -> Iterator[Part]:
    """Show what the networks have in common and what not: totals, graphs, table by table."""
    first, *others = report.subjects
    networks = [subject.network for subject in report.subjects]
    yield Tabled("totals", totals_answer(networks, report.question))
    yield tied(report)
    for other in others:
        yield Tabled(f"diff-{first.key}-{other.key}", diff_answer(first.network, other.network))
    if len(others) > 1:
        yield Tabled("diff-chain", chain_answer(networks))


def _runs(report: Report) -> Iterator[Part]:
    """Tell which run is faster, by how much, how sure, and where; each against the first."""
    sides = [
        Side(reference=subject.text, run=run) for subject in report.subjects for run in subject.runs
    ]
    for number, side in enumerate(sides[1:], 1):
        first = sides[0]
        if len(sides) > 2:
            yield Heading(f"{first.name} → {side.name}")
        try:
            found = Comparison(a=first, b=side, how="groups")
        except InvalidMeasurement as exc:
            yield Prose((f"{side.name}: {exc.message}.",))
        else:
            yield Tabled(f"compare-{number}", comparison_answer(found))
