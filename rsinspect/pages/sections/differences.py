"""How the networks or runs of a report differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from rsinspect.comparisons.answer import comparison_answer, headline
from rsinspect.comparisons.comparison import Comparison
from rsinspect.differences.report import chain_answer, diff_answer
from rsinspect.differences.totals import totals_answer
from rsinspect.pages.parts import Drawn, Heading, Part, Prose, Section, Tabled
from rsinspect.pages.report import Report
from rsinspect.pages.runs import RunBeside, runs_beside
from rsinspect.pages.tied import tied
from rsinspect.plots.comparison import comparison_plot


def section(report: Report) -> Section | None:
    """Compare what a report is about; None where it is about one thing."""
    runs = runs_beside(report.subjects)
    parts = [*_networks(report, runs), *_runs(runs)]
    return Section("differences", "Differences", tuple(parts)) if parts else None


def _networks(report: Report, runs: Sequence[RunBeside]) -> Iterator[Part]:
    """Show what the networks have in common and what not: totals, graphs, stage by stage."""
    first, *others = report.subjects
    if not others:
        return
    networks = [subject.network for subject in report.subjects]
    yield Tabled("totals", totals_answer(networks, report.question))
    yield tied(report, runs)
    for other in others:
        yield Tabled(f"diff-{first.key}-{other.key}", diff_answer(first.network, other.network))
    if len(others) > 1:
        yield Heading("Each beside the one before")
        yield Tabled("diff-chain", chain_answer(networks))


def _runs(runs: Sequence[RunBeside]) -> Iterator[Part]:
    """Tell which run is faster, by how much, how sure, and where; each against the first."""
    if len(runs) > 1:
        yield Heading(f"What was measured, beside {runs[0].first.name}")
        yield Prose(tuple(f"{run.side.name}: {_said(run)}" for run in runs))
    for number, run in enumerate(runs, 1):
        yield Heading(f"{run.first.name} → {run.side.name}, {run.side.run.conditions}")
        if run.comparison is None:
            yield Prose((_said(run),))
            continue
        yield Drawn(f"ratios-{number}", partial(_drawn, run.comparison), _said(run))
        yield Tabled(f"compare-{number}", comparison_answer(run.comparison))


def _said(run: RunBeside) -> str:
    """Say what came of a comparison in a sentence or two."""
    return f"{run.refusal}." if run.comparison is None else headline(run.comparison)


def _drawn(found: Comparison, theme: str) -> bytes:
    """Draw how many times as long each part takes."""
    return comparison_plot(found, "svg", theme)
