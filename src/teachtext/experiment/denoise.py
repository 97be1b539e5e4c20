"""Find noisy training captions by teachers that never saw them, and keep two lists that a person can edit.

The training videos are split into folds, clips of one source together. For each fold every teacher of the run is
trained on the other folds, as it is trained in the run, and ranks for each caption of the fold, by default, the *fold's
own* videos. Among those all videos are equally new to it. Where it ranks all training videos ('gallery: train'), those
that it was trained on compete too: it has pulled them towards their own captions and words like them, and pushed them
away from all others, so a held-out caption meets them as rivals that are nearer or farther than they would be unseen;
but the gallery is larger, and tells finer. Noise is the rank as a share of the gallery, which compares any sizes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.dropped import without_dropped
from teachtext.data.folds import Fold, folds
from teachtext.data.protocol import Caption
from teachtext.errors import InputError
from teachtext.evaluation.noise import cut, noise_of
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.experiment.config_model import DenoisingConfig
from teachtext.experiment.plan import judges_of
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import DROPPED, RECORD, Workspace
from teachtext.files import fingerprint, read_json, read_text, write_json, write_text
from teachtext.learning.checkpoint import load_model
from teachtext.learning.inference import score
from teachtext.originals.masks import read_dropped, save_mask
from teachtext.playground.wrong import wrong_caption_ids
from teachtext.progress import Progress, silent
from teachtext.reports.noise_report import NoiseFound, render_noise

KEPT, REPORT = "kept.jsonl", "report.html"


def find_noise(workspace: Workspace, progress: Progress = silent) -> NoiseFound:
    """Judge all training captions, and write which are kept and dropped; only what is not there already.

    `workspace.denoising_folder` then holds `dropped.jsonl`, which training reads, `kept.jsonl`, `denoising.json` and
    `report.html`. A list that a person has edited is used as it stands, and never written over.

    Args:
        workspace: its features must be there.
        progress: told how far each training is.

    Raises:
        InputError: there are too few videos for so many folds; a list was edited, and the judgement is another now.
    """
    settings = workspace.config.denoising or DenoisingConfig()
    dataset = workspace.described_dataset
    if dataset.protocol.captions != "separate":
        raise InputError(
            f"'captions: {dataset.protocol.captions}' leaves no choice between captions",
            "denoise a dataset whose captions are queries of their own",
        )
    trainings = judges_by_fold(workspace)
    parts, judges = list(trainings), judges_of(workspace.config)
    for training in (training for row in trainings.values() for training in row):
        training.train(progress)
    captions, ranks, gallery = _ranks(workspace, trainings, settings.gallery == "train", progress)
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
    found = NoiseFound(
        name=workspace.config.name,
        dataset=dataset.name,
        generated=wrong is not None,
        captions=captions,
        judges=[judge.label for judge in judges],
        ranks=ranks,
        gallery=gallery,
        folds=[len(part.held_out) for part in parts],
        noise=noise,
        cut=decided,
        dropped=decided.dropped,
        wrong=wrong,
        settings=_told(settings, len(judges)),
    )
    # texts stand in the lists, and a corrected one must reach them
    texts = [[caption.id, caption.text] for caption in captions]
    made_from = fingerprint(
        [settings.model_dump(), [one.folder.name for row in trainings.values() for one in row], texts]
    )
    found = _write(workspace, found, made_from)
    write_text(workspace.denoising_folder / REPORT, render_noise(found))
    return found


def judges_by_fold(workspace: Workspace) -> dict[Fold, list[Training]]:
    """Return for each fold of the training videos the trainings of those who judge its captions."""
    settings = workspace.config.denoising or DenoisingConfig()
    dataset = workspace.described_dataset
    parts = folds(dataset.splits[dataset.protocol.train], settings.folds, seed=settings.seed)
    judges = judges_of(workspace.config)
    return {part: [Training(workspace, judge, settings.seed, part) for judge in judges] for part in parts}


def write_mask(workspace: Workspace, path: Path) -> None:
    """Write which training captions are kept as a mask of the authors; see `teachtext.originals.masks.save_mask`."""
    whole = workspace.described_dataset
    dropped = workspace.dropped_path or workspace.denoising_folder / DROPPED
    listed = read_dropped(dropped, whole)
    save_mask(path, whole, without_dropped(whole, listed, path=dropped, may_be_empty=True))


def _ranks(
    workspace: Workspace, trainings: Mapping[Fold, Sequence[Training]], among_all: bool, progress: Progress
) -> tuple[list[Caption], NDArray[np.float64], NDArray[np.int64]]:
    """Return C captions fold by fold, their ranks (N, C), and the sizes of their galleries (C,)."""
    captions: list[Caption] = []
    ranks, gallery = [], []
    for done, (part, row) in enumerate(trainings.items(), start=1):
        held_out = set(part.held_out)
        own = [caption for caption in workspace.described_dataset.captions if caption.video_id in held_out]
        videos = [*part.held_out, *(part.rest if among_all else ())]
        ranks.append(np.stack([_held_out_ranks(training, own, videos) for training in row]))
        captions += own
        gallery += [len(videos)] * len(own)
        progress("judge captions", done, len(trainings))
    return captions, np.concatenate(ranks, axis=1), np.array(gallery)


def _held_out_ranks(training: Training, captions: Sequence[Caption], videos: Sequence[str]) -> NDArray[np.float64]:
    """Return the ranks of the fold's captions by a model that has not seen them; scored the first time, then read."""
    ids = [caption.id for caption in captions]
    path = training.folder / f"held-out-{fingerprint([ids, list(videos)])}.json"
    if not path.exists():
        model, _ = load_model(training.folder)
        found = score(model, training.features, captions, videos)
        write_json(path, t2v_ranks(found.similarity, found.video_of).tolist())
    return np.array(read_json(path), np.float64)


def _wrong(workspace: Workspace, captions: Sequence[Caption]) -> NDArray[np.bool_] | None:
    config = workspace.config
    known = wrong_caption_ids(config.dataset.path or config.folder / "playground")
    return None if known is None else np.array([caption.id in known for caption in captions])


def _write(workspace: Workspace, found: NoiseFound, made_from: str) -> NoiseFound:
    """Write the lists, unless a person has edited them; return what is dropped in the end."""
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
        found = replace(found, dropped=np.array([caption.id in listed for caption in found.captions]))
        write_json(folder / RECORD, _record(found, made_from, written))
        return found
    texts = {name: "".join(_lines(found, dropped)) for name, dropped in ((DROPPED, True), (KEPT, False))}
    # said before it is so: whatever a kill leaves of the old and the new list is known as ours
    written = list(dict.fromkeys([*written, _hash(texts[DROPPED])]))
    write_json(folder / RECORD, _record(found, made_from, written))
    for name, text in texts.items():
        write_text(folder / name, text)
    return found


def _lines(found: NoiseFound, dropped: bool) -> Iterator[str]:
    """Yield the entries of a list, the noisiest first."""
    for row in np.argsort(-found.noise, kind="stable"):
        if found.dropped[row] != dropped:
            continue
        caption, noise = found.captions[row], float(found.noise[row])
        compared = f"noise {noise:.3f} is {'above' if noise > found.cut.threshold else 'not above'}"
        spared = ", but it is among the least noisy of its video" if found.cut.spared[row] else ""
        told = {
            "id": caption.id,
            "video": caption.video_id,
            "text": caption.text,
            "noise": round(noise, 4),
            "ranks": {judge: float(rank) + 1 for judge, rank in zip(found.judges, found.ranks[:, row], strict=True)},
            "among": int(found.gallery[row]),
            "reason": f"{compared} {found.cut.threshold:.3f}{spared}",
        }
        yield json.dumps(told, ensure_ascii=False) + "\n"


def _record(found: NoiseFound, made_from: str, written: Sequence[str]) -> dict[str, Any]:
    return {
        "settings": found.settings,
        "judges": list(found.judges),
        "folds": list(found.folds),
        "captions": len(found.captions),
        "videos": len(found.per_video),
        "threshold": found.cut.threshold,
        "dropped": int(found.dropped.sum()),
        "spared": int(found.cut.spared.sum()),
        "by_hand": found.by_hand,
        "against_known_wrong": None if found.detection is None else asdict(found.detection),
        "made_from": made_from,
        "written": list(written),
    }


def _told(settings: DenoisingConfig, judges: int) -> str:
    noise = f"noise above {settings.limit:g}"
    share = f"the noisiest {100 * settings.quantile:g} %" if settings.quantile else noise
    pool = f"{settings.pool} over {judges} judges" if judges > 1 else "one judge"
    least = f"{settings.keep_at_least} {'caption' if settings.keep_at_least == 1 else 'captions'}"
    return f"Dropped is {share} ({pool}, {settings.folds} folds, seed {settings.seed}); every video keeps {least}."


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
