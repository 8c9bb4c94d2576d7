"""The reference of the library, a page per question, made of signatures and docstrings.

Read from the source, so that making it loads no framework. A docstring has sections as this house
writes them: ``Args``, ``Attributes`` and ``Raises``, each name with its sentence, then examples.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import rsinspect

MADE = (
    "<!-- Made of the docstrings by tests/test_reference.py, which also says how; change them. -->"
)
PACKAGE = Path(rsinspect.__file__).parent
KERAS = "rsinspect.keras_model.applications"
RESULTS = (
    "results", "run_results", "comparison_results", "sweep_results", "weight_results",
    "page_results", "recipes", "choosing", "weighing", "predicting", "exporting",
)  # fmt: skip
DEPTHS = tuple(name for name in rsinspect.__all__ if re.fullmatch(r"ResNetRS\d+", name))


class Page(NamedTuple):
    """A page: the question it answers, and the names that do."""

    title: str
    says: str
    names: tuple[str, ...]


PAGES = {
    "networks": Page(
        "Networks: what they are and cost",
        "A network from whatever somebody has, what it consists of, and what it costs.",
        ("network", "Network", "summary", "variants", "table", "scale", "check"),
    ),
    "drawing": Page(
        "Pictures, differences and pages",
        "Figures, what one network has and another has not, and one page with everything.",
        ("graph", "diff", "report"),
    ),
    "measuring": Page(
        "Measuring",
        "How fast a network is here, which of two is faster, and how sure that is.",
        ("profile", "fastest", "compare", "estimate", "sweep", "load_run", "load_runs"),
    ),
    "choosing": Page(
        "Choosing",
        "Which network is best within bounds, and accuracy against what it costs.",
        ("choose", "pareto"),
    ),
    "weights": Page(
        "Weight files",
        "What a file is, whether it is safe to load, and how it becomes another.",
        ("inspect_weights", "verify_weights", "diff_weights", "convert_weights"),
    ),
    "models": Page(
        "Models of Keras",
        "The drop-in for `keras.applications.resnet_rs` on Keras 3, and what is done with models.",
        ("ResNetRS", *DEPTHS, "preprocess_input", "decode_predictions", "fold_batch_norm",
         "fuse_batch_norm", "recipe", "predict", "export"),
    ),
}  # fmt: skip
WARNINGS = ("RsInspectError", "FoldingWarning", "WeightsWarning")


def pages() -> Iterator[tuple[str, str]]:
    """Write every page: its file, and what is in it."""
    yield "README.md", _index()
    for file, page in PAGES.items():
        lines = [MADE, f"# {page.title}", "", page.says, ""]
        for name in page.names:
            if name in DEPTHS:
                if name == DEPTHS[0]:
                    lines += _depths()
            else:
                lines += _entry(found(name), f"rsinspect.{name}", 2)
        yield f"{file}.md", _joined(lines)
    yield "results.md", _results()
    yield "errors.md", _errors()


def named() -> set[str]:
    """List the public names that the pages have."""
    return {name for page in PAGES.values() for name in page.names} | {*WARNINGS}


def _index() -> str:
    lines = [MADE, "# Python", "", _prose(_docstring(_tree("rsinspect"))), "", "| page | names |",
             "| --- | --- |"]  # fmt: skip
    for file, page in PAGES.items():
        names = ", ".join(f"`{name}`" for name in page.names)
        lines.append(f"| [{page.title}]({file}.md) | {names} |")
    lines += [
        "| [Answers](results.md) | what functions give: shown, saved, read |",
        "| [Errors and warnings](errors.md) | what is raised, and the exit code it becomes |",
        "",
    ]
    return _joined(lines)


def _results() -> str:
    lines = [MADE, "# Answers", "",
             "What functions give shows itself in a notebook and in a terminal and saves itself; "
             "none is made by hand.", ""]  # fmt: skip
    for module in RESULTS:
        for node in _tree(f"rsinspect.api.{module}").body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                lines += _entry(node, node.name, 2)
    return _joined(lines)


def _errors() -> str:
    lines = [MADE, "# Errors and warnings", "",
             "Every refusal is an `RsInspectError` in one line with a hint; each row is a kind of "
             "the class in its second column.", "",
             "| class | is a | exit code | says |", "| --- | --- | --- | --- |"]  # fmt: skip
    codes: dict[str, str] = {}
    for node in _tree("rsinspect.base.errors").body:
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            own = [ast.unparse(each.value) for each in node.body
                   if isinstance(each, ast.AnnAssign | ast.Assign) and each.value is not None
                   and "exit_code" in ast.unparse(each)]  # fmt: skip
            inherited = [codes[base] for base in bases if base in codes]
            codes[node.name] = (own or inherited or ["-"])[0]
            code = codes[node.name] if "Warning" not in node.name else "none"
            says = _prose(_docstring(node)).split("\n\n")[0]
            kinds = ", ".join(f"`{base}`" for base in bases)
            lines.append(f"| `{node.name}` | {kinds} | {code} | {_cell(says)} |")
    lines.append("")
    return _joined(lines)


def _depths() -> list[str]:
    names = ", ".join(f"`rsinspect.{name}`" for name in DEPTHS)
    call = next(n for n in _found(KERAS, "PublishedDepth").body if isinstance(n, ast.FunctionDef))
    return [
        f"## rsinspect.{DEPTHS[0]} and the other published depths", "",
        f"{names}: `ResNetRS` at a published depth, with the rates that Keras 2 gives it.", "",
        *_signature(call, f"rsinspect.{DEPTHS[0]}"),
        "Arguments, shapes and errors are those of `ResNetRS`. The default of `bn_momentum` is "
        "0.99, fit for training; Keras 2 had 0.0.", "",
    ]  # fmt: skip


def _entry(node: ast.ClassDef | ast.FunctionDef, name: str, level: int) -> list[str]:
    """Write what a function or a class is, with its public methods."""
    lines = ["#" * level + f" {name}", ""]
    if isinstance(node, ast.FunctionDef):
        return lines + _signature(node, name) + _described(_docstring(node))
    bases = [base for base in map(ast.unparse, node.bases) if not base.startswith("_")]
    if bases:
        lines += [f"A {' and '.join(f'`{base}`' for base in bases)}.", ""]
    lines += _described(_docstring(node))
    short = name.rpartition(".")[2]
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
            made = {ast.unparse(one) for one in each.decorator_list}
            if "property" in made or "cached_property" in made:
                lines += [f"**`.{each.name}`**{_returns(each)}: "
                          f"{_sentence(_docstring(each))}", ""]  # fmt: skip
            else:
                lines += ["#" * (level + 1) + f" {short}.{each.name}", ""]
                lines += _signature(each, f".{each.name}") + _described(_docstring(each))
    return lines


def _signature(node: ast.FunctionDef, name: str) -> list[str]:
    """Write how a function is called, an argument a line where they are many."""
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(plain) - len(args.defaults)) + [*args.defaults]
    parts = [_argument(a, d) for a, d in zip(plain, defaults, strict=True) if a.arg not in _SELF]
    if args.vararg:
        parts.append("*" + _argument(args.vararg, None))
    elif args.kwonlyargs:
        parts.append("*")
    parts += [_argument(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg:
        parts.append("**" + _argument(args.kwarg, None))
    line = f"{name}({', '.join(parts)}){_returns(node)}"
    if len(line) > 88:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){_returns(node)}"
    return ["```python", line, "```", ""]


_SELF = ("self", "cls")


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    kind = "" if argument.annotation is None else f": {_type(argument.annotation)}"
    if default is None:
        return argument.arg + kind
    return f"{argument.arg}{kind}{' = ' if kind else '='}{ast.unparse(default)}"


def _returns(node: ast.FunctionDef) -> str:
    return "" if node.returns is None else f" -> {_type(node.returns)}"


def _type(annotation: ast.expr) -> str:
    return ast.unparse(annotation).strip("'")


SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):\n", re.MULTILINE)
ENTRY = re.compile(r"^ {4}(\S[^:\n]*): ((?:.*(?:\n {8}.*|\n(?=\n {8}))*))", re.MULTILINE)
HEADS = {"Args": "Arguments"}


def _described(docstring: str) -> list[str]:
    """Write a docstring: its sentences, its sections as lists, its examples as blocks."""
    text, examples = _apart(docstring)
    first, *rest = SECTION.split(text)
    lines = [_prose(first), ""]
    for section, body in zip(rest[::2], rest[1::2], strict=True):
        lines += [f"**{HEADS.get(section, section)}**", ""]
        found = list(ENTRY.finditer(body))
        if found:
            lines += [f"- `{each[1]}`: {_sentence(each[2])}" for each in found] + [""]
        after = body[found[-1].end() :] if found else body
        lines += [_prose(after), ""] if after.strip() else []
    if examples:
        lines += ["```pycon", examples, "```", ""]
    return lines


def _apart(docstring: str) -> tuple[str, str]:
    """Divide a docstring into its text and its examples, which stand at its end."""
    at = re.search(r"^ *>>> ", docstring, re.MULTILINE)
    if at is None:
        return docstring, ""
    examples = re.sub(r" *# doctest: \S+", "", docstring[at.start() :]).rstrip()
    return docstring[: at.start()], "\n".join(line.strip("\n") for line in examples.split("\n"))


def _prose(text: str) -> str:
    """Write paragraphs, each on a line of its own, code as Markdown has it."""
    text = _apart(text)[0]
    return "\n\n".join(_sentence(part) for part in re.split(r"\n\s*\n", text.strip()))


def _sentence(text: str) -> str:
    return _cell(" ".join(text.split()).replace("``", "`"))


def _cell(text: str) -> str:
    """Keep Markdown from reading signs outside of code as its own."""
    return "".join(
        part if part.startswith("`") else re.sub(r"([|*<])", r"\\\1", part)
        for part in re.split(r"(`[^`]*`)", text)
    )


def found(name: str) -> ast.ClassDef | ast.FunctionDef:
    """Find a public name where it lives."""
    homes: Mapping[str, str] = rsinspect._HOMES
    return _found(homes.get(name, KERAS), name)


def _found(module: str, name: str) -> ast.ClassDef | ast.FunctionDef:
    """Find a function or a class in its module, or in the one that this imports it from."""
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            made = {ast.unparse(one) for one in node.decorator_list}
            if "overload" not in made:
                return node
    raise LookupError(f"{module} has no {name}")


def _tree(module: str) -> ast.Module:
    path = PACKAGE.parent / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text("utf-8"))


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    return ast.get_docstring(node) or ""


def _joined(lines: list[str]) -> str:
    """Join lines, with one blank line between what has several."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"
