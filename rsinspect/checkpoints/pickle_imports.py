"""What a pickle would import, read from its instructions, whatever else is wrong with it.

``checkpoints.pickled`` describes what a pickle makes, and refuses one that does not fit together.
Here nothing is described, so nothing stops it: a text is known wherever it was pushed, anything
else is not, and the pickle is followed past what a loader may or may not stumble over. An import
whose name is not a text that was pushed is told as ``UNKNOWN``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any, NamedTuple, cast

from rsinspect.checkpoints.pickled import Global

_MOST_INSTRUCTIONS = 1_000_000
"""Of all pickles of a file; the state of a network of a thousand layers has some 100,000."""

_MOST_PICKLES = 8  # torch writes five in a row
_MOST_READ_AT_ONCE = 1 << 26
_LONGEST_TEXT = 1_000

_MARK = object()


class Imports(NamedTuple):
    """What the pickles of a stream hold.

    Attributes:
        imports: What they import, each once.
        damage: Why they could not be followed to their end; None where they could.
    """

    imports: tuple[Global, ...]
    damage: str | None


UNKNOWN = Global("", "")
"""A thing whose name is made while the pickle runs."""


class _Pieces:
    """A stream of which nobody reads much at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        if size > _MOST_READ_AT_ONCE:
            raise ValueError(f"a value of {size} bytes")
        return self._stream.read(size)

    def readline(self) -> bytes:
        line = self._stream.readline(_MOST_READ_AT_ONCE + 1)
        if len(line) > _MOST_READ_AT_ONCE:
            raise ValueError("a line without end")
        return line


class _Machine:
    """The machine that a pickle is a program for, with names in place of things."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, opcode: Any, argument: Any) -> Global | None:
        """Carry out an instruction, and tell what it imports."""
        name: str = opcode.name
        match name:
            case "GLOBAL" | "INST":
                module, _, thing = argument.partition(" ")
                self._generic(opcode, None)
                return Global(module, thing)
            case "STACK_GLOBAL":
                thing, module = self._pop(), self._pop()
                self.stack.append(None)
                known = isinstance(thing, str) and isinstance(module, str)
                return Global(module, thing) if known else UNKNOWN
            case "EXT1" | "EXT2" | "EXT4":
                self._generic(opcode, None)
                return UNKNOWN
            case "MEMOIZE":
                self.memo[len(self.memo)] = self._top()
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = self._top()
            case "GET" | "BINGET" | "LONG_BINGET":
                self.stack.append(self.memo.get(argument))
            case "DUP":
                self.stack.append(self._top())
            case "MARK":
                self.stack.append(_MARK)
            case _:
                self._generic(opcode, argument)
        return None

    def _generic(self, opcode: Any, argument: Any) -> None:
        """Take from the stack and put on it what an instruction does; texts keep their value."""
        before = opcode.stack_before
        if pickletools.markobject in before:
            while self.stack and self._pop() is not _MARK:
                pass
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self._pop()
        is_short = isinstance(argument, str) and len(argument) <= _LONGEST_TEXT
        pushed = argument if is_short and not opcode.stack_before else None
        self.stack.extend([pushed] * len(opcode.stack_after))

    def _pop(self) -> Any:
        return self.stack.pop() if self.stack else None

    def _top(self) -> Any:
        return self.stack[-1] if self.stack else None


def imports_of(stream: IO[bytes]) -> Imports:
    """Read the pickles at the start of a stream, one after the other, and run none of them.

    What follows the first is followed as long as it looks like a pickle.
    """
    imports: dict[Global, None] = {}
    try:
        for found in _imports(_Pieces(stream)):
            imports[found] = None
    except (ValueError, OverflowError, MemoryError) as exc:
        return Imports(tuple(imports), str(exc) or type(exc).__name__)
    return Imports(tuple(imports), None)


def _imports(stream: _Pieces) -> Iterator[Global]:
    left = _MOST_INSTRUCTIONS
    for number in range(_MOST_PICKLES):
        machine = _Machine()
        instructions = pickletools.genops(cast(IO[bytes], stream))
        try:
            first = next(instructions)
        except ValueError:
            if number == 0:
                raise
            return  # what follows is no pickle
        if number and first[0].name != "PROTO":
            return
        for opcode, argument, _ in chain((first,), instructions):
            left -= 1
            if left < 0:
                raise ValueError(f"more than {_MOST_INSTRUCTIONS} instructions")
            found = machine.step(opcode, argument)
            if found is not None:
                yield found
