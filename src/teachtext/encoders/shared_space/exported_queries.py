"""The exported text side of a shared-space model: answers queries with ONNX Runtime, without torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import CPU
from teachtext.encoders.base import Limit
from teachtext.encoders.computing import open_session
from teachtext.encoders.shared_space.queries import SharedQueries
from teachtext.encoders.shared_space.text_form import TextForm
from teachtext.encoders.text.onnx import open_tokenizer
from teachtext.encoders.text_side_files import COUNT, ENCODER, check_probe, read_description, whole

FORMAT = "teachtext-shared-text-1"
PROBE = "a dog"
"""The text whose vector the description keeps."""
_SIDE = ("left", "right")
_SHAPE = {
    "format": FORMAT,
    "space": str,
    "form": {"lower": bool, "without_punctuation": bool, "before": str, "after": str},
    "max_tokens": COUNT,
    "most": COUNT,
    "pad": (None, {"pad_id": range(2**31), "pad_token": str, "direction": _SIDE}),
    "cuts": _SIDE,
}


class ExportedQueries(SharedQueries):
    """Embeds queries by the files of `export_queries` (see `teachtext.encoders.embedder.QueryEmbedder`).

    Args:
        folder: of the files.
        threads: CPU threads.

    Attributes:
        spaces: dimension D of its one space, by the name of the space.

    Raises:
        InputError: a file is missing, is not of this form, or is of another model.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        folder = Path(folder)
        description = read_description(folder, _SHAPE)
        self._folder = folder
        with whole(folder):
            self._open(description, threads)
        [probe] = self._vectors([PROBE])
        check_probe(folder, description, probe)
        self.spaces = {description["space"]: len(probe)}
        limit = Limit(self._most, "tokens", self._lengths)
        super().__init__(encode=self._vectors, limit=limit, space=description["space"])

    def _open(self, description: Mapping[str, Any], threads: int) -> None:
        self._form = TextForm(**description["form"])
        self._most: int = description["most"]
        self._tokenizer: Any = open_tokenizer(self._folder)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        if not self._form.after:
            self._tokenizer.enable_truncation(description["max_tokens"], direction=description["cuts"])
        # without padding, to count the tokens of a text
        self._unpadded: Any = self._tokenizer
        if description["pad"] is not None:
            self._unpadded = type(self._tokenizer).from_str(self._tokenizer.to_str())
            self._tokenizer.enable_padding(length=description["max_tokens"], **description["pad"])
        self._session, _ = open_session(self._folder / ENCODER, threads=threads, device=CPU)
        # an exporter leaves out inputs on which the values do not depend
        self._inputs = {node.name for node in self._session.get_inputs()}

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with whole(self._folder):
            return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> NDArray[np.float32]:
        written = self._form.fitting(text, self._most, ids_of=self._ids, text_of=self._text)
        encoding = self._tokenizer.encode(written)
        inputs = {
            "input_ids": np.array([encoding.ids], np.int64),
            "attention_mask": np.array([encoding.attention_mask], np.int64),
        }
        [vector] = self._session.run(None, {name: inputs[name] for name in self._inputs})[0]
        return np.asarray(vector, np.float32)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._unpadded.encode(text, add_special_tokens=False).ids
        return ids

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        encoded = self._unpadded.encode_batch([self._form.prepared(text) for text in texts])
        return [len(text.ids) + len(text.overflowing) for text in encoded]
