"""Networks held to bounds, as a table, as lines that say what is broken, and as a document."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rsinspect.answers.bounds import Bound, Verdict, verdicts
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.amounts import Amount
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.words import Option, advice, plural
from rsinspect.layers.cost import LEGEND
from rsinspect.layers.question import Question
from rsinspect.networks.network import Network

SCHEMA = "rsinspect.check/1"


class Checked(NamedTuple):
    """One network and what became of its bounds.

    Attributes:
        called: MODEL, as it was written; a title.
        network: What it is.
        question: What a FLOP is, and the batch and dtype of bytes.
        verdicts: One per bound.
    """

    called: str
    network: Network
    question: Question
    verdicts: tuple[Verdict, ...]

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """List the bounds that are broken."""
        return tuple(verdict for verdict in self.verdicts if not verdict.holds)


def checked(called: str, network: Network, bounds: Sequence[Bound], question: Question) -> Checked:
    """Hold a network to bounds.

    Raises:
        InvalidQuestion: If there is none.
    """
    if not bounds:
        raise InvalidQuestion(
            f"{called} has no bounds to be held to",
            advice("give some, such as {}", Option("max_flops", "12G")),
        )
    return Checked(called, network, question, verdicts(network, bounds, question))


def broken_lines(several: Sequence[Checked]) -> tuple[str, ...]:
    """Say what is broken, a line per bound.

    >>> from rsinspect.answers.bounds import bounds_of
    >>> from rsinspect.networks.named import network
    >>> bounds = bounds_of({"layers": 274, "max_flops": "4G"})
    >>> broken_lines([checked("50", network("50"), bounds, Question())])
    ('50: FLOPs: 4 560 125 952 (4.56 G), must be at most 4G',)
    """
    return tuple(f"{one.called}: {verdict.sentence}" for one in several for verdict in one.broken)


def check_answer(several: Sequence[Checked]) -> Answer:
    """Tabulate bounds and what became of them, a row per bound."""
    alone = len(several) == 1
    broken, number = len(broken_lines(several)), sum(len(one.verdicts) for one in several)
    outcome = (
        f"{broken} of {plural(number, 'bound')} broken"
        if broken
        else "the bound holds"
        if number == 1
        else f"{number} bounds hold"
    )
    networks = several[0].network.title if alone else plural(len(several), "network")
    table = Table(
        title=f"{networks}: {outcome}",
        columns=(
            *(() if alone else (Column("model", "Network"),)),
            Column("bound", "Bound"),
            Column("is", "Is"),
            Column("must", "Must be"),
            Column("outcome", "Outcome"),
        ),
        rows=tuple(_row(one, verdict) for one in several for verdict in one.verdicts),
        notes=tuple(dict.fromkeys(note for one in several for note in _notes(one))),
        name=f"check-{networks}",
    )
    return Answer(table, lambda: _document(several))


def _row(one: Checked, verdict: Verdict) -> dict[str, Value]:
    return {
        "model": one.called,
        "bound": verdict.bound.name,
        "is": verdict.value_in_words,
        "must": "exactly" if verdict.holds and verdict.bound.is_one_value else verdict.bound.must,
        "outcome": "holds" if verdict.holds else "broken",
    }


def _notes(one: Checked) -> tuple[str, ...]:
    """Say what the quantities of the bounds depend on."""
    quantities = {verdict.bound.quantity for verdict in one.verdicts}
    question, example = one.question, one.network.example
    notes = []
    if "flops" in quantities:
        notes.append(f"FLOPs ({question.convention}): {question.legend}; for one {example}.")
    if "macs" in quantities:
        notes.append(f"MACs: {LEGEND['mac']}; for one {example}.")
    if quantities & {"activations", "peak_activation"}:
        notes.append(f"Bytes of activations: batch {question.batch}, {question.dtype}.")
    if any(verdict.unknown for verdict in one.verdicts):
        notes.append("At least: some layers are described by no op, and their cost is unknown.")
    return tuple(notes)


def _document(several: Sequence[Checked]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "holds": not broken_lines(several),
        "broken": list(broken_lines(several)),
        "networks": [
            {
                "called": one.called,
                "model": one.network.document(),
                "convention": one.question.convention,
                "batch": one.question.batch,
                "dtype": one.question.dtype,
                "holds": not one.broken,
                "bounds": [_bound_document(verdict) for verdict in one.verdicts],
            }
            for one in several
        ],
    }


def _bound_document(verdict: Verdict) -> dict[str, Any]:
    bound, value = verdict.bound, verdict.value
    wanted = bound.wanted.value if isinstance(bound.wanted, Amount) else bound.wanted
    return {
        "bound": bound.name,
        "quantity": bound.quantity,
        "form": bound.form,
        "value": list(value) if isinstance(value, tuple) else value,
        "unknown_layers": verdict.unknown,
        "written": bound.written,
        "limit": list(wanted) if isinstance(wanted, tuple) else wanted,
        "holds": verdict.holds,
    }
