"""How wide text is in the font of the figures, without loading a font or matplotlib.

Advance widths of DejaVu Sans, in 2048ths of the size of the type. Source: the ``hmtx`` tables of
the fonts that matplotlib ships (compared with them by a test). Of the other families, STIX and the
serif are narrower; the monospaced one is wider, and Graphviz measures for itself.
"""

from __future__ import annotations

_PLAIN = (
    651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690,
    1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 690, 690, 1716, 1716, 1716, 1087,
    2048, 1401, 1405, 1430, 1577, 1294, 1178, 1587, 1540, 604, 604, 1343, 1141, 1767, 1532, 1612,
    1235, 1612, 1423, 1300, 1251, 1499, 1401, 2025, 1403, 1251, 1403, 799, 690, 799, 1716, 1024,
    1024, 1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186, 569, 1995, 1298, 1253,
    1300, 1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716,
)  # fmt: skip
"""From the blank (U+0020) to the tilde."""

_BOLD = (
    713, 934, 1067, 1716, 1425, 2052, 1786, 627, 936, 936, 1071, 1716, 778, 850, 778, 748,
    1425, 1425, 1425, 1425, 1425, 1425, 1425, 1425, 1425, 1425, 819, 819, 1716, 1716, 1716, 1188,
    2048, 1585, 1561, 1503, 1700, 1399, 1399, 1681, 1714, 762, 762, 1587, 1305, 2038, 1714, 1741,
    1501, 1741, 1577, 1475, 1397, 1663, 1585, 2259, 1579, 1483, 1485, 936, 748, 936, 1716, 1024,
    1024, 1382, 1466, 1214, 1466, 1389, 891, 1466, 1458, 702, 702, 1362, 702, 2134, 1458, 1407,
    1466, 1466, 1010, 1219, 979, 1458, 1335, 1892, 1321, 1335, 1192, 1458, 748, 1458, 1716,
)  # fmt: skip

_SIGNS = {"×": 1716, "→": 1716, "·": 651, "–": 1024, "−": 1716}
_OTHER, _UNITS = 2048, 2048


def width_pt(text: str, size: float, *, bold: bool = False) -> float:
    """Measure a line of text in points.

    >>> round(width_pt("3×3, 256", 8), 2)
    37.24
    """
    table = _BOLD if bold else _PLAIN
    units = sum(
        table[ord(sign) - 32] if " " <= sign <= "~" else _SIGNS.get(sign, _OTHER) for sign in text
    )
    return units * size / _UNITS


def broken(text: str, room_pt: float, size: float, *, bold: bool = False) -> list[str]:
    """Break text into lines of at most that width; a word that is longer has its own.

    >>> broken("after Figure 6 of the paper", 70, 10)
    ['after Figure 6', 'of the paper']
    """
    lines: list[str] = []
    left = 0.0
    for word in text.split():
        wide = width_pt(f" {word}", size, bold=bold)
        if lines and wide <= left:
            lines[-1] += f" {word}"
            left -= wide
        else:
            lines.append(word)
            left = room_pt - width_pt(word, size, bold=bold)
    return lines
