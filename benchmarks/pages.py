"""How quick pages of large graphs are, in Chromium: ``python -m benchmarks.pages [ROUNDS]``.

Opens the page of each network in turns, ResNet-RS-50 among them, and prints what a reader waits for
with its ratio to depth 50: the first paint; the slowest stage that is opened; all of it opened; the
slowest key while all is open; and what the browser's process then takes. Where ``netron`` and
``model-explorer`` are on the PATH they open the same networks in the same run.

A time runs from the event to the end of the frame that shows what became of it. On a busy machine
most of it is spent in waiting for a processor; so the CPU time of the page's thread stands beside
it, which is all that it did because of the event, what it put off till later frames included.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from rsinspect.drawing.formats import render
from rsinspect.drawing.page import page
from rsinspect.drawing.views import view
from rsinspect.networks.network import Network
from tests.browser import ARGUMENTS, PROGRAMS
from tests.networks import made, network_of, saved
from tests.processes import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NETWORKS: dict[str, Callable[[], Network]] = {
    "ResNet-RS-50": lambda: network_of(50),
    "ResNet-RS-420": lambda: network_of(420),
    "DenseNet121": lambda: saved("DenseNet121"),
    "NASNetMobile": lambda: saved("NASNetMobile"),
    "EfficientNetV2L": lambda: saved("EfficientNetV2L"),
    "made, in a row": lambda: made(1000),
    "made, with skips": lambda: made(1000, skips=True),
}
RIVALS = ("ResNet-RS-50", "ResNet-RS-420", "EfficientNetV2L")
KEYS = ("ArrowDown", "ArrowUp", "End", "Home", "+", "-", "f", "0", "/", *"conv", "Enter", "Escape")
MOST_MS = 300_000

FRAME = """
new Promise((done) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = done;
  port2.postMessage(0);
}))"""

LISTEN = f"""() => {{
  window.took = [];
  addEventListener("keydown", async ({{ timeStamp }}) => {{
    await {FRAME};
    took.push(performance.now() - timeStamp);
  }}, true);
}}"""

CLICK = f"""async ([selector, at]) => {{
  const element = document.querySelectorAll(selector)[at], start = performance.now();
  element.click();
  await {FRAME};
  return performance.now() - start;
}}"""

STAGES = ".diagram > .body > .column > .part > .face, .diagram > .body > .part > .face"


def children(process: int) -> Iterator[int]:
    """List all processes that one has begun."""
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from children(child)


def resident_mb(own: int) -> float:
    """Memory of the largest process that draws pages of this program's browser."""
    found = [0.0]
    for process in children(own):
        command = Path(f"/proc/{process}/cmdline").read_bytes()
        if b"--type=renderer" in command:
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            found.append(pages * 4096 / 1e6)
    return max(found)


@contextmanager
def opened(chromium: Browser) -> Iterator[Page]:
    """A page in a context of its own."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(MOST_MS)
    yield context.new_page()
    context.close()


class Watched:
    """A page whose events are timed: by the clock, and by the CPU time of its thread."""

    def __init__(self, shown: Page) -> None:
        self.shown = shown
        self.session = shown.context.new_cdp_session(shown)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_ms(self) -> float:
        """CPU time of the thread so far."""
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        duration: float = next(each["value"] for each in metrics if each["name"] == "TaskDuration")
        return 1000 * duration

    def took(self, event: Callable[[], float]) -> tuple[float, float]:
        """Time and CPU time of an event."""
        before = self.busy_ms()
        wall = event()
        self.shown.wait_for_timeout(150)
        return wall, self.busy_ms() - before

    def click(self, selector: str, at: int = 0) -> tuple[float, float]:
        """Click one of some elements."""
        return self.took(lambda: float(self.shown.evaluate(CLICK, [selector, at])))

    def press(self, key: str) -> tuple[float, float]:
        """Press a key."""

        def press() -> float:
            count = self.shown.evaluate("took.length") + 1
            self.shown.keyboard.press(key)
            self.shown.wait_for_function("(count) => took.length >= count", arg=count)
            return float(self.shown.evaluate("took.at(-1)"))

        return self.took(press)


def measure(chromium: Browser, path: Path, own: int) -> dict[str, float]:
    """What a reader of one page waits for, in milliseconds, and what it takes, in MB."""
    with opened(chromium) as shown:
        watched = Watched(shown)
        shown.goto(path.as_uri())
        shown.wait_for_function(
            "() => performance.getEntriesByName('first-contentful-paint').length > 0"
        )
        paint = shown.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        begun = watched.busy_ms()
        stages = []
        for at in range(shown.locator(STAGES).count()):
            stages.append(watched.click(STAGES, at))
            watched.click(STAGES, at)  # closed again
        whole = watched.click("[data-do=expand]")
        elements = shown.evaluate("document.getElementsByTagName('*').length")
        memory = resident_mb(own)
        shown.evaluate(LISTEN)
        shown.locator(".op > .face").first.focus()
        keys = [watched.press(key) for key in KEYS]
    slowest = [KEYS[each.index(max(each))] for each in map(list, zip(*keys, strict=True))]
    print(f"  {path.stem}: slowest key {slowest[0]}, most CPU {slowest[1]}", file=sys.stderr)
    rows = {"a stage": [max(each) for each in zip(*stages, strict=True)], "all": whole,
            "a key": [max(each) for each in zip(*keys, strict=True)],
            "usual key": [statistics.median(each) for each in zip(*keys, strict=True)]}  # fmt: skip
    found = {"first paint, ms": paint, "CPU": begun}
    for words, (wall, cpu) in rows.items():
        found |= {f"{words}, ms": wall, f"{words}: CPU": cpu}
    return found | {"elements": elements, "MB": memory}


@contextmanager
def served(program: str, command: list[str]) -> Iterator[str]:
    """Address of a program that serves a file; it ends with the block."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [program, *[word.format(port=port) for word in command]],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip

        def answers() -> bool:
            with socket.socket() as attempt:
                return attempt.connect_ex(("localhost", port)) == 0

        try:
            assert until(answers), f"{program} does not answer"
            yield f"http://localhost:{port}/"
        finally:
            process.kill()


def in_netron(chromium: Browser, network: Network, scratch: Path, own: int) -> dict[str, float]:
    """Time until Netron shows every layer of our DOT file, once its terms are accepted."""
    path = scratch / "network.dot"
    path.write_bytes(render(view(network, "layers"), "dot"))
    options = ["--port", "{port}", "--verbosity", "quiet", str(path)]
    with served("netron", options) as address, opened(chromium) as shown:
        shown.route(
            "**/*",
            lambda route: route.continue_() if "localhost" in route.request.url else route.abort(),
        )
        shown.goto(address)
        accept = shown.get_by_text("Accept")
        accept.wait_for()
        begun = time.monotonic()
        accept.click()
        shown.locator("body.default").wait_for()
        ended = time.monotonic()
        elements = shown.locator("*").count()
        return {"all, ms": 1000 * (ended - begun), "elements": elements, "MB": resident_mb(own)}


def in_model_explorer(
    chromium: Browser, network: Network, scratch: Path, own: int
) -> dict[str, float]:
    """Time until Model Explorer shows the stages of our graph collection, all of them closed."""
    path = scratch / "network.me.json"
    path.write_bytes(render(view(network, "layers"), "me.json"))
    options = [str(path), "--no_open_in_browser", "--skip_health_check", "--port={port}"]
    with served("model-explorer", options) as address, opened(chromium) as shown:
        models = json.dumps({"models": [{"url": str(path)}]})
        begun = time.monotonic()
        shown.goto(f"{address}?data={quote(models)}")
        shown.get_by_text(f"{len(network.graph)} nodes").first.wait_for()
        return {"first paint, ms": 1000 * (time.monotonic() - begun), "MB": resident_mb(own)}


def main() -> None:
    """Compare."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    program = next(path for path in map(shutil.which, PROGRAMS) if path)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        scratch = Path(name)
        paths: dict[str, Path] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for words, make in NETWORKS.items():
            network = make()
            paths[words] = scratch / f"{words.replace(', ', '-').replace(' ', '-')}.html"
            paths[words].write_text(page(view(network, "stages", deep=True)), encoding="utf-8")
            sizes[words] = (len(network.graph), paths[words].stat().st_size)
        found: dict[str, list[dict[str, float]]] = {words: [] for words in paths}
        for _ in range(rounds):
            for words, path in paths.items():
                chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
                found[words].append(measure(chromium, path, os.getpid()))
                chromium.close()
        medians = {
            words: {key: statistics.median(each[key] for each in measured) for key in measured[0]}
            for words, measured in found.items()
        }
        base = medians["ResNet-RS-50"]
        print(f"{rounds} rounds, load {os.getloadavg()[0]:.0f}")
        print("| network | layers | kB |", " | ".join(base), "|")
        print("| --- | ---: | ---: |", " | ".join("---:" for _ in base), "|")
        for words, values in medians.items():
            layers, size = sizes[words]
            cells = [f"{value:,.0f} ({value / base[key]:.1f})" for key, value in values.items()]
            print(
                f"| {words} | {layers:,} | {size / 1000:,.0f} |", " | ".join(cells), "|", flush=True
            )
        for rival, opens in (("netron", in_netron), ("model-explorer", in_model_explorer)):
            if shutil.which(rival) is None:
                print(f"{rival} is not on the PATH")
                continue
            for words in RIVALS:
                chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
                values = opens(chromium, NETWORKS[words](), scratch, os.getpid())
                chromium.close()
                said = {key: round(value) for key, value in values.items()}
                print(rival, words, said, flush=True)


if __name__ == "__main__":
    main()
