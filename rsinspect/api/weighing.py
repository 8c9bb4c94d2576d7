"""Accuracy against what it costs here, from a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rsinspect.api.results import Charted, TableResult

if TYPE_CHECKING:
    from rsinspect.tradeoffs import pareto as values


class Pareto(Charted):
    """Accuracy against what it costs here: which networks no other beats, and how sure that is.

    Attributes:
        record: All points, with what follows from them.
    """

    def __init__(self, record: values.Pareto) -> None:
        from rsinspect.tradeoffs.pareto_answer import pareto_answer
        from rsinspect.tradeoffs.pareto_chart import pareto_chart

        super().__init__(pareto_answer(record), lambda: pareto_chart(record))
        self.record = record

    @property
    def front(self) -> tuple[str, ...]:
        """Name the networks that are likelier on the Pareto front than not, cheapest first."""
        return tuple(point.candidate.name for point in self.record.front)

    @property
    def claim(self) -> TableResult:
        """Hold the paper's pairs of equal accuracy to what was measured here."""
        from rsinspect.tradeoffs.pareto_answer import claim_answer

        return TableResult(claim_answer(self.record))


def pareto(
    x: str = "latency",
    *,
    source: str = "paper",
    points: Mapping[str, float] | None = None,
    runs: Iterable[str | Path] = (),
    db: str | Path | None = None,
    batch: int | None = None,
    precision: str | None = None,
    mode: str | None = None,
    backend: str | None = None,
    device: str | None = None,
    convention: str = "paper",
) -> Pareto:
    """Weigh published accuracy, and your own, against what networks cost here.

    Args:
        x: ``latency``, ``throughput`` or ``energy``, which runs tell; ``memory``, ``flops``
            or ``params``, which are counted.
        source: Whose accuracies: ``paper``, ``checkpoints`` or ``timm``.
        points: Networks of your own, by MODEL text or file of a run, with their accuracy in per
            cent.
        runs: Files of runs, ids and tags; by default all that the store has.
        db: File of the store; yours by default.
        batch: Of the runs; the one of most networks by default. Of memory the batch itself, one by
            default.
        precision: Of the runs, or of memory.
        mode: Of the runs: ``forward`` or ``train``.
        backend: Of the runs.
        device: Of the runs.
        convention: What a FLOP is.

    Raises:
        RsInspectError: If no run is of a network whose accuracy is known, or one cannot be read.

    >>> import rsinspect
    >>> found = rsinspect.pareto(runs=["run-50.json", "run-101.json"])  # doctest: +SKIP
    >>> found.plot(size="84mm").save("front.pdf")  # doctest: +SKIP
    """
    from rsinspect.layers.question import Question
    from rsinspect.runs.stored import Selection
    from rsinspect.tradeoffs.weighing import weigh

    return Pareto(
        weigh(
            x,
            source=source,
            own=points,
            runs=list(map(str, runs)),
            db=None if db is None else Path(db),
            wanted=Selection(
                kind="profile", batch=batch, precision=precision, mode=mode, backend=backend,
                device=device,
            ),
            question=Question(convention, batch or 1, precision or "float32"),
        )
    )  # fmt: skip
