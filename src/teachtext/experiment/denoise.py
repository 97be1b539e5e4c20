"""Find noisy training captions by teachers that never saw them, and keep two lists that a person can edit.

The training videos are split into folds, clips of one source together. For each fold every teacher of the run is
trained on the other folds, as in the run. For each caption of the fold the teacher then ranks, by default, the videos
of the fold, which are all equally new to the teacher.

With 'gallery: train' the teacher ranks all training videos. The gallery is larger and the ranks are finer. But the
teacher has learned from most of these videos. It has pulled them towards their captions and pushed them away from
others. To a held-out caption they are therefore nearer, or farther, than unseen videos would be.

Noise is the rank as a share of the gallery, so galleries of any size compare.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.dropped_captions import without_dropped
from teachtext.data.protocol import Caption
from teachtext.data.splits import Fold, folds
from teachtext.data.wrong_captions import read_wrong_captions
from teachtext.errors import InputError
from teachtext.evaluation.noise import cut, noise_of
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.experiment.artifacts import artifact_path, json_artifact
from teachtext.experiment.config_model import DenoisingConfig
from teachtext.experiment.plan import judges_of
from teachtext.experiment.train import Training, training_of
from teachtext.experiment.workspace import DROPPED, RECORD, Workspace
from teachtext.files import fingerprint, read_json, read_text, write_json, write_text
from teachtext.learning.inference import score
from teachtext.originals.denoising_masks import read_dropped, save_mask
from teachtext.reports.noise_report import NoiseContent, render_noise

KEPT, REPORT = "kept.jsonl", "report.html"


def find_noise(workspace: Workspace) -> NoiseContent:
    """Judge all training captions by trained judges, and write which captions are kept and dropped.

    `workspace.denoising_folder` then holds `dropped.jsonl`, which training reads, `kept.jsonl`, `denoising.json` and
    `report.html`. A list that a person has edited is used as it stands, and never overwritten.

    Args:
        workspace: with features, and with the trainings of `judges_by_fold` done.

    Raises:
        InputError: there are too few videos for so many folds; a list was edited, and the judgement has changed since.
    """
    settings = workspace.config.denoising or DenoisingConfig()
    dataset = workspace.described_dataset
    trainings = judges_by_fold(workspace)
    judges = judges_of(workspace.config)
    captions, ranks, gallery = _ranks(workspace, trainings, settings.gallery == "train")
    number = {video_id: place for place, video_id in enumerate(sorted({caption.video_id for caption in captions}))}
    noise = noise_of(ranks, gallery, pool=settings.pool)
    decided = cut(
        noise,
        np.array([number[caption.video_id] for caption in captions]),
        threshold=settings.limit,
        quantile=settings.quantile,
        keep=settings.keep_at_least,
    )
    wrong = _wrong(workspace, captions)
    report = NoiseContent(
        name=workspace.config.name,
        dataset=dataset.name,
        generated=wrong is not None,
        captions=captions,
        judges=[judge.label for judge in judges],
        ranks=ranks,
        gallery=gallery,
        folds=[len(fold.held_out) for fold in trainings],
        noise=noise,
        cut=decided,
        dropped=decided.dropped,
        wrong=wrong,
        settings=_sentence(settings, len(judges)),
    )
    # the lists hold the texts, so a corrected text must reach them
    texts = [[caption.id, caption.text] for caption in captions]
    folders = [training.folder.name for row in trainings.values() for training in row]
    report = _write(workspace, report, fingerprint([settings.model_dump(), folders, texts]))
    write_text(workspace.denoising_folder / REPORT, render_noise(report))
    return report


def judges_by_fold(workspace: Workspace) -> dict[Fold, list[Training]]:
    """Return for each fold of the training videos the trainings of the judges of its captions.

    Raises:
        InputError: several captions make one query, so no caption can be dropped; there are too few videos.
    """
    settings = workspace.config.denoising or DenoisingConfig()
    dataset = workspace.described_dataset
    if dataset.protocol.captions != "separate":
        raise InputError(
            f"'captions: {dataset.protocol.captions}' leaves no choice between captions",
            "denoise a dataset whose captions are queries of their own",
        )
    parts = folds(dataset.splits[dataset.protocol.train], settings.folds, seed=settings.seed)
    judges = judges_of(workspace.config)
    return {part: [training_of(workspace, judge, settings.seed, part) for judge in judges] for part in parts}


def write_mask(workspace: Workspace, path: Path) -> None:
    """Write a mask of the authors: which training captions are kept (`originals.denoising_masks.save_mask`)."""
    whole = workspace.described_dataset
    dropped = workspace.dropped_path or workspace.denoising_folder / DROPPED
    listed = read_dropped(dropped, whole)
    save_mask(path, whole, without_dropped(whole, listed, path=dropped, may_be_empty=True))


def _ranks(
    workspace: Workspace, trainings: Mapping[Fold, Sequence[Training]], among_all: bool
) -> tuple[list[Caption], NDArray[np.float64], NDArray[np.int64]]:
    """Return C captions fold by fold, their ranks (N, C), and the sizes of their galleries (C,)."""
    captions: list[Caption] = []
    ranks, gallery = [], []
    for done, (fold, row) in enumerate(trainings.items(), start=1):
        held_out = set(fold.held_out)
        judged = [caption for caption in workspace.described_dataset.captions if caption.video_id in held_out]
        videos = [*fold.held_out, *(fold.rest if among_all else ())]
        ranks.append(np.stack([_held_out_ranks(training, judged, videos) for training in row]))
        captions += judged
        gallery += [len(videos)] * len(judged)
        workspace.progress("judge captions", done, len(trainings))
    return captions, np.concatenate(ranks, axis=1), np.array(gallery)


def _held_out_ranks(training: Training, captions: Sequence[Caption], videos: Sequence[str]) -> NDArray[np.float64]:
    """Return the ranks of the fold's captions, (C,), by a model that has not seen them; computed once."""
    ids = [caption.id for caption in captions]

    def build() -> list[float]:
        scores = score(training.load(), training.features, captions, videos)
        ranks: list[float] = t2v_ranks(scores.similarity, scores.video_of).tolist()
        return ranks

    path = artifact_path(training.folder, "held-out", [ids, list(videos)], ".json")

    def is_whole(value: Any) -> bool:
        return isinstance(value, list) and len(value) == len(ids)

    return np.array(json_artifact(path, build, is_whole, "ranks").get(), np.float64)


def _wrong(workspace: Workspace, captions: Sequence[Caption]) -> NDArray[np.bool_] | None:
    wrong = read_wrong_captions(workspace.source.folder)
    return None if wrong is None else np.array([caption.id in wrong for caption in captions])


def _write(workspace: Workspace, report: NoiseContent, made_from: str) -> NoiseContent:
    """Write the lists, unless a person has edited them; return the report with the captions that are dropped then."""
    folder = workspace.denoising_folder
    record = read_json(folder / RECORD) if (folder / RECORD).exists() else {}
    written = list(record.get("written", []))
    path = folder / DROPPED
    if path.exists() and _hash(read_text(path)) not in written:
        if record.get("made_from") != made_from:
            raise InputError(
                f"{path} was edited, and the captions were judged otherwise since",
                "move it elsewhere, and name it as 'dataset.dropped' in place of 'denoising'; or delete it",
            )
        dropped = read_dropped(path, workspace.described_dataset)
        without_dropped(workspace.described_dataset, dropped, path=path, may_be_empty=True)
        listed = dropped.captions
        report = replace(report, dropped=np.array([caption.id in listed for caption in report.captions]))
        write_json(folder / RECORD, _record(report, made_from, written))
        return report
    texts = {name: "".join(_lines(report, dropped)) for name, dropped in ((DROPPED, True), (KEPT, False))}
    # the record comes first: after a kill between the writes, either list counts as not edited
    written = list(dict.fromkeys([*written, _hash(texts[DROPPED])]))
    write_json(folder / RECORD, _record(report, made_from, written))
    for name, text in texts.items():
        write_text(folder / name, text)
    return report


def _lines(report: NoiseContent, dropped: bool) -> Iterator[str]:
    """Yield the entries of a list, the noisiest first."""
    for row in np.argsort(-report.noise, kind="stable"):
        if report.dropped[row] != dropped:
            continue
        caption, noise = report.captions[row], float(report.noise[row])
        compared = f"noise {noise:.3f} is {'above' if noise > report.cut.threshold else 'not above'}"
        spared = ", but it is among the least noisy of its video" if report.cut.spared[row] else ""
        entry = {
            "id": caption.id,
            "video": caption.video_id,
            "text": caption.text,
            "noise": round(noise, 4),
            "ranks": {judge: float(rank) + 1 for judge, rank in zip(report.judges, report.ranks[:, row], strict=True)},
            "among": int(report.gallery[row]),
            "reason": f"{compared} {report.cut.threshold:.3f}{spared}",
        }
        yield json.dumps(entry, ensure_ascii=False) + "\n"


def _record(report: NoiseContent, made_from: str, written: Sequence[str]) -> dict[str, Any]:
    return {
        "settings": report.settings,
        "judges": list(report.judges),
        "folds": list(report.folds),
        "captions": len(report.captions),
        "videos": len(report.per_video),
        "threshold": report.cut.threshold,
        "dropped": int(report.dropped.sum()),
        "spared": int(report.cut.spared.sum()),
        "by_hand": report.by_hand,
        "against_known_wrong": None if report.detection is None else asdict(report.detection),
        "made_from": made_from,
        "written": list(written),
    }


def _sentence(settings: DenoisingConfig, judges: int) -> str:
    noise = f"noise above {settings.limit:g}"
    share = f"the noisiest {100 * settings.quantile:g} %" if settings.quantile else noise
    pool = f"{settings.pool} over {judges} judges" if judges > 1 else "one judge"
    least = f"{settings.keep_at_least} {'caption' if settings.keep_at_least == 1 else 'captions'}"
    return f"Dropped is {share} ({pool}, {settings.folds} folds, seed {settings.seed}); every video keeps {least}."


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
