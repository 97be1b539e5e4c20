"""The checks of `teachtext data check`: the content of a dataset folder, its mistakes, and how to mend them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Literal, Protocol

from teachtext.data.folder import RawFolder, read_raw
from teachtext.data.protocol import Caption
from teachtext.data.questions import read_questions
from teachtext.data.readers.annotations import MAIN
from teachtext.data.readers.published_counts import count_remarks
from teachtext.data.splits import automatic_splits, source_of
from teachtext.data.types import Question
from teachtext.data.video_files import LeftOut
from teachtext.data.video_ids import AMBIGUOUS_MEND, SECOND_FILES
from teachtext.errors import InputError
from teachtext.files import content_hash

LONG_CAPTION_WORDS = 64
"""Encoders of tokens read 64 tokens by default, and a word is a token at least."""


@dataclass(frozen=True)
class Finding:
    """A mistake or a warning, with the way to mend it.

    Attributes:
        level: errors have to be mended before a run.
        what: the mistake, with the number and the first places.
        mend: how to mend the mistake.
        is_loss: whether something was left out, or read otherwise than it stands.
    """

    level: Literal["error", "warning"]
    what: str
    mend: str
    is_loss: bool = False


@dataclass(frozen=True)
class FolderCheck:
    """The facts of a folder as (name, value) rows, and its mistakes and warnings."""

    facts: Sequence[tuple[str, str]]
    findings: Sequence[Finding]

    @property
    def sound(self) -> bool:
        """Whether there is no error (warnings are allowed)."""
        return not any(finding.level == "error" for finding in self.findings)

    @property
    def whole(self) -> bool:
        """Whether everything was read as it stands, and nothing was left out."""
        return not any(finding.is_loss for finding in self.findings)


class TextLimit(Protocol):
    """The length that a text encoder reads; as text such as `64 tokens`. See `teachtext.encoders.base.Limit`."""

    def exceeded(self, texts: Sequence[str]) -> Sequence[bool]:
        """Return which texts are cut."""
        ...


def check_folder(folder: Path, limits: Mapping[str, TextLimit | None] | None = None) -> FolderCheck:
    """Check a dataset folder: counts, words, languages, splits, duplicates and contradictions.

    Args:
        folder: the dataset.
        limits: by the spec of a text encoder, the length that it reads; None for one that reads texts of any length.

    Raises:
        InputError: the folder cannot be read at all.
    """
    raw = read_raw(folder)
    questions, unfit = _questions(raw)
    findings = [
        *(Finding("warning", remark.what, remark.mend, is_loss=True) for remark in raw.remarks if remark.is_loss),
        *_caption_findings(raw, {question.caption.id for question in questions}),
        *_length_findings(raw, limits or {}),
        *_video_findings(raw),
        *_split_findings(raw),
        *unfit,
        *_missing(raw),
    ]
    kinds = Counter(question.kind for question in questions)
    counts = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())
    sizes = count_remarks(raw.all_splits, raw.format_name)
    facts = [
        *_facts(raw),
        *([("questions", counts)] if counts else []),
        *(
            (spec, f"reads {'texts of any length' if limit is None else limit}")
            for spec, limit in (limits or {}).items()
        ),
        *(("note", remark.what) for remark in (*raw.remarks, *sizes) if not remark.is_loss),
    ]
    return FolderCheck(facts=facts, findings=findings)


def _questions(raw: RawFolder) -> tuple[list[Question], list[Finding]]:
    named = {*raw.videos, *(caption.video_id for caption in raw.captions)}
    try:
        return read_questions(raw.path, raw.captions, named), []
    except InputError as error:
        return [], [Finding("error", error.problem, error.mend)]


def _facts(raw: RawFolder) -> list[tuple[str, str]]:
    per_video = Counter(caption.video_id for caption in raw.captions)
    words = [len(caption.text.split()) for caption in raw.captions]
    vocabulary = {word.lower().strip(".,;:!?\"'()") for caption in raw.captions for word in caption.text.split()}
    languages = Counter(caption.language for caption in raw.captions).most_common()
    spoken = ", ".join(f"{name} {count:,}" for name, count in languages) or "-"
    used = "the English ones" if "en" in dict(languages) else "all"
    spoken += f" (a run uses {used}; 'dataset.language' chooses)" if len(languages) > 1 else ""
    splits = raw.splits or {}
    return [
        ("videos with a file", f"{len(raw.videos):,}"),
        ("captions", f"{len(raw.captions):,} in {raw.captions_name}"),
        ("captioned videos", f"{len(per_video):,}"),
        *([("spelling", raw.match.respelled_note)] if raw.match.respelled_note else []),
        ("captions per video", _spread(per_video.values())),
        ("words per caption", _spread(words)),
        ("vocabulary", f"{len(vocabulary):,} different words"),
        ("languages", spoken),
        ("splits", _counts(splits) or "none (70/10/20 at random)"),
        *((f"splits {name}", _counts(others)) for name, others in raw.all_splits.items() if name != MAIN),
        (
            "splits, with a file",
            ", ".join(f"{name} {sum(v in raw.videos for v in ids):,}" for name, ids in splits.items()) or "-",
        ),
        (
            "sources",
            f"{len({source_of(video_id) for video_id in raw.videos}):,} (clips of one source: <source>_<start>_<end>)",
        ),
    ]


def _caption_findings(raw: RawFolder, in_questions: Collection[str]) -> list[Finding]:
    path = raw.captions_name
    empty = [caption.id for caption in raw.captions if not caption.text.strip()]
    texts = Counter((caption.video_id, caption.text.lower()) for caption in raw.captions)
    repeated = [video_and_text for video_and_text, count in texts.items() if count > 1]
    return [
        *_some("error", empty, f"empty captions in {path}", "delete the entries or write their text"),
        *_some(
            "warning",
            [f"{video}: {text}" for video, text in repeated],
            f"captions that repeat word for word for one video in {path}",
            "harmless; delete the repeats if they are a slip",
        ),
        *_some(
            "warning",
            # a question has few candidates, and may be repeated in several groups
            _shared(caption for caption in raw.captions if caption.id not in in_questions),
            f"captions that stand under several videos in {path}",
            "each counts as a query with one right answer; make them more precise if you can",
        ),
    ]


def _length_findings(raw: RawFolder, limits: Mapping[str, TextLimit | None]) -> list[Finding]:
    """Return which captions the encoders cut; where none is named, which captions some encoders cut for certain."""
    if not limits:
        long = [caption.id for caption in raw.captions if len(caption.text.split()) > LONG_CAPTION_WORDS]
        return _some(
            "warning",
            long,
            f"captions of more than {LONG_CAPTION_WORDS} words in {raw.captions_name}, "
            f"of which encoders of tokens read the first {LONG_CAPTION_WORDS} tokens",
            "name your encoder with '--encoder' to see what it cuts; set 'max_words', or split them",
        )
    findings: list[Finding] = []
    for spec, limit in limits.items():
        is_cut = [] if limit is None else limit.exceeded([caption.text for caption in raw.captions])
        ids = [caption.id for caption, cut in zip(raw.captions, is_cut, strict=False) if cut]
        what = f"captions that '{spec}' cuts to their first {limit}"
        findings += _some("warning", ids, what, "split them, or take another encoder", is_loss=True)
    return findings


def _video_findings(raw: RawFolder) -> list[Finding]:
    captioned = {caption.video_id for caption in raw.captions}
    in_splits = {video_id for ids in (raw.splits or {}).values() for video_id in ids}
    captioned_in_splits = captioned & in_splits if raw.splits else set()
    without_file = captioned - raw.videos.keys()
    by_content: dict[str, list[str]] = {}
    vanished: list[str] = []
    for video_id, paths in raw.videos.items():
        content = _content(paths[0])
        if content:
            by_content.setdefault(content, []).append(video_id)
        else:
            vanished.append(video_id)
    same = [" = ".join(ids) for ids in by_content.values() if len(ids) > 1]
    empty = [video_id for video_id, paths in raw.videos.items() if _is_empty(paths[0])]
    ambiguous = raw.match.ambiguous_note
    unpack = "run 'teachtext data import', which unpacks the videos" if raw.holds_videos else ""
    places = str(raw.path) if raw.video_folder.folder == raw.path else "videos/"
    return [
        *(
            Finding("warning", f"{row.reason} in {places}, left out: {row.summary}", row.mend, is_loss=True)
            for row in _left_out(raw)
        ),
        *([Finding("warning", ambiguous, AMBIGUOUS_MEND)] if ambiguous else []),
        *_some(
            "error", vanished, "video files that cannot be read", "check that they are there, and their permissions"
        ),
        *_some(
            "error",
            sorted(without_file - captioned_in_splits),
            f"captioned videos without a file in {places} and in no split",
            unpack or "add the files or delete their captions",
        ),
        *_some(
            "warning",
            sorted(without_file & captioned_in_splits),
            f"captioned videos of a split without a file in {places}",
            unpack or "add the files, or set 'missing_videos: drop' (their features may come from elsewhere: 'keep')",
        ),
        *_some(
            "warning",
            sorted(raw.videos.keys() - captioned),
            "videos without a caption",
            "they can be searched but not learned from; caption them or leave them",
        ),
        *_some(
            "error",
            [v for v, paths in raw.videos.items() if len(paths) > 1],
            "ids with several video files",
            "keep one file an id",
        ),
        *_some("error", empty, "video files of zero bytes", "copy them again or delete them"),
        *_some("warning", same, "videos with the same content", "keep one of each, or keep them in one split"),
    ]


def _left_out(raw: RawFolder) -> list[LeftOut]:
    """Return what is left out, but for the second files of an id, which are an error of their own."""
    return [row for row in raw.video_folder.left_out if row.reason != SECOND_FILES]


def _content(path: Path) -> str:
    """Return the hash of a file's content; an empty text where the file cannot be read."""
    try:
        return content_hash(path)
    except OSError:
        return ""


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _split_findings(raw: RawFolder) -> list[Finding]:
    if raw.splits is None:
        return []
    captioned = {caption.video_id for caption in raw.captions}
    split_of: dict[str, set[str]] = {}
    splits_of_source: dict[str, set[str]] = {}
    for split, ids in raw.splits.items():
        for video_id in ids:
            split_of.setdefault(video_id, set()).add(split)
            splits_of_source.setdefault(source_of(video_id), set()).add(split)
    twice = [video_id for video_id, splits in split_of.items() if len(splits) > 1]
    leaking = [source for source, splits in splits_of_source.items() if len(splits) > 1]
    unknown = [v for v in split_of if v not in captioned and v not in raw.videos]
    outside = sorted((captioned | raw.videos.keys()) - split_of.keys())
    return [
        *_some("error", twice, f"videos in several splits of {raw.splits_name}", "keep each in one split"),
        *_some(
            "warning",
            leaking,
            "sources whose clips lie in several splits",
            "move them to one split, or state it where you publish: test clips resemble training clips",
        ),
        *_some(
            "error",
            unknown,
            f"videos of {raw.splits_name} that have neither file nor caption",
            "delete or correct the ids",
        ),
        *_some(
            "warning", outside, "videos in no split", f"they are not used; add them to a split of {raw.splits_name}"
        ),
    ]


def _missing(raw: RawFolder) -> list[Finding]:
    """Return what is missing for a run."""
    path = raw.captions_name
    if not raw.captions:
        return [Finding("error", f"no caption in {path}", "write some: without them there is nothing to learn or test")]
    captioned = {caption.video_id for caption in raw.captions}
    usable = captioned & raw.videos.keys()
    splits = automatic_splits(usable) if raw.splits is None else raw.splits
    empty = [split for split in ("train", "val", "test") if usable.isdisjoint(splits.get(split, ()))]
    what = "splits without a captioned video that has a file"
    return _some("warning", empty, what, "a run needs all three; add videos, or name other splits in its config")


def _shared(captions: Iterable[Caption]) -> list[str]:
    videos: dict[str, set[str]] = {}
    for caption in captions:
        if caption.text.strip():
            videos.setdefault(caption.text.lower(), set()).add(caption.video_id)
    return [text for text, ids in videos.items() if len(ids) > 1]


def _some(
    level: Literal["error", "warning"], items: Sequence[str], what: str, mend: str, *, is_loss: bool = False
) -> list[Finding]:
    if not items:
        return []
    shown = ", ".join(repr(item) for item in items[:3]) + (", ..." if len(items) > 3 else "")
    return [Finding(level, f"{len(items):,} {what} ({shown})", mend, is_loss)]


def _counts(splits: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{name} {len(ids):,}" for name, ids in splits.items())


def _spread(numbers: Iterable[int]) -> str:
    values = list(numbers)
    if not values:
        return "-"
    return f"{min(values):,} to {max(values):,}, mean {mean(values):.1f}, median {median(values):g}"
