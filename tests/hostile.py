"""Hostile files: what somebody could hand around as a Keras model, and what is to be said of each.

``FILES`` are refused in one line; ``CARRIERS`` hold what runs when it is loaded, and are summarised
with a remark. The CVE numbers are Keras's, for what its own loader did with such a file.
"""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from tests.keras_files import conv, functional, h5_file, image, keras_file, row, small

SHAPE_TOLD: list[int | None] = [None, 8, 8, 3]

OPAQUE = functional(
    image(), row("Odd", "odd", "image", module="keras.layers"), conv("one", "odd", shape=SHAPE_TOLD)
)
"""A model with a layer that no op describes, so that its weights are asked for."""

SHAPE = (3, 3, 3, 4)
KERNEL = "model_weights/one/k"
PLACE = "layers/odd/vars/0"


class Hostile(NamedTuple):
    """A file.

    Attributes:
        ending: Of its name.
        make: Writes it; the second path is of a file that must not be read.
        words: Of the line that refuses it.
    """

    ending: str
    make: Callable[[Path, Path], object]
    words: str


# ---- archives


def _archive(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED
) -> Any:
    def make(path: Path, _: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)

    return make


_CONFIG = ("config.json", json.dumps(small()).encode())
_LINK = zipfile.ZipInfo("assets/x")
_LINK.external_attr = (stat.S_IFLNK | 0o777) << 16


def _patched(offset_local: int, offset_central: int, value: bytes) -> Any:
    """A whole archive with something else in both headers of its configuration."""

    def make(path: Path, _: Path) -> None:
        _archive(_CONFIG)(path, path)
        data = bytearray(path.read_bytes())
        for signature, offset in ((b"PK\3\4", offset_local), (b"PK\1\2", offset_central)):
            start = data.rindex(signature) + offset
            data[start : start + len(value)] = value
        path.write_bytes(data)

    return make


def _zip64_lie(path: Path, _: Path) -> None:
    """A configuration that says it has 2 to the 62 bytes."""
    entry = zipfile.ZipInfo("config.json")
    _archive((entry, _CONFIG[1]))(path, path)
    data = path.read_bytes()
    start = data.index(b"PK\1\2")
    extra = struct.pack("<HHQQ", 1, 16, 2**62, 2**62)
    record = bytearray(data[start : data.index(b"PK\5\6")])
    record[20:28] = b"\xff" * 8
    record[30:32] = struct.pack("<H", len(extra))
    end = bytearray(data[data.index(b"PK\5\6") :])
    end[12:16] = struct.pack("<I", len(record) + len(extra))
    path.write_bytes(data[:start] + record + extra + end)


def _many_members(path: Path, _: Path) -> None:
    _archive(_CONFIG)(path, path)
    data = path.read_bytes()
    start, last = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    count = 200_000
    end = bytearray(data[last:])
    end[8:16] = struct.pack("<HHI", 0xFFFF, 0xFFFF, (last - start) * count)
    path.write_bytes(data[:start] + data[start:last] * count + end)


def _bomb(name: str, size: int, config: Any = None) -> Any:
    def make(path: Path, _: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            if name != "config.json":
                archive.writestr("config.json", json.dumps(config or small()))
            with archive.open(name, "w", force_zip64=True) as member:
                for _number in range(size >> 20):
                    member.write(bytes(1 << 20))

    return make


def _two_in_one(path: Path, _: Path) -> None:
    """An archive behind an HDF5 file of another model: what it is depends on who reads it."""
    h5_file(path, functional(image(), conv("other", "image")))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(*_CONFIG)


# ---- HDF5


def _hdf5(
    change: Callable[[Any, str], None], attributes: bool = True, libver: str = "earliest"
) -> Any:
    """A whole model's file, with something in it."""

    def make(path: Path, other: Path) -> None:
        with h5py.File(path, "w", libver=libver) as file:
            if attributes:
                file.attrs["model_config"] = json.dumps(small())
            file.create_group("model_weights/one")
            change(file, str(other))

    return make


def _external(place: str) -> Callable[[Any, str], None]:
    def change(file: Any, other: str) -> None:
        file.create_dataset(place, SHAPE, "f4", external=[(other, 0, 432)])

    return change


def _virtual(file: Any, other: str) -> None:
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[...] = h5py.VirtualSource(other, "numbers", SHAPE)
    file.create_virtual_dataset(KERNEL, layout)


def _external_link(file: Any, other: str) -> None:
    file[KERNEL] = h5py.ExternalLink(other, "/numbers")


def _soft_link(file: Any, _: str) -> None:
    file[KERNEL] = h5py.SoftLink("/model_weights/one/k")


def _shape_bomb(file: Any, _: str) -> None:
    file.create_dataset(KERNEL, (1 << 36,), "f4")


def _filtered(file: Any, _: str) -> None:
    file.create_dataset(KERNEL, (1 << 20,), "f4", compression="gzip")


def _circle(file: Any, _: str) -> None:
    file["model_weights/one/again"] = file["model_weights"]


def _deep(file: Any, _: str) -> None:
    group = file
    for _number in range(1000):
        group = group.create_group("g")


def _many_groups(file: Any, _: str) -> None:
    group = file.create_group("many")
    for number in range(1200):
        group.create_group(f"g{number}")


def _attribute(value: Any) -> Any:
    def change(file: Any, _: str) -> None:
        file.attrs["model_config"] = value

    return _hdf5(change, attributes=False)


def _attribute_bomb(file: Any, _: str) -> None:
    space = h5py.h5s.create_simple((1 << 22,))
    h5py.h5a.create(file.id, b"model_config", h5py.h5t.IEEE_F64LE, space)


def _inside(change: Callable[[Any, str], None]) -> Any:
    """A ``.keras`` with a layer that no op describes around a hostile weight file."""

    def make(path: Path, other: Path) -> None:
        weights = io.BytesIO()
        with h5py.File(weights, "w") as file:
            change(file, str(other))
        _archive(
            ("config.json", json.dumps(OPAQUE).encode()), ("model.weights.h5", weights.getvalue())
        )(path, other)

    return make


# ---- configurations


def _config(value: object) -> Any:
    return lambda path, _: keras_file(path, value)


def _cyclic() -> Any:
    return functional(image(), conv("a", "b"), conv("b", "a"), conv("c", "b"))


def _laughs() -> str:
    """Models in models, each called ten times: 10 to the 9 layers of a few thousand letters."""
    inner = functional(image("in"), conv("c", "in", 3), name="m0")
    for level in range(1, 10):
        calls = [image("in")]
        one = inner | {"name": f"m{level - 1}"}
        node = conv("x", "in")["inbound_nodes"][0]
        nodes = [json.loads(json.dumps(node)) for _number in range(10)]
        for number, each in enumerate(nodes):
            if number:
                each["args"][0]["config"]["keras_history"] = [one["name"], number, 0]
        calls.append(one | {"inbound_nodes": nodes})
        inner = functional(*calls, name=f"m{level}")
        inner["config"]["output_layers"] = [[one["name"], 10, 0]]
    return json.dumps(inner)


def _layers(count: int) -> Any:
    return lambda path, _: keras_file(path, _many_layers(count))


def _many_layers(count: int) -> str:
    rows = ",".join(
        f'{{"class_name":"ReLU","config":{{"name":"a{n}"}},"inbound_nodes":[]}}'
        for n in range(count)
    )
    return f'{{"class_name":"Functional","config":{{"name":"m","layers":[{rows}]}}}}'


def _nested(levels: int) -> str:
    """Models in models, deeper than anybody's."""
    head = '{"class_name":"Functional","name":"m","config":{"name":"m","layers":['
    return head * levels + "]}}" * levels


def _sized(side: object) -> Any:
    return functional(image() | {"config": {"name": "image", "batch_shape": [None, side, side, 3]}},
                      conv("one", "image"))  # fmt: skip


SIDES: tuple[Any, ...] = (0, -1, 2**24 + 1, 10**12, 10**400, 2.5, "8", True, [8], {})

FILES: dict[str, Hostile] = {
    "climbing member": Hostile(".keras", _archive(_CONFIG, ("../x", b"")), "outside of it"),
    "absolute member": Hostile(".keras", _archive(_CONFIG, ("/tmp/x", b"")), "outside of it"),
    "drive letter": Hostile(".keras", _archive(_CONFIG, ("C:\\x", b"")), "outside of it"),
    "symbolic link": Hostile(".keras", _archive(_CONFIG, (_LINK, b"/etc/passwd")), "a link"),
    "member twice": Hostile(".keras", _archive(_CONFIG, _CONFIG), "there twice, config.json"),
    "encrypted": Hostile(".keras", _patched(6, 8, b"\1\0"), "is encrypted"),
    "unknown compression": Hostile(".keras", _patched(8, 10, b"\x63\0"), "does not write"),
    "size lie": Hostile(".keras", _patched(22, 24, b"\3\0\0\0"), "is damaged"),
    "zip64 lie": Hostile(".keras", _zip64_lie, "would grow"),
    "200,000 members": Hostile(".keras", _many_members, "list of members is longer"),
    "configuration bomb": Hostile(".keras", _bomb("config.json", 1 << 27), "would grow"),
    "weights bomb": Hostile(".keras", _bomb("model.weights.h5", 1 << 26, OPAQUE), "would grow"),
    "no configuration": Hostile(".keras", _archive(("x", b"")), "has no config.json"),
    "two files in one": Hostile(".keras", _two_in_one, "an HDF5 file and an archive at once"),
    "external storage": Hostile(".h5", _hdf5(_external(KERNEL)), "kept in another file"),
    "virtual dataset": Hostile(".h5", _hdf5(_virtual), "pieced together from other files"),
    "external link": Hostile(".h5", _hdf5(_external_link), "a link to another place"),
    "soft link": Hostile(".h5", _hdf5(_soft_link), "a link to another place"),
    "shape bomb": Hostile(".h5", _hdf5(_shape_bomb), "274877906944 bytes, which are not there"),
    "filter": Hostile(".h5", _hdf5(_filtered), "a compressed array"),
    "group in itself": Hostile(".h5", _hdf5(_circle), "a group that is there twice"),
    "deep groups": Hostile(".h5", _hdf5(_deep), "more groups than Keras nests"),
    "attribute of numbers": Hostile(".h5", _attribute(np.zeros(9)), "not one text"),
    "attribute bomb": Hostile(
        ".h5", _hdf5(_attribute_bomb, attributes=False, libver="latest"), "not one text",
    ),
    "attribute of texts": Hostile(".h5", _attribute(["{}"] * 999), "not one text"),
    "attribute of nothing": Hostile(".h5", _attribute(h5py.Empty("S1")), "not one text"),
    "attribute of no UTF-8": Hostile(".h5", _attribute(np.bytes_(b"\xff{")), "is no JSON"),
    "inner external storage": Hostile(
        ".keras", _inside(_external(PLACE)), "kept in another file",
    ),
    "inner external link": Hostile(
        ".keras", _inside(lambda f, o: f.__setitem__(PLACE, h5py.ExternalLink(o, "/numbers"))),
        "a link to another place",
    ),
    "inner shape bomb": Hostile(
        ".keras", _inside(lambda f, _: f.create_dataset(PLACE, (1 << 40,), "f4") and None),
        "which are not there",
    ),
    "circle of layers": Hostile(".keras", _config(_cyclic()), "what it gives itself"),
    "layer twice": Hostile(
        ".keras", _config(functional(image(), conv("one", "image"), conv("one", "image"))),
        "two layers named one",
    ),
    "models without end": Hostile(".keras", _config(_laughs()), "more than 50000 layers"),
    "a million layers": Hostile(".keras", _layers(10**6), "more than"),
    "200,000 layers": Hostile(".keras", _layers(2 * 10**5), "200 000 layers"),
    "nesting of lists": Hostile(".keras", _config("[" * 10**5 + "]" * 10**5), "nests too deep"),
    "nesting of models": Hostile(".keras", _config(_nested(150)), ""),
    "broken JSON": Hostile(".keras", _config('{"config": {'), "is no JSON"),
    "broken UTF-8": Hostile(".keras", _config(b'{"class_name": "\xff"}'), "is no JSON"),
    "UTF-16": Hostile(".keras", _config("{}".encode("utf-16")), "is no JSON"),
    "NaN": Hostile(".keras", _config('{"config": {"layers": [NaN]}}'), "NaN, which is no number"),
    "a number of 5,000 digits": Hostile(".keras", _config('{"config": ' + "9" * 5000 + "}"), ""),
    **{
        f"side {side!r:.20}": Hostile(".keras", _config(_sized(side)), "image")
        for side in SIDES
    },
}  # fmt: skip

GET_FILE = {
    "module": "keras.utils", "class_name": "function", "config": "get_file",
    "registered_name": "get_file",
}  # fmt: skip
SWITCH = {
    "module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization",
    "registered_name": "function",
}  # fmt: skip
CODE = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA", "defaults": None}}


def _shaped(carrier: Any) -> Any:
    """A model with that layer in it, and one behind it to which the file tells the shape."""
    return functional(image(), carrier, conv("after", carrier["name"], shape=SHAPE_TOLD))


CARRIERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "Lambda": (
        _shaped(row("Lambda", "mine", "image", function=CODE, arguments={})),
        (
            "mine: code, which was not read; affected releases run it, others with "
            "safe_mode=False (CVE-2024-3660",
        ),
    ),
    "Lambda of Keras 2": (
        _shaped(
            row("Lambda", "mine", "image", function=["4wEA", None, None], function_type="lambda")
        ),
        ("mine: code, which was not read;", "CVE-2026-12481"),
    ),
    "function as code": (
        _shaped(row("Activation", "mine", "image", activation=CODE)),
        ("mine: a function as code", "CVE-2024-3660"),
    ),
    "TorchModuleWrapper": (
        _shaped(row("TorchModuleWrapper", "torch", "image", module="keras.layers",
                    module_="gASV")),
        ("torch: a pickled PyTorch module", "CVE-2025-49655"),
    ),
    "TFSMLayer": (
        _shaped(row("TFSMLayer", "saved", "image", filepath="/srv/evil")),
        ("saved: a SavedModel in another place", "CVE-2026-1462"),
    ),
    "module": (
        _shaped(row("system", "mine", "image", module="os", command="touch owned")),
        ("mine: os.system, which is neither in the file nor Keras's", "CVE-2025-1550"),
    ),
    "hidden module": (
        _shaped(conv("mine", "image", kernel_initializer={
            "module": "\u0065vil.module", "class_name": "Popen", "config": {}
        })),
        ("mine: evil.module.Popen, which is neither in the file nor", "CVE-2025-1550"),
    ),
    "get_file": (
        _shaped(conv("mine", "image", kernel_initializer=GET_FILE)),
        ("mine: keras.utils.get_file, which no model consists of", "CVE-2025-8747"),
    ),
    "safe mode off": (
        _shaped(conv("mine", "image", kernel_initializer=SWITCH)),
        ("switches Keras's safe mode off", "CVE-2025-9906"),
    ),
}  # fmt: skip
"""A configuration, and words of the remark."""
