"""A student for one's own videos in Python, without captions."""

from collections.abc import Sequence
from pathlib import Path

from teachtext.api.load import Models, embedders_of
from teachtext.arguments import check_items, check_place, check_string
from teachtext.devices import AUTO, check_device
from teachtext.experiment.adapt.adapt import Adapted
from teachtext.experiment.adapt.adapt import adapt as adapt_student
from teachtext.machine import default_workers
from teachtext.progress import Progress, silent


def adapt(
    videos: str | Path,
    model: Models,
    out: str | Path = "runs/adapted",
    *,
    sentences: str | Path | None = None,
    text: str = "wordllama",
    experts: str | Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    workers: int | None = None,
    device: str = AUTO,
    progress: Progress = silent,
) -> Adapted:
    """Train a cheap student for videos without captions; `teachtext adapt` does the same.

    Args:
        videos: folder of at least ten videos. Its subfolders count too.
        model: the teacher, or several teachers: loaded models, places that `teachtext.load` accepts, or `zero-shot`.
        out: folder of the features and of the student; `teachtext.load` accepts it.
        sentences: file with one sentence a line, or a caption file; by default sentences about visible things.
        text: text encoder of the student.
        experts: video experts of the student; by default those of the teachers.
        seeds: the student is trained once for each.
        workers: processes that extract features; by default as many as the machine has room for.
        device: where encoders and training compute.
        progress: called as each step goes on.

    Returns:
        The folders of the students, their agreement with the teachers on held-out videos and sentences, and the cost
        of a query.

    Raises:
        InputError: too few videos or sentences, no teacher, or a name that is unknown.

    >>> import teachtext
    >>> teachtext.adapt("no/such/folder", [])  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    teachtext.errors.InputError: the list of models is empty: give a model, or leave it out
    """
    check_device(device)
    return adapt_student(
        Path(check_place("videos", videos)),
        embedders_of(model, device),
        Path(check_place("out", out)),
        sentences=None if sentences is None else Path(check_place("sentences", sentences)),
        text=check_string("text", text),
        experts=check_items("expert", experts, check_string),
        seeds=list(seeds),
        workers=workers or default_workers(),
        device=device,
        progress=progress,
    )
