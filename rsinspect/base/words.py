"""Words that every room needs: the nearest known name."""

from __future__ import annotations

from collections.abc import Sequence


def near(word: str, words: Sequence[str]) -> str:
    """A hint at the nearest of ``words``, or at all of them."""
    import difflib  # only on the way to an error

    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"one of {', '.join(words)}"
