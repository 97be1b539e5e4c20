"""`teachtext extract`, `embed`, `export` and `encoders`: features of videos, captions and queries."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from teachtext.devices import AUTO
from teachtext.errors import InputError

DatasetFolder = Annotated[Path, typer.Argument(help="Dataset folder.")]
Store = Annotated[Path, typer.Option("--out", help="Folder of the features.")]
Device = Annotated[str, typer.Option(help="Where encoders compute: auto, cpu, cuda, cuda:<number> or mps.")]


def extract(
    folder: DatasetFolder,
    out: Store,
    expert: Annotated[list[str], typer.Option(help="Video expert; may be given several times.")] = [  # noqa: B006
        "appearance",
        "scene",
        "motion",
        "audio",
    ],
    settings: Annotated[
        list[str], typer.Option("--set", help="What an expert does otherwise, such as motion.per_second=2.")
    ] = [],  # noqa: B006
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = 2,
    device: Device = AUTO,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Processes here, or Ray: here, or on the cluster of RAY_ADDRESS.")
    ] = "local",
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds for one video.", show_default="ten times its length, a minute at least"),
    ] = None,
) -> None:
    """Extract video features.

    Resumes where it was stopped, and lists videos that cannot be read at the end.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.data.folder import find_videos
    from teachtext.extraction.extract import extract as extract_features

    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give the folder that holds videos/, or the videos themselves")
    videos = find_videos(folder)
    if not videos:
        raise InputError(f"{folder / 'videos'} holds no video", "put video files there, named <id>.mp4")
    with shown() as progress:
        done = extract_features(
            videos,
            expert,
            out / "video",
            settings=_settings(settings),
            workers=workers,
            device=device,
            engine=engine,
            time_limit=time_limit,
            progress=progress,
        )
    console.print(f"{done.done} videos extracted, {done.reused} already there, in {out / 'video'}", soft_wrap=True)
    for note in done.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for failure in done.failed:
        console.print(f"set aside: {failure}", markup=False, soft_wrap=True)


def embed(
    folder: DatasetFolder,
    out: Store,
    encoder: Annotated[list[str], typer.Option(help="Text encoder; may be given several times.")],
    threads: Annotated[int, typer.Option(min=1, help="Threads.")] = 2,
    device: Device = AUTO,
) -> None:
    """Embed captions.

    Resumes where it was stopped, and encodes equal captions once.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.data.folder import load_folder
    from teachtext.extraction.embed import embed as embed_captions

    dataset = load_folder(folder, missing_videos="keep")
    with shown() as progress:
        done = embed_captions(
            dataset.captions, encoder, out / "text", threads=threads, device=device, progress=progress
        )
    console.print(f"{len(dataset.captions):,} captions embedded in {out / 'text'}", soft_wrap=True)
    for note in done.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)


def encoders() -> None:
    """List the video experts and text encoders.

    What each is, what it gives, what brings it, and whether it is installed.
    """
    from teachtext.cli.progress import console
    from teachtext.cli.tables import plain_table
    from teachtext.encoders.registry import TEXT_ENCODERS, VIDEO_EXPERTS
    from teachtext.encoders.spec import MODEL
    from teachtext.packages import installed

    videos = plain_table("Video experts", "video expert", "extra")
    for spec in VIDEO_EXPERTS.choices():
        found = VIDEO_EXPERTS[spec.partition(":")[0]]
        videos.add_row(spec.replace(MODEL, ":<model>"), f"{found.extra}{' *' * bool(found.alone)}")
    texts = plain_table("Text encoders", "text encoder", "family", "gives", "D")
    for spec, entry, output in TEXT_ENCODERS.rows():
        gives = "tokens" if output == "tokens" else "sentence"
        texts.add_row(spec.replace(MODEL, ":<model>"), entry.family, gives, str(entry.dim or ""))
    packages = plain_table("What brings text encoders", "name", "package", "licence", "extra", "installed")
    for name, entry in TEXT_ENCODERS.items():
        there = installed(entry.package) or "no"
        packages.add_row(name, entry.package, entry.licence, f"{entry.extra}{' *' * bool(entry.alone)}", there)
    for table in (videos, texts, packages):
        console.print(table)
        console.print()
    alone = {name: expert.alone for name, expert in VIDEO_EXPERTS.items() if expert.alone}
    alone |= {name: encoder.alone for name, encoder in TEXT_ENCODERS.items() if encoder.alone}
    console.print("<model>: a model id of the Hugging Face hub, or a local folder", markup=False, highlight=False)
    for name, package in alone.items():
        console.print(f"* {name}: and pip install --no-deps {package}", markup=False, highlight=False)


def export(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the exported files.")],
) -> None:
    """Export what answers queries to ONNX.

    The model's text side, and its text encoder where that is minilm; compared with the model before it is written.
    """
    from teachtext.cli.progress import console
    from teachtext.learning.onnx_export import export as export_text

    difference = export_text(model, out)
    console.print(f"text side exported to {out}, within {difference:.0e} of the model", soft_wrap=True)


def _settings(told: list[str]) -> dict[str, dict[str, object]]:
    """Read `expert.key=value`; an expert's name may hold dots and equal signs, a key may not."""
    import json

    settings: dict[str, dict[str, object]] = {}
    for one in told:
        left, equal, written = one.rpartition("=")
        expert, dot, key = left.rpartition(".")
        if not (equal and dot and expert and key):
            raise InputError(f"'--set {one}' is not understood", "write it like --set motion.per_second=2")
        try:
            value = json.loads(written)
        except ValueError:
            value = written
        settings.setdefault(expert, {})[key] = value
    return settings
