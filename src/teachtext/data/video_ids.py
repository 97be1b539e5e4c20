"""The ids of video files, and the ids that captions and split lists give the same videos.

The id of a file is its name without the ending. Where several folders hold different files of one name, the id is the
path in the folder: `train/0001` and `test/0001`. Captions and lists may write an id with or without the ending, with
folders before it, with composed or decomposed accents, as an address on YouTube, and with or without the `v_` of
ActivityNet.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from teachtext.data.readers.split_names import splits_by_folder
from teachtext.data.types import Video
from teachtext.data.video_files import VIDEO_ENDINGS, LeftOut, VideoFiles, list_video_files, printable
from teachtext.errors import InputError
from teachtext.files import content_hash

SECOND_FILES = "second files of an id"
AMBIGUOUS_MEND = "write their folders before the names"
_KINDS = ("with an ending", "with folders", "with other Unicode forms", "with another name")
# ActivityNet writes it before the ids of YouTube, and not all copies of the videos have it
_PREFIX = "v_"
_ADDRESS = re.compile(r"[?&]v=([^&#]+)")


@dataclass(frozen=True)
class VideoFolder:
    """The videos of a dataset folder.

    Attributes:
        folder: where they lie.
        files: files by id, sorted; an id with several files is a mistake of the user.
        left_out: what was left out.
        paths: ids by path in the folder.
    """

    folder: Path
    files: Mapping[str, Sequence[Path]]
    left_out: Sequence[LeftOut]
    paths: Mapping[str, str]

    @property
    def notes(self) -> list[str]:
        """A sentence for each reason to leave something out."""
        return [str(row) for row in self.left_out]

    @property
    def videos(self) -> list[Video]:
        """The videos; of an id with several files the first."""
        return [Video(video_id, paths[0]) for video_id, paths in self.files.items()]

    def match(self, names: Iterable[str], other_names: Mapping[str, str] | None = None) -> "IdMatch":
        """Return the ids of the videos that `names` name; a name without a file stands for itself.

        Names without a file that differ in their spelling alone get the id of the first.

        Args:
            names: as captions and lists write them.
            other_names: the other names of videos, by name, such as those of MSVD's `youtube_mapping.txt`. They count
                where no file has the name itself.
        """
        spellings = list(dict.fromkeys(names))
        plain_names = {name: plain(name) for name in spellings}
        ids: dict[str, str] = {}
        ambiguous: list[str] = []
        claims: dict[str, list[str]] = {}
        for name in spellings:
            candidates = [name] if name in self.files else self._candidates(plain_names[name])
            if not candidates and other_names and name in other_names:
                candidates = self._candidates(plain(other_names[name]))
            if len(candidates) == 1:
                claims.setdefault(candidates[0], []).append(name)
            elif candidates:
                ambiguous.append(name)
        for video_id, claimants in claims.items():
            # `train/0001` and `test/0001` cannot both be the one file `0001`, but `0001` and `videos/0001` can
            longest = max((plain_names[name] for name in claimants), key=len)
            agree = all(f"/{longest}".endswith(f"/{plain_names[name]}") for name in claimants)
            certain = [name for name in claimants if agree or name == video_id or "/" not in plain_names[name]]
            ids.update(dict.fromkeys(certain, video_id))
            ambiguous += [name for name in claimants if name not in ids]
        first: dict[str, str] = {}
        for name in spellings:
            if name not in ids:
                ids[name] = first.setdefault(plain_names[name], name)
        return IdMatch(ids, tuple(ambiguous))

    def _candidates(self, name: str) -> list[str]:
        """Return the ids of the files that a plain name may mean: those with the longest end of its path."""
        parts = name.split("/")
        for start in range(len(parts)):
            video_ids = self._by_plain_name.get("/".join(parts[start:]))
            if video_ids:
                return video_ids
        address = _ADDRESS.search(parts[-1])
        last = address[1] if address else parts[-1].removesuffix(".gif")
        spellings = (last, last.removeprefix(_PREFIX), _PREFIX + last)
        return next((self._by_last_part[spelling] for spelling in spellings if spelling in self._by_last_part), [])

    @cached_property
    def _by_plain_name(self) -> Mapping[str, list[str]]:
        pairs = [(plain(name), video_id) for name, video_id in self.paths.items()]
        return _lists([*((plain(video_id), video_id) for video_id in self.files), *pairs])

    @cached_property
    def _by_last_part(self) -> Mapping[str, list[str]]:
        return _lists((plain(name).rpartition("/")[2], video_id) for name, video_id in self.paths.items())


@dataclass(frozen=True)
class IdMatch:
    """What the names in captions and lists mean.

    Attributes:
        ids: the id by name, for every name.
        ambiguous: names that may mean several files, or a file that another name has already.
    """

    ids: Mapping[str, str]
    ambiguous: Sequence[str] = ()

    def __getitem__(self, name: str) -> str:
        """Return the id of a name, also of another spelling of a name; any other name stands for itself."""
        return self.ids[name] if name in self.ids else self._by_plain_name.get(plain(name), name)

    @cached_property
    def _by_plain_name(self) -> Mapping[str, str]:
        return {plain(name): video_id for name, video_id in self.ids.items()}

    @property
    def respelled(self) -> Mapping[str, str]:
        """Ids by name, where the two differ."""
        return {name: video_id for name, video_id in self.ids.items() if name != video_id}

    @property
    def notes(self) -> list[str]:
        """Sentences on the names that were read otherwise than they stand, and on those that are not understood."""
        return [note for note in (self.respelled_note, self.ambiguous_note) if note]

    @property
    def respelled_note(self) -> str:
        """A sentence on the names that were read otherwise than they stand; empty where there are none."""
        respelled = self.respelled
        if not respelled:
            return ""
        kinds = Counter(_difference(name, video_id) for name, video_id in respelled.items())
        counts = ", ".join(f"{kinds[kind]:,} {kind}" for kind in _KINDS if kinds[kind])
        name, video_id = next(iter(respelled.items()))
        return f"ids read as those of files: {counts} ('{printable(name)}' is '{printable(video_id)}')"

    @property
    def ambiguous_note(self) -> str:
        """A sentence on the names that are not understood; empty where there are none."""
        if not self.ambiguous:
            return ""
        names = ", ".join(f"'{printable(name)}'" for name in self.ambiguous[:3])
        return f"ids that may mean several files: {len(self.ambiguous):,} ({names})"


def plain(name: str) -> str:
    """Return a name as it is compared: without the endings of videos, with composed accents and with slashes.

    Example:
        >>> plain("./all/video7.MP4"), plain("cafe" + chr(769) + ".mov.mp4") == "caf" + chr(233)
        ('all/video7', True)
    """
    text = unicodedata.normalize("NFC", name).replace("\\", "/")
    while text.startswith("./"):
        text = text.removeprefix("./")
    while True:
        stem, dot, ending = text.rpartition(".")
        if not dot or not stem or f".{ending.lower()}" not in VIDEO_ENDINGS:
            return text
        text = stem


def read_video_folder(folder: Path, *, regular: bool = False, apart: Collection[Path] = ()) -> VideoFolder:
    """Read the videos of a dataset folder: those in `videos/`, or in the folder itself where there is no `videos/`.

    Args:
        folder: the dataset folder, or a folder of videos.
        regular: leave out broken links, pipes and devices. Without it, extraction sets them aside by name.
        apart: files that are no videos, such as archives that hold captions and videos.
    """
    inner = folder / "videos"
    listed = list_video_files(inner if inner.is_dir() else folder, apart=apart)
    odd = [name for name, path in listed.files.items() if regular and not path.is_file()]
    row = LeftOut("links that lead nowhere, pipes and devices", odd, "put the files themselves there")
    return _identify(listed, row)


def check_has_videos(folder: Path) -> VideoFolder:
    """Read the videos of a folder that is to be extracted.

    Raises:
        InputError: the folder is none, or holds no videos.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give the folder that holds videos/, or the videos themselves")
    videos = read_video_folder(folder)
    if not videos.files:
        lead = "; ".join([f"{videos.folder} holds no video", *videos.notes])
        raise InputError(lead, "put video files there, named <id>.mp4")
    return videos


def _identify(listed: VideoFiles, odd: LeftOut) -> VideoFolder:
    """Give video files their ids, but for those in `odd`."""
    by_stem: dict[str, dict[str, list[str]]] = {}
    nameless = []
    for name in listed.files.keys() - set(odd.names) if odd.names else listed.files:
        if _is_utf8(name):
            place = name.rpartition(".")[0]
            by_stem.setdefault(place.rpartition("/")[2], {}).setdefault(place, []).append(name)
        else:
            nameless.append(name)
    names: dict[str, list[str]] = {}
    copies: list[str] = []
    for stem, by_place in sorted(by_stem.items()):
        group = sorted(name for place in by_place.values() for name in place)
        if len(by_place) == 1:
            names[stem] = group
        elif not splits_by_folder(group) and _same_content([listed.files[name] for name in group]):
            names[stem] = group[:1]
            copies += group[1:]
        else:
            names.update(by_place)
    spare = [name for group in names.values() for name in sorted(group)[1:]]
    rows = [
        *listed.left_out,
        odd,
        LeftOut("files whose names are not UTF-8", nameless, "rename them"),
        LeftOut("copies of a video in other folders", copies, "harmless: the first is used"),
        LeftOut(SECOND_FILES, spare, "keep one file an id"),
    ]
    files = {video_id: [listed.files[name] for name in sorted(group)] for video_id, group in names.items()}
    ids = {name: video_id for video_id, group in names.items() for name in group}
    return VideoFolder(listed.folder, files, [row for row in rows if row.names], ids)


def _same_content(paths: Sequence[Path]) -> bool:
    try:
        stats = [path.stat() for path in paths]
        if len({(stat.st_dev, stat.st_ino) for stat in stats}) == 1:
            return True  # links to one file
        return len({stat.st_size for stat in stats}) == 1 and len({content_hash(path) for path in paths}) == 1
    except OSError:
        return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _difference(name: str, video_id: str) -> str:
    """Return in what a name differs from the id that it means."""
    if plain(name).rpartition("/")[2] != plain(video_id).rpartition("/")[2]:
        return _KINDS[3]
    if PurePosixPath(name.replace("\\", "/")).name != name and "/" not in video_id:
        return _KINDS[1]
    composed = unicodedata.normalize("NFC", name), unicodedata.normalize("NFC", video_id)
    return _KINDS[0] if composed[0] != composed[1] else _KINDS[2]


def _lists(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, dict[str, None]] = {}
    for key, value in pairs:
        lists.setdefault(key, {})[value] = None
    return {key: list(values) for key, values in lists.items()}
