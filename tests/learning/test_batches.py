import pytest

from teachtext.errors import InputError
from teachtext.learning.batches import CaptionPicks


@pytest.fixture
def picks(world):
    def make(batch_size=4, seed=0, videos=9):
        captions = {video: world.by_video[video] for video in world.videos[:videos]}
        return CaptionPicks(features=world.features(world.spec()), captions=captions, batch_size=batch_size, seed=seed)

    return make


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


@pytest.mark.parametrize("videos", [0, 1])
def test_fewer_than_two_videos_are_refused(picks, videos):
    with pytest.raises(InputError, match=f"only {videos} training videos"):
        picks(videos=videos)


@pytest.mark.parametrize("batch_size", [1, 0, -3])
def test_batches_of_fewer_than_two_videos_are_refused(picks, batch_size):
    with pytest.raises(InputError, match="batch_size"):
        picks(batch_size)
