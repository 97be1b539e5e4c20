"""Captions that a model keeps beside its weights, `captions.json`: of training videos and of validation videos.

An index corrects hubs with the training captions (see `teachtext.search.hubness`).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from teachtext.data.protocol import Caption
from teachtext.errors import InputError
from teachtext.files import read_json, write_json

CAPTIONS = "captions.json"
FORMAT = "teachtext-captions-1"
# captions of a split that a model keeps
_MOST = 2_500
# limits for files of strangers
_MOST_READ, _MOST_CHARACTERS = 10_000, 10_000
_MEND = "copy it again, or train the model again"


class KeptCaption(NamedTuple):
    """The id of a video, and a caption of the video."""

    video_id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class KeptCaptions:
    """Captions that a model keeps.

    Attributes:
        dataset: name of the dataset.
        training: captions that the model has learned from.
        validation: captions by which the epoch was selected.
    """

    dataset: str
    training: Sequence[KeptCaption]
    validation: Sequence[KeptCaption] = ()

    @property
    def description(self) -> str:
        """The numbers of captions, in words.

        >>> KeptCaptions(dataset="toy", training=[KeptCaption("a", "a dog")]).description
        '1 of training videos, 0 of validation videos'
        """
        return f"{len(self.training):,} of training videos, {len(self.validation):,} of validation videos"


def sample(captions: Sequence[Caption], *, most: int = _MOST, seed: int = 0) -> list[KeptCaption]:
    """Choose captions evenly over their videos: a random caption of each video, then a second one, and so on.

    Args:
        captions: all captions; empty and enormous ones are not chosen.
        most: at most so many are chosen.
        seed: of the choice.

    >>> captions = [Caption("a#0", "a", "a dog"), Caption("a#1", "a", "it runs"), Caption("b#0", "b", "a cat")]
    >>> sorted(caption.video_id for caption in sample(captions, most=2))
    ['a', 'b']
    """
    generator = random.Random(seed)
    by_video: dict[str, list[KeptCaption]] = {}
    for caption in filter(lambda caption: _is_text(caption.text), captions):
        by_video.setdefault(caption.video_id, []).append(KeptCaption(caption.video_id, caption.text))
    videos = list(by_video.values())
    generator.shuffle(videos)
    for group in videos:
        generator.shuffle(group)
    rounds = range(max(map(len, videos), default=0))
    return [group[turn] for turn in rounds for group in videos if turn < len(group)][:most]


def save_captions(folder: Path, kept: KeptCaptions) -> None:
    """Write `captions.json` into the folder of a model."""
    splits = {"training": kept.training, "validation": kept.validation}
    lists = {name: [{"video": video, "text": text} for video, text in listed] for name, listed in splits.items()}
    write_json(folder / CAPTIONS, {"format": FORMAT, "dataset": kept.dataset, **lists})


def load_captions(path: Path) -> KeptCaptions:
    """Read the captions that a model keeps.

    Args:
        path: the file, `captions.json`.

    Raises:
        InputError: the file is missing, or is not of this form.
    """
    content = read_json(path)
    try:
        if content["format"] != FORMAT or not isinstance(content["dataset"], str):
            raise KeyError("format")
        training, validation = (_read(content, split) for split in ("training", "validation"))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not hold the captions of a model ({error})", _MEND) from error
    return KeptCaptions(dataset=content["dataset"], training=training, validation=validation)


def _read(content: Mapping[str, Any], split: str) -> list[KeptCaption]:
    entries = content[split]
    if not isinstance(entries, list) or len(entries) > _MOST_READ:
        raise ValueError(f"'{split}' is no list of at most {_MOST_READ:,} captions")
    captions = [KeptCaption(entry["video"], entry["text"]) for entry in entries]
    if not all(_is_text(value) for caption in captions for value in caption):
        raise ValueError(f"a video or a text in '{split}' is none")
    return captions


def _is_text(value: Any) -> bool:
    """Return whether a value is a text that an encoder can read: not empty, not enormous, no half characters."""
    if not isinstance(value, str) or not value.strip() or len(value) > _MOST_CHARACTERS:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)
