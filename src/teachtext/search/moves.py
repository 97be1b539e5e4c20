"""Videos of an index whose files, or whose whole folders, are not at their places any more."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from teachtext.search.manifest import Manifest
from teachtext.search.types import Item


@dataclass(frozen=True)
class Elsewhere:
    """What an index holds of other folders than the one that is indexed now.

    Attributes:
        moved: by content, a video whose file is gone, and whose content is new in the folder: the file was moved.
        taken: ids of videos that an earlier run took over into the folder, and was stopped before it removed them.
        absent: number of other videos by the path of their folder, for folders that do not exist.
    """

    moved: Mapping[str, Item]
    taken: Sequence[str]
    absent: Mapping[str, int]

    def notes(self) -> list[str]:
        """Return a sentence for each folder that does not exist."""
        return [
            f"{count:,} videos of {place} are in the index, but that folder is gone; remove them with "
            f"'teachtext index {place} --remove-missing'"
            for place, count in self.absent.items()
        ]


def look_elsewhere(
    items: Iterable[Item], manifest: Manifest, root: str, new: Collection[str], kept: Iterable[Item]
) -> Elsewhere:
    """Look through the videos of an index that are not of one folder.

    Args:
        items: all videos of the index.
        manifest: of the index.
        root: name of the folder that is indexed now.
        new: contents of the files that are new in this folder.
        kept: the videos of this folder that the index has already.
    """
    # a video that was taken over has the date of the old one; no two others are of one content and one moment
    dates = {(item.content, item.added_s) for item in kept}
    there = {name: manifest.path_of(f"{name}/").is_dir() for name in manifest.roots}
    moved: dict[str, Item] = {}
    taken: list[str] = []
    absent: Counter[str] = Counter()
    for item in items:
        name = item.id.partition("/")[0]
        if name == root:
            continue
        is_moved = item.content in new and item.content not in moved
        is_taken = (item.content, item.added_s) in dates
        if (is_moved or is_taken) and not manifest.path_of(item.id).exists():
            taken += [item.id] if is_taken else []
            moved |= {} if is_taken else {item.content: item}
        elif not there[name]:
            absent[manifest.roots[name]] += 1
    return Elsewhere(moved, taken, absent)
