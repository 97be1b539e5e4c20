"""Write docs/screenshots/*.png: `python docs/make_screenshots.py INDEX DATASET "a query" "a query for a long video"`.

The index of `make page` has the clips that the README shows, and their dataset; a long video of them comes from
`teachtext data film`. The script starts the service over the index, and needs Chromium, playwright and pillow. The
pictures `before-*.png` are of commit 33b404d, over the same clips and queries.
"""

import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent / "screenshots"
SERVE = "from teachtext.cli.main import main; main()"
_SETTLED_MS, _PATIENCE_S = 2000, 120.0
_EXACT = 24
NONSENSE = "qwzx vbnm"


@contextmanager
def service(index: str, dataset: str) -> Iterator[str]:
    """Run the service over an index; yield its address."""
    arguments = ["serve", "--index", index, "--examples", dataset, "--port", "0"]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        printed = re.search(r"http://\S+", process.stdout.readline())
        if printed is None:
            sys.exit(f"the service over {index} does not start")
        until = time.monotonic() + _PATIENCE_S
        while not _is_ready(printed.group()) and time.monotonic() < until:
            time.sleep(0.2)
        yield printed.group()
    finally:
        process.terminate()
        process.wait()


def _is_ready(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/api/health/ready", timeout=_PATIENCE_S)
    except OSError:
        return False
    return True


def choose_two(page: Page) -> None:
    """Choose the first two videos of a page."""
    for number in range(2):
        page.locator(".choose input").nth(number).check()


def shoot(
    browser: Browser,
    name: str,
    address: str,
    *,
    width: int = 1280,
    height: int = 800,
    dark: bool = False,
    prepare: Callable[[Page], None] | None = None,
) -> None:
    """Write the picture of a page, once its own pictures are there, in few colours."""
    scheme = "dark" if dark else "light"
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(address, wait_until="networkidle")
    page.wait_for_timeout(_SETTLED_MS)
    if prepare:
        prepare(page)
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file)
    page.close()
    with Image.open(file) as picture:
        in_few_colors(picture.convert("RGB")).save(file, optimize=True)


def in_few_colors(picture: Image.Image) -> Image.Image:
    """Return a picture in 256 colors at most.

    Colors count by the root of their area, so that small things keep theirs. The most frequent ones stay as they are.
    """
    pixels = np.asarray(picture).reshape(-1, 3)
    colors, areas = np.unique(pixels, axis=0, return_counts=True)
    exact = colors[np.argsort(-areas)[:_EXACT]]
    cells, counts = np.unique(pixels >> 3, axis=0, return_counts=True)
    weighted = np.repeat((cells << 3) + 4, np.ceil(np.sqrt(counts)).astype(int), axis=0).astype(np.uint8)
    others = Image.fromarray(weighted.reshape(1, -1, 3)).quantize(256 - len(exact), kmeans=2)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*exact.ravel().tolist(), *(others.getpalette() or [])][: 3 * 256])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def main() -> None:
    """Write all pictures."""
    index, dataset, query, film_query = sys.argv[1:]
    chromium = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    with service(index, dataset) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        results = f"{address}/?{urlencode({'q': query})}"
        film_results = f"{address}/?{urlencode({'q': film_query})}"
        shoot(browser, "start", f"{address}/")
        shoot(browser, "results", results)
        shoot(browser, "phone", results, width=390)
        shoot(browser, "nothing", f"{address}/?{urlencode({'q': NONSENSE})}", height=440)
        shoot(browser, "chosen", film_results, prepare=choose_two)
        shoot(browser, "dark", f"{address}/", dark=True)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(film_results)
        link = page.locator(".card.wide h2 a").first.get_attribute("href")
        page.close()
        shoot(browser, "video", f"{address}{link}")
        browser.close()


if __name__ == "__main__":
    main()
