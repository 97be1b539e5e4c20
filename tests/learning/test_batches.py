from collections import Counter

import pytest
import torch

from teachtext.errors import InputError
from teachtext.learning.batches import CaptionPicks


@pytest.fixture
def picks(world):
    def make(batch_size=4, seed=0, videos=9, **settings):
        captions = {video: world.by_video[video] for video in world.videos[:videos]}
        features = world.features(world.spec())
        return CaptionPicks(features=features, captions=captions, batch_size=batch_size, seed=seed, **settings)

    return make


RECORDED = [
    (["video 0", "video 8", "video 4", "video 5"], ["video 0/0", "video 8/1", "video 4/1", "video 5/0"]),
    (
        ["video 6", "video 3", "video 1", "video 2", "video 7"],
        ["video 6/0", "video 3/0", "video 1/1", "video 2/0", "video 7/1"],
    ),
]


def told(batches):
    return [(list(batch.video.ids), list(batch.text.ids)) for batch in batches]


@pytest.mark.parametrize("videos", [2, 3, 5, 8, 9])
@pytest.mark.parametrize("batch_size", [2, 4, 8, 100])
def test_every_video_once_with_a_caption_of_its_own_and_never_alone(world, picks, videos, batch_size):
    batches = picks(batch_size, videos=videos)
    for epoch in (1, 2, 7):
        found = told(batches(epoch))
        pairs = [pair for video_ids, caption_ids in found for pair in zip(video_ids, caption_ids, strict=True)]
        assert sorted(video for video, _ in pairs) == sorted(world.videos[:videos])
        assert all(caption in world.by_video[video] for video, caption in pairs)
        sizes = [len(video_ids) for video_ids, _ in found]
        assert len(sizes) == len(batches)
        # a tail of one joins the batch before it; all others are full but the last
        assert min(sizes) >= 2
        assert all(size == batch_size for size in sizes[:-1])
        assert sizes[-1] <= batch_size + 1
        assert (sizes[-1] == batch_size + 1) == (videos % batch_size == 1)


def test_batches_hold_the_features_of_their_ids(world, picks):
    features = world.features(world.spec())
    batch = next(iter(picks()(1)))
    expected = world.batch(features, batch.text.ids, batch.video.ids)
    assert batch.text.tokens.equal(expected.text.tokens)
    assert batch.video.experts["audio"].equal(expected.video.experts["audio"])


def test_seed_and_epoch_alone_decide(picks):
    first = picks(seed=1)
    epochs = [told(first(epoch)) for epoch in (1, 2, 3)]
    again = picks(seed=1)
    assert [told(again(epoch)) for epoch in (3, 1)] == [epochs[2], epochs[0]]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert told(picks(seed=2)(1)) != epochs[0]


def test_each_caption_has_its_turn(world, picks):
    batches = picks()
    seen = {caption for epoch in range(1, 30) for _, captions in told(batches(epoch)) for caption in captions}
    assert seen == set(world.caption_ids)


def test_one_caption_a_video_is_what_it_always_was(picks):
    """Recorded before several could be asked for."""
    assert told(picks(seed=5)(2)) == RECORDED


@pytest.mark.parametrize("count", [2, 3, 9])
def test_several_captions_of_a_video_are_different_ones_each_with_its_video(world, picks, count):
    batches = picks(seed=1, captions_per_video=count)
    for epoch in (1, 2):
        found = told(batches(epoch))
        own: dict[str, list[str]] = {}
        for video_ids, caption_ids in found:
            assert len(set(video_ids)) in (4, 5), "a batch is so many videos, and whole videos"
            for video, caption in zip(video_ids, caption_ids, strict=True):
                own.setdefault(video, []).append(caption)
        assert own.keys() == set(world.videos)
        for video, captions in own.items():
            assert len(captions) == len(set(captions)) == min(count, len(world.by_video[video]))
            assert set(captions) <= set(world.by_video[video])
    assert told(batches(1)) == told(picks(seed=1, captions_per_video=count)(1))


def test_the_same_video_is_told_by_its_id(world, picks):
    batch = next(iter(picks(captions_per_video=3)(1)))
    ids = list(batch.video.ids)
    assert len(set(ids)) < len(ids)
    assert batch.same_video.tolist() == [[one == other for other in ids] for one in ids]
    assert next(iter(picks()(1))).same_video.equal(torch.eye(4, dtype=torch.bool))


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_than_one_caption_a_video_are_refused(picks, count):
    with pytest.raises(InputError, match="captions_per_video"):
        picks(captions_per_video=count)


@pytest.mark.parametrize("videos", [0, 1])
def test_fewer_than_two_videos_are_refused(picks, videos):
    with pytest.raises(InputError, match=f"only {videos} training videos"):
        picks(videos=videos)


@pytest.mark.parametrize("batch_size", [1, 0, -3])
def test_batches_of_fewer_than_two_videos_are_refused(picks, batch_size):
    with pytest.raises(InputError, match="batch_size"):
        picks(batch_size)


def test_further_captions_are_picked_beside_the_others_or_by_their_share(world, picks):
    videos = world.videos[:4]
    # captions of other videos stand for captions of events
    further = {video: world.by_video[other] for video, other in zip(videos[1:], world.videos[5:8], strict=True)}

    def picked(**settings):
        return [told(picks(videos=4, further=further, **settings)(epoch)) for epoch in range(1, 40)]

    def share(epochs):
        drawn = [pair for batches in epochs for batch in batches for pair in zip(*batch, strict=True)]
        assert all(caption in world.by_video[video] for video, caption in drawn if video == videos[0])
        of_events = [caption in further[video] for video, caption in drawn if video != videos[0]]
        return sum(of_events) / len(of_events)

    assert share(picked(further_share=0.0)) == 0 and share(picked(further_share=1.0)) == 1
    assert 0.25 < share(picked()) < 0.75
    assert picked(further_share=0.0) != picked(further_share=1.0)
    whole = told(picks(videos=4, further=further, further_share=1.0, captions_per_video=9)(1))
    counts = Counter(video for video_ids, _ in whole for video in video_ids)
    assert counts == {video: len(world.by_video[video]) + len(further.get(video, ())) for video in videos}
