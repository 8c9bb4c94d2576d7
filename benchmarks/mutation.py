"""Whether tests notice that a number, a sign or a word of the code is another one.

python -m benchmarks.mutation             all modules of ``TESTED``; about half an hour on one core
python -m benchmarks.mutation cost fold   those alone

Prints the mutants that no test noticed, and a table. One that nothing could notice, or that tests
of another kind do, stands in ``results/mutants.json`` with the reason, and is out of the score.

Needs mutmut, whose mutations these are. mutmut by itself leaves out whatever is decorated, which
here is every cached function and every property, and runs each mutant in a new process. So this
collects the tests of a module once, forks for every mutant, puts its code in place of the
function's in that child, and runs there the tests that reach the line until one fails, those first
that noticed most. No file is changed. Not mutated: annotations, decorators, docstrings, defaults of
parameters, fields of classes.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import os
import re
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from difflib import ndiff
from importlib import import_module
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

WIRING = ("structure", "blocks", "structure_networks")

TESTED: dict[str, tuple[str, ...]] = {
    "layers.cost": ("cost",),
    "layers.receptive_field": ("receptive_field",),
    "layers.liveness": ("cost", "saved"),
    "layers.structure": ("structure", "blocks"),
    "layers.blocks": ("structure", "blocks"),
    "layers.cuts": WIRING,
    "layers.division": WIRING,
    "layers.chains": WIRING,
    "layers.stages": WIRING,
    "layers.fold": ("fold",),
    "layers.batch_norm": ("batch_norm",),
    "profiling.statistics": ("intervals", "profiling_statistics"),
    "comparisons.ratio": ("ratio",),
}
"""Modules, and the test files that are about them."""

EXAMINED = ROOT / "benchmarks/results/mutants.json"
"""By module: mutants that these tests need not notice, and why."""

NO_FAILURE, KILLED, MOST_TOLD = 0, 1, 200
"""How a child ends: no test failed, or one did; beyond 1, which of the first so many."""
SECONDS = 3.0
"""CPU time that a mutant may take beyond what its tests take without it."""
QUICK_S = 0.5
"""CPU time of the slowest test that is run on mutants."""


class Mutant(NamedTuple):
    """One change of one place.

    Attributes:
        lines: From the first of the statement to its own.
        place: Name of the function, with its class; empty for a constant of the module.
        before: The code.
        after: What it became.
        source: The whole module with it.
    """

    lines: range
    place: str
    before: str
    after: str
    source: str


def mutants_of(source: str) -> Iterator[Mutant]:
    """List every mutant of a module, by mutmut's operators, each once; of a string the first."""
    import libcst as cst
    from libcst.metadata import MetadataWrapper, PositionProvider
    from mutmut.mutation.mutators import mutation_operators

    left_out = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Parameters)

    def places(statement: Any) -> Iterator[tuple[str, Any]]:
        """List the functions of a statement of the module; or the constant that it is."""
        if isinstance(statement, cst.ClassDef):
            inner = (pair for each in statement.body.body for pair in places(each))
            yield from ((f"{statement.name.value}.{name}", at) for name, at in inner if name)
        elif isinstance(statement, cst.FunctionDef):
            yield statement.name.value, statement
        elif isinstance(statement, cst.SimpleStatementLine):
            yield "", statement

    def within(node: Any, first: int = 0) -> Iterator[tuple[Any, int]]:
        """List a node and all in it, each with the first line of its statement."""
        if not isinstance(node, left_out) and not is_inert(node):
            if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
                first = position[node].start.line
            yield node, first
            for child in node.children:
                yield from within(child, first)

    def is_inert(node: Any) -> bool:
        """Tell documentation, and types that have a name."""
        return (isinstance(node, cst.Expr) and isinstance(node.value, cst.BaseString)) or (
            isinstance(node, cst.Assign) and is_type(node.targets[0].target)
        )

    def is_type(target: Any) -> bool:
        """Tell the name of a type, ``Likeness`` or ``_Seen``, from that of a constant."""
        return isinstance(target, cst.Name) and bool(re.match("_?[A-Z][a-z]", target.value))

    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    module = wrapper.module
    position = wrapper.resolve(PositionProvider)
    texts = [module.code_for_node(statement) for statement in module.body]
    seen = {source}
    for number, statement in enumerate(module.body):
        for place, node, first, operator in (
            (place, node, first, operator)
            for place, owner in places(statement)
            for node, first in within(owner)
            for kind, operator in mutation_operators
            if isinstance(node, kind)
        ):
            for new in islice(operator(node), 1 if isinstance(node, cst.SimpleString) else None):
                changed = module.code_for_node(statement.deep_replace(node, new))
                after = "".join([*texts[:number], changed, *texts[number + 1 :]])
                if after not in seen:
                    seen.add(after)
                    lines = range(first, position[node].start.line + 1)
                    gone, come = told_apart(texts[number], changed)
                    if not is_guard(gone, come):
                        yield Mutant(lines, place, gone, come, after)


def is_guard(gone: str, come: str) -> bool:
    """Tell a change of what can only fail: ``strict`` of a ``zip``, ``assert_never``."""
    plain = (
        re.sub(r", (strict=\w+)?|(case _: )?assert_never\(\w+\)", "", text) for text in (gone, come)
    )
    return len(set(plain)) == 1


def told_apart(before: str, after: str) -> tuple[str, str]:
    """Write what was there and what is, by whole lines of code that differ."""
    rows = list(ndiff(before.splitlines(), after.splitlines()))
    gone, come = (" ".join(row[1:].strip() for row in rows if row[0] == sign) for sign in "-+")
    return gone, come


def put_in_place(module: ModuleType, mutant: Mutant) -> None:
    """Let a module that others have imported behave as if it had been written with the mutant.

    Raises:
        ValueError: If it takes other variables of an outer function than before.
        SyntaxError: If it is no Python.
    """
    code = compile(mutant.source, str(module.__file__), "exec", dont_inherit=True)
    if not mutant.place:
        changed = ModuleType(module.__name__)
        vars(changed).update(__file__=module.__file__, __package__=module.__package__)
        exec(code, vars(changed))
        for name, old in list(vars(module).items()):
            new = vars(changed).get(name)
            if not callable(old) and not name.startswith("__") and repr(new) != repr(old):
                for other in list(sys.modules.values()):
                    if vars(other).get(name) is old:
                        setattr(other, name, new)
    else:
        names = mutant.place.split(".")
        function = function_at(module, names)
        function.__code__ = code_at(code, names)


def function_at(module: ModuleType, names: Sequence[str]) -> FunctionType:
    """Find a function of a module or class, under whatever decorates it."""
    found: Any = module
    for name in names:
        found = vars(found)[name]
    while not isinstance(found, FunctionType):
        under = ("fget", "func", "__func__", "__wrapped__")
        found = next(getattr(found, name) for name in under if hasattr(found, name))
    return found


def code_at(code: CodeType, names: Sequence[str]) -> CodeType:
    """Find the code of a function within that of its module."""
    for name in names:
        inner = (each for each in code.co_consts if isinstance(each, CodeType))
        code = next(each for each in inner if each.co_name == name)
    return code


class Reached(NamedTuple):
    """What a test does without any mutant: lines of the module that it runs, CPU seconds."""

    lines: frozenset[int]
    cpu_s: float


class Mutation:
    """Run every mutant of one module instead of the tests that were collected.

    Attributes:
        module: Its name within the package.
        outcomes: What became of each mutant, in order: killed, survived, unreached.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self.outcomes: list[tuple[str, Mutant]] = []
        self.kills: Counter[str] = Counter()
        self.caches: list[functools._lru_cache_wrapper[Any]] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Let Hypothesis draw the same examples each time, and shrink none that fails."""
        from hypothesis import Phase, settings

        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("mutation", None, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutation")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Find what each test reaches, then fork for every mutant."""
        module = import_module(f"rsinspect.{self.module}")
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        self.caches = [
            each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)
        ]
        gc.freeze()
        reached = self.reached(session, str(module.__file__))
        quick = [item for item in session.items if reached[item.nodeid].cpu_s <= QUICK_S]
        quick.sort(key=lambda item: reached[item.nodeid].cpu_s)
        for mutant in mutants_of(source):
            quick.sort(key=lambda item: -self.kills[item.nodeid])
            items = [
                item
                for item in quick
                if not mutant.place or not reached[item.nodeid].lines.isdisjoint(mutant.lines)
            ]
            limit_s = SECONDS + 3 * sum(reached[item.nodeid].cpu_s for item in items)
            self.outcomes.append((self.outcome(session, module, mutant, items, limit_s), mutant))
        return True

    def outcome(
        self,
        session: pytest.Session,
        module: ModuleType,
        mutant: Mutant,
        items: Sequence[pytest.Item],
        limit_s: float,
    ) -> str:
        """Run some tests with a mutant in a child, and tell whether one noticed."""
        if not items:
            return "unreached"
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s)))
            resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
            silence()
            try:
                put_in_place(module, mutant)
                self.forget()
                for number, item in enumerate(items):
                    run(session, item, items[number + 1 :])
                    if session.testsfailed:
                        os._exit(KILLED + 1 + number if number < MOST_TOLD else KILLED)
            except BaseException:
                os._exit(KILLED)
            os._exit(NO_FAILURE)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended > KILLED:
            self.kills[items[ended - KILLED - 1].nodeid] += 1
        return "survived" if ended == NO_FAILURE else "killed"

    def forget(self) -> None:
        """Let cached functions ask anew."""
        for cached in self.caches:
            cached.cache_clear()

    def reached(self, session: pytest.Session, path: str) -> dict[str, Reached]:
        """Run all tests in a child, as they are, and note which lines of a file each runs."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            silence()
            found: dict[str, tuple[list[int], float]] = {}
            lines: set[int] = set()

            def within(frame: FrameType, event: str, argument: object) -> Any:
                lines.add(frame.f_lineno)
                return within

            def entered(frame: FrameType, event: str, argument: object) -> Any:
                return within(frame, event, argument) if frame.f_code.co_filename == path else None

            threading.settrace(entered)
            for item in session.items:
                lines.clear()
                self.forget()
                began = time.process_time()
                sys.settrace(entered)
                run(session, item)
                sys.settrace(None)
                if session.testsfailed:
                    os._exit(KILLED)
                found[item.nodeid] = (sorted(lines), time.process_time() - began)
            with os.fdopen(writer, "w") as stream:
                json.dump(found, stream)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            text = stream.read()
        os.waitpid(child, 0)
        assert text, f"the tests of {self.module} fail as they are"
        return {
            name: Reached(frozenset(rows), cpu) for name, (rows, cpu) in json.loads(text).items()
        }


def silence() -> None:
    """Let what a child prints go nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def run(session: pytest.Session, item: pytest.Item, after: Sequence[pytest.Item] = ()) -> None:
    """Run one test, before others."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=after[0] if after else None)


def outcomes_of(module: str) -> list[tuple[str, Mutant]]:
    """Collect the tests of a module, and run its mutants."""
    plugin = Mutation(module)
    files = [f"tests/test_{name}.py" for name in TESTED[module]]
    options = [
        "-q", "-o", "addopts=", "-p", "no:cacheprovider", "-m", "not slow and not keras",
        "--assert=plain", "--tb=native",  # nobody reads why a test failed
    ]  # fmt: skip
    pytest.main([*options, *files], plugins=[plugin])
    return plugin.outcomes


def in_a_process(module: str) -> list[tuple[str, Mutant]]:
    """Run the mutants of a module where nothing of the package was imported before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(outcomes_of, module).result()


def main() -> None:
    """Run the mutants, print those that no test noticed, and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="modules, or the last part of their names; all")
    arguments = parser.parse_args()
    examined = json.loads(EXAMINED.read_text(encoding="utf-8"))
    rows = [
        "| module | mutants | noticed | explained | left | score |",
        f"| --- |{' ---: |' * 5}",
    ]
    for module in TESTED:
        if arguments.names and not {module, module.rpartition(".")[2]} & set(arguments.names):
            continue
        outcomes = in_a_process(module)
        known = {(each["place"], each["before"], each["after"]) for each in examined[module]}
        alive = [(outcome, mutant) for outcome, mutant in outcomes if outcome != "killed"]
        left = [pair for pair in alive if (pair[1].place, *pair[1][2:4]) not in known]
        for outcome, mutant in left:
            print(f"{module}:{mutant.lines[-1]} {mutant.place} {outcome}")
            print(f"    - {mutant.before}\n    + {mutant.after}", flush=True)
        killed = len(outcomes) - len(alive)
        score = f"{killed / (killed + len(left)):.1%}"
        counts = (len(outcomes), killed, len(alive) - len(left), len(left), score)
        rows.append(f"| `{module}` | {' | '.join(map(str, counts))} |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
