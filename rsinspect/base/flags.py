"""What an argument of Python is called on the command line."""

from __future__ import annotations

from rsinspect.base.words import UNSET, Option

_CALLED = {
    "block_args": "blocks",
    "dropout_rate": "dropout",
    "every": "all",
    "fold_batch_norm": "fold-batchnorm",
    "folded": "fold",
    "fused_batch_norm": "fused-batchnorm",
    "include_top": "top",
    "max_time_s": "max-time",
    "only_front": "pareto",
    "runs": "run",
}
"""Options that the command line calls otherwise than Python."""


def flag(option: Option) -> str:
    """Word an option as a person types it.

    >>> flag(Option("batch", 8)), flag(Option("include_top", False)), flag(Option("blocks", (3, 4)))
    ('--batch 8', '--no-top', '--blocks 3,4')
    """
    name = _CALLED.get(option.name, option.name.replace("_", "-"))
    match option.value:
        case _ if option.value is UNSET:
            return f"--{name}"
        case True:
            return f"--{name}"
        case False:
            return f"--no-{name}"
        case tuple() as parts:
            return f"--{name} {','.join(map(str, parts))}"
        case value:
            return f"--{name} {value}"
