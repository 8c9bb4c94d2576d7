"""Files of Keras models that somebody, or chance, has changed; likewise ``tests.mutants``.

python -m tests.keras_mutants SEED COUNT        tries that many by hand, and says what went wrong

Changes know what a configuration is: layers are called otherwise, read others or themselves, are
of another class, there twice, models stand in themselves; settings and shapes become anything.
Archives and HDF5 files are changed byte by byte too.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests import hostile, keras_files, mutants
from tests.keras_files import conv, functional, image, row
from tests.mutants import fault, written

SLOWEST_S = 20.0
"""A mutant of a small file that takes longer has found something."""

CLASSES = (
    "InputLayer", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Dense",
    "BatchNormalization", "LayerNormalization", "Add", "Concatenate", "Multiply", "Reshape",
    "Flatten", "Permute", "UpSampling2D", "ZeroPadding2D", "Cropping2D", "MaxPooling2D", "ReLU",
    "PReLU", "LSTM", "Bidirectional", "Embedding", "MultiHeadAttention", "Lambda", "Sequential",
    "Functional", "Model", "TimeDistributed", "Normalization", "GlobalAveragePooling2D", "Dropout",
    "RandomFlip", "Subtract", "GetItem", "Mean", "NoSuchClass", "",
)  # fmt: skip

SETTINGS: dict[str, tuple[Any, ...]] = {
    "kernel_size": (0, 3, [3, 3], [1, 7], [2**24] * 2, [3], 10**30, -1, "3"),
    "strides": (0, 1, [2, 2], [2, 1], [10**9] * 2, -1),
    "filters": (0, 1, 2**24, 10**30, -5, 1.5, True),
    "units": (0, 1, 2**24, 10**30, None),
    "groups": (0, 1, 2, 3, 10**9), "dilation_rate": (0, 2, [1, 2], [10**8] * 2),
    "axis": (0, -1, 1, 3, 99, [1, 2], [], "x"),
    "padding": ("same", "valid", "causal", 3, [[1] * 2] * 2),
    "target_shape": ([-1], [-1, -1], [0], [2**24] * 3, [], [1] * 99, "x"),
    "dims": ([1], [2, 1, 3], [0, 0, 0], [9]), "size": (0, [2, 2], 10**9), "rate": (0, 1, 2, "x"),
    "batch_shape": ([None, 8, 8, 3], [None, None, None, 3], [], None, [None] * 40, [2, 8]),
    "activation": ("relu", {"class_name": "__lambda__"}, {"class_name": "f", "config": "g"}, 3),
    "trainable": (False, "x"), "layers": ([], {}, None, [[]]), "data_format": ("channels_first",),
    "output_padding": (None, 1, [9, 9]), "noise_shape": ([None, 1, 1, 1], [1]), "keepdims": (True,),
    "return_sequences": (True,), "return_state": (True,), "units_": (4,), "max_value": (6.0, -1),
}  # fmt: skip


def tricky() -> list[Any]:
    """Small configurations with something of everything in them."""
    inner = functional(image("in"), conv("c", "in"), row("ReLU", "r", "c"), name="inner")
    lstm = row("LSTM", "l", units=4, return_sequences=True)
    several = functional(
        image(), conv("a", "image"), inner | {"inbound_nodes": conv("x", "a")["inbound_nodes"]},
        row("BatchNormalization", "n", "inner", axis=3, momentum=0.9, epsilon=1e-3, center=True),
        row("Reshape", "flat", "n", target_shape=[-1, 4]),
        row("Bidirectional", "both", "flat", layer=lstm, merge_mode="concat"),
        row("Dense", "d", "both", units=3, activation="softmax", use_bias=True),
    )  # fmt: skip
    chain = {
        "class_name": "Sequential",
        "config": {"name": "chain", "layers": [
            {"class_name": "Dense",
             "config": {"name": "d", "units": 4, "batch_input_shape": [None, 8]}},
            {"class_name": "Dense", "config": {"name": "e", "units": 4}},
        ]},
    }  # fmt: skip
    old = {
        "class_name": "Functional",
        "config": {
            "name": "old",
            "layers": [
                {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
                 "config": {"name": "i", "batch_input_shape": [None, 8, 8, 3]}},
                {"class_name": "Conv2D", "name": "c", "config": conv("c", "i")["config"],
                 "inbound_nodes": [[["i", 0, 0, {}]]]},
                {"class_name": "Add", "name": "p", "config": {"name": "p"},
                 "inbound_nodes": [[["c", 0, 0, {}], ["c", 0, 0, {}]]]},
            ],
            "input_layers": [["i", 0, 0]], "output_layers": [["p", 0, 0]],
        },
    }  # fmt: skip
    return [several, chain, old, keras_files.small()]


@cache
def seeds() -> list[Any]:
    """Those, and the real ones that the tests have."""
    found = tricky()
    for path in sorted((Path(__file__).parent / "data").glob("*.json*")):
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        document = json.loads(text)
        if len(text) < 400_000 and isinstance(document, dict) and "class_name" in document:
            found.append(document)
    return found


def models(document: Any) -> Iterator[list[Any]]:
    """List the layers of every model in a configuration."""
    for keys in mutants.places(document):
        value = mutants.at(document, keys)
        if keys[-1] == "layers" and isinstance(value, list) and value:
            yield value


def rewired(random: Random, document: Any) -> Any:
    """Change what is called how, of which class, reads what, and stands where."""
    document = copy.deepcopy(document)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        rows = random.choice(list(models(document)) or [[]])
        rows = [each for each in rows if isinstance(each, dict)] and rows
        if not rows:
            continue
        one, other = random.choice(rows), random.choice(rows)
        if not isinstance(one, dict) or not isinstance(other, dict):
            continue
        random.choice(CHANGES)(random, rows, one, other)
    return document


def _reference(random: Random, one: Any) -> list[Any] | None:
    """Find a place where a layer says what it reads: ``[name, node, tensor]``."""
    found = [
        value
        for keys in mutants.places(one.get("inbound_nodes"))
        if isinstance(value := mutants.at(one["inbound_nodes"], keys), list)
        and len(value) >= 3
        and isinstance(value[0], str)
    ]
    return random.choice(found) if found else None


def _read_other(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    if reference := _reference(random, one):
        reference[0] = random.choice((other.get("name"), one.get("name"), "nobody", "", None, 3))


def _read_number(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    if reference := _reference(random, one):
        reference[random.choice((1, 2))] = random.choice((0, 1, 2, -1, 99, 10**9, None, "0"))


def _set(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    if isinstance(one.get("config"), dict):
        known = [key for key in one["config"] if key in SETTINGS]
        key = random.choice(known or list(SETTINGS))
        one["config"][key] = random.choice(SETTINGS[key])


def _reshape(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    for keys in list(mutants.places(one.get("inbound_nodes"))):
        if keys[-1] == "shape" and random.random() < 0.5:
            home = mutants.at(one["inbound_nodes"], keys[:-1])
            home["shape"] = random.choice(
                ([None], [None, 4], [None, 9, 9, 9], [None] * 4, [], None, [2**24] * 8, [0, 0], "x")
            )


def _call(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    nodes = other.get("inbound_nodes")
    one["inbound_nodes"] = random.choice(
        (nodes, [], (one.get("inbound_nodes") or []) * 3, None, [[]], nodes and nodes * 2)
    )


def _of_class(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    one["class_name"] = random.choice((*CLASSES, other.get("class_name")))
    if random.random() < 0.2:
        one["module"] = random.choice(("os", "keras.src.ops.numpy", "builtins", None, 3, "my.x"))


def _named(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    name = random.choice((other.get("name"), "a/b", "x.2", "é" * 400, "\x1b[2J", "", "n" * 5000, 3))
    one["name"] = name
    if isinstance(one.get("config"), dict) and random.random() < 0.8:
        one["config"]["name"] = name


def _moved(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    random.choice((rows.reverse, lambda: random.shuffle(rows), lambda: rows.append(rows.pop(0))))()


def _again(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    rows.insert(random.randrange(len(rows) + 1), copy.deepcopy(one))


def _swallowed(random: Random, rows: list[Any], one: Any, other: Any) -> None:
    """Put the model into a layer of itself."""
    if isinstance(one.get("config"), dict) and len(rows) < 40:
        one["class_name"] = random.choice(("Functional", "Sequential", "TimeDistributed"))
        one["config"]["layers"] = copy.deepcopy(rows)
        one["config"]["layer"] = copy.deepcopy(other)


CHANGES: tuple[Callable[[Random, list[Any], Any, Any], None], ...] = (
    _read_other, _read_other, _read_number, _set, _set, _set, _reshape, _call, _of_class,
    _of_class, _named, _moved, _again, _swallowed,
)  # fmt: skip


def damaged(random: Random, content: bytes) -> bytes:
    """Change some bytes, cut, double."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 4, 16))):
        place = random.randrange(len(data))
        data[place] = random.choice((data[place] ^ (1 << random.randrange(8)), 0, 255))
    if random.random() < 0.2:
        data = data[: random.randrange(len(data))]
    return bytes(data)


def made(random: Random, folder: Path) -> Path:
    """Write a mutant."""
    document = random.choice(seeds())
    change = random.choice((rewired, rewired, rewired, mutants.mutant, mutants.extreme))
    text = written(change(random, document)).encode(errors="surrogatepass")
    kind = random.random()
    if kind < 0.4:
        path = folder / "mutant.json"
        path.write_bytes(damaged(random, text) if random.random() < 0.1 else text)
        return path
    if kind < 0.8:
        return keras_files.keras_file(
            folder / "mutant.keras", text, random.choice((None, {}, {hostile.PLACE: (3, 4)})),
            random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)),
        )  # fmt: skip
    if kind < 0.9:
        path = keras_files.keras_file(folder / "mutant.keras", document)
        path.write_bytes(damaged(random, path.read_bytes()))
        return path
    path = keras_files.h5_file(folder / "mutant.h5", text.decode(errors="replace")[:60_000])
    if kind < 0.95:
        path.write_bytes(damaged(random, path.read_bytes()))
    return path


def command(random: Random, path: Path) -> list[str]:
    """A command line that reads a file."""
    size = random.choice(([], [], [], ["-r", "64"], ["-r", "17x1"]))
    return random.choice(
        (
            ["summary", str(path), "--level", random.choice(("layer", "block", "stage")), *size],
            ["summary", str(path), *size, "-f", random.choice(("csv", "latex", "json"))],
            ["graph", str(path), *size, "-o", "-", "-f", random.choice(("dot", "mermaid", "tikz"))],
            ["graph", str(path), *size, "-o", str(path.with_name("graph.html"))],
            ["diff", str(path), "50"],
        )
    )


def tried(seed: int, count: int, folder: Path) -> Iterator[tuple[list[str], str | None]]:
    """Try mutants; tell each command line and its fault.

    Args:
        seed: Of all choices.
        count: How many mutants.
        folder: Where they are written.
    """
    random = Random(seed)
    for _ in range(count):
        arguments = command(random, made(random, folder))
        begun = time.process_time()
        wrong = fault(arguments)
        spent = time.process_time() - begun
        yield arguments, wrong or (f"{spent:.0f} s" if spent > SLOWEST_S else None)


def main() -> None:
    """Try mutants by hand; keep those with a fault."""
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for arguments, wrong in tried(int(sys.argv[1]), int(sys.argv[2]), Path(folder)):
            found[wrong or "fine"] += 1
            if wrong and found[wrong] == 1:
                path = next(Path(word) for word in arguments if "mutant" in word)
                kept = Path(tempfile.gettempdir(), f"{len(found)}-{path.name}")
                kept.write_bytes(path.read_bytes())
                print(arguments, wrong, f"kept as {kept}", sep="\n  ", flush=True)
    print(found.most_common(20))


if __name__ == "__main__":
    main()
