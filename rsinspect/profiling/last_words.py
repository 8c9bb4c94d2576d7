"""What a worker's error output says of its end, and which limit of the system was behind it."""

from __future__ import annotations

import signal
import sys

from rsinspect.base.units import binary_bytes
from rsinspect.profiling.protocol import MEMORY_WORDS

_NO_ADDRESSES = ("failed to map segment", "Cannot allocate memory", "cannot allocate memory")
"""How the loader words that no addresses are left for a library."""


def limit_behind(
    code: int,
    said: str,
    *,
    used_s: float | None,
    processor_s: float | None,
    addresses: int | None,
) -> tuple[str, str] | None:
    """Name the limit of the system that ended a worker and how to raise it; None for none.

    Args:
        code: Exit code; minus the signal that ended it.
        said: Its last words.
        used_s: Processor time it used.
        processor_s: The limit of it.
        addresses: The limit of its address space, in bytes.
    """  # fmt: skip
    if sys.platform == "win32":
        return None
    in_time = used_s is None or processor_s is None or used_s < processor_s - 1
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and not in_time):
        limit = "" if processor_s is None else f" of {processor_s:.0f} s"
        return (
            f"the limit of processor time{limit} ended the worker",
            "raise the limit: ulimit -t unlimited",
        )
    short = any(word in said for word in (*MEMORY_WORDS, *_NO_ADDRESSES))
    if addresses is not None and (short or code in (-signal.SIGSEGV, -signal.SIGABRT)):
        return (
            f"the address space is limited to {binary_bytes(addresses)}, which was too little for "
            "the worker",
            "raise the limit: ulimit -v unlimited",
        )
    return None
