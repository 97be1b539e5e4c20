"""An index as one search reads it: what a writer changes meanwhile is read by the next search."""

from dataclasses import dataclass, replace

from teachtext.encoders.embedder import Embedder
from teachtext.errors import InputError, Unavailable
from teachtext.search.index_model import check_same
from teachtext.search.manifest import Manifest, read_manifest
from teachtext.search.stores.base import Store, StoreState


@dataclass(frozen=True)
class Snapshot:
    """An index as one search reads it.

    Attributes:
        state: the versions of manifest and entries.
        manifest: the manifest.
        video_count: number of videos.
        segment_count: number of segments of all videos.
    """

    state: StoreState
    manifest: Manifest
    video_count: int
    segment_count: int


class Snapshots:
    """The snapshots of an index.

    Args:
        store: keeps the index.

    Attributes:
        last: the snapshot that was taken last.

    Raises:
        InputError: there is no index; the store is down.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        state = store.state()
        self.last = self._counted(state, read_manifest(store))

    def now(self, model: Embedder) -> Snapshot:
        """Return the present index. Costs one request to the store, and more only if the index has changed.

        Args:
            model: that made the index.

        Raises:
            Unavailable: the store is down; the index was deleted, or was made anew with another model.
        """
        state, last = self._store.state(), self.last
        if state != last.state:
            manifest = last.manifest if state.manifest == last.state.manifest else self._read_manifest(model)
            if state.versions == last.state.versions:
                last = replace(last, state=state, manifest=manifest)
            else:
                last = self._counted(state, manifest)
            self.last = last
        return last

    def _counted(self, state: StoreState, manifest: Manifest) -> Snapshot:
        return Snapshot(state, manifest, self._store.count(), self._store.segment_count())

    def _read_manifest(self, model: Embedder) -> Manifest:
        """Read a manifest that has changed."""
        try:
            manifest = read_manifest(self._store)
            check_same(manifest.model, model)
        except Unavailable:
            raise
        except InputError as error:
            raise Unavailable(
                f"the index was deleted or made anew ({error.problem})", "index again, and open the index again"
            ) from error
        return manifest
