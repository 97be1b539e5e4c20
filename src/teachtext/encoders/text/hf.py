"""Any text model of the transformers and sentence-transformers families, by its id or folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.devices import AUTO, batch_size
from teachtext.encoders.base import Limit
from teachtext.encoders.checkpoint import Checkpoint
from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.hub import model_settings, resolve
from teachtext.encoders.shared_space.model import SharedSpace
from teachtext.encoders.text.pooling import MAX_POOLED_TOKENS, masked_mean
from teachtext.encoders.text.transformer import Transformer, positions
from teachtext.errors import InputError

_POOLING = {"tokens": "none", "pooled": "mean", "last": "last token of PromptEOL"}
_PROBE = ["a dog runs after a ball on the beach", "two people talk", "cooking"]
_Encode = Callable[[Sequence[str]], list[NDArray[np.float32]]]


class HuggingFace:
    """Any model of these families. Weights must be safetensors, and code that comes with a model is never run.

    Args:
        model: a local folder, or an id of the Hugging Face hub; a model that is in the hub's cache needs no network.
        output: `tokens` = last hidden states, (tokens, D); `pooled` = (1, D): the model's own pooling where it is a
            sentence-transformers model, else the mean of the last hidden states; `last` = (1, D), of causal language
            models: the last token's state after the prompt of PromptEOL; `shared` = (1, D), of unit length, in the
            space that a model has for texts and videos (see `teachtext.encoders.shared_space`).
        threads: CPU threads.
        device: where the model computes (see `teachtext.devices`).
        max_tokens: rows of `tokens`, at most, special tokens included.

    Raises:
        InputError: no such folder or id, or a hub that cannot be reached; a model that breaks these rules; `last` of a
            model that is not causal; `shared` of a model without such a space; or no such device.
    """

    def __init__(
        self,
        *,
        model: str,
        output: Literal["tokens", "pooled", "last", "shared"] = "tokens",
        threads: int = 1,
        device: str = AUTO,
        max_tokens: int = 64,
    ) -> None:
        self.tokens = output == "tokens"
        if output == "shared":
            space = SharedSpace(model=model, threads=threads, device=device)
            self._encode: _Encode = lambda texts: [vector[None] for vector in space.encode_texts(texts)]
            self.notes, self.limit, self.dim = space.notes, space.limit, space.dim
            self.settings: Mapping[str, Any] = {**space.settings, "output": output}
            return
        folder = resolve(model)
        kept = max_tokens if self.tokens else MAX_POOLED_TOKENS
        own_pooling = output == "pooled" and (folder / "modules.json").is_file()
        if own_pooling:
            self._encode, self.notes, self.limit = _sentence_encoder(folder, kept, TorchDevice(device, threads=threads))
        else:
            transformer = Transformer(folder, max_tokens=kept, threads=threads, device=device)
            self._encode, self.notes = _states(transformer, output, model), transformer.notes
            self.limit = transformer.limit_of_last() if output == "last" else transformer.limit
        self.dim = self._encode(["a"])[0].shape[1]
        self.settings = {
            **model_settings(model, folder),
            "output": output,
            "pooling": "the model's own" if own_pooling else _POOLING[output],
            "max_tokens": kept,
        }

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        return self._encode(texts)


def _states(transformer: Transformer, output: str, model: str) -> _Encode:
    if output == "last" and not transformer.is_causal():
        raise InputError(
            f"the model '{model}' is not a causal language model, so its last token has not read the text",
            f"write hf:{model}#pooled",
        )
    encoders: dict[str, _Encode] = {
        "tokens": transformer.hidden,
        "pooled": lambda texts: masked_mean(transformer.hidden(texts), normalise=False),
        "last": transformer.last,
    }
    return encoders[output]


def _sentence_encoder(folder: Path, max_tokens: int, place: TorchDevice) -> tuple[_Encode, list[str], Limit | None]:
    # the import takes seconds, and plain transformers models do not need it
    from sentence_transformers import SentenceTransformer

    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    if not all(module["type"].startswith("sentence_transformers.") for module in modules):
        raise InputError(f"{folder} has modules that run code of their own", "give a model that needs none")
    # the parts behind the network are not covered by 'use_safetensors'
    for pickled in sorted(folder.rglob("pytorch_model.bin")):
        if not pickled.with_name("model.safetensors").is_file():
            raise InputError(f"{pickled} holds pickled weights", "give a model with weights in safetensors")
    try:
        model = SentenceTransformer(
            str(folder), device=place.name, trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        mend = "give a model that sentence-transformers knows, with weights in safetensors"
        raise InputError(f"{folder} cannot be loaded as a sentence model ({reason})", mend) from error
    model.float()
    longest = positions(model[0].auto_model.config) if hasattr(model[0], "auto_model") else None
    model.max_seq_length = min(model.max_seq_length or max_tokens, longest or max_tokens, max_tokens)

    batch = batch_size(place.name, cpu=64, gpu=512)

    def encode(texts: Sequence[str]) -> list[NDArray[np.float32]]:
        with place.inference():
            vectors = model.encode(list(texts), batch_size=batch, show_progress_bar=False)
        return [vector[None].astype(np.float32) for vector in vectors]

    if hasattr(model[0], "auto_model"):
        # sentence-transformers does not check weights, so the network is put in whose weights are checked
        network = folder / modules[0].get("path", "")
        checkpoint = Checkpoint(network, place, class_name=type(model[0].auto_model).__name__)
        model[0].model = checkpoint.model
        checkpoint.check_complete(lambda: torch.from_numpy(np.concatenate(encode(_PROBE))))
    place.use_half_if_equal(lambda: np.concatenate(encode(_PROBE)))

    def lengths(texts: Sequence[str]) -> list[int]:
        return list(map(len, model.tokenizer(list(texts), verbose=False)["input_ids"]))

    # models that look words up have another kind of tokenizer, and read all words
    limit = Limit(int(model.max_seq_length), "tokens", lengths) if hasattr(model[0], "auto_model") else None
    return encode, place.notes, limit
