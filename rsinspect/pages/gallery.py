"""A page for each of many networks, and one that lists them, as a web site would."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.answers.table import Column, Table
from rsinspect.base.embedded import DOCUMENT, embedded
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.markup import environment
from rsinspect.base.text import showable
from rsinspect.base.units import count
from rsinspect.base.words import plural, quoted
from rsinspect.drawing.page import dressing
from rsinspect.networks.network import Network
from rsinspect.pages.html import report_page
from rsinspect.pages.published import published_accuracy
from rsinspect.pages.report import Report
from rsinspect.pages.subject import is_of, subjects_of
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.render.html import table_shown

SCHEMA = "rsinspect.gallery/1"
"""Version of the document of the list. 1: first."""

INDEX = "index.html"
"""Name of the page that lists the others."""

_HEIGHT, _WIDTH = 56, 240
"""Of the small pictures, in pixels."""


class Bar(NamedTuple):
    """A block of a small picture: its place, and how high it is, in pixels."""

    x: float
    y: float
    width: float
    height: float
    stage: int


class Card(NamedTuple):
    """What the list says of a network.

    Attributes:
        file: Name of its page.
        title: What people call it.
        lines: Its size, cost and accuracy in words.
        bars: A picture of it: its blocks from input to output, as high as they have MACs.
        row: The same as exact values.
    """

    file: str
    title: str
    lines: tuple[str, ...]
    bars: tuple[Bar, ...]
    row: dict[str, Any]


def gallery(
    networks: Sequence[tuple[str, Network]],
    runs: Sequence[tuple[str, ProfileRun]],
    report: Report,
    on_page: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Write a page for each network and one that lists them.

    Args:
        networks: With the text of each.
        runs: Measurements of them, with what each was called.
        report: What every page is to show and look like; its title is the list's.
        on_page: Called with what is being written.

    Returns:
        Pages by the names of their files.

    Raises:
        InvalidMeasurement: If a run is of none of the networks.
    """
    for called, run in runs:
        if not any(is_of(run, network) for _, network in networks):
            raise InvalidMeasurement(f"{quoted(called)} is a run of {run.title}, not listed here")
    files = _files(network for _, network in networks)
    cards, pages = [], {}
    for number, (file, (text, network)) in enumerate(zip(files, networks, strict=True), start=1):
        on_page(f"{number} of {len(files)}: {network.title}")
        own = [(called, run) for called, run in runs if is_of(run, network)]
        made = replace(report, title="", index=INDEX, subjects=subjects_of([(text, network)], own))
        cards.append(_card(file, made))
        pages[file] = report_page(made)
    return {INDEX: _index(cards, report)} | pages


def _files(networks: Iterable[Network]) -> list[str]:
    """Name the pages after the networks, each otherwise."""
    found: dict[str, None] = {}
    for network in networks:
        plain = f"{network.short_title} {network.size}".lower().replace("×", "x")
        name = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.") or "network"
        free = (f"{name}{'' if n == 1 else f'-{n}'}.html" for n in range(1, len(found) + 3))
        found[next(each for each in free if each not in found and each != INDEX)] = None
    return list(found)


def _card(file: str, report: Report) -> Card:
    """Say in a few words what a network is, costs and reaches."""
    (subject,) = report.subjects
    network = subject.network
    options = SummaryOptions(level="block", question=report.question, folded=False)
    document = summary_answer(network, options).document
    published = published_accuracy(subject)
    totals, top1 = document["totals"], published and published[0].top1
    run = subject.runs[0] if subject.runs else None
    lines = [
        f"{count(totals['params'])} params, {count(totals['flops'])} FLOPs",
        *([f"{top1:g} % top-1"] if top1 is not None else []),
        *([f"{run.end_to_end.per_image_s * 1e3:.3g} ms an image"] if run is not None else []),
    ]
    row = {
        "model": network.title,
        "params": totals["params"],
        "macs": totals["macs"],
        "flops": totals["flops"],
        "peak_activation_bytes": totals["peak_activation_bytes"],
        "top1": top1,
        "per_image_s": None if run is None else run.end_to_end.per_image_s,
        "page": file,
    }
    return Card(file, network.title, tuple(lines), _bars(document["rows"]), row)


def _bars(rows: Sequence[dict[str, Any]]) -> tuple[Bar, ...]:
    """Draw the blocks of a network from input to output, as high as they have MACs."""
    parts = [row for row in rows if row["level"] == "block" or row["kind"] != "stage"]
    most = max((row["macs"] for row in parts), default=0) or 1
    step = _WIDTH / max(1, len(parts))
    stages = {row["path"].partition("/")[0]: None for row in parts}
    places = {name: place for place, name in enumerate(stages)}
    return tuple(
        Bar(
            x=round(place * step, 2),
            y=round(_HEIGHT - height, 2),
            width=round(step * 0.8, 2),
            height=height,
            stage=places[row["path"].partition("/")[0]] % 2,
        )
        for place, row in enumerate(parts)
        for height in (round(max(1.0, _HEIGHT * row["macs"] / most), 2),)
    )


_COLUMNS = (
    Column("model", "Network"),
    Column("params", "Params", "count"),
    Column("macs", "MACs", "count"),
    Column("flops", "FLOPs", "count"),
    Column("peak_activation_bytes", "Most alive at once", "bytes"),
    Column("top1", "Top-1, %", "number"),
    Column("per_image_s", "Latency an image", "seconds"),
)


def _index(cards: Sequence[Card], report: Report) -> str:
    """Write the page that lists the others."""
    rows = tuple(card.row for card in cards)
    shown = [c for c in _COLUMNS if any(row[c.key] is not None for row in rows)]
    question = report.question
    note = (
        f"FLOPs of the convention {question.convention}: {question.legend}. Bytes of activations: "
        f"batch {question.batch}, {question.dtype}."
    )
    title = report.title or plural(len(cards), "network")
    table = Table(title="All of them", columns=tuple(shown), rows=rows, notes=(note,))
    document = {"schema": SCHEMA, "title": title, "command": report.command, "rows": list(rows)}
    return (
        environment()
        .get_template("gallery/gallery.html")
        .render(
            dressing([], report.theme),
            title=showable(title),
            cards=cards,
            width=_WIDTH,
            height=_HEIGHT,
            shown=table_shown(table, name="networks"),
            command=report.command,
            document=embedded(document),
            document_id=DOCUMENT,
        )
    )
