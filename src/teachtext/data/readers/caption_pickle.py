"""A pickle of captions by video: MSVD's `raw-captions.pkl`, whose captions are lists of words. No code of it runs."""

import pickle
from pathlib import Path

from teachtext.data.readers.annotations import Annotations
from teachtext.data.readers.caption_map import is_caption_map, read_map
from teachtext.data.readers.format import Format
from teachtext.data.readers.source import SourceFile


def recognises(source: SourceFile) -> bool:
    """Return whether the file is a pickled dict of texts, lists of texts, or lists of words, by video."""
    return isinstance(source.pickled, dict) and is_caption_map(source.pickled)


def read(source: SourceFile) -> Annotations:
    """Read captions by video from a pickle.

    Raises:
        InputError: a caption is not text.
    """
    return read_map(source, source.pickled)


def _write_example(folder: Path) -> Path:
    path = folder / "raw-captions.pkl"
    captions = {"-4wsuPCjDBc_5_15": [["a", "squirrel", "eats"], ["it", "eats"]], "xxHx6s_DbUo_121_128": [["a", "dog"]]}
    path.write_bytes(pickle.dumps(captions, protocol=4))
    return path


CAPTION_PICKLE = Format(
    name="caption-pickle",
    title="captions by video in a pickle (raw-captions.pkl)",
    shows='a pickled dict such as {"video0": [["a", "dog", "runs"], ["a", "dog"]]}',
    recognises=recognises,
    read=read,
    write_example=_write_example,
    is_general=True,
)
