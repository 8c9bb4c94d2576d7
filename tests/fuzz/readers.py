"""Every reader of outside data: how it is called, with what to begin, and what it may not exceed.

One list for the property tests, the bounded trials (``tests.fuzz.bounded``), the fuzzer that
follows branches (``tests.fuzz.guided``) and the table of ``benchmarks.bad_inputs``. What a reader
is given is a file of its ending, or a text. How it ends is told by ``tests.mutants``: an answer, a
refusal in one line, or a fault.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from rsinspect.base.errors import RsInspectError
from rsinspect.base.words import Option
from tests import compared, keras_mutants, mutants, weight_files, weight_mutants
from tests.mutants import Ended, called, written
from tests.runs import kept_run

Call = Callable[[str], Ended]
"""Read a path or a text, and say how that ended."""
Change = Callable[[Random, bytes], bytes]

SURROUNDINGS = {"COLUMNS": "80", "NO_COLOR": "1", "KERAS_HOME": "keras"}
"""Variables while readers are tried: nothing is taken from the user's home, or put there."""

MOST_S = 20.0
"""Of processor time that a reader may take, whatever it is given."""
MOST_BYTES = 2**30
"""Of memory that a reader may take beyond what the process has when it begins."""


class Reader(NamedTuple):
    """A reader of outside data.

    Attributes:
        name: What it reads, in the words of the documents.
        ending: Of files that it is given; empty where it is given a text.
        call: Reads one.
        seeds: Valid ones, as content of a file or as a text.
        change: Makes another of a seed.
        beside: What has to lie beside the file, by the ending in place of its own.
        most_s: Of processor time.
        most_bytes: Of memory, beyond what the process has when it begins.
    """

    name: str
    ending: str
    call: Call
    seeds: Callable[[], list[bytes]]
    change: Change = keras_mutants.damaged
    beside: Mapping[str, bytes] = MappingProxyType({})
    most_s: float = MOST_S
    most_bytes: int = MOST_BYTES


# ---- how readers are called


def line(text: str) -> Call:
    """A command line, with ``{}`` where the path or text stands."""

    def call(given: str) -> Ended:
        if "\0" in given:
            return Ended(2, "", "error: no argument\n")  # which no system hands over
        return called([word.replace("{}", given) for word in text.split()])

    return call


def function(read: Callable[[Any], object], *errors: type[Exception], of: type = Path) -> Call:
    """A function of Python; besides ours it may raise those errors, whose callers know them."""

    def call(given: str) -> Ended:
        try:
            read(of(given))
        except RsInspectError as exc:
            return Ended(exc.exit_code, "", f"error: {exc.worded(_flag)[0]}\n")
        except errors as exc:
            return Ended(2, "", f"error: {exc}\n")
        return Ended(0, "", "")

    return call


def _in_store(text: str) -> Call:
    """A command line that reads a store, which is made where there is none."""

    def call(given: str) -> Ended:
        path = Path("a-store.db")
        if not path.exists():
            path.write_bytes(_stores()[0])
        return line(f"{text} --db {path} -f json")(given)

    return call


def _flag(option: Option) -> str:
    return f"--{option.name}"


def _with(variable: str, text: str) -> Call:
    """A command line with the text as the value of a variable."""

    def call(given: str) -> Ended:
        before = os.environ.get(variable)
        try:
            os.environ[variable] = given
        except ValueError:
            return Ended(2, "", "error: no value of a variable\n")  # a NUL: no system has it
        try:
            return called(text.split())
        finally:
            if before is None:
                del os.environ[variable]
            else:
                os.environ[variable] = before

    return call


def _fetch(given: str) -> Ended:
    """Fetch from what is named; of nothing, which is the publisher, it would be a real download."""
    return _with("RSINSPECT_WEIGHTS_URL", "weights fetch 50")(given or "no/such/folder")


def _photograph(path: Path) -> None:
    from rsinspect.images.photograph import photograph

    photograph(path)


def _labels(path: Path) -> None:
    from rsinspect.prediction.labels import labels_for

    labels_for(3, path)


def _kept_network(path: Path) -> None:
    """Read a network of Keras's that an earlier call kept, as if it were that file."""
    from rsinspect.networks import keras_cache
    from rsinspect.networks.applications import named_in

    named = named_in("VGG16")
    assert named is not None
    keras_cache._kept(path, named.application())


def _keras_settings(path: Path) -> None:
    """Read what Keras is set to, from a file that is put in its place."""
    from rsinspect.doctor.checkup import keras_backend

    if "\0" in str(path):
        return  # nothing is called so
    home, before = Path(tempfile.mkdtemp(dir=Path.cwd())), os.environ.get("KERAS_HOME")
    (home / "keras.json").symlink_to(path.absolute())
    os.environ["KERAS_HOME"] = str(home)
    try:
        keras_backend()
    finally:
        if before is None:
            del os.environ["KERAS_HOME"]
        else:
            os.environ["KERAS_HOME"] = before
        (home / "keras.json").unlink()
        home.rmdir()


def _message(text: str) -> None:
    from rsinspect.profiling.protocol import decode

    decode(text)


# ---- with what to begin


def _dumped(documents: list[Any]) -> list[bytes]:
    return [json.dumps(each).encode() for each in documents]


def _networks() -> list[bytes]:
    return _dumped(mutants.saved_networks() + keras_mutants.tricky())


def _runs() -> list[bytes]:
    return _dumped(mutants.saved_runs())


def _comparisons() -> list[bytes]:
    from rsinspect.comparisons import comparison

    return _dumped([comparison.to_json(compared.a_comparison())])


def _exports() -> list[bytes]:
    rows = [{"document": kept_run(number), "tags": ["before"]} for number in (1, 2)]
    return [*_dumped([{"schema": "rsinspect.runs/1", "rows": rows}]), *_runs()[:1]]


@cache
def _pages() -> list[bytes]:
    """Pages with a network and a run, as small as the reader takes them."""
    from rsinspect.base.embedded import REPORT, embedded

    networks, run = mutants.saved_networks(), mutants.saved_runs()[1]
    subject = {"key": "a", "text": "net", "network": networks[0], "runs": [run]}
    document = {"schema": REPORT, "subjects": [subject, subject | {"key": "b", "runs": []}]}
    one = {"schema": REPORT, "subjects": [subject]}
    return [
        b'<p>x</p><script type="application/json" id="rsinspect">'
        + embedded(each).encode()
        + b"</script>"
        for each in (one, document)
    ]


@cache
def _stores() -> list[bytes]:
    from rsinspect.runs.store import open_store

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        with open_store(path, write=True) as store:
            for number in (1, 2):
                store.add(kept_run(number), tags=[f"tag{number}"])
            store.begin_sweep({"schema": "rsinspect.sweep/1", "models": ["50"]}, ["one", "two"])
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()
        return [path.read_bytes()]


def _of_format(name: str) -> Callable[[], list[bytes]]:
    return lambda: weight_mutants.seeds()[name]


def _changed_weights(name: str) -> Change:
    return lambda random, content: weight_mutants.changed(random, content, name)


def _changed_json(random: Random, content: bytes) -> bytes:
    """Change a document, as one or byte by byte."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if document is None or random.random() < 0.1:
        return keras_mutants.damaged(random, content) if content else b"{"
    choices = (mutants.mutant, mutants.mutant, mutants.extreme, keras_mutants.rewired)
    try:
        return written(random.choice(choices)(random, document)).encode(errors="surrogatepass")
    except (ValueError, LookupError, TypeError, AttributeError):  # too odd to be changed so
        return keras_mutants.damaged(random, content)


def _changed_page(random: Random, content: bytes) -> bytes:
    head, tail = content.split(b">{", 1)[0] + b">", b"</script>"
    inside = content[len(head) : -len(tail)]
    if random.random() < 0.2:
        return keras_mutants.damaged(random, content)
    return head + _changed_json(random, inside).replace(b"<", b"\\u003c") + tail


_WORDS = (
    "=", "[", "]", "{", "}", ",", ".", '"', "'", "\n", "#", "@", ":", "-1", "0", "1e999", "nan",
    "9" * 30, "9" * 5000, "x" * 3000, "\0", "\x1b[2J", "\ud800", "日本語", "\u202e", " ", "[[",
    '"""', "inf", "true", "1979-05-27", "0x1F", "%s", "$(x)", "../", "~root", "*", "½", "٣",
    "\\", ";",
)  # fmt: skip


def changed_text(random: Random, content: bytes) -> bytes:
    """Change a text: pieces go, come twice, and others come in."""
    text = content.decode(errors="replace")
    for _ in range(random.choice((1, 1, 2, 5))):
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice((0, 1, 1, 2, 8, 40)))
        piece = random.choice(
            (random.choice(_WORDS), "", text[start:end] * 2, text[start:end].upper())
        )
        text = text[:start] + piece + text[end:]
    return text.encode(errors="surrogatepass")


_PLAN = b"""[sweep]
models = ["50", "EfficientNetB0"]
batches = [1, 8]
precisions = "float32"
threads = [1]
max_time = "30s"
repeats = 3
"""
_BOUNDS = b"""# What is held to.
[check."50"]
resolution = "160"
convention = "paper"
params = "35.7M"
max_flops = "12G"
[check.101]
max_params = 64_000_000
"""


@cache
def _images() -> list[bytes]:
    from PIL import Image

    found = []
    for format, mode in (("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P"), ("WEBP", "RGB"),
                         ("TIFF", "I;16"), ("BMP", "RGB"), ("PPM", "RGB")):  # fmt: skip
        content = io.BytesIO()
        Image.new(mode, (9, 7), 3).save(content, format)
        found.append(content.getvalue())
    return found


def _labels_seeds() -> list[bytes]:
    return [
        b"cat\ndog\nemu\n",
        b'["cat", "dog", "emu"]',
        b'{"0": ["n1", "cat"], "1": "dog", "2": "emu"}',
    ]


@cache
def _keras_networks() -> list[bytes]:
    data = Path(__file__).parents[1] / "data"
    return [gzip.decompress((data / "VGG16.json.gz").read_bytes())]


def _messages() -> list[bytes]:
    return [b'{"kind": "started"}', b'{"message":"phase","name":"x"}', b"Epoch 1"]


def _texts(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [text.encode() for text in texts]


# ---- the list


def _model(name: str, ending: str, seeds: Callable[[], list[bytes]], change: Change) -> Reader:
    return Reader(f"MODEL: {name}", ending, line("summary {} -f json"), seeds, change)


def _weights(format: str) -> Reader:
    data = ".data-00000-of-00001"
    beside = weight_mutants.CHECKPOINT.with_name(f"small.ckpt{data}").read_bytes()
    return Reader(
        f"weights: {format}", weight_mutants.ENDINGS[format],
        line("weights inspect {} -f json"), _of_format(format), _changed_weights(format),
        {data: beside} if format == "checkpoint" else {},
    )  # fmt: skip


_SMALL = "--blocks 1,1,1,1 --width 0.125 --resolution 32 --classes 3"


@cache
def _own_weights(ending: str) -> list[bytes]:
    """Weights of that network, in a layout."""
    from rsinspect.networks.network import resnet_rs
    from rsinspect.networks.spec import ResNetRSSpec

    made = resnet_rs(ResNetRSSpec(blocks=(1, 1, 1, 1), width=0.125, resolution=(32, 32), classes=3))
    write = weight_files.write_keras_2 if ending == ".h5" else weight_files.write_keras_3
    with tempfile.TemporaryDirectory() as folder:
        return [write(Path(folder) / f"own{ending}", made).read_bytes()]


def _own(name: str, ending: str, command: str) -> Reader:
    return Reader(
        name, ending, line(command.replace("SMALL", _SMALL)), lambda: _own_weights(ending),
        _changed_weights(ending.lstrip(".")),
    )  # fmt: skip


def _text(name: str, command: str, *seeds: str) -> Reader:
    return Reader(name, "", line(command), _texts(*seeds), changed_text)


def _variable(name: str, command: str, *seeds: str) -> Reader:
    return Reader(f"${name}", "", _with(name, command), _texts(*seeds), changed_text)


FILES: tuple[Reader, ...] = (
    _model("a network or a Keras configuration", ".json", _networks, _changed_json),
    _model(".keras", ".keras", _of_format("keras"), _changed_weights("keras")),
    _model(".h5", ".h5", _of_format("h5"), _changed_weights("h5")),
    _model("a page", ".html", _pages, _changed_page),
    _model("Python without a name", ".py", _texts("def make():\n    pass\n"), changed_text),
    *(_weights(format) for format in weight_mutants.ENDINGS),
    _own("weights of a network", ".h5", "summary SMALL --weights {} -f json"),
    Reader("weights compared", ".safetensors", line("weights diff {} {} -f json"),
           _of_format("safetensors"), _changed_weights("safetensors")),
    _own("weights verified", ".weights.h5", "weights verify {} SMALL -f json"),
    _own("weights converted", ".weights.h5", "weights convert {} --model 50 -o out.safetensors"),
    Reader("a run", ".json", line("profile --from {} -f json"), _runs, _changed_json),
    Reader("a run of a page", ".html", line("profile --from {} -f json"), _pages, _changed_page),
    Reader("a run on a graph", ".json", line("graph 50 --profile {} -o graph.dot"), _runs,
           _changed_json),
    Reader("runs estimated from", ".json", line("estimate 50 --from {} -f json"), _runs,
           _changed_json),
    Reader("a comparison", ".json", line("compare {} -f json"), _comparisons, _changed_json),
    Reader("runs that come in", ".json", line("runs import {} --db in.db -f json"), _exports,
           _changed_json),
    Reader("a store that comes in", ".db", line("runs import {} --db in.db -f json"), _stores),
    Reader("a store", ".db", line("runs list --db {} -f json"), _stores),
    Reader("a store, one run", ".db", line("runs show latest --db {} -f json"), _stores),
    Reader("a store, checked", ".db", line("runs check --db {} -f json"), _stores),
    Reader("a plan", ".toml", line("sweep {} --dry-run --db in.db -f json"),
           lambda: [_PLAN], changed_text),
    Reader("bounds", ".toml", line("check --bounds {} -f json"), lambda: [_BOUNDS], changed_text),
    Reader("labels", ".txt", function(_labels), _labels_seeds, changed_text),
    Reader("an image", ".png", function(_photograph), _images),
    Reader("a network kept from Keras", ".json", function(_kept_network), _keras_networks,
           _changed_json),
    Reader("Keras's settings", ".json", function(_keras_settings),
           _texts('{"backend": "jax"}'), _changed_json),
)  # fmt: skip

TEXTS: tuple[Reader, ...] = (
    _text("MODEL: a name", "summary {} --level stage -f json", "50", "152@224",
          "resnet-rs-101-i192", "200:resnet+se", "101@160x192:article", "hf-hub:timm/resnetrs50"),
    _text("--blocks", "summary --blocks {} -f json", "3,4,6,3", "1,1"),
    _text("--resolution", "summary 50 --resolution {} -f json", "160", "160x192"),
    _text("--filter", "summary 50 --level layer --filter {} -f json", "Conv2D", "c2/*"),
    _text("--columns", "summary 50 --columns {} -f json", "path,params"),
    _text("--sort", "summary 50 --sort {} -f json", "params"),
    _text("--explain", "summary 50 --explain {} -f json", "c2", "c4/block2/conv1"),
    _text("--expand", "graph 50 --view stages --expand {} -o graph.dot", "c2", "c4/block1-2"),
    _text("--size", "graph 50 --view stages --size {} -o graph.dot", "84mm", "16:9", "800x600"),
    _text("--axis", "scale --axis {} --limit 3 -f json", "depth=50,101", "width=0.5:1:0.25",
          "c2=1:3"),
    _text("bounds on the line", "check 50 --max-params {} --max-flops {} -f json", "36M", "1e9",
          "1.5GiB"),
    _text("times", "sweep --models 50 --max-time {} --time {} --dry-run --db in.db -f json",
          "30s", "2h", "1.5m"),
    _text("lists of MODELs", "sweep --models {} --dry-run --db in.db -f json", "published",
          "50,101@160", "EfficientNetB0-B4"),
    _text("--shard", "sweep --models 50 --dry-run --db in.db --shard {} -f json", "1/4"),
    Reader("names of runs", "", _in_store("runs show {}"),
           _texts("latest", "run:tag1", "r01234"), changed_text),
    Reader("moments", "", _in_store("runs list --since {}"),
           _texts("2026-11-01", "2d", "2026-11-01T08:00Z"), changed_text),
    _text("a table", "table {} -f json", "7", "1"),
    Reader("what a worker says", "", function(_message, of=str), _messages, _changed_json),
    _variable("COLUMNS", "summary 50 --level stage", "80", "0", "-1"),
    _variable("RSINSPECT_DB", "runs list -f json", "runs.db", "no/such/runs.db", "."),
    Reader("$RSINSPECT_WEIGHTS_URL", "", _fetch,
           _texts("file:///nowhere", "http://127.0.0.1:9/x", "ftp://127.0.0.1"), changed_text),
    _variable("KERAS_HOME", "weights list -f json", "keras", "~nosuchuser"),
    _variable("XDG_DATA_HOME", "runs list -f json", "data", "/dev/null"),
)  # fmt: skip

READERS: dict[str, Reader] = {each.name: each for each in (*FILES, *TEXTS)}
