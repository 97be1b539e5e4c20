"""`teachtext adapt`: a cheap student for videos without captions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.options import Device, Workers

if TYPE_CHECKING:
    from teachtext.experiment.adapt.adapt import Adapted


def adapt(
    folder: Annotated[Path, typer.Argument(help="Folder of videos. Its subfolders count too.")],
    model: Annotated[
        list[str],
        typer.Option(
            help="Teacher: folder of a run or of a trained model, an id of the hub, or 'zero-shot'. Can be repeated: "
            "the teachers' standardised scores are averaged."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the student.")] = Path("runs/adapted"),
    sentences: Annotated[
        Path | None,
        typer.Option(
            help="Sentences that people search with, one a line, or a caption file.",
            show_default="made from the names of visible things",
        ),
    ] = None,
    text: Annotated[str, typer.Option(help="Text encoder of the student; see 'teachtext encoders'.")] = "wordllama",
    expert: Annotated[
        list[str],
        typer.Option(help="Video expert of the student; can be repeated.", show_default="those of the teachers"),
    ] = [],  # noqa: B006
    seed: Annotated[list[int], typer.Option(min=0, help="Seed of a training; can be repeated.")] = [0],  # noqa: B006
    workers: Workers = None,
    device: Device = "auto",
) -> None:
    """Train a cheap student for your own videos, without captions.

    Other models are the teachers. They score videos and sentences, and the student learns their scores: which sentence
    belongs to which video need not be known. A fifth of the videos and of the sentences is held out, and says how well
    the student agrees with its teachers, and at what share of their cost a query.
    """
    from teachtext.api.adapt import adapt as adapt_student
    from teachtext.cli.exit_codes import end_with
    from teachtext.cli.progress import console, shown
    from teachtext.cli.run import print_set_aside

    with shown() as progress:
        adapted = adapt_student(
            folder,
            model,
            out=out,
            sentences=sentences,
            text=text,
            experts=expert,
            seeds=seed,
            workers=workers,
            device=device,
            progress=progress,
        )
    for note in adapted.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    print_set_aside(map(str, adapted.extraction.failed))
    _print(adapted)
    console.print(f"Student: {adapted.folder}", markup=False, soft_wrap=True)
    end_with(len(adapted.extraction.failed), adapted.videos)


def _print(adapted: "Adapted") -> None:
    from teachtext.cli.progress import console
    from teachtext.reports.sentences import interval_text
    from teachtext.reports.tables import Table, number

    first = adapted.agreement[0]
    rows = [
        [
            f"student, seed {seed}",
            number(each.metrics["r1"]),
            interval_text(each.interval),
            number(each.metrics["r5"]),
            number(each.metrics["r10"]),
            f"{each.correlation:.2f}",
        ]
        for seed, each in zip(adapted.seeds, adapted.agreement, strict=True)
    ]
    rows.append(["chance", number(first.chance["r1"]), "", number(first.chance["r5"]), number(first.chance["r10"]), ""])
    heads = ["", "R@1", "95 %", "R@5", "R@10", "rank correlation"]
    title = f"The teachers' first video, {first.sentences:,} sentences and {first.videos:,} videos held out"
    console.print(Table.of(title, heads, rows).rich())
    cost = adapted.cost
    console.print(
        f"A query costs the student {cost.student_ms:.1f} ms and its teachers {cost.teachers_ms:.1f} ms of processor "
        f"time: {100 * cost.share:.0f} %.",
        markup=False,
    )
