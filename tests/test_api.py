"""The door for Python: few names, results that show and save themselves, errors in its words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import rsinspect
from rsinspect.base.errors import (
    GraphError,
    InvalidChoice,
    InvalidMeasurement,
    OutputNotWritable,
    RsInspectError,
    SpecError,
)
from tests.conftest import GOLDENS, python
from tests.networks import layout_of, network_of
from tests.test_profiling_worker import BRIEF

RUN = GOLDENS / "run-50-train.json"


def test_the_names_are_these_and_no_others() -> None:
    assert sorted(rsinspect.__all__) == [
        "FoldingWarning", "Network", "ResNetRS", "ResNetRS101", "ResNetRS152", "ResNetRS200",
        "ResNetRS270",
        "ResNetRS350", "ResNetRS420", "ResNetRS50", "RsInspectError", "WeightsWarning",
        "__version__",
        "check", "choose", "compare", "convert_weights", "decode_predictions", "diff",
        "diff_weights",
        "estimate",
        "export",
        "fastest", "fold_batch_norm", "fuse_batch_norm", "graph", "inspect_weights", "load_run",
        "load_runs",
        "network", "pareto", "predict", "preprocess_input", "profile", "recipe", "report", "scale",
        "summary",
        "sweep", "table", "variants", "verify_weights",
    ]  # fmt: skip
    assert dir(rsinspect) == sorted(rsinspect.__all__)


@pytest.mark.keras
def test_every_name_is_there() -> None:
    for name in rsinspect.__all__:
        assert getattr(rsinspect, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sumary'"):
        rsinspect.sumary  # noqa: B018


def test_using_rooms_hides_no_function() -> None:
    code = (
        "import rsinspect; homes = dict(rsinspect._HOMES);"
        "rsinspect.summary('50'); rsinspect.graph('50', 'stages').to_svg();"
        "rsinspect.diff('50', '101'); rsinspect.scale(depth=(50,));"
        "assert all(callable(getattr(rsinspect, name)) for name in homes)"
    )
    outcome = python(code)
    assert outcome.returncode == 0, outcome.stderr


def test_looking_at_a_network_loads_no_framework() -> None:
    code = (
        "import sys, rsinspect; repr(rsinspect.summary('50')); rsinspect.graph('50').to_svg();"
        "rsinspect.diff('50', '101').conclusion;"
        "print({'tensorflow', 'keras', 'jax', 'torch', 'numpy'} & set(sys.modules))"
    )
    assert python(code).stdout == "set()\n"


@pytest.mark.parametrize(
    "model",
    [
        50,
        "50",
        "resnet-rs-50",
        network_of(50),
        network_of(50).graph,
        network_of(50).spec,
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_network_comes_in_any_form(model: Any) -> None:
    made = rsinspect.network(model)
    assert made.fingerprint == network_of(50).fingerprint
    assert rsinspect.summary(model).to_json()["totals"]["params"] == 35_745_288


@pytest.mark.parametrize("model", [None, 3.5, True, [], "fifty", "", object()])
def test_what_is_no_network_is_refused_in_one_line(model: Any) -> None:
    with pytest.raises(RsInspectError) as caught:
        rsinspect.network(model)
    assert "\n" not in str(caught.value)


def test_a_resolution_goes_with_text_that_names_none() -> None:
    assert rsinspect.network("50", resolution=192).size == "192×192"
    with pytest.raises(SpecError, match="disagree"):
        rsinspect.network("50@160", resolution=192)


@pytest.mark.keras
def test_a_live_model_is_read_and_not_run() -> None:
    model = rsinspect.ResNetRS50(weights=None, input_shape=(160, 160, 3), classes=10)
    assert rsinspect.summary(model).to_json()["totals"]["params"] == model.count_params()
    difference = rsinspect.diff("50", model)
    assert difference.to_json()["totals_delta"]["params"] == model.count_params() - 35_745_288
    assert difference.conclusion.startswith("ResNet-RS-50 -> resnet-rs-50: units 1000 -> 10")


@pytest.mark.keras
def test_a_subclassed_model_is_refused_with_the_way_out() -> None:
    import keras

    class Own(keras.Model):  # type: ignore[misc]  # Keras is untyped
        def __init__(self, depth: int) -> None:
            super().__init__()

    with pytest.raises(GraphError, match=r"keeps no layers.*functional and Sequential"):
        rsinspect.network(Own(3))


def test_a_summary_is_a_table_in_text_html_and_records() -> None:
    result = rsinspect.summary("101")
    assert "12×12×1024  1 + 22" in repr(result)
    html = result._repr_html_()
    assert html.count("<tr") == 9
    assert "ResNet-RS-101 @ 192×192" in html
    assert result.rows[4]["path"] == "c4"
    layers = rsinspect.summary("101", level="layer", folded=False, filter="c4/*").rows
    assert result.rows[4]["params"] == sum(int(row["params"] or 0) for row in layers)
    assert result.totals[0]["path"] == "total"
    assert result.notes[-1].startswith("529 layers")


def test_html_escapes_what_networks_are_called() -> None:
    layer = network_of(50)
    from dataclasses import replace

    html = rsinspect.summary(replace(layer, title="<script>alert(1)</script>"))._repr_html_()
    assert "<script>alert" not in html


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".csv", ".md", ".tex", ".html", ".txt"])
def test_a_table_is_saved_as_its_name_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"summary{suffix}"
    rsinspect.summary("50").save(path)
    text = path.read_text()
    starts = {
        ".json": "{", ".yaml": "schema:", ".csv": "path,", ".md": "**ResNet-RS-50", ".tex": "%",
        ".html": "<!doctype", ".txt": "ResNet-RS-50",
    }  # fmt: skip
    assert text.startswith(starts[suffix])
    assert "c5" in text
    if suffix == ".json":
        assert json.loads(text) == rsinspect.summary("50").to_json()


def test_a_notebook_saves_what_a_program_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rsinspect.summary("50").save(tmp_path / "program.txt")
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    rsinspect.summary("50").save(tmp_path / "notebook.txt")
    assert (tmp_path / "notebook.txt").read_text() == (tmp_path / "program.txt").read_text()


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_what_has_a_picture_is_drawn_where_the_name_says_so(tmp_path: Path, suffix: str) -> None:
    results = {
        "table": rsinspect.table(7),
        "run": rsinspect.load_run(RUN),
        "diff": rsinspect.diff("50", "101"),
    }
    for name, result in results.items():
        result.save(tmp_path / f"{name}{suffix}")
        start = (tmp_path / f"{name}{suffix}").read_bytes()[:5]
        assert start.startswith({".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG"}[suffix])
    with pytest.raises(RsInspectError, match="table 3"):
        rsinspect.table(3).save(tmp_path / f"no{suffix}")
    assert not (tmp_path / f"no{suffix}").exists()


def test_a_suffix_that_names_no_format_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    for result in (rsinspect.summary("50"), rsinspect.graph("50", "stages")):
        with pytest.raises(RsInspectError):
            result.save(tmp_path / "x.xlsx")
    with pytest.raises(OutputNotWritable):
        rsinspect.summary("50").save(tmp_path / "nowhere" / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_svg_text_and_files(tmp_path: Path) -> None:
    picture = rsinspect.graph("50", "blocks", expand=["c4/block0"], color="flops")
    assert picture._repr_svg_().lstrip().startswith("<?xml")
    assert "c4" in repr(picture)
    for name, start in (("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"),
                        ("a.dot", b"digraph"), ("a.html", b"<!doctype")):  # fmt: skip
        picture.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().lower().startswith(start.lower()), name
    assert json.loads(json.dumps(picture.to_json()))["schema"] == "rsinspect.scene/1"
    layers = json.loads(json.dumps(rsinspect.graph("50", "layers").to_json()))
    assert layers["panels"][0].keys() == picture.to_json()["panels"][0].keys()
    assert "graph" not in layers["panels"][0]


def test_model_explorer_files_come_with_those_beside_them(tmp_path: Path) -> None:
    rsinspect.graph("50").save(tmp_path / "a.me.json")
    assert len(list(tmp_path.iterdir())) == 5


def test_a_difference_has_a_sentence_a_table_and_a_picture() -> None:
    difference = rsinspect.diff("152", "200")
    assert difference.conclusion.startswith("ResNet-RS-152 -> ResNet-RS-200: +16 identical blocks")
    assert [row["added"] for row in difference.rows][3] == 256
    assert "block8" in difference.graph().to_svg()


def test_networks_without_a_resolution_are_compared_at_one() -> None:
    difference = rsinspect.diff("50", "101")
    assert difference.a.size == difference.b.size == "192×192"
    assert rsinspect.diff("50", "101", resolution=128).a.size == "128×128"


def test_tables_of_the_paper_and_design_spaces_have_plots() -> None:
    assert rsinspect.table(7).plot().to_svg().lstrip().startswith("<?xml")
    space = rsinspect.scale(depth=(50, 101), resolution=(160, 192), pareto=True)
    assert {row["depth"] for row in space.rows} <= {50, 101}
    assert space.plot().to_svg().lstrip().startswith("<?xml")
    with pytest.raises(RsInspectError):
        rsinspect.table(3).plot()


def test_a_saved_run_shows_itself_and_colours_a_picture(tmp_path: Path) -> None:
    run = rsinspect.load_run(RUN)
    assert "end to end" in repr(run)
    assert run.plot().to_svg().lstrip().startswith("<?xml")
    run.plot("roofline").save(tmp_path / "roofline.pdf")
    run.save(tmp_path / "again.json")
    assert rsinspect.load_run(tmp_path / "again.json").to_json() == run.to_json()
    model = run.to_json()["model"]
    picture = rsinspect.graph(f"{model['depth']}@{model['resolution'][0]}", "stages", run=run)
    assert "ms" in picture.to_svg()
    with pytest.raises(InvalidMeasurement, match="another network"):
        rsinspect.graph("101", "stages", run=run)


FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z-]+")


@pytest.mark.parametrize(
    "call",
    [
        lambda: rsinspect.network(151),
        lambda: rsinspect.network("151"),
        lambda: rsinspect.network("50", resolution=8),
        lambda: rsinspect.summary("50", limit=0),
        lambda: rsinspect.summary("50", columns=["nothing"]),
        lambda: rsinspect.summary("50", filter="nothing*"),
        lambda: rsinspect.summary("50", convention="papr"),
        lambda: rsinspect.summary("50", batch=0),
        lambda: rsinspect.graph("50", "figure7"),
        lambda: rsinspect.graph("50", "figure6", expand=["c4"]),
        lambda: rsinspect.graph("50", "stages", color="latency"),
        lambda: rsinspect.graph("50", "stages", theme="beige"),
        lambda: rsinspect.graph("50").save("x"),
        lambda: rsinspect.graph("50").save("x.gif"),
        lambda: rsinspect.diff("50", "50:nobody"),
        lambda: rsinspect.table(13),
        lambda: rsinspect.scale(depth=(51,)),
        lambda: rsinspect.scale(limit=0),
        lambda: rsinspect.scale(objective="max"),
        lambda: rsinspect.load_run("nowhere.json"),
        lambda: rsinspect.profile("50", batch=0),
        lambda: rsinspect.profile("50", mode="sleep"),
        lambda: rsinspect.profile("50", precision="tf32"),
        lambda: rsinspect.profile("50", backend="jax", jit=False),
        lambda: rsinspect.profile("50", max_time_s=0),
    ],
)
def test_errors_are_one_line_in_the_words_of_python(call: Any) -> None:
    with pytest.raises(RsInspectError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert not FLAG.search(text), text


def test_an_unknown_name_is_met_with_the_nearest() -> None:
    with pytest.raises(InvalidChoice, match=r"did you mean paper\?"):
        rsinspect.summary("50", convention="papr")
    with pytest.raises(InvalidChoice, match=r"did you mean max_time_s\?"):
        rsinspect.profile("50", max_time=20)


@pytest.mark.keras
@pytest.mark.slow
def test_a_measurement_is_a_result_like_the_others(tmp_path: Path) -> None:
    run = rsinspect.profile(
        layout_of(1, resolution=(32, 32), width=0.25),
        batch=1,
        **BRIEF,
        roofs=False,
    )
    assert run.rows[0]["path"] == "stem"
    run.save(tmp_path / "run.json")
    read = rsinspect.load_run(tmp_path / "run.json")
    assert read.record == run.record
