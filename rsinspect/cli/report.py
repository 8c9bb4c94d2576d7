"""``rsinspect report``: one offline page that explains a network, or several side by side."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rsinspect.base.embedded import check_page, page_named
from rsinspect.base.errors import InvalidSpec, OutputNotWritable
from rsinspect.base.files import check_writable, made_folder
from rsinspect.base.flags import flag
from rsinspect.base.formats import STDOUT
from rsinspect.base.talk import say
from rsinspect.base.text import showable
from rsinspect.base.words import Option, advice, names_in_words
from rsinspect.cli.claims import reads, reads_model, reads_runs, writes_each
from rsinspect.cli.declaration import OUTPUT, completing, option
from rsinspect.cli.options import ChangeOptions, models, with_options
from rsinspect.cli.outputs import put, write
from rsinspect.cli.recording import Db, kept
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network
from rsinspect.pages.choices import SECTIONS, THEMES

if TYPE_CHECKING:
    from rsinspect.pages.report import Report
    from rsinspect.profiling.record.run import ProfileRun


def _reads_each(context: typer.Context, parameter: typer.CallbackParam, paths: Any) -> Any:
    for path in paths or ():
        reads(context, parameter, path)
    return paths


def _writes(context: typer.Context, parameter: typer.CallbackParam, path: Path) -> Any:
    """Note the page or the folder; which of the two it is, another option says."""
    if path != STDOUT:
        writes_each(context, parameter, [path])
    return path


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class SubjectOptions:
    """What the page is about."""

    model: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="One to four networks, as in rsinspect summary: a depth, a name, a file, code "
            "that makes one. Without one, what the runs are of.",
            show_default=False,
            callback=reads_model,
            autocompletion=completing(models),
        ),
    ] = None
    run: Annotated[
        list[str] | None,
        option(
            "--run",
            help="A run of it: a file that rsinspect profile --save wrote, or an id or tag of the "
            "store, or latest; repeatable. Of several networks it goes to the one it measured.",
            callback=reads_runs,
            autocompletion=completing(kept),
        ),
    ] = None
    weights: Annotated[
        list[Path] | None,
        option(
            "--weights",
            help="A file with its weights, of any format that rsinspect weights reads; repeatable. "
            "Default: those in the network's own file.",
            callback=_reads_each,
        ),
    ] = None
    db: Db = None

    def runs(self) -> "list[tuple[str, ProfileRun]]":
        """Read the runs.

        Raises:
            RsInspectError: If there is no such run.
        """
        if not self.run:
            return []
        from rsinspect.runs.named import named_run

        return [(each, named_run(each, self.db)) for each in self.run]

    def networks(
        self, changes: ChangeOptions, *, apart: bool
    ) -> tuple[list[tuple[str, Network]], tuple[str, ...]]:
        """Make the networks that are named, with what to know of their sizes.

        Args:
            changes: How they are to be otherwise.
            apart: Whether each has its own size, and not one for all where none is given.

        Raises:
            SpecError: If there is no such network, or several are to be otherwise in a way that
                only one can be.
        """
        texts = self.model or []
        if len(texts) < 2:
            if not texts and changes.blocks is None and self.run:
                _refuse(changes, "runs alone say what the page is about", size=True)
                return [], ()
            made = changes.of(texts[0] if texts else None)
            return [(texts[0] if texts else made.name, made)], ()
        _refuse(changes, f"{names_in_words(texts)} are several networks")
        from rsinspect.networks.named import compared
        from rsinspect.networks.network import folded

        found = compared(*texts, resolution=changes.size(), apart=apart)
        several = map(folded, found.networks) if changes.fold_batch_norm else found.networks
        notes = () if found.note is None else (found.note.worded(flag),)
        return list(zip(texts, several, strict=True)), notes


def _refuse(changes: ChangeOptions, why: str, *, size: bool = False) -> None:
    """Refuse options that describe one network.

    Raises:
        InvalidSpec: If one is given.
    """
    given = list(changes.changes()) + ["blocks"] * (changes.blocks is not None)
    if size:
        given += ["resolution"] * (changes.resolution is not None)
        given += ["fold_batch_norm"] * changes.fold_batch_norm
    if given:
        raise InvalidSpec(
            advice("{} is for one network by name; {}", Option(given[0]), why),
            "leave it out, or name one network",
        )


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class PageOptions:
    """What the page looks like and what is on it."""

    title: Annotated[
        str | None, option("--title", help="Another title. Default: the networks.", panel=OUTPUT)
    ] = None
    theme: Annotated[
        str,
        option(
            "--theme",
            help="{}. auto: as the reader's system is, with a switch.",
            choices=THEMES,
            panel=OUTPUT,
        ),
    ] = THEMES[0]
    only: Annotated[
        list[str] | None,
        option(
            "--only",
            help="These sections alone, of {}; repeatable, or with commas.",
            choices=SECTIONS,
            panel=OUTPUT,
        ),
    ] = None

    def sections(self) -> tuple[str, ...]:
        """List the sections that are wanted; none for all."""
        named = (name.strip() for text in self.only or () for name in text.split(","))
        return tuple(name for name in named if name)


@with_options
def report(
    context: typer.Context,
    subjects: SubjectOptions,
    changes: ChangeOptions,
    question: Question,
    page: PageOptions,
    output: Annotated[
        Path,
        option(
            "--output",
            "-o",
            help="The page, a file whose name ends in .html; '-' for stdout. With --gallery a "
            "folder.",
            panel=OUTPUT,
            callback=_writes,
        ),
    ],
    gallery: Annotated[
        str | None,
        option(
            "--gallery",
            help="A page for each of these networks, and an index.html that lists them: published, "
            "or MODELs with commas.",
            panel=OUTPUT,
        ),
    ] = None,
) -> None:
    """Write one page that explains a network and opens anywhere.

    Examples:
        rsinspect report 50 101 -o both.html
        rsinspect report --run run.json -o measured.html
    """
    command = _command(context)
    if gallery is not None:
        _write_gallery(
            gallery, subjects, changes, _asked(subjects, question, page, command), output
        )
        return
    _check_page(output)
    from rsinspect.pages.html import report_page

    made = _report(subjects, changes, _asked(subjects, question, page, command))
    put(report_page(made).encode(), output)
    for note in made.notes:
        say(note)


def _asked(
    subjects: SubjectOptions, question: Question, page: PageOptions, command: str
) -> "Report":
    """Say what a page is to show and look like, whatever it is about.

    Raises:
        InvalidChoice: If there is no such theme or section.
    """
    from rsinspect.pages.report import Report

    return Report(
        subjects=(),
        question=question,
        title=page.title or "",
        theme=page.theme,
        only=page.sections(),
        command=command,
        db=subjects.db,
    )


def _report(subjects: SubjectOptions, changes: ChangeOptions, asked: "Report") -> "Report":
    """Read what the page is about.

    Raises:
        RsInspectError: If there is no such network, run or file.
    """
    from dataclasses import replace

    from rsinspect.pages.subject import subjects_of

    runs = subjects.runs()
    networks, notes = subjects.networks(changes, apart=bool(runs))
    found = subjects_of(networks, runs, subjects.weights or ())
    return replace(asked, subjects=found, notes=notes)


def _write_gallery(
    listed: str, subjects: SubjectOptions, changes: ChangeOptions, asked: "Report", folder: Path
) -> None:
    """Write a page for each of many networks and one that lists them; all of them or none.

    Raises:
        RsInspectError: If there is no such network or run, or the folder cannot be written.
    """
    if subjects.model or subjects.weights:
        given = "MODEL" if subjects.model else Option("weights")
        raise InvalidSpec(
            advice("{} is for a page alone; {} names its networks", given, Option("gallery")),
            "leave one of them out",
        )
    _refuse(changes, "a gallery has several")
    if folder == STDOUT or page_named(str(folder)):
        raise OutputNotWritable(
            f"a gallery is several pages: {folder} is no folder", "name a folder: networks"
        )
    from rsinspect.networks.lists import models_of
    from rsinspect.networks.named import network
    from rsinspect.networks.network import folded
    from rsinspect.pages.gallery import gallery

    with made_folder(folder):
        runs, networks = subjects.runs(), []
        for text in models_of(listed):
            made = network(text, resolution=changes.size())
            networks.append((text, folded(made) if changes.fold_batch_norm else made))
        pages = gallery(networks, runs, asked, say)
        write({folder / name: page.encode() for name, page in pages.items()})


def _check_page(output: Path) -> None:
    """Refuse what can be no page, before anything is worked out.

    Raises:
        UnknownFormat: If its name ends otherwise.
        OutputNotWritable: If it cannot be written.
    """
    if output == STDOUT:
        return
    check_page(output)
    check_writable(output)


def _command(context: typer.Context) -> str:
    """Write the command that makes the page again, in the folder where it is called.

    Arguments come first and options in the order of the help, however they were typed.
    """
    words = [word for parameter in context.command.params for word in _typed(context, parameter)]
    return showable(shlex.join(["rsinspect", "report", *words]))


def _typed(context: typer.Context, parameter: Any) -> Iterator[str]:
    """Write a parameter as it is typed; nothing where it has its default."""
    source = context.get_parameter_source(parameter.name)
    if source is None or source.name != "COMMANDLINE" or parameter.name == "quiet":
        return
    value = context.params[parameter.name]
    if parameter.name == "output" and value != STDOUT:
        value = value.name
    if isinstance(value, bool):
        yield (parameter.opts if value else parameter.secondary_opts)[0]
        return
    for each in value if isinstance(value, list | tuple) else [value]:
        if parameter.param_type_name == "option":
            yield parameter.opts[0]
        yield str(each)
