"""Points of a design space with what they cost, worked out a chunk at a time.

Points are numbered, layouts slowest, so that ten million of them need the memory of those that are
kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rsinspect.design_space import latencies as estimated
from rsinspect.design_space.costs import Tables, tables, width_costs
from rsinspect.design_space.latencies import Latencies
from rsinspect.design_space.space import Space
from rsinspect.layers.question import Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

CHUNK = 1_000_000
COLUMNS = (
    "params",
    "trainable_params",
    "macs",
    "flops",
    "activation_bytes",
    "peak_activation_bytes",
)
"""What is computed for each point."""

QUANTITIES = (*COLUMNS, "blocks", "width", "resolution", *estimated.COLUMNS)
"""What objectives and sorting may name; ``blocks`` is the number of all blocks. The last are known
where latencies are estimated."""


@dataclass(frozen=True, slots=True)
class Points:
    """Some points of a space, with what they cost.

    Attributes:
        space: Whose points.
        index: Their numbers.
        costs: By name of COLUMNS, a value a point; those of ``latencies.COLUMNS`` too, where they
            are estimated.
    """

    space: Space
    index: Integers
    costs: Mapping[str, Integers]

    def __len__(self) -> int:
        return len(self.index)

    def quantity(self, name: str) -> Any:
        """Return one of QUANTITIES, a value a point."""
        import numpy as np

        sides, widths = len(self.space.resolutions), len(self.space.widths)
        match name:
            case "blocks":
                return self.space.blocks[self.index // (sides * widths)].sum(axis=1)
            case "width":
                return np.array(self.space.widths)[self.index // sides % widths]
            case "resolution":
                return np.array(self.space.resolutions)[self.index % sides]
            case _:
                return self.costs[name]

    def take(self, which: Any) -> Points:
        """Pick points by an index or a mask."""
        return Points(self.space, self.index[which], {k: v[which] for k, v in self.costs.items()})

    def outside(self, others: Points) -> Points:
        """Pick the points that are not among others."""
        import numpy as np

        return self.take(~np.isin(self.index, others.index))

    @classmethod
    def joined(cls, parts: Sequence[Points]) -> Points:
        """Join several sets of points, at least one."""
        import numpy as np

        return cls(
            parts[0].space,
            np.concatenate([p.index for p in parts]),
            {k: np.concatenate([p.costs[k] for p in parts]) for k in parts[0].costs},
        )


class _Costs:
    """What the networks of a space cost, as tables by width and resolution."""

    def __init__(self, space: Space, question: Question, latencies: Latencies | None) -> None:
        import numpy as np

        self.space = space
        self.latencies = latencies
        self.item_bytes = question.item_bytes * question.batch
        most = int(space.blocks.max())
        by_width: list[Tables] = []
        for width in space.widths:
            spec = space.sized(space.layouts[0].blocks, width)
            costs = width_costs(spec, question.convention)
            by_width.append(tables(costs, space.resolutions, most * self.item_bytes))
        counts = by_width[0].base
        self.base = {name: np.stack([table.base[name] for table in by_width]) for name in counts}
        self.more = {name: np.stack([table.more[name] for table in by_width]) for name in counts}
        self.peak = np.stack([table.peak for table in by_width])

    def points(self, index: Integers) -> Points:
        """Work out the points of those numbers."""
        import numpy as np

        rest, side = np.divmod(index, len(self.space.resolutions))
        layout, width = np.divmod(rest, len(self.space.widths))
        blocks = self.space.blocks[layout]
        costs = {}
        for name in self.base:
            total = self.base[name][width, side]
            more = self.more[name][width, side]
            for stage in range(blocks.shape[1]):
                total = total + (blocks[:, stage] - 1) * more[:, stage]
            costs[name] = total
        bits = 1 << np.arange(blocks.shape[1], dtype=np.int64)
        has_second = ((blocks > 1) * bits).sum(axis=1)
        costs["activation_bytes"] = costs.pop("outputs") * self.item_bytes
        costs["peak_activation_bytes"] = self.peak[width, side, has_second] * self.item_bytes
        known: dict[str, Any] = {name: costs[name] for name in COLUMNS}
        if self.latencies is not None:
            known |= self.latencies.of(width, side, blocks)
        return Points(self.space, index, known)


def chunks(
    space: Space,
    question: Question | None = None,
    *,
    chunk: int = CHUNK,
    latencies: Latencies | None = None,
) -> Iterator[Points]:
    """Work out all points of a space, some at a time.

    Params are of the network, FLOPs and MACs of one image, bytes of the question's batch.

    Args:
        space: Whose points.
        question: What a FLOP is, how many images, which dtype.
        chunk: Points at a time.
        latencies: What an estimate knows of the space.

    Raises:
        InvalidSpec: If a number would not fit in 64 bits.
    """
    import numpy as np

    costs = _Costs(space, question or Question(), latencies)
    for start in range(0, space.size, chunk):
        yield costs.points(np.arange(start, min(start + chunk, space.size), dtype=np.int64))
