"""The annotations of a dataset: captions, splits, chosen captions, and remarks on what was mended or left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from teachtext.data.protocol import Caption
from teachtext.errors import InputError

MAIN = "main"
"""The name of the splits that stand in `splits.json`; other splits stand in `splits-<name>.json`."""

_SHOWN = 3


@dataclass(frozen=True)
class Remark:
    """A sentence on how a file was read.

    Attributes:
        what: what was read, mended or left out, with the file, the number, and the first lines or ids.
        mend: how to mend the file; empty where nothing was mended or left out.
    """

    what: str
    mend: str = ""

    @property
    def is_loss(self) -> bool:
        """Whether something was mended or left out, so that a person should look at it."""
        return bool(self.mend)


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """What a file or folder says about videos.

    Attributes:
        captions: all captions, in the order of the file, with texts that may be empty.
        splits: by name of the splits (`main` and others such as `1k-a`), the video ids of each split. Empty where the
            file names no splits.
        chosen: by name of the splits, the id of the caption that is a video's query, by video id.
        remarks: how the file was read, and what was mended or left out.
    """

    captions: Sequence[Caption] = ()
    splits: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    remarks: Sequence[Remark] = ()

    def with_remarks(self, remarks: Iterable[Remark]) -> "Annotations":
        """Return the annotations with further remarks."""
        return replace(self, remarks=[*self.remarks, *remarks])

    @property
    def video_ids(self) -> list[str]:
        """All video ids that captions or splits name, in their order, each once."""
        listed = (video_id for splits in self.splits.values() for ids in splits.values() for video_id in ids)
        return list(dict.fromkeys([*self.captioned_ids, *listed]))

    @property
    def captioned_ids(self) -> list[str]:
        """The ids of the videos with captions, in their order, each once."""
        return list(dict.fromkeys(caption.video_id for caption in self.captions))


class CaptionList:
    """Collects the captions of a file: checks their types, and numbers those that have no id.

    A caption without an id gets `<video>#<number>`, numbered per video from 0.

    Args:
        path: the file, for messages.

    Example:
        >>> captions = CaptionList(Path("a.csv"))
        >>> captions.add("v0", " a dog ", where="line 2")
        >>> captions.add("v0", "a cat", where="line 3")
        >>> [(caption.id, caption.text) for caption in captions.finish()]
        [('v0#0', 'a dog'), ('v0#1', 'a cat')]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._captions: list[Caption] = []
        self._number_of: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._unfit: list[str] = []
        self._repeated: list[str] = []

    def add(
        self, video_id: object, text: object, *, where: str, caption_id: object = None, language: object = None
    ) -> None:
        """Add a caption.

        Args:
            video_id: must be a text, or a whole number, and not empty.
            text: must be a text; white space around it is removed.
            where: its place in the file, such as `line 3`.
            caption_id: its id, if it has one.
            language: such as `en`, the default.
        """
        video = str(video_id) if isinstance(video_id, int) and not isinstance(video_id, bool) else video_id
        if not isinstance(video, str) or not video.strip() or not isinstance(text, str):
            self._unfit.append(where)
            return
        video = video.strip()
        number = self._number_of[video]
        self._number_of[video] += 1
        name = str(caption_id) if caption_id not in (None, "") else f"{video}#{number}"
        if name in self._ids:
            self._repeated.append(f"{where}: caption id '{name}'")
        self._ids.add(name)
        self._captions.append(Caption(name, video, text.strip(), str(language or "en")))

    def finish(self) -> list[Caption]:
        """Return all captions.

        Raises:
            InputError: entries without a video or a text, or several captions with one id.
        """
        if self._unfit:
            raise InputError(
                f"{self.path}, {some(self._unfit)}: a caption needs 'video' and 'text', both text",
                "correct or remove what stands there",
            )
        if self._repeated:
            raise InputError(
                f"{self.path}, {some(self._repeated)} is used twice", "give every caption its own id, or none"
            )
        return self._captions


def splits_file_of(name: str) -> str:
    """Return the file of a dataset folder for the splits of a name.

    Example:
        >>> splits_file_of("main"), splits_file_of("1k-a")
        ('splits.json', 'splits-1k-a.json')
    """
    return "splits.json" if name == MAIN else f"splits-{name}.json"


def chosen_file_of(name: str) -> str:
    """Return the file of a dataset folder for the chosen captions of the splits of a name."""
    return f"chosen-{name}.json"


def some(items: Sequence[object]) -> str:
    """Return the first items of a list, and the number of all where it is longer.

    Example:
        >>> some(["line 3"]), some([1, 2, 3, 4])
        ('line 3', '1, 2, 3 and 1 more')
    """
    shown = ", ".join(str(item) for item in items[:_SHOWN])
    return f"{shown} and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else shown
