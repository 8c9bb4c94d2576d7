"""Latencies of networks that were not measured, from a few that were, with their intervals.

A network takes what its parts take (``machine``); what is said is the median that measuring it
would find, and an interval that holds it in 95 of 100 cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rsinspect.base import limits
from rsinspect.base.errors import InvalidMeasurement
from rsinspect.base.units import percent
from rsinspect.base.words import names_in_words, plural
from rsinspect.design_space.latencies import Latencies
from rsinspect.estimates.machine import Machine, Prior
from rsinspect.estimates.parts import Part, parts_of
from rsinspect.estimates.timings import Timing
from rsinspect.layers.structure import structure_of
from rsinspect.networks.network import Network
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.profiling.roofline.roofs import Roofs
from rsinspect.profiling.statistics import NORMAL_975

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rsinspect.design_space.space import Space
    from rsinspect.layers.graph import LayerGraph

    Floats = NDArray[np.float64]


def conditions_of(run: ProfileRun) -> str:
    """Describe what a run was measured under, but for the batch."""
    return run.conditions.replace(f"batch {run.batch.used}, ", "")


ALIKE: Mapping[str, Callable[[ProfileRun], object]] = {
    "conditions": conditions_of,
    "processor": lambda run: run.environment.cpu_model or "an unknown one",
    "number of processors": lambda run: (
        run.environment.cpus_quota or run.environment.cpus_affinity or "an unknown one"
    ),
    "threads": lambda run: run.environment.threads_requested or "all",
}
"""What runs must have in common that an estimate is made from."""
UNLIKE = 0.2
"""A part is like none that was timed where the nearest shares less than the rest of what may make
it run better or worse: the blocks of an EfficientNet beside those of ResNet-RS, 0.05 to 0.7; those
of ResNet-50, or of another size, 0.02 to 0.1."""
UNLIKE_AT_MOST = 0.05
"""Share of its time that such parts may take without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The latency of a network that was not measured.

    Attributes:
        name: Of the network, as programs know it.
        title: For people, with its size.
        batch: Images in a batch.
        latency_s: Of one batch: the median that measuring it would find.
        low_s: Lower end of the 95 % interval.
        high_s: Upper end.
        extrapolates: In what respects it goes beyond what was measured, in words.
        how: From what it is known, in words.
    """

    name: str
    title: str
    batch: int
    latency_s: float
    low_s: float
    high_s: float
    extrapolates: tuple[str, ...]
    how: str

    @property
    def images_per_s(self) -> float:
        """Compute the throughput at this batch size."""
        return self.batch / self.latency_s


class Estimator:
    """What is known of a machine's latencies.

    Args:
        machine: As far as it is known.
        how: From what, in words.
        conditions: Under which it is known, in words; empty where nobody said.
    """

    def __init__(self, machine: Machine, how: str, conditions: str = "") -> None:
        self.machine = machine
        self.how = how
        self.conditions = conditions

    @classmethod
    def of(cls, known: Sequence[ProfileRun] | Roofs) -> Estimator:
        """Learn from runs of one machine under one set of conditions, or from its roofs alone.

        Raises:
            InvalidMeasurement: If there is no run, they are of different conditions, or one does
                not carry its network.
        """
        if isinstance(known, Roofs):
            prior = Prior.of_roofs(known)
            return cls(Machine((), prior), "the roofs of the machine", known.precision)
        if not known:
            raise InvalidMeasurement(
                "an estimate needs a network that was measured", "two or three are better"
            )
        check_alike(known)
        return cls.of_timings([Timing.of(run) for run in known], conditions_of(known[0]))

    @classmethod
    def of_timings(cls, timings: Sequence[Timing], conditions: str = "") -> Estimator:
        """Learn from what was timed by other means, all under one set of conditions."""
        titles = dict.fromkeys(timing.title for timing in timings)
        how = f"{plural(len(titles), 'measured network')}: {names_in_words(list(titles), 3)}"
        return cls(Machine(timings), how, conditions)

    def latency(self, network: Network, batch: int) -> Estimate:
        """Estimate the latency of a network.

        Args:
            network: Any.
            batch: Images in a batch.

        Raises:
            InvalidMeasurement: If there are no images in the batch, or the network has no layer
                that takes time.
        """
        import numpy as np

        limits.MEASURED_BATCH.check(batch, InvalidMeasurement)
        parts = parts_of(network.graph)
        if not parts:
            raise InvalidMeasurement(f"{network.title} has no layer that takes time")
        logarithms, covariance = self.machine.parts([(part, batch) for part in parts])
        seconds = np.exp(logarithms) * [part.repeats for part in parts]
        total_s = float(seconds.sum())
        share = seconds / total_s
        variance = float(share @ covariance @ share) + self.machine.prior.process**2
        spread = math.exp(NORMAL_975 * math.sqrt(variance))
        return Estimate(
            name=network.name,
            title=network.title,
            batch=batch,
            latency_s=total_s,
            low_s=total_s / spread,
            high_s=total_s * spread,
            extrapolates=tuple(self._beyond(network, batch, parts, share)),
            how=self.how,
        )

    def latencies(self, space: Space, batch: int) -> Latencies:
        """Estimate all networks of a design space, as tables that a search multiplies out.

        Args:
            space: Whose networks.
            batch: Images in a batch.

        Raises:
            InvalidMeasurement: If there are no images in the batch.
        """
        import numpy as np

        limits.MEASURED_BATCH.check(batch, InvalidMeasurement)
        stages = len(space.layouts[0].blocks)
        shape = len(space.widths), len(space.resolutions)
        seconds = np.zeros((*shape, 1 + stages))
        covariance = np.zeros((*shape, 1 + stages, 1 + stages))
        for width, factor in enumerate(space.widths):
            spec = space.sized((2,) * stages, factor)
            for side, pixels in enumerate(space.resolutions):
                graph = build_graph(spec.replace(resolution=(pixels, pixels), depth=None))
                parts = parts_of(graph)
                logarithms, doubt = self.machine.parts([(part, batch) for part in parts])
                sums = _columns(graph, parts, stages) * np.exp(logarithms)[:, None]
                seconds[width, side] = sums.sum(axis=0)
                covariance[width, side] = sums.T @ doubt @ sums
        return Latencies(
            seconds[..., 0], seconds[..., 1:], covariance, self.machine.prior.process, self.how
        )

    def _beyond(
        self, network: Network, batch: int, parts: Sequence[Part], share: Floats
    ) -> Iterator[str]:
        """Say in what respects an estimate goes beyond what was measured."""
        if uncounted := network.cost.uncounted:
            yield f"{plural(uncounted, 'layer')} of unknown cost"
        if not self.machine.timings:
            return
        batches = sorted({timing.batch for timing in self.machine.timings})
        if not batches[0] <= batch <= batches[-1]:
            yield f"batch {batch}: measured was {_range(batches)}"
        sides = sorted({side for timing in self.machine.timings for side in timing.sides})
        own = network.resolution or ()
        if sides and own and not sides[0] <= max(own) <= sides[-1]:
            yield f"{max(own)} pixels: measured were {_range(sides)}"
        unlike = self.machine.unlike([(part, batch) for part in parts])
        new = float(share[unlike > UNLIKE].sum())
        if new > UNLIKE_AT_MOST:
            yield f"{percent(new)} of its time is in blocks unlike any that was measured"


def _range(values: Sequence[int]) -> str:
    return str(values[0]) if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


def _columns(graph: LayerGraph, parts: Sequence[Part], stages: int) -> Floats:
    """Say what belongs to a network with one block a stage, and what to the second of each.

    Args:
        graph: Of two blocks a stage.
        parts: Of it.
        stages: How many.

    Returns:
        How often each part is in the former, and in each of the latter: (parts, 1 + stages).
    """
    import numpy as np

    seconds = {
        group.path: index
        for index, stage in enumerate(s for s in structure_of(graph).stages if s.has_blocks)
        for group in stage.groups
        if group.number == 1
    }
    columns = np.zeros((len(parts), 1 + stages))
    for row, part in enumerate(parts):
        for path in part.paths:
            columns[row, 1 + seconds[path] if path in seconds else 0] += 1
    return columns


def check_alike(runs: Sequence[ProfileRun]) -> None:
    """Refuse runs that do not tell of the same thing.

    Raises:
        InvalidMeasurement: If they differ in mode, precision, backend, device, compilation or
            machine; the message names the first that differs.
    """
    for what, of in ALIKE.items():
        values = list(dict.fromkeys(str(of(run)) for run in runs))
        if len(values) > 1:
            raise InvalidMeasurement(
                f"the runs differ in {what}: {values[0]} and {values[1]}",
                "an estimate is from runs of one machine under the same conditions",
            )
