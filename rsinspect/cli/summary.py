"""``rsinspect summary`` and ``rsinspect variants``: what the networks cost."""

from typing import Annotated

import typer

from rsinspect.answers.rows import LEVELS
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.layer_weights import Weights, weights_in
from rsinspect.cli.options import Convention, families, model_command
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.render.formats import TABLES

_DRAWN = dict.fromkeys((".svg", ".png", ".pdf", ".dot", ".mmd"), "rsinspect graph draws a network")
_SUMMARIES = TABLES._replace(hints={**TABLES.hints, **_DRAWN})


@model_command()
def summary(
    network: Network,
    question: Question,
    level: Annotated[
        str, option("--level", "-l", help="One row per {}.", choices=LEVELS)
    ] = "stage",
    columns: Annotated[
        str | None, typer.Option("--columns", "-c", help="Columns to show, by key, or 'all'.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", "-s", help="Sort by this column, largest first.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="Only the first N rows.")
    ] = None,
    filter: Annotated[
        str | None, typer.Option("--filter", help="Only paths or kinds like this: 'c4/*', Conv2D.")
    ] = None,
    fold: Annotated[
        bool,
        typer.Option("--fold/--no-fold", help="One row for all identical blocks, or one each."),
    ] = True,
    explain: Annotated[
        list[str] | None,
        typer.Option("--explain", "-e", help="Show the formulas of this path instead; repeatable."),
    ] = None,
    weights: Weights = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Show params, MACs, FLOPs and activation memory, by stage, block or layer.

    Examples:
        rsinspect summary 152@224 --level block
        rsinspect summary my.keras --sort flops --limit 10
    """
    from rsinspect.answers.summary import SummaryOptions, column_keys, summary_answer

    format = chosen(_SUMMARIES, output, format)
    every = column_keys(weights=weights is not None)
    wanted = every if columns == "all" else tuple(columns.split(",")) if columns else ()
    options = SummaryOptions(
        level=level,  # type: ignore[arg-type]  # checked by SummaryOptions
        question=question,
        folded=fold,
        columns=wanted or (every if format in ("csv", "parquet") else ()),
        sort=sort,
        limit=limit,
        filter=filter,
    )
    if explain:
        from rsinspect.answers.explain import explain_answer

        answer(explain_answer(network, tuple(explain), question), format, output, notes)
    else:
        answer(
            summary_answer(network, options, weights_in(weights, network)), format, output, notes
        )


def variants(
    every: Annotated[
        bool, typer.Option("--all", help="Also 300 and 400, the layouts of the scaling study.")
    ] = False,
    family: Annotated[
        str | None,
        option(
            "--family",
            help="Another family, of keras.applications: efficientnet, vgg; all of them, or a list "
            "of the families. Keras builds each network once.",
            autocompletion=completing(families),
        ),
    ] = None,
    convention: Convention = "paper",
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """List the published networks, computed figures beside the paper's Table 7.

    Examples:
        rsinspect variants
        rsinspect variants --all -o variants.csv
    """
    from rsinspect.answers.variants import variants_answer

    found = variants_answer(Question(convention), every=every, family=family)
    answer(found, format, output, notes)
