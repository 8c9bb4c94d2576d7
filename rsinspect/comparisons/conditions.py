"""What has to be alike for two runs to be compared, and what is only said to differ.

A difference of conditions is refused, as the ratio would be of the conditions and not of the
networks, unless somebody wants to compare across it; a batch or a kind of pass is normalised, and
the comparison says so. What changed around the runs, versions above all, is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from rsinspect.base.errors import InvalidMeasurement, check_choice
from rsinspect.base.quantities import Name, Text
from rsinspect.base.words import Option, advice
from rsinspect.layers.map_layout import LAYOUTS
from rsinspect.profiling.choices import COMPILERS
from rsinspect.profiling.record.environment import Environment
from rsinspect.profiling.record.run import ProfileRun

EVERYTHING = "everything"
"""The choice that compares across whatever differs."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something around two runs that is not the same.

    Attributes:
        what: In words: ``tensorflow``, ``processor``, ``OMP_NUM_THREADS``.
        a: Of the first; None where it was not set or is not known.
        b: Of the second, likewise.
    """

    what: Name
    a: Text | None
    b: Text | None


def _compiler(run: ProfileRun) -> str:
    return COMPILERS[run.backend] if run.jit else "no compiler"


def _requested(name: str, default: str) -> Callable[[ProfileRun], str]:
    def read(run: ProfileRun) -> str:
        value = None if run.request is None else getattr(run.request, name)
        return default if value in (None, False) else "on" if value is True else str(value)

    return read


CONDITIONS: Mapping[str, Callable[[ProfileRun], str]] = {
    "mode": lambda run: run.mode,
    "precision": lambda run: run.precision,
    "backend": lambda run: run.backend,
    "device": lambda run: run.device,
    "jit": _compiler,
    "layout": _requested("layout", LAYOUTS[0]),
    "memory-format": _requested("memory_format", "the backend's"),
    "fused-batchnorm": _requested("fused_batch_norm", "off"),
    "threads": lambda run: str(run.environment.threads_requested or "the framework's own"),
    "machine": lambda run: _machine(run.environment),
}
"""What has to be alike, by the name under which somebody may compare across it."""

ACROSS = (*CONDITIONS, EVERYTHING)
"""What a comparison may be across."""


def _machine(environment: Environment) -> str:
    cpus = environment.cpus_affinity or environment.cpus_visible
    return f"{environment.cpu_model or 'an unknown processor'}, {cpus or 'unknown'} CPUs"


def differing(a: ProfileRun, b: ProfileRun) -> Iterator[tuple[str, str, str]]:
    """List the conditions that differ: name, of the one, of the other.

    Where the backends differ, what only one of them has does not count.
    """
    for name, read in CONDITIONS.items():
        one, other = read(a), read(b)
        if one != other and not (
            a.backend != b.backend and name in ("jit", "memory-format", "fused-batchnorm")
        ):
            yield name, one, other


def check_alike(a: ProfileRun, b: ProfileRun, across: Collection[str] = ()) -> None:
    """Refuse two runs whose ratio would be that of their conditions.

    Args:
        a: The first.
        b: The second.
        across: Names of conditions, of ``ACROSS``, that may differ.

    Raises:
        InvalidChoice: If a name is unknown.
        InvalidMeasurement: If another condition differs, or one was measured by the pass alone that
            compiled it.
    """
    for name in across:
        check_choice("condition", name, ACROSS)
    for side, run in (("A", a), ("B", b)):
        if run.total_of == "first":
            raise InvalidMeasurement(
                f"{side} has one pass, the one in which the network was compiled: no comparison",
                advice("measure it for longer: {}", Option("max_time_s", 60)),
            )
    found = list(differing(a, b))
    refused = [each for each in found if not {each[0], EVERYTHING} & set(across)]
    if refused:
        said = "; ".join(f"{name}: {one} and {other}" for name, one, other in refused)
        raise InvalidMeasurement(
            f"A and B were not measured alike ({said}): their ratio would say more of that than of "
            "the networks",
            advice(
                "measure one of them again as the other, or compare across it on purpose: {}",
                Option("across", ",".join(name for name, _, _ in refused)),
            ),
        )


def normalised(a: ProfileRun, b: ProfileRun) -> Iterator[str]:
    """Say what was done to make the two comparable."""
    if a.batch.used != b.batch.used:
        yield (
            f"Times are per image: A was measured at batch {a.batch.used}, B at batch "
            f"{b.batch.used}, and an image takes less time in a larger batch."
        )
    if a.total_of != b.total_of:
        yield (
            "Both are compared by passes with instruments inside, as there was no time for others "
            "in one of them."
        )
    if levels(a) != levels(b):
        yield "One was timed block by block: its blocks are added up to the stages of the other."


def levels(run: ProfileRun) -> set[str]:
    """Name the levels at which a run was timed; steps are of every level."""
    return {segment.level for segment in run.segments if segment.level != "step"}


def changes(a: ProfileRun, b: ProfileRun) -> tuple[Change, ...]:
    """List what changed around two runs: conditions first, then versions, machine and variables."""
    found = [Change(name, one, other) for name, one, other in differing(a, b)]
    one, other = a.environment, b.environment
    found += _mapping(one.versions, other.versions)
    if not any(change.what == "machine" for change in found):
        found += _facts(one, other)
    found += _mapping(one.flags, other.flags)
    if a.weights != b.weights and None not in (a.weights, b.weights):
        found.append(Change("weights", a.weights, b.weights))
    return tuple(found)


def _mapping(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys((*one, *other)):
        if one.get(name) != other.get(name):
            yield Change(name, one.get(name), other.get(name))


def _facts(one: Environment, other: Environment) -> Iterator[Change]:
    for name, what in (
        ("platform", "system"),
        ("cpus_quota", "quota of CPUs"),
        ("governor", "frequency governor"),
        ("threads", "threads"),
    ):
        before, after = getattr(one, name), getattr(other, name)
        if before != after:
            yield Change(what, *(None if x is None else str(x) for x in (before, after)))
