from teachtext.data.protocol import Caption, Protocol
from teachtext.data.types import Dataset, Video


def test_the_first_captions_of_training_videos_are_kept_in_each_language():
    captions = [
        Caption(f"{video}#{number}{end}", video, "x", end.removeprefix(".") or "en")
        for video in "ab"
        for number in range(3)
        for end in ("", ".de")
    ]
    dataset = Dataset(
        name="d",
        videos={video: Video(video, None) for video in "ab"},
        captions=captions,
        splits={"train": ["a"], "test": ["b"]},
        protocol=Protocol(select=None),
    )
    few = dataset.with_train_captions(2)
    assert [query.id for query in few.queries_of("train")] == ["a#0", "a#0.de", "a#1", "a#1.de"]
    assert few.queries_of("test") == dataset.queries_of("test")
    assert few.notes == ["of each training video the first 2 captions are used, 2 captions are left out"]
    assert dataset.with_train_captions(3) == dataset
