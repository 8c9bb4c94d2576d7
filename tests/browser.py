"""A real browser for the tests of pages: the system's Chromium, driven by Playwright.

A page that complains on its console or asks for anything but itself fails the test that opened it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MOST_MS = 300_000
"""For whatever a page does, however busy the machine."""

Open = Callable[..., "Page"]

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, once for all tests of a worker."""
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright (pip)")
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"none of these programs is installed: {', '.join(PROGRAMS)}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=ARGUMENTS, timeout=MOST_MS
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens HTML from a file, still; options are those of a Playwright context.

    One that ``complains`` may say so on its console.
    """
    troubles: list[str] = []
    contexts: list[BrowserContext] = []

    def call(html: str, *, fragment: str = "", complains: bool = False, **options: Any) -> Page:
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        address = path.as_uri()
        context = chromium.new_context(
            **{"viewport": {"width": 1300, "height": 850}, "reduced_motion": "reduce"} | options
        )
        context.set_default_timeout(MOST_MS)
        contexts.append(context)
        page = context.new_page()

        def asked(request: Request) -> None:
            if request.url.split("#")[0] not in (address, "data:,"):
                troubles.append(f"request: {request.url}")

        def spoke(dialog: Dialog) -> None:
            troubles.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        if not complains:
            page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", spoke)
        page.on("request", asked)
        page.goto(address + fragment)
        return page

    yield call
    for context in contexts:
        context.close()
    assert troubles == []
