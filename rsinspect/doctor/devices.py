"""The process that imports one backend and lists its devices: ``devices NAME``.

A process of its own, because importing a framework takes seconds and may end the process. Whatever
a framework prints goes to standard error; the answer is one JSON list.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def devices(backend: str, framework: Any) -> list[str]:
    """List devices in the framework's own words, such as ``cpu`` and ``gpu NVIDIA H200``."""
    match backend:
        case "tensorflow":
            named = []
            for device in framework.config.list_physical_devices():
                details = framework.config.experimental.get_device_details(device)
                named.append((device.device_type.lower(), details.get("device_name", "")))
        case "jax":
            named = [(device.platform, device.device_kind) for device in framework.devices()]
        case _:
            gpus = range(framework.cuda.device_count())
            named = [("cpu", ""), *(("gpu", framework.cuda.get_device_name(i)) for i in gpus)]
            if framework.backends.mps.is_available():
                named.append(("mps", ""))
    return [kind if name in ("", kind) else f"{kind} {name}" for kind, name in named]


def main() -> int:
    """Write the devices to the original standard output."""
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        names = devices(sys.argv[1], importlib.import_module(sys.argv[1]))
    except Exception as exc:  # the last door of this process: any failure is an answer
        sys.stderr.write(f"{type(exc).__name__}: {' '.join(str(exc).split())}\n")
        return 1
    os.write(answer, json.dumps(names).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
