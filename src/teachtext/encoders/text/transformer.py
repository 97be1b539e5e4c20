"""The last hidden states of any transformers text model."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.devices import AUTO, batch_size
from teachtext.encoders.base import Limit
from teachtext.encoders.checkpoint import Checkpoint, first_line, load_tokenizer
from teachtext.encoders.computing import TorchDevice
from teachtext.errors import InputError

_BATCH, _GPU_BATCH = 64, 512
# tokens of a probe: every model has positions for these
_FEW = 8
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "altclip_text_model", "clap_text_model")
_PROMPT_START, _PROMPT_END = 'This sentence: "', '" means in one word:"'


class States:
    """The last hidden states of a model for texts that are tokenised already, batch by batch.

    Args:
        model: a transformers model, in evaluation mode, on the device `place`.
        pad_id: token that fills up shorter texts.
        place: the device.
    """

    def __init__(self, model: Any, *, pad_id: int, place: TorchDevice) -> None:
        self.model = model
        self.pad_id = pad_id
        self.place = place
        self._batch = batch_size(place.name, cpu=_BATCH, gpu=_GPU_BATCH)
        size = getattr(model.config, "vocab_size", _FEW)
        self._probe = [[number * step % size for number in range(1, _FEW)] for step in (1, 7, 31)]
        place.use_half_if_equal(lambda: np.concatenate(self.of(self._probe)))

    def of(self, ids: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Return the states of each text: (tokens, D), at least one row."""
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        rows: dict[int, NDArray[np.float32]] = {}
        with self.place.inference():
            for start in range(0, len(order), self._batch):
                batch = order[start : start + self._batch]
                rows.update(zip(batch, self._forward([ids[i] or [self.pad_id] for i in batch]), strict=True))
        return [rows[i] for i in range(len(ids))]

    def probe(self) -> torch.Tensor:
        """Return the states of fixed texts: (tokens, D)."""
        return torch.from_numpy(np.concatenate(self.of(self._probe)))

    def _forward(self, ids: Sequence[Sequence[int]]) -> Iterator[NDArray[np.float32]]:
        # on the right, so that causal models count positions from the first word
        longest = max(map(len, ids))
        padded = torch.tensor([[*row, *[self.pad_id] * (longest - len(row))] for row in ids], device=self.place.name)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=self.place.name)
        states = self.model(input_ids=padded, attention_mask=mask).last_hidden_state.float().cpu()
        for state, row in zip(states, ids, strict=True):
            yield state[: len(row)].numpy().copy()


class Transformer:
    """A model in a local folder, with weights in safetensors; code that comes with a model is never run.

    Args:
        folder: a model as transformers saves it. Of encoder-decoders the encoder is used, of text-image models the
            text tower.
        max_tokens: texts are cut after so many tokens, special ones included.
        threads: CPU threads.
        device: where the model computes (see `teachtext.devices`).

    Raises:
        InputError: the folder holds no such model, or there is no such device.
    """

    def __init__(self, folder: Path, *, max_tokens: int, threads: int, device: str = AUTO) -> None:
        place = TorchDevice(device, threads=threads)
        self.notes = place.notes
        try:
            self.tokenizer = load_tokenizer(folder)
            checkpoint = Checkpoint(folder, place)
        except InputError as error:
            raise InputError(f"{folder} cannot be loaded as a text model: {error.problem}", error.mend) from error
        except Exception as error:
            # a model of any kind can fail in any way
            raise InputError(
                f"{folder} cannot be loaded as a text model ({first_line(error)})",
                "give a model that transformers knows, with its tokenizer and with weights in safetensors",
            ) from error
        self.model = _text_part(checkpoint.model)
        longest = min(self.tokenizer.model_max_length, positions(self.model.config) or max_tokens)
        self.max_tokens = min(max_tokens, longest)
        self.limit = Limit(self.max_tokens, "tokens", self._lengths)
        candidates = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        pad_id = next(token for token in candidates if token is not None)
        self._states = States(self.model, pad_id=pad_id, place=place)
        checkpoint.check_complete(self._states.probe)

    def hidden(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return the last hidden states of each text: (tokens, D), special tokens included, at least one row."""
        if not texts:
            return []
        return self._states.of(self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"])

    def last(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return the state of the last token of each text's prompt (see `prompted`): (1, D)."""
        return [rows[-1:] for rows in self._states.of(prompted(texts, self._open_ended, self.max_tokens))]

    def limit_of_last(self) -> Limit:
        """Return the limit of the texts of `last`: the prompt takes some of the tokens."""
        prompt = prompt_tokens(self._open_ended)
        return Limit(self.max_tokens - prompt, "tokens", lambda texts: list(map(len, self._open_ended(texts))))

    def is_causal(self) -> bool:
        """Return whether the state of a token is independent of the tokens after it."""
        first, second = self._states.of([[1, 2], [1, 3]])
        return bool(np.allclose(first[0], second[0], atol=1e-6))

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return list(map(len, self.tokenizer(list(texts), verbose=False)["input_ids"]))

    def _open_ended(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenise without the special token after a text."""
        ends = {self.tokenizer.eos_token_id, self.tokenizer.sep_token_id}
        ids: list[list[int]] = self.tokenizer(list(texts), verbose=False)["input_ids"]
        return [row[:-1] if row and row[-1] in ends else row for row in ids]


def prompted(
    texts: Sequence[str], tokenise: Callable[[Sequence[str]], list[list[int]]], max_tokens: int
) -> list[list[int]]:
    """Put texts into the prompt of PromptEOL (Jiang et al., 2023), whose last state stands for the meaning of the text.

    Args:
        texts: captions.
        tokenise: texts to token ids, without a special token at the end.
        max_tokens: a longer text loses its last tokens, never the end of the prompt.
    """
    if not texts:
        return []
    closing = len(tokenise([_PROMPT_END])[0])
    kept = max(0, max_tokens - closing)
    rows = tokenise([f"{_PROMPT_START}{text}{_PROMPT_END}" for text in texts])
    return [row if len(row) <= max_tokens else [*row[:kept], *row[-closing:]][-max_tokens:] for row in rows]


def prompt_tokens(tokenise: Callable[[Sequence[str]], list[list[int]]]) -> int:
    """Return how many tokens the prompt of `prompted` has besides the text."""
    empty, text = tokenise([f"{_PROMPT_START}a{_PROMPT_END}", "a"])
    return len(empty) - len(text)


def positions(config: Any) -> int | None:
    """Return how many positions a model has; None if there is no limit."""
    positions: int | None = getattr(config, "max_position_embeddings", None)
    # RoBERTa counts from the place after its padding
    offset = config.pad_token_id + 1 if config.model_type in _OFFSET_POSITIONS else 0
    return positions and positions - offset


def _text_part(model: Any) -> Any:
    if getattr(model.config, "is_encoder_decoder", False):
        return model.get_encoder()
    return getattr(model, "text_model", model)
