"""What a light call loads is on a list; what the package imports is what it asks to be installed.

Lists, not times: a call is as fast as what it loads, on a busy machine too. What a room or package
on a list costs is measured by ``benchmarks/startup.py``.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import python

CHECK = """
import sys
at_start = set(sys.modules)
from rsinspect.cli.app import run
{before}
code = run({arguments!r})
assert code == 0, code
sys.stderr.write("\\n" + " ".join(set(sys.modules) - at_start))
"""
TYPER = "typer annotated_doc shellingham base cli"
OPTIONS = f"{TYPER} drawing.choices render.formats answers.table"
MODEL = f"{OPTIONS} paper layers networks answers.rows"
MAY_LOAD = {
    "--help": f"rich {TYPER}",
    "--version": TYPER,
    "summary --help": f"rich {MODEL}",
    "profile --help": f"rich {MODEL} profiling.choices",
    "choose --help": f"rich {MODEL} profiling.choices tradeoffs.families",
    "export --help": f"rich {MODEL} exports.formats base.formats",
    "sweep --help": f"rich {MODEL} profiling.choices",
    "sweep --models 50 --dry-run": f"rich msgspec typing_extensions sqlite3 platformdirs {MODEL} "
    "answers runs sweeps profiling render.cells render.console",
    "scale --help": f"rich {MODEL} design_space",
    "report --help": f"rich {MODEL} pages.choices",
    "summary 420": f"rich {MODEL} answers render.cells render.console",
    "summary 420 --level layer --format json": f"{MODEL} answers render",
    "summary 50 --format latex": f"{MODEL} answers render",
    "variants": f"rich {MODEL} answers render.cells render.console",
    "variants --family list": f"rich {MODEL} answers render.cells render.console",
    "table 7": f"rich {MODEL} answers render.cells render.console",
    "graph 101 -o -": f"graphviz {MODEL} drawing logging xml",
    "graph 101 -f html": f"jinja2 markupsafe rjsmin _rjsmin rcssmin _rcssmin {MODEL} drawing "
    "answers.explain",
    "graph 101 -f mermaid": f"{MODEL} drawing",
    "graph 101 -f tikz": f"jinja2 markupsafe {MODEL} drawing",
    "graph 101 -f me.json": f"{MODEL} drawing",
    "graph 101 -f netron.json": f"{MODEL} drawing",
    "graph 101 -q": f"rich {MODEL} drawing render.cells render.console",
    "diff 101 152": f"rich {MODEL} differences render.cells render.console",
    "check 101 --params 63.7M --max-peak-activation 6MiB": (
        f"rich {MODEL} answers render.cells render.console"
    ),
    "recipe 101": f"rich {MODEL} answers render.cells render.console",
    "recipe 101 -f python": (
        f"jinja2 markupsafe asyncio concurrent {MODEL} answers training.recipe "
        "training.fine_tuning training.script"
    ),
    "doctor": f"rich {OPTIONS} doctor drawing.engine drawing.layout profiling.choices "
    "profiling.machine profiling.gate networks.keras_cache networks.applications render.cells "
    "render.console email importlib.metadata",
    "cite": f"{OPTIONS} paper answers.citation render",
    "predict --help": f"rich {MODEL} images",
    "weights list": f"rich {OPTIONS} paper answers layers networks weights checkpoints "
    "render.cells render.console",
}
"""What each call may load: packages, and rooms or modules of rsinspect.

Of the standard library only what is on WATCHED has to be named, as it takes milliseconds.
"""

WATCHED = (
    "asyncio", "concurrent", "email", "http", "importlib.metadata", "logging", "multiprocessing",
    "sqlite3", "ssl", "unittest", "xml",
)  # fmt: skip


def loaded(arguments: str, before: str = "") -> set[str]:
    """Modules that a call loads, those of rsinspect without its name."""
    outcome = python(CHECK.format(arguments=arguments.split(), before=before))
    assert outcome.returncode == 0, outcome.stderr
    modules = outcome.stderr.splitlines()[-1].split()
    return {
        module.removeprefix("rsinspect.")
        for module in modules
        if module.partition(".")[0] not in sys.stdlib_module_names or within(module, WATCHED)
    } - {"rsinspect"}


def within(module: str, names: Iterable[str]) -> bool:
    """Whether a module is one of those, or inside one."""
    return any(module == name or module.startswith(f"{name}.") for name in names)


def beyond(modules: set[str], allowed: str) -> set[str]:
    """Modules that are neither on a list nor in a room or package that is."""
    names = tuple(allowed.split())
    packages = {name.partition(".")[0] for name in names}  # a room's own, empty module
    return {module for module in modules if module not in packages and not within(module, names)}


@pytest.mark.parametrize("arguments", MAY_LOAD)
def test_a_light_call_loads_what_is_on_its_list(arguments: str) -> None:
    assert beyond(loaded(arguments), MAY_LOAD[arguments]) == set()


COMPLETED = {
    "rsinspect su": TYPER,
    "rsinspect summary --": MODEL,
    "rsinspect doctor --": OPTIONS,
}


@pytest.mark.parametrize("line", COMPLETED)
def test_a_shell_that_asks_how_a_line_goes_on_loads_no_more(line: str) -> None:
    words = line.split()
    asked = {
        "_RSINSPECT_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    before = f"import os; os.environ.update({asked!r})"
    assert beyond(loaded("", before), COMPLETED[line]) == set()


def test_the_check_sees_a_module_that_is_loaded_on_purpose() -> None:
    seen = beyond(loaded("--version", before="import msgspec"), MAY_LOAD["--version"])
    assert {module.partition(".")[0] for module in seen} >= {"msgspec"}


def test_importing_the_package_loads_nothing() -> None:
    code = (
        "import sys; at_start = set(sys.modules); import rsinspect; dir(rsinspect);"
        "print(set(sys.modules) - at_start)"
    )
    assert python(code).stdout == "{'rsinspect'}\n"


MODULE_OF = {
    "nvidia-ml-py": "pynvml",
    "pygraphviz": "_graphviz",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "pillow": "PIL",
}
"""Packages that are imported by another name than they are installed by."""

IMPORTED_BY = {"tf2onnx": "keras"}
"""Packages that another one imports, when it is asked for what needs them."""

BROUGHT_BY = {"numpy": "tensorflow"}
"""Packages that another one always brings, as its own interface is made of theirs."""


def imported() -> Iterator[str]:
    """Every package that a module of rsinspect imports, anywhere in it."""
    for path in Path("rsinspect").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in filter(None, names):
                root = name.partition(".")[0]
                if root not in sys.stdlib_module_names and root != "rsinspect":
                    yield root


def test_what_the_package_imports_is_what_it_asks_to_be_installed() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    users = [
        extra for extra in project["optional-dependencies"] if extra not in ("test", "lint", "fuzz")
    ]
    lines = [
        *project["dependencies"],
        *(line for extra in users for line in project["optional-dependencies"][extra]),
    ]
    names = {re.match(r"[\w.-]+", line)[0].lower() for line in lines}  # type: ignore[index]
    declared = {MODULE_OF.get(name, name.replace("-", "_")) for name in names}
    assert set(imported()) - declared == set(BROUGHT_BY)
    assert declared - set(imported()) == set(IMPORTED_BY)
    assert set(BROUGHT_BY.values()) <= names
