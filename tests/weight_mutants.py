"""Files of weights that somebody, or chance, has changed; likewise ``tests.keras_mutants``.

python -m tests.weight_mutants SEED COUNT [FORMAT]   tries that many of each format by hand

Changes know what a format is: instructions of pickles come, go and change places, heads and
configurations are other documents, members are renamed and packed again with right checksums; and
all are changed byte by byte too. Each mutant is inspected. Where Python's own pickle, told to
import nothing, asks for a function, and where h5py sees a way out of a file, the verdict must too.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import pickletools
import struct
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import safetensors.numpy

from rsinspect.base.errors import WeightsError
from rsinspect.checkpoints.pickled import Global
from rsinspect.checkpoints.safety import verdict
from rsinspect.checkpoints.scan import is_of_tensors
from tests import hostile, hostile_weights, keras_files, mutants
from tests.keras_mutants import damaged, rewired
from tests.mutants import fault, written
from tests.torch_files import write_old_torch, write_torch

ENDINGS = {
    "keras": ".keras", "h5": ".h5", "weights.h5": ".weights.h5", "npz": ".npz", "npy": ".npy",
    "torch": ".pth", "old torch": ".pth", "safetensors": ".safetensors", "checkpoint": ".index",
}  # fmt: skip

_DATA = Path(__file__).parent / "data"
CHECKPOINT = _DATA / "small.ckpt"
"""Written by TensorFlow 2.21's tf.compat.v1.train.Saver: a kernel of 3×3, and nothing else."""

_INSTRUCTIONS = (
    b"0", b"N", b"}", b"]", b"(", b"t", b")", b"R", b"b", b"\x93", b"2", b"e", b"u", b"s", b"a",
    b"\x81", b"q\0", b"h\0", b"\x94", b"X\2\0\0\0os", b"X\5\0\0\0mkdir", b"cos\nmkdir\n",
    b"(ios\nmkdir\n", b"o", b"1", b"d", b"l", b"\x82\1", b"Q", b"ctorch\nFloatStorage\n", b".",
)  # fmt: skip


@cache
def seeds() -> dict[str, list[bytes]]:
    """Good and hostile files of every format, as bytes."""
    found: dict[str, list[bytes]] = {name: [] for name in ENDINGS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        other, path = folder / "other.h5", folder / "file"
        other.write_bytes(b"secret")
        arrays = hostile_weights.ARRAYS
        write_torch(path, arrays)
        found["torch"].append(path.read_bytes())
        write_old_torch(path, arrays)
        found["old torch"].append(path.read_bytes())
        with path.open("wb") as file:
            np.savez(file, **arrays, allow_pickle=False)
        found["npz"].append(path.read_bytes())
        content = io.BytesIO()
        np.save(content, arrays["conv.weight"])
        found["npy"].append(content.getvalue())
        found["safetensors"].append(safetensors.numpy.save(dict(arrays)))
        found["checkpoint"].append(CHECKPOINT.with_name("small.ckpt.index").read_bytes())
        good = keras_files.keras_file(
            folder / "good.keras", hostile.OPAQUE, {hostile.PLACE: (3, 4)}
        )
        found["keras"].append(good.read_bytes())
        with zipfile.ZipFile(good) as archive:
            found["weights.h5"].append(archive.read("model.weights.h5"))
        found["h5"].append(keras_files.h5_file(folder / "good.h5").read_bytes())
        for ending, make in _hostile():
            made = folder / f"hostile{ending}"
            make(made, other)
            for format in _formats_of(made):
                found[format].append(made.read_bytes())
    return found


def _hostile() -> Iterator[tuple[str, Callable[[Path, Path], object]]]:
    yield from ((file.ending, file.make) for file in hostile.FILES.values())
    yield from ((file.ending, file.make) for file in hostile_weights.FILES.values())
    for config, _ in hostile.CARRIERS.values():
        yield ".keras", partial(_carrier, config)


def _carrier(config: Any, path: Path, _: Path) -> None:
    keras_files.keras_file(path, config, {})


def _formats_of(path: Path) -> list[str]:
    """The formats whose ending a small file has; the first of them that fits."""
    if not 0 < path.stat().st_size < 100_000:
        return []
    is_archive = path.read_bytes()[:2] == b"PK"
    fitting = [name for name, ending in ENDINGS.items() if path.name.endswith(ending)]
    if fitting[:1] == ["torch"]:
        return ["torch" if is_archive else "old torch"]
    return fitting[-1:]


def changed(random: Random, content: bytes, format: str) -> bytes:
    """Change a file as one of its format, or byte by byte."""
    if random.random() < 0.4:
        return damaged(random, content)
    try:
        if content[:2] == b"PK":
            return _archive(random, content)
        if format == "old torch":
            return _pickle(random, content[:2000]) + content[2000:]
        if format == "safetensors":
            (length,) = struct.unpack("<Q", content[:8])
            head = _json(random, content[8 : 8 + length])
            return struct.pack("<Q", len(head)) + head + content[8 + length :]
        if format == "npy":
            return _npy(random, content)
    except (ValueError, LookupError, EOFError, zipfile.BadZipFile, RuntimeError):
        pass  # a hostile one, which is no file of its format
    return damaged(random, content)


def _archive(random: Random, content: bytes) -> bytes:
    """Pack an archive again, with another member."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()[:20]]
    at = random.randrange(len(members))
    name, inside = members[at]
    if random.random() < 0.2:
        name = random.choice(("../x", "/x", "", "config.json", "data.pkl", "a.npy", name + "\0x"))
    elif name.endswith(".json"):
        inside = _json(random, inside)
    elif name.endswith(".pkl"):
        inside = _pickle(random, inside)
    elif name.endswith(".npy"):
        inside = _npy(random, inside)
    elif inside:
        inside = damaged(random, inside)
    members[at] = (name, inside)
    if random.random() < 0.1:
        members.append(random.choice(members))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", random.choice((0, 0, 8, 12))) as archive:
        for name, inside in members:
            archive.writestr(zipfile.ZipInfo(name or "x"), inside)
    return target.getvalue()


def _json(random: Random, content: bytes) -> bytes:
    document = json.loads(content)
    change = random.choice((rewired, mutants.mutant, mutants.mutant, mutants.extreme))
    return written(change(random, document)).encode(errors="surrogatepass")


def _npy(random: Random, content: bytes) -> bytes:
    """Change a word of the head, its length kept or not."""
    words = (b"<f4", b"|O", b"|V2", b"True", b"(99999999999,)", b"(-1,)", b"'a'", b"[[[", b"None")
    head, rest = content[:10], content[10:]
    at = random.randrange(max(1, min(len(rest), 60)))
    word = random.choice(words)
    return head + rest[:at] + word + rest[at + random.choice((0, len(word))) :]


def _pickle(random: Random, content: bytes) -> bytes:
    """Take instructions out, put others in, and exchange some."""
    starts = []
    try:
        for _, _, start in pickletools.genops(content):
            starts.append(start)
    except ValueError:
        pass
    if not starts:
        return damaged(random, content or b".")
    spans = [content[a:b] for a, b in zip(starts, (*starts[1:], len(content)), strict=True)]
    for _ in range(random.choice((1, 1, 2, 5, 10))):
        at, other = random.randrange(len(spans)), random.randrange(len(spans))
        match random.randrange(4):
            case 0:
                spans[at] = b""
            case 1:
                spans[at], spans[other] = spans[other], spans[at]
            case 2:
                spans.insert(at, spans[other])
            case _:
                more = b"".join(random.choice(_INSTRUCTIONS) for _ in range(random.randrange(1, 9)))
                spans.insert(at, more)
    return b"".join(spans)


# ---- what others see


class _Inert:
    """Stands for whatever a pickle imports, makes and calls."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return self

    def __setitem__(self, *_: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


class _Asking(pickle._Unpickler):  # C's reserves a memo at once
    """Python's own unpickler, which imports nothing and remembers what it was to import."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.asked: list[Global] = []

    def find_class(self, module: str, name: str) -> Any:
        self.asked.append(Global(module, name))
        return _Inert

    def persistent_load(self, _: Any) -> Any:
        return _Inert()


def asked_of(content: bytes) -> list[Global]:
    """What Python's unpickler is asked to import by a pickle, until it stumbles."""
    asking = _Asking(io.BytesIO(content))
    with contextlib.suppress(Exception):  # whatever a damaged pickle makes it raise
        asking.load()
    return asking.asked


def imports_beyond_tensors(path: Path) -> list[str]:
    """What loading a file of PyTorch's or NumPy's asks for, beside what tensors consist of."""
    content = path.read_bytes()
    pickles = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                inside = archive.read(name)
                if name.endswith("data.pkl"):
                    pickles.append(inside)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        if content[:2] == b"PK":
            return []
        pickles.append(content)
    return [str(each) for some in pickles for each in asked_of(some) if not is_of_tensors(each)]


def ways_out(path: Path) -> list[str]:
    """Links and datasets of an HDF5 file that lead out of it, as h5py's own classes say."""
    found = []

    def look(group: Any, depth: int) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found.append(name)
            elif isinstance(link, h5py.HardLink):
                item = group[name]
                if isinstance(item, h5py.Dataset):
                    if item.external or item.is_virtual:
                        found.append(name)
                elif isinstance(item, h5py.Group) and depth < 20:
                    look(item, depth + 1)

    try:
        with h5py.File(path, "r") as file:
            look(file, 0)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, UnicodeError):
        pass  # no loader would come further
    return found


def missed(path: Path, format: str) -> str | None:
    """Say what the verdict of a file overlooks, if anything."""
    try:
        level = verdict(path).level
    except WeightsError:
        return None
    if level in ("danger", "unknown"):
        return None
    if "torch" in format and (names := imports_beyond_tensors(path)):
        calls = any("mkdir" in name for name in names)
        return f"{level}, but it asks for {names[:3]}" if calls or level == "safe" else None
    if "h5" in format and (names := ways_out(path)):
        return f"{level}, but it leads out by {names[:3]}"
    return None


def tried(seed: int, count: int, format: str, folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Try mutants of a format; tell each and its fault.

    Args:
        seed: Of all choices.
        count: How many mutants.
        format: Of ``ENDINGS``.
        folder: Where they are written.
    """
    random = Random(f"{seed} {format}")
    path = folder / f"mutant{ENDINGS[format]}"
    if format == "checkpoint":
        data = CHECKPOINT.with_name("small.ckpt.data-00000-of-00001").read_bytes()
        path.with_name("mutant.data-00000-of-00001").write_bytes(data)
    for _ in range(count):
        path.write_bytes(changed(random, random.choice(seeds()[format]), format))
        found = missed(path, format) or fault(["weights", "inspect", str(path), "-f", "json"])
        if (folder / hostile_weights.MARKER).exists():
            found = "its payload ran"
        yield path, found


def main() -> None:
    """Try mutants by hand; keep those with a fault."""
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
    for format in sys.argv[3:] or ENDINGS:
        found: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as folder:
            for path, wrong in tried(int(sys.argv[1]), int(sys.argv[2]), format, Path(folder)):
                found[wrong or "fine"] += 1
                if wrong and found[wrong] == 1:
                    kept = Path(tempfile.gettempdir(), f"{len(found)}-{path.name}")
                    kept.write_bytes(path.read_bytes())
                    print(format, wrong, f"kept as {kept}", sep="\n  ", flush=True)
        print(format, found.most_common(20), flush=True)


if __name__ == "__main__":
    main()
