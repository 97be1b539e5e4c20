"""Reads and writes the denoising masks of the authors, which state the training captions to keep."""

from collections.abc import Mapping
from pathlib import Path

from teachtext.data import dropped_captions as dropped
from teachtext.data.dropped_captions import DroppedList, each_once
from teachtext.data.types import Dataset
from teachtext.errors import InputError
from teachtext.files import write_text
from teachtext.originals.archive.captions import read_list, read_mask, write_mask


def read_dropped(path: Path, dataset: Dataset) -> DroppedList:
    """Read a list of dropped captions in any form. The captions of a mask, `<video>#<number>`, get the dataset's ids.

    Raises:
        InputError: see `teachtext.data.dropped_captions.without_dropped`.
    """
    if path.suffix not in (".pkl", ".pickle"):
        return dropped.read_dropped(path)
    mask = read_mask(path, {})
    reduced_list = path.with_suffix(".txt")
    caption_ids = {mask_id: caption_id for caption_id, mask_id in mask_ids(dataset).items()}
    captions = each_once(path, [(caption_ids.get(mask_id, mask_id), None) for mask_id in mask["dropped"]])
    _check_counts(path, {*mask["kept"], *mask["dropped"]}, caption_ids, dataset)
    return DroppedList(captions, read_list(reduced_list, cut=False) if reduced_list.exists() else None, is_mask=True)


def save_mask(path: Path, whole: Dataset, kept: Dataset) -> None:
    """Write the kept training captions as a mask of the authors, with a list of training videos if some are dropped.

    Args:
        path: of the mask, a pickle; the list of videos is written beside it as `.txt`.
        whole: the dataset with all captions.
        kept: the dataset without the dropped captions.
    """
    split = whole.protocol.train
    ids, kept_ids = mask_ids(whole), {caption.id for caption in kept.captions}
    videos, training = set(kept.splits[split]), set(whole.splits[split])
    flags = {
        ids[caption.id]: caption.id in kept_ids and caption.video_id in videos
        for caption in whole.captions
        if caption.video_id in training
    }
    write_mask(
        path,
        kept=[mask_id for mask_id, flag in flags.items() if flag],
        dropped=[mask_id for mask_id, flag in flags.items() if not flag],
    )
    if videos < training:
        write_text(path.with_suffix(".txt"), "".join(f"{video_id}\n" for video_id in kept.splits[split]))


def mask_ids(dataset: Dataset) -> dict[str, str]:
    """Return the id of every caption in masks, `<video>#<number>`.

    The number is part of the caption id, or else the position among the captions of the video.
    """
    ids_of: dict[str, list[str]] = {}
    for caption in dataset.captions:
        ids_of.setdefault(caption.video_id, []).append(caption.id)
    names: dict[str, str] = {}
    for video_id, ids in ids_of.items():
        numbered = all(
            caption_id.startswith(f"{video_id}#") and caption_id.removeprefix(f"{video_id}#").isdecimal()
            for caption_id in ids
        )
        names |= {caption_id: caption_id if numbered else f"{video_id}#{i}" for i, caption_id in enumerate(ids)}
    return names


def _check_counts(path: Path, mask_ids: set[str], caption_ids: Mapping[str, str], dataset: Dataset) -> None:
    """Raise InputError if a mask has flags for some captions of a training video, but not for all."""
    videos = {mask_id.rpartition("#")[0] for mask_id in mask_ids}
    video_of = {caption.id: caption.video_id for caption in dataset.captions}
    training = set(dataset.splits[dataset.protocol.train])
    for mask_id, caption_id in caption_ids.items():
        video_id = video_of[caption_id]
        if mask_id not in mask_ids and video_id in videos and video_id in training:
            raise InputError(
                f"{path} has no flag for caption '{caption_id}' of video '{video_id}'",
                "take the captions and their mask from one archive",
            )
