"""A service in a process of its own, and a browser that looks at its pages."""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import PATIENCE_S, wait_until

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
SERVE = "from teachtext.cli.main import main; main()"


@contextmanager
def served(index: Path, *options: str) -> Iterator[str]:
    """Serve an index; yield the address of its page once the service is ready."""
    arguments = ["serve", "--index", str(index), "--port", "0", *options]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = re.search(r"http://\S+", process.stdout.readline())
    assert printed, "the address is printed"
    address = printed.group()

    def ready() -> bool:
        try:
            urllib.request.urlopen(f"{address}/api/health/ready", timeout=PATIENCE_S)
        except OSError:
            return False
        return True

    try:
        wait_until(ready, "the service is never ready", poll_s=0.1)
        yield address
    finally:
        process.terminate()
        code = process.wait(timeout=PATIENCE_S)
    assert code in (0, 130, -15)


def until(page: Any, true: str) -> None:
    """Wait until an expression is true; the browser's own way to wait needs what the page's policy forbids."""
    wait_until(lambda: bool(page.evaluate(true)), true)


def check_page(page: Any, width: int) -> None:
    """Check that a page does not scroll sideways, and that axe finds nothing serious."""
    from axe_playwright_python.sync_playwright import Axe

    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    violations = Axe().run(page).response["violations"]
    grave = [
        (violation["id"], [node["html"][:200] for node in violation["nodes"]])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]
    assert grave == [], (page.url, json.dumps(grave, indent=1))
