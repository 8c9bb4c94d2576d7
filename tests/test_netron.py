"""Netron, a viewer nobody here wrote, opens what the tool writes and what its models save.

Its DOT reader leaves out whatever a subgraph says (netron 9.3.3, ``dot.js``), so our DOT describes
nodes and edges outside of subgraphs and only names the nodes inside.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsinspect.drawing.formats import render
from rsinspect.drawing.views import view
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import python
from tests.networks import network_of
from tests.processes import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytest_plugins = ("tests.browser",)
pytestmark = pytest.mark.slow

Shown = Callable[[Path], Counter[str]]


def serve(stack: ExitStack, program: str, *files: Path) -> str:
    """Address of a Netron that shows the file; without one it waits for files."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [program, "--port", str(port), "--verbosity", "quiet", *map(str, files)]
    process = stack.enter_context(subprocess.Popen(command))
    stack.callback(process.kill)

    def answers() -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("localhost", port)) == 0

    assert until(answers), "Netron does not answer"
    return f"http://localhost:{port}/"


@pytest.fixture
def shown(chromium: Browser) -> Iterator[Shown]:
    """The texts of the page that Netron makes of a file; it reaches this machine only."""
    program = shutil.which("netron")
    if program is None:
        pytest.skip("Netron is not installed (pip install netron)")

    def here(route: Route) -> None:
        local = route.request.url.startswith("http://localhost:")
        route.continue_() if local else route.abort()

    with ExitStack() as stack:

        def call(file: Path) -> Counter[str]:
            page = chromium.new_page(viewport={"width": 1500, "height": 1000})
            stack.callback(page.close)
            page.route("**/*", here)
            page.goto(serve(stack, program, file))
            page.get_by_text("Accept").click(timeout=300_000)
            page.locator("body.default").wait_for(timeout=300_000)
            return Counter(page.locator("body").inner_text().splitlines())

        yield call


def test_netron_shows_the_stages_of_the_dot_file(shown: Shown, tmp_path: Path) -> None:
    path = tmp_path / "rs101.dot"
    path.write_bytes(render(view(network_of(101), "stages"), "dot"))
    texts = shown(path)
    assert all(texts[stage] == 1 for stage in ("input", "stem", "c2", "c3", "c4", "c5", "head"))


def test_netron_shows_every_layer_of_the_dot_file(shown: Shown, tmp_path: Path) -> None:
    spec = ResNetRSSpec.variant(50)
    path = tmp_path / "rs50.dot"
    path.write_bytes(render(view(resnet_rs(spec), "layers"), "dot"))
    texts = shown(path)
    paths = [layer.path for layer in build_graph(spec)]
    long = [name for name in paths if len(name) > 20]  # which Netron shortens in the middle
    assert all(texts[name] == 1 for name in paths if name not in long)
    assert sum(texts[name] or texts[f"{name[:10]}…{name[-10:]}"] for name in long) == len(long)


@pytest.mark.keras
def test_netron_shows_every_layer_of_the_saved_model_json(shown: Shown, tmp_path: Path) -> None:
    path = tmp_path / "rs50.json"
    done = python(
        f"import rsinspect; model = rsinspect.ResNetRS50(weights=None)\n"
        f"open({str(path)!r}, 'w').write(model.to_json())",
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 0, done.stderr
    texts = shown(path)
    kinds: Counter[str] = Counter(layer.op.kind for layer in build_graph(ResNetRSSpec.variant(50)))
    for kind, title in (
        ("Conv2D", "Conv2D"), ("BatchNorm", "BatchNormalization"), ("Add", "Add"),
        ("Multiply", "Multiply"), ("Reshape", "Reshape"), ("Dense", "Dense"),
    ):  # fmt: skip
        assert texts[title] == kinds[kind] > 0


@pytest.mark.keras
def test_netron_shows_the_costs_of_an_attachment_beside_each_layer_of_the_saved_model(
    chromium: Browser, tmp_path: Path
) -> None:
    program = shutil.which("netron")
    if program is None:
        pytest.skip("Netron is not installed (pip install netron)")
    model, costs = tmp_path / "rs50.json", tmp_path / "rs50.netron.json"
    done = python(
        f"import rsinspect; model = rsinspect.ResNetRS50(weights=None)\n"
        f"open({str(model)!r}, 'w').write(model.to_json())\n"
        f"rsinspect.graph(model).save({str(costs)!r})",
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 0, done.stderr
    with ExitStack() as stack:
        page = chromium.new_page(viewport={"width": 1500, "height": 1000})
        stack.callback(page.close)
        page.goto(serve(stack, program))
        page.get_by_text("Accept").click(timeout=300_000)
        for file in (model, costs):  # a Netron that was started with a file takes no second one
            page.locator("#open-file-dialog").set_input_files(file)
            page.locator("body.default").wait_for(timeout=300_000)
            page.wait_for_timeout(1_000)
        page.keyboard.press("Control+Enter")
        sidebar = page.locator("#sidebar")
        sidebar.get_by_text("35 745 288").wait_for(timeout=300_000)
        page.get_by_text("Conv2D", exact=True).first.click()
        sidebar.get_by_text("10838016", exact=True).wait_for(timeout=300_000)
        texts = sidebar.inner_text()
    assert "conv 3×3/2, 32" in texts
    assert "stem/conv1" in texts
