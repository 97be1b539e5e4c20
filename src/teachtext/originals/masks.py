"""Denoising masks of the authors: which training captions are kept, as lists of dropped captions."""

from collections.abc import Mapping
from pathlib import Path

from teachtext.data import dropped
from teachtext.data.dropped import DroppedList, each_once
from teachtext.data.types import Dataset
from teachtext.errors import InputError
from teachtext.files import write_text
from teachtext.originals.archive.captions import read_list, read_mask, write_mask


def read_dropped(path: Path, dataset: Dataset) -> DroppedList:
    """Read a list of dropped captions of any form; a mask counts captions by place, which become the dataset's ids.

    Raises:
        InputError: see `teachtext.data.dropped.without_dropped`.
    """
    if path.suffix not in (".pkl", ".pickle"):
        return dropped.read_dropped(path)
    mask = read_mask(path, {})
    reduced = path.with_suffix(".txt")
    caption_ids = {place: caption_id for caption_id, place in mask_ids(dataset).items()}
    captions = each_once(path, [(caption_ids.get(place, place), None) for place in mask["dropped"]])
    _check_counts(path, {*mask["kept"], *mask["dropped"]}, caption_ids, dataset)
    return DroppedList(captions, read_list(reduced, cut=False) if reduced.exists() else None, is_mask=True)


def save_mask(path: Path, whole: Dataset, kept: Dataset) -> None:
    """Write which training captions are kept as a mask of the authors, and the reduced list of videos if it is one.

    Args:
        path: the mask's, a pickle; the reduced list goes beside it as `.txt`.
        whole: the dataset with all captions.
        kept: the same without those that are dropped.
    """
    split = whole.protocol.train
    names, left = mask_ids(whole), {caption.id for caption in kept.captions}
    videos, training = set(kept.splits[split]), set(whole.splits[split])
    flags = {
        names[caption.id]: caption.id in left and caption.video_id in videos
        for caption in whole.captions
        if caption.video_id in training
    }
    write_mask(
        path,
        kept=[name for name, flag in flags.items() if flag],
        dropped=[name for name, flag in flags.items() if not flag],
    )
    if videos < training:
        write_text(path.with_suffix(".txt"), "".join(f"{video_id}\n" for video_id in kept.splits[split]))


def mask_ids(dataset: Dataset) -> dict[str, str]:
    """Return for every caption `<video>#<place>`, as masks count: by its id, or in the order of the captions file."""
    own: dict[str, list[str]] = {}
    for caption in dataset.captions:
        own.setdefault(caption.video_id, []).append(caption.id)
    names: dict[str, str] = {}
    for video_id, ids in own.items():
        numbered = all(
            caption_id.startswith(f"{video_id}#") and caption_id.removeprefix(f"{video_id}#").isdecimal()
            for caption_id in ids
        )
        names |= {caption_id: caption_id if numbered else f"{video_id}#{place}" for place, caption_id in enumerate(ids)}
    return names


def _check_counts(path: Path, listed: set[str], own: Mapping[str, str], dataset: Dataset) -> None:
    """Raise InputError where a mask speaks of a training video, but not of all its captions."""
    videos = {name.rpartition("#")[0] for name in listed}
    video_of = {caption.id: caption.video_id for caption in dataset.captions}
    training = set(dataset.splits[dataset.protocol.train])
    for place, caption_id in own.items():
        video_id = video_of[caption_id]
        if place not in listed and video_id in videos and video_id in training:
            raise InputError(
                f"{path} has no flag for caption '{caption_id}' of video '{video_id}'",
                "the captions and their mask must come from one archive",
            )
