"""``rsinspect export``: a network for other runtimes, opened there and compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rsinspect.base.talk import say
from rsinspect.cli.claims import reads, writes_each
from rsinspect.cli.declaration import OUTPUT, one_of, option
from rsinspect.cli.options import NetworkOptions, with_options
from rsinspect.cli.outputs import Notes, answer, chosen
from rsinspect.cli.talk import wrote
from rsinspect.exports.formats import BACKENDS, PRECISIONS, SUFFIXES
from rsinspect.networks.grammar import parse_resolution
from rsinspect.networks.named import code_of
from rsinspect.render.formats import NOTES, TABLES

if TYPE_CHECKING:
    from rsinspect.networks.network import Network


def _how(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Export", **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What is written, and what it is compared on."""

    output: Annotated[
        list[Path] | None,
        _how(
            "--output",
            "-o",
            help=f"File to write, repeatable: {one_of(SUFFIXES.suffixes)}.",
            callback=writes_each,
        ),
    ] = None
    weights: Annotated[
        str | None,
        _how(
            "--weights",
            help="imagenet, or a weight file. Default: those of MODEL's own file or code, else "
            "fresh ones.",
        ),
    ] = None
    precision: Annotated[
        str,
        _how("--precision", help="Of the weights: {}; int8 for LiteRT alone.", choices=PRECISIONS),
    ] = "float32"
    batch: Annotated[
        int | None,
        _how("--batch", "-b", help="Number of images at a time. Default: any number."),
    ] = None
    image: Annotated[
        Path | None,
        _how("--image", help="Photograph to compare on. Default: matplotlib's.", callback=reads),
    ] = None
    backend: Annotated[
        str | None,
        _how(
            "--backend",
            help="Of Keras, that makes the file: {}. Default: torch for .pt2, else tensorflow.",
            choices=BACKENDS,
        ),
    ] = None


@contextmanager
def _network(which: NetworkOptions, *, keeps_weights: bool) -> "Iterator[Network]":
    """Make the network, with its batch norms; the weights of one that code makes last as long.

    Args:
        which: Names it.
        keeps_weights: Whether those are wanted.
    """
    whole = replace(which, fold_batch_norm=False)
    code = code_of(whole.model) if whole.model and keeps_weights else None
    if code is None:
        yield whole.network()
        return
    from rsinspect.networks.keras_process import with_weights

    size = None if whole.resolution is None else parse_resolution(whole.resolution)
    with with_weights(code, size) as network:
        yield network


@with_options
def export(
    which: NetworkOptions,
    how: ExportOptions,
    format: Annotated[
        str | None,
        option("--format", "-f", help="Of the answer: {}.", choices=TABLES.names, panel=OUTPUT),
    ] = None,
    notes: Notes = "short",
) -> None:
    """Write a network for another runtime, open the file there, and compare what it says."""
    from rsinspect.base.errors import check_choice
    from rsinspect.exports.answer import export_answer
    from rsinspect.exports.parent import export as make
    from rsinspect.exports.parent import refuse
    from rsinspect.exports.request import ExportRequest
    from rsinspect.profiling.request import OwnWeights

    chosen(TABLES, None, format)
    check_choice("choice of notes", notes, NOTES)
    with _network(which, keeps_weights=how.weights is None) as network:
        request = ExportRequest(
            network=network,
            outputs=tuple(how.output or ()),
            weights=how.weights,
            own=None if how.weights is not None else OwnWeights.of(network),
            fold_batch_norm=which.fold_batch_norm,
            precision=how.precision,
            batch=how.batch,
            image=how.image,
            backend=how.backend,
        )
        exported = make(request, on_event=say)
    wrote([file.path for file in exported.files if file.problem is None])
    answer(export_answer(exported), format, None, notes)
    refuse(exported)
