"""Images in a batch: requested, used, and what was tried between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rsinspect.base.quantities import Count, Images, Text

Outcome = Literal["ran", "skipped", "out_of_memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One rung of the batch ladder.

    Attributes:
        batch: Images in a batch.
        outcome: ``skipped`` when it was predicted not to fit and never started.
        reason: Reason it did not run; None when it ran.
        predicted_bytes: Resident memory predicted.
        peak_rss_bytes: Resident memory used, or None where the worker was not started or the system
            does not say.
    """

    batch: Images
    outcome: Outcome
    reason: Text | None
    predicted_bytes: Count
    peak_rss_bytes: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images in a batch: requested, used, and what was tried between.

    Attributes:
        requested: As requested.
        used: What all latencies are for.
        tried: Every rung, the one that ran last.
    """

    requested: Images
    used: Images
    tried: tuple[Attempt, ...]
