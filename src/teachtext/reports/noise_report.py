"""What was found about noisy captions, as tables, pictures and a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.protocol import Caption
from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.noise import (
    Bools,
    Cut,
    Detection,
    Floats,
    average_precision,
    detection,
    precision_and_recall,
)
from teachtext.evaluation.ranks import Ints
from teachtext.reports.figures import Plot, draw
from teachtext.reports.sections import Fact, Section, Sheet, render_sheets
from teachtext.reports.tables import number

_EXAMPLES = 30
_MOST_VIDEOS = 15
_BINS = 20
_KEPT, _DROPPED = "#0072B2", "#D55E00"


@dataclass(frozen=True, kw_only=True)
class NoiseContent:
    """All that is known about the noise of C captions.

    Attributes:
        name: of the run.
        dataset: its name.
        generated: whether a program made it.
        captions: C of them.
        judges: N labels.
        ranks: (N, C) 0-based ranks of each caption's own video.
        gallery: (C,) how many videos it was ranked among.
        folds: how many videos each fold held out.
        noise: (C,).
        cut: what the noise says to drop.
        dropped: (C,) what is dropped: as `cut` says, unless a person changed the list.
        wrong: (C,) which captions are known to be wrong; None where that is not known.
        settings: how it was decided, for people.
    """

    name: str
    dataset: str
    generated: bool
    captions: Sequence[Caption]
    judges: Sequence[str]
    ranks: Floats
    gallery: Ints
    folds: Sequence[int]
    noise: Floats
    cut: Cut
    dropped: Bools
    wrong: Bools | None
    settings: str

    @property
    def by_hand(self) -> int:
        """How many captions a person kept or dropped otherwise."""
        return int((self.dropped != self.cut.dropped).sum())

    @property
    def detection(self) -> Detection | None:
        """How well the wrong captions were found, where they are known."""
        return None if self.wrong is None else detection(self.noise, self.dropped, self.wrong)

    @property
    def per_video(self) -> dict[str, tuple[int, int]]:
        """How many captions each video had, and how many of them are dropped."""
        found: dict[str, tuple[int, int]] = {}
        for caption, dropped in zip(self.captions, self.dropped, strict=True):
            had, lost = found.get(caption.video_id, (0, 0))
            found[caption.video_id] = had + 1, lost + int(dropped)
        return found


def summary(found: NoiseContent) -> Sheet:
    """Return how much was judged and dropped, and how well that found what is known to be wrong."""
    total, dropped = len(found.captions), int(found.dropped.sum())
    videos = found.per_video
    hit = [lost for _, lost in videos.values() if lost]
    rows = [
        ("captions judged", f"{total:,} of {len(videos):,} videos, {len(found.folds)} folds"),
        ("too noisy", f"noise above {found.cut.threshold:.3f} (0 first place, 0.5 chance, 1 last place)"),
        ("dropped", f"{dropped:,} ({number(100 * dropped / total)} %)"),
        ("kept, as the least noisy of their video", f"{int(found.cut.spared.sum()):,}"),
        ("videos that lose captions", f"{len(hit):,}" + (f", at most {max(hit):,} of one video" if hit else "")),
    ]
    if found.by_hand:
        rows.append(("decided otherwise by hand", f"{found.by_hand:,}"))
    told = found.detection
    if told is not None:
        rows += [
            ("known to be wrong", f"{told.wrong:,} ({number(100 * told.wrong / told.captions)} %)"),
            ("precision: dropped ones that are wrong", _percent(told.precision)),
            ("recall: wrong ones that are dropped", _percent(told.recall)),
            ("average precision of the order by noise", _percent(told.average_precision)),
        ]
    return Sheet(f"{found.name}: noise of the training captions of {found.dataset}", ("", ""), rows, words=(0, 1))


def judges_table(found: NoiseContent) -> Sheet:
    """Return what each judge found on captions that it had not seen."""
    columns = ["judge", "R@1", "R@5", "MdR", "mean noise"]
    rows = []
    for judge, ranks in zip(found.judges, found.ranks, strict=True):
        metrics = metrics_from_ranks(ranks)
        shares = ranks / (found.gallery - 1)
        row = [judge, *map(number, (metrics.r1, metrics.r5, metrics.mdr)), f"{shares.mean():.3f}"]
        if found.wrong is not None and found.wrong.any():
            row.append(number(100 * average_precision(shares, found.wrong)))
        rows.append(row)
    if found.wrong is not None and found.wrong.any():
        columns.append("average precision")
    small, large = int(found.gallery.min()), int(found.gallery.max())
    among = f"{small}" if small == large else f"{small} to {large}"
    return Sheet(
        "The judges, on captions of videos that they were not trained on",
        columns,
        rows,
        note=f"Text to video among {among} videos; percentages, ranks from 1.",
    )


def render_noise(found: NoiseContent) -> str:
    """Return the report as one self-contained HTML page.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    known = found.wrong is not None and bool(found.wrong.any())
    plots = [_noise_plot(found), _videos_plot(found)]
    if known:
        plots += [_wrong_plot(found), _precision_plot(found)]
    sections = [
        Section("results", "What is dropped", found.settings, facts=_facts(found), sheets=[summary(found)]),
        Section("noise", "Noise", sheets=[judges_table(found)], plots=plots),
        Section("captions", "Captions", "Both lists are whole in dropped.jsonl and kept.jsonl.", sheets=_lists(found)),
        Section("videos", "Videos", sheets=[_videos_sheet(found)]),
    ]
    lead = (
        "A caption is noisy if models that were trained on other videos rank its own video low: "
        "0 is the first place, 0.5 is chance, 1 is the last place."
    )
    title = f"{found.name}: noisy captions"
    return render_sheets(title=title, lead=lead, generated=found.generated, sections=sections)


def _facts(found: NoiseContent) -> list[Fact]:
    dropped, total = int(found.dropped.sum()), len(found.captions)
    facts = [Fact(f"{dropped:,}", "captions are dropped", f"of {total:,}, {number(100 * dropped / total)} %")]
    told = found.detection
    if told is not None and told.wrong:
        share = number(100 * told.wrong / told.captions)
        facts += [
            Fact(_percent(told.precision), "of the dropped are wrong", f"chance {share} %"),
            Fact(_percent(told.recall), "of the wrong are dropped", f"chance {number(100 * dropped / total)} %"),
            Fact(_percent(told.average_precision), "average precision", f"chance about {share} %"),
        ]
    return facts


def _lists(found: NoiseContent) -> list[Sheet]:
    order = np.argsort(-found.noise, kind="stable")
    dropped = [row for row in order if found.dropped[row]]
    spared = [row for row in order if found.cut.spared[row] and not found.dropped[row]]
    kept = [row for row in order if not found.dropped[row] and not found.cut.spared[row]]
    sheets = [_captions_sheet(found, "Dropped, the noisiest first", dropped)]
    if spared:
        sheets.append(_captions_sheet(found, "Too noisy, and kept as the least noisy of their video", spared))
    return [*sheets, _captions_sheet(found, "Kept, the noisiest first", kept)]


def _captions_sheet(found: NoiseContent, title: str, rows: Sequence[int]) -> Sheet:
    columns = ["caption", "text", "noise", *found.judges, "among"]
    known = found.wrong is not None
    lines = []
    for row in rows[:_EXAMPLES]:
        caption = found.captions[row]
        ranks = [_rank(rank) for rank in found.ranks[:, row]]
        line = [caption.id, caption.text, f"{found.noise[row]:.3f}", *ranks, str(found.gallery[row])]
        lines.append([*line, *(["wrong" if found.wrong[row] else "right"] if found.wrong is not None else [])])
    shown = f"{len(lines):,} of {len(rows):,}; ranks of the caption's own video from 1, by judge."
    return Sheet(title, [*columns, *(["in truth"] if known else [])], lines, note=shown, words=(0, 1))


def _videos_sheet(found: NoiseContent) -> Sheet:
    most = sorted(found.per_video.items(), key=lambda video: (-video[1][1], video[0]))
    lines = [(video_id, f"{had:,}", f"{lost:,}") for video_id, (had, lost) in most if lost]
    note = f"{min(len(lines), _MOST_VIDEOS):,} of {len(lines):,} that lose captions."
    return Sheet("Videos that lose most", ("video", "captions", "dropped"), lines[:_MOST_VIDEOS], note=note)


def _noise_plot(found: NoiseContent) -> Plot:
    parts = {"kept": found.noise[~found.dropped], "dropped": found.noise[found.dropped]}
    paint = _histogram(parts, found.cut.threshold)
    counts = "; ".join(f"{name}, {len(noise):,}" for name, noise in parts.items())
    alt = f"Captions: {counts}. Their mean noise is {found.noise.mean():.2f}."
    return Plot("Noise of the captions", "The dotted line is the threshold.", alt, draw(paint, legend=True))


def _wrong_plot(found: NoiseContent) -> Plot:
    wrong = np.zeros(len(found.noise), np.bool_) if found.wrong is None else found.wrong
    parts = {"right": found.noise[~wrong], "wrong": found.noise[wrong]}
    alt = f"Mean noise of right captions {parts['right'].mean():.2f}, of wrong ones {parts['wrong'].mean():.2f}."
    note = "What is known of these captions, which no judge was told."
    return Plot(
        "Noise of right and wrong captions", note, alt, draw(_histogram(parts, found.cut.threshold), legend=True)
    )


def _histogram(parts: dict[str, NDArray[np.float64]], threshold: float) -> Any:
    def paint(axes: Any) -> None:
        axes.hist(list(parts.values()), bins=_BINS, range=(0, 1), stacked=True, color=[_KEPT, _DROPPED], label=[*parts])
        axes.axvline(threshold, color="#333333", ls=":", lw=1.4)
        axes.set(xlabel="noise (rank of the own video as a share)", ylabel="captions", xlim=(0, 1))
        axes.grid(False, axis="x")

    return paint


def _videos_plot(found: NoiseContent) -> Plot:
    lost = np.array([dropped for _, dropped in found.per_video.values()])
    counts = np.bincount(lost)

    def paint(axes: Any) -> None:
        axes.bar(range(len(counts)), counts, color=_DROPPED)
        axes.set(xlabel="captions dropped of a video", ylabel="videos")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(False, axis="x")

    alt = "Videos by captions dropped: " + "; ".join(f"{k}, {count}" for k, count in enumerate(counts) if count) + "."
    return Plot("Dropped captions a video", "A video always keeps some.", alt, draw(paint))


def _precision_plot(found: NoiseContent) -> Plot:
    wrong = np.zeros(len(found.noise), np.bool_) if found.wrong is None else found.wrong
    precision, recall = precision_and_recall(found.noise, wrong)
    told = detection(found.noise, found.dropped, wrong)

    def paint(axes: Any) -> None:
        axes.plot(100 * recall, 100 * precision, color=_KEPT, lw=2.0, drawstyle="steps-pre", label="noisiest first")
        axes.axhline(100 * wrong.mean(), color="#6B7280", ls=":", lw=1.2, label="chance")
        if told.precision is not None and told.recall is not None:
            axes.plot(100 * told.recall, 100 * told.precision, "o", color=_DROPPED, ms=8, label="what is dropped")
        axes.set(xlabel="recall (%)", ylabel="precision (%)", xlim=(0, 102), ylim=(0, 102))

    alt = f"Average precision {_percent(told.average_precision)}, chance about {number(100 * wrong.mean())} %."
    return Plot("Finding the wrong captions", "Known wrong captions, by noise.", alt, draw(paint, legend=True))


def _percent(share: float | None) -> str:
    return "cannot be computed" if share is None else f"{number(100 * share)} %"


def _rank(rank: float) -> str:
    return f"{rank + 1:,.0f}" if rank == int(rank) else f"{rank + 1:,.1f}"
