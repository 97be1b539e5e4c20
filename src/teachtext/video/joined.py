"""One long video out of many clips, joined by cuts, cross-fades and fades through black."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.files import atomic
from teachtext.video.decode import sample_video
from teachtext.video.file import COPY_AGAIN, open_video
from teachtext.video.frames import aspect_of, pixels_of
from teachtext.video.sampling import SoundSampling
from teachtext.video.sound import Ear, Samples

JoinKind = Literal["cut", "cross-fade", "fade through black"]
Picture = NDArray[np.uint8]

# samples a second, and samples of one block of AAC
_RATE, _BLOCK = 16_000, 1024
# Without look-ahead x264 gives the same bytes every time.
_H264 = {
    "crf": "23", "preset": "veryfast", "threads": "1", "bf": "0", "x264-params": "mbtree=0:weightp=0:scenecut=0"
}  # fmt: skip


class Clip(NamedTuple):
    """A video file, how it follows the clip before, and the length of the fade in seconds; a cut has none."""

    path: Path
    join: JoinKind = "cut"
    fade_s: float = 0.0


class Stretch(NamedTuple):
    """The place of a clip in a long video.

    Attributes:
        number: of the clip, from 0.
        start_s: seconds from the start of the long video. In a cross-fade a clip begins, and the last one ends, in
            the middle.
        end_s: seconds.
        join: how it follows the clip before.
        fade_s: length of the fade: of a cross-fade, or of each half of a fade through black.
    """

    number: int
    start_s: float
    end_s: float
    join: JoinKind
    fade_s: float


@dataclass(frozen=True)
class Shape:
    """The pictures of a long video: width and height in pixels, even numbers, and pictures a second."""

    width: int
    height: int
    rate: int


def join_clips(
    path: Path,
    clips: Sequence[Clip],
    shape: Shape,
    *,
    left_out: Callable[[int, str], None],
    progress: Callable[[int], None] = lambda done: None,
) -> list[Stretch]:
    """Write one H.264 video of clips, whole or not at all. The same clips give the same bytes with the same libraries.

    Pictures are scaled to fit the shape, with black beside them. If any clip has sound, the video has sound, mono of
    16 kHz, and silence where a clip has none. A fade takes at most a third of a clip. Memory holds the pictures of
    three fades, and the sound of two clips.

    Args:
        path: the mp4 file to write.
        clips: the clips in their order; the join of the first is not used.
        shape: of the pictures.
        left_out: called with the number of a clip that cannot be decoded, and a sentence.
        progress: called with the number of clips that are done.

    Returns:
        The places of the clips in the video, in their order.

    Raises:
        InputError: no clip can be decoded, the disk is full, or the folder cannot be written to.
    """
    # The temporary name does not end in .mp4, so the format must be named.
    with (
        atomic(path, durable=False) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"fflags": "+bitexact"}) as file,
    ):
        film = _Film(file, shape, sound=any(_has_sound(clip.path) for clip in clips))
        for number, clip in enumerate(clips):
            following = clips[number + 1].fade_s if number + 1 < len(clips) else 0.0
            try:
                film.add(number, clip, hold=round(following * shape.rate))
            except InputError as error:
                left_out(number, str(error))
            progress(number + 1)
        if not film.stretches:
            raise InputError(f"{path}: none of its {len(clips):,} clips can be decoded", COPY_AGAIN)
        film.finish()
    return film.stretches


class _Film:
    """A long video that is being written: its pictures, its sound, and the places of its clips."""

    def __init__(self, file: OutputContainer, shape: Shape, *, sound: bool) -> None:
        self.shape = shape
        self.stretches: list[Stretch] = []
        self._file = file
        self._picture: Any = file.add_stream("libx264", rate=shape.rate, options=_H264)
        self._picture.width, self._picture.height, self._picture.pix_fmt = shape.width, shape.height, "yuv420p"
        self._sound = _Sound(file) if sound else None
        self._written = 0
        # the last pictures of the clip before, its first frame, its length in frames, and its sound
        self._held: list[Picture] = []
        self._start = self._frames = self._faded = 0
        self._heard: Samples = np.zeros(0, np.int16)

    def add(self, number: int, clip: Clip, hold: int) -> None:
        """Add a clip, and keep its last `hold` pictures back for the fade that follows."""
        heard = _sound_of(clip.path)
        pictures = _pictures(clip.path, self.shape)
        most = round(clip.fade_s * self.shape.rate) if clip.join != "cut" else 0
        head = list(islice(pictures, max(1, 3 * most)))
        if not head:
            raise InputError(f"{clip.path} holds no picture that can be decoded", COPY_AGAIN)
        fade = min(most, len(self._held), self._frames // 3, len(head) // 3)
        join: JoinKind = clip.join if fade else "cut"
        overlap = fade if join == "cross-fade" else 0
        self._end_clip(fade, overlap)
        start = self._written
        if overlap:
            share = (np.arange(fade, dtype=np.float32) + 1) / (fade + 1)
            head[:fade] = [_mixed(old, new, part) for old, new, part in zip(self._held, head, share, strict=False)]
        elif fade:
            head[:fade] = [_mixed(None, new, (step + 1) / (fade + 1)) for step, new in enumerate(head[:fade])]
        self._held = []
        count = 0
        kept: deque[Picture] = deque()
        for picture in chain(head, pictures):
            count += 1
            kept.append(picture)
            if len(kept) > hold:
                self._write(kept.popleft())
        self._held = list(kept)
        self._start, self._frames, self._faded, self._heard = start, count, fade, heard
        rate = self.shape.rate
        begin_s = (start + overlap / 2) / rate
        if self.stretches:
            self.stretches[-1] = self.stretches[-1]._replace(end_s=begin_s)
        self.stretches.append(Stretch(number, begin_s, (start + count) / rate, join, fade / rate))

    def finish(self) -> None:
        """Write what is left."""
        self._end_clip(0, 0)
        for picture in self._held:
            self._write(picture)
        self._file.mux(self._picture.encode())
        if self._sound:
            self._sound.finish()

    def _end_clip(self, fade: int, overlap: int) -> None:
        """Write the pictures that are kept back, but for those of a cross-fade; and the sound of the clip."""
        if fade and not overlap:
            first = len(self._held) - fade
            self._held[first:] = [
                _mixed(None, old, 1 - (step + 1) / (fade + 1)) for step, old in enumerate(self._held[first:])
            ]
        while len(self._held) > overlap:
            self._write(self._held.pop(0))
        if self._sound:
            at, end = (round(frame * _RATE / self.shape.rate) for frame in (self._start, self._start + self._frames))
            faded, fading = (round(frames * _RATE / self.shape.rate) for frames in (self._faded, fade))
            self._sound.add(self._heard[: end - at], at, end, faded, fading)
            self._sound.write(round(self._written * _RATE / self.shape.rate))

    def _write(self, picture: Picture) -> None:
        self._file.mux(self._picture.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        self._written += 1


class _Sound:
    """The sound of a long video; what may still be mixed with the next clip is kept back."""

    def __init__(self, file: OutputContainer) -> None:
        self._file = file
        self._stream: Any = file.add_stream("aac", rate=_RATE, options={"aac_coder": "fast"})
        self._stream.layout, self._stream.bit_rate = "mono", 48_000
        self._wave = np.zeros(0, np.float32)
        self._start = 0

    def add(self, samples: Samples, at: int, end: int, faded: int, fading: int) -> None:
        """Add the sound of a clip between two samples of the long video, with a fade at each end."""
        clip = np.zeros(end - at, np.float32)
        clip[: len(samples)] = samples.astype(np.float32) / 32768
        clip[:faded] *= np.linspace(0, 1, faded, dtype=np.float32)
        clip[len(clip) - fading :] *= np.linspace(1, 0, fading, dtype=np.float32)
        missing = end - self._start - len(self._wave)
        self._wave = np.concatenate([self._wave, np.zeros(max(0, missing), np.float32)])
        self._wave[at - self._start : end - self._start] += clip

    def write(self, until: int) -> None:
        """Write the sound before a sample, in whole blocks."""
        while self._start + _BLOCK <= until and len(self._wave) >= _BLOCK:
            self._block(_BLOCK)

    def finish(self) -> None:
        """Write what is left."""
        while len(self._wave):
            self._block(min(_BLOCK, len(self._wave)))
        self._file.mux(self._stream.encode())

    def _block(self, length: int) -> None:
        wave = np.clip(self._wave[:length], -1, 1)
        block = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        block.sample_rate, block.pts = _RATE, self._start
        self._file.mux(self._stream.encode(block))
        self._wave, self._start = self._wave[length:], self._start + length


def _mixed(old: Picture | None, new: Picture, share: float) -> Picture:
    """Return a picture of which `share` is the new one, and the rest the old one or black."""
    mixed = share * new.astype(np.float32)
    if old is not None:
        mixed += (1 - share) * old
    return np.asarray(mixed.round(), np.uint8)


def _pictures(path: Path, shape: Shape) -> Iterator[Picture]:
    """Yield the pictures of a clip at the times of the shape's rate, as a player shows them."""
    reformatter = VideoReformatter()
    last: VideoFrame | None = None
    end_s, number = 0.0, 0
    with open_video(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        pixel, usual = float(stream.sample_aspect_ratio or 1), 1 / float(stream.average_rate or 25)
        start_s: float | None = None
        for frame in _frames(container, stream):
            start_s = frame.time if start_s is None else start_s
            time_s = max(end_s, (frame.time or 0.0) - (start_s or 0.0))
            if last is not None:
                picture: Picture | None = None
                while number / shape.rate < time_s - 1e-6:
                    picture = _fitted(last, reformatter, pixel, shape) if picture is None else picture
                    yield picture
                    number += 1
            last, end_s = frame, time_s
        if last is not None:
            picture = _fitted(last, reformatter, pixel, shape)
            while number == 0 or number / shape.rate < end_s + usual - 1e-6:
                yield picture
                number += 1


def _frames(container: Any, stream: Any) -> Iterator[VideoFrame]:
    """Yield the frames that can be decoded."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            yield from packet.decode()
        except av.error.FFmpegError:
            continue


def _fitted(frame: VideoFrame, reformatter: VideoReformatter, pixel: float, shape: Shape) -> Picture:
    """Return a frame that is scaled to fit a shape, in the middle of black."""
    aspect = aspect_of(frame, pixel)
    width = max(1, min(shape.width, round(shape.height * aspect)))
    height = max(1, min(shape.height, round(shape.width / aspect)))
    picture: Picture = np.zeros((shape.height, shape.width, 3), np.uint8)
    top, left = (shape.height - height) // 2, (shape.width - width) // 2
    picture[top : top + height, left : left + width] = pixels_of(frame, reformatter, height=height, width=width)
    return picture


def _has_sound(path: Path) -> bool:
    try:
        with open_video(path) as container:
            return any(stream.codec_context is not None for stream in container.streams.audio)
    except InputError:
        return False


def _sound_of(path: Path) -> Samples:
    """Return the sound of a clip, from its first picture on; no samples where it has none.

    Raises:
        InputError: the clip cannot be decoded.
    """
    heard: list[Samples] = []
    sample_video(path, [], [Ear(SoundSampling(rate=_RATE), heard.append)])
    return np.concatenate(heard) if heard else np.zeros(0, np.int16)
