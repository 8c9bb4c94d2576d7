"""Everything rsinspect refuses, and the exit code each refusal ends in.

    RsInspectError                     message, hint, exit_code 1
    ├── InvalidChoice (also ValueError) 2  a name that is none of those there are
    │   └── UnknownFormat              2   a format or suffix in which it cannot be written
    ├── SpecError (also ValueError)    2   the requested network is impossible
    │   ├── UnknownVariant             2   no published variant of that name
    │   └── InvalidSpec                2   a number is out of its range
    ├── GraphError                     1
    │   ├── ShapeMismatch              1   a layer does not fit its inputs
    │   └── UnknownPath                2   no layer, block or stage of that path
    ├── InvalidQuestion                    2   an unknown column, format or convention
    ├── WeightsError (also ValueError) 2   a weight file that does not fit
    │   └── WeightsUnavailable         3   a published file that could not be fetched
    ├── ImageError (also ValueError)   2   a photograph that cannot be decoded
    ├── InvalidPrediction              2   a network that names no classes, or names without one
    ├── DatasetError (also ValueError) 2   pictures that nothing can be trained on
    ├── BackendError                   1
    │   ├── BackendUnavailable         3   the framework is not installed or not usable
    │   └── ModelBuildError            2   the framework cannot build this network
    ├── RenderError                    1
    │   ├── UnknownPicture             2   a view, direction or format that does not exist
    │   ├── PictureTooLarge            2   a bitmap of more pixels than can be drawn
    │   ├── GraphvizNotFound           3   no Graphviz engine on this machine
    │   ├── OutputNotWritable          2   the output path cannot be written
    │   └── NoTemporaryDirectory       3   no room for temporary files on this machine
    ├── StoreError                     1   a store of runs that does not do what it should
    │   ├── UnknownRun                 2   no run, tag or sweep of that name is kept
    │   ├── StoreUnusable              2   no store at that place, or one that cannot be used so
    │   ├── StoreFull                  3   no room on the disk
    │   ├── StoreBusy                  1   another program wrote to it for too long
    │   └── StoreDamaged               1   what was written is not what is there
    └── MeasurementError               1
        ├── BatchDoesNotFit            1   no batch size of the ladder could be run
        ├── DeviceUnavailable          3   the backend does not find that device
        ├── ClusterUnavailable         3   no Ray, no cluster, or none of its nodes can measure
        ├── SlowerThanAllowed          1   B is slower than A by more than --fail-above allows
        ├── ClosureFailed              1   the parts do not add up to the whole, with --strict
        └── InvalidMeasurement         2   a measurement nobody can make

``WeightsWarning`` is no refusal but a Python warning: a weight file was loaded, and not all of it;
nor is ``FoldingWarning``: batch norms of a model were not folded, or none fused.

Only the command line catches ``RsInspectError``; it never catches anything wider, so that a bug
keeps its traceback. A message or hint that names an argument is a ``Wording``, so that the command
line can say ``--batch 8`` where a Python user reads ``batch=8``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, TypeVar

from rsinspect.base.words import Option, Wording, in_python, near, shown

E = TypeVar("E", bound="RsInspectError")

WORKER_LINE = "\n  | "
"""Before each line of a worker's error output below a message."""


class RsInspectError(Exception):
    """A refusal in one line, with a hint at what would work.

    Args:
        message: What was wrong and what would have been right.
        hint: The remedy, or None.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | Wording, hint: str | Wording | None = None) -> None:
        super().__init__(str(message))
        self._message = message
        self._hint = hint

    @property
    def message(self) -> str:
        """Return the message, with options called as in Python."""
        return str(self._message)

    @property
    def hint(self) -> str | None:
        """Return the remedy with options called as in Python, or None."""
        return None if self._hint is None else str(self._hint)

    def worded(self, word: Callable[[Option], str] = in_python) -> tuple[str, str | None]:
        """Return message and hint, with options called as ``word`` calls them."""
        message, hint = (
            part.worded(word) if isinstance(part, Wording) else part
            for part in (self._message, self._hint)
        )
        return message or "", hint

    def retold(self, kind: type[E], before: str) -> E:
        """Make the same refusal in another class, with words before its message."""
        message = self._message
        if isinstance(message, Wording):
            return kind(Wording((before, *message.parts)), self._hint)
        return kind(f"{before}{message}", self._hint)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"


class InvalidChoice(RsInspectError, ValueError):
    """A name that is none of those there are.

    Args:
        what: What it was to name: ``convention``.
        value: The name.
        known: The names there are.

    >>> raise InvalidChoice("convention", "papr", ("mac", "paper"))
    Traceback (most recent call last):
    rsinspect.base.errors.InvalidChoice: unknown convention 'papr' (did you mean paper?)
    """

    exit_code = 2

    def __init__(self, what: str, value: object, known: Iterable[str]) -> None:
        word = value[:200] if isinstance(value, str) else ""
        super().__init__(f"unknown {what} {shown(value)}", near(word, known))


class UnknownFormat(InvalidChoice):
    """A format, or the suffix of a file, in which something cannot be written."""

    def __init__(self, message: str, hint: str | Wording) -> None:
        RsInspectError.__init__(self, message, hint)


def check_choice(what: str, value: object, known: Iterable[str]) -> None:
    """Refuse a name that is not among the known ones.

    Raises:
        InvalidChoice: With the nearest known name.
    """
    if value not in tuple(known):
        raise InvalidChoice(what, value, known)


class SpecError(RsInspectError, ValueError):
    """The requested network is impossible."""

    exit_code = 2


class UnknownVariant(SpecError):
    """No published variant has that name or depth."""


class InvalidSpec(SpecError):
    """A number of the description is out of its range."""


class GraphError(RsInspectError):
    """The layer graph is not what its reader needs."""


class ShapeMismatch(GraphError):
    """A layer's output shape does not follow from its inputs."""


class UnknownPath(GraphError):
    """No layer, block or stage has that path."""

    exit_code = 2


class InvalidQuestion(RsInspectError):
    """A table that cannot be made as asked."""

    exit_code = 2


class WeightsError(RsInspectError, ValueError):
    """A weight file that is damaged or belongs to another network."""

    exit_code = 2


class WeightsUnavailable(WeightsError):
    """A published weight file that is not here and could not be fetched."""

    exit_code = 3


class DatasetError(RsInspectError, ValueError):
    """Pictures that nothing can be trained on: none, or in no folders of classes."""

    exit_code = 2


class ImageError(RsInspectError, ValueError):
    """A photograph that is none, or cannot be decoded."""

    exit_code = 2


class InvalidPrediction(RsInspectError):
    """A prediction that cannot be made as asked."""

    exit_code = 2


class WeightsWarning(UserWarning):
    """A weight file was loaded in part: its head was left out, or the model's starts fresh."""


class FoldingWarning(UserWarning):
    """Batch norms of a model stay, because folding or fusing them would not be exact."""


class BackendError(RsInspectError):
    """Keras or one of its backends cannot do its part."""


class BackendUnavailable(BackendError):
    """The framework is not installed, or not usable as it is configured."""

    exit_code = 3


class ModelBuildError(BackendError, ValueError):
    """The framework cannot build this network."""

    exit_code = 2


class ExportError(BackendError):
    """An exported file that could not be made, opened again, or does not agree with Keras."""


class InvalidExport(BackendError):
    """An export that nobody can make, such as LiteRT in bfloat16."""

    exit_code = 2


class RenderError(RsInspectError):
    """A picture or file that could not be made."""


class UnknownPicture(RenderError):
    """A view, direction or format that does not exist."""

    exit_code = 2


class PictureTooLarge(RenderError):
    """A bitmap of more pixels than can be drawn."""

    exit_code = 2


class GraphvizNotFound(RenderError):
    """No Graphviz engine is installed that can draw this."""

    exit_code = 3


class OutputNotWritable(RenderError):
    """The output path cannot be written."""

    exit_code = 2


class NoTemporaryDirectory(RenderError):
    """No directory for temporary files, or no room in it."""

    exit_code = 3


class StoreError(RsInspectError):
    """A store of runs that does not do what it should."""


class UnknownRun(StoreError):
    """No run, tag or sweep of that name is kept."""

    exit_code = 2


class StoreUnusable(StoreError):
    """No store at that place, one of a later version, or one that may not be written."""

    exit_code = 2


class StoreFull(StoreError):
    """No room on the disk for what was to be kept."""

    exit_code = 3


class StoreBusy(StoreError):
    """Another program wrote to the store for longer than anybody waits."""


class StoreDamaged(StoreError):
    """What was written is not what is there."""


class MeasurementError(RsInspectError):
    """A measurement that could not be finished."""


class DeviceUnavailable(MeasurementError):
    """The backend does not find that device on this machine."""

    exit_code = 3


class ClusterUnavailable(MeasurementError):
    """Ray is not installed, the cluster does not answer, or none of its nodes can measure."""

    exit_code = 3


class ClosureFailed(MeasurementError):
    """The parts do not add up to the whole."""


class SlowerThanAllowed(MeasurementError):
    """One network is slower than another by more than somebody allows."""


class BatchDoesNotFit(MeasurementError):
    """Even the smallest batch of the ladder could not be run."""


class InvalidMeasurement(MeasurementError):
    """A measurement nobody can make, such as a batch of zero images."""

    exit_code = 2
