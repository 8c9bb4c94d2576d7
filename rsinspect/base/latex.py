"""Text as LaTeX, and LaTeX from templates, for tables and figures alike."""

from __future__ import annotations

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
        autoescape=False,  # noqa: S701  # no HTML
        undefined=jinja2.StrictUndefined,
    )
    return environment.from_string(template(name)).render(**values)
