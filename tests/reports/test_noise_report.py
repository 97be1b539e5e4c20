import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from rich.console import Console

from teachtext.data.protocol import Caption
from teachtext.evaluation.noise import cut, noise_of
from teachtext.reports.noise_report import NoiseContent, judges_table, render_noise, summary

CAPTIONS = [Caption(f"v{n // 3}#{n % 3}", f"v{n // 3}", f"<b>caption</b> {n}") for n in range(12)]


def make_content(wrong=True, **changes):
    random = np.random.default_rng(0)
    ranks = random.integers(0, 4, (2, 12)).astype(np.float64)
    gallery = np.full(12, 4)
    noise = noise_of(ranks, gallery)
    video_of = np.repeat(np.arange(4), 3)
    decided = cut(noise, video_of)
    content = NoiseContent(
        name="a run",
        dataset="d & e",
        generated=wrong,
        captions=CAPTIONS,
        judges=["teacher one", "teacher two"],
        ranks=ranks,
        gallery=gallery,
        folds=[2, 2],
        noise=noise,
        cut=decided,
        dropped=decided.dropped,
        wrong=noise > 0.8 if wrong else None,
        settings="Dropped is noise above 0.5.",
    )
    return replace(content, **changes)


def printed(sheet):
    console = Console(width=120)
    with console.capture() as capture:
        console.print(sheet.rich())
    return capture.get()


@pytest.mark.slow
def test_the_page_needs_nothing_else_and_escapes_what_people_wrote():
    page = render_noise(make_content())
    links = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert all(link.startswith(("#", "data:")) for link in links) and "<script" not in page
    assert "&lt;b&gt;caption&lt;/b&gt;" in page and "<b>caption</b>" not in page
    assert page.count("<figure") == 4 and "Generated data." in page
    assert render_noise(make_content()) == page, "the same input gives the same bytes"


def test_without_known_wrong_captions_nothing_is_measured_against_them():
    page = render_noise(make_content(wrong=False))
    assert page.count("<figure") == 2 and "recall" not in page and "in truth" not in page
    assert "precision" not in printed(summary(make_content(wrong=False)))


def test_the_summary_counts_what_is_dropped():
    content = make_content()
    text = printed(summary(content))
    assert f"{int(content.dropped.sum())} (" in text and "12 of 4 videos, 2 folds" in text
    by_hand = make_content(dropped=np.zeros(12, np.bool_))
    assert f"decided otherwise by hand  {int(content.dropped.sum())}" in re.sub(
        " {2,}", "  ", printed(summary(by_hand))
    )
    assert "precision: dropped ones that are wrong  cannot be computed" in re.sub(
        " {2,}", "  ", printed(summary(by_hand))
    )


def test_every_judge_is_shown_with_what_it_found():
    sheet = judges_table(make_content())
    assert [row[0] for row in sheet.rows] == ["teacher one", "teacher two"]
    assert len(sheet.columns) == len(sheet.rows[0]) == 6
    assert "among 4 videos" in sheet.note
