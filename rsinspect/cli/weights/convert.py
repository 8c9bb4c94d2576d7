"""``rsinspect weights convert``."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from rsinspect.cli.claims import reads, reads_model, writes
from rsinspect.cli.declaration import OUTPUT, completing, option
from rsinspect.cli.options import models, with_options
from rsinspect.cli.outputs import Format, Notes, answer, chosen
from rsinspect.cli.talk import wrote
from rsinspect.render.formats import TABLES


@dataclass(kw_only=True, repr=False)
class SourceOptions:
    """Whose weights a file has, and which of them are taken."""

    model: Annotated[
        str | None,
        option(
            "--model",
            help="MODEL whose weights they are: 152@224. Default: what the file is recognised as.",
            callback=reads_model,
            autocompletion=completing(models),
        ),
    ] = None
    include_top: Annotated[
        bool, option("--top/--no-top", help="With or without the classifier, where there is one.")
    ] = True
    preprocessing: Annotated[
        bool,
        option(
            "--preprocessing/--no-preprocessing",
            help="Of a .keras file: whether its model takes pixels of 0 to 255, or images that "
            "were normalised before, as timm's does.",
        ),
    ] = True
    averaged: Annotated[
        bool,
        option(
            "--averaged/--last",
            help="Of a TensorFlow 1 checkpoint: the moving averages of weights, which were "
            "evaluated, or the last ones.",
        ),
    ] = True


@with_options
def weights_convert(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Weights of a ResNet-RS: .h5, .weights.h5, .keras, timm's .safetensors or .pth, "
            "a TensorFlow 1 checkpoint of the TPU code (.index).",
            show_default=False,
            callback=reads,
        ),
    ],
    output: Annotated[
        Path,
        option(
            "--output",
            "-o",
            help="Write this file: .h5 for Keras 2, .weights.h5 or .keras for Keras 3, "
            ".safetensors or .pth for timm.",
            panel=OUTPUT,
            callback=writes,
        ),
    ],
    source: SourceOptions,
    format: Format = None,
    notes: Notes = "short",
) -> None:
    """Convert weights between Keras 2, Keras 3, timm and the TPU code's checkpoints.

    Examples:
        rsinspect weights convert imagenet.pth -o imagenet.weights.h5
        rsinspect weights convert finetuned.weights.h5 --no-top -o base.safetensors
    """
    from rsinspect.networks.named import network
    from rsinspect.weights.conversion import conversion_answer, convert

    chosen(TABLES, None, format)
    options = asdict(source)
    model = options.pop("model")
    done = convert(file, output, None if model is None else network(model), **options)
    wrote((output,))
    answer(conversion_answer(done), format, None, notes)
