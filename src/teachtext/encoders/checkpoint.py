"""Checkpoints of transformers: one loader that refuses weights which are missing, superfluous or of another shape."""

import io
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
import transformers

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.hub import quiet
from teachtext.errors import InputError
from teachtext.files import read_json
from teachtext.machine import free_memory

_SHOWN = 3
# as many modules are built before any weight is read
_MOST_LAYERS = 1000
# files of which every tokenizer has at least one
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model", "tekken.json")


class Checkpoint:
    """A transformers model in a local folder: safetensors, in single precision, no code that comes with it.

    A weight that the file lacks would be random. Such a weight is allowed only if no vector depends on it, such as a
    pooler or a head that is not used: see `check_complete`. A weight that the model has no place for is allowed only if
    it belongs to a part that the model does not have, such as the head of another task. A further layer of a stack, or
    a further weight of a layer, is refused: without it the model computes other values than it was trained for.

    Args:
        folder: of the model.
        place: the device that it computes on.
        class_name: class of transformers; by default the class without a head that its config names.
        attention: implementation of attention in transformers; by default its own choice.

    Attributes:
        model: the model, in evaluation mode.
        config: its config.
        place: its device.
        lacking: sorted names of the weights that the file lacks.

    Raises:
        InputError: weights that are no safetensors, have other shapes than the model, or are superfluous; or too little
            memory.
        OSError, ValueError, ImportError, LookupError: a folder that transformers cannot read.
    """

    def __init__(
        self, folder: Path, place: TorchDevice, *, class_name: str = "AutoModel", attention: str | None = None
    ) -> None:
        self.place = place
        _check_memory(folder, place)
        model_class = getattr(transformers, class_name)
        _check_size(folder, place, model_class)
        try:
            # some classes print complaints about their own documentation
            with quiet(), redirect_stdout(io.StringIO()):
                model, loading = model_class.from_pretrained(
                    folder,
                    trust_remote_code=False,
                    use_safetensors=True,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,
                    attn_implementation=attention,
                )
            self.model = model.float().eval().to(place.name)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise too_little_memory(place) from error
        except ImportError as error:
            if "timm" not in str(error):
                raise
            raise InputError(
                "its picture network is one of the package 'timm', which needs torchvision",
                "pip install timm, and torchvision of the same build as torch",
            ) from error
        self.config = self.model.config
        self.lacking = sorted(loading["missing_keys"])
        if mismatched := sorted(str(item[0]) for item in loading["mismatched_keys"]):
            raise InputError(
                f"its weights have other shapes than its config says: {some_of(mismatched)}", "download the model again"
            )
        if superfluous := sorted(_superfluous(model, loading["unexpected_keys"])):
            raise InputError(
                f"its weights do not fit its config, which has no place for {some_of(superfluous)}",
                "give the model as its authors published it, not quantised and without adapters",
            )

    def check_complete(self, probe: Callable[[], torch.Tensor]) -> None:
        """Refuse a model whose vectors depend on weights that its file lacks. Those weights are changed here.

        Args:
            probe: computes vectors of a fixed input, in inference mode.

        Raises:
            InputError: they depend on such weights; names some of them.
        """
        if not self.lacking:
            return
        values = {**dict(self.model.named_parameters()), **dict(self.model.named_buffers())}
        before = probe()
        generator = torch.Generator().manual_seed(0)
        with torch.inference_mode():
            for name in self.lacking:
                if name in values and values[name].is_floating_point():
                    values[name].add_(torch.randn(values[name].shape, generator=generator).to(self.place.name))
        if not torch.equal(before, probe()):
            raise InputError(
                f"its file of weights lacks {some_of(self.lacking)}, which would be random",
                "give the model that was trained",
            )


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a model.

    Raises:
        InputError: the folder has none, or the tokenizer needs a package that is not installed.
    """
    # without these files transformers makes a tokenizer that knows no word
    if not any(True for pattern in _VOCABULARIES for _ in folder.glob(pattern)):
        raise InputError("its folder has no tokenizer", "give the whole folder, with tokenizer.json")
    try:
        with quiet():
            try:
                return transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            except ImportError:
                # the class needs sentencepiece, and the file holds the same tokenizer
                if not (folder / "tokenizer.json").is_file():
                    raise
                return transformers.PreTrainedTokenizerFast.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        # a broken file of a tokenizer can raise anything
        raise InputError(
            f"its tokenizer cannot be loaded ({first_line(error)})", "give a folder with a whole tokenizer.json"
        ) from error


def too_little_memory(place: TorchDevice) -> InputError:
    """Return the error of a model for which a device has too little memory."""
    return InputError(f"the device '{place.name}' has too little memory for it", "give a smaller model, or device cpu")


def _check_memory(folder: Path, place: TorchDevice) -> None:
    """Refuse weights that are larger than the memory that a device has left, before any of them is read."""
    config = folder / "config.json"
    values = read_json(config) if config.is_file() else {}
    if (layers := max(_layers(values), default=0)) > _MOST_LAYERS:
        raise InputError(f"its config asks for {layers:,} layers", "give the folder as its authors published it")
    kind = str(values.get("dtype") or values.get("torch_dtype")) if isinstance(values, dict) else ""
    # all is computed in single precision
    growth = 2 if kind in ("float16", "bfloat16") else 1
    needed = growth * sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    _check_bytes("its weights take", needed, place)


def _layers(value: Any, key: str = "") -> Iterator[int]:
    """Yield the numbers of layers in a config, and in the configs in it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _layers(inner, name)
    elif isinstance(value, int) and key.endswith(("layers", "depth")):
        yield value


def _check_size(folder: Path, place: TorchDevice, model_class: Any) -> None:
    """Refuse a config whose model does not fit into memory, though its file may be small: what it lacks is made up."""
    try:
        with quiet(), redirect_stdout(io.StringIO()), torch.device("meta"):
            config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
            model = (model_class.from_config if model_class is transformers.AutoModel else model_class)(config)
    except Exception:  # whoever loads the model says it better
        return
    values = sum(weight.numel() for weight in (*model.parameters(), *model.buffers()))
    _check_bytes("a model of its config takes", 4 * values, place)


def _check_bytes(what: str, needed: int, place: TorchDevice) -> None:
    free = torch.cuda.mem_get_info(place.name)[0] if place.name.startswith("cuda") else free_memory()
    if free is not None and needed > free:
        raise InputError(
            f"{what} {needed / 1e9:,.1f} GB, and the device '{place.name}' has {free / 1e9:,.1f} GB left",
            "give a smaller model, or another device",
        )


def some_of(names: Collection[str]) -> str:
    """Write the first names of many.

    >>> some_of(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(list(names)[:_SHOWN])}{more}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; the name of its class where there is no message."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _superfluous(model: torch.nn.Module, names: Iterable[str]) -> list[str]:
    """Return the names of weights that belong to a stack or layer which the model has."""
    modules = dict(model.named_modules())
    prefix = f"{getattr(model, 'base_model_prefix', '')}."

    def belongs(name: str) -> bool:
        layer, _, weight = name.removeprefix(prefix).rpartition(".")
        if weight == "position_ids":
            # counts positions; old versions saved it
            return False
        if layer in modules and any(True for _ in modules[layer].parameters(recurse=False)):
            return True
        parts = layer.split(".")
        stacks = [".".join(parts[:number]) for number, part in enumerate(parts) if part.isdigit()]
        return any(isinstance(modules.get(stack), torch.nn.ModuleList) for stack in stacks)

    return [name for name in names if belongs(name)]
