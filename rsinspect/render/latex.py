"""Tables for papers: LaTeX that fits the text width of a plain article.

Rules are booktabs', notes threeparttable's. The widest type in which a table fits is chosen by the
widths of Computer Modern's letters; heads are broken before the type gets smaller, and a table that
is too wide in small type comes in bands of columns, as on a terminal: ``resizebox`` would make
letters that nobody can read. More rows than a page has make a longtable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rsinspect.answers.table import Table
from rsinspect.base.cells import bands, shared
from rsinspect.base.latex import escape
from rsinspect.base.text import printable
from rsinspect.render.cells import NOT_AVAILABLE, Printed, printed

TEXT_WIDTH_PT = 345.0
"""Of article, at 10 pt, on A4 and on letter paper."""
MOST_LINES = 42
"""Of a table on one page, with its notes."""
_NOTE_WIDTH = 85
"""Characters in a line of a note."""
_NARROW = 0.6
"""Share of the text width that a table takes at least, for its notes to have room."""
_SQUEEZED_PT = 60.0
"""Width that a column of texts keeps at least, where it has to fold them."""


class _Setting(NamedTuple):
    """How a table is set.

    Attributes:
        command: Of the type size.
        em: Points in an em of its letters, if they had the widths of cmr10.
        gap: Points between two columns.
        broken: Whether heads are broken where they may be.
        folded: Whether columns of texts fold them.
    """

    command: str
    em: float
    gap: float
    broken: bool
    folded: bool


_SETTINGS = tuple(
    _Setting(command, em, gap, broken, folded)
    for folded in (False, True)
    for command, em, gap in (("small", 9.3, 8.0), ("footnotesize", 8.55, 8.0),
                             ("footnotesize", 8.55, 5.0))
    for broken in (False, True)
)  # fmt: skip
"""What is tried, in order, until a table fits."""
_WIDTHS = {
    **dict.fromkeys(" !',.:;[]_`il", 0.28), **dict.fromkeys("fj-I()rst", 0.38),
    **dict.fromkeys("cez", 0.45), **dict.fromkeys("kqvxySbdhnpu", 0.56),
    **dict.fromkeys("ZLFEPBCTwRAHNUVXYD", 0.74), **dict.fromkeys("&+=@GKOQ#%m×–→−", 0.83),
    **dict.fromkeys("MW", 1.0),
}  # fmt: skip
_DIGIT = 0.5
_THIN = "\\,"
_UNITS = r"[kKMGTP]i?B?|B|\\%|ms|s|\$\\mu\$s"


def text_width(text: str, em: float) -> float:
    """Estimate how many points wide a line of Computer Modern is, rather more than less."""
    return em * sum(_WIDTHS.get(character, _DIGIT) for character in text)


def latex_text(table: Table) -> str:
    """Write a table with its caption, label and notes, for an ``article`` of any paper size."""
    columns = printed(table)
    fits = (
        setting
        for setting in _SETTINGS
        if _total(_needed(columns, setting), setting.gap) <= TEXT_WIDTH_PT
    )
    layout = _Layout(table, columns, next(fits, _SETTINGS[-1]))
    return "\n".join(line.rstrip() for line in layout.lines()) + "\n"


def _total(widths: Sequence[float], gap: float) -> float:
    return sum(widths) + gap * (len(widths) - 1)


def _heads(column: Printed, *, broken: bool) -> list[str]:
    return column.breakable.split("\n") if broken else [column.head]


def _needed(columns: Sequence[Printed], setting: _Setting) -> list[float]:
    """Estimate the points that each column needs."""
    return [
        max(
            min(
                _texts_width(column, setting.em),
                _SQUEEZED_PT if column.column.wraps and setting.folded else TEXT_WIDTH_PT,
            ),
            *(text_width(part, setting.em) for part in _heads(column, broken=setting.broken)),
        )
        for column in columns
    ]


def _texts_width(column: Printed, em: float) -> float:
    """Estimate the points of the widest text of a column."""
    return max(
        (
            text_width(line, em) + em * _DIGIT * column.after.get(text, 0)
            for text in (*column.rows, *column.totals)
            for line in text.split("\n")
        ),
        default=0.0,
    ) + text_width(max(column.marks, key=len, default=""), 0.8 * em)


class _Layout:
    """A table as it is set, its columns in one band or several."""

    def __init__(self, table: Table, columns: tuple[Printed, ...], setting: _Setting) -> None:
        self.table = table
        self.columns = columns
        self.setting = setting
        self.needed = _needed(columns, setting)
        self.bands = bands(self.needed, TEXT_WIDTH_PT, setting.gap)
        notes = sum(1 + len(str(note)) // _NOTE_WIDTH for note in (*table.lead, *table.notes))
        rows = len(self.bands) * len(table.rows)
        self.long = rows + notes > MOST_LINES

    def lines(self) -> Iterator[str]:
        """Write every line."""
        packages = ["array", "booktabs", "longtable" if self.long else "threeparttable"]
        yield f"% needs \\usepackage{{{','.join(packages)}}}"
        yield from self._long() if self.long else self._float()

    @property
    def _caption(self) -> str:
        number = f" (after {self.table.number} of Bello et al., 2021)" if self.table.number else ""
        name = re.sub(r"[^a-z0-9.]+", "-", (self.table.name or self.table.heading).lower())
        label = name.strip("-.")
        return f"\\caption{{{_escaped(self.table.title + number)}}}\\label{{tab:{label}}}"

    @property
    def _notes(self) -> list[str]:
        return [_note(str(note)) for note in (*self.table.lead, *self.table.notes)]

    def _float(self) -> Iterator[str]:
        yield from ("\\begin{table}[htbp]", "  \\centering", f"  \\{self.setting.command}")
        yield f"  \\setlength{{\\tabcolsep}}{{{self.setting.gap / 2:g}pt}}"
        yield from ("  \\begin{threeparttable}", f"    {self._caption}")
        for number, band in enumerate(self.bands):
            if number:
                yield from ("", "    \\medskip")
            widths = self._widths(band)
            columns = self._spec(band, widths)
            share = 1.0 if len(self.bands) > 1 else _NARROW
            spread = share == 1.0 or _total(widths, self.setting.gap) < share * TEXT_WIDTH_PT
            if spread:
                fill = "@{\\extracolsep{\\fill}}"
                yield f"    \\begin{{tabular*}}{{{share:g}\\linewidth}}{{{fill}{columns}@{{}}}}"
            else:
                yield f"    \\begin{{tabular}}{{@{{}}{columns}@{{}}}}"
            heads = self._head_rows(band)
            for line in ("\\toprule", *heads, "\\midrule", *self._rows(band), "\\bottomrule"):
                yield f"      {line}"
            yield f"    \\end{{{'tabular*' if spread else 'tabular'}}}"
        if self._notes:
            yield "    \\begin{tablenotes}[flushleft]\\footnotesize\\raggedright\\labelsep=0pt"
            yield from (f"      \\item{note}" for note in self._notes)
            yield "    \\end{tablenotes}"
        yield from ("  \\end{threeparttable}", "\\end{table}")

    def _long(self) -> Iterator[str]:
        yield f"{{\\{self.setting.command}\\setlength{{\\tabcolsep}}{{{self.setting.gap / 2:g}pt}}"
        yield "\\setlength{\\LTcapwidth}{\\linewidth}"
        for number, band in enumerate(self.bands):
            heads = ("\\toprule", *self._head_rows(band), "\\midrule")
            yield f"\\begin{{longtable}}{{@{{}}{self._spec(band, self._widths(band))}@{{}}}}"
            if not number:
                yield f"  {self._caption} \\\\"
                yield from (f"  {line}" for line in (*heads, "\\endfirsthead"))
            yield f"  \\multicolumn{{{len(band)}}}{{@{{}}l}}{{\\emph{{continued}}}} \\\\"
            yield from (f"  {line}" for line in (*heads, "\\endhead", "\\bottomrule", "\\endfoot"))
            yield from (f"  {line}" for line in self._rows(band))
            yield "\\end{longtable}"
            if number:  # which has no caption and is none of its own
                yield "\\addtocounter{table}{-1}"
        if self._notes:
            yield "\\begin{list}{}{\\footnotesize\\leftmargin=0pt\\itemsep=0pt\\parsep=0pt}"
            yield "  \\labelsep=0pt\\raggedright"
            yield from (f"  \\item{note}" for note in self._notes)
            yield "\\end{list}"
        yield "}"

    def _widths(self, band: Sequence[int]) -> list[float]:
        """Share what is left of the line among the columns that fold their texts."""
        needed = [self.needed[n] for n in band]
        wanted = [_texts_width(self.columns[n], self.setting.em) for n in band]
        return shared(needed, wanted, TEXT_WIDTH_PT - self.setting.gap * (len(band) - 1))

    def _spec(self, band: Sequence[int], widths: Sequence[float]) -> str:
        letters = []
        for n, width in zip(band, widths, strict=True):
            column = self.columns[n]
            folds = column.column.wraps and (
                width < _texts_width(column, self.setting.em)
                or any("\n" in text for text in column.rows)
            )
            if folds:
                share = width / TEXT_WIDTH_PT
                letters.append(f">{{\\raggedright\\arraybackslash}}p{{{share:.3f}\\linewidth}}")
            else:
                letters.append("r" if column.right else "l")
        return "".join(letters)

    def _head_rows(self, band: Sequence[int]) -> list[str]:
        """Write the heads, a row per line, those of fewer lines at the bottom."""
        heads = [_heads(self.columns[n], broken=self.setting.broken) for n in band]
        tall = max(map(len, heads))
        filled = [[""] * (tall - len(head)) + head for head in heads]
        return [_line([_escaped(head[row]) for head in filled]) for row in range(tall)]

    def _rows(self, band: Sequence[int]) -> Iterator[str]:
        columns = [self.columns[n] for n in band]
        for row in range(len(self.table.rows)):
            yield _line([_cell(c, c.rows[row]) + _superscript(c.marks[row]) for c in columns])
        if self.table.totals:
            yield "\\midrule"
        for row in range(len(self.table.totals)):
            yield _line([_cell(column, column.totals[row]) for column in columns])


def _note(text: str) -> str:
    """Write a footnote, its mark apart."""
    mark, text = found.groups() if (found := re.match(r"([a-z]): (.*)", text, re.S)) else ("", text)
    return f"[{_superscript(mark)}{_THIN if mark else ''}]{_breakable(_escaped(text))}"


def _superscript(mark: str) -> str:
    return f"\\textsuperscript{{{_escaped(mark)}}}" if mark else ""


def _line(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cell(column: Printed, text: str) -> str:
    if text == NOT_AVAILABLE:
        return "--"
    if column.column.wraps:
        return "\\newline ".join(_breakable(_escaped(line)) for line in text.split("\n"))
    after = column.after.get(text, 0)
    if column.right and re.match(r"-\d", text):
        text = f"−{text[1:]}"
    missing = f"\\phantom{{.{'0' * (after - 1)}}}" if after else ""
    return _escaped(text) + missing


def _escaped(text: str) -> str:
    """Escape text, with thin spaces between groups of digits and before units."""
    line = printable(text).replace("\n", " ").replace("->", "→")
    escaped = escape(line).replace("\\textquotesingle{}", "'")
    return re.sub(rf"(?<=\d) (?=\d{{3}}(?!\d)|(?:{_UNITS})(?![A-Za-z]))", r"\\,", escaped)


def _breakable(escaped: str) -> str:
    """Allow breaks in paths and formulas, after what joins their parts."""
    return re.sub(r"(?<=[\w*.}])(/|\\_|\*|=)(?=[\w*\\])", r"\1\\allowbreak{}", escaped)
