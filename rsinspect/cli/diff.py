"""``rsinspect diff``: two networks, what one has and the other has not, as a table or a picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rsinspect.base.errors import InvalidQuestion, InvalidSpec
from rsinspect.base.flags import flag
from rsinspect.base.talk import say
from rsinspect.base.words import Option, advice, quoted
from rsinspect.cli.claims import writes
from rsinspect.cli.declaration import OUTPUT, one_of, option
from rsinspect.cli.options import model_argument, with_options
from rsinspect.cli.outputs import Notes, answer, chosen
from rsinspect.cli.picture import StyleOptions, show
from rsinspect.drawing import choices
from rsinspect.drawing.choices import COMPARED_VIEWS, PICTURES
from rsinspect.networks.network import Network
from rsinspect.render.formats import TABLES

_EITHER = TABLES.or_else(PICTURES)
_DRAWN = tuple(suffix for suffix in PICTURES.suffixes if suffix not in TABLES.suffixes)
"""Suffixes that mean a picture without being asked for one."""

if TYPE_CHECKING:
    from rsinspect.networks.named import Compared


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOptions:
    """Which networks are compared."""

    a: Annotated[
        str,
        model_argument(
            "A",
            "MODEL: 152, 152@224, resnet50, 101:article, 200:resnet+se, EfficientNetB0, my.keras, "
            "train.py:make_model.",
        ),
    ]
    b: Annotated[
        str | None, model_argument("[B]", "The same for B, which is read as what A became.")
    ] = None
    more: Annotated[
        list[str] | None,
        model_argument(
            "[C]...", "More steps, each compared with the one before: 200:resnet 200:resnet+se 200."
        ),
    ] = None
    resolution: Annotated[
        str | None,
        option(
            "--resolution",
            "-r",
            help="Of all of them: 224, 160x192. Default: the one in a name, 152@224, and each "
            "other network's own; where no name has one, the largest of their own for all.",
        ),
    ] = None
    fold_batch_norm: Annotated[
        bool,
        option(
            "--fold-batchnorm",
            help="For inference: each batch norm becomes part of the layer beside it, in all of "
            "them; A alone is compared with itself folded.",
        ),
    ] = False

    def make(self) -> "Compared":
        """Make the networks, two or more.

        Raises:
            SpecError: If a text names none, or one alone is named.
        """
        from rsinspect.networks.grammar import parse_resolution
        from rsinspect.networks.named import Compared, compared
        from rsinspect.networks.network import folded

        size = None if self.resolution is None else parse_resolution(self.resolution)
        if self.b is not None:
            found = compared(self.a, self.b, *(self.more or ()), resolution=size)
            made = tuple(map(folded, found.networks)) if self.fold_batch_norm else found.networks
            return found._replace(networks=made)
        if not self.fold_batch_norm:
            raise InvalidSpec(
                f"diff compares two networks; {quoted(self.a)} is one",
                advice("name B, or compare A with itself: {}", Option("fold_batch_norm")),
            )
        ((whole,), note) = compared(self.a, resolution=size)
        return Compared((whole, folded(whole)), note)


def _picture(*names: str, help: str, choices: Iterable[str] = ()) -> Any:
    return option(*names, help=help, choices=choices, panel="Picture")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOptions:
    """Whether two networks are drawn, and in what detail."""

    graph: Annotated[bool, _picture("--graph", help="Draw the two side by side instead.")] = False
    view: Annotated[
        str | None,
        _picture(
            "--view",
            help="{}. Default: blocks; .me.json always has every layer.",
            choices=COMPARED_VIEWS,
        ),
    ] = None


@with_options
def diff(
    steps: StepOptions,
    picture: PictureOptions,
    style: StyleOptions,
    format: Annotated[
        str | None,
        option(
            "--format",
            "-f",
            help="{}. Default: from the suffix of the file; else table.",
            choices=_EITHER.names,
            panel=OUTPUT,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help=f"Write to this file instead of stdout: {one_of(TABLES.suffixes)} for the table; "
            f"{one_of(_DRAWN)} draw the two.",
            panel=OUTPUT,
            callback=writes,
        ),
    ] = None,
    notes: Notes = "short",
) -> None:
    """Show what B has more, less or otherwise than A, and what that costs.

    Examples:
        rsinspect diff 101 152
        rsinspect diff 152@224:timm 152@224 -o dialects.svg
    """
    from rsinspect.differences.report import chain_answer, diff_answer

    networks, note = steps.make()
    one, two, *others = networks
    formats = PICTURES if picture.graph else _EITHER
    name = chosen(formats, output, format)
    if picture.graph or name not in (None, *TABLES.names):
        if others:
            raise InvalidQuestion("a picture has two sides, not more", "name two networks")
        _draw(one, two, picture, style, name, output)
        if note is not None:
            say(note.worded(flag))
    elif others:
        answer(chain_answer(networks, note), name, output, notes)
    else:
        answer(diff_answer(one, two, note), name, output, notes)


def _draw(
    one: Network,
    two: Network,
    picture: PictureOptions,
    style: StyleOptions,
    format: str | None,
    output: Path | None,
) -> None:
    """Draw two networks side by side."""
    from rsinspect.drawing import formats
    from rsinspect.drawing.comparison import comparison

    format = formats.chosen(output, format)
    view = picture.view or ("blocks" if format not in choices.EVERY_LAYER else None)
    scene = comparison(
        one,
        two,
        view=formats.view_in(format, view),
        direction=style.direction,
        deep=format in choices.DEEP,
    )
    show(scene, format, style.make(), output)
