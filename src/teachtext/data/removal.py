"""Removal of items from a folder of the feature store, whose shards are otherwise only added."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from teachtext.data.passages import read_passages, write_passages
from teachtext.data.shard import Shard, write_shard
from teachtext.data.store import shards_of
from teachtext.files import remove


def remove_items(folder: Path, *, ids: Collection[str], sources: Collection[str] = ()) -> int:
    """Remove items, with the words that are heard and read in them; return how many copies there were.

    Shards with such an item are written again without the item. A call that was stopped can be repeated. Only one
    process may write to the folder (see `teachtext.files.locked`).

    Args:
        folder: folder of an encoder.
        ids: ids of items.
        sources: hashes of sources: items that were made from them are removed under every id.

    Raises:
        InputError: a shard is damaged, or the disk is full.
    """
    removed = 0
    for path in shards_of(folder):
        shard = Shard.open(path)
        kept = [
            number
            for number, (item_id, source) in enumerate(zip(shard.ids, shard.sources, strict=True))
            if item_id not in ids and (not source or source not in sources)
        ]
        if len(kept) < len(shard.ids):
            removed += len(shard.ids) - len(kept)
            _rewrite(shard, kept)
    return removed


def _rewrite(shard: Shard, kept: list[int]) -> None:
    """Write a shard again with some of its items, first the words and then the features; remove an empty shard."""
    words = shard.path.with_suffix(".jsonl")
    ids = [shard.ids[number] for number in kept]
    if not kept:
        remove(words)
        remove(shard.path)
        return
    if words.exists():
        passages = read_passages(words)
        write_passages(words, [(name, passage) for name in ids for passage in passages.get(name, ())])
    spans = [(int(shard.offsets[number]), int(shard.offsets[number + 1])) for number in kept]
    times = [shard.times(start, end) for start, end in spans]
    write_shard(
        shard.path,
        ids=ids,
        sources=[shard.sources[number] for number in kept],
        items=[shard.rows(start, end) for start, end in spans],
        provenance=shard.provenance,
        times=None if shard.times_begin is None else [np.asarray(span, np.float32) for span in times],
    )
