"""Where and how precisely a network computes: torch networks and ONNX sessions on any device.

A CPU computes in single precision. On a GPU a torch network uses half precision if its values for a probe input agree
with single precision within `HALF_TOLERANCE`. ONNX Runtime uses a GPU if the values of a probe agree with the CPU as
closely. Otherwise the slower way is taken, with a note.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from teachtext import devices
from teachtext.devices import HALF_TOLERANCE
from teachtext.encoders.text_side_files import EXPORT_AGAIN
from teachtext.errors import InputError

if TYPE_CHECKING:
    import onnxruntime

Values = NDArray[np.float32]
# severity of what ONNX Runtime prints
_FATAL = 4


class TorchDevice:
    """A device for one torch network.

    Args:
        device: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.
        threads: CPU threads.

    Attributes:
        name: the device as torch writes it.
        half: whether products are computed in half precision.
        notes: sentences for the user, on what the device cannot do.

    Raises:
        InputError: no such device on this machine.
    """

    def __init__(self, device: str = devices.AUTO, *, threads: int = 1) -> None:
        self.name = devices.resolve_device(device)
        self.threads = threads
        self.half = False
        self.notes: list[str] = []

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Compute inside without gradients, with the threads and in the precision of this device."""
        import torch

        with devices.torch_threads(self.threads), torch.inference_mode():
            if self.half:
                with torch.autocast(self.name.partition(":")[0], torch.float16):
                    yield
            else:
                yield

    def use_half_if_equal(self, probe: Callable[[], Values]) -> None:
        """Use half precision from now on if the device is good at it, and a probe's values agree.

        Args:
            probe: computes values, (N, D), of a fixed input inside `inference`.
        """
        if not devices.is_good_at_half(self.name):
            return
        single = probe()
        self.half = True
        if (difference := relative_difference(probe(), single)) <= HALF_TOLERANCE:
            return
        self.half = False
        self.notes.append(f"half precision would change values by {difference:.1e}, so single precision is used")


def relative_difference(values: Values, reference: Values) -> float:
    """Return the norm of the difference by the norm of the reference; infinite where a value is not finite.

    >>> import numpy as np
    >>> relative_difference(np.array([[3.0, 4.0]]), np.array([[3.0, 5.0]])) < 0.2
    True
    """
    difference = float(np.linalg.norm(values.astype(np.float64) - reference.astype(np.float64)))
    if not np.isfinite(difference):
        return float("inf")
    return difference / max(float(np.linalg.norm(reference.astype(np.float64))), 1e-12)


def open_session(
    model: Path | bytes,
    *,
    threads: int,
    device: str = devices.AUTO,
    probe: Mapping[str, NDArray[Any]] = {},
    weights: Mapping[str, Values] = {},
) -> tuple["onnxruntime.InferenceSession", list[str]]:
    """Open an ONNX graph on a device; return the session, and notes for the user.

    Args:
        model: path of a file, or the graph itself.
        threads: CPU threads.
        device: see `teachtext.devices`; without a provider for it in ONNX Runtime, the CPU is used.
        probe: inputs by name on which a GPU's values must agree with the CPU's; none to trust the GPU.
        weights: by name the weights that stand beside the graph (see `GraphNodes`).

    Raises:
        InputError: the file is missing or is no ONNX file, or there is no such device.
    """
    devices.check_device(device)
    providers, note = devices.onnx_providers(device)
    session = _session(model, threads, providers, weights)
    notes = [note] if note else []
    if len(providers) == 1:
        return session, notes
    on_cpu = _session(model, threads, providers[-1:], weights)
    if session.get_providers()[0] != providers[0][0]:
        return on_cpu, [*notes, f"ONNX Runtime cannot use {device}, so the CPU is used"]
    pairs = zip(session.run(None, dict(probe)), on_cpu.run(None, dict(probe)), strict=True) if probe else ()
    difference = max((relative_difference(values, reference) for values, reference in pairs), default=0.0)
    if difference <= HALF_TOLERANCE:
        return session, notes
    return on_cpu, [*notes, f"the GPU would change values by {difference:.1e}, so the CPU is used"]


def _session(
    model: Path | bytes,
    threads: int,
    providers: list[tuple[str, dict[str, Any]]],
    weights: Mapping[str, Values],
) -> "onnxruntime.InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # what goes wrong is raised, and not printed too
    options.log_severity_level = _FATAL
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(weight) for weight in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        source = model if isinstance(model, bytes) else str(model)
        return onnxruntime.InferenceSession(source, options, providers=providers)
    except Exception as error:
        # onnxruntime's errors share no class
        reason = str(error).strip().split("\n")[0]
        name = "the graph" if isinstance(model, bytes) else str(model)
        raise InputError(f"{name} cannot be opened ({reason})", EXPORT_AGAIN) from error
