"""One file to the features of all experts, in one pass over the file: a video, or a picture or sound from outside."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from teachtext.encoders.base import Hearing, Rows, VideoExpert, listens
from teachtext.encoders.registry import joins_of
from teachtext.extraction.piece_rows import PieceRows, StretchHearing, over
from teachtext.video.clips import ClipSampler
from teachtext.video.decode import sample_video, samplers_of, watch_video
from teachtext.video.file import open_sound
from teachtext.video.frames import FrameSampler
from teachtext.video.picture import is_picture, read_picture
from teachtext.video.pieces import PieceWatcher
from teachtext.video.sampling import Clips, FrameSampling, PieceRule
from teachtext.video.sound import Ear
from teachtext.video.sound_file import hear_file

FileKind = Literal["picture", "sound", "video"]
Watchers = Sequence[FrameSampler | ClipSampler | PieceWatcher]
# padding of a compressed file
_SLACK_S = 1.0


def encode_video(
    path: Path,
    experts: Sequence[VideoExpert],
    rule: PieceRule | None = None,
    *,
    opened: Callable[[float | None], None] = lambda seconds: None,
    seen: Callable[[float], None] = lambda time: None,
    note: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Rows]:
    """Decode a video once, and return the rows of all experts by output.

    Args:
        path: a video file.
        experts: what encodes it.
        rule: cuts a long video into pieces, and gives all rows times; None encodes every video as a whole.
        opened: called before anything is decoded, with the length in seconds that the file states, or None.
        seen: called after each frame, with its time in seconds, once all that need it have taken it.
        note: called with a sentence on sound that had to be left out.

    Raises:
        InputError: the file cannot be decoded (see `sample_video`).
    """
    looking = [expert for expert in experts if not listens(expert)]
    hearings = [(expert, _begin(expert, rule)) for expert in experts if listens(expert)]
    ears = [Ear(expert.sampling, hearing.hear) for expert, hearing in hearings]
    features: dict[str, Rows] = {}
    if rule is None:
        samplings: list[Any] = [expert.sampling for expert in looking]
        for expert, sampled in zip(
            looking, sample_video(path, samplings, ears, opened=opened, seen=seen, note=note), strict=True
        ):
            features.update(expert.encode(sampled))
    else:
        features.update(_ByRule(path, looking, rule, seen).encode(ears, opened, note))
    for _, hearing in hearings:
        features.update(hearing.finish())
    return features


def encode_file(
    path: Path,
    experts: Sequence[VideoExpert],
    rule: PieceRule,
    *,
    opened: Callable[[float | None], None] = lambda seconds: None,
    seen: Callable[[float], None] = lambda time: None,
    note: Callable[[str], None] = lambda sentence: None,
) -> tuple[FileKind, dict[str, Rows]]:
    """Return what a file is, and the rows of all experts by output.

    A picture is a video of one picture, but shows no motion; a sound file has no pictures. The outputs of experts that
    cannot use a file are missing.

    Args:
        path: a picture, a sound file or a video.
        experts: what encodes it.
        rule: cuts long videos and sounds into pieces.
        opened: see `encode_video`.
        seen: see `encode_video`.
        note: see `encode_video`.

    Raises:
        InputError: the file is none of these, or is not whole.
    """
    if is_picture(path):
        return "picture", _encode_picture(path, experts)
    container = open_sound(path)
    if container is None:
        return "video", encode_video(path, experts, rule, opened=opened, seen=seen, note=note)
    with container:
        hearings = [(expert, _begin(expert, rule)) for expert in experts if listens(expert)]
        ears = [Ear(expert.sampling, hearing.hear) for expert, hearing in hearings]
        whole_s = hear_file(path, container, ears, opened=opened)
    features: dict[str, Rows] = {}
    for expert, hearing in hearings:
        features.update(hearing.finish())
        if whole_s > (most_s := expert.sampling.most_s) + _SLACK_S:
            name = next(iter(expert.outputs))
            note(f"of the {whole_s:,.0f} s of {path}, expert '{name}' hears the first {most_s:,.0f} s")
    return "sound", features


def _encode_picture(path: Path, experts: Sequence[VideoExpert]) -> dict[str, Rows]:
    picture = read_picture(path)
    features: dict[str, Rows] = {}
    for expert in experts:
        sampling: Any = expert.sampling
        if listens(expert) or (isinstance(sampling, FrameSampling) and sampling.burst > 1):
            continue
        [sampler] = samplers_of([sampling], None, 1.0)
        sampler.see(picture, 0.0)
        rows = expert.encode(sampler.finish())
        features.update({name: over(of_name, [(0.0, 0.0)]) for name, of_name in rows.items()})
    return features


def _begin(expert: Any, rule: PieceRule | None) -> Hearing:
    """Begin to hear. An expert that gives all sound one row hears a stretch at a time, so that rows have times."""
    if rule is not None and any(joins_of(name) for name in expert.outputs):
        return StretchHearing(expert)
    hearing: Hearing = expert.begin()
    return hearing


class _ByRule:
    """A clip is encoded as a whole, a longer video by pieces. The last frame decides: files may state any length."""

    def __init__(
        self, path: Path, experts: Sequence[VideoExpert], rule: PieceRule, seen: Callable[[float], None]
    ) -> None:
        self._path = path
        self._seen = seen
        self._experts = experts
        self._samplings: list[Any] = [expert.sampling for expert in experts]
        self._rule = rule
        self._rows: list[PieceRows] = []
        self._is_clip = False

    def encode(
        self, ears: Sequence[Ear], opened: Callable[[float | None], None], note: Callable[[str], None]
    ) -> Mapping[str, Rows]:
        watch = partial(watch_video, self._path, seen=self._seen, whole_s=self._rule.whole_s)
        watchers, end_s = watch(self._watchers, ears, opened=opened, note=note)
        if self._experts and self._is_clip != (end_s <= self._rule.whole_s):
            watchers, end_s = watch(lambda _, aspect: self._watchers(end_s, aspect))
        if self._is_clip:
            return self._clip(watchers, end_s)
        for watcher in watchers:
            assert isinstance(watcher, PieceWatcher)
            for number, clips in watcher.finish().items():
                self._take_clips(number, clips)
        return {name: rows for gathered in self._rows for name, rows in gathered.finish().items()}

    def _watchers(self, seconds: float | None, pixel_aspect: float) -> Watchers:
        if not self._experts:
            return []
        self._is_clip = seconds is not None and seconds <= self._rule.whole_s
        if self._is_clip:
            return samplers_of(self._samplings, seconds, pixel_aspect)
        self._rows = [PieceRows(expert) for expert in self._experts]
        takes = [rows.take for rows in self._rows]
        return [PieceWatcher(self._samplings, takes, self._rule, pixel_aspect)]

    def _clip(self, watchers: Watchers, end_s: float) -> dict[str, Rows]:
        sampled = {watcher.sampling: watcher.finish() for watcher in watchers if not isinstance(watcher, PieceWatcher)}
        return {
            name: over(rows, [(0.0, end_s)])
            for expert, sampling in zip(self._experts, self._samplings, strict=True)
            for name, rows in expert.encode(sampled[sampling]).items()
        }

    def _take_clips(self, number: int, clips: Clips) -> None:
        """Encode the clips of an expert one at a time, where it would make one row of all clips."""
        rows = self._rows[number]
        if not rows.is_joined:
            rows.add(self._experts[number].encode(clips), [(0.0, 0.0)])
            return
        for clip, (start_s, end_s) in enumerate(clips.times.tolist()):
            alone = Clips(*(part[clip : clip + 1] for part in clips))
            rows.add(self._experts[number].encode(alone), [(start_s, end_s)])
