"""Files are written whole or not at all, wherever their names lead."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from rsinspect.base.errors import NoTemporaryDirectory, OutputNotWritable
from rsinspect.base.files import (
    check_apart,
    check_writable,
    placed,
    scratch,
    scratch_file,
    write_all,
    write_whole,
)
from tests.conftest import Cli, python
from tests.processes import PATIENCE_S


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_existing_file_keeps_its_mode_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    secret, new = tmp_path / "secret", tmp_path / "new"
    secret.write_text("old")
    secret.chmod(0o600)
    write_all({secret: b"a", new: b"b"})
    (tmp_path / "usual").touch()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (secret, new, tmp_path / "usual")]
    assert modes == [0o600, modes[2], modes[2]]
    assert (secret.read_bytes(), new.read_bytes()) == (b"a", b"b")


def test_a_new_file_has_the_usual_mode_whatever_its_writer_gives_it(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    for _ in range(2):
        with placed(tmp_path / "new") as temporary:
            temporary.write_text("new")
            temporary.chmod(0o600)
        modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "usual")]
        assert modes == [modes[1]] * 2


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed_and_stays(tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target.name)
    if there:
        target.write_text("old")
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert left(tmp_path) == ["link", "target"]


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).symlink_to(other)
    with pytest.raises(OutputNotWritable, match="cannot be written: Too many levels"):
        check_writable(tmp_path / "a")


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"x" * 100_000)
    reader.join(timeout=PATIENCE_S)
    assert read == [b"x" * 100_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_into(tmp_path: Path) -> None:
    """A node of our own with the numbers of the device that swallows everything."""
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.write_bytes(b"")
    except PermissionError:
        pytest.skip("only root makes devices, and not everywhere")
    write_all({device: b"x", tmp_path / "other": b"y"})
    assert stat.S_ISCHR(device.stat().st_mode)
    assert left(tmp_path) == ["null", "other"]


def test_a_socket_and_a_directory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket has to be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for path, words in (("socket", "no file that can be written"), (".", "is a directory")):
            with pytest.raises(OutputNotWritable, match=words):
                write_whole(Path(path), b"x")
    assert stat.S_ISSOCK(Path("socket").stat().st_mode)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n" * 300, "File name too long"),
        ("file/below", "is a file, not a directory"),
        ("file/further/below", "is a file, not a directory"),
        ("a\0b", "is no name of a file"),
        ("half \ud800", "is no name of a file"),
    ],
)
def test_what_is_no_name_is_refused_in_one_line(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    for attempt in (check_writable, lambda path: write_whole(path, b"x")):
        with pytest.raises(OutputNotWritable, match=words):
            attempt(tmp_path / name)
    assert left(tmp_path) == ["file"]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    write_whole(tmp_path / ("n" * 255), b"x")
    assert left(tmp_path) == ["n" * 255]


@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_a_long_name_is_one_line_of_the_command_line(cli: Cli, tmp_path: Path, option: str) -> None:
    outcome = cli("table", 7, option, tmp_path / ("a" * 300 + ".svg"))
    assert outcome.code == 2
    assert "cannot be written: File name too long" in outcome.err
    assert len(outcome.err.splitlines()) == 2


def test_a_directory_one_may_not_enter_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o700)
    own = [each for each in tmp_path.parents if each.name.startswith(("popen-", "pytest-"))]
    for folder in (tmp_path, *own):
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o011)
    locked.chmod(0o000)
    code = f"""
import contextlib, os, pathlib
from rsinspect.base.errors import OutputNotWritable
from rsinspect.base.files import check_writable
if os.getuid() == 0:
    with contextlib.suppress(PermissionError):  # a root that may do no more than others
        os.setuid(65534)
try:
    check_writable(pathlib.Path({str(locked / "x.svg")!r}))
except OutputNotWritable as exc:
    print(exc)
"""
    said = python(code)
    locked.chmod(0o700)
    assert "x.svg cannot be written: Permission denied" in said.stdout, said.stderr


def test_nothing_is_put_in_its_place_before_everything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "b":
            path.touch()
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputNotWritable, match=r"b cannot be written: No space left"):
        write_all({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert left(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("place", ["write_bytes", "replace"])
def test_who_interrupts_leaves_no_half_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    interruption: type[BaseException],
    place: str,
) -> None:
    def interrupted(*_: object) -> None:
        raise interruption

    if place == "replace":
        monkeypatch.setattr(Path, "replace", interrupted)
    else:
        monkeypatch.setattr(Path, "write_bytes", interrupted)
    (tmp_path / "a").write_text("old")
    with pytest.raises(interruption):
        write_all({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert left(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("fails", [OSError(16, "in use"), KeyboardInterrupt(), SystemExit(143)])
@pytest.mark.parametrize("at", range(3))
def test_where_one_of_several_cannot_take_its_place_all_are_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, fails: BaseException
) -> None:
    replace, done = Path.replace, list[Path]()

    def refused(new: Path, target: Path) -> Path:
        done.append(target)
        if len(done) == at + 1:
            raise fails
        return replace(new, target)

    old, names = tmp_path / "b", ("a", "b", "c")
    old.write_text("old")
    old.chmod(0o600)
    number = old.stat().st_ino
    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises((OutputNotWritable, KeyboardInterrupt, SystemExit)):
        write_all({tmp_path / name: b"new" for name in names})
    assert left(tmp_path) == ["b"]
    assert (old.read_text(), old.stat().st_ino) == ("old", number)


def test_a_disk_where_no_file_has_two_names_takes_several_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refused)
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
    write_all({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new", b"new"]


def test_a_disk_without_room_for_the_second_name_of_an_old_file_keeps_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.link", full)
    (tmp_path / "b").write_text("old")
    with pytest.raises(OutputNotWritable, match=r"[ab] cannot be written: No space left"):
        write_all({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("b", b"old")]


def test_what_is_being_written_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    with placed(tmp_path / "secret") as made:
        made.write_text("x")
        assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
        assert made.name == "secret"


def test_a_second_name_of_a_file_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    os.link(tmp_path / "a", tmp_path / "b")
    write_whole(tmp_path / "a", b"new")
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["new", "old"]


def test_two_names_of_one_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OutputNotWritable, match=r"--plot and --output are one file"):
        check_apart({"--plot": tmp_path / "file", "--output": tmp_path / "." / "link"})
    with pytest.raises(OutputNotWritable, match=r"is read for MODEL, and --save would write over"):
        check_apart({"--save": tmp_path / "link"}, {"MODEL": tmp_path / "file"})
    check_apart({"--save": tmp_path / "other"}, {"MODEL": tmp_path / "file"})
    check_apart({"--save": Path(os.devnull), "--output": Path(os.devnull)})


def test_no_command_writes_over_what_it_reads(cli: Cli, tmp_path: Path) -> None:
    cli("summary", 50, "-o", tmp_path / "s.json")
    from rsinspect.networks.named import network

    network("50").save(tmp_path / "net.json")
    before = (tmp_path / "net.json").read_bytes()
    net = tmp_path / "net.json"
    for line in (
        ("summary", net, "-o", net),
        ("summary", "-o", net, net),
        ("diff", 50, net, "-o", net),
        ("table", 7, "--plot", tmp_path / "x.svg", "-o", tmp_path / "x.svg"),
        ("profile", "--from", net, "-o", net),
        ("profile", net, "--save", net),
        ("profile", 50, "--save", net, "--trace", net),
    ):
        outcome = cli(*line)
        assert outcome.code == 2, line
        assert "give each its own name" in outcome.err, outcome.err
    assert net.read_bytes() == before
    assert left(tmp_path) == ["net.json", "s.json"]


def test_a_refusal_after_a_plot_leaves_no_plot(cli: Cli, tmp_path: Path) -> None:
    for line in (("-f", "nope"), ("--convention", "nope"), ("-o", tmp_path / "x.bmp")):
        assert cli("table", 7, "--plot", tmp_path / "x.svg", *line).code == 2
    assert left(tmp_path) == []


LIMITED = """
import resource, sys
from rsinspect.cli.app import main
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
sys.argv = ["rsinspect", "graph", "50", "-o", "x.me.json"]
main()
"""


def test_a_disk_that_fills_up_between_two_files_leaves_neither(tmp_path: Path) -> None:
    """The graph is larger than the limit, the node data beside it are not."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: x.me.json cannot be written: File too large")
    assert left(tmp_path) == []


def test_no_room_for_a_temporary_file_is_not_the_fault_of_what_is_copied() -> None:
    full = Mock(side_effect=OSError(28, "No space left on device"))
    with pytest.raises(NoTemporaryDirectory, match="No space left"), scratch_file(full):
        pass


def test_without_a_temporary_directory_what_needs_one_says_so(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pytest.raises(NoTemporaryDirectory, match="No usable temporary directory"), scratch():
        pass
    outcome = cli("graph", 50, "-o", tmp_path / "x.svg")
    assert outcome.code == 3
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["error", "hint"]
    assert "TMPDIR" in outcome.err
    assert cli("graph", 50, "-o", tmp_path / "x.html").code == 0
    outcome = cli("doctor")
    assert outcome.code == 3
    assert "temporary files cannot be written" in " ".join(outcome.out.split())
    assert left(tmp_path) == ["x.html"]
