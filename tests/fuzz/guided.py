"""A fuzzer that follows the branches of a reader: Google's atheris, over the changes of our own.

python -m tests.fuzz.guided READER -runs=20000     with atheris installed; stops at what it finds
python -m tests.fuzz.guided --list                 names the readers

What it finds is kept in ``tests.fuzz.kept``, and tried by the tests without atheris.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import atheris

_INSTRUMENTED = atheris.instrument_imports(include=["rsinspect"])
_INSTRUMENTED.__enter__()  # for good: commands load their modules when they are called

from tests.fuzz.odd import written  # noqa: E402
from tests.fuzz.readers import READERS, SURROUNDINGS, Reader  # noqa: E402
from tests.mutants import wrong_with  # noqa: E402

_ATHERIS = "INFO: Instrumenting"
LARGEST = 200_000
"""Bytes of what is given: more takes time and finds nothing new."""


class Found(Exception):
    """A reader that does what none may do."""


def tried(reader: Reader, folder: Path, content: bytes) -> None:
    """Read it; anything but an answer or a refusal is a find."""
    try:
        given = written(reader, folder, content)
    except UnicodeDecodeError:
        return  # no text
    ended = reader.call(given)
    said = [line for line in ended.err.splitlines(keepends=True) if not line.startswith(_ATHERIS)]
    wrong = wrong_with(ended._replace(err="".join(said)))
    for path in folder.iterdir():
        if path.is_file() and path.name != given:
            path.unlink()
    if wrong is not None:
        raise Found(wrong)


def changed(reader: Reader, content: bytes, largest: int, seed: int) -> bytes:
    """Change what a reader is given, as one of its kind or byte by byte."""
    random = Random(seed)
    if random.random() < 0.1 or not content:
        other: Any = atheris.Mutate(content, largest)
        return bytes(other)
    found = reader.change(random, content)
    return found if len(found) <= largest else content


def main() -> None:
    """Fuzz one reader until something is found, or the runs are done."""
    if sys.argv[1] == "--list":
        print(*READERS, sep="\n")
        return
    reader = READERS[sys.argv[1]]
    os.environ |= SURROUNDINGS
    with tempfile.TemporaryDirectory() as name:
        corpus, folder = Path(name, "corpus"), Path(name, "folder")
        corpus.mkdir()
        folder.mkdir()
        for number, seed in enumerate(reader.seeds()):
            if len(seed) <= LARGEST:
                (corpus / str(number)).write_bytes(seed)
        artifacts = Path.cwd()
        os.chdir(folder)
        atheris.Setup(
            [
                sys.argv[0], f"-max_len={LARGEST}", "-timeout=60", "-rss_limit_mb=4096",
                f"-artifact_prefix={artifacts}/", *sys.argv[2:], str(corpus),
            ],
            lambda content: tried(reader, folder, content),
            custom_mutator=lambda content, largest, seed: changed(reader, content, largest, seed),
        )  # fmt: skip
        atheris.Fuzz()


if __name__ == "__main__":
    main()
