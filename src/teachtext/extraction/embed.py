"""Captions to features: each text is encoded once, unless the store has it already."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile
from teachtext.devices import AUTO
from teachtext.encoders.base import TextEncoder
from teachtext.encoders.query import check_text, limit_of
from teachtext.encoders.registry import TEXT_ENCODERS, build_text_encoder
from teachtext.encoders.spec import located
from teachtext.errors import InputError, first_of
from teachtext.extraction.feature_output import stored
from teachtext.progress import Progress, silent

_CHUNK = 256
_SHARD_ITEMS = 2048


@dataclass(frozen=True)
class Embedding:
    """What became of the captions, over all encoders.

    Attributes:
        done: captions that are new in the store.
        reused: captions that were there already.
        notes: what the device cannot do, and captions that an encoder reads in part; a sentence each.
    """

    done: int
    reused: int
    notes: Sequence[str] = ()


def embed(
    captions: Sequence[Caption],
    encoders: Sequence[str],
    store: Path,
    *,
    threads: int = 1,
    device: str = AUTO,
    progress: Progress = silent,
) -> Embedding:
    """Encode captions with each encoder, into one folder an encoder, by the captions' ids.

    Captions whose text is the same as in the store are left alone, so a stopped run goes on where it was: after Ctrl-C
    nothing is lost, after a kill at most the last 2048 captions of one encoder. Equal texts are encoded once, and a
    text that is in the store under another caption's id is not encoded again.

    Args:
        captions: ids must be unique.
        encoders: specs (see `teachtext.encoders.registry`).
        store: folder that gets a folder named `TEXT_ENCODERS.folder_name(spec)` for each encoder.
        threads: CPU threads.
        device: where the encoders compute (see `teachtext.devices`).
        progress: called as `progress(spec, captions done, captions)`.

    Raises:
        InputError: an empty caption, an id that occurs twice, an unknown encoder, no such device, a folder with
            features that were made otherwise, or a full disk.
    """
    TEXT_ENCODERS.check(encoders)
    _check(captions)
    specs = dict.fromkeys(located(spec, Path()) for spec in encoders)
    done, notes = 0, list[str]()
    for spec in specs:
        encoder = build_text_encoder(spec, threads=threads, device=device)
        notes += [f"{spec}: {note}" for note in (*getattr(encoder, "notes", ()), *_cut(captions, encoder))]
        done += _embed(captions, spec, encoder, store, progress)
    return Embedding(done=done, reused=len(captions) * len(specs) - done, notes=tuple(notes))


def _check(captions: Sequence[Caption]) -> None:
    ids: set[str] = set()
    for caption in captions:
        check_text(caption.text, f"caption '{caption.id}' of video '{caption.video_id}'")
        if caption.id in ids:
            raise InputError(f"caption id '{caption.id}' occurs twice", "give every caption an id of its own")
        ids.add(caption.id)


def _cut(captions: Sequence[Caption], encoder: TextEncoder) -> list[str]:
    """Return a note on the captions that are longer than an encoder reads."""
    limit = limit_of(encoder)
    if limit is None:
        return []
    texts = list(dict.fromkeys(caption.text for caption in captions))
    long = {text for text, is_long in zip(texts, limit.exceeded(texts), strict=True) if is_long}
    ids = [caption.id for caption in captions if caption.text in long]
    some = f"{len(ids):,} of {len(captions):,} captions"
    return [f"{some} were cut to their first {limit}: {first_of(ids)}"] if ids else []


def _embed(captions: Sequence[Caption], spec: str, encoder: TextEncoder, store: Path, progress: Progress) -> int:
    """Encode with one encoder; return how many captions are new in the store."""
    folder = store / TEXT_ENCODERS.folder_name(spec)
    provenance = {"encoder": TEXT_ENCODERS.parse(spec).name, "settings": dict(encoder.settings)}
    file = stored(folder, provenance)
    sources = {} if file is None else file.sources
    todo = [caption for caption in captions if sources.get(caption.id) != text_hash(caption.text)]
    id_of = {source: caption_id for caption_id, source in sources.items()}
    with FeatureWriter(folder, provenance=provenance, dim=encoder.dim, shard_items=_SHARD_ITEMS) as writer:
        _encode(
            todo,
            lambda texts: _values(texts, encoder, file, id_of),
            writer,
            lambda done: progress(spec, len(captions) - len(todo) + done, len(captions)),
        )
    return len(todo)


def _values(
    texts: Sequence[str], encoder: TextEncoder, file: FeatureFile | None, id_of: Mapping[str, str]
) -> list[NDArray[Any]]:
    """Return the values of texts; those of texts that are in the store are read, not encoded again."""
    stored_as = [id_of.get(text_hash(text)) for text in texts]
    new = [text for text, caption_id in zip(texts, stored_as, strict=True) if caption_id is None]
    encoded = iter(encoder.encode(new))
    return [next(encoded) if file is None or name is None else file.read(name) for name in stored_as]


def _encode(
    captions: Sequence[Caption],
    values_of: Callable[[Sequence[str]], Sequence[NDArray[Any]]],
    writer: FeatureWriter,
    report: Callable[[int], None],
) -> None:
    """Encode chunk by chunk, each text for all captions with that text."""
    same: dict[str, list[Caption]] = {}
    for caption in captions:
        same.setdefault(caption.text, []).append(caption)
    texts = list(same)
    done = 0
    report(done)
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        for text, values in zip(chunk, values_of(chunk), strict=True):
            for caption in same[text]:
                writer.add(caption.id, values, source=text_hash(text))
            done += len(same[text])
        report(done)


def text_hash(text: str) -> str:
    """Return 16 hex digits of the SHA-256 hash of a caption's text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
