"""A transformers model with its weights, and the one vector that is taken from its output."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.hub import quiet
from teachtext.errors import InputError

_CLASS_TOKENS = ("cls_token", "class_embedding")
_SHOWN = 3


class Network:
    """A model in a local folder: safetensors, in single precision, no code that comes with it.

    Args:
        folder: of the model.
        place: the device that it computes on.

    Attributes:
        model: the model, in evaluation mode.
        config: its config.
        place: its device.
        taken: the part of the output that `vector` took last, in words.
    """

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        self.place = place
        with quiet():
            self.model, loading = AutoModel.from_pretrained(
                folder, trust_remote_code=False, use_safetensors=True, output_loading_info=True
            )
        self.model = self.model.float().eval().to(place.name)
        self.config = self.model.config
        self._lacking = sorted(loading["missing_keys"])
        # the pooler of a model that was trained for another task is not in its file, and is random here
        self._has_pooler = not any("pooler" in name.split(".") for name in self._lacking)
        self.taken = ""
        names = [name for name, _ in self.model.named_parameters()]
        self._has_class_token = any(name.rpartition(".")[2] in _CLASS_TOKENS for name in names)

    def vector(self, output: Any) -> torch.Tensor:
        """Return (N, D): the output itself, its pooled output, its class token, or the mean of its tokens."""
        pooled = output if isinstance(output, torch.Tensor) else getattr(output, "pooler_output", None)
        if pooled is not None and (self._has_pooler or pooled is output):
            self.taken = "its own output"
            return torch.as_tensor(pooled).flatten(1)
        states = torch.as_tensor(output.last_hidden_state)
        self.taken = "class token" if self._has_class_token else "mean of tokens"
        return states[:, 0] if self._has_class_token else states.mean(dim=1)

    def width(self, probe: Callable[[], torch.Tensor]) -> int:
        """Return D of the vectors of `probe`, after checking that they do not depend on random weights.

        Chooses the precision as well: half if the device is good at it and the values agree.

        Raises:
            InputError: they depend on weights that the model's file lacks.
        """
        vectors = probe()
        if self._lacking:
            parameters = dict(self.model.named_parameters())
            generator = torch.Generator().manual_seed(0)
            for name in self._lacking:
                if name in parameters:
                    parameters[name].add_(torch.randn(parameters[name].shape, generator=generator).to(self.place.name))
            if not torch.equal(vectors, probe()):
                more = f" and {len(self._lacking) - _SHOWN} more" if len(self._lacking) > _SHOWN else ""
                raise InputError(
                    f"its file of weights lacks {', '.join(self._lacking[:_SHOWN])}{more}, which would be random",
                    "give the model that was trained",
                )
        self.place.use_half_if_equal(lambda: self._values(probe))
        return int(vectors.shape[1])

    def _values(self, probe: Callable[[], torch.Tensor]) -> NDArray[np.float32]:
        with self.place.inference():
            values: NDArray[np.float32] = probe().float().cpu().numpy()
        return values
