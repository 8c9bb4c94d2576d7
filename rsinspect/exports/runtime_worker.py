"""The worker that opens an exported file by the runtime it is for, and runs it.

It knows no network: what it is given is the file, and images. It answers ``open``, then ``compare``
and ``time``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsinspect.exports.comparison import compared
from rsinspect.exports.passes import cycled, timed
from rsinspect.exports.runtimes import RUNTIMES, Opened
from rsinspect.exports.serving import Reply, serve


class Runtime:
    """An exported file that was opened."""

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._given: list[Any] = []
        self._batch: int | None = None

    def open(
        self, format: str, path: str, inputs: list[str], batch: int | None, config: str | None
    ) -> Reply:
        """Open a file.

        Args:
            format: Name of one of FORMATS.
            path: Of the file.
            inputs: Names of its inputs, in order.
            batch: Images that it takes at a time; None for any number.
            config: Of the model, where the file has weights alone.
        """
        self._batch = batch
        opened = self._opened = RUNTIMES[format](Path(path), inputs, config)
        return {"version": opened.version, "how": opened.how}

    def compare(self, folder: str) -> Reply:
        """Run the file on the images, and compare what it says with what Keras said.

        Args:
            folder: With ``given.npz`` and ``expected.npz``.
        """
        import numpy as np

        self._given, expected = (_arrays(Path(folder, f"{x}.npz")) for x in ("given", "expected"))
        count = len(self._given[0])
        parts = []
        start = 0
        while start < count:  # any number: one alone, then the others together
            size = self._batch or (1 if start == 0 else count - start)
            parts.append(self._run([cycled(array[start:], size) for array in self._given]))
            start += size
        found = [np.concatenate(each)[:count] for each in zip(*parts, strict=True)]
        return compared(expected, found)

    def time(self, batch: int, passes: int) -> Reply:
        """Time passes, as in ``keras_worker``."""
        given = [cycled(array, batch) for array in self._given]
        return {"seconds": timed(lambda: self._run(given), passes)}

    def _run(self, given: list[Any]) -> list[Any]:
        assert self._opened is not None
        return self._opened.run(given)


def _arrays(path: Path) -> list[Any]:
    import numpy as np

    with np.load(path) as file:
        return [file[f"array{number}"] for number in range(len(file.files))]


def main() -> None:
    """Answer what is asked."""
    runtime = Runtime()
    serve({"open": runtime.open, "compare": runtime.compare, "time": runtime.time})


if __name__ == "__main__":
    main()
