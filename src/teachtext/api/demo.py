"""A demonstration: a study and a search with its first student, whose claims stand in one table and one picture."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from teachtext.api.open_index import index
from teachtext.api.video_index import Index
from teachtext.data.protocol import Caption
from teachtext.errors import InputError
from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Results, verdict_of
from teachtext.experiment.run import run_study
from teachtext.experiment.study.rows import Entry
from teachtext.experiment.study.study import Study, load_study
from teachtext.experiment.workspace import Workspace
from teachtext.files import atomic_folder, write_json, write_text
from teachtext.packages import load
from teachtext.progress import Progress, silent
from teachtext.reports.claims import ClaimLine, claim_lines, claims_figure, claims_table
from teachtext.reports.sections import Example, Hit, Report, Section
from teachtext.reports.sentences import denoised_sentence, rule, seeds_text, tested_on, trained_text
from teachtext.reports.tables import Table, percent
from teachtext.search.quality import SearchQuality, compare_quality
from teachtext.video.sampling import DETAILS, NORMAL

PAGE, LINES = "demo.html", "demo.json"
CORRECTED, NOT_CORRECTED = "index", "index-not-corrected"
STUDY = Path(__file__).with_suffix(".yaml")
"""The study that is shown by default."""
_EXAMPLES, _HITS = 6, 5
_HUBS = "With corrected hubs a search among all clips finds those that were not learned from"


@dataclass(frozen=True)
class Demonstration:
    """A demonstration that was done.

    Attributes:
        results: of the study.
        lines: the claims.
        table: the claims as a table.
        notes: what a reader of the table has to know, a sentence each.
        page: the HTML page with the picture.
        report: the HTML report of the study.
        set_aside: a line for each video that could not be read.
    """

    results: Results
    lines: Sequence[ClaimLine]
    table: Table
    notes: Sequence[str]
    page: Path
    report: Path
    set_aside: Sequence[str]


def demonstrate(file: Path = STUDY, *, jobs: int | None = None, progress: Progress = silent) -> Demonstration:
    """Do a study with claims, and search all its videos with the student of the first claim.

    Finished work is not repeated. The folder of the study then also has `demo.html` and `demo.json`, and two indexes of
    all its videos: with corrected hubs, and without.

    Args:
        file: a study file with claims, of a dataset folder or of generated videos.
        jobs: models trained at once; by default as many as there are cores.
        progress: called as each step goes on.

    Raises:
        InputError: the file is no study with claims, or something in it cannot be used.
    """
    study = load_study(file)
    if study.run or not study.config.claims:
        raise InputError(f"{file} claims nothing", "give a study file with 'claims'")
    student = _first_student(study, file)
    results, set_aside = run_study(study, jobs=jobs, progress=progress)
    searched = _search_all(study, student, results, progress)
    lines = [*claim_lines(results), *searched.lines]
    title = f"{results.name}: {tested_on(results)}; {seeds_text(results)}; {trained_text(results)}"
    table = claims_table(title, lines)
    notes = [
        f"Intervals of trained models are over videos and {len(results.seeds)} seeds, other intervals over videos. "
        f"{rule(results)}",
        *map(denoised_sentence, results.denoised),
        *searched.notes,
    ]
    write_json(study.folder / LINES, [asdict(line) for line in lines])
    write_text(study.folder / PAGE, _page(results, lines, table, notes, searched))
    return Demonstration(
        results=results,
        lines=lines,
        table=table,
        notes=notes,
        page=study.folder / PAGE,
        report=study.folder / "report.html",
        set_aside=set_aside,
    )


@dataclass(frozen=True)
class _Searched:
    """Searches in all videos of a dataset: what they claim, remarks, and examples among `gallery` videos."""

    lines: Sequence[ClaimLine]
    notes: Sequence[str]
    examples: Sequence[Example]
    gallery: int


def _search_all(study: Study, student: Entry, results: Results, progress: Progress) -> _Searched:
    """Index all videos by the student of the first claim, with corrected hubs and without, and search for captions."""
    row = next((row for row in results.rows if row.label == student.label), None)
    if row is None:
        raise InputError(f"'{student.label}' was not trained", "look at the report of the study, and mend its settings")
    model, workspace = study.folder / row.seeds[0].model, Workspace(student.variant.config)
    features = study.folder / CORRECTED / "features"
    if not features.exists():
        # in a folder of its own: what an index adds would change the features of the study, and train its models anew
        videos = workspace.listed_dataset.videos
        paths = {name: video.path for name, video in videos.items() if video.path is not None}
        with atomic_folder(features) as temporary:
            as_pieces: Callable[..., None] = load("teachtext.extraction.clip_features:as_pieces", "video")
            as_pieces(workspace.features.folder / "video", temporary / f"video-{NORMAL}", paths, rule=DETAILS[NORMAL])
    dataset, split = workspace.source.folder, workspace.config.dataset.test

    def searched(name: str, hub_correction: bool) -> tuple[Index, SearchQuality]:
        made = index(
            dataset / "videos",
            model=str(model),
            place=study.folder / name,
            features=features,
            hub_correction=hub_correction,
            workers=workspace.config.workers,
            progress=progress,
        )
        return made, made.evaluate(dataset, split, progress=progress)

    _, plain = searched(NOT_CORRECTED, False)
    opened, corrected = searched(CORRECTED, True)
    # None where the captions are of a single video
    difference = compare_quality(corrected, plain).differences.get("r1")
    line = ClaimLine(
        claim=_HUBS,
        measure=METRIC_NAMES["r1"],
        ours=corrected.metrics.r1,
        theirs=plain.metrics.r1,
        difference=difference,
        verdict=verdict_of(difference),
    )
    clips, first = len(corrected.contents), "clips that were learned from are first for"
    notes = [
        f"The search is of {len(corrected.captions):,} captions of clips that were not learned from, among {clips:,} "
        f"clips, of which {percent(corrected.learned_gallery)} were learned from. Without corrected hubs, {first} "
        f"{percent(plain.learned_first)} of these captions, with corrected hubs for {percent(corrected.learned_first)}."
    ]
    return _Searched([line], notes, _examples(opened, corrected), clips)


def _first_student(study: Study, file: Path) -> Entry:
    """Return the student of the first claim, whose videos can be searched.

    Raises:
        InputError: it is computed from several students, or its dataset has no folder of videos.
    """
    label = next(pair.ours for pair in study.pairs if pair.claim)
    student = next((entry for entry in study.entries if entry.label == label), None)
    if student is None:
        raise InputError(f"{file}: '{label}' is no trained student", "let the first claim be about one")
    folder = student.variant.config.dataset.path
    if folder is not None and not (folder / "videos").is_dir():
        raise InputError(f"{folder} has no folder 'videos' that could be searched", "give a dataset folder with videos")
    return student


def _examples(opened: Index, measured: SearchQuality) -> list[Example]:
    """Return captions, drawn at random over videos, and the clips that a search finds first."""
    random = np.random.default_rng(0)
    rows = [
        int(random.choice(np.flatnonzero(measured.video_of == video)))
        for video in random.permutation(np.unique(measured.video_of))[:_EXAMPLES]
    ]
    return [_example(opened, measured.captions[row], float(measured.ranked.ranks[row]) + 1) for row in rows]


def _example(opened: Index, caption: Caption, rank: float) -> Example:
    results = opened.search(caption.text, k=_HITS, by="model")
    hits = [Hit(hit.path.stem, hit.score, hit.path.stem == caption.video_id, _picture(hit.path)) for hit in results]
    right = None if any(hit.right for hit in hits) else _picture(results[0].path.with_stem(caption.video_id))
    return Example(caption.text, caption.id, caption.video_id, rank, hits, right)


def _picture(path: Path) -> bytes:
    thumbnail: Callable[..., bytes] = load("teachtext.video.frames:thumbnail", "video")
    return thumbnail(path, width=192)


def _page(results: Results, lines: Sequence[ClaimLine], table: Table, notes: Sequence[str], searched: _Searched) -> str:
    sections = [
        Section("results", "Claims", figures=[claims_figure(lines)], tables=[table], remarks=notes),
        Section(
            "examples",
            "First clips for captions of clips that were not learned from",
            "The captions are drawn at random over clips, regardless of their ranks.",
            examples=searched.examples,
            gallery=searched.gallery,
        ),
    ]
    generated = any(row.tested.generated for row in results.rows)
    return Report(title=results.name, leads=[results.question], generated=generated, sections=sections).html()
