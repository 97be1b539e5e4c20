"""The report on noisy captions: tables, figures and a page."""

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
    above_chance,
    average_precision,
    detection,
    precision_and_recall,
)
from teachtext.evaluation.ranks import Ints
from teachtext.evaluation.significance import Interval
from teachtext.reports.figures import BLUE, GREY, ORANGE, RULE, Figure, draw
from teachtext.reports.sections import Fact, Report, Section
from teachtext.reports.tables import Table, number, percent, rank_text

_EXAMPLES = 30
_MOST_VIDEOS = 15
_BINS = 20
_KEPT, _DROPPED = BLUE, ORANGE


@dataclass(frozen=True, kw_only=True)
class NoiseContent:
    """The noise of C captions, and the decision which are dropped: the data of the report.

    Attributes:
        name: of the run.
        dataset: its name.
        generated: whether a program made the dataset.
        captions: the C captions.
        judges: N labels.
        ranks: (N, C) 0-based ranks of each caption's own video.
        gallery: (C,) number of videos that were ranked.
        folds: number of videos that each fold held out.
        noise: (C,) noise of each caption.
        cut: the decision by noise.
        dropped: (C,) the dropped captions: those of `cut`, unless a person changed the list.
        wrong: (C,) the captions that are known to be wrong; None where that is not known.
        settings: the rule of the decision, in words.
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
        """Number of captions on which a person decided otherwise."""
        return int((self.dropped != self.cut.dropped).sum())

    @property
    def detection(self) -> Detection | None:
        """How well dropping detects wrong captions; None where those are not known."""
        return None if self.wrong is None else detection(self.noise, self.dropped, self.wrong)

    @property
    def above_chance(self) -> Interval | None:
        """By how much the precision of dropping is above chance; None where it cannot be computed."""
        if self.wrong is None:
            return None
        videos = {caption.video_id: number for number, caption in enumerate(self.captions)}
        video_of = np.array([videos[caption.video_id] for caption in self.captions])
        return above_chance(self.dropped, self.wrong, video_of)

    @property
    def per_video(self) -> dict[str, tuple[int, int]]:
        """By video, the number of its captions and of its dropped captions."""
        counts: dict[str, tuple[int, int]] = {}
        for caption, dropped in zip(self.captions, self.dropped, strict=True):
            had, lost = counts.get(caption.video_id, (0, 0))
            counts[caption.video_id] = had + 1, lost + int(dropped)
        return counts


def summary(content: NoiseContent) -> Table:
    """Return the counts of judged and dropped captions, and how well dropping detects wrong ones."""
    total, dropped = len(content.captions), int(content.dropped.sum())
    videos = content.per_video
    hit = [lost for _, lost in videos.values() if lost]
    rows = [
        ("captions judged", f"{total:,} of {len(videos):,} videos, {len(content.folds)} folds"),
        ("too noisy", f"noise above {content.cut.threshold:.3f} (0 first place, 0.5 chance, 1 last place)"),
        ("dropped", f"{dropped:,} ({number(100 * dropped / total)} %)"),
        ("kept, as the least noisy of their video", f"{int(content.cut.spared.sum()):,}"),
        ("videos that lose captions", f"{len(hit):,}" + (f", at most {max(hit):,} of one video" if hit else "")),
    ]
    if content.by_hand:
        rows.append(("decided otherwise by hand", f"{content.by_hand:,}"))
    detected = content.detection
    if detected is not None:
        rows += [
            ("known to be wrong", f"{detected.wrong:,} ({number(100 * detected.wrong / detected.captions)} %)"),
            ("precision: dropped ones that are wrong", percent(detected.precision)),
            ("recall: wrong ones that are dropped", percent(detected.recall)),
            ("average precision of the order by noise", percent(detected.average_precision)),
        ]
    return Table.of(
        f"{content.name}: noise of the training captions of {content.dataset}", ("", ""), rows, words=(0, 1)
    )


def judges_table(content: NoiseContent) -> Table:
    """Return the metrics of each judge on captions of videos that it was not trained on."""
    columns = ["judge", "R@1", "R@5", "MdR", "mean noise"]
    rows = []
    for judge, ranks in zip(content.judges, content.ranks, strict=True):
        metrics = metrics_from_ranks(ranks)
        shares = ranks / (content.gallery - 1)
        row = [judge, *map(number, (metrics.r1, metrics.r5, metrics.mdr)), f"{shares.mean():.3f}"]
        if content.wrong is not None and content.wrong.any():
            row.append(number(100 * average_precision(shares, content.wrong)))
        rows.append(row)
    if content.wrong is not None and content.wrong.any():
        columns.append("average precision")
    small, large = int(content.gallery.min()), int(content.gallery.max())
    among = f"{small}" if small == large else f"{small} to {large}"
    return Table.of(
        "The judges, on captions of videos that they were not trained on",
        columns,
        rows,
        note=f"Text to video among {among} videos; percentages, ranks from 1.",
    )


def render_noise(content: NoiseContent) -> str:
    """Return the report as one self-contained HTML page.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    measured = content.wrong is not None and bool(content.wrong.any())
    figures = [_noise_figure(content), _videos_figure(content)]
    if measured:
        figures += [_wrong_figure(content), _precision_figure(content)]
    sections = [
        Section("results", "What is dropped", content.settings, facts=_facts(content), tables=[summary(content)]),
        Section("noise", "Noise", tables=[judges_table(content)], figures=figures),
        Section(
            "captions", "Captions", "Both lists are whole in dropped.jsonl and kept.jsonl.", tables=_lists(content)
        ),
        Section("videos", "Videos", tables=[_videos_table(content)]),
    ]
    lead = (
        "A caption is noisy if models that were trained on other videos rank its own video low: "
        "0 is the first place, 0.5 is chance, 1 is the last place."
    )
    title = f"{content.name}: noisy captions"
    return Report(title, [lead], content.generated, sections).html()


def _facts(content: NoiseContent) -> list[Fact]:
    dropped, total = int(content.dropped.sum()), len(content.captions)
    facts = [Fact(f"{dropped:,}", "captions are dropped", f"of {total:,}, {number(100 * dropped / total)} %")]
    detected = content.detection
    if detected is not None and detected.wrong:
        share = number(100 * detected.wrong / detected.captions)
        facts += [
            Fact(percent(detected.precision), "of the dropped are wrong", f"chance {share} %"),
            Fact(percent(detected.recall), "of the wrong are dropped", f"chance {number(100 * dropped / total)} %"),
            Fact(percent(detected.average_precision), "average precision", f"chance about {share} %"),
        ]
    return facts


def _lists(content: NoiseContent) -> list[Table]:
    order = np.argsort(-content.noise, kind="stable")
    dropped = [row for row in order if content.dropped[row]]
    spared = [row for row in order if content.cut.spared[row] and not content.dropped[row]]
    kept = [row for row in order if not content.dropped[row] and not content.cut.spared[row]]
    tables = [_captions_table(content, "Dropped, the noisiest first", dropped)]
    if spared:
        tables.append(_captions_table(content, "Too noisy, and kept as the least noisy of their video", spared))
    return [*tables, _captions_table(content, "Kept, the noisiest first", kept)]


def _captions_table(content: NoiseContent, title: str, rows: Sequence[int]) -> Table:
    columns = ["caption", "text", "noise", *content.judges, "among"]
    lines = []
    for row in rows[:_EXAMPLES]:
        caption = content.captions[row]
        ranks = [rank_text(rank + 1) for rank in content.ranks[:, row]]
        line = [caption.id, caption.text, f"{content.noise[row]:.3f}", *ranks, str(content.gallery[row])]
        lines.append([*line, *(["wrong" if content.wrong[row] else "right"] if content.wrong is not None else [])])
    shown = f"{len(lines):,} of {len(rows):,}; ranks of the caption's own video from 1, by judge."
    return Table.of(
        title, [*columns, *(["in truth"] if content.wrong is not None else [])], lines, note=shown, words=(0, 1)
    )


def _videos_table(content: NoiseContent) -> Table:
    most = sorted(content.per_video.items(), key=lambda video: (-video[1][1], video[0]))
    lines = [(video_id, f"{had:,}", f"{lost:,}") for video_id, (had, lost) in most if lost]
    note = f"{min(len(lines), _MOST_VIDEOS):,} of {len(lines):,} that lose captions."
    return Table.of("Videos that lose most", ("video", "captions", "dropped"), lines[:_MOST_VIDEOS], note=note)


def _noise_figure(content: NoiseContent) -> Figure:
    parts = {"kept": content.noise[~content.dropped], "dropped": content.noise[content.dropped]}
    paint = _histogram(parts, content.cut.threshold)
    counts = "; ".join(f"{name}, {len(noise):,}" for name, noise in parts.items())
    alt = f"Captions: {counts}. Their mean noise is {content.noise.mean():.2f}."
    return Figure("Noise of the captions", "The dotted line is the threshold.", alt, draw(paint, legend=True))


def _wrong_figure(content: NoiseContent) -> Figure:
    wrong = np.zeros(len(content.noise), np.bool_) if content.wrong is None else content.wrong
    parts = {"right": content.noise[~wrong], "wrong": content.noise[wrong]}
    alt = f"Mean noise of right captions {parts['right'].mean():.2f}, of wrong ones {parts['wrong'].mean():.2f}."
    note = "The truth about these captions, which no judge had."
    return Figure(
        "Noise of right and wrong captions", note, alt, draw(_histogram(parts, content.cut.threshold), legend=True)
    )


def _histogram(parts: dict[str, NDArray[np.float64]], threshold: float) -> Any:
    def paint(axes: Any) -> None:
        axes.hist(list(parts.values()), bins=_BINS, range=(0, 1), stacked=True, color=[_KEPT, _DROPPED], label=[*parts])
        axes.axvline(threshold, color=RULE, ls=":", lw=1.4)
        axes.set(xlabel="noise (rank of the own video as a share)", ylabel="captions", xlim=(0, 1))
        axes.grid(False, axis="x")

    return paint


def _videos_figure(content: NoiseContent) -> Figure:
    lost = np.array([dropped for _, dropped in content.per_video.values()])
    counts = np.bincount(lost)

    def paint(axes: Any) -> None:
        axes.bar(range(len(counts)), counts, color=_DROPPED)
        axes.set(xlabel="captions dropped of a video", ylabel="videos")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(False, axis="x")

    alt = "Videos by captions dropped: " + "; ".join(f"{k}, {count}" for k, count in enumerate(counts) if count) + "."
    return Figure("Dropped captions a video", "A video always keeps some.", alt, draw(paint))


def _precision_figure(content: NoiseContent) -> Figure:
    wrong = np.zeros(len(content.noise), np.bool_) if content.wrong is None else content.wrong
    precision, recall = precision_and_recall(content.noise, wrong)
    detected = detection(content.noise, content.dropped, wrong)

    def paint(axes: Any) -> None:
        axes.plot(100 * recall, 100 * precision, color=_KEPT, lw=2.0, drawstyle="steps-pre", label="noisiest first")
        axes.axhline(100 * wrong.mean(), color=GREY, ls=":", lw=1.2, label="chance")
        if detected.precision is not None and detected.recall is not None:
            axes.plot(
                100 * detected.recall, 100 * detected.precision, "o", color=_DROPPED, ms=8, label="what is dropped"
            )
        axes.set(xlabel="recall (%)", ylabel="precision (%)", xlim=(0, 102), ylim=(0, 102))

    alt = f"Average precision {percent(detected.average_precision)}, chance about {number(100 * wrong.mean())} %."
    return Figure("Finding the wrong captions", "Known wrong captions, by noise.", alt, draw(paint, legend=True))
