"""Bounds that a network is held to, and what becomes of each.

A bound is a quantity with the value it must have (``params``), may have at most (``max_flops``) or
must have at least (``min_layers``). It has one name at every door: an option, an argument, a key of
the file of ``answers.bounds_file``.

A count that is only known from below, because a layer of the network is described by no op, keeps
no bound but a least one: what nobody knows has not been checked.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rsinspect.base.amounts import Amount, amount
from rsinspect.base.errors import InvalidChoice, InvalidQuestion
from rsinspect.base.limits import RESOLUTION
from rsinspect.base.units import binary_bytes, count, dimensions, grouped
from rsinspect.base.words import quoted, shown
from rsinspect.layers.cost import Cost
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

Form = Literal["exact", "max", "min"]
Reading = int | str | tuple[int, ...] | None


class Quantity(NamedTuple):
    """Something that a bound can be on.

    Attributes:
        noun: What it is called.
        value: Reads it off a network.
        in_bytes: Whether it counts bytes.
        unknown: Counts the layers whose part of it is unknown.
    """

    noun: str
    value: Callable[[Network, Question], Reading]
    in_bytes: bool = False
    unknown: Callable[[Cost], int] = lambda cost: 0


def _peak(network: Network, question: Question) -> int:
    return peak_activation(network.graph).bytes(batch=question.batch, dtype=question.dtype)


def _uncounted(cost: Cost) -> int:
    return cost.uncounted


def _unweighed(cost: Cost) -> int:
    return cost.unweighed


AMOUNTS = {
    "params": Quantity("params", lambda n, q: n.cost.params, unknown=_unweighed),
    "trainable_params": Quantity(
        "trainable params", lambda n, q: n.cost.trainable_params, unknown=_unweighed
    ),
    "macs": Quantity("MACs", lambda n, q: n.cost.macs, unknown=_uncounted),
    "flops": Quantity("FLOPs", lambda n, q: q.flops(n.cost), unknown=_uncounted),
    "activations": Quantity(
        "bytes of activations", lambda n, q: q.activation_bytes(n.cost), in_bytes=True
    ),
    "peak_activation": Quantity("peak bytes of activations", _peak, in_bytes=True),
    "layers": Quantity("layers", lambda n, q: len(n.graph)),
}
"""Quantities that have a most and a least, too."""

FACTS = {
    "image": Quantity("image size", lambda n, q: n.resolution),
    "layout": Quantity("blocks of the stages", lambda n, q: n.blocks),
    "fingerprint": Quantity("fingerprint", lambda n, q: n.fingerprint),
}
"""Quantities that are one thing or another."""

QUANTITIES = {**AMOUNTS, **FACTS}

FORMS: Mapping[str, Form] = {"": "exact", "max_": "max", "min_": "min"}

NAMES = (*(f"{form}{name}" for name in AMOUNTS for form in FORMS), *FACTS)
"""Of all bounds."""

USUAL = ("params", "trainable_params", "macs", "peak_activation", "layers", "fingerprint")
"""Quantities that are held to what they are, where nobody says which."""

_FINGERPRINT = re.compile(r"g\d+:[0-9a-f]{32}")


class Bound(NamedTuple):
    """What one quantity of a network must be.

    Attributes:
        name: ``max_flops``.
        quantity: Its key in QUANTITIES: ``flops``.
        form: Whether it is the value itself, the most or the least.
        wanted: An ``Amount``; else the value itself.
        written: As somebody wrote it.
    """

    name: str
    quantity: str
    form: Form
    wanted: Amount | Reading
    written: str

    def holds(self, value: Reading) -> bool:
        """Tell whether a value is within."""
        if not isinstance(self.wanted, Amount) or not isinstance(value, int):
            return value == self.wanted
        match self.form:
            case "exact":
                return self.wanted.is_met_by(value)
            case "max":
                return self.wanted.is_most_of(value)
            case "min":
                return self.wanted.is_least_of(value)

    @property
    def is_one_value(self) -> bool:
        """Tell whether one value alone holds, and not all that round to it."""
        wanted = self.wanted
        rounded = isinstance(wanted, Amount) and wanted.step > wanted.divisor
        return self.form == "exact" and not rounded

    @property
    def must(self) -> str:
        """Word what is wanted: ``at most 12G``."""
        return {"exact": "", "max": "at most ", "min": "at least "}[self.form] + self.written


class Verdict(NamedTuple):
    """What became of a bound.

    Attributes:
        bound: The bound.
        value: What the quantity is.
        unknown: How many layers are not in the value, which is then the least it can be.
        holds: Whether the bound is known to hold.
    """

    bound: Bound
    value: Reading
    unknown: int
    holds: bool

    @property
    def value_in_words(self) -> str:
        """Write the value, and its unit; an ``at least`` where layers are missing from it."""
        quantity, value = QUANTITIES[self.bound.quantity], self.value
        if isinstance(value, tuple):
            text = dimensions(value) if self.bound.quantity == "image" else _listed(value)
        elif isinstance(value, int) and value >= 10_000:
            scaled = binary_bytes(value) if quantity.in_bytes else count(value)
            text = f"{grouped(value)} ({scaled})"
        else:
            text = "none" if value is None else str(value)
        return f"at least {text}" if self.unknown else text

    @property
    def sentence(self) -> str:
        """Say what is and what must be, for a bound that is broken."""
        noun = QUANTITIES[self.bound.quantity].noun
        layers = "layer costs" if self.unknown == 1 else "layers cost"
        why = f" (what {self.unknown} {layers} is unknown)" if self.unknown else ""
        return f"{noun}: {self.value_in_words}{why}, must be {self.bound.must}"


def bounds_of(given: Mapping[str, object]) -> tuple[Bound, ...]:
    """Read bounds.

    Args:
        given: What each must be, by name: a number, or text as ``base.amounts`` reads it; the sides
            of the image, ``224`` or ``160x192``; the blocks of the stages, ``3,4,6,3``.

    Raises:
        InvalidChoice: If there is no bound of that name.
        InvalidQuestion: If one is no such value.

    >>> [(bound.name, bound.must) for bound in bounds_of({"max_flops": "12G", "params": 35745288})]
    [('max_flops', 'at most 12G'), ('params', '35 745 288')]
    """
    return tuple(_bound(name, value) for name, value in given.items())


def _bound(name: str, value: object) -> Bound:
    if name not in NAMES:
        raise InvalidChoice("bound", name, NAMES)
    if name in FACTS:
        wanted, written = _FACT_READERS[name](value)
        return Bound(name, name, "exact", wanted, written)
    prefix = next((prefix for prefix in FORMS if prefix and name.startswith(prefix)), "")
    quantity = name.removeprefix(prefix)
    read = amount(value, in_bytes=AMOUNTS[quantity].in_bytes)
    written = read.text if isinstance(value, str) else grouped(read.digits)
    return Bound(name, quantity, FORMS[prefix], read, written)


def _image(value: object) -> tuple[Reading, str]:
    sides = _numbers(value, "x")
    if sides is None or len(sides) > 2:
        raise InvalidQuestion(f"{shown(value)} is not an image size", "write 224 or 160x192")
    height, width = sides if len(sides) == 2 else sides * 2
    for side in (height, width):
        RESOLUTION.check(side, InvalidQuestion)
    return (height, width), dimensions((height, width))


def _layout(value: object) -> tuple[Reading, str]:
    blocks = _numbers(value, ",")
    if blocks is None:
        raise InvalidQuestion(f"{shown(value)} is not a layout", "write blocks a stage: 3,4,6,3")
    return blocks, _listed(blocks)


def _numbers(value: object, separator: str) -> tuple[int, ...] | None:
    """Read whole numbers, one or more; None for anything else."""
    parts: Sequence[Any] = [value]
    if isinstance(value, str):
        parts = value.lower().replace("×", "x").split(separator)
    elif isinstance(value, list | tuple):
        parts = value
    texts = [str(part).strip() for part in parts if not isinstance(part, bool)]
    sound = len(texts) == len(parts) and all(re.fullmatch(r"[0-9]{1,9}", text) for text in texts)
    return tuple(map(int, texts)) if sound and texts else None


def _fingerprint(value: object) -> tuple[Reading, str]:
    if not isinstance(value, str) or not _FINGERPRINT.fullmatch(value):
        wrong = quoted(value) if isinstance(value, str) else shown(value)
        raise InvalidQuestion(
            f"{wrong} is not a fingerprint", "write g1: and 32 hexadecimal digits, as JSON has it"
        )
    return value, value


_FACT_READERS: Mapping[str, Callable[[object], tuple[Reading, str]]] = {
    "image": _image,
    "layout": _layout,
    "fingerprint": _fingerprint,
}


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def verdicts(network: Network, bounds: Sequence[Bound], question: Question) -> tuple[Verdict, ...]:
    """Hold a network to bounds.

    >>> from rsinspect.networks.named import network
    >>> for verdict in verdicts(network("50"), bounds_of({"max_params": "30M"}), Question()):
    ...     print(verdict.sentence)
    params: 35 745 288 (35.7 M), must be at most 30M
    """
    return tuple(_verdict(network, bound, question) for bound in bounds)


def _verdict(network: Network, bound: Bound, question: Question) -> Verdict:
    quantity = QUANTITIES[bound.quantity]
    value, unknown = quantity.value(network, question), quantity.unknown(network.cost)
    known = unknown == 0 or bound.form == "min"
    return Verdict(bound, value, unknown, known and bound.holds(value))


def usual_bounds(network: Network, question: Question) -> dict[str, int | str]:
    """Make bounds that hold a network to what it is, by name; unknown quantities have none.

    >>> from rsinspect.networks.named import network
    >>> usual_bounds(network("50"), Question())["peak_activation"]
    '3686400 B'
    """
    found: dict[str, int | str] = {}
    for name in USUAL:
        if not QUANTITIES[name].unknown(network.cost):
            found[name] = exactly(name, QUANTITIES[name].value(network, question))
    return found


def exactly(name: str, value: Reading) -> int | str:
    """Write the value of a quantity as the bound that is exactly that."""
    if isinstance(value, tuple):
        return "x".join(map(str, value)) if name == "image" else ",".join(map(str, value))
    return f"{value} B" if QUANTITIES[name].in_bytes else value or 0
