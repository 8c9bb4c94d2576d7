"""The passes of a run as its document has them, without reading all of it."""

from __future__ import annotations

from typing import Any

from rsinspect.profiling.statistics import Latency, Sampling


def latency_in(document: dict[str, Any]) -> Latency:
    """Take the whole passes from the document of a run, which the store has checked.

    >>> rounds = {"process": [0, 0], "burst": [0, 1], "kept": [True, True]}
    >>> whole = {"latency_s": {"samples": [1.0, 1.2]}}
    >>> latency_in({"rounds": rounds, "end_to_end": whole}).median
    1.1
    """
    rounds = document["rounds"]
    sampling = Sampling(tuple(rounds["process"]), tuple(rounds["burst"]), tuple(rounds["kept"]))
    return Latency(tuple(document["end_to_end"]["latency_s"]["samples"]), sampling)
