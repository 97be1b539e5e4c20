"""The manifest of an index: its model, the folders that are in it, its experts, the query bank that corrects hubs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from teachtext.errors import InputError, NotFound
from teachtext.search.confidence import Confidence
from teachtext.search.stores.base import Store
from teachtext.video.sampling import NORMAL

FORMAT = "teachtext-index-2"
# one vector a video
_EARLIER = "teachtext-index-1"


@dataclass(frozen=True, kw_only=True)
class BankRecord:
    """What a manifest keeps of a query bank (see `teachtext.search.hubness`).

    Attributes:
        file: path of the captions.
        fingerprint: of the captions and `beta`.
        beta: inverse temperature.
        of_model: whether the captions are those that the model of the index keeps of its training.
        hubs: ids of the videos that rank first for at least one caption of the bank.
    """

    file: str
    fingerprint: str
    beta: float
    hubs: list[str] = field(default_factory=list)
    of_model: bool = False


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an index is.

    Attributes:
        model: kind, name, folder and fingerprint of the model (see `Embedder.identity`).
        spaces: dimension by space.
        experts: the video experts that are extracted: those of the model, and those whose words can be searched.
        made_by: fingerprint of the features' provenance by expert; empty before the first extraction.
        roots: the indexed folders, by the name that begins their videos' ids.
        bank: the query bank, if hubs are corrected.
        blend: where the index holds several models, the share of each model in the score (see
            `teachtext.search.blend`). None before the shares are chosen, and for one model.
        detail: how closely long videos are looked at (see `teachtext.video.sampling.DETAILS`).
        examples: captions of the query bank that the videos of the index answer best.
        confidence: the scores that divide strong, weaker and meaningless answers; None while the index is empty.
        copies: ids of videos that are copies of one another (see `teachtext.search.copies`), group by group; None
            where that is still to be found out.
        by_chance: ids of the videos that come first for a text without a meaning; None in an index of an earlier
            version.
    """

    model: Mapping[str, Any]
    spaces: Mapping[str, int]
    experts: list[str]
    made_by: Mapping[str, str] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    bank: BankRecord | None = None
    blend: Mapping[str, float] | None = None
    detail: str = NORMAL
    confidence: Confidence | None = None
    examples: list[str] = field(default_factory=list)
    copies: list[list[str]] | None = None
    by_chance: list[str] | None = None

    def write(self, store: Store) -> None:
        """Write the manifest to a store."""
        fields = asdict(self)
        store.write_manifest({"format": FORMAT, **fields})

    @cached_property
    def _group_of(self) -> Mapping[str, Sequence[str]]:
        return {name: group for group in self.copies or () for name in group}

    @cached_property
    def _folders(self) -> Mapping[str, Path]:
        return {name: Path(folder) for name, folder in self.roots.items()}

    def copies_of(self, item_id: str) -> Sequence[str]:
        """Return the ids of the copies of a video, with its own; none where it has no copies.

        >>> manifest = Manifest(model={}, spaces={}, experts=[], copies=[["a/1.mp4", "a/2.mp4"]])
        >>> manifest.copies_of("a/2.mp4"), manifest.copies_of("a/3.mp4")
        (['a/1.mp4', 'a/2.mp4'], ())
        """
        return self._group_of.get(item_id, ())

    def path_of(self, item_id: str) -> Path:
        """Return the path of a video's file, whether the file exists or not.

        Raises:
            NotFound: the index has no folder of that name.
        """
        return self.folder_of(item_id) / item_id.partition("/")[2]

    def folder_of(self, item_id: str) -> Path:
        """Return the indexed folder of a video.

        Raises:
            NotFound: the index has no folder of that name.
        """
        root = item_id.partition("/")[0]
        if root not in self.roots:
            raise NotFound(f"the index has no folder '{root[:200]}'", "give the id of a video of the index")
        return self._folders[root]

    def with_root(self, folder: Path) -> tuple["Manifest", str]:
        """Return a manifest with a further folder, and the folder's name.

        A folder takes the name of an indexed folder that is not at its old place any more: it was moved.
        """
        path = folder.resolve()
        for name, place in self.roots.items():
            if place == str(path):
                return self, name
        base = path.name or "root"
        if base in self.roots and not Path(self.roots[base]).exists():
            name = base
        else:
            names = (base if number == 1 else f"{base}-{number}" for number in count(1))
            name = next(name for name in names if name not in self.roots)
        return replace(self, roots={**self.roots, name: str(path)}), name


def read_manifest(store: Store) -> Manifest:
    """Read the manifest of a store.

    Raises:
        InputError: there is no manifest, it has another form, or it is of an index that was made before moments.
    """
    fields = store.manifest()
    if fields is None:
        raise InputError(f"{store.place} holds no index", "make one: teachtext index FOLDER --index " + store.place)
    if fields.get("format") == _EARLIER:
        raise InputError(
            f"the index {store.place} was made by an earlier version, before moments of videos could be found",
            "make it anew in another place with 'teachtext index FOLDER --index NEWPLACE'; the features of its videos "
            "are extracted again",
        )
    try:
        if fields.pop("format") != FORMAT:
            raise KeyError("format")
        bank, confidence = fields.pop("bank"), fields.pop("confidence")
        manifest = Manifest(
            **fields,
            bank=None if bank is None else BankRecord(**bank),
            confidence=None if confidence is None else Confidence(**confidence),
        )
        _ = manifest.model["kind"], manifest.model["name"], manifest.model["fingerprint"]
    except (KeyError, TypeError) as error:
        raise InputError(f"the manifest of {store.place} is not of an index ({error})", "index again") from error
    return manifest
