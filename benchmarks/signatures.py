"""What other networks' files consist of: ``python -m benchmarks.signatures``; two minutes.

Writes ``rsinspect/weights/signatures.json``: for every network of ``keras.applications`` and of
timm's ``resnet`` module how many arrays of each shape it has without its classifier, read from the
networks themselves. Nothing in the table is typed. Networks that nobody could tell apart by their
shapes share an entry. Needs timm.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rsinspect.weights import signatures

Shapes = Counter[str]


def of_keras() -> Iterator[tuple[str, Shapes]]:
    """Networks of ``keras.applications``, channels last."""
    import keras

    for name, make in inspect.getmembers(keras.applications, inspect.isfunction):
        if name[0].isupper():
            arguments = inspect.signature(make).parameters
            bare = {"include_preprocessing": False} if "include_preprocessing" in arguments else {}
            model = make(weights=None, include_top=False, **bare)
            yield f"keras.applications.{name}", counted([array.shape for array in model.weights])
            keras.utils.clear_session()


def of_timm() -> Iterator[tuple[str, Shapes]]:
    """Networks of timm's ``resnet`` module, their arrays turned as Keras has them."""
    import timm
    import torch

    with torch.device("meta"):
        for name in timm.list_models(module="resnet"):
            arrays = timm.create_model(name, num_classes=0).state_dict().values()
            shapes = [signatures.turned(tuple(array.shape)) for array in arrays]
            yield f"timm.{name}", counted(shapes)


def counted(shapes: list[tuple[int, ...]]) -> Shapes:
    """Count arrays by shape; scalars and statistics of an image's three colours are left out."""
    return Counter("x".join(map(str, shape)) for shape in shapes if shape not in ((), (3,)))


def main() -> None:
    """Write the table."""
    import keras
    import timm

    together: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for name, shapes in (*of_keras(), *of_timm()):
        together.setdefault(tuple(sorted(shapes.items())), []).append(name)
    rows = [{"names": names, "body": dict(shapes)} for shapes, names in together.items()]
    head: dict[str, Any] = {
        "schema": signatures.SCHEMA,
        "what": "Arrays of other networks without their classifier: how many of each shape.",
        "source": "made by benchmarks/signatures.py from the networks themselves",
        "versions": {"keras": keras.__version__, "timm": timm.__version__},
    }
    lines = ",\n  ".join(json.dumps(row, separators=(",", ":")) for row in rows)
    opening = json.dumps(head, indent=1).removesuffix("\n}")
    text = f'{opening},\n "networks": [\n  {lines}\n ]\n}}\n'
    Path(signatures.__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
