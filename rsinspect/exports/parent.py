"""The parent of an export: has files made, opened, compared and timed, and keeps those that agree.

Two processes take part. One has the network in Keras and writes files; the other opens a file by
its own runtime, where Keras was never imported, and says what it says of the same images. Times are
taken in turns: one waits while the other runs. A file is made in a folder beside its place, and put
there once it is found to agree; otherwise nothing is left.
"""

from __future__ import annotations

import contextlib
import importlib.util
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from rsinspect.base.errors import BackendUnavailable, ExportError, InvalidExport
from rsinspect.base.files import beside, check_writable, put_in_place, scratch
from rsinspect.drawing.engine import font_directory
from rsinspect.exports.exported import TOLERANCES, Exported, ExportedFile, Turns
from rsinspect.exports.formats import Format
from rsinspect.exports.request import RANDOM_IMAGES, ExportRequest
from rsinspect.exports.serving import Worker
from rsinspect.prediction.reading import scaling_of

KERAS = (sys.executable, "-P", "-m", "rsinspect.exports.keras_worker")
RUNTIME = (sys.executable, "-P", "-m", "rsinspect.exports.runtime_worker")

TIMEOUT_S = 3600.0
ROUNDS = 5
ROUND_S = 0.3
"""That a round of passes is to last, at least one pass."""
MOST_PASSES = 50


class Hands(NamedTuple):
    """What an export is done with; tests have others.

    Attributes:
        keras: Command of the process that has the network in Keras.
        runtime: Command of the process that opens a file.
        tolerances: By precision.
    """

    keras: tuple[str, ...] = KERAS
    runtime: tuple[str, ...] = RUNTIME
    tolerances: dict[str, float] = TOLERANCES


_HANDS = Hands()


def export(
    request: ExportRequest,
    *,
    on_event: Callable[[str], object] = lambda _: None,
    hands: Hands = _HANDS,
) -> Exported:
    """Make files of a network, open each by its own runtime, and compare it with Keras.

    Files that agree are in their places afterwards, whole; of the others there is nothing.

    Args:
        request: What is wanted.
        on_event: Called with what is being done, in words.
        hands: For tests.

    Raises:
        InvalidExport: If a place is of something else.
        BackendUnavailable: If a package is missing, or Keras is too old.
        OutputNotWritable: If a place cannot be written.
        ExportError: If a file cannot be made, or its runtime does not open it.
        RsInspectError: If the network cannot be built, or has no such weights.
    """
    for path, format in request.formats.items():
        _check_place(path, format)
        check_packages(format, request.backend_for(format))
    photograph = _photograph(request)
    files: dict[Path, ExportedFile] = {}
    notes: dict[str, None] = {}
    by_backend = sorted(request.outputs, key=lambda path: _backend(request, path))
    with scratch() as folder:
        for backend, outputs in groupby(by_backend, key=lambda path: _backend(request, path)):
            on_event(f"building {request.network.title} in Keras on {backend}")
            with Worker(hands.keras, f"Keras on {backend}", backend, TIMEOUT_S) as keras:
                built = keras.ask(
                    "build",
                    network=request.network.to_json(),
                    weights=None if request.weights is None else str(request.weights.path),
                    own=request.weights is not None and request.weights.own,
                    seed=request.seed,
                    fold_batch_norm=request.fold_batch_norm,
                )
                notes |= dict.fromkeys(built["notes"])
                keras.ask(
                    "images",
                    folder=str(folder),
                    photograph=None if photograph is None else str(photograph),
                    scaling=scaling_of(request.network)[0],
                    random_images=RANDOM_IMAGES,
                    seed=request.seed,
                )
                for path in outputs:
                    files[path] = _file(request, path, keras, folder, on_event, hands)
    return Exported(
        request,
        None if photograph is None else photograph.name,
        RANDOM_IMAGES + (photograph is not None),
        tuple(files[path] for path in request.outputs),
        tuple(notes),
    )


def _backend(request: ExportRequest, path: Path) -> str:
    return request.backend_for(request.formats[path])


def _file(
    request: ExportRequest,
    path: Path,
    keras: Worker,
    images: Path,
    on_event: Callable[[str], object],
    hands: Hands,
) -> ExportedFile:
    """Make one file, and put it in its place if it agrees."""
    format, backend = request.formats[path], _backend(request, path)
    with beside(path) as made:
        on_event(f"writing {path.name}")
        done = keras.ask(
            "make",
            format=format.name,
            path=str(made),
            precision=request.precision,
            batch=request.batch,
        )
        on_event(f"opening {path.name} by {format.runtime}")
        needs = backend if format.runtime == "Keras" else None
        with Worker(hands.runtime, f"{path.name} in {format.runtime}", needs, TIMEOUT_S) as runtime:
            opened = runtime.ask(
                "open",
                format=format.name,
                path=str(made),
                inputs=done["inputs"],
                batch=request.batch,
                config=done["config"],
            )
            comparison = runtime.ask("compare", folder=str(images))
            if not request.classifies:
                comparison["tops"] = None
            file = ExportedFile(
                path=path,
                format=format,
                backend=backend,
                size_bytes=sum(x.stat().st_size for x in made.parent.rglob("*") if x.is_file()),
                made_in_s=done["seconds"],
                runtime_version=opened["version"],
                how=opened["how"],
                comparison=comparison,
                turns=None,
                versions=done["versions"],
                tolerance=hands.tolerances[request.precision],
            )
            if file.problem is not None:
                return file
            on_event(f"timing {path.name} and Keras, in turns")
            turns = take_turns(runtime, keras, request.batch or 1)
        suffixes = [path.suffix] if format.beside is None else [format.beside, path.suffix]
        put_in_place({path.with_suffix(end): made.with_suffix(end) for end in suffixes})
    return replace(file, turns=turns)


def take_turns(runtime: Worker, keras: Worker, batch: int) -> Turns:
    """Time a file and Keras in turns, after a pass of each that warms them up.

    Args:
        runtime: Has the file.
        keras: Has the network.
        batch: Images in a pass.
    """
    sides = (runtime, keras)
    for side in sides:
        side.ask("time", batch=batch, passes=1)
    first = [side.ask("time", batch=batch, passes=1)["seconds"][0] for side in sides]
    passes = [max(1, min(MOST_PASSES, round(ROUND_S / max(s, 1e-6)))) for s in first]
    rounds = []
    for _ in range(ROUNDS):
        file, own = (
            statistics.median(side.ask("time", batch=batch, passes=count)["seconds"])
            for side, count in zip(sides, passes, strict=True)
        )
        rounds.append((file, own))
    return Turns(batch, tuple(rounds))


def _photograph(request: ExportRequest) -> Path | None:
    """Find the photograph to compare on: the given one, or one that matplotlib brings.

    Raises:
        ImageError: If it cannot be decoded.
    """
    if not request.takes_photographs:
        return None
    if request.image is not None:
        from rsinspect.images.photograph import photograph

        photograph(request.image)
        return request.image.absolute()
    return font_directory().parents[1] / "sample_data" / "grace_hopper.jpg"


def _check_place(path: Path, format: Format) -> None:
    """Refuse a place that is taken by something else, or cannot be written.

    Raises:
        InvalidExport: If a folder is there that is no SavedModel.
        OutputNotWritable: If it cannot be written.
    """
    if not format.is_folder:
        check_writable(path, whole=True)
        return
    check_writable(path.with_name(f"{path.name}.part"))
    if path.exists() and not (path / "saved_model.pb").is_file():
        raise InvalidExport(
            f"{path} is there already, and is no SavedModel", "name a folder that is not there"
        )


def check_packages(format: Format, backend: str) -> None:
    """Refuse a format for which something is missing here.

    Raises:
        BackendUnavailable: With what to install.
    """
    maker = format.makers[backend]
    needed = {**dict.fromkeys((backend,), backend), **maker.packages, **format.packages}
    missing = [name for module, name in needed.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise BackendUnavailable(
            f"{format.title} from Keras on {backend} needs {' and '.join(missing)}, not installed "
            "here",
            f"pip install {' '.join(missing)}",
        )
    with contextlib.suppress(PackageNotFoundError):
        installed = version("keras")
        if _numbers(installed) < _numbers(maker.since):
            raise BackendUnavailable(
                f"Keras {installed} does not write {format.title} on {backend}",
                f"pip install 'keras>={maker.since}'",
            )


def _numbers(text: str) -> tuple[int, ...]:
    """Read the first numbers of a version.

    >>> _numbers("3.15.1") < _numbers("3.8"), _numbers("3.5.0rc1")
    (False, (3, 5))
    """
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def refuse(exported: Exported) -> None:
    """Refuse an export of which a file does not agree.

    Raises:
        ExportError: With the first such file, and how many there are.
    """
    wrong = [file for file in exported.files if file.problem is not None]
    if wrong:
        others = f" ({len(wrong)} files do not agree)" if len(wrong) > 1 else ""
        raise ExportError(
            f"{wrong[0].path} was not kept: {wrong[0].problem}{others}",
            "another version of what made it, or float32, may do",
        )
