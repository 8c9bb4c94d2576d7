"""Networks held to bounds: what holds, what is said of the rest, and the file that keeps them."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rsinspect
from rsinspect.answers import bounds as bounds_
from rsinspect.answers.bounds import NAMES, bounds_of, usual_bounds, verdicts
from rsinspect.answers.bounds_file import Entry, read_entries, write_entries
from rsinspect.base.amounts import amount
from rsinspect.base.errors import InvalidQuestion, RsInspectError
from rsinspect.base.units import binary_bytes, count, grouped
from rsinspect.cli.check import BoundOptions
from rsinspect.layers.question import Question
from tests.conftest import Cli
from tests.networks import configuration, network_of

PARAMS = 63_724_296
"""Of resnet-rs-101; its FLOPs are 12 030 951 424 at 192 pixels."""


@given(st.integers(0, 10**15))
def test_what_is_written_of_a_number_is_met_by_it(number: int) -> None:
    texts = (str(number), grouped(number), f"{number:,}", f"{number:_}", count(number))
    assert all(amount(text).is_met_by(number) for text in texts)
    assert amount(binary_bytes(number).replace("PiB", "TiB"), in_bytes=True).value >= 0
    assert amount(number).value == amount(str(number)).value == number
    assert not amount(number).is_met_by(number + 1)


@given(st.integers(1, 10**6), st.integers(0, 3), st.sampled_from("kMGT"), st.integers(0, 10**15))
def test_an_amount_is_met_by_what_rounds_to_it(
    digits: int, places: int, unit: str, value: int
) -> None:
    text = f"{digits / 10**places:.{places}f}{unit}"
    scale = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}[unit]
    last = scale // 10**places
    written = digits * last
    assert amount(text).is_met_by(written + last // 2)
    assert not amount(text).is_met_by(written + last // 2 + 1)
    assert amount(text).is_most_of(value) == (value <= written)
    assert amount(text).is_least_of(value) == (value >= written)


@pytest.mark.parametrize(
    "wrong", ["", "x", "-1", "10X", "1,02", "1 2", "1e99", "1e-99x", "٣M", "9" * 99, True, None,
              float("nan"), float("inf"), 1e30, [1], "64 MiB", "0x10"],
)  # fmt: skip
def test_what_is_no_count_is_refused_in_one_line(wrong: object) -> None:
    with pytest.raises(InvalidQuestion) as caught:
        amount(wrong, in_bytes=False)
    assert "\n" not in str(caught.value)


def test_every_bound_has_an_option_of_its_name() -> None:
    assert {field.name for field in fields(BoundOptions)} == set(NAMES)


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        ({"params": "63.7M"}, None),
        ({"params": "64M"}, None),
        ({"params": PARAMS}, None),
        ({"params": "63.8M"}, "params: 63 724 296 (63.7 M), must be 63.8M"),
        ({"params": PARAMS + 1}, "params: 63 724 296 (63.7 M), must be 63 724 297"),
        ({"max_flops": "12.1G"}, None),
        ({"max_flops": 12e9}, "FLOPs: 12 030 951 424 (12.0 G), must be at most 12 000 000 000"),
        ({"min_layers": 530}, "layers: 529, must be at least 530"),
        ({"max_trainable_params": "63,618,696"}, None),
        ({"macs": "6012157952"}, None),
        ({"peak_activation": "5.06 MiB"}, None),
        (
            {"max_peak_activation": "5MB"},
            "peak bytes of activations: 5 308 416 (5.06 MiB), must be at most 5MB",
        ),
        ({"image": 192}, None),
        ({"image": "160x192"}, "image size: 192×192, must be 160×192"),
        ({"layout": [3, 4, 23, 3]}, None),
        ({"layout": "3,4,6,3"}, "blocks of the stages: 3, 4, 23, 3, must be 3, 4, 6, 3"),
    ],
)
def test_a_bound_holds_or_says_what_is_and_what_must_be(
    given: dict[str, Any], broken: str | None
) -> None:
    (verdict,) = verdicts(network_of(101), bounds_of(given), Question())
    assert (None if verdict.holds else verdict.sentence) == broken


def test_bytes_are_of_the_batch_and_the_dtype() -> None:
    one = rsinspect.check("50", max_peak_activation="3686400 B")
    assert one
    assert not rsinspect.check("50", max_peak_activation="3686400 B", batch=2)
    assert rsinspect.check("50", max_peak_activation="3686400 B", batch=2, dtype="float16")


def test_what_is_known_from_below_alone_keeps_a_least_bound_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flops = bounds_.QUANTITIES["flops"]._replace(unknown=lambda cost: 2)
    monkeypatch.setitem(bounds_.QUANTITIES, "flops", flops)
    given = {"max_flops": "1T", "min_flops": "1G", "flops": "12.0G"}
    found = verdicts(network_of(101), bounds_of(given), Question())
    assert [verdict.holds for verdict in found] == [False, True, False]
    assert found[0].sentence == (
        "FLOPs: at least 12 030 951 424 (12.0 G) (what 2 layers cost is unknown), "
        "must be at most 1T"
    )


def test_the_usual_bounds_of_a_network_hold_for_it_and_for_no_other() -> None:
    bounds = bounds_of(usual_bounds(network_of(50), Question()))
    assert all(verdict.holds for verdict in verdicts(network_of(50), bounds, Question()))
    assert not any(verdict.holds for verdict in verdicts(network_of(101), bounds, Question()))


def test_exit_code_and_lines_say_what_is_broken(cli: Cli) -> None:
    fine = cli("check", "101", "--params", "63.7M", "--max-flops", "13G")
    assert (fine.code, fine.err) == (0, "")
    assert "ResNet-RS-101 @ 192×192: 2 bounds hold" in fine.out
    wrong = cli("check", "101", "--params", "63.8M", "--max-flops", "10G", "--layers", "529")
    assert (wrong.code, wrong.err) == (1, "")
    assert wrong.out == (
        "101: params: 63 724 296 (63.7 M), must be 63.8M\n"
        "101: FLOPs: 12 030 951 424 (12.0 G), must be at most 10G\n"
    )
    document = cli("check", "101", "--max-flops", "10G", "-f", "json")
    assert document.code == 1
    assert document.err == "101: FLOPs: 12 030 951 424 (12.0 G), must be at most 10G\n"
    parsed = json.loads(document.out)
    assert parsed["schema"] == "rsinspect.check/1"
    assert parsed["holds"] is False
    assert parsed["networks"][0]["bounds"][0]["limit"] == 10**10
    assert parsed["networks"][0]["bounds"][0]["value"] == 12_030_951_424


def test_options_of_the_network_change_what_is_checked(cli: Cli) -> None:
    assert cli("check", "50", "--no-top", "--max-params", "34M").code == 0
    assert cli("check", "50", "--max-params", "34M").code == 1


def test_a_file_keeps_bounds_and_comments(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = cli("check", "50", "--update")
    assert (made.code, made.err) == (0, "wrote rsinspect.toml\n")
    file = Path("rsinspect.toml")
    assert cli("check", "152@224", "--max-flops", "25G", "--update").code == 0
    assert cli("check").code == cli("check", "50").code == 0
    text = file.read_text()
    kept = tomllib.loads(text)["check"]
    assert kept["152@224"] == {"max_flops": "25G"}
    assert kept["50"]["fingerprint"] == network_of(50).fingerprint
    theirs = text.replace("params = 35745288", "params = 1  # the first release")
    theirs = (
        theirs.replace('max_flops = "25G"', 'max_flops = "1G"  # of the board') + "[mine]\na=1\n"
    )
    file.write_text(theirs)
    drifted = cli("check")
    assert drifted.code == 1
    assert drifted.out.splitlines() == [
        "50: params: 35 745 288 (35.7 M), must be 1",
        "152@224: FLOPs: 23 803 617 280 (23.8 G), must be at most 1G",
    ]
    assert cli("check", "--update").code == 1  # a limit is nobody's to move but a person's
    assert file.read_text() == theirs.replace("params = 1 ", "params = 35745288 ")
    assert cli("check", "152@224", "--update", "--max-flops", "24G").code == 0
    assert 'max_flops = "24G"  # of the board\n[mine]' in file.read_text()


def test_the_file_says_what_is_asked_and_at_which_size(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ("check", "50", "-r", "320", "--batch", "8", "--convention", "mac", "--update")
    assert cli(*line, "--flops", "9.08G", "--max-peak-activation", "113MiB").code == 0
    entry = read_entries(tmp_path / "rsinspect.toml")["50"]
    assert entry.values() == {
        "resolution": "320",
        "convention": "mac",
        "batch": 8,
        "flops": "9.08G",
        "max_peak_activation": "113MiB",
    }
    assert cli("check").code == 0
    assert cli("check", "50", "-r", "160").code == 1


NAME = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable())


@given(first=NAME, second=NAME, size=st.sampled_from([None, "224"]))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, first: str, second: str, size: str | None
) -> None:
    path = tmp_path_factory.mktemp("bounds") / "bounds.toml"
    bounds = {"params": 12, "max_flops": "1 G", "layout": "3,4"}
    entries = {
        name: Entry(model=name, resolution=size, question=Question(batch=3), bounds=bounds)
        for name in (first, second)
    }
    write_entries(path, entries)
    assert read_entries(path) == entries
    write_entries(path, {first: replace(entries[first], bounds={"params": 13})})
    assert read_entries(path)[first].bounds == {"params": 13}
    assert len(read_entries(path)) == len(entries)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[check", "no TOML"),
        ("check = 1", "no table"),
        ("[check]\nx = 1", "no table"),
        ('[check."50"]\nmax_flop = 1', "did you mean max_flops?"),
        ('[check."50"]\nparams = "many"', "'many' is not a quantity"),
        ('[check."50"]\nparams = true', "True is not a quantity"),
        ('[check."50"]\nfingerprint = "g1:0"', "is not a fingerprint"),
        ('[check."50"]\nconvention = "papper"\nparams = 1', "did you mean paper?"),
        ('[check."50"]\nbatch = "8"', "the batch"),
        ('[check."50"]', "no bounds"),
        ("", "no bounds"),
        ("a = " + "[" * 3000, "no TOML"),
        ("a = " + "9" * 5000, "no TOML"),
        ("\xff", "no TOML"),
    ],
)
def test_a_file_that_holds_no_bounds_is_refused_in_a_line(
    cli: Cli, tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "bounds.toml"
    path.write_text(content, encoding="utf-8")
    outcome = cli("check", "--bounds", path)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
    assert len(outcome.err.splitlines()) <= 2


@pytest.mark.parametrize(
    "content",
    [
        'check = {"50" = {params = 1}}\n',
        '[check]\n"50".params = 1\n',
        '"x" = """\n[check."50"]\n"""\n',
    ],
)
def test_a_layout_that_cannot_be_updated_line_by_line_is_left_as_it_is(
    cli: Cli, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "bounds.toml"
    path.write_text(content)
    outcome = cli("check", "50", "--update", "--max-layers", "1", "--bounds", path)
    assert outcome.code == 2
    assert "cannot be updated" in outcome.err
    assert path.read_text() == content


def test_a_result_of_python_is_true_where_all_bounds_hold() -> None:
    result = rsinspect.check(network_of(101), params="63.7M", max_flops="10G")
    assert not result
    assert result.broken == (
        "ResNet-RS-101 @ 192×192: FLOPs: 12 030 951 424 (12.0 G), must be at most 10G",
    )
    assert [row["outcome"] for row in result.rows] == ["holds", "broken"]
    assert rsinspect.check("101", layers=529, resolution=224).holds
    with pytest.raises(RsInspectError, match="did you mean max_flops"):
        rsinspect.check("101", max_flop=1)
    with pytest.raises(RsInspectError, match="no bounds"):
        rsinspect.check("101")


def test_a_network_of_the_file_that_is_gone_is_refused_with_the_file(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "bounds.toml"
    path.write_text('[check."gone.keras"]\nparams = 1\n')
    for update in ((), ("--update",)):
        outcome = cli("check", "--bounds", path, *update)
        assert (outcome.code, outcome.out) == (2, "")
        assert "bounds.toml: check of 'gone.keras': there is no file" in outcome.err


def test_a_size_of_what_takes_no_image_is_refused(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "text.json"
    path.write_bytes(configuration("text_model"))
    for command in (("summary", path), ("check", path, "--max-params", "1G")):
        outcome = cli(*command, "-r", "64")
        assert (outcome.code, outcome.out) == (2, "")
        assert "takes no image, so it has no other resolution" in outcome.err
        assert "hint: it takes " in outcome.err
