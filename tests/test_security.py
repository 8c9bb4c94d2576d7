"""What the package does that could be turned against its user: where, and why it may.

Everything here is read from the syntax trees of the package, so that a new use has to be thought
about: it is added to a list with its reason, or it is not added.
"""

from __future__ import annotations

import ast
import csv
import html
import io
import json
import re
import shutil
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

import rsinspect
from tests.conftest import Cli
from tests.networks import layout_of
from tests.test_house import modules

IMPORTED = {
    "subprocess": {
        "base/process.py": "starts programs: a list of arguments, no shell",
        "profiling/attempt.py": "likewise, of the worker that measures",
    },
    "ctypes": {
        "base/process.py": "asks the kernel to end a process with its parent",
        "profiling/machine.py": "gives memory back between measurements",
    },
    "pickletools": {
        "checkpoints/pickle_imports.py": "lists what a pickle would import; nothing is loaded",
        "checkpoints/pickled.py": "reads the layout of arrays by opcodes; nothing is loaded",
    },
    "xml": {
        "drawing/svg.py": "pictures that Graphviz drew here",
        "pages/inline_svg.py": "likewise, and those of matplotlib",
    },
    "urllib.request": {"weights/fetch.py": "downloads published weights, whose digest is known"},
    "http": {"weights/fetch.py": "names what can go wrong with that"},
    "socket": {
        "sweeps/ray_cluster.py": "asks whether the named cluster answers",
    },
    "zipfile": {"checkpoints/archive.py": "reads members one by one, each with a limit"},
    "sqlite3": {
        "runs/database.py": "the store of runs",
        "runs/schema.py": "likewise",
        "runs/store.py": "likewise",
        "runs/tables.py": "likewise",
        "sweeps/locks.py": "a lock that whatever ends a process gives back",
    },
}  # fmt: skip
"""Modules that reach out of the process or read what strangers wrote, by who imports them."""

NEVER = (
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code",
    "codeop", "pty", "telnetlib", "ftplib", "smtplib", "tarfile", "xmlrpc", "requests",
)  # fmt: skip
"""Modules that nothing here needs."""

CODE = {
    "keras_model/maker.py": "Python that the user named as MODEL, which is said; its own process",
    "cli/application.py": "a command's module, of a list of ours",
    "doctor/devices.py": "a framework, of a list of ours",
    "pages/report.py": "a section's module, of a list of ours",
    "profiling/worker.py": "a framework and our module for it, of a list of ours",
    "__init__.py": "a public name, of a list of ours",
}
"""Who imports a module by a name that is a value, and whose name that is."""

SHELLS = ("system", "popen", "spawnl", "spawnv", "execv", "execvp", "execl", "startfile")
LOADERS = ("load_model", "load", "loads", "unsafe_load", "full_load", "extractall", "extract")


@cache
def nodes() -> tuple[tuple[str, ast.AST], ...]:
    """What is looked at of the syntax trees of the package, each with its module."""
    kinds = (ast.Call, ast.Import, ast.ImportFrom, ast.Tuple, ast.List)
    return tuple(
        (name, node)
        for name, source in modules().items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, kinds)
    )


def dotted(node: ast.AST) -> str:
    """A name with what is taken of it, ``yaml.safe_dump``; nothing for what has none."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    """All calls: module, what is called, the call."""
    return tuple(
        (name, dotted(node.func), node) for name, node in nodes() if isinstance(node, ast.Call)
    )


@cache
def imports() -> frozenset[tuple[str, str]]:
    """All imports, wherever in a module: module, and the name that it imports."""

    def names(node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and node.module:
            return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        return []

    return frozenset((name, each) for name, node in nodes() for each in names(node))


def importers(wanted: str) -> set[str]:
    """Who imports a module, or one in it."""
    return {name for name, each in imports() if f"{each}.".startswith(f"{wanted}.")}


@pytest.mark.parametrize("wanted", IMPORTED)
def test_what_reaches_out_is_imported_where_it_has_a_reason(wanted: str) -> None:
    assert importers(wanted) == set(IMPORTED[wanted])


def test_what_nothing_needs_is_imported_nowhere() -> None:
    assert {name: importers(name) for name in NEVER if importers(name)} == {}


def test_text_is_never_carried_out_as_code_nor_given_to_a_shell() -> None:
    found = {
        (module, called)
        for module, called, call in calls()
        if called in ("eval", "exec", "compile", "__import__", "builtins.eval", "tempfile.mktemp")
        or (called.startswith("os.") and called.removeprefix("os.") in SHELLS)
        or any(keyword.arg == "shell" for keyword in call.keywords)
    }
    assert found == set()


def test_modules_named_by_a_value_are_ours_or_what_the_user_asked_to_run() -> None:
    found = {
        module
        for module, called, call in calls()
        if called.endswith(("import_module", "exec_module", "run_path", "run_module"))
        and not (call.args and isinstance(call.args[0], ast.Constant))
    }
    assert found == set(CODE)


def test_nothing_that_is_read_can_load_an_object() -> None:
    """Readers that make objects of what a file says: only ones that make plain values."""
    plain = {"json.load", "json.loads", "tomllib.load", "tomllib.loads"}
    arrays = {"np.load"}  # refuses objects unless it is told not to
    found = {
        (module, called)
        for module, called, call in calls()
        if "." in called and called.rpartition(".")[2] in LOADERS and called not in plain
    }
    assert found == {
        ("exports/makers.py", "onnx.load"),  # what was exported a moment ago, as below
        ("exports/runtimes.py", "keras.saving.load_model"),
        ("exports/runtimes.py", "tf.saved_model.load"),
        ("exports/runtimes.py", "torch.export.load"),
        ("exports/runtime_worker.py", "np.load"),  # arrays of the parent's
        ("keras_model/predictor.py", "np.load"),
    }
    told = {
        keyword.arg
        for _, called, call in calls()
        if called in arrays or called.endswith("load_model")
        for keyword in call.keywords
    }
    assert told <= {"compile"}


def test_every_python_that_is_started_takes_nothing_from_the_working_directory() -> None:
    """``-c`` and ``-m`` look there first; a stranger's folder may have modules."""
    commands = [
        (module, [ast.unparse(part) for part in node.elts[:2]])
        for module, node in nodes()
        if isinstance(node, ast.Tuple | ast.List)
        and node.elts
        and dotted(node.elts[0]) in ("sys.executable", "python")
    ]
    assert len(commands) > 9
    assert [each for each in commands if each[1][1] not in ("'-P'", "'-I'")] == []


def test_a_program_of_the_working_directory_is_not_taken_for_graphviz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsinspect.base.errors import GraphvizNotFound
    from rsinspect.drawing import engine

    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for path in (".", ""):  # as Windows has it without being told
        monkeypatch.setattr(shutil, "which", lambda name: f"./{name}")
        monkeypatch.setenv("PATH", path)
        with pytest.raises(GraphvizNotFound):
            engine.choose("system")
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine.choose("system").path == program


# ---- names that strangers chose, in everything that is written

HOSTILE = (
    '<b> x" [URL="javascript:alert(1)" image="a.png"]; <i>', "ends in \\", "layer:0",
    'x"]; click a href "javascript:alert(2)"; %%{init: {"securityLevel": "loose"}}%%',
    "<img src=x onerror=alert(3)></title></script><script>alert(4)</script>",
    "\\input{a.tex}$x^y$%&#_{}~", "=cmd|' C calc'!A0", "＝1+2", "@SUM(1)",
    "!!python∕object∕apply:os.system ['id']", "[x](javascript:alert(5)) ![y](http:e) |`",
    "abc\u202edef\u2066",
)  # fmt: skip
"""None of it may be more than a text, whatever the format."""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network each of whose layers, and which itself, has such a name."""
    monkeypatch.chdir(tmp_path)
    document = layout_of(1, 1, 1, 1, width=0.25, resolution=(32, 32)).to_json()
    graph = document["graph"]
    new = {
        layer["path"]: "/".join(
            (*layer["path"].split("/")[:-1], f"{HOSTILE[n % len(HOSTILE)].replace('/', '∕')}{n}")
        )
        for n, layer in enumerate(graph["layers"])
    }
    for layer in graph["layers"]:
        layer["path"] = new[layer["path"]]
        layer["inputs"] = [new[path] for path in layer["inputs"]]
    graph |= {"outputs": [new[path] for path in graph["outputs"]], "name": HOSTILE[0]}
    document |= {"title": HOSTILE[4], "names": {path: f"{path}\\" for path in new.values()}}
    path = tmp_path / "net.json"
    path.write_text(json.dumps(document))
    return path


class _Elements(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, ""), *((tag, name) for name, _ in attrs)]


def test_no_name_is_more_than_a_text_in_a_table(hostile: Path, cli: Cli) -> None:
    def written(format: str) -> str:
        outcome = cli("summary", hostile, "--level", "layer", "-f", format)
        assert outcome.code == 0, outcome.err
        return outcome.out

    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written("table")
    )
    assert yaml.safe_load(written("yaml")) == json.loads(written("json"))
    cells = [cell for row in csv.reader(io.StringIO(written("csv"))) for cell in row]
    texts = [cell for cell in cells if not re.fullmatch(r"[-+.\de]+", cell)]
    assert [cell for cell in texts if cell.startswith(("=", "+", "-", "@", "＝"))] == []
    markdown = re.sub(r"\\.", "", written("markdown"))
    assert not re.search(r"\]\(|<(?!/?sup>)|`", markdown)
    assert not re.search(r"(?<!\\textbackslash\{\})\\input", written("latex"))
    elements = _Elements(written("html")).found
    assert {tag for tag, _ in elements} & {"img", "a", "iframe", "object"} == set()
    assert [tag for tag, name in elements if tag == "script" and not name] == ["script"]
    assert [name for _, name in elements if name.startswith("on")] == []


@pytest.mark.parametrize("view", ["stages", "layers"])
def test_no_name_is_more_than_a_text_in_a_picture(hostile: Path, cli: Cli, view: str) -> None:
    plain = hostile.with_name("plain.json")
    layout_of(1, 1, 1, 1, width=0.25, resolution=(32, 32)).save(plain)

    def drawn(network: Path, suffix: str) -> str:
        target = network.with_suffix(suffix)
        outcome = cli("graph", network, "--view", view, "-o", target)
        assert outcome.code == 0, outcome.err
        return target.read_text("utf-8")

    pictures = [ElementTree.fromstring(drawn(path, ".svg")) for path in (hostile, plain)]
    tags = [sorted({element.tag for element in picture.iter()}) for picture in pictures]
    assert tags[0] == tags[1]
    assert not [name for each in pictures[0].iter() for name in each.attrib
                if name.startswith("on") or name.endswith("href")]  # fmt: skip
    statements = [len(drawn(path, ".dot").splitlines()) for path in (hostile, plain)]
    assert statements[0] == statements[1]
    mermaid = drawn(hostile, ".mmd").partition("\n---\n")[2]
    assert not re.search(r"%%\{|^\s*click|<(?!br|b>|/b>|i>|/i>)", mermaid, re.MULTILINE)
    code = re.sub(r"(?m)(?<!\\)%.*$", "", drawn(hostile, ".tex"))
    assert "\\input" not in code


def test_a_program_is_python_whatever_its_file_is_called(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, option in (('x"""; import os #.py', ()), ("x\\N.py", ("--fine-tune",))):
        assert cli("recipe", "50", "-f", "python", *option, "-o", name).code == 0
        body = ast.parse((tmp_path / name).read_text("utf-8")).body
        assert isinstance(body[0], ast.Expr)


def test_the_policy_of_every_page_names_its_scripts_and_nothing_else(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = layout_of(1, 1, 1, 1, width=0.25, resolution=(32, 32))
    small.save("net.json")
    assert cli("graph", "net.json", "-o", "graph.html").code == 0
    assert cli("report", "net.json", "--only", "facts", "-o", "report.html").code == 0
    assert cli("report", "--gallery", "net.json,50", "--only", "facts", "-o", "gallery").code == 0
    graph = Path("graph.html").read_text("utf-8")
    framed = rsinspect.graph(small).to_html()
    (frame,) = re.findall(r'srcdoc="([^"]*)"', framed)
    pages = {
        "graph": graph,
        "table": cli("summary", "net.json", "-f", "html").out,
        "report": Path("report.html").read_text("utf-8"),
        "gallery": Path("gallery/index.html").read_text("utf-8"),
        "frame": html.unescape(frame),
    }
    for name, page in pages.items():
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
        digests = [b64encode(sha256(each.encode()).digest()).decode() for each in scripts]
        allowed = re.findall(r"'sha256-([^']+)'", rules["script-src"])
        assert allowed[: len(digests)] == digests, name
        assert rules["script-src"].count("'") == 2 * len(allowed), name
        assert len(allowed) - len(digests) == (name == "frame")  # that of the page which it unpacks
