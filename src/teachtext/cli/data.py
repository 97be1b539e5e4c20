"""`teachtext data`: check a dataset folder, import caption files or an archive, generate the playground, join films."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from teachtext.cli.film import film
from teachtext.cli.import_features import import_features

VideoUse = Literal["link", "copy", "none"]

if TYPE_CHECKING:
    from teachtext.encoders.base import Limit
    from teachtext.originals.archive import ImportReport

app = typer.Typer(no_args_is_help=True)
app.command()(import_features)
app.command()(film)


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(help="Dataset folder: videos/, a captions file, optionally splits; or a captions file.")
    ],
    encoder: Annotated[
        list[str] | None, typer.Option(help="Text encoder whose limit of length is checked; may be repeated.")
    ] = None,
) -> None:
    """Check a dataset folder.

    Prints its content, its mistakes and how to mend them. The exit code is 2 on errors. With '--encoder' also counts
    the captions that the encoder cuts.
    """
    from rich.table import Table

    from teachtext.cli.progress import console
    from teachtext.data.check import check_folder

    report = check_folder(folder, _limits(encoder or ()))
    table = Table(title=str(folder), show_header=False, title_justify="left")
    for name, value in report.facts:
        table.add_row(name, value)
    console.print(table)
    if report.findings:
        findings = Table("", "finding", "how to mend it", show_lines=True)
        for finding in report.findings:
            findings.add_row(finding.level, finding.what, finding.mend)
        console.print(findings)
    verdict = "Sound, but look at the warnings above." if report.findings else "Sound."
    if not encoder:
        verdict += " Captions that a text encoder cuts were not counted: name it with '--encoder'."
    if not report.whole:
        verdict = "Usable, but not all of it was read as it stands: look at the warnings above."
    console.print(verdict if report.sound else "Not usable yet: mend the errors above.")
    if not report.sound:
        raise typer.Exit(2)


def _limits(encoders: Sequence[str]) -> Mapping[str, "Limit | None"]:
    if not encoders:
        return {}
    from teachtext.encoders.query import limit_of
    from teachtext.encoders.registry import build_text_encoder

    return {spec: limit_of(build_text_encoder(spec)) for spec in encoders}


@app.command("import")
def import_captions(
    source: Annotated[
        Path, typer.Argument(help="File of captions, or folder with such files, and with videos and split lists.")
    ],
    out: Annotated[Path, typer.Option(help="Dataset folder to write, new or empty.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help="Name of the format; by default the content of the file says which."),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Captions in other languages are left out, where some are in this one; 'all' keeps all.")
    ] = "en",
    videos: Annotated[
        VideoUse, typer.Option(help="Videos of the dataset folder: links to the files, copies of them, or none.")
    ] = "link",
) -> None:
    """Turn the caption files of the field into a dataset folder.

    Reads MSR-VTT, MSVD, VATEX, ActivityNet Captions, csv, tsv, JSON and others, and the split lists beside them.
    Says how each file was read, and what was mended or left out.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.data.readers.importing import import_source

    with shown() as progress:
        imported = import_source(
            source,
            out,
            form=form,
            language=None if language == "all" else language,
            videos=videos,
            progress=progress,
        )
    for remark in imported.remarks:
        text = f"warning: {remark.what}: {remark.mend}" if remark.is_loss else f"note: {remark.what}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    counts = ", ".join(f"{count:,} {name}" for name, count in imported.counts.items())
    console.print(f"Imported {imported.format} into {out}: {counts}", markup=False, soft_wrap=True)


@app.command()
def playground(
    folder: Annotated[Path, typer.Argument(help="Dataset folder to write.")],
    videos: Annotated[int, typer.Option(help="Number of videos, 12 to 5000.")] = 360,
    captions: Annotated[int, typer.Option(help="Number of captions of each video, at least 1.")] = 12,
    wrong: Annotated[float, typer.Option(help="Share of training captions that are wrong on purpose, 0 to 1.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 0,
    questions: Annotated[
        int,
        typer.Option(
            help="Question groups of each kind, 0 to 99. The videos of a group differ in one sense alone, such as a "
            "voice, a sign, a sound or a direction."
        ),
    ] = 0,
    languages: Annotated[
        str,
        typer.Option(
            help="Languages of the captions, with commas between: en, de, fr, es. The captions of each say the same "
            "in their own words."
        ),
    ] = "en",
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 2,
) -> None:
    """Generate a dataset of captioned videos.

    The test split has combinations and wordings that the training split lacks.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.playground import build_playground

    with shown() as progress:
        build_playground(
            folder,
            videos=videos,
            captions_per_video=captions,
            seed=seed,
            wrong_captions=wrong,
            questions=questions,
            languages=languages.replace(" ", "").split(","),
            workers=workers,
            progress=lambda done, total: progress("make the playground", done, total),
        )
    console.print(f"Generated dataset in {folder}", markup=False, soft_wrap=True)


@app.command()
def import_archive(
    path: Annotated[Path, typer.Argument(help="Archive of the authors (.tar.gz), or the folder of its files.")],
    dataset: Annotated[str, typer.Option(help="Dataset: MSRVTT, MSVD, DiDeMo, LSMDC or activity-net.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Dataset folder to write, new or empty; by default the name of the dataset."),
    ] = None,
) -> None:
    """Turn a published feature archive into a dataset folder.

    Imports captions, splits, features, denoising masks and teachers. A table lists what is there and what is missing.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.originals import archive

    folder = out or Path(dataset)
    with shown() as progress:
        imported = archive.import_archive(
            path, dataset=dataset, out=folder, write_teacher=_write_teacher, progress=progress
        )
    _print_rows(imported)
    for note in imported.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    console.print(f"Imported {imported.dataset} into {folder}", markup=False, soft_wrap=True)


def _write_teacher(path: Path, target: Path, *, captions: Mapping[str, Sequence[str]], fused: bool) -> list[str]:
    # torch is loaded only where there is a teacher
    from teachtext.originals.published_teachers import import_teacher

    return import_teacher(path, target, captions=captions, fused=fused)


def _print_rows(imported: "ImportReport") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from teachtext.cli.progress import console

    table = Table(title=f"{imported.archive} as {imported.dataset}", title_justify="left", box=SIMPLE_HEAD, padding=0)
    for name in ("", "found", "items", "without", "dim", "dtype", "note"):
        justify: Literal["left", "right"] = "right" if name in ("items", "without", "dim") else "left"
        table.add_column(name, justify=justify, no_wrap=name != "note")
    for kind, rows in groupby(imported.rows, key=lambda row: row.kind):
        table.add_row(f"[bold]{escape(kind)}")
        for row in rows:
            counts = ("" if count is None else f"{count:,}" for count in (row.items, row.missing, row.dim))
            presence = "yes" if row.is_present else "missing"
            table.add_row(f"  {escape(row.name)}", presence, *counts, row.dtype, escape(row.note))
    console.print(table)
