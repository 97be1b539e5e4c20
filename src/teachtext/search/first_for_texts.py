"""Which videos of an index may come first for a text, after a run that has stored a few.

A text's best score in an index becomes another one only by a video that was stored, changed or removed since. So a run
that adds one video compares the texts with that video and with the videos that came first before, and not with all.
"""

from collections.abc import Collection

from teachtext.search.manifest import Manifest
from teachtext.search.stores.base import Store

# single videos are read more slowly than all of them together
_TIMES = 4


def may_come_first(store: Store, last: Manifest, now: Manifest, stored: Collection[str]) -> list[str] | None:
    """Return the videos that may come first for a text of the query bank, or for one without a meaning.

    Args:
        store: of the index.
        last: its manifest when the run began.
        now: its manifest now.
        stored: ids of the videos that the run has stored.

    Returns:
        The videos that came first before, and those that were stored. None if it may be any video: where a video that
        came first was changed or is gone, where the run before was stopped, and where the texts' scores are others.
    """
    bank = last.bank
    # after a stop the copies are not known
    if last.copies is None or not last.by_chance or (bank is not None and not bank.hubs) or now.blend != last.blend:
        return None
    before = {*last.by_chance, *(bank.hubs if bank else ())}
    if _TIMES * (len(before) + len(stored)) > store.count() or not before.isdisjoint(stored):
        return None
    return [*sorted(before), *stored] if len(store.items(before)) == len(before) else None
