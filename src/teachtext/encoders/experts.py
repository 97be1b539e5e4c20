"""Every video expert by name. Adding one is a class and a line here.

Nothing heavy is imported until an expert is built, so that names can be checked and listed at once.
"""

import inspect
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from teachtext.encoders.base import VideoExpert
from teachtext.encoders.registry import load, model_folder, unknown
from teachtext.errors import InputError


@dataclass(frozen=True)
class VideoEntry:
    """A video expert: `module:Class`, the extra that brings its packages, and the outputs that its spec chooses from.

    The class is called with `threads` and with its settings; if the spec names a model, also with `model`, `output` and
    `name`, the spec, which its one output is to have.
    """

    target: str
    extra: str = "video"
    outputs: Sequence[str] = ()
    takes_model: bool = False


_EFFICIENTNET = "teachtext.encoders.video.efficientnet:EfficientNetLite"

VIDEO_EXPERTS: Mapping[str, VideoEntry] = {
    "appearance": VideoEntry(_EFFICIENTNET),
    "scene": VideoEntry(_EFFICIENTNET),
    "motion": VideoEntry("teachtext.encoders.video.motion:MotionHistograms"),
    "audio": VideoEntry("teachtext.encoders.video.audio:SoundEffects", "sound"),
    "speech": VideoEntry("teachtext.encoders.video.speech:Speech", "sound"),
    "ocr": VideoEntry("teachtext.encoders.video.ocr:ScreenText", "ocr"),
    "face": VideoEntry("teachtext.encoders.video.face:Faces", "face"),
    "hf": VideoEntry("teachtext.encoders.video.hf:HuggingFace", "hf", ["frames", "pooled"], takes_model=True),
}


@dataclass(frozen=True)
class VideoSpec:
    """What `name[:model#output]` means, with the default output filled in."""

    name: str
    model: str | None = None
    output: str | None = None

    def __str__(self) -> str:
        return self.name if self.model is None else f"{self.name}:{self.model}#{self.output}"


def parse_video_spec(spec: str) -> VideoSpec:
    """Read a video expert's spec: `motion`, `hf:<model id or local folder>#pooled`.

    Raises:
        InputError: no such expert or output; names what is allowed.
    """
    if spec in VIDEO_EXPERTS and not VIDEO_EXPERTS[spec].takes_model:
        return VideoSpec(spec)
    body, _, output = spec.partition("#")
    name, _, model = body.partition(":")
    if name not in VIDEO_EXPERTS or not VIDEO_EXPERTS[name].takes_model:
        raise unknown("video expert", spec, video_choices())
    allowed = VIDEO_EXPERTS[name].outputs
    if not model:
        raise InputError(f"video expert '{spec}' names no model", f"write {name}:<model id or local folder>")
    if "#" in spec and output not in allowed:
        raise unknown(f"output of video expert '{body}'", output, allowed)
    return VideoSpec(name, model, output or allowed[0])


def video_choices() -> list[str]:
    """Return every video expert's spec, in the form in which it is written."""
    return [
        f"{name}{':<model id or local folder>' if entry.takes_model else ''}{'' if number == 0 else f'#{output}'}"
        for name, entry in VIDEO_EXPERTS.items()
        for number, output in enumerate(entry.outputs or [""])
    ]


def check_video_names(names: Iterable[str]) -> None:
    """Raise InputError for the first spec that names no video expert, without building any."""
    for name in names:
        parse_video_spec(name)


def video_folder_name(spec: str) -> str:
    """Return the folder that a video expert's features go to; different experts never share one.

    Specs with a model of one's own carry a hash, because the characters that a folder cannot hold are replaced. A plain
    name that is not registered is that of features that came from elsewhere.
    """
    if spec not in VIDEO_EXPERTS and re.fullmatch(r"\w[\w.-]*", spec):
        return spec
    parsed = parse_video_spec(spec)
    return (
        parsed.name
        if parsed.model is None
        else model_folder(parsed.name, parsed.model, str(parsed.output), str(parsed))
    )


def build_video_experts(
    names: Iterable[str], *, settings: Mapping[str, Mapping[str, Any]] = {}, threads: int = 1
) -> list[VideoExpert]:
    """Build the experts that give the named outputs; one that gives several is built once.

    Args:
        names: specs: keys of `VIDEO_EXPERTS`, or `hf:<model id or local folder>[#output]`.
        settings: by spec, what its class is called with where that is not the default. Where one class gives several
            outputs, the settings of all of them are joined.
        threads: CPU threads each may use.

    Raises:
        InputError: unknown name or setting, or a package that is not installed.
    """
    calls: dict[str, tuple[VideoEntry, dict[str, Any]]] = {}
    for name in names:
        parsed = parse_video_spec(name)
        entry = VIDEO_EXPERTS[parsed.name]
        _, arguments = calls.setdefault(entry.target if parsed.model is None else name, (entry, {}))
        if parsed.model is not None:
            arguments |= {"model": parsed.model, "output": parsed.output, "name": name}
        for key, value in settings.get(name, {}).items():
            if arguments.setdefault(key, value) != value:
                raise InputError(f"{name}.{key} is set in two ways for one network", "give both outputs the same")
    return [_build(entry, threads, arguments) for entry, arguments in calls.values()]


def check_video_settings(names: Collection[str], settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError for the first name that is no video expert, or that has settings though it is not asked for."""
    check_video_names(names)
    for name in settings:
        if name not in names:
            raise unknown("expert in the settings", name, list(names))


def _build(entry: VideoEntry, threads: int, arguments: Mapping[str, Any]) -> VideoExpert:
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(load(entry.target, entry.extra)).parameters.items()
        if parameter.default is not parameter.empty and key != "threads"
    }
    given = {key: value for key, value in arguments.items() if key not in ("model", "output", "name")}
    for key, value in given.items():
        if key not in defaults:
            raise unknown("setting", key, list(defaults))
        kind = (int, float) if isinstance(defaults[key], float) else type(defaults[key])
        if not isinstance(value, kind) or isinstance(value, bool) or (not isinstance(value, str) and value <= 0):
            raise InputError(f"setting '{key}' cannot be {value!r}", f"give something like {defaults[key]!r}")
    expert: VideoExpert = load(entry.target, entry.extra, threads=threads, **arguments)
    return expert
