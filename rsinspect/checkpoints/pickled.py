"""What a pickle would make, told from its opcodes: nothing in it is imported, called or made.

A pickle is a program for a small machine with a stack. Its loader runs it, and with it whatever
function it names (``pickle``'s own warning; CVE-2025-32434 is about PyTorch's guarded loader). Here
the same opcodes only build a description: a call is written down, with its arguments, as a call.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

MOST_OPCODES = 4_000_000
"""Of a pickle; the checkpoint of a thousand layers and their optimizer has some 100 000."""


class Damaged(ValueError):
    """A pickle that ends too early, has no end, or is none."""


class Global(NamedTuple):
    """A function or class by its name, which a loader would import.

    Attributes:
        module: Where it is looked for.
        name: Of the thing there.
    """

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Persistent(NamedTuple):
    """Something that the pickle leaves to its loader, such as the numbers of a tensor.

    Attributes:
        key: How it is called, in the loader's own words.
    """

    key: Any


@dataclass(slots=True, eq=False)
class Call:
    """A call that a loader would make.

    Attributes:
        function: What is called: a ``Global``, or whatever stands there.
        arguments: What it is called with.
        state: What the result would be given to restore itself from; None for nothing.
        items: What would be put into the result by key, as into an ``OrderedDict``.
        elements: What would be added to the result, as to a list or a set.
    """

    function: Any
    arguments: Any
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)


class Described(NamedTuple):
    """What a pickle would make.

    Attributes:
        value: Dicts, lists, tuples, texts and numbers as they are; for all else the classes above.
        left: Everything that it leaves to its loader, in order.
    """

    value: Any
    left: tuple[Persistent, ...]


class _Odd(NamedTuple):
    """A key of a dict that is no plain value, by its place among the items."""

    number: int


_MARK = object()

_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}
"""Opcodes that push something new."""
_ARGUMENT = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING",
    "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
)  # fmt: skip
"""Opcodes that push what is written behind them."""


class _Machine:
    """The stack, the memo, and what was written down."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.left: list[Persistent] = []

    def to_mark(self) -> list[Any]:
        """Pop everything above the last mark, and the mark."""
        values = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def named(self, module: Any, name: Any) -> Global:
        """Name an import; names are texts, or a loader would fail."""
        if not (isinstance(module, str) and isinstance(name, str)):
            raise Damaged("something is imported by what is no name")
        return Global(module, name)

    def call(self, function: Any, arguments: Any) -> None:
        """Write down a call, which stands for its result."""
        self.stack.append(Call(function, arguments))

    def leave(self, key: Any) -> None:
        """Write down what is left to the loader, and let it stand for itself."""
        self.left.append(Persistent(key))
        self.stack.append(self.left[-1])

    def put(self, pairs: list[Any]) -> None:
        """Put keys and values, in turns, into what lies on top."""
        target = self.stack[-1]
        items = target.items if isinstance(target, Call) else target
        if not isinstance(items, dict):
            raise Damaged("a key is put into what is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            plain = isinstance(key, str | int | float | bytes | None)
            items[key if plain else _Odd(len(items))] = value

    def add(self, values: list[Any]) -> None:
        """Add values to what lies on top."""
        target = self.stack[-1]
        elements = target.elements if isinstance(target, Call) else target
        if not isinstance(elements, list):
            raise Damaged("an element is added to what is no list")
        elements.extend(values)

    def step(self, name: str, argument: Any) -> None:
        """Do what an opcode says, with descriptions for things."""
        stack = self.stack
        match name:
            case _ if name in _ARGUMENT:
                stack.append(argument)
            case _ if name in _MADE:
                stack.append(_MADE[name]())
            case "MARK":
                stack.append(_MARK)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple([stack.pop() for _ in range(int(name[-1]))][::-1]))
            case "TUPLE":
                stack.append(tuple(self.to_mark()))
            case "LIST" | "FROZENSET":
                stack.append(self.to_mark())
            case "DICT":
                pairs = self.to_mark()
                stack.append({})
                self.put(pairs)
            case "SETITEM":
                pairs = [stack.pop(), stack.pop()]
                self.put(pairs[::-1])
            case "SETITEMS":
                self.put(self.to_mark())
            case "APPEND":
                self.add([stack.pop()])
            case "APPENDS" | "ADDITEMS":
                self.add(self.to_mark())
            case "POP":
                stack.pop()
            case "POP_MARK":
                self.to_mark()
            case "DUP":
                stack.append(stack[-1])
            case _:
                self._remember_or_call(name, argument)

    def _remember_or_call(self, name: str, argument: Any) -> None:
        """Do what the other opcodes say."""
        stack = self.stack
        match name:
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "GLOBAL":
                stack.append(self.named(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(self.named(module, name))
            case "EXT1" | "EXT2" | "EXT4":
                stack.append(self.named("copyreg", f"extension {argument}"))
            case "REDUCE" | "NEWOBJ":
                arguments = stack.pop()
                self.call(stack.pop(), arguments)
            case "NEWOBJ_EX":
                keywords, arguments = stack.pop(), stack.pop()
                self.call(stack.pop(), (arguments, keywords))
            case "INST":
                arguments = tuple(self.to_mark())
                self.call(self.named(*argument.split(" ", 1)), arguments)
            case "OBJ":
                function, *rest = self.to_mark()
                self.call(function, tuple(rest))
            case "BUILD":
                state = stack.pop()
                if isinstance(stack[-1], Call):
                    stack[-1].state = state
            case "PERSID":
                self.leave(argument)
            case "BINPERSID":
                self.leave(stack.pop())
            case "NEXT_BUFFER":
                self.leave("buffer")
            case "PROTO" | "FRAME" | "READONLY_BUFFER" | "STOP":
                pass
            case _:
                raise Damaged(f"an unknown opcode {name}")


def described(stream: IO[bytes]) -> Described:
    r"""Describe what one pickle would make; the stream is left after its end.

    Args:
        stream: Of bytes that are in memory: an opcode can ask for as many as it likes.

    Raises:
        Damaged: If it is none.

    >>> import io, pickle
    >>> described(io.BytesIO(pickle.dumps({"epoch": 3}))).value
    {'epoch': 3}
    >>> described(io.BytesIO(b"\x8c\x02os\x8c\x06system\x93)R.")).value.function
    Global(module='os', name='system')
    """
    machine = _Machine()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number == MOST_OPCODES:
                raise Damaged(f"it has more than {MOST_OPCODES} opcodes")
            machine.step(opcode.name, argument)
        value = machine.stack.pop()
    except Damaged:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as exc:
        raise Damaged(f"it is no pickle, or is cut off: {exc or type(exc).__name__}") from exc
    return Described(value, tuple(machine.left))
