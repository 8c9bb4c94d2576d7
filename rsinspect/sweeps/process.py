"""The process that carries one cell out: the program itself, ending with whoever started it.

A sweep that is killed leaves no measurement behind that would disturb the next one's.
"""

from __future__ import annotations

import runpy
import sys

from rsinspect.base.process import end_with_parent

if __name__ == "__main__":
    end_with_parent(sys.stdin)
    runpy.run_module("rsinspect", run_name="__main__", alter_sys=True)
