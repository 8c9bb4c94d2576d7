"""Hostile files of weights, of every format, and what is to be said of each.

Payloads are harmless: the worst would make an empty folder beside the file. The verdicts of the
files of ``tests.hostile`` stand here too.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from tests.hostile import CODE, PLACE, SHAPE_TOLD
from tests.keras_files import conv, functional, h5_file, image, keras_file, row, small
from tests.torch_files import text, write_old_torch, write_torch

MARKER = "made-by-a-payload"

ARRAYS = {"conv.weight": np.ones((4, 3), "float32"), "conv.bias": np.zeros(4, "float32")}


class Judged(NamedTuple):
    """A file, and what is to be said of it.

    Attributes:
        ending: Of its name.
        make: Writes it; the second path is of a file that must not be read.
        level: Of the verdict.
        kinds: Of the findings.
        cve: A number that has to be among them, or nothing.
    """

    ending: str
    make: Callable[[Path, Path], object]
    level: str
    kinds: tuple[str, ...] = ()
    cve: str = ""


# ---- pickles


class Payload:
    """What makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        import os

        return os.mkdir, (str(self.marker),)


def _payload(path: Path, protocol: int = 2) -> bytes:
    return pickle.dumps(Payload(path.with_name(MARKER)), protocol)


def _torch(make: Callable[[Path], bytes], *more: tuple[str, bytes]) -> Any:
    """A file of PyTorch's with another pickle, and other members."""

    def write(path: Path, _: Path) -> None:
        write_torch(path, ARRAYS, make(path))
        with zipfile.ZipFile(path, "a") as archive:
            for name, content in more:
                archive.writestr(name, content)

    return write


def _bare(make: Callable[[Path], bytes]) -> Any:
    return lambda path, _: path.write_bytes(make(path))


def _calling(function: bytes, path: Path) -> bytes:
    """A pickle that calls what those instructions push."""
    return b"\x80\x02" + function + b"(" + text(str(path.with_name(MARKER))) + b"tR."


def _remembered(path: Path) -> bytes:
    """The name comes out of the memo."""
    return _calling(text("os") + b"q\1" + b"0" + text("mkdir") + b"q\2" + b"0h\1h\2\x93", path)


def _made_up(path: Path) -> bytes:
    """The name is joined while the pickle runs."""
    joined = text("") + b"0cbuiltins\nstr\n(" + text("mkdir") + b"tR"
    return _calling(text("os") + joined + b"\x93", path)


def _two_pickles(path: Path) -> bytes:
    return b"\x80\x02}." + _payload(path)


def _hidden_behind_damage(path: Path) -> bytes:
    """It calls first, and then goes on with what is no instruction."""
    return _payload(path)[:-1] + b"\xff\xff\xff"


def _behind_nonsense(path: Path) -> bytes:
    """It takes from an empty stack, puts keys into a number, and calls all the same."""
    return b"\x80\x02K\1K\2K\3s0" + _payload(path)[2:]


def _old_torch(path: Path, _: Path) -> None:
    """The form before 1.6, with a call in the pickle of the system."""
    write_old_torch(path, ARRAYS)
    content = path.read_bytes()
    start = content.index(b"\x80\x02}(")
    path.write_bytes(content[:start] + _payload(path) + content[start:])


def _tar(path: Path, _: Path) -> None:
    with tarfile.open(path, "w") as archive:
        content = _payload(path)
        member = tarfile.TarInfo("pickle")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _encrypted(path: Path, other: Path) -> None:
    """A flag says that members are encrypted, which they are not: some readers do not mind."""
    _torch(_payload)(path, other)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)


def _wrong_checksum(path: Path, other: Path) -> None:
    _torch(_payload)(path, other)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        data[data.index(signature) + offset] ^= 0xFF
    path.write_bytes(data)


SAVED_IN_TRAINING = b"\x80\x02}(" + text("args") + b"cargparse\nNamespace\n)\x81}b" + b"u."

PICKLES: dict[str, Judged] = {
    "a call": Judged(
        ".pth", _torch(_payload), "danger", ("pickled-import",), "CVE-2025-32434",
    ),
    "a call of protocol 0": Judged(
        ".pth", _bare(lambda path: _payload(path, 0)), "danger", ("pickled-import",)
    ),
    "a call of protocol 4": Judged(
        ".pt", _bare(lambda path: _payload(path, 4)), "danger", ("pickled-import",)
    ),
    "a name from the memo": Judged(".pth", _torch(_remembered), "danger", ("pickled-import",)),
    "a name that is made up": Judged(
        ".pth", _torch(_made_up), "danger", ("pickled-made-up",)
    ),
    "an extension": Judged(
        ".pth", _torch(lambda path: _calling(b"\x82\1", path)), "danger", ("pickled-made-up",)
    ),
    "an instance": Judged(
        ".pth", _torch(lambda path: b"\x80\x02(" + text(str(path.with_name(MARKER)))
                       + b"ios\nmkdir\n."), "danger", ("pickled-import",),
    ),
    "a second pickle": Judged(".pth", _torch(_two_pickles), "danger", ("pickled-import",)),
    "a second member": Judged(
        ".pth", _torch(lambda _: b"", ("archive/more.pkl", b"cos\nsystem\n.")), "danger",
        ("pickled-import",),
    ),
    "a call before the damage": Judged(
        ".pth", _torch(_hidden_behind_damage), "danger", ("pickled-import", "unread")
    ),
    "a call after nonsense": Judged(
        ".pth", _torch(_behind_nonsense), "danger", ("pickled-import",)
    ),
    "a call in the old form": Judged(".pth", _old_torch, "danger", ("pickled-import",)),
    "a loader inside": Judged(
        ".pth", _torch(lambda path: _calling(b"ctorch.storage\n_load_from_bytes\n", path)),
        "danger", ("pickled-import",),
    ),
    "a builtin": Judged(
        ".pth", _torch(lambda path: _calling(b"c__builtin__\neval\n", path)), "danger",
        ("pickled-import",),
    ),
    "a setting of a training script": Judged(
        ".pth", _torch(lambda _: SAVED_IN_TRAINING), "caution", ("pickled-settings",)
    ),
    "a tar archive": Judged(".pth", _tar, "danger", ("tar",), "CVE-2025-32434"),
    "a program": Judged(
        ".pt", _torch(lambda _: b"", ("archive/code/__torch__.py", b"pass")), "danger",
        ("program",), "CVE-2025-32434",
    ),
    "compiled code": Judged(
        ".pt2", _torch(lambda _: b"", ("archive/data/aotinductor/model.so", b"\x7fELF")),
        "danger", ("machine-code",),
    ),
    "a file inside": Judged(
        ".pt", _torch(lambda _: b"", ("archive/inner.pt", b"PK\3\4")), "unknown", ("unread",)
    ),
    "a flag of encryption": Judged(".pth", _encrypted, "unknown", ("unread",)),
    "a wrong checksum": Judged(".pth", _wrong_checksum, "unknown", ("unread",)),
    "a value of 2 to the 60 bytes": Judged(
        ".pth", _torch(lambda _: b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"."), "unknown",
        ("unread",),
    ),
    "a million instructions": Judged(
        ".pth", _torch(lambda _: b"\x80\x02" + b"N0" * 501_000 + b"N."), "unknown", ("unread",)
    ),
    "a number of a million digits": Judged(
        ".pth", _torch(lambda _: b"I" + b"9" * 1_000_000 + b"\n."), "unknown", ("unread",)
    ),
    "another archive": Judged(
        ".pth", lambda path, _: path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(99)), "unknown",
        ("unread",),
    ),
    "nothing": Judged(".pth", lambda path, _: path.write_bytes(b""), "unknown", ("unread",)),
}  # fmt: skip


# ---- NumPy


def _npy(value: Any, *, pickled: bool = False) -> bytes:
    content = io.BytesIO()
    np.save(content, value, allow_pickle=pickled)
    return content.getvalue()


def _headed(head: str, content: bytes = b"") -> bytes:
    padded = head.encode() + b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(padded)) + padded + content


def _npz(
    make: Callable[[Path], bytes], method: int = zipfile.ZIP_STORED, name: str = "a.npy"
) -> Any:
    def write(path: Path, _: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("first.npy", _npy(np.zeros(3)))
            archive.writestr(name, make(path))

    return write


def _objects(path: Path) -> bytes:
    array = np.array([Payload(path.with_name(MARKER))], dtype=object)
    return _npy(array, pickled=True)


_CLAIM = "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }"


def _behind_an_empty_archive(path: Path, _: Path) -> None:
    np.savez(path)
    empty = path.read_bytes()
    np.savez(path, **ARRAYS, allow_pickle=False)
    path.write_bytes(empty + path.read_bytes())


ARRAY_FILES: dict[str, Judged] = {
    "objects that call": Judged(
        ".npz", _npz(_objects), "danger", ("object-array", "pickled-array-import"),
        "CVE-2019-6446",
    ),
    "an array of objects that call": Judged(
        ".npy", _bare(_objects), "danger", ("object-array", "pickled-array-import")
    ),
    "objects that do nothing": Judged(
        ".npz", _npz(lambda _: _npy(np.array([{}], dtype=object), pickled=True)), "caution",
        ("object-array",),
    ),
    "no arrays": Judged(".npz", lambda path, _: np.savez(path), "safe"),
    "an archive of none, and another": Judged(
        ".npz", _behind_an_empty_archive, "danger", ("two-files-in-one",)
    ),
    "an array that is not there": Judged(
        ".npz", _npz(lambda _: _headed(_CLAIM)), "danger", ("array-bomb",)
    ),
    "a packed array that grows": Judged(
        ".npz", _npz(lambda _: _npy(np.zeros(1 << 26, "f4")), zipfile.ZIP_DEFLATED), "danger",
        ("asset-bomb",),
    ),
    "an array outside": Judged(
        ".npz", _npz(lambda _: _npy(np.zeros(3)), name="../a.npy"), "danger", ("member-outside",)
    ),
    "a head of brackets": Judged(
        ".npz", _npz(lambda _: _headed("(" * 9000)), "unknown", ("unread",)
    ),
    "a head of code": Judged(
        ".npz", _npz(lambda _: _headed("__import__('os').mkdir('x')")), "unknown", ("unread",)
    ),
}  # fmt: skip


# ---- safetensors


def _safetensors(head: Any, content: bytes = b"", length: int | None = None) -> Any:
    def write(path: Path, _: Path) -> None:
        written = json.dumps(head).encode()
        size = struct.pack("<Q", len(written) if length is None else length)
        path.write_bytes(size + written + content)

    return write


def _span(first: int, last: int) -> Any:
    return {"dtype": "F32", "shape": [(last - first) // 4], "data_offsets": [first, last]}


SAFETENSORS: dict[str, Judged] = {
    "numbers": Judged(".safetensors", _safetensors({"a": _span(0, 8)}, bytes(8)), "safe"),
    "numbers that overlap": Judged(
        ".safetensors", _safetensors({"a": _span(0, 8), "b": _span(4, 12)}, bytes(12)), "unknown",
        ("unread",),
    ),
    "bytes of nobody": Judged(
        ".safetensors", _safetensors({"a": _span(0, 8)}, bytes(8) + b"PK\3\4"), "unknown",
        ("unread",),
    ),
    "numbers that are not there": Judged(
        ".safetensors", _safetensors({"a": _span(0, 1 << 50)}), "unknown", ("unread",)
    ),
    "a head without end": Judged(
        ".safetensors", _safetensors({}, length=1 << 60), "unknown", ("unread",)
    ),
}  # fmt: skip


# ---- Keras


def _model(*layers: Any, ending: str = ".keras") -> Any:
    config = functional(image(), *layers, conv("after", layers[-1]["name"], shape=SHAPE_TOLD))

    def write(path: Path, _: Path) -> None:
        keras_file(path, config, {}) if ending == ".keras" else h5_file(path, config)

    return write


def _training(path: Path, _: Path) -> None:
    """The loss of a model that is loaded together with its training."""
    h5_file(path, small())
    with h5py.File(path, "r+") as file:
        file.attrs["training_config"] = json.dumps({"loss": CODE})


def _dense_links(path: Path, other: Path) -> None:
    """An external link among so many that HDF5 keeps them in a heap."""
    with h5py.File(path, "w", libver="latest") as file:
        group = file.create_group("layers")
        for number_ in range(200):
            group.create_group(f"g{number_}")
        group["g_out"] = h5py.ExternalLink(str(other), "/numbers")


def _damaged_heap(path: Path, other: Path) -> None:
    """The links of a group cannot be read, and HDF5 1.14.6 frees what it did not get."""
    _dense_links(path, other)
    data = bytearray(path.read_bytes())
    start = data.index(b"FHDB")
    data[start + 40 : start + 60] = b"\xff" * 20
    path.write_bytes(data)


def _user_block(path: Path, _: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["layers/one/vars/0"] = np.zeros(3)
    with path.open("r+b") as raw:
        raw.write(b"#!/bin/sh\n")


def _behind_text(path: Path, _: Path) -> None:
    keras_file(path, small(), {})
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())


def _assets(path: Path, _: Path) -> None:
    """Each member is small, and all of them are not."""
    keras_file(path, small(), {})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number_ in range(8):
            archive.writestr(f"assets/{number_}", bytes(1 << 24))


def _overlapping(path: Path, _: Path) -> None:
    """Thirty names for the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(small()))
        archive.writestr("assets/00", bytes(1 << 16))
    data = path.read_bytes()
    start, last = data.rindex(b"PK\1\2"), data.index(b"PK\5\6")
    entry = data[start:last]
    more = b"".join(entry.replace(b"assets/00", b"assets/%02d" % n) for n in range(1, 30))
    end = bytearray(data[last:])
    count, size = struct.unpack_from("<HI", end, 10)
    struct.pack_into("<HHI", end, 8, count + 29, count + 29, size + len(more))
    path.write_bytes(data[:last] + more + end)


def _second_weights(path: Path, other: Path) -> None:
    """The HDF5 file that is hostile is a shard beside the others."""
    keras_file(path, small(), {PLACE: (3, 4)})
    shard = path.with_suffix(".shard")
    with h5py.File(shard, "w") as file:
        file.create_dataset("x", (3,), "f4", external=[(str(other), 0, 12)])
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(shard, "model_00001.weights.h5")


def _lookup(vocabulary: Any) -> Any:
    return row("StringLookup", "words", "image", vocabulary=vocabulary)


def _function(module: str, name: str) -> Any:
    inner = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    return row("Activation", "mine", "image", activation=inner)


KERAS: dict[str, Judged] = {
    "a vocabulary in a file": Judged(
        ".keras", _model(_lookup("/etc/hostname")), "danger", ("vocabulary-path",),
        "CVE-2025-12058",
    ),
    "a vocabulary at an address": Judged(
        ".keras", _model(_lookup("https://example.org/words")), "danger", ("vocabulary-path",)
    ),
    "a vocabulary of its own": Judged(".keras", _model(_lookup(["a", "b"])), "safe"),
    "a name that climbs": Judged(
        ".keras", _model(conv("../../out", "image")), "danger", ("name-is-a-path",),
        "CVE-2026-12479",
    ),
    "a name that is a path": Judged(
        ".keras", _model(conv("/tmp/out", "image")), "danger", ("name-is-a-path",)
    ),
    "a name with a slash": Judged(".keras", _model(conv("block/conv", "image")), "safe"),
    "a layer of one's own": Judged(
        ".keras", _model(row("Attention", "mine", "image", module="my_layers.blocks")), "caution",
        ("own-import",), "CVE-2025-1550",
    ),
    "a function of one's own": Judged(
        ".keras", _model(_function("my_layers.blocks", "attend")), "danger", ("foreign-import",)
    ),
    "a function of a library": Judged(
        ".keras", _model(_function("fsspec.core", "Open")), "danger", ("foreign-import",)
    ),
    "a loader of Keras": Judged(
        ".keras", _model(_function("keras.models", "load_model")), "danger", ("keras-call",),
        "CVE-2025-8747",
    ),
    "a maker of Keras": Judged(
        ".keras", _model(_function("keras.losses", "deserialize")), "danger", ("keras-call",)
    ),
    "an activation of Keras": Judged(
        ".keras", _model(_function("keras.activations", "relu")), "safe"
    ),
    "a Lambda by name": Judged(
        ".h5", _model(row("Lambda", "mine", "image", function="mine", function_type="function"),
                      ending=".h5"), "caution", ("function-by-name",),
    ),
    "a loss as code": Judged(
        ".h5", _training, "danger", ("function-as-code",), "CVE-2025-9905"
    ),
    "a link in a heap": Judged(
        ".weights.h5", _dense_links, "danger", ("external-link",), "CVE-2026-9335"
    ),
    "damage in a heap": Judged(".weights.h5", _damaged_heap, "danger", ("crash",)),
    "a script before an HDF5 file": Judged(
        ".h5", _user_block, "danger", ("two-files-in-one",)
    ),
    "a script before an archive": Judged(
        ".keras", _behind_text, "danger", ("two-files-in-one",)
    ),
    "many assets that grow": Judged(".keras", _assets, "danger", ("asset-bomb",)),
    "members that overlap": Judged(".keras", _overlapping, "danger", ("asset-bomb",)),
    "a shard that is hostile": Judged(
        ".keras", _second_weights, "danger", ("external-storage",), "CVE-2026-1669"
    ),
}  # fmt: skip

FILES: dict[str, Judged] = {
    f"{group}, {name}": judged
    for group, files in (
        ("pickle", PICKLES), ("NumPy", ARRAY_FILES), ("safetensors", SAFETENSORS), ("Keras", KERAS)
    )
    for name, judged in files.items()
}  # fmt: skip

VERDICTS: dict[str, tuple[str, str, str]] = {
    "climbing member": ("danger", "member-outside", "CVE-2025-12060"),
    "absolute member": ("danger", "member-outside", "CVE-2026-11816"),
    "drive letter": ("danger", "member-outside", ""),
    "symbolic link": ("danger", "member-link", "CVE-2026-12482"),
    "member twice": ("danger", "member-twice", ""),
    "encrypted": ("unknown", "unread", ""),
    "unknown compression": ("unknown", "unread", ""),
    "size lie": ("unknown", "unread", ""),
    "zip64 lie": ("danger", "asset-bomb", ""),
    "200,000 members": ("unknown", "unread", ""),
    "configuration bomb": ("danger", "archive-bomb", ""),
    "weights bomb": ("danger", "archive-bomb", ""),
    "no configuration": ("unknown", "unread", ""),
    "two files in one": ("danger", "two-files-in-one", ""),
    "external storage": ("danger", "external-storage", "CVE-2026-1669"),
    "virtual dataset": ("danger", "virtual-array", "CVE-2026-12480"),
    "external link": ("danger", "external-link", "CVE-2026-9335"),
    "soft link": ("caution", "inner-link", "CVE-2026-9335"),
    "shape bomb": ("danger", "shape-bomb", "CVE-2026-12570"),
    "filter": ("caution", "compressed-array", ""),
    "group in itself": ("caution", "odd-item", ""),
    "deep groups": ("unknown", "unread", ""),
    "attribute of numbers": ("unknown", "unread", ""),
    "attribute bomb": ("unknown", "unread", ""),
    "attribute of texts": ("unknown", "unread", ""),
    "attribute of nothing": ("unknown", "unread", ""),
    "attribute of no UTF-8": ("unknown", "unread", ""),
    "inner external storage": ("danger", "external-storage", "CVE-2026-1669"),
    "inner external link": ("danger", "external-link", "CVE-2026-9335"),
    "inner shape bomb": ("danger", "shape-bomb", "CVE-2026-0897"),
    "a million layers": ("unknown", "unread", ""),
    "nesting of lists": ("unknown", "unread", ""),
    "broken JSON": ("unknown", "unread", ""),
    "broken UTF-8": ("unknown", "unread", ""),
    "UTF-16": ("unknown", "unread", ""),
    "NaN": ("unknown", "unread", ""),
    "a number of 5,000 digits": ("unknown", "unread", ""),
}
"""Of the files of ``tests.hostile``: level, kind, a CVE number. The others are merely no networks:
nothing in them acts on a loader."""

CARRIERS: dict[str, tuple[str, str, str]] = {
    "Lambda": ("danger", "lambda", "CVE-2024-3660"),
    "Lambda of Keras 2": ("danger", "lambda", "CVE-2026-12481"),
    "function as code": ("danger", "function-as-code", "CVE-2024-3660"),
    "TorchModuleWrapper": ("danger", "torch-module", "CVE-2025-49655"),
    "TFSMLayer": ("danger", "saved-model-layer", "CVE-2026-1462"),
    "module": ("danger", "foreign-import", "CVE-2025-1550"),
    "hidden module": ("caution", "own-import", "CVE-2025-1550"),
    "get_file": ("danger", "keras-call", "CVE-2025-8747"),
    "safe mode off": ("danger", "safe-mode-switch", "CVE-2025-9906"),
}
"""Likewise of its carriers, as an archive and as an HDF5 file."""
