"""Memory: predicted against the peak of real workers, and how workers die for want of it.

    python benchmarks/memory.py           # half an hour on two cores
    python benchmarks/memory.py --quick   # the smallest of each
    python benchmarks/memory.py --predictions  # the first table alone

The second table gives workers less memory than their batch needs, on purpose, and lets others crash
that have plenty: what they died of, how it showed, and what the profile made of it.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from typing import Any

from rsinspect.base.errors import BatchDoesNotFit, MeasurementError
from rsinspect.base.units import binary_bytes
from rsinspect.networks.named import network
from rsinspect.profiling import memory, parent
from rsinspect.profiling.parent import profile
from rsinspect.profiling.request import ProfileRequest

NETWORKS = {
    "forward": (
        ("101@224", 16), ("200@160", 8), ("350@160", 4), ("MobileNetV2", 16), ("ResNet50", 16),
        ("DenseNet121", 16),
    ),
    "train": (
        ("101@192", 4), ("152@224", 2), ("200@160", 2), ("ResNet50", 8), ("EfficientNetB0", 8),
        ("DenseNet121", 4),
    ),
}  # fmt: skip
"""MODEL and batch. The constants of the prediction were taken from none of depth 152, 200 or 350,
but from some of the others (``FITTED`` in tests/test_profiling_memory.py)."""

CRASH = """
import ctypes, os, signal, sys
sys.stdin.readline()
{body}
"""
CRASHES = {
    "a null pointer": "ctypes.string_at(0)",
    "abort": "os.abort()",
    "kill -9 by somebody": "os.kill(os.getpid(), signal.SIGKILL)",
    "a bug": "raise RuntimeError('shapes do not fit')",
}


def request(model: str, batch: int, **more: Any) -> ProfileRequest:
    """A short measurement."""
    return ProfileRequest(
        network=network(model), batch=batch, max_time_s=600.0, most_rounds=1, roofs=False, **more
    )


def backends() -> list[str]:
    """Those installed here."""
    return [b for b in ("tensorflow", "jax", "torch") if importlib.util.find_spec(b)]


def predictions(quick: bool) -> None:
    """Predicted against measured."""
    print("| backend | network | predicted | measured | error |\n| --- | --- | --- | --- | --- |")
    for backend in backends():
        for mode, networks in NETWORKS.items():
            for model, batch in networks[:1] if quick else networks:
                run = profile(request(model, batch, mode=mode, backend=backend))
                peak = run.environment.peak_rss_bytes or 0
                print(
                    f"| {backend} | {model}, batch {batch}, {mode} | "
                    f"{binary_bytes(run.predicted_bytes)} | {binary_bytes(peak)} | "
                    f"{100 * (run.predicted_bytes / peak - 1):+.1f} % |",
                    flush=True,
                )


def verdict(
    asked: ProfileRequest, given: int | None = None, worker: tuple[str, ...] = parent.WORKER
) -> tuple[str, str]:
    """What the profile says of a death, and how the death showed."""
    available = memory.available_memory() if given is None else given
    try:
        profile(asked, worker=worker, available_bytes=lambda: available)
    except BatchDoesNotFit as exc:
        return "out of memory", re.sub(r".*?batch \d+( does not fit)?: ", "", exc.message)
    except MeasurementError as exc:
        return "crash", exc.message.splitlines()[0]
    return "ran", ""


def deaths(quick: bool) -> None:
    """Ways of dying, and what was made of them."""
    print("\n| what happened | how it showed | verdict | right |\n| --- | --- | --- | --- |")
    memory.FITS_SHARE = float("inf")  # try what is predicted not to fit
    right = total = 0

    def row(what: str, how: str, found: str, wanted: tuple[str, ...]) -> None:
        nonlocal right, total
        total += 1
        right += found in wanted
        print(f"| {what} | {how[:110]} | {found} | {found in wanted} |", flush=True)

    for backend in backends():
        for mode in ("forward",) if quick else ("forward", "train"):
            asked = request("50@224", 64, mode=mode, backend=backend, strict_batch=True)
            needed = memory.needed_memory(asked)
            for share in (0.5,) if quick else (0.2, 0.4, 0.6, 0.75):
                given = round(needed.framework_bytes + share * needed.working_bytes)
                found, how = verdict(asked, given)
                what = f"{backend}, {mode}, given {binary_bytes(given)} of "
                row(what + binary_bytes(needed.total_bytes), how, found, ("out of memory", "ran"))
    for what, body in CRASHES.items():
        worker = (sys.executable, "-c", CRASH.format(body=body))
        asked = request("50@160", 8, strict_batch=True)
        found, how = verdict(asked, worker=worker)
        row(f"{what}, with memory to spare", how, found, ("crash",))
    print(f"\n{right} of {total} right")


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--predictions", action="store_true", help="the first table alone")
    options = parser.parse_args()
    predictions(options.quick)
    if not options.predictions:
        deaths(options.quick)


if __name__ == "__main__":
    main()
