"""A fuzzer that follows the reader's branches: Google's atheris over the mutations of our own.

python -m tests.fuzz_keras -runs=20000       with atheris installed; stops at what it finds
"""

from __future__ import annotations

import importlib
import json
import sys
from random import Random
from typing import Any

import atheris

with atheris.instrument_imports(include=["rsinspect"]):
    for name in ("checkpoints.config_hazards", "networks.keras_config"):
        importlib.import_module(f"rsinspect.{name}")  # else they are loaded later, unseen
    from rsinspect.base.errors import RsInspectError
    from rsinspect.networks.named import from_text

from tests import keras_mutants, mutants


def one(data: bytes) -> None:
    """Read one text; anything but a network or a refusal is a find."""
    try:
        from_text(data, "fuzzed").cost  # noqa: B018
    except RsInspectError as exc:
        said = str(exc)
    else:
        said = ""
    assert "\n" not in said, said
    assert len(said) < 1500, said


def changed(data: bytes, largest: int, seed: int) -> bytes:
    """Change a configuration as one; what is none by bytes."""
    random = Random(seed)
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not document or random.random() < 0.05:
        document = random.choice(keras_mutants.tricky())
    change = random.choice((keras_mutants.rewired, keras_mutants.rewired, mutants.mutant))
    try:
        text = mutants.written(change(random, document)).encode(errors="surrogatepass")
    except (ValueError, TypeError, LookupError, AttributeError):  # too odd to be changed further
        return data
    return text if len(text) <= largest else atheris.Mutate(data, largest)


def main() -> None:
    """Fuzz until something is found or the runs are done."""
    atheris.Setup(
        [*sys.argv, "-max_len=60000", "-timeout=30", "-rss_limit_mb=4096"],
        one,
        custom_mutator=changed,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
