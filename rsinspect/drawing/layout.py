"""The program that the engine runs: DOT on stdin, a picture on stdout.

    layout.py DIRECTORY            the version of the Graphviz in pygraphviz's DIRECTORY
    layout.py DIRECTORY FORMAT     the picture

A process of its own because the C library can end the process it runs in, and because fonts are
configured by environment. Starting is most of its time, so it imports nothing of rsinspect, no
``site``, and of pygraphviz only the C functions; with all of them a small figure takes twice as
long.

A bitmap of which a side is beyond cairo's limit would be scaled down without being asked, and a
large area takes gigabytes. So the size is read from the SVG, whose width and height are the
bitmap's pixels, and what is too large is not drawn: the process writes ``WIDTH HEIGHT`` and ends
with TOO_LARGE.
"""

from __future__ import annotations

import os
import sys

LONGEST_SIDE_PX = 32_767  # CAIRO_XMAX and CAIRO_YMAX of Graphviz's gvrender_pango.c
LARGEST_AREA_PX = 2**28  # a gigabyte, at four bytes a pixel
TOO_LARGE = 4
"""Exit code."""


def size_px(svg: bytes) -> tuple[int, int]:
    """Compute width and height of the bitmap for an SVG of Graphviz.

    >>> size_px(b'<svg width="775pt" height="1256pt"')
    (775, 1256)
    """
    _, _, size = svg.partition(b'<svg width="')
    width, _, rest = size.partition(b'pt" height="')
    return round(float(width)), round(float(rest.partition(b"pt")[0]))


def fits(width: int, height: int) -> bool:
    """Tell whether a bitmap of that size may be drawn."""
    return max(width, height) <= LONGEST_SIDE_PX and width * height <= LARGEST_AREA_PX


def main() -> None:
    """Lay out and draw, or tell the version."""
    directory, *rest = sys.argv[1:]
    if sys.platform == "win32":  # where the wheel keeps its libraries
        libraries = os.path.join(os.path.dirname(directory), "pygraphviz.libs")  # noqa: PTH118, PTH120
        if os.path.isdir(libraries):  # noqa: PTH112
            os.add_dll_directory(libraries)
    sys.path.append(directory)
    import _graphviz as graphviz  # type: ignore[import-not-found]

    if not rest:
        numbers = (graphviz.GRAPHVIZ_MAJOR_VERSION, graphviz.GRAPHVIZ_MINOR_VERSION,
                   graphviz.GRAPHVIZ_PATCH_VERSION)  # fmt: skip
        print(*numbers, sep=".")
        return
    format = rest[0].encode()
    try:
        graph = graphviz.agread(sys.stdin.buffer, None)
    except ValueError:
        sys.exit("it is no DOT")  # Graphviz has said where
    context = graphviz.gvContextWithBuiltins()
    if graphviz.gvLayout(context, graph, b"dot"):
        sys.exit("it could not be laid out")
    if format == b"png":
        size = size_px(graphviz.gvRenderData(context, graph, b"svg")[1])
        if not fits(*size):
            print(*size)
            sys.exit(TOO_LARGE)
    drawn = graphviz.gvRenderData(context, graph, format)
    if isinstance(drawn, int) or drawn[0]:
        sys.exit("it could not be drawn")
    sys.stdout.buffer.write(drawn[1])


if __name__ == "__main__":
    main()
