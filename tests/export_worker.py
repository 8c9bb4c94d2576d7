"""Workers of an export that need no framework: what they say is told on their command line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from rsinspect.exports.serving import serve

TOLD = json.loads(sys.argv[1])


def make(path: str, **_: Any) -> dict[str, Any]:
    if said := TOLD.get("make_raises"):
        Path(path).write_text("half a file")
        raise ValueError(said)
    if TOLD.get("make_dies"):
        Path(path).write_text("half a file")
        print("the last words", file=sys.stderr, flush=True)
        os._exit(7)
    if path.endswith(".savedmodel"):
        Path(path).mkdir()
        Path(path, "saved_model.pb").write_text("made")
    else:
        Path(path).write_text("made")
        if path.endswith(".xml"):
            Path(path).with_suffix(".bin").write_text("made beside")
    return {"seconds": 1.0, "config": None, "inputs": ["x"], "versions": {"keras": "3.15.1"}}


def compare(**_: Any) -> dict[str, Any]:
    difference = TOLD.get("difference", 1e-7)
    return {
        "problem": TOLD.get("problem"),
        "largest_difference": difference,
        "largest_output": 1.0,
        "relative_difference": difference,
        "spread": TOLD.get("spread", 0.5),
        "tops": [[[1, 0], [1, 0]], [[0, 1], [1, 0]]],
    }


if __name__ == "__main__":
    serve(
        {
            "build": lambda **_: {"notes": [], "versions": {}},
            "images": lambda **_: {},
            "make": make,
            "open": lambda **_: {"version": "1.2", "how": None},
            "compare": compare,
            "time": lambda passes, **_: {"seconds": [TOLD.get("pass_s", 1.0)] * passes},
        }
    )
