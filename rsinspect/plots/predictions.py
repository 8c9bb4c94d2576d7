"""Photographs, and beside each what a network sees in it.

A photograph is shown whole; what is outside the crop that the network was given is faded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.base.errors import PictureTooLarge
from rsinspect.base.units import dimensions, percent
from rsinspect.base.words import Option, advice, plural
from rsinspect.drawing.theme import THEMES, Theme
from rsinspect.images.photograph import Photograph
from rsinspect.images.preprocessing import Preprocessing
from rsinspect.plots.frame import Frame
from rsinspect.plots.page import (
    MARGIN,
    Box,
    Lettering,
    Page,
    PlotFormat,
    check_plot,
    file_content,
    mixed,
    own_settings,
)
from rsinspect.plots.sheet import README, Sheet
from rsinspect.plots.text import TEXT, cut, text_width
from rsinspect.prediction.predictions import Guess, Predictions, Seen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PHOTOGRAPH = 190.0
"""Pixels of a photograph across and down, at most."""
_NARROW_PHOTOGRAPH = 110.0
_NAME_ROW, _PITCH, _BAR = 22.0, 24.0, 13.0
_GAP = 22.0
"""Between photographs, and between one and the names beside it."""
_NAMES = 240.0
"""Pixels of a class's name, at most."""
_LEAST_BARS = 30.0
"""Pixels of all a share can be; where names leave less, they stand without bars."""
_FADED = 0.55
"""Of the paper, over what the network is not given."""
_SHARPNESS = 2
"""Pixels of a photograph to one of the page."""


def predictions_plot(
    said: Predictions, format: PlotFormat, theme: str, sheet: Sheet = README
) -> bytes:
    """Draw predictions, as a file's content.

    Args:
        said: What the network said.
        format: Of the file.
        theme: Of ``drawing.theme.THEMES``.
        sheet: The place it is for.

    Raises:
        InvalidChoice: If the format or the theme is unknown.
        PictureTooLarge: If they do not fit the sheet.
    """
    check_plot(format, theme)
    with own_settings():
        figure = _drawn(said, THEMES[theme], sheet)
    return sheet.sized(file_content(figure, format, sheet.named(_title(said)), sheet.dpi))


def _title(said: Predictions) -> str:
    return f"What {said.network.title} sees"


class _Columns(NamedTuple):
    """Where things stand from left to right, in pixels.

    Attributes:
        names: Left end of the names of classes.
        bars: Where bars begin.
        most: Where the longest bar would end.
        end: Right end of the numbers.
    """

    names: float
    bars: float
    most: float
    end: float

    @classmethod
    def of(cls, guesses: Sequence[Guess], numbers: Sequence[str], sheet: Sheet) -> _Columns:
        """Give names and numbers the room of the widest, and bars the rest."""
        photograph = _NARROW_PHOTOGRAPH if sheet.narrow else _PHOTOGRAPH
        names = MARGIN + photograph + _GAP
        end = sheet.width - MARGIN
        most = end - max(map(text_width, numbers)) - 10
        widest = max(text_width(guess.called, bold=True) for guess in guesses)
        room = min(_NAMES, widest + 2, (1.0 if sheet.narrow else 0.6) * (most - names - 10))
        return cls(names, names + room + 10, most, end)


def _drawn(said: Predictions, theme: Theme, sheet: Sheet) -> Figure:
    chosen = said.preprocessing
    below = (
        f"Crop ratio {chosen.crop_ratio:.3f}, resized to {dimensions(chosen.resolution)} "
        f"({chosen.interpolation}); faded: what it is not given. With weights {said.weights}.",
    )
    frame = Frame.of(_title(said), below, (), (), sheet)
    side = _NARROW_PHOTOGRAPH if sheet.narrow else _PHOTOGRAPH
    guesses = [guess for seen in said.seen for guess in seen.guesses]
    columns = _Columns.of(guesses, [_number(said, guess) for guess in guesses], sheet)
    sizes = [_size(seen.photograph, side) for seen in said.seen]
    heights = [
        _NAME_ROW + max(tall, len(seen.guesses) * _PITCH)
        for seen, (_, tall) in zip(said.seen, sizes, strict=True)
    ]
    plot = sum(heights) + _GAP * (len(heights) - 1)
    room = sheet.tall(plot, frame.top + frame.below_plot)
    if sheet.size and sheet.size.height_pt and plot > room:
        raise PictureTooLarge(
            f"{plural(len(heights), 'photograph')} do not fit {sheet.size.text}",
            advice("{} is as tall as it needs to be", Option("size", "174mm")),
        )
    page = frame.page(frame.top + plot, theme)
    largest = max((abs(guess.share) for guess in guesses), default=1.0) or 1.0
    scale = (columns.most - columns.bars) / (1.0 if _are_shares(said) else largest)
    top = frame.top
    for seen, (width, tall), height in zip(said.seen, sizes, heights, strict=True):
        _row(page, said, seen, (top, width, tall), columns, scale)
        top += height + _GAP
    return page.figure


def _are_shares(said: Predictions) -> bool:
    return said.reading.meaning != "score"


def _number(said: Predictions, guess: Guess) -> str:
    return percent(guess.share) if _are_shares(said) else f"{guess.share:.4g}"


def _size(photograph: Photograph, side: float) -> tuple[float, float]:
    """Choose width and height of a photograph on the page."""
    scale = side / max(photograph.width, photograph.height)
    return max(1.0, photograph.width * scale), max(1.0, photograph.height * scale)


def _row(
    page: Page,
    said: Predictions,
    seen: Seen,
    place: tuple[float, float, float],
    columns: _Columns,
    scale: float,
) -> None:
    """Draw a photograph and what is seen in it.

    Args:
        page: Where to.
        said: What the network said.
        seen: Of this photograph.
        place: Top of the row, and width and height of the photograph.
        columns: Where things stand.
        scale: Pixels of a share of one.
    """
    top, width, height = place
    name = cut(seen.photograph.name, columns.end - MARGIN, TEXT, bold=True)
    page.words((MARGIN, top + 12), name, Lettering(bold=True))
    top += _NAME_ROW
    box = Box(MARGIN, top, MARGIN + width, top + height)
    _photograph(page, seen.photograph, box, said.preprocessing)
    for rank, guess in enumerate(seen.guesses):
        y = top + (rank + 0.5) * _PITCH
        called = cut(guess.called, columns.bars - columns.names - 10, TEXT, bold=not rank)
        page.words((columns.names, y + 4), called, Lettering(bold=not rank))
        if columns.most - columns.bars >= _LEAST_BARS:
            start, end = sorted((columns.bars, columns.bars + guess.share * scale))
            fill = mixed(page.theme.fills["stage"], page.theme.paper, 0.45 if rank else 0)
            page.bar(Box(start, y - _BAR / 2, end, y + _BAR / 2), fill, page.theme.line)
        page.words((columns.end, y + 4), _number(said, guess), Lettering(side="right"))


def _photograph(page: Page, seen: Photograph, box: Box, preprocessing: Preprocessing) -> None:
    """Show a photograph, with what is outside of its crop faded."""
    from PIL import Image

    wide, tall = (round(_SHARPNESS * side) for side in (box.right - box.left, box.bottom - box.top))
    image = seen.image.resize((max(1, wide), max(1, tall)), Image.Resampling.LANCZOS)
    paper = Image.new("RGB", image.size, page.theme.paper)
    shown = Image.blend(image, paper, _FADED)
    across, down = image.width / seen.width, image.height / seen.height
    left, top, right, bottom = preprocessing.box(seen.height, seen.width)
    crop = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    shown.paste(image.crop(crop), crop)
    page.picture(shown, box)
