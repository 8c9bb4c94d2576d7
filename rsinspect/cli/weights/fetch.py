"""``rsinspect weights fetch``."""

from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.words import Option, advice
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.downloads import download
from rsinspect.cli.outputs import Format, Notes, Output, answer, chosen
from rsinspect.render.formats import TABLES

if TYPE_CHECKING:
    from rsinspect.weights.listing import Fetched
    from rsinspect.weights.published import PublishedFile


def _files(incomplete: str) -> list[str]:
    from rsinspect.weights.published import published_files

    return [*(f"{f.depth}@{f.resolution}" for f in published_files() if f.include_top),
            *(f.name for f in published_files())]  # fmt: skip


def weights_fetch(
    model: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Networks, 50 or 152@224 (without a size, the largest), or names of files.",
            show_default=False,
            autocompletion=completing(_files),
        ),
    ] = None,
    include_top: Annotated[
        bool, typer.Option("--top/--no-top", help="With or without the classifier's weights.")
    ] = True,
    every: Annotated[bool, typer.Option("--all", help="All 22 files.")] = False,
    base_url: Annotated[
        str | None,
        option(
            "--base-url",
            help="The folder, or the http(s) URL of one, to take them from. Default: what "
            "RSINSPECT_WEIGHTS_URL names, else where Keras's files were published.",
        ),
    ] = None,
    format: Format = None,
    output: Output = None,
    notes: Notes = "short",
) -> None:
    """Fetch published weight files, each whole or not at all.

    Examples:
        rsinspect weights fetch 50 152@224
        rsinspect weights fetch --all --base-url mirror
    """
    from rsinspect.weights.listing import fetch_answer
    from rsinspect.weights.published import file_named, published_files

    format = chosen(TABLES, output, format)
    if bool(model) == every:
        raise InvalidQuestion(
            advice("{} and the names of networks exclude each other", Option("every"))
            if every
            else "no network named",
            advice("name some, 50 or 152@224, or give {}", Option("every", True)),
        )
    named = [file_named(text, include_top=include_top) for text in model or ()]
    files = published_files() if every else tuple(dict.fromkeys(named))
    answer(fetch_answer([_fetched(file, base_url) for file in files]), format, output, notes)


def _fetched(file: "PublishedFile", base_url: str | None) -> "Fetched":
    """Get one of them, under a bar where it has to be downloaded."""
    from rsinspect.weights.listing import fetch

    with download(file.name) as watch:
        return fetch(file, base_url, watch)
