"""``rsinspect check``: a network held to bounds, for continuous integration."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.talk import say
from rsinspect.base.words import Option, advice
from rsinspect.cli.claims import reads
from rsinspect.cli.declaration import option
from rsinspect.cli.options import NetworkOptions, with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.cli.talk import wrote
from rsinspect.layers.question import Question
from rsinspect.render.formats import TABLES

if TYPE_CHECKING:
    from rsinspect.answers.bounds_file import Entry
    from rsinspect.answers.check import Checked
    from rsinspect.networks.network import Network


def _bound(name: str, help: str) -> Any:
    return typer.Option(name, help=help, rich_help_panel="Bounds", show_default=False)


def _most(name: str, noun: str) -> Any:
    return _bound(f"--max-{name}", f"At most so many {noun}.")


def _least(name: str, noun: str) -> Any:
    return _bound(f"--min-{name}", f"At least so many {noun}.")


@dataclass(kw_only=True, repr=False)
class BoundOptions:
    """What the network must be: the names of ``answers.bounds``."""

    params: Annotated[
        str | None,
        _bound("--params", "Params, as exactly as they are written: 63.7M, 63724296."),
    ] = None
    max_params: Annotated[str | None, _most("params", "params: 64M")] = None
    min_params: Annotated[str | None, _least("params", "params")] = None
    trainable_params: Annotated[
        str | None, _bound("--trainable-params", "Trainable params, likewise.")
    ] = None
    max_trainable_params: Annotated[str | None, _most("trainable-params", "trainable params")] = (
        None
    )
    min_trainable_params: Annotated[str | None, _least("trainable-params", "trainable params")] = (
        None
    )
    macs: Annotated[str | None, _bound("--macs", "MACs for one image, likewise: 6.01G.")] = None
    max_macs: Annotated[str | None, _most("macs", "MACs")] = None
    min_macs: Annotated[str | None, _least("macs", "MACs")] = None
    flops: Annotated[
        str | None, _bound("--flops", "FLOPs for one image by --convention, likewise: 12e9.")
    ] = None
    max_flops: Annotated[str | None, _most("flops", "FLOPs: 12G")] = None
    min_flops: Annotated[str | None, _least("flops", "FLOPs")] = None
    activations: Annotated[
        str | None, _bound("--activations", "Bytes of all layer outputs: 104MiB.")
    ] = None
    max_activations: Annotated[str | None, _most("activations", "bytes of them")] = None
    min_activations: Annotated[str | None, _least("activations", "bytes of them")] = None
    peak_activation: Annotated[
        str | None, _bound("--peak-activation", "Bytes of those alive at once, at most: 14MiB.")
    ] = None
    max_peak_activation: Annotated[str | None, _most("peak-activation", "bytes of them")] = None
    min_peak_activation: Annotated[str | None, _least("peak-activation", "bytes of them")] = None
    layers: Annotated[str | None, _bound("--layers", "Number of layers.")] = None
    max_layers: Annotated[str | None, _most("layers", "layers")] = None
    min_layers: Annotated[str | None, _least("layers", "layers")] = None
    image: Annotated[str | None, _bound("--image", "Image it takes: 224, 160x192.")] = None
    layout: Annotated[str | None, _bound("--layout", "Blocks of its stages: 3,4,23,3.")] = None
    fingerprint: Annotated[
        str | None,
        _bound("--fingerprint", "Wiring, layers and their configuration: g1:f22e63fa..."),
    ] = None

    @property
    def given(self) -> dict[str, str]:
        """List those that were given."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: text for name, text in every.items() if text is not None}


@dataclass(kw_only=True, repr=False)
class FileOptions:
    """The file that keeps bounds."""

    bounds: Annotated[
        Path,
        option(
            "--bounds",
            help="File of bounds, read where none is on the line; without MODEL, all of it.",
            panel="Bounds",
            callback=reads,
        ),
    ] = Path("rsinspect.toml")
    update: Annotated[
        bool,
        option(
            "--update",
            help="Write the bounds on the line to the file, or what MODEL is; without MODEL, set "
            "the exact bounds of all to what they are.",
            panel="Bounds",
        ),
    ] = False


@with_options
def check(
    network: NetworkOptions,
    bounds: BoundOptions,
    question: Question,
    file: FileOptions,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Hold a network to bounds, for CI: exit code 1 and a line for each that is broken.

    Examples:
        rsinspect check my.keras --max-params 30M --max-flops 12G
        rsinspect check 101@192 --update
    """
    from rsinspect.answers.check import broken_lines, check_answer

    name = chosen(TABLES, output, format)
    several = _checked(network, bounds.given, question, file)
    broken = broken_lines(several)
    if broken and name is None and output is None:
        typer.echo("\n".join(broken))
    else:
        answer(check_answer(several), name, output, notes)
        for line in broken:
            say(line)
    if broken:
        raise typer.Exit(1)


def _checked(
    network: NetworkOptions, given: dict[str, str], question: Question, file: FileOptions
) -> "list[Checked]":
    """Hold the network to the bounds on the line, or networks of the file to those there."""
    if given and not file.update:
        from rsinspect.answers.bounds import bounds_of
        from rsinspect.answers.check import checked

        made = network.network()
        return [checked(network.model or made.title, made, bounds_of(given), question)]
    from rsinspect.answers.bounds_file import Entry, held, update

    model, size = network.model, network.resolution
    if network != NetworkOptions(model=model, resolution=size):
        raise InvalidQuestion(
            advice("bounds are kept by MODEL and {} alone", Option("resolution")),
            "leave the other options of the network out, or give bounds on the line",
        )
    if model is None and (given or size):
        raise InvalidQuestion("no network named", "name the MODEL whose bounds they are")
    asked = None
    if model is not None:
        asked = Entry(model=model, resolution=size, question=question, bounds=given)
    do = update if file.update else held
    several = do(file.bounds, asked, _network_of)
    if file.update:
        wrote((file.bounds,))
    return several


def _network_of(entry: "Entry") -> "Network":
    return NetworkOptions(model=entry.model, resolution=entry.resolution).network()
