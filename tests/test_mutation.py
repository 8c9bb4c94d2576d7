"""What the command that mutates code puts in its place; mutmut, which invents it, is not needed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from mutation import Mutant, put_in_place, told_apart

SOURCE = """from functools import lru_cache
FACTOR = 3
@lru_cache
def tripled(number):
    return number * FACTOR
class Square:
    side = 2
    @property
    def area(self):
        return self.side * self.side
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that was imported."""
    made = ModuleType("to_be_mutated")
    made.__file__ = "to_be_mutated.py"
    exec(SOURCE, vars(made))
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


@pytest.mark.parametrize(
    ("place", "before", "after", "answers"),
    [
        ("tripled", "number * FACTOR", "number + FACTOR", (8, 4)),
        ("Square.area", "self.side * self.side", "self.side / self.side", (15, 1)),
        ("", "FACTOR = 3", "FACTOR = 4", (20, 4)),
    ],
)
def test_a_mutant_is_what_others_see_who_imported_before(
    module: ModuleType, place: str, before: str, after: str, answers: tuple[int, int]
) -> None:
    tripled, square = module.tripled, module.Square()
    mutant = Mutant(range(1), place, before, after, SOURCE.replace(before, after))
    put_in_place(module, mutant)
    assert (tripled(5), square.area) == answers


def test_a_mutant_is_shown_by_the_lines_that_differ() -> None:
    assert told_apart("a\n  b\n  c\n", "a\n  d\n  c\n") == ("b", "d")
