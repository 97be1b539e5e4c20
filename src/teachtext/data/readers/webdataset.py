"""WebDataset: a .tar or .tar.gz with the files of each video under one key: `key.mp4` with `key.txt` or `key.json`."""

import io
import json
import tarfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.columns import find_columns
from teachtext.data.readers.format import Format
from teachtext.data.readers.source import SourceFile
from teachtext.data.restricted.tar import CHUNK_BYTES, TarContent, is_tar, tar_files
from teachtext.data.video_files import VIDEO_ENDINGS
from teachtext.errors import InputError
from teachtext.files import atomic, parse_json

_TEXT_ENDINGS = (".txt", ".caption", ".text")
_MOST_TEXT = 2**20
_HEAD_FILES, _HEAD_BYTES = 300, 2**30


def recognises(source: SourceFile) -> bool:
    """Return whether the file is a tar, and one of its first videos has a text or an object of the same key."""
    if not is_tar(source.head):
        return False
    videos, texts, passed = set(), set(), 0
    with suppress(InputError):
        for name, content in islice(tar_files(source.path), _HEAD_FILES):
            key, ending = key_of(name)
            if ending in VIDEO_ENDINGS:
                videos.add(key)
            elif ending in (*_TEXT_ENDINGS, ".json"):
                texts.add(key)
            if key in videos & texts:
                return True
            # a packed file cannot be passed over without unpacking it
            passed += content.size
            if passed > _HEAD_BYTES:
                return False
    return False


def read(source: SourceFile) -> Annotations:
    """Read captions by key: the text, or else the caption in the object.

    Raises:
        InputError: the tar is damaged, or a text is too long or is not UTF-8.
    """
    texts: dict[str, list[Any]] = {}
    objects: dict[str, dict[str, Any]] = {}
    videos: dict[str, None] = {}
    others: list[str] = []
    for name, content in tar_files(source.path):
        key, ending = key_of(name)
        if ending in VIDEO_ENDINGS:
            videos[key] = None
        elif ending in _TEXT_ENDINGS:
            texts.setdefault(key, []).append(_text(source.path, name, content))
        elif ending == ".json":
            objects[key] = _object(source.path, name, content)
        else:
            others.append(name)
    captions = CaptionList(source.path)
    mute = []
    for key in dict.fromkeys([*videos, *texts, *objects]):
        described = texts.get(key) or _captions(objects.get(key, {}))
        if not described:
            mute.append(key)
        for text in described:
            captions.add(key, text, where=f"'{key}'", language=_language(objects.get(key, {})))
    all_captions = captions.finish()
    absent = sorted({caption.video_id for caption in all_captions} - videos.keys())
    name = source.path.name
    rows = (
        (mute, "keys have no caption", "add <key>.txt or <key>.json with a 'caption'"),
        (absent, "keys with a caption have no video", "add <key>.mp4"),
        (others, "files are neither a video nor a caption, and were left out", "none of them is needed"),
    )
    remarks = [
        Remark(f"{name}: {len(names):,} {what} ({some(names)})", mend if names is not others else "")
        for names, what, mend in rows
        if names
    ]
    note = Remark(f"{name}: {len(videos):,} videos, which 'teachtext data import' unpacks")
    return Annotations(captions=all_captions, remarks=[note, *remarks])


def unpack_videos(path: Path, folder: Path, wanted: Collection[str]) -> int:
    """Unpack the videos of a tar as `<key>.<ending>` into a folder; return their number.

    Args:
        path: the tar.
        folder: of the videos.
        wanted: keys of the videos to unpack.

    Raises:
        InputError: the tar is damaged, a member leaves its folder, two videos have one key, or the disk is full.
    """
    done: set[str] = set()
    for name, content in tar_files(path):
        key, ending = key_of(name)
        if ending not in VIDEO_ENDINGS or key not in wanted:
            continue
        if key in done:
            raise InputError(f"{path} has two videos of the key '{key}'", "keep one of them")
        done.add(key)
        with atomic(folder / f"{key}{ending}") as temporary, temporary.open("wb") as file:
            while chunk := content.read(CHUNK_BYTES):
                file.write(chunk)
    return len(done)


def key_of(name: str) -> tuple[str, str]:
    """Return the key of a file, which ends at the first dot of its name, and its last ending in small letters.

    Example:
        >>> key_of("00012/000120003.seg.MP4")
        ('00012/000120003', '.mp4')
    """
    folder, slash, base = name.rpartition("/")
    stem, dot, endings = base.partition(".")
    return f"{folder}{slash}{stem}", f".{endings.rpartition('.')[2].lower()}" if dot else ""


def _text(path: Path, name: str, content: TarContent) -> str:
    data = content.read(_MOST_TEXT + 1)
    if len(data) > _MOST_TEXT:
        raise InputError(f"{path}: '{name}' is longer than {_MOST_TEXT:,} bytes", "write a caption into it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: '{name}' is not UTF-8 text", "write it anew") from error


def _object(path: Path, name: str, content: TarContent) -> dict[str, Any]:
    try:
        value = parse_json(_text(path, name, content))
    except ValueError as error:
        raise InputError(f"{path}: '{name}' is not valid JSON ({error})", "write it anew") from error
    return value if isinstance(value, dict) else {}


def _captions(entry: dict[str, Any]) -> list[Any]:
    columns = find_columns(["video", *(key for key in entry if key != "video")])
    value = entry.get(columns.text) if columns and columns.text else None
    return value if isinstance(value, list) else [] if value is None else [value]


def _language(entry: dict[str, Any]) -> str | None:
    value = entry.get("language", entry.get("lang"))
    return value if isinstance(value, str) else None


def _write_example(folder: Path) -> Path:
    path = folder / "00000.tar"
    with tarfile.open(path, "w") as tar:
        for name, data in _example():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def _example() -> Iterator[tuple[str, bytes]]:
    for key, text in (("000000000", "a dog runs"), ("000000001", "a cat sleeps")):
        yield f"{key}.mp4", b"\0\0\0\x18ftypmp42" + key.encode()
        yield f"{key}.txt", text.encode()
        yield f"{key}.json", json.dumps({"caption": text, "key": key, "status": "success", "url": "x"}).encode()


WEBDATASET = Format(
    name="webdataset",
    title="WebDataset (00000.tar with key.mp4 and key.txt or key.json)",
    shows="a tar with 000000000.mp4, 000000000.txt, 000000001.mp4, 000000001.json",
    recognises=recognises,
    read=read,
    write_example=_write_example,
    unpack=unpack_videos,
)
