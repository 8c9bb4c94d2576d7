"""What the README and the page about latency say of measurements is what their results say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = (ROOT / "docs" / "latency.md").read_text("utf-8")
BESIDE_OTHERS = PAGE.partition("## How fast is it beside others?")[2].partition("\n## ")[0]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("load", "file"),
    [(1, "2026-11-26-comparisons-quiet.json"), (11, "2026-11-26-comparisons.json")],
)
def test_errors_of_comparisons_are_those_of_the_results(load: int, file: str) -> None:
    found = json.loads((RESULTS / file).read_text("utf-8"))
    row = rf"^\| load of {load}: (.+?) \| (\d+) \| (\d+) \| (\d+) \|$"
    rows = re.findall(row, PAGE, re.MULTILINE)
    said = [[int(number) for number in row[1:]] for row in rows]
    tests = [found["tests"][name] for name in ("rsinspect", "asv", "pyperf")]
    assert said == [[test[key] for test in tests] for key in ("false_alarms", "found")]
    assert all(f" {found['pairs']}" in row[0] for row in rows)
    held = "{same} and {slower} of the {pairs}".format(**found["covered"], pairs=found["pairs"])
    assert held in " ".join(PAGE.split())


def test_ratios_to_others_and_their_intervals_are_those_of_the_results() -> None:
    results = (RESULTS / "2026-11-26-two-cores.md").read_text("utf-8")
    ratios = set(re.findall(r"\*\*([\d.]+)\*\*", results))
    intervals = set(re.findall(r"\| ([\d.]+) \.\. ([\d.]+) \|", results))
    for text in (BESIDE_OTHERS, README.partition("Folding makes")[2].partition("\n\n")[0]):
        said = re.findall(r"(\d\.\d\d) to\s+(\d\.\d\d)\)", text)
        assert said
        assert set(said) <= intervals
        alone = set(re.findall(r"\b\d\.\d\d\b", text)) - {end for pair in said for end in pair}
        assert alone <= ratios
