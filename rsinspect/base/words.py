"""Words that every room needs: near names, plurals, spans of numbers, and advice.

Advice is a value. A room below the doors knows which argument would help, not what a person calls
it: ``Option("batch", 8)`` is ``batch=8`` in Python and ``--batch 8`` on the command line, and the
door that shows an error says which.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rsinspect.base.units import grouped


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


class Option(NamedTuple):
    """An argument of a public function, which is an option of a command.

    Attributes:
        name: As Python calls it: ``include_top``.
        value: What to pass; left out where the argument is meant as such.
        call: Of Python that takes it, where the function that was called may not.
    """

    name: str
    value: object = UNSET
    call: str | None = None


def in_python(option: Option) -> str:
    """Word an option as a Python argument.

    >>> in_python(Option("blocks", (3, 4, 23, 3))), in_python(Option("batch"))
    ('blocks=(3, 4, 23, 3)', 'batch')
    """
    if option.call is not None:
        return option.call
    return option.name if option.value is UNSET else f"{option.name}={option.value!r}"


class Wording(NamedTuple):
    """A sentence with options in it, to be worded by the door that shows it.

    Attributes:
        parts: Text as it is, and options between.

    >>> str(Wording(("leave ", Option("jit"), " out")))
    'leave jit out'
    """

    parts: tuple[str | Option, ...]

    def worded(self, word: Callable[[Option], str]) -> str:
        """Join the parts, each option as ``word`` calls it."""
        return "".join(part if isinstance(part, str) else word(part) for part in self.parts)

    def followed_by(self, other: "Wording") -> "Wording":
        """Join two sentences."""
        return Wording((*self.parts, *other.parts))

    def __str__(self) -> str:
        return self.worded(in_python)


def advice(text: str, *fillings: Option | str) -> Wording:
    """Word a sentence with options in it.

    Args:
        text: With ``{}`` where a filling stands; never with what a user typed in it.
        fillings: Options, and text that is taken as it is, braces and all.

    >>> advice("choose {}", Option("device", "gpu")).worded(lambda o: f"--{o.name} {o.value}")
    'choose --device gpu'
    >>> str(advice("{} and {} disagree", "50@{x}", Option("resolution", 192)))
    '50@{x} and resolution=192 disagree'
    """
    first, *rest = text.split("{}")
    pairs = zip(fillings, rest, strict=True)
    return Wording((first, *(part for pair in pairs for part in pair)))


MOST_DIGITS = 15
"""Of a number that a message repeats as it is."""
MOST_QUOTED = 80
"""Characters of what somebody typed that a message repeats."""


def quoted(text: str) -> str:
    """Repeat what somebody typed: on one line, in quotes, and cut where it is long.

    >>> print(quoted("50 101"), quoted("a\\nb"), len(quoted("x" * 999)))
    '50 101' 'a\\nb' 85
    """
    return repr(text) if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]!r}..."


def shown(value: object) -> str:
    """Repeat a value that was refused, or its size where it is long.

    >>> shown(31), shown(-(10**30)), shown(float("nan")), shown("ten")
    ('31', 'a number of 31 digits', 'nan', "'ten'")
    """
    if isinstance(value, int) and not isinstance(value, bool):
        digits = max(1, math.ceil((value.bit_length() - 1) * math.log10(2)))
        digits += abs(value) >= 10**digits  # str(), which would be simpler, refuses long ones
        return f"a number of {digits} digits" if digits > MOST_DIGITS else str(value)
    return quoted(value) if isinstance(value, str) else repr(value)[:MOST_QUOTED]


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Find the word that another shortens, or is spelt most like; None where none is near.

    >>> nearest("resnte", ("resnet", "resnetd")), nearest("vgg", ("resnet",))
    ('resnet', None)
    >>> nearest("effnet", ("efficientnet", "resnet"))
    'efficientnet'
    """
    import difflib  # only on the way to an error

    known = list(words)
    if shortened := [each for each in known if _is_short_for(word, each)]:
        known, cutoff = shortened, 0.0
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=cutoff)), None)


def _is_short_for(word: str, whole: str) -> bool:
    """Tell whether a word begins as another does and goes on with some of its letters in order."""
    letters = iter(whole.lower())
    return len(word) > 3 and word[0] == whole[:1] and all(x in letters for x in word.lower())


def near(word: str, words: Iterable[str]) -> str:
    """Hint at the nearest of ``words``, or at all of them.

    >>> near("papre", ("mac", "paper")), near("x", ("mac", "paper"))
    ('did you mean paper?', 'one of mac, paper')
    """
    known = list(words)
    close = nearest(word, known)
    return f"did you mean {close}?" if close else f"one of {', '.join(known)}"


def plural(number: int, noun: str) -> str:
    """Count things in words.

    >>> plural(1, "block"), plural(30000, "block"), plural(2, "process")
    ('1 block', '30 000 blocks', '2 processes')
    """
    ending = "" if number == 1 else "es" if noun.endswith(("s", "x", "ch")) else "s"
    return f"{grouped(number)} {noun}{ending}"


def names_in_words(names: Sequence[str], most: int = 4) -> str:
    """List the names, or the first of them and the number of the others; one other is named.

    >>> names_in_words(("conv1", "bn1", "act1", "conv2"), 2)
    'conv1, bn1 and 2 more'
    """
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def spans(numbers: Sequence[int]) -> str:
    """Write whole numbers with neighbours as spans.

    >>> spans((0, 2, 3, 4))
    '0,2-4'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
