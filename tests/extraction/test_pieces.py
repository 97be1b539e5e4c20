"""Long videos piece by piece, with experts whose rows can be told from the frames."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from large_pictures import growth_mb
from numpy.typing import NDArray
from processes import needs_proc

pytest.importorskip("av")
from teachtext.data.passages import Passage
from teachtext.encoders.base import Hearing, Rows
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.encoders.spec import VideoEntry
from teachtext.errors import InputError
from teachtext.extraction.encode import encode_video
from teachtext.extraction.piece_rows import StretchHearing, _joined
from teachtext.processes import BoundedCalls
from teachtext.video.sampling import Clips, ClipSampling, Frames, FrameSampling, PieceRule, SoundSampling

Make = Callable[..., Path]
RULE = PieceRule(whole_s=4, longest_s=2, shortest_s=0.5, share=1)


class Brightness:
    """A row a video: the mean brightness of the frames that are looked at, and their number."""

    outputs: ClassVar = {"brightness": 2}
    sampling = FrameSampling(per_second=2, most=16, height=16, width=16, gray=True)
    settings: ClassVar = {}

    def encode(self, sampled: Frames) -> dict[str, Rows]:
        return {"brightness": Rows(np.array([[sampled.pixels.mean(), len(sampled.pixels)]], np.float32))}


class Signs:
    """A text for each frame: the brightness in tens."""

    outputs: ClassVar = {"signs": 1}
    sampling = FrameSampling(per_second=1, most=32, height=16, width=16, gray=True)
    settings: ClassVar = {}

    def encode(self, sampled: Frames) -> dict[str, Rows]:
        levels = sampled.pixels.reshape(len(sampled.pixels), -1).mean(axis=1)
        passages = [
            Passage(time, time, f"the sign says {round(level / 10)}")
            for time, level in zip(sampled.times.tolist(), levels.tolist(), strict=True)
        ]
        times = np.array([passage[:2] for passage in passages], np.float32)
        return {"signs": Rows(levels[:, None].astype(np.float32), times, passages)}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VIDEO_EXPERTS, "brightness", VideoEntry(target="x:X", joins="mean"))
    monkeypatch.setitem(VIDEO_EXPERTS, "signs", VideoEntry(target="x:X", finds_words="read"))


def gray(levels: Any, side: int = 32) -> NDArray[np.uint8]:
    return np.stack([np.full((side, side, 3), level, np.uint8) for level in levels])


def rows_of(path: Path, expert: Any = None, rule: PieceRule | None = RULE) -> Rows:
    expert = expert or Brightness()
    return encode_video(path, [expert], rule)[next(iter(expert.outputs))]


def test_a_clip_is_one_piece_with_the_row_that_training_has(make_video: Make):
    path = make_video("clip.mp4", gray(np.linspace(20, 200, 32)), fps=8)
    clip, training = rows_of(path), rows_of(path, rule=None)
    assert np.array_equal(clip.values, training.values)
    assert clip.times is not None
    assert clip.times.tolist() == [[0, pytest.approx(31 / 8)]]
    assert training.times is None


def test_a_longer_video_has_a_row_for_each_two_seconds(make_video: Make):
    # frame number n, at n / 8 s, is 2 n bright
    rows = rows_of(make_video("film.mp4", gray(range(0, 144, 2)), fps=8))
    assert rows.times is not None
    assert rows.times.tolist() == [[0, 2], [2, 4], [4, 6], [6, 8], [8, 9]]
    # two frames a second are looked at
    assert rows.values[:, 1].tolist() == [4, 4, 4, 4, 2]
    assert np.abs(rows.values[:, 0] - [12, 44, 76, 108, 132]).max() < 4


def test_a_piece_ends_where_a_shot_ends(make_video: Make, moving: Callable[..., NDArray[np.uint8]]):
    shots = [moving(seed=1, count=24, dx=1), moving(seed=2, count=24, dx=1), moving(seed=3, count=24, dx=1)]
    rows = rows_of(make_video("film.mp4", np.concatenate(shots), fps=8))
    assert rows.times is not None
    assert rows.times.round(2).tolist() == [[0, 2], [2, 3], [3, 5], [5, 6], [6, 8], [8, 9]]


def test_a_frame_that_is_shown_for_long_stands_for_several_pieces(make_video: Make):
    rows = rows_of(make_video("slides.mp4", gray([20, 100, 180]), fps=1, pts=[0, 6, 12]))
    assert rows.times is not None
    assert np.allclose(rows.times[:, 1] - rows.times[:, 0], 2)
    assert np.allclose(rows.times[1:, 0], rows.times[:-1, 1])
    assert len(set(rows.values[:3, 0].tolist())) == 1


@pytest.mark.parametrize("stated", ["too short", "too long"])
def test_the_last_frame_decides_what_a_clip_is(make_video: Make, monkeypatch: pytest.MonkeyPatch, stated: str):
    film = make_video("film.mp4", gray(range(0, 144, 2)), fps=8)
    clip = make_video("clip.mp4", gray(range(0, 40, 2)), fps=8)
    expected = {path: rows_of(path) for path in (film, clip)}
    wrong = 3.0 if stated == "too short" else 5.0
    monkeypatch.setattr("teachtext.video.decode.stream_seconds", lambda *_: wrong)
    path = film if stated == "too short" else clip
    actual = rows_of(path)
    assert np.array_equal(actual.values, expected[path].values)
    assert np.array_equal(actual.times, expected[path].times)  # type: ignore[arg-type]


def test_a_text_that_stays_is_a_single_passage(make_video: Make):
    rows = rows_of(make_video("film.mp4", gray([40] * 48 + [200] * 48), fps=8), Signs())
    assert [passage.text for passage in rows.passages or ()] == ["the sign says 4", "the sign says 20"]
    assert rows.times is not None
    assert rows.times.round(1).tolist() == [[0, 6], [6, 12]]
    assert len(rows.values) == 2


@pytest.mark.slow
@needs_proc
def test_memory_does_not_grow_with_the_length_of_a_film(make_video: Make):
    path = make_video("film.mp4", np.broadcast_to(np.uint8(90), (500, 360, 640, 3)), fps=1)
    with BoundedCalls(growth_mb, seconds=600, memory_mb=4000) as growth:
        assert growth(path) < 100


@pytest.mark.parametrize("kind", [Brightness, Signs])
def test_a_piece_that_shows_what_the_piece_before_shows_is_encoded_once(
    make_video: Make, monkeypatch: pytest.MonkeyPatch, kind: Any
):
    calls = []

    class Counted(kind):  # type: ignore[misc]
        def encode(self, sampled: Frames) -> dict[str, Rows]:
            calls.append(sampled.times)
            return dict(super().encode(sampled))

    # 6 s and 8 s of still pictures, then 4 s in which every frame is another
    path = make_video("film.mp4", gray([40] * 48 + [200] * 64 + list(range(60, 124, 2))), fps=8)
    once, calls_once = rows_of(path, Counted()), len(calls)
    monkeypatch.setattr("teachtext.extraction.piece_rows._is_same", lambda *_: False)
    calls.clear()
    each = rows_of(path, Counted())
    assert calls_once == 4 and len(calls) == 9
    assert np.array_equal(once.values, each.values) and once.passages == each.passages
    assert np.array_equal(once.times, each.times)  # type: ignore[arg-type]


def test_clips_of_a_network_cover_the_whole_video_and_are_joined_one_by_one(
    make_video: Make, monkeypatch: pytest.MonkeyPatch
):
    class Network:
        outputs: ClassVar = {"network": 1}
        settings: ClassVar = {}
        sampling = ClipSampling(
            look=lambda clip: clip.astype(np.float32).mean(axis=(0, 1, 2))[:1],
            frames=4,
            per_second=2,
            most=2,
            resize=16,
            height=16,
            width=16,
        )

        def encode(self, sampled: Clips) -> dict[str, Rows]:
            return {"network": Rows(sampled.vectors.mean(axis=0, keepdims=True))}

    monkeypatch.setitem(VIDEO_EXPERTS, "network", VideoEntry(target="x:X", joins="mean"))
    rows = rows_of(make_video("film.mp4", gray(range(0, 128, 2)), fps=8), Network())
    assert rows.times is not None
    assert rows.times.tolist() == [[0, 2], [2, 4], [4, 6], [6, 8]]
    assert (np.diff(rows.values[:, 0]) > 20).all()


def test_sound_that_is_one_row_is_heard_ten_seconds_at_a_time(monkeypatch: pytest.MonkeyPatch):
    class Loud(Hearing):
        def __init__(self) -> None:
            self.samples: list[int] = []

        def hear(self, samples: NDArray[np.int16]) -> None:
            self.samples += samples.tolist()

        def finish(self) -> dict[str, Rows]:
            return {"loud": Rows(np.array([[np.mean(self.samples), len(self.samples)]], np.float32))}

    class Listens:
        outputs: ClassVar = {"loud": 2}
        sampling = SoundSampling(rate=10)
        settings: ClassVar = {}

        def begin(self) -> Hearing:
            return Loud()

        def encode(self, sampled: Any) -> dict[str, Rows]:
            raise NotImplementedError

    hearing = StretchHearing(Listens())
    for start in range(0, 250, 7):
        hearing.hear(np.arange(start, min(start + 7, 250), dtype=np.int16))
    rows = hearing.finish()["loud"]
    assert rows.values.tolist() == [[49.5, 100], [149.5, 100], [224.5, 50]]
    assert rows.times is not None
    assert rows.times.tolist() == [[0, 10], [10, 20], [20, 25]]


def test_a_text_that_is_read_in_part_is_joined_and_no_word_is_lost():
    texts = ["quarterly revenue", "quarterly revenue 2026", "Revenue 2026", "quarterly costs 2026"]
    passages = [Passage(2.0 * number, 2.0 * number + 2, text) for number, text in enumerate(texts)]
    times = np.array([passage[:2] for passage in passages], np.float32)
    parts = [Rows(np.full((1, 1), n, np.float32), times[n : n + 1], passages[n : n + 1]) for n in range(4)]
    rows = _joined(parts, 1)
    assert list(rows.passages or ()) == [Passage(0, 6, "quarterly revenue 2026"), Passage(6, 8, "quarterly costs 2026")]
    assert rows.values.tolist() == [[1], [3]]


def damaged(path: Path) -> Path:
    """Zeros instead of a quarter of the file, in its middle."""
    content = bytearray(path.read_bytes())
    begin, end = round(0.4 * len(content)), round(0.65 * len(content))
    content[begin:end] = bytes(end - begin)
    path.write_bytes(content)
    return path


def test_a_film_that_is_damaged_in_the_middle_has_what_is_before_and_after(make_video: Make):
    noise = np.random.default_rng(0).integers(0, 60, (320, 32, 32, 3), dtype=np.uint8)
    levels = np.repeat(np.linspace(10, 180, 20), 16).astype(np.uint8)
    path = damaged(make_video("film.mp4", noise + levels[:, None, None, None], fps=8))
    notes: list[str] = []
    rows = encode_video(path, [Brightness()], RULE, note=notes.append)["brightness"]
    assert len(notes) == 1 and "of it is lost, the rest is used" in notes[0] and str(path) in notes[0]
    assert rows.times is not None and rows.times[0, 0] == 0 and rows.times[-1, 1] == pytest.approx(40, abs=0.2)
    brightness = rows.values[:, 0]
    assert brightness[0] == pytest.approx(40, abs=6) and brightness[-1] == pytest.approx(210, abs=6)


def test_a_clip_that_is_damaged_is_refused(make_video: Make):
    noise = np.random.default_rng(0).integers(0, 255, (28, 32, 32, 3), dtype=np.uint8)
    path = damaged(make_video("clip.mp4", noise, fps=8))
    with pytest.raises(InputError, match="truncated or damaged"):
        encode_video(path, [Brightness()], RULE)


def test_recordings_that_were_appended_follow_each_other(make_video: Make):
    path = make_video("film.ts", gray(np.repeat(np.linspace(20, 200, 10), 8)), fps=8)
    path.write_bytes(2 * path.read_bytes())
    rows = rows_of(path)
    assert rows.times is not None and rows.times[-1, 1] == pytest.approx(20, abs=0.3)
    assert np.all(np.diff(rows.times[:, 0]) > 0)
    late = rows.values[rows.times[:, 0] > 18, 0]
    assert late == pytest.approx(200, abs=15)
