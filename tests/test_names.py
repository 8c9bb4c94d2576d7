"""MODEL text in anybody's spelling, what it is refused for, and the sizes that are compared."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rsinspect
from rsinspect.base.errors import InvalidChoice, ModelBuildError, RsInspectError, SpecError
from rsinspect.cli.app import run
from rsinspect.networks import keras_cache, keras_process
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.grammar import parse_model
from rsinspect.networks.named import compared, network
from rsinspect.networks.network import resnet_rs
from tests.conftest import Cli
from tests.networks import layout_of

SPELLINGS = {
    "ResNet-RS-101 @ 192×192": (
        "101", "ResNetRS101", "resnetrs101", "resnet_rs_101", "ResNet-RS-101",
        "ResNet RS 101", "RS-101",
        "keras.applications.ResNetRS101", "tf.keras.applications.resnet_rs.ResNetRS101",
        "101 @ 192",
        "rsinspect.ResNetRS101", "resnet-rs-101-i192", "ResNet-RS-101 @ 192×192", "101@192x192",
    ),
    "ResNet-50 @ 224×224": (
        "resnet50", "ResNet-50", "ResNet50", "resnet_50", "50:resnet", "50:resnet-se",
    ),
    "ResNet-152 @ 224×224": ("ResNet152", "resnet-152"),
    "ResNet-200 + SE @ 256×256": (
        "resnet200+se@256", "200@256:resnet+se", "ResNet-200 + SE @ 256×256",
    ),
    "ResNet-50-D @ 224×224": (
        "resnet50d", "resnet-50-d", "ResNet-D-50", "resnet-d-50", "50:resnet-d",
    ),
    "ResNet-RS-420 @ 320×320 (timm)": (
        "resnetrs420.tf_in1k", "timm/resnetrs420.tf_in1k", "420:timm",
    ),
    "ResNet-RS-101 @ 160×192 (article)": (
        "101@160x192:article", "ResNet-RS-101 @ 160×192 (article)",
    ),
}  # fmt: skip
REFUSED = {
    "resnet200v2": "Keras has ResNet v2 at 50, 101 and 152",
    "resnet50.a1_in1k": "timm and torchvision",
    "torchvision.models.resnet50": "timm and torchvision",
    "keras.applications.ResNet50:article": "keras.applications.ResNet50 is Keras's own",
    "resnet18": "no bottleneck blocks",
    "resnet270": "resnet-rs-270 is one",
    "resnet50:keras": "50:keras",
    "resnet50 @ 224:timm": "50:timm",
    "eficientnetb0": "did you mean EfficientNetB0?",
    "efficientnet": "one of EfficientNetB0, EfficientNetB1",
    "train.py": "name it behind a colon: train.py:make_model",
    "resnte50": "did you mean resnet50?",
    "resent-rs-101": "did you mean resnet-rs-101?",
    "3,4,6,3": "--blocks 3,4,6,3",
    "50.tf_in1k": "write a depth",
    "18": "--blocks 2,2,2,2",
    "50@9999999999999999": "is not a resolution",
    "my.keras": "there is no file my.keras",
    "my.H5": "there is no file my.H5",
    "my.keras@56": "a size behind @ is for names, this is a file",
    "my.h5 @ 56×72": "'my.h5' with --resolution 56x72",
    "runs/m.onnx": "an ONNX graph has operations, not layers; there is no such file",
    "m.pth": "a PyTorch file is a pickle",
    "~nobody-here/x.json": "cannot be read",
}


@pytest.fixture(autouse=True, scope="module")
def _no_process() -> Iterator[None]:
    """Text that means a network of Keras's, or code, is not followed further."""

    def refuse(*_: object) -> None:
        raise ModelBuildError("not in these tests")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras_cache, "application_network", refuse)
        patch.setattr(keras_process, "network_of", refuse)
        yield


@pytest.mark.parametrize("title", SPELLINGS)
def test_a_network_is_known_in_anybodys_spelling(title: str) -> None:
    assert {text: network(text).title for text in SPELLINGS[title]} == dict.fromkeys(
        SPELLINGS[title], title
    )


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("command", ["summary {}", "graph {}", "diff 50 {}", "profile {}"])
def test_what_is_no_model_is_refused_in_one_line_that_says_why(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli(*(text if word == "{}" else word for word in command.split()))
    assert (outcome.code, outcome.out) == (2, "")
    assert REFUSED[text] in outcome.err
    assert [line.partition(":")[0] for line in outcome.err.splitlines()] in (
        ["error"], ["error", "hint"],
    )  # fmt: skip


separators = st.sampled_from(["", "-", "_", " "])


@settings(deadline=None)
@given(
    st.sampled_from([50, 101, 152, 200, 270, 350, 420]),
    st.sampled_from(["", "keras.applications.", "tf.keras.applications.resnet_rs.", "rsinspect."]),
    st.tuples(separators, separators),
    st.sampled_from([str.lower, str.upper, str.title, str.swapcase]),
    st.sampled_from(["", "@224", " @ 224", "-i224", "@224x224", " @ 224×224"]),
    st.sampled_from(["", ":timm", " : timm", ":resnet-d", " (article)"]),
    st.sampled_from(["", "+se", " + SE", "-se"]),
)
def test_every_spelling_is_read_as_the_plain_one(
    depth: int, library: str, gaps: tuple[str, str], case: Callable[[str], str],
    size: str, dialect: str, se: str,
) -> None:  # fmt: skip
    spelt = parse_model(f"{library}{case(f'ResNet{gaps[0]}RS{gaps[1]}{depth}')}{size}{dialect}{se}")
    plain = dialect.strip(" :()")
    assert spelt == parse_model(
        f"{depth}{'@224' if size else ''}{plain and f':{plain}'}{se.replace(' ', '').lower()}"
    )
    assert (spelt.depth, spelt.dialect, spelt.resolution) == (
        depth, plain or None, (224, 224) if size else None,
    )  # fmt: skip


pieces = st.sampled_from(
    ["resnet", "ResNet", "rs", "-", "_", " ", "50", "101", "18", "d", "v2", "@", "224", "×", ":",
     "keras", "timm/", ".tf_in1k", "+se", "-se", "keras.applications.", ".json", ".keras", "/", "~",
     "\n", "\0", "\x1b[2J", "\ud800", "9" * 50, "٣", "(", "))", "{}", "%", "日本"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(pieces, max_size=7).map("".join), st.text(max_size=40)))
def test_any_text_is_a_network_or_is_refused_in_one_line(text: str) -> None:
    try:
        parsed = parse_model(text).spec()
    except (SpecError, InvalidChoice) as refused:
        for line in refused.worded():
            assert line is None or ("\n" not in line and len(line) < 400)
    else:
        assert resnet_rs(parsed).title.startswith("ResNet")


@settings(max_examples=40, deadline=None)
@given(st.lists(pieces, max_size=6).map("".join), st.sampled_from(["summary", "diff", "recipe"]))
def test_every_command_ends_in_an_answer_or_in_one_line(text: str, command: str) -> None:
    err, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        code = run([command, *(["50"] if command == "diff" else []), "--", text])
    assert code in (0, 2)
    assert len(err.getvalue().splitlines()) <= 2 * (code == 2)
    assert bool(out.getvalue()) == (code == 0)


@pytest.mark.parametrize("text", ["18", "1000", "resnext50", "seresnet50", "wide_resnet50_2", "b0"])
def test_no_name_is_suggested_that_is_not_near(text: str) -> None:
    with pytest.raises(SpecError) as refused:
        network(text)
    assert "did you mean" not in str(refused.value)


def test_a_resnet_is_never_answered_with_the_numbers_of_a_resnet_rs(cli: Cli) -> None:
    found = json.loads(cli("diff", "resnet50", "50", "-r", "160", "-f", "json").out)
    assert found["totals"]["a"]["params"] == 25_610_152  # torchvision: 25 557 032 + 53 120
    assert found["totals"]["b"]["params"] == 35_745_288  # tf_keras
    assert "+309 M MACs" in found["conclusion"]
    assert network("resnet50").cost.macs == network("50@224:resnet").cost.macs


def test_a_title_names_the_network_it_is_of() -> None:
    for name, dialect in DIALECTS.items():
        made = network(f"200:{name}")
        assert network(made.title).fingerprint == made.fingerprint
        assert parse_model(made.title).spec().dialect == dialect


def test_a_file_or_folder_that_is_not_read_is_told_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.tflite").write_bytes(b"")
    for folder, inside in (("saved", "saved_model.pb"), ("open.d", "config.json"), ("bare", "x")):
        Path(folder).mkdir()
        Path(folder, inside).write_bytes(b"")
    for name, words in (
        ("m.tflite", "not a model: a TensorFlow Lite graph has operations, not layers"),
        ("saved", "a SavedModel has operations, not layers"),
        ("open.d", "name the config.json in it"),
        ("bare", "it is a folder"),
    ):
        with pytest.raises(SpecError) as refused:
            network(name)
        assert words in str(refused.value)
        assert "there is no such file" not in str(refused.value)


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    layout_of(1).save(tmp_path / "small.json")
    (tmp_path / "small.json").rename(tmp_path / "SMALL.JSON")
    assert network(str(tmp_path / "SMALL.JSON")).blocks == (1,)


def test_two_models_where_one_is_meant_point_to_diff(cli: Cli) -> None:
    for command in ("summary", "graph", "profile"):
        outcome = cli(command, "50", "101")
        assert outcome.code == 2
        assert "rsinspect diff A B" in outcome.err


@pytest.mark.parametrize(
    ("models", "note"),
    [
        (("50", "101"), "All at 192×192, the largest of their own sizes; ResNet-RS-50's own is"),
        (("200", "270"), None),
        (("101", "101@224"), "Each at the size in its name, or else at its own; --resolution 192"),
        (("101@224", "152@224"), None),
    ],
)  # fmt: skip
def test_a_comparison_says_how_its_sizes_were_chosen(
    cli: Cli, models: tuple[str, str], note: str | None
) -> None:
    page = " ".join(cli("diff", *models).out.split())
    assert ("All at" in page, "Each at" in page) == (
        (False, False) if note is None else (note.startswith("All"), note.startswith("Each"))
    )
    assert (note or "") in page
    said = json.loads(cli("diff", *models, "-f", "json").out)["resolution_note"]
    assert (said is None) == (note is None)
    assert len(rsinspect.diff(*models).to_json()["conclusion"]) > 20


def test_a_picture_of_a_comparison_says_so_beside_it(cli: Cli) -> None:
    outcome = cli("diff", "50", "101", "--graph")
    assert "All at 192×192" in outcome.err
    assert "All at" not in outcome.out
    assert "at" not in cli("diff", "200", "270", "--graph").err.split("figure")[1]


def test_the_same_layers_at_two_sizes_are_not_called_no_difference(cli: Cli) -> None:
    sentence = json.loads(cli("diff", "101", "101@224", "-f", "json").out)["conclusion"]
    assert sentence == (
        "ResNet-RS-101 @ 192×192 -> ResNet-RS-101 @ 224×224: same layers, as many params; at "
        "224×224 instead of 192×192: +2.16 G MACs (+36.0 %)."
    )
    assert "no difference" in cli("diff", "101", "101").out


def test_a_file_keeps_its_size_and_a_name_beside_it_its_own(tmp_path: Path) -> None:
    layout_of(1, 2).save(tmp_path / "small.json")
    made = compared(str(tmp_path / "small.json"), "50", "101").networks
    assert [one.size for one in made] == ["224×224", "160×160", "192×192"]


def test_json_identifies_the_network_wholly(cli: Cli) -> None:
    """Two networks never share a ``model``: what was asked is there, and the fingerprint."""
    plain = json.loads(cli("summary", "101", "-f", "json").out)["model"]
    options = (
        "--se-ratio",
        "0",
        "--activation",
        "swish",
        "--no-top",
        "--pooling",
        "avg",
        "--no-preprocessing",
    )
    other = json.loads(cli("summary", "101", *options, "-f", "json").out)["model"]
    differing = {key for key in plain if plain[key] != other[key]}
    assert differing >= {
        "se_ratio", "activation", "include_top", "pooling", "preprocessing", "fingerprint",
    }  # fmt: skip
    again = ("--se-ratio", "0", "--activation", "swish", "--no-preprocessing")
    assert json.loads(cli("summary", "101", *again, "-f", "json").out)["model"] != other


def test_one_grammar_in_every_command(cli: Cli) -> None:
    text = "resnet_rs_50 @ 160 : timm + se"
    title = "ResNet-RS-50 @ 160×160 (timm)"
    for command in ("summary", "graph"):
        assert title in cli(command, text).out.splitlines()[0]
    assert title in cli("diff", text, "50").out.splitlines()[0]
    assert "ResNet-RS-50 @ 160×160" in cli("recipe", "timm/resnetrs50.tf_in1k").out
    assert rsinspect.summary(text).title.startswith(title)
    assert rsinspect.network(text).title == title


def test_a_dialect_that_the_recipe_does_not_cover_is_refused(cli: Cli) -> None:
    for text in ("resnet50", "50:article", "50+se"):
        outcome = cli("recipe", text)
        assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.parametrize("text", ["50:", "50:nobody", "50 (nobody)"])
def test_an_unknown_dialect_is_named(text: str) -> None:
    with pytest.raises(InvalidChoice, match="unknown dialect"):
        network(text)


def test_a_number_of_the_python_door_is_a_depth() -> None:
    assert rsinspect.network(50).title == "ResNet-RS-50 @ 160×160"
    with pytest.raises(RsInspectError, match="True is not a model"):
        rsinspect.network(True)
    assert resnet_rs(parse_model("50").spec()).title == rsinspect.network("50").title
