"""Where the boxes of a page are, for tests in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def face(shown: Page, title: str) -> Locator:
    """Find the button of the first part of that title."""
    return shown.locator(".face", has=shown.locator(f".name:text-is('{title}')")).first


def draw_all(shown: Page) -> None:
    """Draw what is far or small too, as for a print."""
    shown.evaluate("() => { dispatchEvent(new Event('beforeprint')); }")
