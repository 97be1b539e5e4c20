"""The lists of videos beside caption files, and the files there that are not used."""

from collections.abc import Collection, Container, Sequence
from pathlib import Path

from teachtext.data.protocol import Caption
from teachtext.data.readers.annotations import Annotations, Remark, some
from teachtext.data.readers.folder_files import candidates, name_in, neighbours
from teachtext.data.readers.registry import formats_of, seen
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_lists import SplitList, read_ids, read_splits_document, split_and_family
from teachtext.data.video_ids import plain
from teachtext.errors import InputError

_LARGEST_LIST = 32 * 2**20


def lists_beside(
    source: Path, read: Collection[Path], annotations: Annotations
) -> tuple[list[SplitList], dict[str, str], list[Remark]]:
    """Return the lists of videos in a folder or beside a file, other names of videos, and remarks on unused files.

    Args:
        source: the folder, or the file of captions.
        read: the files whose captions were read.
        annotations: the captions.
    """
    folder = source if source.is_dir() else source.parent
    nearby = candidates(source) if source.is_dir() else neighbours(source)
    videos = {_stem(video_id) for video_id in annotations.video_ids}
    files = [path for path in nearby if path not in read and path.stat().st_size <= _LARGEST_LIST]
    aliases: dict[str, str] = {}
    for path in files:
        aliases |= read_aliases(SourceFile(path), videos)
    lists: list[SplitList] = []
    ignored: list[str] = []
    for path in files:
        name, listing = name_in(path, folder), SourceFile(path)
        split = split_and_family(name)
        ids, captions = _ids_and_captions(listing)
        ids = [aliases.get(video_id, video_id) for video_id in ids] if ids else ids
        if ids and split and any(_stem(entry) in videos for entry in ids):
            lists.append(SplitList(name, *split, ids, captions))
        elif ids and sum(_stem(entry) in videos for entry in ids) * 2 > len(ids):
            ignored.append(f"{name} ({len(ids):,} videos)")
        elif by_split := read_splits_document(listing.document):
            lists += [SplitList(name, key, "", value) for key, value in by_split.items()]
        elif ids and split:
            ignored.append(f"{name} ({len(ids):,} videos, none of them has a caption)")
        elif split:
            ignored.append(f"{name} ({seen(listing)})")
    remarks = [
        Remark(
            f"{folder.absolute().name}: {len(ignored):,} files beside the captions are not used: {some(ignored)}",
            "name a list by its split, such as train.txt, with an id a line; or write splits.json",
        )
    ]
    return lists, {name: other for other, name in aliases.items()}, remarks if ignored else []


def read_aliases(source: SourceFile, videos: Container[str]) -> dict[str, str]:
    """Return the captioned videos by their other ids, as MSVD has them (`youtube_mapping.txt`, a pickle or JSON).

    Args:
        source: a file with two ids a line, or a dict of ids by ids, in either direction.
        videos: the ids of captioned videos.
    """
    content = source.pickled if source.is_pickle else source.document
    if isinstance(content, dict):
        pairs = [(key, value) for key, value in content.items() if isinstance(key, str) and isinstance(value, str)]
    else:
        are_pairs = bool(source.first_lines) and len(source.first_lines[0].split()) == 2
        words = [line.split() for _, line in source.lines()] if are_pairs else []
        pairs = [(line[0], line[1]) for line in words if len(line) == 2]
    aliases = {other: video_id for video_id, other in pairs if video_id in videos and other not in videos}
    return aliases or {other: video_id for other, video_id in pairs if video_id in videos and other not in videos}


def _ids_and_captions(source: SourceFile) -> tuple[list[str] | None, Sequence[Caption]]:
    try:
        ids = read_ids(source)
        if ids is not None:
            return ids, ()
        forms = formats_of(source)
        if len(forms) != 1:
            return None, ()
        captions = forms[0].read(source).captions
    except InputError:
        return None, ()
    return list(dict.fromkeys(caption.video_id for caption in captions)), captions


def _stem(video_id: str) -> str:
    return plain(video_id).rpartition("/")[2]
