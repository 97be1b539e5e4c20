"""Any text model of the transformers and sentence-transformers families, by its id or folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from numpy.typing import NDArray

from teachtext.encoders.text.transformer import MAX_POOLED_TOKENS, Transformer, masked_mean
from teachtext.encoders.threads import torch_threads
from teachtext.errors import InputError
from teachtext.files import content_hash, fingerprint

_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
_Encode = Callable[[Sequence[str]], list[NDArray[np.float32]]]


class HuggingFace:
    """A model of one's own choice. Weights must be safetensors, and code that comes with a model is never run.

    Args:
        model: a local folder, or an id of the Hugging Face hub; a model that is in the hub's cache needs no network.
        output: `tokens` = last hidden states, (tokens, D); `pooled` = (1, D): the model's own pooling where it is a
            sentence-transformers model, else the mean of the last hidden states.
        threads: CPU threads.
        max_tokens: rows of `tokens`, at most, special tokens included.

    Raises:
        InputError: no such folder or id, no network, or a model that cannot be loaded under these rules.
    """

    def __init__(
        self, *, model: str, output: Literal["tokens", "pooled"] = "tokens", threads: int = 1, max_tokens: int = 64
    ) -> None:
        folder = _resolve(model)
        self.tokens = output == "tokens"
        kept = max_tokens if self.tokens else MAX_POOLED_TOKENS
        own_pooling = not self.tokens and (folder / "modules.json").is_file()
        self._encode = _sentence_encoder(folder, kept, threads) if own_pooling else self._states(folder, kept, threads)
        self.dim = self._encode(["a"])[0].shape[1]
        self.settings: Mapping[str, Any] = {
            "model": folder.name if _is_local(model) else model,
            "files": fingerprint({path.name: content_hash(path) for path in _model_files(folder)}),
            "output": output,
            "pooling": "none" if self.tokens else "the model's own" if own_pooling else "mean",
            "max_tokens": kept,
        }

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        return self._encode(texts)

    def _states(self, folder: Path, max_tokens: int, threads: int) -> _Encode:
        hidden = Transformer(folder, max_tokens=max_tokens, threads=threads).hidden
        return hidden if self.tokens else lambda texts: masked_mean(hidden(texts), normalise=False)


def _sentence_encoder(folder: Path, max_tokens: int, threads: int) -> _Encode:
    # imported here because it takes seconds, which plain transformers models need not wait for
    from sentence_transformers import SentenceTransformer

    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    if not all(module["type"].startswith("sentence_transformers.") for module in modules):
        raise InputError(f"{folder} has modules that run code of their own", "give a model that needs none")
    try:
        model = SentenceTransformer(
            str(folder), device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        mend = "give a model that sentence-transformers knows, with weights in safetensors"
        raise InputError(f"{folder} cannot be loaded as a sentence model ({reason})", mend) from error
    model.float()
    model.max_seq_length = min(model.max_seq_length or max_tokens, max_tokens)

    def encode(texts: Sequence[str]) -> list[NDArray[np.float32]]:
        with torch_threads(threads):
            vectors = model.encode(list(texts), batch_size=64, show_progress_bar=False)
        return [vector[None].astype(np.float32) for vector in vectors]

    return encode


def _is_local(model: str) -> bool:
    return model.startswith((".", "/", "~")) or Path(model).is_dir()


def _model_files(folder: Path) -> list[Path]:
    return sorted(path for pattern in _FILES for path in folder.glob(pattern))


def _resolve(model: str) -> Path:
    """Return the folder of a model, downloading it if it is neither a folder nor in the hub's cache."""
    if _is_local(model):
        folder = Path(model).expanduser().resolve()
        if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
            raise InputError(f"{model} is not the folder of a model", "give a folder that transformers has saved")
        return folder
    try:
        cached = Path(snapshot_download(model, allow_patterns=_FILES, local_files_only=True))
        if any(cached.rglob("*.safetensors")):
            return cached
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise InputError(f"'{model}' is neither a folder nor an id of the hub", "correct it") from error
    try:
        return Path(snapshot_download(model, allow_patterns=_FILES))
    except (HfHubHTTPError, OSError) as error:
        raise InputError(
            f"the model '{model}' is not in the cache and cannot be downloaded from the hub",
            "check its id, download it once with a network, or give the path of a local folder",
        ) from error
