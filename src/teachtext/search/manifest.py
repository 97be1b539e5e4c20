"""What an index is: the model that made it, the folders that are in it, what is extracted, how hubs are corrected."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.search.stores.base import Store

FORMAT = "teachtext-index-1"


@dataclass(frozen=True, kw_only=True)
class BankRecord:
    """A query bank (see `teachtext.search.hubness`).

    Attributes:
        file: of its captions, one a line.
        fingerprint: of them.
        beta: inverse temperature.
        hubs: ids of the videos that are the best of all for one of its captions at least.
    """

    file: str
    fingerprint: str
    beta: float
    hubs: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an index is.

    Attributes:
        model: what the model tells of itself (see `Embedder.identity`).
        spaces: dimension by space.
        experts: the video experts that are extracted, which are the model's and those whose words can be searched.
        made_by: by expert, stands for how its features were made; known once something was extracted.
        roots: the folders that are indexed, by the name that their ids begin with.
        bank: the query bank, if hubs are corrected.
    """

    model: Mapping[str, Any]
    spaces: Mapping[str, int]
    experts: list[str]
    made_by: Mapping[str, str] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    bank: BankRecord | None = None

    def write(self, store: Store) -> None:
        """Write it."""
        store.write_manifest({"format": FORMAT, **asdict(self)})

    def path_of(self, item_id: str) -> Path:
        """Return where the file of a video is, or was."""
        root, _, relative = item_id.partition("/")
        return Path(self.roots[root]) / relative

    def with_root(self, folder: Path) -> tuple["Manifest", str]:
        """Return it with a folder, and the name of that; a folder that was moved takes the place of the old one."""
        path = folder.resolve()
        for name, known in self.roots.items():
            if known == str(path):
                return self, name
        base = path.name or "root"
        if base in self.roots and not Path(self.roots[base]).exists():
            name = base
        else:
            name = next(name for name in _names(base) if name not in self.roots)
        return replace(self, roots={**self.roots, name: str(path)}), name


def read_manifest(store: Store) -> Manifest:
    """Read what an index is.

    Raises:
        InputError: there is none, or it is not of this form.
    """
    told = store.manifest()
    if told is None:
        raise InputError(f"{store.place} holds no index", "make one: teachtext index FOLDER --index " + store.place)
    try:
        if told.pop("format") != FORMAT:
            raise KeyError("format")
        bank = told.pop("bank")
        manifest = Manifest(**told, bank=None if bank is None else BankRecord(**bank))
        _ = manifest.model["kind"], manifest.model["name"], manifest.model["fingerprint"]
    except (KeyError, TypeError) as error:
        raise InputError(f"what {store.place} tells of itself is no index ({error})", "index again") from error
    return manifest


def _names(base: str) -> Any:
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1
