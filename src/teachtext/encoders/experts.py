"""Every video expert by name. Adding one is a class and a line here.

Nothing heavy is imported until an expert is built, so that names can be checked and listed at once.
"""

import inspect
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from teachtext.devices import AUTO, check_device
from teachtext.encoders.base import VideoExpert
from teachtext.encoders.registry import MODEL, located, model_folder
from teachtext.errors import InputError, unknown
from teachtext.files import fingerprint
from teachtext.packages import load


@dataclass(frozen=True)
class VideoEntry:
    """A video expert: `module:Class`, the extra that brings its packages, and the outputs that its spec chooses from.

    A package whose own requirements nobody can meet is named in `alone`: it is installed without them.

    The class is called with `threads`, `device` and its settings. If the spec names a model, it also gets `model`,
    `output` and `name`: the spec, which is the name of its one output.
    """

    target: str
    extra: str = "video"
    alone: str = ""
    outputs: Sequence[str] = ()
    takes_model: bool = False


_EFFICIENTNET = "teachtext.encoders.video.efficientnet:EfficientNetLite"

VIDEO_EXPERTS: Mapping[str, VideoEntry] = {
    "appearance": VideoEntry(_EFFICIENTNET),
    "scene": VideoEntry(_EFFICIENTNET),
    "motion": VideoEntry("teachtext.encoders.video.motion:MotionHistograms"),
    "audio": VideoEntry("teachtext.encoders.video.audio:SoundEffects", "sound", "aisfx==0.1.2"),
    "speech": VideoEntry("teachtext.encoders.video.speech:Speech", "sound"),
    "ocr": VideoEntry("teachtext.encoders.video.ocr:ScreenText", "ocr", "rapidocr-onnxruntime==1.4.4"),
    "face": VideoEntry("teachtext.encoders.video.face:Faces", "face"),
    "hf": VideoEntry(
        "teachtext.encoders.video.hf.expert:HuggingFace", "hf", outputs=["frames", "pooled"], takes_model=True
    ),
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
        raise InputError(f"video expert '{spec}' names no model", f"write {name}{MODEL}")
    if "#" in spec and output not in allowed:
        raise unknown(f"output of video expert '{body}'", output, allowed)
    return VideoSpec(name, model, output or allowed[0])


def full_spec(spec: str, base: Path) -> str:
    """Write a spec in the one way that stands for it: with its output, and a local folder as it is seen from `base`."""
    return str(parse_video_spec(located(spec, base)))


def video_choices() -> list[str]:
    """Return every video expert's spec, in the form in which it is written."""
    return [
        f"{name}{MODEL if entry.takes_model else ''}{'' if number == 0 else f'#{output}'}"
        for name, entry in VIDEO_EXPERTS.items()
        for number, output in enumerate(entry.outputs or [""])
    ]


def check_video_names(names: Iterable[str]) -> None:
    """Raise InputError for the first spec that names no video expert, without building any."""
    for name in names:
        parse_video_spec(name)


def video_folder_name(spec: str, settings: Mapping[str, Any] = {}) -> str:
    """Return the folder that a video expert's features go to; different experts or settings never share one.

    Specs with a model of one's own carry a hash, because the characters that a folder cannot hold are replaced, and so
    do settings. A plain name that is not registered is that of features that came from elsewhere.
    """
    name = spec if re.fullmatch(r"\w[\w.-]*", spec) else _model_folder(parse_video_spec(spec))
    if not settings:
        return name
    # 2 and 2.0 are the same setting
    told = {key: float(value) if isinstance(value, int) else value for key, value in sorted(settings.items())}
    written = "-".join(
        f"{key}_{value:g}" if isinstance(value, float) else f"{key}_{value}" for key, value in told.items()
    )
    readable = re.sub(r"[^A-Za-z0-9.]+", "_", written)[:40].strip("._")
    return f"{name}-{readable}-{fingerprint(told)[:8]}"


def _model_folder(spec: VideoSpec) -> str:
    return model_folder(spec.name, str(spec.model), str(spec.output), str(spec))


def build_video_experts(
    names: Iterable[str], *, settings: Mapping[str, Mapping[str, Any]] = {}, threads: int = 1, device: str = AUTO
) -> list[VideoExpert]:
    """Build the experts that give the named outputs; one that gives several is built once.

    Args:
        names: specs: keys of `VIDEO_EXPERTS`, or `hf:<model id or local folder>[#output]`.
        settings: by spec, what its class is called with where that is not the default; the same for all outputs of one
            class.
        threads: CPU threads each may use.
        device: where they compute (see `teachtext.devices`).

    Raises:
        InputError: unknown name or setting, a package that is not installed, or a device that is not there.
    """
    check_device(device)
    wanted = list(names)
    check_video_settings(wanted, {name: settings[name] for name in wanted if name in settings})
    calls: dict[str, tuple[VideoEntry, dict[str, Any]]] = {}
    for name in wanted:
        parsed = parse_video_spec(name)
        entry = VIDEO_EXPERTS[parsed.name]
        own = {} if parsed.model is None else {"model": parsed.model, "output": parsed.output, "name": name}
        calls[entry.target if parsed.model is None else name] = (entry, {**settings.get(name, {}), **own})
    return [_load(entry, threads=threads, device=device, **arguments) for entry, arguments in calls.values()]


def check_video_settings(names: Collection[str], settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError for the first name that is no video expert, or that has settings which cannot be.

    Keys and values are looked at where the packages of an expert are installed.
    """
    check_video_names(names)
    for name, given in settings.items():
        if name not in names:
            raise unknown("expert in the settings", name, list(names))
        _check_given(name, given)
    first: dict[str, str] = {}
    for name in names:
        entry = VIDEO_EXPERTS[parse_video_spec(name).name]
        other = name if entry.takes_model else first.setdefault(entry.target, name)
        one, two = settings.get(other, {}), settings.get(name, {})
        differing = [key for key in (*one, *two) if one.get(key) != two.get(key)]
        if differing:
            raise InputError(
                f"{differing[0]} is set in two ways for one network, that of {other} and {name}",
                "give both the same settings",
            )


def _check_given(name: str, given: Mapping[str, Any]) -> None:
    try:
        parameters = inspect.signature(_load(VIDEO_EXPERTS[parse_video_spec(name).name])).parameters
    except InputError:
        # its packages are not installed, which is told when it is to be built
        return
    known = {
        key: parameter
        for key, parameter in parameters.items()
        if parameter.default is not parameter.empty and key not in ("threads", "device")
    }
    for key, value in given.items():
        if key not in known:
            raise unknown(f"setting of {name}", key, list(known))
        default = known[key].default
        kind = (get_args(known[key].annotation) or (known[key].annotation,))[0]
        right = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not right or not (isinstance(value, str) or 0 < value < math.inf):
            usual = "a positive number" if default is None else f"something like {default!r}"
            raise InputError(f"setting '{name}.{key}' cannot be {value!r}", f"give {usual}")


def _load(entry: VideoEntry, **arguments: Any) -> Any:
    try:
        return load(entry.target, entry.extra, **arguments)
    except InputError as error:
        if entry.alone and error.mend.startswith("pip install"):
            raise InputError(error.problem, f"{error.mend}, and pip install --no-deps {entry.alone}") from error
        raise
