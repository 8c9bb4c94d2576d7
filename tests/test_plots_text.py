"""Text is measured before it is drawn, and long text is not measured for long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsinspect.plots import text
from rsinspect.plots.text import SMALL, broken, cut, text_width


@given(st.text(alphabet="iW l-/x0", max_size=60), st.floats(0, 200))
@settings(max_examples=50, deadline=None)
def test_a_cut_text_keeps_as_many_characters_as_fit(name: str, room: float) -> None:
    kept = cut(name, room)
    if text_width(name) <= room:
        assert kept == name
        return
    length = len(kept) - 1
    assert kept == name[:length] + "…"
    assert length == 0 or text_width(kept) <= room
    assert text_width(name[: length + 1] + "…") > room


def test_a_cut_text_is_one_printable_line() -> None:
    assert cut("a\nb\x00", 1000) == "a\ufffdb\ufffd"


@pytest.mark.parametrize("length", [3_000, 100_000])
def test_a_long_name_is_cut_with_few_measurements_of_short_texts(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def width(text: str, size: float = 9.0, *, bold: bool = False) -> float:
        measured.append(len(text))
        return 5.0 * len(text)

    monkeypatch.setattr(text, "text_width", width)
    assert cut("x" * length, 790) == "x" * 157 + "…"
    assert len(measured) < 15
    assert max(measured) < 600
    measured.clear()
    assert cut("x" * length, 5 * 2_000) == "x" * 1_999 + "…"
    assert len(measured) < 80
    assert max(measured) <= 4_100


def test_text_is_broken_between_words_and_a_longer_word_is_cut() -> None:
    lines = broken("some words and " + "w" * 500 + " end", 200)
    assert lines[0] == "some words and"
    assert lines[1].endswith("…")
    assert lines[2] == "end"
    assert all(text_width(line, SMALL) <= 200 for line in lines)
