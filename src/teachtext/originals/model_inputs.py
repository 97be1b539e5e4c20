"""The inputs of a published model, read from one of three forms of config."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from teachtext.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ModelInputs:
    """The inputs of a model that its weights do not state; None if unknown.

    Args:
        experts: names of all experts.
        text: the text encoder.
        max_words: rows of a caption.
        max_tokens: by expert, rows of a sequence; experts may be missing.
    """

    experts: Sequence[str] | None = None
    text: str | None = None
    max_words: int | None = None
    max_tokens: Mapping[str, int] = field(default_factory=dict)

    def completed_by(self, others: "ModelInputs") -> "ModelInputs":
        """Return these inputs, with unknown values taken from others."""
        return ModelInputs(
            experts=self.experts or others.experts,
            text=self.text or others.text,
            max_words=self.max_words or others.max_words,
            max_tokens={**others.max_tokens, **self.max_tokens},
        )


def find_inputs(config: Any, source: object) -> ModelInputs:
    """Read the inputs of a model from a config.

    Three forms are understood: `experts: {name: rows or null}` or a list of names, `text`, `max_words` and
    `max_tokens: {expert: rows}`; the config of a TeachText run, with its student; the config of the authors, with
    `experts.modalities`, `experts.text_feat` and `data_loader.args.max_tokens`.

    Args:
        config: parsed from YAML or JSON.
        source: origin of the config, for the error message.

    Raises:
        InputError: the config is not a mapping, or a key has another type.
    """
    if not isinstance(config, Mapping):
        raise InputError(f"{source} is not a config", "write 'key: value' lines: experts, text, max_words, max_tokens")
    experts, student = config.get("experts"), mapping_at(config, "student")
    original, loader = mapping_at(config, "experts"), mapping_at(config, "data_loader", "args")
    tokens = {**_rows(loader.get("max_tokens")), **_rows(config.get("max_tokens"))}
    model = mapping_at(config, "model")
    words: Any = config.get("max_words") or model.get("max_text_tokens") or model.get("max_words")
    text = config.get("text") or student.get("text") or original.get("text_feat") or loader.get("text_feat")
    if isinstance(experts, Mapping) and "modalities" in experts:
        words, names = words or tokens.pop("text", None), experts["modalities"]
    elif isinstance(experts, Mapping):
        tokens, names = {**_rows(experts), **tokens}, list(experts)
    elif isinstance(experts, Sequence) and not isinstance(experts, str):
        entries = [{"name": expert} if isinstance(expert, str) else expert for expert in experts]
        names = [expert.get("name") if isinstance(expert, Mapping) else None for expert in entries]
        tokens |= _rows(
            {
                name: expert.get("max_tokens")
                for name, expert in zip(names, entries, strict=True)
                if isinstance(name, str)
            }
        )
        names = student.get("experts") or names
    else:
        names = experts
    _check(names is None or (_is_list_of_names(names) and len(set(names)) == len(names)), "experts", names, source)
    _check(text is None or isinstance(text, str), "text", text, source)
    _check(words is None or _is_rows(words), "max_words", words, source)
    for name, rows in tokens.items():
        _check(_is_rows(rows), f"max_tokens.{name}", rows, source)
    return ModelInputs(experts=names, text=text, max_words=words, max_tokens=tokens)


def mapping_at(config: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return the mapping below a path of keys; empty if there is none."""
    for key in keys:
        value = config.get(key)
        config = value if isinstance(value, Mapping) else {}
    return config


def _rows(value: Any) -> dict[str, Any]:
    return {name: rows for name, rows in value.items() if rows is not None} if isinstance(value, Mapping) else {}


def _is_rows(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_list_of_names(names: Any) -> bool:
    listed = isinstance(names, Sequence) and not isinstance(names, str) and bool(names)
    return listed and all(isinstance(name, str) and name for name in names)


def _check(holds: bool, key: str, value: Any, source: object) -> None:
    if not holds:
        raise InputError(f"{source}: '{key}' is {value!r}", "write names, and numbers from 1")
