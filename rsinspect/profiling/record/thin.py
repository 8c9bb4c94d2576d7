"""The document of a run without what stands elsewhere: for a page that shows the run.

It is of the schema of ``record.document``. Its network is null where it is the one that the page is
about, else short (``networks.compact``); the forward part of a segment is null where it is the
whole, as it is in inference; what the framework's profiler saw op by op is left out.
"""

from __future__ import annotations

from typing import Any

from rsinspect.networks.compact import to_compact
from rsinspect.networks.network import Network, network_from_json
from rsinspect.profiling.record import document
from rsinspect.profiling.record.run import ProfileRun

_FORWARD = "forward_s"


def thin(run: ProfileRun, network: Network) -> dict[str, Any]:
    """Write the run, as one of the network beside it; ``whole`` gives what ``to_json`` writes."""
    written = document.to_json(run)
    if run.network is not None:
        same = run.network.to_json() == network.to_json()
        written["network"] = None if same else to_compact(run.network)
    if run.mode == "forward":
        for segment in written["segments"]:
            if segment[_FORWARD] == segment["latency_s"]:
                segment[_FORWARD] = None
    if written["trace"] is not None:
        written["trace"]["events"] = []
    return written


def whole(run: dict[str, Any], network: Any) -> dict[str, Any]:
    """Write what ``thin`` wrote as ``record.document`` writes the run, but for single ops.

    Args:
        run: The document; what is damaged in it is left to who reads it.
        network: The document of the network beside it.

    Raises:
        GraphError: If a network is damaged.
    """
    segments = run.get("segments")
    if run.get("mode") == "forward" and isinstance(segments, list):
        segments = [
            each | {_FORWARD: each.get(_FORWARD) or each.get("latency_s")}
            if isinstance(each, dict) and each.get("level") != "step"
            else each
            for each in segments
        ]
    model = run.get("model")
    is_known = isinstance(model, dict) and model.get("fingerprint") is not None
    held = run.get("network") or (network if is_known else None)
    return run | {"segments": segments, "network": held and network_from_json(held).to_json()}
