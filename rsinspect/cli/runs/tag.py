"""``rsinspect runs tag``."""

from typing import Annotated

import typer

from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.talk import say
from rsinspect.base.words import Option, advice
from rsinspect.cli.declaration import completing
from rsinspect.cli.recording import Db, kept


def runs_tag(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="An id, the beginning of one, a tag, or latest.",
            show_default=False,
            autocompletion=completing(kept),
        ),
    ],
    name: Annotated[
        str | None, typer.Argument(help="What to call it from now on.", show_default=False)
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Take the tag away; the run stays.")
    ] = False,
    db: Db = None,
) -> None:
    """Name a measurement, or take its name away.

    Examples:
        rsinspect runs tag latest before
        rsinspect runs tag before --delete
    """
    from rsinspect.runs.place import database_path
    from rsinspect.runs.store import open_store

    if delete == (name is not None):
        raise InvalidQuestion(
            "a run and its new name, or a name that goes",
            advice("rsinspect runs tag latest before, or rsinspect runs tag before {}",
                   Option("delete", True)),
        )  # fmt: skip
    with open_store(database_path(db), write=True, make=False) as store:
        if name is None:
            id = store.find(run).id
            store.untag(run)
            say(f"{id} is no longer called {run}")
            return
        before = store.tags().get(name)
        id = store.tag(run, name)
    say(f"{id} is called {name}" + (f", as {before} was" if before not in (None, id) else ""))
