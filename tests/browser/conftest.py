from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from browsers import CHROMIUM
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page of the service that a module serves; a script that fails is a failure of the test."""
    from processes import PATIENCE_S

    context = browser.new_context(base_url=address, viewport={"width": 1100, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    page.on("console", lambda told: errors.append(told.text) if "Content Security Policy" in told.text else None)
    yield page
    context.close()
    assert errors == []
