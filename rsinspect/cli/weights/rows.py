"""Which weight file is looked at, and which rows and columns of its table are shown."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.cli.claims import reads

if TYPE_CHECKING:
    from rsinspect.weights.selection import Selection


WeightFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A .h5, .weights.h5, .keras, .safetensors, .npz or .pth file, or a checkpoint of "
        "TensorFlow: its index, its prefix or its folder.",
        callback=reads,
    ),
]


@dataclass(kw_only=True, repr=False)
class RowOptions:
    """Which rows and columns are shown, and in which order."""

    columns: Annotated[
        str | None, typer.Option("--columns", "-c", help="Columns to show, by key, or 'all'.")
    ] = None
    sort: Annotated[
        str | None, typer.Option("--sort", "-s", help="Sort by this column, largest first.")
    ] = None
    limit: Annotated[int | None, typer.Option("--limit", "-n", help="Only the first N rows.")] = (
        None
    )
    filter: Annotated[
        str | None, typer.Option("--filter", help="Only names or kinds like this: '*bn1*', gamma.")
    ] = None

    def make(
        self,
        level: str | None,
        levels: Collection[str],
        columns: Collection[str],
        format: str | None,
    ) -> "Selection":
        """Check what is asked for.

        Args:
            level: What a row is to be.
            levels: That there are.
            columns: Likewise, by key.
            format: What it is for; one for programs has every column.
        """
        from rsinspect.weights.selection import Selection

        asked = tuple(self.columns.split(",")) if self.columns else ()
        if self.columns == "all" or (not asked and format in ("csv", "parquet")):
            asked = tuple(columns)
        return Selection(
            level=level,
            columns=asked,
            sort=self.sort,
            limit=self.limit,
            filter=self.filter,
        ).checked(levels, columns)
