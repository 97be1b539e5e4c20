"""The captioners by the first word of their specs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from teachtext.captioning.captioner import Captioner
from teachtext.captioning.file_captioner import FileCaptioner
from teachtext.captioning.playground_captioner import PlaygroundCaptioner
from teachtext.devices import AUTO
from teachtext.encoders.spec import located
from teachtext.files import fingerprint, read_text
from teachtext.kinds import Kind, split_spec
from teachtext.packages import load


@dataclass(frozen=True)
class Place:
    """Where a captioner works.

    Attributes:
        dataset: folder of the dataset.
        device: where a network computes (see `teachtext.devices`).
        threads: CPU threads.
    """

    dataset: Path
    device: str = AUTO
    threads: int = 1


def _hugging_face(model: str, place: Place) -> Captioner:
    captioner: Captioner = load(
        "teachtext.captioning.hf_captioner:HuggingFaceCaptioner",
        "hf",
        model=model,
        device=place.device,
        threads=place.threads,
    )
    return captioner


CAPTIONERS: Mapping[str, Kind[Callable[[str, Place], Captioner]]] = {
    "file": Kind("file:PATH", "a file of captions", lambda path, _: FileCaptioner(Path(path))),
    "hf": Kind("hf:MODEL", "an image captioner of transformers, by id or folder", _hugging_face),
    "playground": Kind(
        "playground", "the grammar of the generated videos", lambda _, place: PlaygroundCaptioner(place.dataset)
    ),
}


def check_captioner(spec: str, base: Path) -> str:
    """Return the spec of a captioner with its path in full.

    Args:
        spec: such as `file:captions.jsonl`, `hf:ID` or `playground`.
        base: the folder that paths are relative to.

    Raises:
        InputError: the spec is none.

    >>> check_captioner("playground", Path())
    'playground'
    """
    kind, argument = split_spec("captioner", spec, CAPTIONERS)
    if kind == "file":
        return f"file:{(base / Path(argument).expanduser()).resolve()}"
    return located(spec, base)


def open_captioner(spec: str, place: Place) -> Captioner:
    """Return the captioner of a spec of `check_captioner`.

    Raises:
        InputError: the captioner cannot be opened.
    """
    kind, _, argument = spec.partition(":")
    return CAPTIONERS[kind].build(argument, place)


def identity_of_captioner(spec: str) -> str:
    """Return a text that changes with the captions of a captioner, as far as that can be told without opening it.

    Raises:
        InputError: the file of captions cannot be read.
    """
    kind, _, argument = spec.partition(":")
    return f"file:{fingerprint(read_text(Path(argument)))}" if kind == "file" else spec
