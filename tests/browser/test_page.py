"""The page in a real browser, over a real server process."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("fastapi")
pytest.importorskip("lancedb")
from browsers import CHROMIUM, check_page, served, until
from clips import write_clip, write_model, write_moving_video
from entries import heard
from playwright.sync_api import expect
from processes import PATIENCE_S, wait_until
from served import SCRIPT

from teachtext.learning.trained_model import TrainedModel
from teachtext.search.indexing import index_folder
from teachtext.search.stores import open_store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt install chromium"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("page")
    model = write_model(folder / "model")
    for number in range(30):
        write_clip(folder / "videos" / f"v{number:02}.mp4", number)
    write_clip(folder / "videos" / SCRIPT, 99)
    write_clip(folder / "videos" / "tall" / "portrait.mp4", 100, tall=True)
    write_clip(folder / "videos" / "tall" / "square.mp4", 101)
    write_moving_video(folder / "videos" / "old" / "asp.avi", "mpeg4")
    write_moving_video(folder / "videos" / "old" / "hevc.mp4", "libx265", seconds=4.0)
    store = open_store(str(folder / "index"))
    index_folder(folder / "videos", store, TrainedModel(model), folder / "index" / "features", tags=["clip"])
    with store.writing():
        entry = store.get(["videos/v07.mp4"])["videos/v07.mp4"]
        told = replace(entry.item, moments=(heard("buy some bread", 0.2),), tags=("clip", "shop"))
        store.put([replace(entry, item=told)])
    (folder / "videos" / "v03.mp4").unlink()
    with served(folder / "index") as address:
        yield address


def search(page: Any, address: str) -> None:
    """Open the results of a search, the weaker ones too."""
    page.goto(address)
    for summary in page.locator(".weaker:not([open]) > summary").all():
        summary.click()


def test_a_search_shows_videos_and_why(page: Any):
    page.goto("/")
    page.fill("#q", "something moves")
    page.keyboard.press("Enter")
    page.wait_for_selector("ol.grid .card", state="attached")
    search(page, page.url)
    assert page.locator(".card").count() == 24 and "of 35 videos" in page.locator("[role=status]").inner_text()
    card = page.locator(".card").first
    card.locator(".why summary").click()
    parts = [float(one) for one in card.locator("dd").all_inner_texts()]
    assert sum(parts[:-1]) == pytest.approx(parts[-1], abs=2e-3)
    bar = card.locator("svg")
    assert "motion" in bar.get_attribute("aria-label")
    drawn = "[...document.querySelectorAll('.why svg')].map(bar => [...bar.querySelectorAll('rect')]"
    widths = f"{drawn}.reduce((sum, part) => sum + part.width.baseVal.value, 0))"
    assert min(page.evaluate(widths)) > 0
    page.get_by_role("link", name="More", exact=True).click()
    page.wait_for_url("**page=2**")
    assert page.locator(".card").count() == 11
    assert min(page.evaluate(widths)) > 0


def test_it_plays_on_hover_and_opens_where_words_were_heard(page: Any):
    search(page, "/?q=bread&by=words")
    card = page.locator(".card").first
    assert card.locator("mark").inner_text() == "bread"
    video = card.locator("video")
    assert video.get_attribute("src") is None, "nothing is loaded before"
    card.hover()
    until(page, "document.querySelector('.card video').readyState > 1")
    card.locator("h2 a").click()
    until(page, "document.querySelector('.player')?.currentTime >= 0.15")
    assert "buy some bread" in page.locator(".moments").inner_text()


@pytest.mark.parametrize("name", ["asp.avi", "hevc.mp4"])
def test_a_file_that_no_browser_plays_is_prepared_and_plays(page: Any, name: str):
    page.goto(f"/video?id=videos/old/{name}&t=1.0")
    until(page, "document.querySelector('.player').readyState > 1 && !document.querySelector('.player').hidden")
    assert "/api/v1/playback-files/" in page.evaluate("document.querySelector('.player').currentSrc")
    until(page, "document.querySelector('.player').currentTime >= 1")
    assert page.evaluate("document.querySelector('.player').videoWidth") == 96
    page.goto(f"/video?id=videos/old/{name}")
    until(page, "document.querySelector('.player').readyState > 0")
    assert page.locator(".preparing").count() == 0
    page.goto("/?folder=videos/old")
    page.locator(f'.card:has(a[href*="{name}"])').hover()
    until(page, "[...document.querySelectorAll('.card video')].some(video => video.readyState > 1 && video.videoWidth)")


def test_without_javascript_a_page_comes_back_until_the_video_is_prepared(browser: Any, address: str, tmp_path: Path):
    context = browser.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/video?id=videos/old/asp.avi")
    if page.locator(".preparing").count():
        assert page.locator("meta[http-equiv=refresh]").count() == 1
    wait_until(lambda: page.goto("/video?id=videos/old/asp.avi") and page.locator(".player[src]").count() == 1, "never")
    context.close()


def test_filters_and_tags_narrow_and_stay_in_the_address(page: Any):
    search(page, "/?q=dog")
    chip = page.get_by_role("link", name="shop 1")
    chip.click()
    page.wait_for_url("**tag=shop**")
    assert page.locator(".card .file").all_text_contents() == ["v07.mp4"]
    page.get_by_role("link", name="shop : remove this filter").click()
    # a click does not wait for the whole page that follows
    expect(page.locator(".card")).to_have_count(24, timeout=PATIENCE_S * 1000)
    page.locator(".filters summary").click()
    page.get_by_label("Length of at most").fill("0.1")
    page.get_by_role("button", name="Use these filters").click()
    page.wait_for_url("**longest=0.1")
    assert "Nothing was found" in page.locator("[role=status]").inner_text()
    page.locator("main .empty .chip.set").click()
    # a click does not wait for the whole page that follows
    expect(page.locator(".card")).to_have_count(24, timeout=PATIENCE_S * 1000)


def test_a_portrait_video_has_a_picture_as_high_as_the_others(page: Any):
    page.goto("/?folder=videos/tall")
    assert page.locator(".card").count() == 2
    until(page, "document.querySelectorAll('.card video[poster]').length === 2")
    page.wait_for_load_state("networkidle")
    heights = page.evaluate("[...document.querySelectorAll('.picture')].map(one => one.getBoundingClientRect().height)")
    width = page.locator(".picture").first.bounding_box()["width"]
    assert heights == pytest.approx([width * 10 / 16] * 2, abs=1)


def test_more_like_this(page: Any):
    search(page, "/?q=dog")
    page.locator(".card").first.get_by_role("link", name="More like this").click()
    page.wait_for_url("**/like?video=**")
    assert page.locator(".card").count() == 24 and "Videos like" in page.locator("[role=status]").inner_text()


def test_an_upload_is_followed_until_it_is_there_and_can_be_removed(page: Any, tmp_path: Path):
    clip = write_clip(tmp_path / "mine.mp4", 555)
    page.goto("/upload")
    page.set_input_files("#file", clip)
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("link", name="Open the video").click()
    assert page.locator("h1").inner_text() == "mine"
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url(re.compile("/$"))
    page.goto("/video?id=uploads/mine.mp4")
    assert "holds no video" in page.locator("[role=alert]").inner_text()
    page.goto("/upload")
    page.set_input_files("#file", {"name": "no.mp4", "mimeType": "video/mp4", "buffer": b"no video at all"})
    page.get_by_role("button", name="Upload").click()
    page.wait_for_selector("#progress .wrong")


def test_keys_alone_are_enough(page: Any):
    search(page, "/?q=dog")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("ArrowDown")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowRight")
    second = page.evaluate("document.activeElement.textContent")
    assert [first, second] == page.locator(".card h2").all_inner_texts()[:2]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_selector(".facts")
    assert page.locator("h1").inner_text() == first
    page.keyboard.press("Escape")
    page.wait_for_selector("ol.grid", state="attached")


def test_recent_searches_and_keys_are_told(page: Any):
    page.goto("/?q=a red dog")
    page.goto("/")
    recent = page.locator("#recent a")
    assert recent.all_inner_texts() == ["a red dog"]
    recent.click()
    page.wait_for_selector("ol.grid .card", state="attached")
    page.goto("/?q=bread")
    page.goto("/")
    assert recent.all_inner_texts() == ["bread", "a red dog"]
    page.get_by_role("button", name="Forget").click()
    page.goto("/")
    assert recent.count() == 0 and not page.locator("#recent").is_visible()
    page.locator("main").click(position={"x": 2, "y": 2})
    page.keyboard.press("?")
    assert "next and previous place" in page.locator("#keys").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible() and page.url.endswith("/")
    page.get_by_role("link", name="buy some bread", exact=True).click()
    page.wait_for_url("**q=buy%20some%20bread")
    assert "“buy some bread”" in page.locator(".card h2").all_inner_texts()[0]


def test_names_are_text_and_missing_files_are_said(page: Any):
    page.goto("/?q=moves&page=2")
    page.goto("/?q=moves")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto("/missing")
    assert [text.strip() for text in page.locator("li").all_inner_texts()] == ["videos/v03.mp4"]
    page.goto("/")
    assert dialogs == [] and page.locator("main script").count() == 0


def test_errors_are_friendly(page: Any):
    page.goto("/?q=a&page=500")
    assert "That did not work" in page.locator("h1").inner_text()
    page.goto("/video?id=nothing")
    assert "holds no video" in page.locator("[role=alert]").inner_text()


def test_without_javascript_it_searches_and_filters(browser: Any, address: str):
    context = browser.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.fill("#q", "dog")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="shop 1").click()
    assert page.locator(".card .file").all_text_contents() == ["v07.mp4"]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1100])
def test_every_page_fits_and_is_accessible(browser: Any, address: str, scheme: str, width: int):
    pytest.importorskip("axe_playwright_python")
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 700}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    for path in (
        "/",
        "/?q=bread",
        "/?q=a&longest=0.1",
        "/?folder=videos/tall&sort=name",
        "/nowhere",
        "/?q=a&page=500",
        "/video?id=videos/v07.mp4&q=bread",
        "/upload",
        "/missing",
        "/login",
    ):
        page.goto(path)
        check_page(page, width)
    context.close()
