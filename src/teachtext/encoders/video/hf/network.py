"""A transformers model with its weights, and the one vector that is taken from its output."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.encoders.checkpoint import Checkpoint
from teachtext.encoders.computing import TorchDevice

_CLASS_TOKENS = ("cls_token", "class_embedding")


class Network:
    """A model in a local folder (see `Checkpoint`).

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
        self._checkpoint = Checkpoint(folder, place)
        self.model, self.config = self._checkpoint.model, self._checkpoint.config
        # the pooler of a model that was trained for another task is not in its file, and is random here
        self._has_pooler = not any("pooler" in name.split(".") for name in self._checkpoint.lacking)
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
        self._checkpoint.check_complete(probe)
        self.place.use_half_if_equal(lambda: self._values(probe))
        return int(vectors.shape[1])

    def _values(self, probe: Callable[[], torch.Tensor]) -> NDArray[np.float32]:
        with self.place.inference():
            values: NDArray[np.float32] = probe().float().cpu().numpy()
        return values
