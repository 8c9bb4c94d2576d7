"""What a measured run says about the parts of a network, for a picture to be coloured by."""

from __future__ import annotations

from collections.abc import Iterator

from rsinspect.drawing.overlay import Measured
from rsinspect.layers import ops
from rsinspect.networks.network import Network
from rsinspect.profiling.record.run import ProfileRun


def measured_of(run: ProfileRun, network: Network) -> Measured:
    """Take the latencies of a run for a picture of a network.

    Raises:
        InvalidMeasurement: If the run is of another network.
    """
    run.check_model(network)
    return Measured(
        latency_s={segment.path: segment.latency.median for segment in run.segments},
        conditions="; ".join(_conditions(run, network)),
        sum_s=run.closure.sum_s,
    )


def _conditions(run: ProfileRun, network: Network) -> Iterator[str]:
    yield run.conditions
    apart = [segment.path for segment in run.segments if segment.level == "step"]
    beside = f", {', '.join(apart)} included" if apart else ""
    yield f"shares of the sum of all segments{beside}"
    if any(isinstance(layer.op, ops.Rescaling | ops.Normalization) for layer in network.graph):
        yield "preprocessing in the stem"
    groups = map(network.structure.group, (segment.path for segment in run.segments))
    if any(group is not None and group.is_block for group in groups):
        yield "runs and stages are sums of their blocks' medians"
