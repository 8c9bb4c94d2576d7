"""Where a run was measured: machine, versions, and what else changes how fast it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rsinspect.base.quantities import Count, Name, Positive, Ratio, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where it was measured; a fact that is not known is None, with its reason in ``unknown``.

    Attributes:
        platform: Operating system and architecture.
        cpu_model: Name of the processor.
        cpus_visible: Processors the operating system shows.
        cpus_affinity: Processors the worker may run on.
        cpus_quota: Processors the control group's quota amounts to.
        governor: Frequency governor of the first processor.
        threads_requested: As requested; None leaves it to the framework.
        threads: Description of how that was carried out.
        versions: Of Python, Keras, the backend and rsinspect, by name.
        flags: Variables of the process environment that frameworks obey and that were set.
        load_before: Load average of the last minute before the worker imported anything.
        load_after: The same when it had measured.
        seed: Of weights, images and the order of samples.
        peak_rss_bytes: Most memory the worker had resident.
        unknown: Why a fact is None, by its name; ``energy`` is one of the run.
    """

    platform: Text
    cpu_model: Text | None
    cpus_visible: Positive | None
    cpus_affinity: Positive | None
    cpus_quota: Ratio | None
    governor: Text | None
    threads_requested: Positive | None
    threads: Text
    versions: Mapping[Name, Text]
    flags: Mapping[Name, Text]
    load_before: Ratio | None
    load_after: Ratio | None
    seed: int
    peak_rss_bytes: Count | None
    unknown: Mapping[Name, Text] = field(default_factory=dict)

    def ended(self, load_after: float | None, reason: str | None) -> Environment:
        """Add the load average at the end, or the reason why it is not known."""
        unknown = {name: why for name, why in self.unknown.items() if name != "load_after"}
        if load_after is None:
            unknown["load_after"] = reason or "not told by this system"
        return replace(self, load_after=load_after, unknown=unknown)
