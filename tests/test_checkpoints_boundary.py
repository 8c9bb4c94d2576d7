"""What Keras would never write is refused before it is read: in one line, with nothing left."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rsinspect.base.errors import NoTemporaryDirectory, WeightsError
from rsinspect.base.text import is_showable
from rsinspect.checkpoints.boundary import opened
from rsinspect.checkpoints.contents import contents_of
from rsinspect.checkpoints.layout import reading
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.fitting import fit
from tests.weight_files import archived, write_keras_2, write_keras_3

pytestmark = pytest.mark.timeout(300)  # a pipe that is opened waits for ever

NETWORK = resnet_rs(ResNetRSSpec(blocks=(1,), filters=(32,), width=0.25, classes=5))
SHAPE = (3, 3, 3, 8)
ENDINGS = (".h5", ".weights.h5", ".keras")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, in which nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def read(path: Path) -> list[Any]:
    """Everything that loading reads of a file, but for the Keras model that it goes to."""
    with opened(path) as (file, datasets):
        found = fit(path, contents_of(path, file, datasets), NETWORK)
        with reading(str(path)):
            return [array[()] for layer in found.stored.values() for array in layer.arrays]


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        read(path)
    said = str(caught.value)
    assert "\n" not in said
    assert is_showable(said)
    assert "secret" not in said.replace(str(path), "")
    return said


def place_in(file: Any) -> str:
    """The first convolution of the stem, in either layout."""
    return (
        "layers/conv2d/vars/0"
        if "layers" in file
        else "stem_1_stem_conv_1/stem_1_stem_conv_1/weight_0:0"
    )


def with_weights(folder: Path, ending: str, change: Callable[[Any, str], None]) -> Path:
    """A file of the network with something hostile in it."""
    weights = folder / ("mine.h5" if ending == ".h5" else "mine.weights.h5")
    (write_keras_2 if ending == ".h5" else write_keras_3)(weights, NETWORK)
    with h5py.File(weights, "r+") as file:
        change(file, place_in(file))
    return archived(folder / "mine.keras", weights) if ending == ".keras" else weights


def replaced(make: Callable[[Any, str, str], None], other: Path) -> Callable[[Any, str], None]:
    def change(file: Any, place: str) -> None:
        del file[place]
        make(file, place, str(other))

    return change


def external_storage(file: Any, place: str, other: str) -> None:
    file.create_dataset(place, SHAPE, "float32", external=[(other, 0, 4 * int(np.prod(SHAPE)))])


def external_link(file: Any, place: str, other: str) -> None:
    file[place] = h5py.ExternalLink(other, "/numbers")


def virtual(file: Any, place: str, other: str) -> None:
    layout = h5py.VirtualLayout(SHAPE, "float32")
    layout[...] = h5py.VirtualSource(other, "numbers", SHAPE)
    file.create_virtual_dataset(place, layout)


def growing_virtual(file: Any, place: str, other: str) -> None:
    layout = h5py.VirtualLayout(SHAPE, "float32", maxshape=(None, *SHAPE[1:]))
    source = h5py.VirtualSource(other, "numbers", SHAPE, maxshape=(None, *SHAPE[1:]))
    layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
    file.create_virtual_dataset(place, layout)


def soft_loop(file: Any, place: str, other: str) -> None:
    file[place] = h5py.SoftLink(f"/{place}")


def soft_link(file: Any, place: str, other: str) -> None:
    file["elsewhere"] = np.zeros(SHAPE, "float32")
    file[place] = h5py.SoftLink("/elsewhere")


def dangling_link(file: Any, place: str, other: str) -> None:
    file[place] = h5py.SoftLink("/nowhere")


def compressed(file: Any, place: str, other: str) -> None:
    file.create_dataset(place, data=np.zeros(SHAPE, "float32"), compression="gzip")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (external_storage, "is an array kept in another file"),
        (external_link, "is a link to another place"),
        (virtual, "is an array pieced together from other files"),
        (growing_virtual, "is an array pieced together from other files"),
        (soft_loop, "is a link to another place"),
        (soft_link, "is a link to another place"),
        (dangling_link, "is a link to another place"),
        (compressed, "is a compressed array"),
    ],
)
def test_nothing_outside_a_file_is_read(
    tmp_path: Path, temporary: Path, ending: str, make: Any, message: str
) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["numbers"] = np.ones(SHAPE, "float32")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for other in (secret, pipe):
        path = with_weights(tmp_path, ending, replaced(make, other))
        assert message in refusal(path)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("place", ["optimizer/vars/0", "model_weights", "layers/x/vars/0"])
def test_a_hostile_array_that_nobody_asks_for_is_refused_too(tmp_path: Path, place: str) -> None:
    path = with_weights(
        tmp_path, ".weights.h5", lambda file, _: external_link(file, place, "/etc/hostname")
    )
    assert f"{place} is a link to another place" in refusal(path)


def test_a_group_inside_itself_ends(tmp_path: Path) -> None:
    def loop(file: Any, _: str) -> None:
        file["layers/again"] = file["layers"]

    assert "is a group that is there twice" in refusal(with_weights(tmp_path, ".keras", loop))


def test_groups_nested_without_end_are_refused(tmp_path: Path) -> None:
    def nest(file: Any, _: str) -> None:
        group = file
        for _number in range(1500):
            group = group.create_group("g")

    said = refusal(with_weights(tmp_path, ".weights.h5", nest))
    assert "is a group inside more groups than Keras nests" in said
    assert len(said) < 1000


def test_what_is_no_number_is_no_weight(tmp_path: Path) -> None:
    def put_type(file: Any, _: str) -> None:
        file["layers/type"] = np.dtype("f4")

    said = refusal(with_weights(tmp_path, ".weights.h5", put_type))
    assert "layers/type is neither a group nor an array" in said


def test_names_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    def shout(file: Any, _: str) -> None:
        file["\x1b[2J\n"] = h5py.SoftLink("/x")

    assert "␛[2J␊ is a link" in refusal(with_weights(tmp_path, ".h5", shout))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "device", "loop", "missing"])
def test_only_regular_files_are_opened(tmp_path: Path, ending: str, kind: str) -> None:
    path, pipe = tmp_path / f"mine{ending}", tmp_path / "pipe"
    os.mkfifo(pipe)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind != "missing":
        path.symlink_to(str({"link to a pipe": pipe, "device": "/dev/zero", "loop": path}[kind]))
    expected = {"loop": "cannot be read", "missing": "there is no file"}
    assert expected.get(kind, "is a pipe, a socket or a device") in refusal(path)


# Archives


def whole(folder: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    return archived(
        folder / "mine.keras", write_keras_3(folder / "mine.weights.h5", NETWORK), method
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_stored_and_a_deflated_archive_are_read(
    tmp_path: Path, temporary: Path, method: int
) -> None:
    expected = read(write_keras_3(tmp_path / "same.weights.h5", NETWORK))
    for ours, theirs in zip(read(whole(tmp_path, method)), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "a/../../b", "..\\outside"])
def test_an_archive_that_climbs_is_refused(tmp_path: Path, name: str) -> None:
    path = whole(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    assert "is no archive that Keras wrote: it has a member" in refusal(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_ways_to_compress_are_refused_damaged_or_whole(tmp_path: Path, method: int) -> None:
    path = whole(tmp_path, method)
    assert "is compressed in a way that Keras does not write" in refusal(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path, temporary: Path) -> None:
    path = tmp_path / "mine.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(64 << 20))
    assert "weights do not shrink more than 100 times" in refusal(path)
    assert list(temporary.iterdir()) == []


def patched(path: Path, offset_local: int, offset_central: int, value: bytes) -> None:
    """Write into both headers of the last member of an archive."""
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", offset_local), (b"PK\1\2", offset_central)):
        start = data.rindex(signature) + offset
        data[start : start + len(value)] = value
    path.write_bytes(data)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = whole(tmp_path)
    patched(path, 6, 8, b"\1\0")
    assert "is encrypted" in refusal(path)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = whole(tmp_path)
    patched(path, 22, 24, (1000).to_bytes(4, "little"))
    assert "damaged, or no .keras archive" in refusal(path)


@pytest.mark.parametrize("ending", [*ENDINGS, "deflated"])
def test_damaged_bytes_are_refused_in_words_or_change_numbers_only(
    tmp_path: Path, temporary: Path, ending: str
) -> None:
    if ending == "deflated":
        path = whole(tmp_path)
    else:
        path = with_weights(tmp_path, ending, lambda *_: None)
    good = path.read_bytes()
    chance = random.Random(ending)
    refused = 0
    for _ in range(60):
        data = bytearray(good)
        for _ in range(chance.choice((1, 8))):  # the headers of an HDF5 file lie among its data
            position = chance.randrange(len(data))
            data[position] ^= 1 << chance.randrange(8)
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            read(path)
        except WeightsError as exc:
            assert is_showable(str(exc))  # noqa: PT017
            refused += 1
    assert refused > 20
    assert list(temporary.iterdir()) == []
    shutil.rmtree(temporary)
    path.write_bytes(good)
    if path.suffix == ".keras":
        with pytest.raises(NoTemporaryDirectory, match="TMPDIR"):
            read(path)
