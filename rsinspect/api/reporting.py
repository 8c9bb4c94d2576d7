"""Pages that explain networks, from a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsinspect.api.networks import Model, network, sides_of

if TYPE_CHECKING:
    from rsinspect.api.page_results import Page
    from rsinspect.api.results import Run
    from rsinspect.networks.network import Network
    from rsinspect.profiling.record.run import ProfileRun


def report(
    *models: Model,
    runs: Sequence[Run | str | Path] | Run | str | Path | None = (),
    weights: Sequence[str | Path] | str | Path | None = (),
    title: str = "",
    theme: str = "auto",
    only: Sequence[str] | str = (),
    resolution: int | tuple[int, int] | None = None,
    fold_batch_norm: bool = False,
    convention: str = "paper",
    batch: int = 1,
    dtype: str = "float32",
    db: str | Path | None = None,
) -> Page:
    """Make one page that explains a network, or two to four side by side, and opens anywhere.

    Args:
        models: Each as in ``network``. Without one, what the runs are of.
        runs: Measurements of them: of ``rsinspect.profile`` or ``load_run``, files of runs, pages,
            or runs of the store by id or tag. Each goes to the network that it is of.
        weights: Files with their weights, of any format that ``inspect_weights`` takes; by default
            those in a network's own file.
        title: In place of the names of the networks.
        theme: ``auto`` (as the reader's system is, with a switch), ``light`` or ``dark``.
        only: Names of the sections to show: ``["facts", "graph"]`` or ``"facts,graph"``; all by
            default.
        resolution: Of all; by default as in ``diff``, or where runs are given each network's own.
        fold_batch_norm: Of all, as in ``network``.
        convention: What a FLOP is.
        batch: Images, for bytes of activations.
        dtype: Of activations and weights, for bytes.
        db: File of the store of runs; your own by default.

    Raises:
        RsInspectError: If a model or an argument is not one there is, or a run is of another
            network.

    >>> import rsinspect
    >>> page = rsinspect.report("50", only=["facts"])
    >>> page.title, page.to_json()["subjects"][0]["summary"]["totals"]["params"]
    ('ResNet-RS-50 @ 160×160', 35745288)
    """
    from rsinspect.api.page_results import Page
    from rsinspect.layers.question import Question
    from rsinspect.pages.report import Report
    from rsinspect.pages.subject import subjects_of

    store = None if db is None else Path(db)
    found = [_run(each, store) for each in _several(runs)]
    size = sides_of(resolution)
    made, notes = _networks(models, size, apart=bool(found))
    if fold_batch_norm:
        made = [(text, network(each, fold_batch_norm=True)) for text, each in made]
    looks: dict[str, Any] = {"title": title, "theme": theme, "only": _sections(only)}
    asked = {"resolution": resolution, "fold_batch_norm": fold_batch_norm,
             "convention": convention, "batch": batch, "dtype": dtype}  # fmt: skip
    return Page(
        Report(
            subjects=subjects_of(made, found, [Path(each) for each in _several(weights)]),
            question=Question(convention, batch, dtype),
            command=_call(models, runs, weights, looks | asked),
            notes=notes,
            db=store,
            **looks,
        )
    )


def _several(given: Any) -> list[Any]:
    """List what was given, none, one or several."""
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _sections(only: Sequence[str] | str) -> tuple[str, ...]:
    """List names of sections, also those of one text with commas."""
    names = (each.strip() for each in only.split(",")) if isinstance(only, str) else only
    return tuple(filter(None, names))


def _run(given: Run | str | Path, db: Path | None) -> tuple[str, ProfileRun]:
    from rsinspect.api.results import Run
    from rsinspect.runs.named import named_run

    if isinstance(given, Run):
        return given.record.title, given.record
    return str(given), named_run(str(given), db)


def _networks(
    models: Sequence[Model], size: tuple[int, int] | None, *, apart: bool
) -> tuple[list[tuple[str, Network]], tuple[str, ...]]:
    """Make the networks, and say how their sizes were chosen; several names as ``diff`` does."""
    from rsinspect.networks.named import compared

    texts = [str(each) for each in models if isinstance(each, int | str | Path)]
    if len(texts) == len(models) > 1:
        found = compared(*texts, resolution=size, apart=apart)
        notes = () if found.note is None else (str(found.note),)
        return list(zip(texts, found.networks, strict=True)), notes
    made = [network(each, resolution=size) for each in models]
    called = [
        str(each) if isinstance(each, int | str | Path) else one.title
        for each, one in zip(models, made, strict=True)
    ]
    return list(zip(called, made, strict=True)), ()


def _call(models: Sequence[Model], runs: Any, weights: Any, others: dict[str, Any]) -> str:
    """Write the call that makes the page again; what is no text stands as what it is."""
    given = [_written(each, "model") for each in models]
    if told := [_written(each, "run") for each in _several(runs)]:
        given.append(f"runs=[{', '.join(told)}]")
    if told := [_written(each, "weights") for each in _several(weights)]:
        given.append(f"weights=[{', '.join(told)}]")
    usual = signature(report).parameters
    given += [f"{key}={value!r}" for key, value in others.items() if value != usual[key].default]
    return f"rsinspect.report({', '.join(given)})"


def _written(value: Any, name: str) -> str:
    return repr(str(value)) if isinstance(value, int | str | Path) else name
