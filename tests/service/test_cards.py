from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.service.cards import bars

values = st.integers(-1000, 1000).map(lambda thousandths: thousandths / 1000)
results = st.lists(st.dictionaries(st.sampled_from(["face", "motion", "ocr", "scene"]), values, min_size=1), min_size=1)


@pytest.mark.slow
@settings(deadline=None)
@given(results)
def test_a_bar_shows_every_part_on_its_side_of_zero(contributions: list[dict[str, float]]):
    drawn = bars(contributions)
    (zero,) = {bar.zero for bar in drawn}
    assert any(value for one in contributions for value in one.values()) == any(
        width for bar in drawn for _, width in bar.parts.values()
    )
    for one, bar in zip(contributions, drawn, strict=True):
        assert bar.parts.keys() == one.keys()
        for name, (left, width) in bar.parts.items():
            assert left >= zero - 1e-9 if one[name] >= 0 else left + width <= zero + 1e-9
        beside = sorted((left, left + width) for left, width in bar.parts.values() if width)
        assert all(end == pytest.approx(begin) for (_, end), (begin, _) in pairwise(beside))


@settings(deadline=None)
@given(results)
def test_bars_of_a_page_have_one_scale_and_fill_it(contributions: list[dict[str, float]]):
    drawn = bars(contributions)
    pairs = [
        (abs(one[name]), width)
        for one, bar in zip(contributions, drawn, strict=True)
        for name, (_, width) in bar.parts.items()
    ]
    ends = [end for bar in drawn for left, width in bar.parts.values() for end in (left, left + width) if width]
    if ends:
        scale = sum(width for _, width in pairs) / sum(size for size, _ in pairs)
        assert [width for _, width in pairs] == pytest.approx([size * scale for size, _ in pairs])
        assert min(ends) == pytest.approx(0, abs=1e-9) and max(ends) == pytest.approx(100)


def test_what_lowers_every_score_is_seen():
    (bar,) = bars([{"motion": -0.3, "scene": -0.1}])
    assert bar.zero == pytest.approx(100)
    assert {name: round(width) for name, (_, width) in bar.parts.items()} == {"motion": 75, "scene": 25}
