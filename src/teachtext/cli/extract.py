"""`teachtext extract`: features of videos."""

from typing import Annotated, Literal

import typer

from teachtext.cli.options import DatasetFolder, Device, FeatureFolder, Workers
from teachtext.devices import AUTO
from teachtext.errors import InputError, counted


def extract(
    folder: DatasetFolder,
    out: FeatureFolder,
    expert: Annotated[list[str], typer.Option(help="Video expert; may be repeated.")] = [  # noqa: B006
        "appearance",
        "scene",
        "motion",
        "audio",
    ],
    settings: Annotated[
        list[str], typer.Option("--set", help="Setting of an expert, such as motion.per_second=2; may be repeated.")
    ] = [],  # noqa: B006
    workers: Workers = None,
    device: Device = AUTO,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Local processes, or Ray, here or on the cluster of RAY_ADDRESS.")
    ] = "local",
    time_limit: Annotated[
        float | None,
        typer.Option(help="Most seconds for a video.", show_default="ten times its length, a minute at least"),
    ] = None,
    memory_limit: Annotated[
        float | None, typer.Option(help="Most megabytes for a video, beyond the experts.", show_default="4,000")
    ] = None,
) -> None:
    """Extract video features.

    A second call extracts only what is missing. Videos that cannot be read are listed at the end, and the exit
    code is 3 then.
    """
    from teachtext.cli.exit_codes import end_with
    from teachtext.cli.progress import console, shown
    from teachtext.data.video_ids import check_has_videos
    from teachtext.extraction.extract import extract as extract_features
    from teachtext.machine import default_workers

    listed = check_has_videos(folder)
    with shown() as progress:
        done = extract_features(
            listed.videos,
            expert,
            out / "video",
            settings=_settings(settings),
            workers=workers or default_workers(),
            device=device,
            engine=engine,
            time_limit=time_limit,
            memory_limit=memory_limit,
            progress=progress,
        )
    console.print(
        f"{counted(done.done, 'video')} extracted, {done.reused} already there, in {out / 'video'}", soft_wrap=True
    )
    for note in [*listed.notes, *done.notes]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for failure in done.failed:
        console.print(f"set aside: {failure}", markup=False, soft_wrap=True)
    end_with(len(done.failed), done.done + done.reused)


def _settings(options: list[str]) -> dict[str, dict[str, object]]:
    """Read options of the form `expert.key=value`. An expert's name may have dots and equal signs, a key may not."""
    from teachtext.files import parse_json

    settings: dict[str, dict[str, object]] = {}
    for option in options:
        left, equal, written = option.rpartition("=")
        expert, dot, key = left.rpartition(".")
        if not (equal and dot and expert and key):
            raise InputError(f"'--set {option}' is not understood", "write it like --set motion.per_second=2")
        try:
            value = parse_json(written)
        except ValueError:
            value = written
        settings.setdefault(expert, {})[key] = value
    return settings
