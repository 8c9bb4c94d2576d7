"""The program that the engine runs: DOT on stdin, a picture on stdout.

A process of its own because the C library behind pygraphviz can end the process it runs in, and
because fonts are configured by environment. It imports nothing of rsinspect.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Lay out and draw: ``layout.py FORMAT``."""
    from pygraphviz import AGraph

    picture = AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
    sys.stdout.buffer.write(picture.draw(format=sys.argv[1], prog="dot"))


if __name__ == "__main__":
    main()
