"""The doctor says what is here and why it is used, and its exit code counts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rsinspect.answers.table import Value
from rsinspect.doctor import checkup as doctor
from rsinspect.doctor.answer import doctor_answer
from rsinspect.doctor.checkup import Checkup, Extra, Framework, Renderer, examine, keras_backend
from rsinspect.doctor.devices import devices
from rsinspect.render.data import as_text
from tests.conftest import Cli, python
from tests.test_drawing_engine import fake_dot as fake_dot  # a fixture
from tests.test_drawing_engine import fake_pygraphviz as fake_pygraphviz
from tests.test_drawing_engine import without

HERE = Checkup(
    rsinspect="1.0.0",
    python="CPython 3.12.1",
    platform="Linux 6.1.0, x86_64",
    cpu="Some Processor",
    cores=(8, 4, 2.5),
    renderers=(
        Renderer(
            kind="pip",
            used=True,
            why="the default: it needs no system package",
            path=Path("/env/pygraphviz"),
            package="pygraphviz 2.0.4",
            version="14.1.5",
            draws=("svg", "png", "pdf"),
        ),
        Renderer(
            kind="system",
            why="only where the renderer system is asked for",
            path=Path("/usr/bin/dot"),
            version="2.43.0",
            draws=("svg",),
            problem="Graphviz was ended by SIGSEGV: no message",
        ),
    ),
    fonts=Path("/env/fonts"),
    keras=Framework(name="keras", installed=True, version="3.15.1"),
    keras_backend=("jax", "KERAS_BACKEND"),
    backends=(
        Framework(name="tensorflow", installed=True, version="2.21.0", devices=("cpu",)),
        Framework(name="jax", installed=True, version="0.10.2", problem="ImportError: no driver"),
        Framework(name="torch", installed=False),
    ),
    extras=(
        Extra(
            name="gpu",
            asked=("tensorflow[and-cuda]",),
            missing=("nvidia-cublas", "nvidia-cudnn"),
        ),
        Extra(name="parquet", asked=("pyarrow",), missing=()),
        Extra(name="torch", asked=("torch",), missing=("torch",)),
    ),
    variables=(
        ("KERAS_BACKEND", "jax"),
        ("RSINSPECT_WEIGHTS_URL", None),
        ("NO_COLOR", ""),
        ("CUDA_VISIBLE_DEVICES", "-1\n\x1b[31m"),
    ),
)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[Checkup], None]:
    """What the command finds."""

    def give(found: Checkup) -> None:
        monkeypatch.setattr(doctor, "examine", lambda *, devices: found)

    return give


def row(found: Checkup, item: str) -> dict[str, Value]:
    (one,) = [row for row in doctor_answer(found).table.rows if row["item"] == item]
    return one


def test_the_table_is_as_reviewed(
    cli: Cli, golden: Callable[[str, str], None], given: Callable[[Checkup], None]
) -> None:
    given(HERE)
    outcome = cli("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    golden("doctor.txt", outcome.out)


def test_the_document_is_as_reviewed(
    cli: Cli, golden: Callable[[str, str], None], given: Callable[[Checkup], None]
) -> None:
    given(HERE)
    golden("doctor.json", cli("doctor", "--format", "json").out)


def test_a_renderer_that_nobody_needs_is_said_to_be_unneeded() -> None:
    """Somebody without Graphviz would install it, where another draws."""
    pip, system = HERE.renderers
    gone = replace(system, path=None)
    found = replace(HERE, renderers=(pip, gone))
    assert row(found, "renderer system")["remark"] == "optional: install Graphviz"
    alone = replace(found, renderers=(gone,))
    assert row(alone, "renderer system")["remark"] == "install Graphviz"


@pytest.mark.parametrize("format", ["csv", "markdown", "latex"])
def test_the_other_formats_have_every_item(format: str) -> None:
    text = as_text(doctor_answer(HERE), format).replace("\\_", "_")
    items = [str(row["item"]) for row in doctor_answer(HERE).table.rows]
    assert len(items) == len(set(items))
    assert all(item in text for item in items)


def test_nothing_is_cut_off_on_a_narrow_page(
    cli: Cli, given: Callable[[Checkup], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(HERE)
    wide = {width: _words(cli, monkeypatch, width) for width in (80, 200)}
    assert wide[80] == wide[200]


def _words(cli: Cli, monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = cli("doctor").out.splitlines()
    assert max(map(len, lines)) <= width
    return sorted(word for line in lines for word in line.split() if "─" not in word)


def test_this_machine_draws_with_pygraphviz(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = cli("doctor", "--format", "json")
    assert outcome.code == 0
    document = json.loads(outcome.out)
    pip, system = document["renderers"]
    assert (pip["kind"], pip["used"], pip["problem"]) == ("pip", True, None)
    assert pip["draws"] == ["svg", "png", "pdf"]
    assert pip["package"] == f"pygraphviz {metadata.version('pygraphviz')}"
    assert (system["kind"], system["used"], system["path"]) == ("system", False, None)
    assert Path(document["fonts"]["directory"], "DejaVuSans.ttf").is_file()
    assert document["backends"][0] == {
        "name": "tensorflow",
        "installed": True,
        "version": metadata.version("tensorflow"),
        "devices": None,
        "problem": None,
    }


def test_the_same_machine_gives_the_same_answer(cli: Cli) -> None:
    assert cli("doctor").out == cli("doctor").out


def test_no_heavy_module_is_loaded() -> None:
    code = (
        "import sys\nfrom rsinspect.doctor.checkup import examine\nexamine()\n"
        "print({'tensorflow', 'keras', 'jax', 'torch', 'numpy', 'pygraphviz'} & set(sys.modules))"
    )
    assert python(code).stdout == "set()\n"


def test_without_a_renderer_the_exit_code_is_3_and_the_report_still_comes(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    without(monkeypatch, "pygraphviz")
    outcome = cli("doctor")
    assert outcome.code == 3
    assert "No picture can be drawn: pip install pygraphviz or install Graphviz." in outcome.out
    target = tmp_path / "doctor.json"
    assert cli("doctor", "-f", "json", "-o", target).code == 3
    assert json.loads(target.read_text())["works"] is False


def test_a_renderer_that_crashes_is_no_renderer(
    cli: Cli, fake_pygraphviz: Callable[[str], None]
) -> None:
    fake_pygraphviz("import os; os.kill(os.getpid(), 11)")
    outcome = cli("doctor")
    assert outcome.code == 3
    assert "No picture can be drawn: Graphviz was ended by SIGSEGV: no message." in outcome.out


def test_without_its_fonts_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "matplotlib")
    found = examine()
    assert not found.works
    assert row(found, "fonts") == {
        "item": "fonts", "status": "missing", "found": "", "remark": "pip install matplotlib",
    }  # fmt: skip


def test_the_systems_dot_is_named_with_its_version(fake_dot: Callable[[str], Path]) -> None:
    """And with the format it could not draw; it is not the one in use."""
    program = fake_dot(
        "import sys\nif sys.argv[1] == '-V': print('dot - graphviz version 9.8.7 (0)')\n"
        "elif sys.argv[1] == '-Tsvg': print('<svg width=\"1pt\" height=\"1pt\">')\n"
        "else: sys.exit('Format: not recognized')"
    )
    found = examine()
    assert row(found, "renderer system") == {
        "item": "renderer system",
        "status": "failed",
        "found": f"Graphviz 9.8.7, {program}",
        "remark": "draws svg; then: Graphviz ended with code 1: Format: not recognized",
    }
    assert found.works


@pytest.mark.parametrize(
    ("variable", "file", "expected"),
    [
        ("torch", '{"backend": "jax"}', ("torch", "KERAS_BACKEND")),
        ("", '{"backend": "jax"}', ("jax", "{file}")),
        ("", '{"floatx": "float32"}', ("tensorflow", "Keras's default")),
        ("", "no JSON", ("tensorflow", "Keras's default")),
        ("", '["jax"]', ("tensorflow", "Keras's default")),
    ],
)
def test_the_backend_of_keras_is_found_as_keras_finds_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    file: str,
    expected: tuple[str, str],
) -> None:
    path = tmp_path / "keras.json"
    path.write_text(file)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", variable)
    assert keras_backend() == (expected[0], expected[1].format(file=path))


@pytest.mark.parametrize(
    ("name", "words"),
    [("torch", "it is not installed"), ("theano", "it can be tensorflow, jax, torch")],
)
def test_a_backend_that_keras_cannot_have_is_pointed_out(name: str, words: str) -> None:
    keras = row(replace(HERE, keras_backend=(name, "KERAS_BACKEND")), "keras")
    assert keras["status"] == "failed"
    assert words in str(keras["remark"])


def test_extras_are_complete_only_with_the_extras_they_ask_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = {
        "rsinspect": [
            "typer>=0.24",
            "framework[cuda]>=2; extra == 'gpu'",
            'reader; (python_version > "3") and extra == "more"',
            "absent-one<3; extra == 'more'",
            "pytest; extra == 'test'",
            "ruff; extra == 'lint'",
        ],
        "framework": ["driver; extra == 'cuda'", "runtime>1; extra == 'cuda'", "other"],
    }
    here = {"framework", "reader", "runtime"}

    def version(name: str) -> str:
        if name not in here:
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "requires", wanted.get)
    monkeypatch.setattr(metadata, "version", version)
    assert doctor.extras() == (
        Extra(name="gpu", asked=("framework[cuda]",), missing=("driver",)),
        Extra(name="more", asked=("reader", "absent-one"), missing=("absent-one",)),
    )
    assert [extra.install for extra in doctor.extras()] == [
        "pip install 'framework[cuda]'", "pip install reader absent-one",
    ]  # fmt: skip


def test_what_a_checkout_is_told_to_install_is_there_and_needs_no_registered_name() -> None:
    names = {extra.name for extra in doctor.extras()}
    assert names == {
        "cluster", "digits", "gpu", "jax", "litert", "onnx", "openvino", "parquet", "torch",
    }  # fmt: skip
    assert not any("rsinspect" in extra.install for extra in doctor.extras())


def test_a_password_is_not_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RSINSPECT_WEIGHTS_URL", "https://me:secret@m.org/w")
    for format in ("table", "json"):
        out = cli("doctor", "--format", format).out
        assert "secret" not in out
        assert "***@m.org/w" in out


def test_an_unknown_format_is_refused_before_anything_is_asked(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(**_: object) -> Checkup:
        raise AssertionError

    monkeypatch.setattr(doctor, "examine", never)
    outcome = cli("doctor", "--format", "jsn")
    assert outcome.code == 2
    assert "did you mean json?" in outcome.err


def fake_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A package named torch, for this process and for those it starts."""
    package = tmp_path / "site" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(doctor, "BACKENDS", ("torch",))


TORCH = """
print("noise on stdout")
class cuda:
    device_count = staticmethod(lambda: 1)
    get_device_name = staticmethod(lambda index: f"Some GPU {index}")
class backends:
    class mps:
        is_available = staticmethod(lambda: False)
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (TORCH, ("ok", "cpu, gpu Some GPU 0")),
        ("raise ImportError('libcudart.so\\n is missing')",
         ("failed", "ImportError: libcudart.so is missing")),
        ("import os; os.kill(os.getpid(), 6)", ("failed", "was ended by SIGABRT")),
    ],
)  # fmt: skip
def test_a_backend_lists_its_devices_or_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, expected: tuple[str, str]
) -> None:
    fake_torch(tmp_path, monkeypatch, code)
    torch = row(examine(devices=True), "torch")
    assert (torch["status"], torch["remark"]) == expected
    assert row(examine(), "torch")["remark"] == ""
    assert "torch" not in sys.modules


def test_a_backend_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torch(tmp_path, monkeypatch, "import time; time.sleep(3600)")
    monkeypatch.setattr(doctor, "DEVICES_TIMEOUT_S", 1.0)
    assert row(examine(devices=True), "torch")["remark"] == "no answer within 1 s"


def device(**attributes: Any) -> SimpleNamespace:
    return SimpleNamespace(**attributes)


def test_every_framework_names_devices_in_the_same_words() -> None:
    details = {"CPU": {}, "GPU": {"device_name": "NVIDIA H200"}}
    tensorflow = SimpleNamespace(
        config=SimpleNamespace(
            list_physical_devices=lambda: [device(device_type=kind) for kind in details],
            experimental=SimpleNamespace(get_device_details=lambda d: details[d.device_type]),
        )
    )
    jax = SimpleNamespace(
        devices=lambda: [
            device(platform="cpu", device_kind="cpu"),
            device(platform="gpu", device_kind="NVIDIA H200"),
        ]
    )
    torch = SimpleNamespace(
        cuda=SimpleNamespace(device_count=lambda: 1, get_device_name=lambda _: "NVIDIA H200"),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
    )
    for name, framework in (("tensorflow", tensorflow), ("jax", jax), ("torch", torch)):
        assert devices(name, framework) == ["cpu", "gpu NVIDIA H200"]


@pytest.mark.keras
@pytest.mark.slow
def test_the_real_frameworks_answer() -> None:
    for framework in examine(devices=True).backends:
        if framework.installed:
            assert framework.problem is None
            assert framework.devices
