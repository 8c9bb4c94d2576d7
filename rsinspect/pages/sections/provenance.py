"""What the numbers mean and where they are from, and how to make the page again."""

from __future__ import annotations

from collections.abc import Iterator

from rsinspect import __version__
from rsinspect.base.embedded import DOCUMENT, REPORT
from rsinspect.base.units import binary_bytes, length_of_time
from rsinspect.base.words import plural
from rsinspect.layers.question import Question
from rsinspect.pages.parts import Beside, Code, Fact, Facts, Heading, Part, Prose, Section
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.profiling.record.run import ProfileRun


def section(report: Report) -> Section | None:
    """Say what the numbers mean, what was read and measured, and how the page was made."""
    parts: list[Part] = [Prose((*_conventions(report.question), *report.notes))]
    about = [
        Facts(
            tuple(_origin(subject)),
            subject.network.title if len(report.subjects) > 1 else "",
            quiet=True,
        )
        for subject in report.subjects
    ]
    parts += about if len(about) == 1 else [Beside(tuple(about))]
    if any(subject.runs for subject in report.subjects):
        parts.append(Heading("Where it was measured"))
        runs = [run for subject in report.subjects for run in subject.runs]
        titles = [f"{run.title}, batch {run.batch.used}" if len(runs) > 1 else "" for run in runs]
        measured = tuple(
            Facts(tuple(_measured(run)), title, quiet=True)
            for run, title in zip(runs, titles, strict=True)
        )
        parts += measured if len(measured) == 1 else [Beside(measured)]
    parts.append(Heading("This page again"))
    if report.command:
        parts.append(Code(report.command))
    parts.append(Prose((_data(),)))
    return Section("provenance", "Conventions and provenance", tuple(parts))


def _conventions(question: Question) -> Iterator[str]:
    """Say what is counted."""
    yield (
        "A MAC is one multiplication and one addition. FLOPs are counted by the convention "
        f"{question.convention}: {question.legend}. Both are of one example, forward. Bytes are of "
        f"a batch of {question.batch} in {question.dtype}. Parameters are all that a file of "
        "weights has, trained or not."
    )
    yield "What is counted follows from the layers; what is measured has a run, and its interval."


def _origin(subject: Subject) -> Iterator[Fact]:
    """Tell where a network is from, and what it is, whatever it is called."""
    network = subject.network
    where = "of the paper's numbers" if network.spec is not None else "as it was saved or made"
    yield Fact("Given as", subject.text, remark=where)
    yield Fact("Fingerprint", network.fingerprint, remark="of its layers and shapes, not its names")
    if network.precision is not None:
        yield Fact("Computes in", network.precision)
    if subject.weights is not None and subject.weights.identity:
        yield Fact("Its weights", subject.weights.path.name, remark=subject.weights.identity)


def _measured(run: ProfileRun) -> Iterator[Fact]:
    """Tell where and how a run was made."""
    where = run.environment
    yield Fact("Measured", run.started_at[:16].replace("T", " "), remark="UTC")
    yield Fact("Conditions", run.conditions)
    yield Fact("Processor", where.cpu_model or "unknown", remark=_processors(run))
    yield Fact("System", where.platform)
    took, budget = (length_of_time(each) for each in (run.measured_s, run.max_time_s))
    rounds = plural(run.rounds.count, "round")
    yield Fact("Measuring took", took, run.measured_s, f"of {budget}; {rounds}")
    if where.peak_rss_bytes is not None:
        yield Fact("Memory", binary_bytes(where.peak_rss_bytes), where.peak_rss_bytes, "resident")
    if where.versions:
        yield Fact("Versions", ", ".join(f"{name} {of}" for name, of in where.versions.items()))
    if where.flags:
        yield Fact("Variables", ", ".join(f"{name}={of}" for name, of in where.flags.items()))


def _processors(run: ProfileRun) -> str:
    """Say how many processors could be used, and by how many threads."""
    where = run.environment
    count = where.cpus_affinity or where.cpus_visible
    processors = "" if count is None else f"{count} processors; "
    return f"{processors}threads: {where.threads}"


def _data() -> str:
    return (
        f"Made by rsinspect {__version__}. What the page says is in it as JSON of the schema "
        f"{REPORT} (the element whose id is {DOCUMENT}), and rsinspect reads it back: the name of "
        "this file stands for its networks and its runs."
    )
