"""``rsinspect estimate``: latencies of networks that nobody measured."""

from typing import Annotated

import typer

from rsinspect.base.errors import InvalidSpec
from rsinspect.base.words import quoted
from rsinspect.cli.claims import reads_model
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.estimating import KnownOptions
from rsinspect.cli.options import models, with_options
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.networks.named import network
from rsinspect.render.formats import TABLES


@with_options
def estimate(
    model: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Networks, as for summary: 152@224, EfficientNetB3, my.keras.",
            show_default=False,
            callback=reads_model,
            autocompletion=completing(models),
        ),
    ],
    known: KnownOptions,
    batch: Annotated[
        str, option("--batch", "-b", help="Images in a batch; several: 1,8,32.")
    ] = "1",
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Estimate latencies from a few networks that were measured.

    Examples:
        rsinspect estimate 152@224 InceptionV3 --batch 1,8
        rsinspect estimate 420@320 --from run.json
    """
    from rsinspect.estimates.answer import estimate_answer

    chosen(TABLES, output, format)
    networks = [network(text) for text in model]
    sizes = _batches(batch)
    estimator = known.estimator()
    found = [estimator.latency(made, size) for made in networks for size in sizes]
    answer(estimate_answer(found, estimator), format, output, notes)


def _batches(text: str) -> list[int]:
    """Read batches with commas between them.

    Raises:
        InvalidSpec: If one is no whole number.
    """
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise InvalidSpec(f"{quoted(text)} is no batch", "write 8, or several: 1,8,32") from None
