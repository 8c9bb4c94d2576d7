"""A network held to bounds, as a test of one's own asserts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rsinspect.api.networks import Model, network

if TYPE_CHECKING:
    from rsinspect.api.results import CheckResult


def check(
    model: Model,
    *,
    resolution: int | tuple[int, int] | None = None,
    convention: str = "paper",
    batch: int = 1,
    dtype: str = "float32",
    **bounds: int | float | str | Sequence[int],
) -> CheckResult:
    """Hold a network to bounds: ``assert rsinspect.check(model, max_params="64M")``.

    Args:
        model: As in ``network``.
        resolution: Likewise.
        convention: What a FLOP is.
        batch: Images, for bytes.
        dtype: Of activations, for bytes.
        **bounds: ``params``, ``trainable_params``, ``macs``, ``flops``, ``activations``,
            ``peak_activation`` (bytes both) and ``layers``, each also with ``max_`` or ``min_``
            before it; ``image``, ``layout`` (blocks of the stages) and ``fingerprint``. A number is
            meant exactly, text as it is written: ``"63.7M"`` is every count that rounds to it.

    Raises:
        RsInspectError: If the model or a bound is not one there is.

    >>> import rsinspect
    >>> result = rsinspect.check("101", params="63.7M", max_flops="10G")
    >>> result.holds, result.broken
    (False, ('101: FLOPs: 12 030 951 424 (12.0 G), must be at most 10G',))
    """
    from rsinspect.answers.bounds import bounds_of
    from rsinspect.answers.check import broken_lines, check_answer, checked
    from rsinspect.api.results import CheckResult
    from rsinspect.layers.question import Question

    made = network(model, resolution=resolution)
    called = str(model) if isinstance(model, int | str | Path) else made.title
    one = checked(called, made, bounds_of(bounds), Question(convention, batch, dtype))
    return CheckResult(check_answer([one]), broken_lines([one]))
