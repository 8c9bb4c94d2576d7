"""What parts take on a machine, learnt from what it ran: a Gaussian process of the logarithm.

What a part takes is its work at the machine's rates, times how much better or worse such a part
runs than the rates say. Both are learnt at once. The rates have wide priors, since a machine is
only known by what it ran; the second factor is alike for parts that are alike (``parts.PLACE``), so
that a block measured at two sizes tells of the sizes between, and of the same block in any depth.
A sum of parts tells of each of them by its share; that makes the model nonlinear, and it is
linearised at the latest solution until that stays. Every process is a few per cent faster or slower
as a whole (``PROCESS``); that doubt is in each timing and in each estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.base.units import ITEM_BYTES
from rsinspect.estimates.parts import PER_BATCH, Part
from rsinspect.estimates.timings import Timing
from rsinspect.profiling.roofline.roofs import Roofs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Prior(NamedTuple):
    """What is taken for granted of any machine before it ran anything.

    The numbers are those under which latencies that were left out were likeliest, each estimated
    from three others: of a recording of sixteen networks at batch 1 on two cores, and of six of
    timm's tables (RTX 3090 and 4090, i7-12700H, i9-10940X). The other twelve tables, and batch 8,
    had no say in them (``benchmarks/estimates.py``). What a process adds is measured: medians of
    eight processes scattered by 2.8 % (RS-50, batch 8). So is what another batch does: estimates of
    batch 8 from batch 1 were off by 11 % (ResNet-RS) and 15 % (EfficientNet), all the same way.

    Attributes:
        rates: Seconds of one unit of each kind of WORK, as they relate to each other.
        rate_spread: One standard deviation of the logarithm of each.
        likeness: Of the second factor, likewise.
        reach: Distance in each number of PLACE over which parts are alike.
        own: What each part has of its own, likewise.
        process: What a process is faster or slower than another, likewise.
        batch: What a batch e times as large is faster or slower in each image, likewise.
    """

    rates: tuple[float, ...] = (2e-5, 1.2e-11, 1.2e-11, 3.6e-11, 1e-9, 9e-10)
    rate_spread: tuple[float, ...] = (0.55, 0.4, 0.2, 0.65, 1.25, 0.5)
    likeness: float = 0.16
    reach: tuple[float, ...] = (6.0, 1.8, 1.3, 2.9, 1.6)
    own: float = 0.025
    process: float = 0.028
    batch: float = 0.055

    @classmethod
    def of_roofs(cls, roofs: Roofs) -> Prior:
        """Take the rates from the roofs of a machine; networks keep below them."""
        mac = 2 / roofs.flops_per_s / REACHED
        number = ITEM_BYTES.get(roofs.precision, 4) / roofs.bytes_per_s(math.inf) / REACHED
        own = cls()
        return own._replace(
            rates=(own.rates[0], mac, mac, GROUPED * mac, number, number),
            rate_spread=(1.0, 0.3, 0.3, 0.7, 0.5, 0.5),
        )


PRIOR = Prior()
REACHED = 0.7
"""Share of its roofs that a network reaches (RS-50, batch 8, two cores: 49 to 76 % a stage)."""
GROUPED = 3.0
"""What a MAC of a convolution in groups takes, in those of others."""
STEPS = 30
SETTLED = 1e-6
"""Change of a logarithm of seconds below which the solution stays."""


class _Kinds(NamedTuple):
    """Parts at their batches, as arrays: a row each."""

    work: Floats
    place: Floats
    batch: Floats

    @classmethod
    def of(cls, parts: Sequence[tuple[Part, int]]) -> _Kinds:
        import numpy as np

        batch = np.array([[images] for _, images in parts], dtype=np.float64)
        work = np.array([part.work for part, _ in parts])
        place = np.array([part.place for part, _ in parts])
        place[:, :1] += np.log(batch)
        return cls(work * np.where(PER_BATCH, 1.0, batch), place, np.log(batch[:, 0]))


class Machine:
    """A machine as far as it is known.

    Args:
        timings: What it ran; without any, nothing but its speed by the prior is known.
        prior: What is taken for granted.
    """

    def __init__(self, timings: Sequence[Timing], prior: Prior = PRIOR) -> None:
        import numpy as np

        self.prior = prior
        self.timings = tuple(timings)
        self._rates = np.log(prior.rates)
        self._origin = math.log(min((one.batch for one in self.timings), default=1))
        if self.timings:
            self._learn()

    def _learn(self) -> None:
        """Find rates and second factors by Gauss and Newton's steps; they settle in five to ten."""
        import numpy as np

        times, seen, noise = self._observed()
        alike = self._likeness(self._kinds, self._kinds)
        spread = np.square(self.prior.rate_spread)
        by_rates = np.log(times @ np.exp(self._logarithms(self._rates)))
        centre = rates = self._rates + np.median(seen - by_rates)  # how fast it is in general
        factor = np.zeros(len(alike))
        for _ in range(STEPS):
            parts = times * np.exp(self._logarithms(rates) + factor)
            total = parts.sum(axis=1)
            share, slope = parts / total[:, None], self._slopes(rates)
            of_rates = share @ slope
            aim = seen - np.log(total) + of_rates @ (rates - centre) + share @ factor
            covariance = of_rates * spread @ of_rates.T + share @ alike @ share.T + noise
            solved = np.linalg.solve(covariance, aim)
            before, rates = rates, centre + spread * (of_rates.T @ solved)
            moved, factor = factor, alike @ (share.T @ solved)
            if max(np.abs(rates - before).max(), np.abs(factor - moved).max()) < SETTLED:
                break
        self._rates, self._share, self._slope = rates, share, slope
        self._weights, self._inverse = share.T @ solved, np.linalg.inv(covariance)

    def _observed(self) -> tuple[Floats, Floats, Floats]:
        """Lay out what was timed: a row for each sum, a column for each kind of part.

        Returns:
            How often each kind is in each sum; logarithms of the seconds; their covariance.
        """
        import numpy as np

        rows = [(run, each) for run, one in enumerate(self.timings) for each in one.sums]
        batches = [one.batch for one in self.timings]
        kinds = dict.fromkeys((part, batches[run]) for run, each in rows for part in each.times)
        column = {kind: number for number, kind in enumerate(kinds)}
        times = np.zeros((len(rows), len(kinds)))
        for row, (run, each) in enumerate(rows):
            for part, often in each.times.items():
                times[row, column[part, batches[run]]] += often
        runs = np.array([run for run, _ in rows])
        together = np.array([math.hypot(self.prior.process, one.error) for one in self.timings])
        noise = np.diag([each.error**2 for _, each in rows])
        noise += np.where(runs[:, None] == runs, together[runs] ** 2, 0.0)
        self._kinds = _Kinds.of(list(kinds))
        return times, np.log([each.seconds for _, each in rows]), noise

    def _logarithms(self, rates: Floats, kinds: _Kinds | None = None) -> Floats:
        """Compute the logarithm of the seconds of parts by the rates alone."""
        import numpy as np

        return np.log((kinds or self._kinds).work @ np.exp(rates))

    def _slopes(self, rates: Floats, kinds: _Kinds | None = None) -> Floats:
        """Compute what share of each part's time each kind of work is."""
        import numpy as np

        each = (kinds or self._kinds).work * np.exp(rates)
        shares: Floats = each / each.sum(axis=1, keepdims=True)
        return shares

    def _likeness(self, some: _Kinds, others: _Kinds) -> Floats:
        """Compute the covariance of the second factors of parts.

        What a batch does is a random walk that begins at the smallest batch that was timed.
        """
        import numpy as np

        prior = self.prior
        apart = (some.place[:, None] - others.place) / np.array(prior.reach)
        distance = np.square(apart).sum(axis=2)
        equal = (some.work[:, None] == others.work).all(axis=2) & (distance == 0)
        likeness = prior.likeness**2 * np.exp(-distance / 2) + prior.own**2 * equal
        one, other = some.batch[:, None] - self._origin, others.batch - self._origin
        in_common = np.minimum(np.abs(one), np.abs(other)) * (np.sign(one) == np.sign(other))
        covariance: Floats = likeness + prior.batch**2 * in_common
        return covariance

    def parts(self, parts: Sequence[tuple[Part, int]]) -> tuple[Floats, Floats]:
        """Estimate what parts take.

        Args:
            parts: Each with the images in a batch.

        Returns:
            The logarithm of the seconds of each, and their covariance; what a process adds to that
            is left out.
        """
        import numpy as np

        kinds = _Kinds.of(parts)
        slope = self._slopes(self._rates, kinds)
        spread = np.square(self.prior.rate_spread)
        own = slope * spread @ slope.T + self._likeness(kinds, kinds)
        if not self.timings:
            return self._logarithms(self._rates, kinds), own
        alike = self._likeness(kinds, self._kinds)
        mean = self._logarithms(self._rates, kinds) + alike @ self._weights
        across = (slope * spread @ self._slope.T + alike) @ self._share.T
        return mean, own - across @ self._inverse @ across.T

    def unlike(self, parts: Sequence[tuple[Part, int]]) -> Floats:
        """Say how unlike any part that was timed each of some parts is: 0, a timed one, to 1."""
        kinds = _Kinds.of(parts)
        alike = self._likeness(kinds._replace(batch=self._origin + 0 * kinds.batch), self._kinds)
        most = self.prior.likeness**2 + self.prior.own**2
        unlike: Floats = 1 - alike.max(axis=1) / most
        return unlike
