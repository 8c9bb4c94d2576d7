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
from rsinspect.cli.outputs import Notes, answer
from rsinspect.cli.talk import wrote
from rsinspect.exports.formats import BACKENDS, PRECISIONS, SUFFIXES
from rsinspect.networks.grammar import parse_resolution
from rsinspect.networks.named import code_of
from rsinspect.render.formats import NOTES, TABLES

if TYPE_CHECKING:
    from rsinspect.networks.network import Network
    from rsinspect.weights.chosen import Weights


_ANSWERS = tuple(name for name in TABLES.names if name != "parquet")  # which is no text


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
def _network(which: NetworkOptions) -> "Iterator[tuple[Network, Weights | None]]":
    """Make the network, with its batch norms, and the weights that code gives it, if any.

    Args:
        which: Names it.
    """
    whole = replace(which, fold_batch_norm=False)
    code = code_of(whole.model) if whole.model else None
    if code is None:
        yield whole.network(), None
        return
    from rsinspect.networks.keras_process import with_weights
    from rsinspect.weights.chosen import LIVE

    size = None if whole.resolution is None else parse_resolution(whole.resolution)
    with with_weights(code, size) as network:
        assert network.weights is not None
        yield network, LIVE._replace(path=network.weights)


def _weights(network: "Network", weights: str | None) -> "Weights | None":
    """Find the weights that are asked for, or the network's own; None for none."""
    if weights is None and network.weights is None:
        return None
    from rsinspect.cli.downloads import download
    from rsinspect.weights.chosen import weights_for

    with download("weights") as watch:
        return weights_for(network, weights, watch)


@with_options
def export(
    which: NetworkOptions,
    how: ExportOptions,
    format: Annotated[
        str | None,
        option("--format", "-f", help="Of the answer: {}.", choices=_ANSWERS, panel=OUTPUT),
    ] = None,
    notes: Notes = "short",
) -> None:
    """Write a network for another runtime, open the file there, and compare what it says.

    Examples:
        rsinspect export 101@192 -o resnet-rs-101.keras -o resnet-rs-101.onnx
        rsinspect export my.keras --precision float16 -o my.tflite
    """
    from rsinspect.base.errors import check_choice
    from rsinspect.exports.answer import export_answer
    from rsinspect.exports.parent import export as make
    from rsinspect.exports.parent import refuse
    from rsinspect.exports.request import ExportRequest

    check_choice("format", format or "table", _ANSWERS)
    check_choice("choice of notes", notes, NOTES)
    with _network(which) as (network, live):
        request = ExportRequest(
            network=network,
            outputs=tuple(how.output or ()),
            fold_batch_norm=which.fold_batch_norm,
            precision=how.precision,
            batch=how.batch,
            image=how.image,
            backend=how.backend,
        )
        weights = live if live and how.weights is None else _weights(network, how.weights)
        exported = make(replace(request, weights=weights), on_event=say)
    wrote([file.path for file in exported.files if file.problem is None])
    answer(export_answer(exported), format, None, notes)
    refuse(exported)
