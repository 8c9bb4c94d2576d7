"""Colours that stay apart for who sees two kinds of cones only.

What they see is computed after Machado, Oliveira and Fernandes (2009, "A Physiologically-based
Model for Simulation of Color Vision Deficiency", IEEE TVCG 15(6), severity 1.0), in linear RGB;
how far apart two colours are, in CIELAB (CIE 1976; 2.3 is a just noticeable difference,
Mahy et al. 1994).
"""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import pytest

from rsinspect.drawing.strokes import STROKES
from rsinspect.drawing.theme import DARK, LIGHT, Theme, contrast

Triple = tuple[float, float, float]

DEFICIENCIES: dict[str, tuple[Triple, Triple, Triple]] = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(colour: str) -> Triple:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (red, green, blue)
    )
    return r, g, b


def times(matrix: tuple[Triple, Triple, Triple], colour: Triple) -> Triple:
    x, y, z = (sum(a * b for a, b in zip(row, colour, strict=True)) for row in matrix)
    return x, y, z


TO_XYZ: tuple[Triple, Triple, Triple] = (  # of D65, each divided by the white's
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)


def lab(colour: Triple) -> Triple:
    clipped: Triple = tuple(min(max(part, 0.0), 1.0) for part in colour)  # type: ignore[assignment]
    x, y, z = (
        value ** (1 / 3) if value > (6 / 29) ** 3 else value / (3 * (6 / 29) ** 2) + 4 / 29
        for value in times(TO_XYZ, clipped)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(colour: str, deficiency: str) -> Triple:
    return lab(times(DEFICIENCIES[deficiency], linear(colour)))


def apart(one: str, other: str, deficiency: str) -> float:
    return math.dist(seen(one, deficiency), seen(other, deficiency))


def test_the_simulation_is_the_published_one() -> None:
    for matrix in DEFICIENCIES.values():
        assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in matrix)  # white stays white
    red, green = "#ff0000", "#008000"
    assert apart(red, green, "tritanopia") > 3 * apart(red, green, "deuteranopia") / 2
    assert lab(linear("#ffffff")) == pytest.approx((100, 0, 0), abs=0.02)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_every_step_of_the_heat_scale_is_told_from_the_next(theme: Theme, deficiency: str) -> None:
    steps = [theme.heat_at(step / 8) for step in range(9)]
    lightness = [seen(step, deficiency)[0] for step in steps]
    order = lightness if theme is DARK else lightness[::-1]
    assert order == sorted(order)  # more is always darker on paper, lighter on a dark page
    assert all(
        apart(a, b, deficiency) > 4.6 for a, b in pairwise(steps)
    )  # two just noticeable differences


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_less_is_told_from_more_and_from_the_same(theme: Theme, deficiency: str) -> None:
    less, same, more = (theme.heat_at(level, "change") for level in (0, 0.5, 1))
    for one, other in combinations((less, same, more), 2):
        assert apart(one, other, deficiency) > 23


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_marks_are_told_apart(theme: Theme, deficiency: str) -> None:
    for one, other in combinations(theme.marks.values(), 2):  # and each has its word
        assert apart(one, other, deficiency) > 6.9, (one, other)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_arrows_that_somebody_sees_alike_differ_in_their_strokes(theme: Theme) -> None:
    for (kind, one), (second, other) in combinations(theme.edges.items(), 2):
        if min(apart(one, other, deficiency) for deficiency in DEFICIENCIES) < 6.9:
            assert STROKES[kind].dashes_pt() != STROKES[second].dashes_pt(), (kind, second)
    for colour in (*theme.edges.values(), *theme.marks.values()):
        assert contrast(colour, theme.paper) > 3  # WCAG 2.2, 1.4.11
