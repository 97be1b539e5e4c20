"""The words of an archive: captions, splits, denoising masks, and which caption is the query."""

import pickle
import pickletools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from teachtext.errors import InputError
from teachtext.files import write_bytes
from teachtext.originals.archive.pickles import unpickled
from teachtext.originals.archive.standins import Array, listed

_RAW = "the raw captions and all that counts them must come from one archive"


def read_captions(path: Path) -> dict[str, list[str]]:
    """Return the captions of every video, their words joined by single spaces.

    Raises:
        InputError: the file is not such a pickle.
    """
    with unpickled(path, whole=True) as content:
        return {
            video_id: [_text(caption, path, video_id) for caption in _list(captions, path, video_id)]
            for video_id, captions in entries(content, path)
        }


def read_list(path: Path, *, cut: bool) -> list[str]:
    """Return the video ids of a list, one a line.

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
    """Sort lists into families of splits: `main`, and others that hold the same videos in other splits.

    Args:
        lists: ids by split and family.
    """
    families: dict[str, dict[str, list[str]]] = {}
    for (split, family), ids in lists.items():
        families.setdefault(family, {})[split] = list(ids)
    for family, splits in families.items():
        if family != "main":
            # a family without a selection set tests on what its authors call val
            if "val" in splits and "test" not in splits:
                splits["test"] = splits.pop("val")
            if "train" not in splits and "train" in families.get("main", {}):
                splits["train"] = families["main"]["train"]
    order = ("train", "val", "val1", "val2", "test")
    return {family: {split: splits[split] for split in order if split in splits} for family, splits in families.items()}


def read_mask(path: Path, captions: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return which captions a denoising mask keeps and which it drops, as sorted ids.

    Raises:
        InputError: it is no such mask, or counts other captions than there are.
    """
    kept: list[str] = []
    dropped: list[str] = []
    with unpickled(path, whole=True) as content:
        for video_id, mask in entries(content, path):
            flags = mask.read(path).ravel().tolist() if isinstance(mask, Array) else listed(mask)
            if flags is None or not all(flag in (0, 1) for flag in flags):
                raise InputError(f"{path}: the mask of video '{video_id}' is not of 0 and 1", "copy the mask again")
            check_count(path, video_id, len(flags), captions)
            for number, flag in enumerate(flags):
                (kept if flag else dropped).append(f"{video_id}#{number}")
    return {"kept": sorted(kept), "dropped": sorted(dropped)}


def write_mask(path: Path, *, kept: Iterable[str], dropped: Iterable[str]) -> None:
    """Write a denoising mask as the authors' trainer reads it: what `read_mask` reads back the same.

    For each video a vector of 0 and 1, one number a caption. A place that neither list names gets 0.

    Args:
        path: of the pickle, which any numpy can read.
        kept: ids of the form `<video>#<place among its captions>`.
        dropped: likewise.

    Raises:
        InputError: an id is not of this form.
    """
    places: dict[str, dict[int, int]] = {}
    for flag, ids in ((1, kept), (0, dropped)):
        for caption_id in ids:
            video_id, _, place = caption_id.rpartition("#")
            if not place.isdecimal():
                raise InputError(
                    f"caption '{caption_id}' does not say its place, which a mask needs", "name it <video>#<number>"
                )
            places.setdefault(video_id, {})[int(place)] = flag
    masks = {
        video_id: np.array([own.get(place, 0) for place in range(max(own) + 1)]) for video_id, own in places.items()
    }
    write_bytes(path, _for_any_numpy(pickle.dumps(masks, protocol=2)))


def read_chosen(path: Path, captions: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the id of the caption that is a video's query, by video id.

    Raises:
        InputError: it is no such index, or points at captions that are not there.
    """
    chosen = {}
    with unpickled(path, whole=True) as content:
        for video_id, number in entries(content, path):
            known = not captions or (isinstance(number, int) and number < len(captions.get(video_id, ())))
            if not isinstance(number, int) or number < 0 or not known:
                raise InputError(f"{path}: video '{video_id}' has no caption {number!r}", _RAW)
            chosen[video_id] = f"{video_id}#{number}"
    return chosen


def read_mapping(path: Path, known: Iterable[str]) -> dict[str, str]:
    """Return the ids of the dataset by their ids in another system.

    Args:
        path: a dict of ids to ids, in either direction.
        known: ids of the dataset.
    """
    own = set(known)
    found = {}
    with unpickled(path, whole=True) as content:
        for one, other in entries(content, path):
            if not isinstance(other, str):
                raise InputError(f"{path}: id '{one}' stands for {other!r}, which is no text", "copy the file again")
            if other in own:
                found[one] = other
            if one in own:
                found[other] = one
    return found


def check_count(path: Path, video_id: str, count: int, captions: Mapping[str, Sequence[str]]) -> None:
    """Hold a file to the number of captions that a video has; of videos without captions nothing is known.

    Raises:
        InputError: it differs.
    """
    if video_id in captions and count != len(captions[video_id]):
        raise InputError(
            f"{path} has {count} captions of video '{video_id}', the raw captions have {len(captions[video_id])}", _RAW
        )


def entries(content: Any, path: Path) -> Iterable[tuple[str, Any]]:
    """Yield what a dict holds by video id.

    Raises:
        InputError: it is no dict, or a key is no text.
    """
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no dict of videos", "copy or download it again")
    for key, value in content.items():
        if not isinstance(key, str):
            raise InputError(f"{path} names a video by {repr(key)[:40]}, not by a text", "copy or download it again")
        yield key, value


def _for_any_numpy(data: bytes) -> bytes:
    """Name the inner module of numpy 2 as the numpy of the authors' trainer does, which is a name that both know."""
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    for opcode, told, start in pickletools.genops(data):
        # it is named once, and from there on by its place
        if opcode.name == "GLOBAL" and told == f"{new.decode()} _reconstruct" and start is not None:
            return data[: start + 1] + old + data[start + 1 + len(new) :]
    return data


def _list(value: Any, path: Path, video_id: str) -> list[Any]:
    found = listed(value)
    if found is None:
        raise InputError(f"{path}: video '{video_id}' has no list of captions", "copy or download it again")
    return found


def _text(caption: Any, path: Path, video_id: str) -> str:
    words = [caption] if isinstance(caption, str) else _list(caption, path, video_id)
    if not all(isinstance(word, str) for word in words):
        raise InputError(f"{path}: a caption of video '{video_id}' is not of words", "copy or download it again")
    return " ".join(words)
