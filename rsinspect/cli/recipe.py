"""``rsinspect recipe``: how a published model was trained, as a table and as a program."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.answers.recipe import published_named, recipe_answer
from rsinspect.base.formats import STDOUT
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.options import models
from rsinspect.cli.outputs import Notes, answer, chosen, format_option, output_option, put
from rsinspect.render.formats import PROGRAMS, TABLES

if TYPE_CHECKING:
    from rsinspect import paper

FORMATS = TABLES.or_else(PROGRAMS)


def recipe(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A published model: 270, 152@224, ResNetRS101.",
            show_default=False,
            autocompletion=completing(models),
        ),
    ],
    fine_tune: Annotated[
        bool, option("--fine-tune", help="Of fitting published weights to other images.")
    ] = False,
    format: Annotated[str | None, format_option(FORMATS)] = None,
    output: Annotated[Path | None, output_option(FORMATS)] = None,
    notes: Notes = "short",
) -> None:
    """Show how a published model was trained (Table 8), or write the program that does it.

    Examples:
        rsinspect recipe 152@224
        rsinspect recipe 50 --fine-tune -o fine_tune.py
    """
    found = published_named(model)
    name = chosen(FORMATS, output, format)
    if name in PROGRAMS.names:
        put(_program(found, fine_tune, output).encode(), output)
    elif fine_tune:
        from rsinspect.training.answer import fine_tuning_answer
        from rsinspect.training.fine_tuning import FineTuning

        tuning = FineTuning(depth=found.depth, resolution=found.resolution)
        answer(fine_tuning_answer(tuning), name, output, notes)
    else:
        answer(recipe_answer(found.depth, found.resolution), name, output, notes)


def _program(found: "paper.Recipe", fine_tune: bool, output: Path | None) -> str:
    """Write the program of a recipe."""
    from rsinspect.training.fine_tuning import FineTuning
    from rsinspect.training.recipe import published_recipe
    from rsinspect.training.script import fine_tuning_script, train_script

    usual = "fine_tune.py" if fine_tune else "train.py"
    program = usual if output in (None, STDOUT) else output.name
    if fine_tune:
        return fine_tuning_script(
            FineTuning(depth=found.depth, resolution=found.resolution), program
        )
    return train_script(published_recipe(found.depth, found.resolution), program)
