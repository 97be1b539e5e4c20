"""Which column or field holds the video, the caption, and the rest: the names in use, in any case and spelling."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# the first name that is there counts: names that can mean something else stand last
_VIDEO = (
    *("video", "videoid", "vid", "vidid", "vidname", "clip", "clipid", "clipname", "filename", "filepath", "file"),
    *("videofile", "videofilename", "videopath", "path", "videoname", "youtubeid", "ytid", "uid", "key"),
    *("image", "imageid", "imagename", "id", "name", "url"),
)
_TEXT = (
    *("text", "caption", "captions", "sentence", "sentences", "description", "descriptions", "desc", "encap"),
    *("query", "queries", "rawcaption", "rawtext", "transcript", "narration", "annotation", "title", "comment"),
    *("prompt", "videocaption", "videodescription", "name"),
)
_NUMBERED = frozenset({"text", "caption", "sentence", "description", "cap", "sent", "desc", "query"})
_LANGUAGE = ["language", "lang"]
_SPLIT = ["split", "subset", "partition", "fold"]
_TIMES = frozenset({
    "start", "end", "starttime", "endtime", "starttimestamp", "endtimestamp", "timestamp", "timestamps", "times", "ts",
    "segment", "segments", "tstart", "tend", "startsec", "endsec",
})  # fmt: skip
_CAPTION_ID = ["captionid", "capid", "senid", "sentenceid", "queryid", "annid"]


@dataclass(frozen=True)
class Columns:
    """The columns that are read, by their names as the file spells them.

    Attributes:
        video: of the video id.
        text: of the caption; None for a list of videos.
        caption_id: of the caption's id, if there is one.
        language: of the language, if there is one.
        split: of the split, if there is one.
        further: columns of further captions, such as `caption_2`.
        unread: columns whose names may mean a caption too, or the times of a caption, and that are not read.
    """

    video: str
    text: str | None = None
    caption_id: str | None = None
    language: str | None = None
    split: str | None = None
    further: Sequence[str] = field(default=())
    unread: Sequence[str] = field(default=())

    @property
    def texts(self) -> list[str]:
        """All columns of captions."""
        return [*([] if self.text is None else [self.text]), *self.further]


def find_columns(names: Sequence[object]) -> Columns | None:
    """Return the columns of a header or of an object's keys; None where none can be the video.

    Example:
        >>> columns = find_columns(["key", "vid_key", "video_id", "sentence"])
        >>> columns.video, columns.text
        ('video_id', 'sentence')
        >>> find_columns(["file_name", "caption_1", "caption_2"]).texts
        ['caption_1', 'caption_2']
        >>> find_columns(["movie", "words"]) is None
        True
    """
    by_name: dict[str, str] = {}
    for name in names:
        if isinstance(name, str):
            by_name.setdefault(_plain(name), name)
    video = _first(_VIDEO, by_name)
    if video is None:
        return None
    others = {plain: name for plain, name in by_name.items() if name != video}
    numbered = [name for plain, name in others.items() if plain[-1:].isdigit() and _stem(name) in _NUMBERED]
    text = _first(_TEXT, others) or next(iter(numbered), None)
    further = [name for name in numbered if name != text and text is not None and _stem(name) == _stem(text)]
    # the native format names it 'id'; elsewhere an 'id' counts rows, or files
    native = {"video", "text"} <= by_name.keys()
    caption_id = by_name.get("id") if native else _first(_CAPTION_ID, others)
    return Columns(
        video=video,
        text=text,
        caption_id=caption_id,
        language=_first(_LANGUAGE, others),
        split=_first(_SPLIT, others),
        further=further,
        unread=[
            name
            for plain, name in others.items()
            if (plain in _TEXT or plain in _TIMES or name in numbered) and name not in (text, *further)
        ],
    )


def _first(wanted: Sequence[str], names: Mapping[str, str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _stem(name: str) -> str:
    return _plain(name).rstrip("0123456789")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
