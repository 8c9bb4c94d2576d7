"""MACs of all of keras.applications beside three counters nobody here wrote.

``python -m benchmarks.counters [--torch PYTHON] [NAME ...]`` builds every network with TensorFlow,
JAX and PyTorch in turn, each in a process of its own, asks that framework's counter of FLOPs
(``tests/counters.py`` says which) and prints a Markdown table: what we count, what they count, and
what is left of the difference after the named terms. Forty networks take an hour and 12 GB.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator

from rsinspect.base.units import dimensions
from rsinspect.layers.graph import LayerGraph
from rsinspect.networks.keras_config import from_keras_config
from tests import counters

EXPECTED: dict[str, Callable[[LayerGraph], counters.Terms]] = {
    "tensorflow": counters.expected_by_tensorflow,
    "torch": counters.expected_by_torch,
    "jax": counters.expected_by_jax,
}


def applications() -> list[str]:
    """List the networks of keras.applications."""
    import keras

    makers = vars(keras.applications).items()
    return [name for name, made in makers if inspect.isfunction(made) and name[0].isupper()]


def rows(backend: str, names: list[str], python: str) -> Iterator[str]:
    """Yield a line of the table for each network that a backend has counted."""
    for counted in counters.counted_elsewhere(backend, names, python=python):
        if "refused" in counted.config:
            yield f"| {counted.name} | | | {backend} | {counted.config['refused']} | | |"
            continue
        network = from_keras_config(counted.config)
        expected = EXPECTED[backend](network.graph)
        told, macs = sum(counted.terms.values()), network.cost.macs
        if backend == "jax":  # one sum in float32: no terms to compare
            left = f"{told - sum(expected.values()):+,} ({told / sum(expected.values()) - 1:+.0e})"
        else:
            left = str(counters.differences(expected, counted.terms) or 0)
        terms = sum(expected.values()) - 2 * macs
        size = dimensions(network.resolution or ())
        yield f"| {counted.name} | {size} | {macs:,} | {backend} | {told:,} | {terms:+,} | {left} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--backends", default="tensorflow,torch,jax")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    print("| network | size | our MACs | counter | FLOPs it counts | named terms | left |")
    print("| --- | --- | ---: | --- | ---: | ---: | ---: |")
    for backend in given.backends.split(","):
        python = given.torch if backend == "torch" else sys.executable
        if python == sys.executable and importlib.util.find_spec(backend) is None:
            print(f"{backend} is not installed: skipped", file=sys.stderr)
            continue
        for row in rows(backend, given.names or applications(), python):
            print(row, flush=True)


if __name__ == "__main__":
    main()
