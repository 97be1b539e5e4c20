from contextlib import suppress
from datetime import datetime

import pytest
from entries import make_entry
from hypothesis import given
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.search.filters import Filter, parse_filters


def test_every_kind_of_filter_is_understood():
    texts = ["duration >= 3", "duration<=30.5", "tag=a=b c", "tag=dog", "speech=No", "id=x/y.mp4", "id=z"]
    expected = Filter(shortest_s=3, longest_s=30.5, tags=("a=b c", "dog"), has_speech=False, ids=("x/y.mp4", "z"))
    assert parse_filters(texts) == expected
    assert not parse_filters([]) and parse_filters(["tag=x"])


def test_the_narrower_of_two_bounds_counts():
    assert parse_filters(["duration>=3", "duration>=5", "duration<=9", "duration<=8"]) == Filter(
        shortest_s=5, longest_s=8
    )
    assert not parse_filters(["duration<3"]).admits(make_entry("a", duration_s=3.0).item)
    assert parse_filters(["duration>3"]).admits(make_entry("a", duration_s=3.0001).item)


def test_a_day_is_a_whole_day():
    noon = datetime(2026, 1, 31, 12).timestamp()
    item = make_entry("a", added_s=noon).item
    for text, admits in (
        ("added>=2026-01-31", True),
        ("added<=2026-01-31", True),
        ("added<2026-01-31", False),
        ("added>2026-01-31", False),
        ("added<2026-02-01", True),
        ("added>2026-01-30", True),
    ):
        assert parse_filters([text]).admits(item) == admits, text


@pytest.mark.parametrize(
    "text",
    ["", "duration", "duration=3", "duration<=long", "duration<=nan", "duration<=inf", "added>=yesterday",
     "speech=maybe", "tag<=x", "tag=", "colour=red", "added>=2026-13-01", "added<=9999-12-31"],
)  # fmt: skip
def test_a_filter_that_is_not_understood_is_refused(text: str):
    with pytest.raises(InputError, match="not understood"):
        parse_filters([text])


@given(st.text())
def test_any_text_is_a_filter_or_is_refused(text: str):
    with suppress(InputError):
        parse_filters([text])
