"""What a section of a page consists of, without a word on how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rsinspect.answers.table import Answer
from rsinspect.differences.pairs import Status
from rsinspect.differences.places import Place
from rsinspect.drawing.scene import Scene
from rsinspect.pages.inline_svg import Draw


class Heading(NamedTuple):
    """What the parts after it are about, where a section is about several things."""

    text: str


class Prose(NamedTuple):
    """A few sentences, a paragraph each."""

    paragraphs: tuple[str, ...]


class Fact(NamedTuple):
    """One thing to know.

    Attributes:
        name: What it is.
        text: Its value in words.
        value: The exact number, where it is one.
        remark: What to know of it.
    """

    name: str
    text: str
    value: int | float | None = None
    remark: str = ""


class Facts(NamedTuple):
    """The things to know at a glance.

    Attributes:
        facts: In their order.
        title: What they are about, where several things are.
        quiet: Whether they are for who looks for one of them, and not to be seen at once.
    """

    facts: tuple[Fact, ...]
    title: str = ""
    quiet: bool = False


class Tabled(NamedTuple):
    """A table that can be sorted, filtered and copied.

    Attributes:
        name: Its id in the page: letters, digits and hyphens.
        answer: Its values.
        hidden: Keys of columns that a reader has to choose to see.
        levels: How many rows enclose each row, where some do: a stage its blocks, a block its
            layers.
        level_names: What the rows of each level are called.
    """

    name: str
    answer: Answer
    hidden: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    level_names: tuple[str, ...] = ()


class Drawn(NamedTuple):
    """A picture.

    Attributes:
        name: Its id in the page: letters, digits and hyphens.
        draw: Draws it in a theme, given by its name, as a file of SVG.
        says: What it shows, for who cannot see it.
        caption: What stands below it.
    """

    name: str
    draw: Draw
    says: str
    caption: str = ""


class Explorer(NamedTuple):
    """A network that can be opened, searched and coloured."""

    scene: Scene


class Step(NamedTuple):
    """One thing that differs, as a reader is led to it.

    Attributes:
        words: What it is.
        status: Whether it is added, removed or changed, or is so in training only.
        number: Of the network that has it, or has it not, among those side by side.
        place: The part to look at, in the first network and in that one.
    """

    words: str
    status: Status
    number: int
    place: Place


class Steps(NamedTuple):
    """What differs between the first network and another.

    Attributes:
        title: Which two.
        steps: In the order of the forward pass.
        more: How many are not listed.
    """

    title: str
    steps: tuple[Step, ...]
    more: int = 0


class Tied(NamedTuple):
    """Networks side by side that move together, with what differs.

    Attributes:
        explorers: The first network, then those that are compared with it.
        differences: Of each of the others.
        links: Of each network, the part of the first that a part has as its counterpart, by path:
            where it is not that of the same path.
    """

    explorers: tuple[Explorer, ...]
    differences: tuple[Steps, ...]
    links: tuple[Mapping[str, str | None], ...]

    @property
    def document(self) -> dict[str, Any]:
        """Return what the script of a page has to know."""
        steps = [[x.number, *x.place] for each in self.differences for x in each.steps]
        return {"links": [dict(each) for each in self.links], "steps": steps}


class Code(NamedTuple):
    """Lines that are copied as they stand."""

    text: str


class Stacked(NamedTuple):
    """Parts one below the other, which stay together where others stand beside them."""

    parts: tuple[Heading | Prose | Facts | Tabled | Drawn | Code, ...]


class Beside(NamedTuple):
    """Parts beside each other where there is room, else one below the other."""

    parts: tuple[Heading | Prose | Facts | Tabled | Drawn | Code | Stacked, ...]


Part = Heading | Prose | Facts | Tabled | Drawn | Explorer | Tied | Code | Stacked | Beside


class Section(NamedTuple):
    """A section of a page.

    Attributes:
        name: What people call it when they choose, and its id in the page.
        title: What stands above it.
        parts: What it consists of.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
