"""Text as LaTeX, and LaTeX from templates, for tables and figures alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rsinspect.base.files import template

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\texttt{\symbol{34}}",
    "`": r"\textasciigrave{}", "'": r"\textquotesingle{}", "→": r"$\rightarrow$",
    "×": r"$\times$", "·": r"$\cdot$", "−": "$-$",
    "–": r"\textendash{}", "µ": r"$\mu$", "≥": r"$\geq$", "≤": r"$\leq$", "…": r"\dots{}",
    "[": "{[}", "]": "{]}",
}  # fmt: skip
_ACCENTED = frozenset("ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")


def escape(text: str) -> str:
    """Escape LaTeX's special characters, for any font encoding.

    Characters that LaTeX has no glyph for are written as their code points.

    >>> print(escape("50 % of c4_x → 2×"), escape("層"), escape("--top"))
    50 \\% of c4\\_x $\\rightarrow$ 2$\\times$ \\texttt{U+5C64} -{}-top
    """
    escaped = "".join(map(character, text))
    while "--" in escaped:  # which LaTeX would join to a dash
        escaped = escaped.replace("--", "-{}-")
    return escaped


def character(character: str) -> str:
    """Escape one character."""
    if character in _TEX:
        return _TEX[character]
    if character in _ACCENTED or (character.isascii() and character.isprintable()):
        return character
    return " " if character.isspace() else f"\\texttt{{U+{ord(character):04X}}}"


def tabular(
    alignment: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str] | str],
    totals: Sequence[Sequence[str]] = (),
    *,
    position: str = "",
) -> list[str]:
    """Lay LaTeX cells out as a booktabs table, line by line.

    Args:
        alignment: As LaTeX takes it, a letter a column.
        heads: Of the columns.
        rows: Cells of each row; a text, such as ``\\addlinespace``, stands as it is.
        totals: Rows below a line of their own.
        position: Of the table on its line: ``t``, ``b`` or nothing.

    >>> print(*tabular("lr", ("a", "b"), [("x", "1")])[:3], sep="\\n")
    \\begin{tabular}{lr}
      \\toprule
      a & b \\\\
    """

    def line(cells: Sequence[str] | str) -> str:
        return cells if isinstance(cells, str) else f"{' & '.join(cells)} \\\\"

    inside = [
        "\\toprule",
        line(heads),
        "\\midrule",
        *map(line, rows),
        *(("\\midrule", *map(line, totals)) if totals else ()),
        "\\bottomrule",
    ]
    indented = (f"  {text}" for text in inside)
    where = f"[{position}]" if position else ""
    return [f"\\begin{{tabular}}{where}{{{alignment}}}", *indented, "\\end{tabular}"]


def fill(name: str, **values: Any) -> str:
    """Fill a LaTeX template; ``<< value >>`` and ``<% statement %>`` mark the places.

    Args:
        name: Of the template's file.
        **values: LaTeX source; text goes through ``escape`` first.
    """
    import jinja2  # only LaTeX needs it

    environment = jinja2.Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        undefined=jinja2.StrictUndefined,
    )
    return environment.from_string(template(name)).render(**values)
