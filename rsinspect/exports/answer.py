"""An export as a table: what was written, who opened it, and how far it is from Keras."""

from __future__ import annotations

from typing import Any

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import percent
from rsinspect.base.words import plural
from rsinspect.exports.exported import Exported, ExportedFile

SCHEMA = "rsinspect.export/1"


def export_answer(exported: Exported) -> Answer:
    """Show an export as a table of files."""
    return Answer(_table(exported), lambda: _document(exported))


def _table(exported: Exported) -> Table:
    request = exported.request
    return Table(
        title=f"{request.network.title}, {request.conditions}",
        columns=(
            Column("path", "File", wraps=True),
            Column("bytes", "Size", "bytes"),
            Column("difference", "Largest\ndifference"),
            Column("top5", "Same\ntop-5"),
            Column("ratio", "Time, of\nKeras's", "number", decimals=2),
            Column("runtime", "Opened by", wraps=True),
            Column("result", "Result", wraps=True),
        ),
        rows=tuple(_row(exported, file) for file in exported.files),
        notes=_notes(exported),
        lead=(_lead(exported), *exported.notes),
        name=f"export-{request.network.name}",
    )


def _row(exported: Exported, file: ExportedFile) -> dict[str, Value]:
    found, same = file.comparison, file.same_tops
    difference = found.get("relative_difference")
    return {
        "path": str(file.path),
        "bytes": file.size_bytes,
        "difference": None if difference is None else f"{difference:.0e}",
        "top5": None if same is None else f"{same[0]} of {same[1]}",
        "ratio": None if file.turns is None else file.turns.document()["ratio"],
        "runtime": f"{file.format.runtime} {file.runtime_version}",
        "result": "agrees" if file.problem is None else "differs, not kept",
    }


def _images(exported: Exported) -> str:
    request = exported.request
    kind = "random image" if request.takes_photographs else "random example"
    drawn = plural(exported.images - (exported.photograph is not None), kind)
    return drawn if exported.photograph is None else f"{exported.photograph} and {drawn}"


def _lead(exported: Exported) -> str:
    files = exported.files
    kept = sum(file.problem is None for file in files)
    if len(files) == 1:
        what = "The file was opened again by its own runtime"
        verdict = "and agrees" if kept else "and does not agree: it was not kept"
    else:
        what = "Each file was opened again by its own runtime"
        verdict = "and all agree" if kept == len(files) else f"and {kept} of {len(files)} agree"
    return (
        f"{what}, in a process of its own, and compared with Keras on {_images(exported)}, "
        f"{verdict}."
    )


def _notes(exported: Exported) -> tuple[Note, ...]:
    request, files = exported.request, exported.files
    notes: list[Note] = [
        f"{file.path.name}: {file.problem}." for file in files if file.problem is not None
    ]
    if any(file.says_little for file in files):
        notes.append(
            "Outputs hardly differ between images: with such weights, or in such a precision, the "
            "comparison says little."
        )
    if request.precision != "float32":
        words = dict.fromkeys(file.format.in_words(request.precision) for file in files)
        notes.append(f"Written in {' and '.join(words)}.")
    tolerance = files[0].tolerance
    notes.append(
        "Largest difference: of outputs from Keras's in float32 (with its batch norms), as part of "
        f"the largest output; up to {tolerance:g} agrees. Outputs of two images differ by "
        f"{_spread(files)} of it."
    )
    if timed := [file for file in files if file.turns is not None]:
        notes.append(_latency_note(timed))
    notes += [f"{file.path.name}: {file.how}." for file in files if file.how is not None]
    versions = {name: number for file in files for name, number in file.versions.items()}
    notes.append(f"Made by {', '.join(f'{name} {x}' for name, x in versions.items())}.")
    if request.weights is None:
        notes.append("Weights are fresh: name a weight file, or a model's own, for real ones.")
    return tuple(notes)


def _spread(files: tuple[ExportedFile, ...]) -> str:
    found = [file.comparison["spread"] for file in files if file.comparison["problem"] is None]
    return percent(found[0]) if found else "an unknown part"


def _latency_note(files: list[ExportedFile]) -> str:
    """Say what a ratio of times is of."""
    turns = [file.turns for file in files if file.turns is not None]
    low, high = min(min(x.ratios) for x in turns), max(max(x.ratios) for x in turns)
    backends = " and ".join(dict.fromkeys(file.backend for file in files))
    return (
        f"Time: of a pass of {plural(turns[0].batch, 'image')}, over that of Keras's "
        f"predict_on_batch on {backends}: two processes in turns, median of "
        f"{len(turns[0].rounds)} rounds, which were {low:.2f} to {high:.2f}. A first look at this "
        "machine, as busy as it was."
    )


def _document(exported: Exported) -> dict[str, Any]:
    request = exported.request
    return {
        "schema": SCHEMA,
        "model": request.network.document(),
        "weights": None if request.weights is None else request.weights.said,
        "seed": request.seed if request.weights is None else None,
        "fold_batch_norm": request.fold_batch_norm,
        "precision": request.precision,
        "batch": request.batch,
        "photograph": exported.photograph,
        "images": exported.images,
        "files": [file.document() for file in exported.files],
    }
