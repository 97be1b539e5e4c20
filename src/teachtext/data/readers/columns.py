"""Which column or field holds the video, the caption, and the rest: the names in use, in any case and spelling."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# the first name that is there counts: names that can mean something else stand last
_VIDEO = (
    *("video", "videoid", "vid", "vidid", "clip", "clipid", "clipname", "filename", "filepath", "file"),
    *("videofile", "videofilename", "videopath", "path", "videoname", "youtubeid", "ytid", "uid", "key"),
    *("image", "imageid", "imagename", "id", "name", "url"),
)
_TEXT = (
    *("text", "caption", "captions", "sentence", "sentences", "description", "descriptions", "desc", "encap"),
    *("query", "queries", "rawcaption", "rawtext", "transcript", "narration", "annotation", "title", "comment"),
    "name",
)
_LANGUAGE = ["language", "lang"]
_SPLIT = ["split", "subset", "partition", "fold"]
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
        unread: columns whose names may mean a caption too, and that are not read.
    """

    video: str
    text: str | None = None
    caption_id: str | None = None
    language: str | None = None
    split: str | None = None
    unread: Sequence[str] = field(default=())


def find_columns(names: Sequence[object]) -> Columns | None:
    """Return the columns of a header or of an object's keys; None where none can be the video.

    Example:
        >>> columns = find_columns(["key", "vid_key", "video_id", "sentence"])
        >>> columns.video, columns.text
        ('video_id', 'sentence')
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
    text = _first(_TEXT, others)
    # the native format names it 'id'; elsewhere an 'id' counts rows, or files
    native = {"video", "text"} <= by_name.keys()
    caption_id = by_name.get("id") if native else _first(_CAPTION_ID, others)
    return Columns(
        video=video,
        text=text,
        caption_id=caption_id,
        language=_first(_LANGUAGE, others),
        split=_first(_SPLIT, others),
        unread=[name for plain, name in others.items() if plain in _TEXT and name != text],
    )


def _first(wanted: Sequence[str], names: Mapping[str, str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
