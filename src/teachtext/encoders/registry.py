"""Every text encoder by name (the video experts are in `experts`). Adding one is a class and a line here.

Nothing heavy is imported until an encoder is built, so that names can be checked and listed at once.
"""

import difflib
import hashlib
import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from teachtext.encoders.base import TextEncoder
from teachtext.errors import InputError

TextOutput = Literal["pooled", "tokens"]


@dataclass(frozen=True)
class TextEntry:
    """A text encoder: `module:Class`, the outputs it has (the first is the default), the extra that brings its package.

    The class is called with `threads`, with `output` if it has several, and with `model` if the spec names one.
    """

    target: str
    outputs: Sequence[TextOutput]
    extra: str = "text"
    takes_model: bool = False


TEXT_ENCODERS: Mapping[str, TextEntry] = {
    "glove": TextEntry("teachtext.encoders.text.glove:GloVe", ["tokens"]),
    "wordllama": TextEntry("teachtext.encoders.text.wordllama:WordLlama", ["pooled"]),
    "minilm": TextEntry("teachtext.encoders.text.minilm:MiniLM", ["pooled", "tokens"]),
    "use": TextEntry("teachtext.encoders.text.use:UniversalSentenceEncoder", ["pooled"]),
    "hf": TextEntry("teachtext.encoders.text.hf:HuggingFace", ["tokens", "pooled"], extra="hf", takes_model=True),
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
        raise InputError(f"text encoder '{spec}' names no model", f"write {name}:<model id or local folder>")
    if "#" in spec and output not in allowed:
        raise unknown(f"output of text encoder '{body}'", output, allowed)
    chosen = next((one for one in allowed if one == output), allowed[0])
    return TextSpec(name, model or None, chosen)


def text_choices() -> list[str]:
    """Return every text spec, in the form in which it is written."""
    return [
        f"{name}{':<model id or local folder>' if entry.takes_model else ''}{'' if number == 0 else f'#{output}'}"
        for name, entry in TEXT_ENCODERS.items()
        for number, output in enumerate(entry.outputs)
    ]


def check_text_specs(specs: Iterable[str]) -> None:
    """Raise InputError for the first spec that names no text encoder, without building any."""
    for spec in specs:
        parse_text_spec(spec)


def folder_name(spec: str) -> str:
    """Return the folder that a text encoder's features go to; different encoders never share one.

    `minilm` and `minilm#pooled` are the same encoder, and the same folder. Specs with a model of one's own carry a
    hash, because the characters that a folder cannot hold are replaced. A plain name that is not registered is that of
    features that came from elsewhere.
    """
    if spec not in TEXT_ENCODERS and re.fullmatch(r"\w[\w.-]*", spec):
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


def build_text_encoder(spec: str, *, threads: int = 1) -> TextEncoder:
    """Build a text encoder.

    Args:
        spec: `name[#output]`, or `hf:<model id or local folder>[#output]`.
        threads: CPU threads it may use. More than there are free cores make short calls many times slower.

    Raises:
        InputError: unknown name or output, a package that is not installed, a model that cannot be had.
    """
    parsed = parse_text_spec(spec)
    entry = TEXT_ENCODERS[parsed.name]
    arguments: dict[str, Any] = {"threads": threads}
    if len(entry.outputs) > 1:
        arguments["output"] = parsed.output
    if parsed.model is not None:
        arguments["model"] = parsed.model
    encoder: TextEncoder = load(entry.target, entry.extra, **arguments)
    return encoder


def load(target: str, extra: str, **arguments: Any) -> Any:
    """Import `module:name`; with arguments, call it.

    Raises:
        InputError: a package is not installed; names the extra that brings it.
    """
    module, name = target.split(":")
    try:
        found = getattr(importlib.import_module(module), name)
        return found(**arguments) if arguments else found
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("teachtext"):
            raise
        raise InputError(f"the package '{error.name}' is not installed", f"pip install 'teachtext[{extra}]'") from error


def unknown(what: str, given: str, allowed: Sequence[str]) -> InputError:
    """Return the error for a name that is not one of those allowed."""
    close = difflib.get_close_matches(given, allowed, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return InputError(f"unknown {what} '{given}'", f"{hint}choose from {', '.join(allowed)}")
