"""Tables for papers: what pdflatex says of them in a plain article, and how they are written."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.tables import COMMANDS


def table_of(cli: Cli, command: str) -> str:
    outcome = cli(*command.split(), "--format", "latex")
    assert outcome.code == 0, outcome.err
    return outcome.out


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_table_fits_the_text_of_a_plain_article(cli: Cli, tmp_path: Path) -> None:
    body = "\n\\clearpage\n".join(
        f"\\typeout{{AT {command}}}\n{table_of(cli, command)}" for command in COMMANDS
    )
    for paper in ("a4paper", "letterpaper"):
        log = log_of(body, paper, tmp_path / f"{paper}.tex")
        place, over = "", []
        for line in log.splitlines():
            place = line if line.startswith("AT ") else place
            found = re.match(r"Overfull .hbox .([\d.]+)pt|.*(Float too large)", line)
            if found and (found[2] or float(found[1]) > 1):
                over.append(f"{paper}: {place}: {line}")
        assert over == []
        assert "multiply defined" not in log
        assert "undefined" not in log


def log_of(body: str, paper: str, source: Path) -> str:
    """What pdflatex says of an article."""
    source.write_text(
        f"\\documentclass[{paper}]{{article}}\n"
        "\\usepackage{array,booktabs,longtable,threeparttable}\n"
        f"\\begin{{document}}\n{body}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    for _ in range(2):  # the second time longtables know their columns, and labels are known
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name],
            cwd=source.parent, capture_output=True, text=True, errors="replace", timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
    return source.with_suffix(".log").read_text(encoding="latin-1")


def test_what_authors_write_is_written(cli: Cli) -> None:
    table = table_of(cli, "table 7")
    assert table.startswith("% needs \\usepackage{array,booktabs,threeparttable}\n")
    assert "\\label{tab:table-7}" in table
    assert "\\caption{ResNet-RS and EfficientNet" in table  # its number is the author's
    assert "ENet-B0 & 224 & 5.3 & 0.8 & 0.47 & 90 & 77.1 & -- & -- & -- & -- \\\\" in table
    assert "RS-152\\textsuperscript{a} &" in table
    assert "\\item[\\textsuperscript{a}\\,]Printed 82.8" in table
    assert "36\\phantom{.0} & 4.6" in table  # points below each other
    assert "resizebox" not in table
    sizes = table_of(cli, "summary 101")
    assert "192$\\times$192$\\times$3" in sizes
    assert "63.7\\,M" in sizes
    assert "0.0\\,\\%" in sizes
    assert "$\\rightarrow$" in table_of(cli, "diff 152 200")
    assert "$-$0.5" in table_of(cli, "table 1")
    assert "\\begin{longtable}" in table_of(cli, "summary 101 --level layer")


def test_a_label_tells_sizes_apart(cli: Cli) -> None:
    labels = [
        re.findall(r"\\label{(.*?)}", table_of(cli, command))[0]
        for command in ("summary 101@160", "summary 101@192", "summary 101@192 -l block")
    ]
    assert labels[0] == "tab:summary-resnet-rs-101-160-160-stage"
    assert len({*labels}) == 3
