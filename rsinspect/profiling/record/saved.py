"""What a file of ``profile`` holds: a run, or the prediction that was made in its place.

The file is read once and within bounds; its schema says which of the two it is. A page of
``report`` is such a file too, and holds the runs that it shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.embedded import PageName, page_named, subjects_in
from rsinspect.base.errors import GraphError, InvalidMeasurement
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.words import Option, advice
from rsinspect.profiling.record import document, predicted
from rsinspect.profiling.record.predicted import PredictedRun
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.record.thin import whole


def load_saved(path: Path) -> ProfileRun | PredictedRun:
    """Read the run or the prediction that a file holds.

    Args:
        path: Of the file, or the name of a page; behind it ``#b2`` is the second run of the second
            network that the page is about.

    Raises:
        InvalidMeasurement: If the file is missing, without an end, damaged or of another schema.
    """
    if (page := page_named(str(path))) is not None:
        return document.from_json(_in_page(page))
    hint = advice("profile a network and {} the run", Option("save"))
    try:
        found = codec.from_text(content_of(path))
    except Unreadable as exc:
        if exc.hint is not None:
            hint = advice("profile a network and {} the run; {}", Option("save"), exc.hint)
        raise InvalidMeasurement(f"{path} cannot be read: {exc}", hint) from exc
    except Damaged as exc:
        raise InvalidMeasurement(f"{path} is no JSON document: {exc}", hint) from exc
    try:
        if isinstance(found, dict) and found.get("schema") == predicted.SCHEMA:
            return predicted.from_json(found)
        return document.from_json(found)
    except InvalidMeasurement as exc:
        raise InvalidMeasurement(f"{path}: {exc.message}", exc.hint) from exc


def is_run_file(text: str) -> bool:
    """Tell whether a text is the name of a file that may hold a run.

    >>> is_run_file("run.json"), is_run_file("report.html#b"), is_run_file("latest")
    (True, True, False)
    """
    return text.lower().endswith(".json") or page_named(text) is not None


def documents_in(page: PageName) -> list[dict[str, Any]]:
    """List the documents of the runs that a page shows, as ``profile`` wrote them.

    Raises:
        InvalidMeasurement: If it is no page of ours, or damaged.
    """
    return [run for _, run in _runs_in(subjects_in(page, InvalidMeasurement), page)]


def _runs_in(subjects: list[Any], page: PageName) -> list[tuple[str, dict[str, Any]]]:
    """List the runs of the networks of a page, each with its key."""
    found = []
    for subject in subjects:
        runs = subject.get("runs") or []
        if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
            raise InvalidMeasurement(f"{page.path} is damaged: it lists no runs")
        for number, run in enumerate(runs, start=1):
            try:
                made = whole(run, subject.get("network"))
            except GraphError as exc:
                raise InvalidMeasurement(f"{page.path} is damaged: {exc.message}") from exc
            found.append((f"{subject.get('key')}{number}", made))
    return found


def _in_page(page: PageName) -> dict[str, Any]:
    """Read the document of the run that is meant.

    Raises:
        InvalidMeasurement: If there is none, or more than one.
    """
    runs = _runs_in(subjects_in(page, InvalidMeasurement), page)
    numbered = page.key[-1:].isdigit()
    meant = [run for key, run in runs if not numbered or key == page.key]
    keys = ", ".join(f"{page.path}#{key}" for key, _ in runs)
    if not meant:
        raise InvalidMeasurement(
            f"{page.path} shows no such run" if runs else f"{page.path} shows no run",
            f"it shows {keys}" if runs else advice("make the page with {}", Option("runs")),
        )
    if len(meant) > 1:
        raise InvalidMeasurement(f"{page.path} shows {len(meant)} runs", f"name one: {keys}")
    return meant[0]


def load_run(path: Path) -> ProfileRun:
    """Read the run that a file holds.

    Raises:
        InvalidMeasurement: As ``load_saved``, or if it holds a prediction.
    """
    run = load_saved(path)
    if isinstance(run, PredictedRun):
        raise InvalidMeasurement(f"{path} holds a prediction, nothing was measured")
    return run
