"""Reads the texts and lists of an archive: captions, splits, denoising masks, and the index of query captions."""

import pickle
import pickletools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from teachtext.data.restricted.pickles import unpickled
from teachtext.data.restricted.standins import LazyArray, as_list
from teachtext.errors import InputError
from teachtext.files import write_bytes

_RAW = "take the raw captions and this file from one archive"


def read_captions(path: Path) -> dict[str, list[str]]:
    """Return the captions of every video, their words joined by single spaces.

    Raises:
        InputError: the file is not a pickle of captions.
    """
    with unpickled(path, whole=True) as content:
        return {
            video_id: [_text(caption, path, video_id) for caption in _list(captions, path, video_id)]
            for video_id, captions in entries(content, path)
        }


def read_list(path: Path, *, cut: bool) -> list[str]:
    """Read a list of video ids, one a line.

    Args:
        path: a text file.
        cut: whether the ids carry the endings of files, which begin at the first dot.

    Raises:
        InputError: the file is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})", "save it as UTF-8 text, one video id a line") from error
    ids = [line.strip().split(".")[0] if cut else line.strip() for line in lines]
    return list(dict.fromkeys(video_id for video_id in ids if video_id))


def split_families(lists: Mapping[tuple[str, str], Sequence[str]]) -> dict[str, dict[str, list[str]]]:
    """Group lists by family: `main`, and families with other splits of the same videos.

    Args:
        lists: video ids by split and family.

    Returns:
        By family, the video ids of each split.
    """
    families: dict[str, dict[str, list[str]]] = {}
    for (split, family), ids in lists.items():
        families.setdefault(family, {})[split] = list(ids)
    for family, splits in families.items():
        if family != "main":
            # without a selection set, the list that its authors call val is the test set
            if "val" in splits and "test" not in splits:
                splits["test"] = splits.pop("val")
            if "train" not in splits and "train" in families.get("main", {}):
                splits["train"] = families["main"]["train"]
    order = ("train", "val", "val1", "val2", "test")
    return {family: {split: splits[split] for split in order if split in splits} for family, splits in families.items()}


def read_mask(path: Path, captions: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Read a denoising mask: sorted ids of the captions `kept` and `dropped`.

    Raises:
        InputError: the file is not a mask, or a video has another number of captions.
    """
    kept: list[str] = []
    dropped: list[str] = []
    with unpickled(path, whole=True) as content:
        for video_id, mask in entries(content, path):
            flags = mask.read(path).ravel().tolist() if isinstance(mask, LazyArray) else as_list(mask)
            if flags is None or not all(flag in (0, 1) for flag in flags):
                raise InputError(f"{path}: the mask of video '{video_id}' is not of 0 and 1", "copy the mask again")
            check_count(path, video_id, len(flags), captions)
            for number, flag in enumerate(flags):
                (kept if flag else dropped).append(f"{video_id}#{number}")
    return {"kept": sorted(kept), "dropped": sorted(dropped)}


def write_mask(path: Path, *, kept: Iterable[str], dropped: Iterable[str]) -> None:
    """Write a denoising mask for the authors' trainer, and for `read_mask`.

    A mask has a vector of 0 and 1 for every video, one number a caption. Captions in neither list get 0.

    Args:
        path: of the pickle, which numpy 1 and numpy 2 can read.
        kept: ids of the form `<video>#<number>`.
        dropped: ids of the same form.

    Raises:
        InputError: an id has another form.
    """
    flags: dict[str, dict[int, int]] = {}
    for flag, ids in ((1, kept), (0, dropped)):
        for caption_id in ids:
            video_id, _, number = caption_id.rpartition("#")
            if not number.isdecimal():
                raise InputError(
                    f"caption '{caption_id}' has no number, which a mask needs", "name it <video>#<number>"
                )
            flags.setdefault(video_id, {})[int(number)] = flag
    masks = {
        video_id: np.array([flag_of.get(number, 0) for number in range(max(flag_of) + 1)])
        for video_id, flag_of in flags.items()
    }
    write_bytes(path, _for_any_numpy(pickle.dumps(masks, protocol=2)))


def read_chosen(path: Path, captions: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Read which caption of a video is its query: caption ids by video id.

    Raises:
        InputError: the file is not an index of captions, or a caption does not exist.
    """
    chosen = {}
    with unpickled(path, whole=True) as content:
        for video_id, number in entries(content, path):
            exists = not captions or (isinstance(number, int) and number < len(captions.get(video_id, ())))
            if not isinstance(number, int) or number < 0 or not exists:
                raise InputError(f"{path}: video '{video_id}' has no caption {number!r}", _RAW)
            chosen[video_id] = f"{video_id}#{number}"
    return chosen


def read_mapping(path: Path, video_ids: Iterable[str]) -> dict[str, str]:
    """Return the video ids of the dataset by the ids that text features use.

    Args:
        path: pickle of a dict from ids to ids, in either direction.
        video_ids: of the dataset.
    """
    dataset_ids = set(video_ids)
    mapping = {}
    with unpickled(path, whole=True) as content:
        for key, value in entries(content, path):
            if not isinstance(value, str):
                raise InputError(f"{path}: id '{key}' stands for {value!r}, which is not a text", "copy the file again")
            if value in dataset_ids:
                mapping[key] = value
            if key in dataset_ids:
                mapping[value] = key
    return mapping


def check_count(path: Path, video_id: str, count: int, captions: Mapping[str, Sequence[str]]) -> None:
    """Check the number of captions of a video in a file against the raw captions, if these hold the video.

    Raises:
        InputError: the numbers differ.
    """
    if video_id in captions and count != len(captions[video_id]):
        raise InputError(
            f"{path} has {count} captions of video '{video_id}', the raw captions have {len(captions[video_id])}", _RAW
        )


def entries(content: Any, path: Path) -> Iterable[tuple[str, Any]]:
    """Yield the entries of a dict by video id.

    Raises:
        InputError: the content is not a dict, or a key is not a text.
    """
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a dict of videos", "copy or download it again")
    for key, value in content.items():
        if not isinstance(key, str):
            raise InputError(f"{path} names a video by {repr(key)[:40]}, not by a text", "copy or download it again")
        yield key, value


def _for_any_numpy(data: bytes) -> bytes:
    """Give the internal module of numpy 2 its name in numpy 1, which both can import."""
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    for opcode, argument, start in pickletools.genops(data):
        # the name occurs once; later uses refer to its memo
        if opcode.name == "GLOBAL" and argument == f"{new.decode()} _reconstruct" and start is not None:
            return data[: start + 1] + old + data[start + 1 + len(new) :]
    return data


def _list(value: Any, path: Path, video_id: str) -> list[Any]:
    captions = as_list(value)
    if captions is None:
        raise InputError(f"{path}: video '{video_id}' has no list of captions", "copy or download it again")
    return captions


def _text(caption: Any, path: Path, video_id: str) -> str:
    words = [caption] if isinstance(caption, str) else _list(caption, path, video_id)
    if not all(isinstance(word, str) for word in words):
        raise InputError(f"{path}: a caption of video '{video_id}' is not of words", "copy or download it again")
    return " ".join(words)
