"""What fuzzers and trials found: kept, and tried again by the tests.

By reader, what it was given: content of a file, or a text. Each made a traceback, a hang or a lost
line of some version; what is odd for every reader stands in ``tests.fuzz.odd``.
"""

from __future__ import annotations

KEPT: dict[str, tuple[bytes, ...]] = {
    "MODEL: a name": (b"x" * 300 + b":y", b"x" * 252),
    "runs that come in": (
        b'{"schema": "rsinspect.runs/1", "rows": [{"document": {}, "tags": 5}]}',
        b'{"schema": "rsinspect.runs/1", "rows": [{"tags": 5}]}',
    ),
    "a plan": (b"a." * 60_000 + b"a = 1", b'"\\"' * 200_000),
    "bounds": (b"a." * 60_000 + b"a = 1", b"[" + b"a." * 60_000 + b"a]"),
}
