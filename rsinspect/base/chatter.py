"""What frameworks write to standard error when they start, whatever becomes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CHATTER = re.compile(
    r"""
      ^[IW]\d{4}\s                                      # absl: information, warnings
    | ^\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d\.\d+:\s[IW]\s     # TensorFlow: the same
    | All\slog\smessages\sbefore\sabsl::InitializeLog
    | To\senable\sthe\sfollowing\sinstructions
    | Unable\sto\sregister\scu(DNN|FFT|BLAS)\sfactory
    | computation\splacer\salready\sregistered
    | failed\scall\sto\scuInit
    | ^\s*$
    """,
    re.VERBOSE,
)


def without_chatter(lines: Iterable[str]) -> tuple[str, ...]:
    """Leave out what frameworks write when they start.

    >>> without_chatter(["I0000 00:00:17.5  1 port.cc:153] oneDNN custom operations are on.",
    ...                  "terminate called after throwing an instance of 'std::bad_alloc'"])
    ("terminate called after throwing an instance of 'std::bad_alloc'",)
    """
    return tuple(line for line in lines if not _CHATTER.search(line))
