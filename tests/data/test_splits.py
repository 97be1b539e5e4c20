import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.data.splits import folds, source_of
from teachtext.errors import InputError

# how many clips each source was cut into
SOURCES = st.lists(st.integers(1, 5), min_size=10, max_size=40)


def clips(sources):
    return [f"s{source}_{5 * k}_{5 * k + 5}" for source, count in enumerate(sources) for k in range(count)]


@settings(deadline=None)
@given(SOURCES, st.integers(2, 5), st.integers(0, 3))
def test_every_video_is_held_out_once_and_clips_of_one_source_together(sources, count, seed):
    ids = clips(sources)
    parts = folds(ids, count, seed=seed)
    assert [part.number for part in parts] == list(range(1, count + 1))
    assert sorted(video for part in parts for video in part.held_out) == sorted(ids)
    for part in parts:
        assert {*part.held_out} | {*part.rest} == {*ids} and not {*part.held_out} & {*part.rest}
        assert not {source_of(video) for video in part.held_out} & {source_of(video) for video in part.rest}
    sizes = [len(part.held_out) for part in parts]
    assert max(sizes) - min(sizes) <= max(sources)


@settings(deadline=None)
@given(SOURCES, st.randoms())
def test_the_order_of_the_ids_does_not_matter_and_the_seed_does(sources, random):
    ids = clips(sources)
    shuffled = random.sample(ids, len(ids))
    assert folds(ids, 3, seed=1) == folds(shuffled, 3, seed=1)
    if len(sources) >= 20:
        assert folds(ids, 3, seed=1) != folds(ids, 3, seed=2)


def test_too_few_sources_are_refused():
    with pytest.raises(InputError, match=r"6 training videos of 2 sources are too few for 3 folds .*use fewer"):
        folds(clips([3, 3]), 3, seed=0)
    with pytest.raises(InputError, match="3 training videos of 3 sources are too few for 2 folds"):
        folds(clips([1, 1, 1]), 2, seed=0)
