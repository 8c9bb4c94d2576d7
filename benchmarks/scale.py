"""How fast and how large the design space is: ``python benchmarks/scale.py``.

Evaluates spaces of 10^4 to 10^7 points, front included, in processes of their own, and prints
points per second and the peak of resident memory; then builds the graph, and the Keras model, of a
few points of the same space. Ratios inside one run hold; absolute times are this machine's.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
GRAPHS, MODELS = 200, 3

ONE = """
import resource, sys, time
from rsinspect.design_space.search import Search
from rsinspect.design_space.space import Space
size, only_front = int(sys.argv[1]), sys.argv[2] == "front"
sides = {10_000: 10, 100_000: 20, 1_000_000: 80, 10_000_000: 160}[size]
layouts = size // sides // 5
c4 = max(1, layouts // 40)
start = time.perf_counter()
space = Space.of({"c3": tuple(range(3, 43)), "c4": tuple(range(3, 3 + c4)),
                  "width": (0.5, 0.75, 1.0, 1.5, 2.0),
                  "resolution": tuple(range(128, 128 + 2 * sides, 2))})
found = Search(space=space, only_front=only_front).run()
spent = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(space.size, spent, peak, len(found.front))
"""


def evaluated(size: int, kept: str) -> tuple[int, float, int]:
    """Points, seconds and peak resident bytes of one evaluation in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", ONE, str(size), kept], capture_output=True, text=True, check=True
    )
    points, spent, peak, _ = done.stdout.split()
    return int(points), float(spent), int(peak)


def main() -> None:
    """All of it."""
    print("points        kept      seconds  points/s   peak MiB")
    rate = 0.0
    for size in SIZES:
        for kept in ("all", "front"):
            points, spent, peak = evaluated(size, kept)
            rate = points / spent
            print(f"{points:>10,}  {kept:>7}  {spent:9.2f}  {rate:9,.0f}  {peak / 2**20:9,.0f}")

    from rsinspect.design_space.space import Space
    from rsinspect.networks.resnet_rs import build_graph

    space = Space.of({"c3": (4, 8, 24), "c4": (6, 23, 36), "resolution": tuple(range(128, 448, 8))})
    each = []
    for point in range(0, space.size, max(1, space.size // GRAPHS)):
        start = time.perf_counter()
        build_graph(space.spec(point))
        each.append(time.perf_counter() - start)
    graph = statistics.median(each)
    print(f"the graph of a point: {graph * 1e3:.2f} ms; {graph * rate:,.0f} times a point's share")

    from rsinspect.keras_model.build import build_model
    from rsinspect.networks.network import resnet_rs

    each = []
    for point in range(0, space.size, space.size // MODELS):
        spec = space.spec(point)
        start = time.perf_counter()
        build_model(resnet_rs(spec))
        each.append(time.perf_counter() - start)
    model = statistics.median(each[1:])  # the first pays for TensorFlow's own start
    print(f"its Keras model: {model:.2f} s; {model * rate:,.0f} times a point's share")
    whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak of this process, with TensorFlow: {whole:,.0f} MiB")


if __name__ == "__main__":
    main()
