"""Experiments in Python: train and compare, evaluate, extract, and the metrics of a matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from teachtext.api.load import load
from teachtext.api.model import Model
from teachtext.arguments import check_choice, check_items, check_list, check_place, check_string
from teachtext.data.protocol import CaptionUse
from teachtext.data.video_ids import check_has_videos
from teachtext.devices import AUTO
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics
from teachtext.evaluation.results import Results
from teachtext.evaluation.similarity_file import StoredScores, read_similarity, scores_alone
from teachtext.evaluation.trec import write_trec
from teachtext.experiment.evaluate import Evaluation, evaluate_folder
from teachtext.experiment.run import run_study
from teachtext.experiment.study.study import load_study
from teachtext.extraction.extract import Engine, Extraction
from teachtext.extraction.extract import extract as extract_videos
from teachtext.progress import Progress, silent


@dataclass(frozen=True)
class Experiment:
    """A run or study that was done.

    Attributes:
        folder: of the run; `teachtext.load(folder)` loads its main student.
        results: as `results.json` keeps them.
        set_aside: a line for each video that could not be read.
    """

    folder: Path
    results: Results
    set_aside: Sequence[str]

    def __repr__(self) -> str:
        counts = f"{len(self.results.rows)} rows, {len(self.set_aside)} videos set aside"
        return f"Experiment({str(self.folder)!r}, {counts})"

    def table(self) -> None:
        """Print the results, one table a direction."""
        from rich.console import Console

        console = Console()
        for table in self._tables():
            console.print(table)

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / "report.html"

    def _tables(self) -> list[Any]:
        from teachtext.reports.results_tables import results_table, rows_table
        from teachtext.reports.sentences import is_run

        if not is_run(self.results):
            return [rows_table(self.results).rich()]
        return [results_table(self.results, "t2v").rich(), results_table(self.results, "v2t").rich()]


def run(config: str | Path, *, jobs: int | None = None, progress: Progress = silent) -> Experiment:
    """Do a whole experiment from a config; `teachtext run` does the same.

    Extracts, embeds, trains teachers and students, tests and reports. Finished work is not repeated.

    Args:
        config: config file (YAML) of a run or a study.
        jobs: models trained at once, at least 1; by default as many as there are cores.
        progress: called as each step goes on.

    Raises:
        InputError: something in the config, the dataset or the folder cannot be used.
    """
    loaded = load_study(Path(check_place("config", config)))
    results, set_aside = run_study(loaded, jobs=jobs, progress=progress)
    return Experiment(loaded.folder, results, set_aside)


def study(config: str | Path, *, jobs: int | None = None, progress: Progress = silent) -> Experiment:
    """Train many variants of a run and compare them; `teachtext study` does the same.

    Args:
        config: study file (YAML).
        jobs: models trained at once; by default as many as there are cores.
        progress: called as each step goes on.

    Raises:
        InputError: something in the file, the dataset or the folder cannot be used.
    """
    return run(config, jobs=jobs, progress=progress)


def evaluate(
    model: Model | str | Path,
    dataset: str | Path,
    *,
    features: str | Path,
    split: str | None = None,
    captions: CaptionUse | None = None,
    benchmark: str | None = None,
    ensemble: Model | str | Path | Sequence[Model | str | Path] = (),
    normalise: str | Sequence[str] = (),
    beta: float | None = None,
    chosen_file: str | None = None,
    language: str | None = None,
    ndcg: bool = False,
    directions: bool = False,
    trec: str | Path | None = None,
) -> Evaluation:
    """Test a trained model on a split, from features; `teachtext evaluate` does the same.

    Args:
        model: a loaded model, or a place that `teachtext.load` accepts.
        dataset: dataset folder; its videos may be missing.
        features: folder with `video/<expert>` and `text/<encoder>`.
        split: by default the test split.
        captions: how captions become queries; by default each caption is a query.
        benchmark: name of a benchmark whose protocol is taken.
        ensemble: further models, whose similarities are averaged with the model's.
        normalise: names of score normalisers to test as well, or a single one.
        beta: inverse temperature of the normalisers; by default chosen on the validation split.
        chosen_file: file of the dataset folder with the query of each video, for `captions="chosen"`.
        language: of the captions, such as "de", or "all"; by default English, or all where no caption is English.
        ndcg: also compute nDCG@10, `metrics["t2v"].ndcg10`.
        directions: also rank from any to any of text, video, audio and their pairs, `directions` of the result; the
            model must be of kind `omni`.
        trec: folder for runs and qrels in the format of TREC.

    Returns:
        Ranks by query, with `metrics` by direction.

    Raises:
        InputError: something is missing or does not fit, or the split holds videos that a model was trained on.
    """
    if captions is not None:
        check_choice("captions", captions, get_args(CaptionUse))
    others = [ensemble] if isinstance(ensemble, Model) else check_list("ensemble", ensemble)
    return evaluate_folder(
        _folder(model),
        Path(check_place("dataset", dataset)),
        Path(check_place("features", features)),
        split=split,
        captions=captions,
        chosen_file=chosen_file,
        language=language,
        benchmark_name=benchmark,
        others=[_folder(other) for other in others],
        normalisers=check_list("normalise", normalise),
        beta=beta,
        ndcg=ndcg,
        directions=directions,
        trec=None if trec is None else Path(check_place("trec", trec)),
    )


def _folder(model: Model | str | Path) -> Path:
    loaded = model if isinstance(model, Model) else load(model)
    if loaded.folder is None:
        raise InputError(f"'{loaded.name}' is not a trained model", "give the folder of one")
    return loaded.folder


def extract(
    dataset: str | Path,
    out: str | Path,
    *,
    experts: str | Sequence[str],
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    workers: int = 2,
    device: str = AUTO,
    engine: Engine = "local",
    time_limit: float | None = None,
    memory_limit: float | None = None,
    progress: Progress = silent,
) -> Extraction:
    """Extract video features into `<out>/video`; `teachtext extract` does the same.

    Args:
        dataset: dataset folder, or a folder of videos.
        out: folder of the features.
        experts: video experts, such as `["appearance", "motion"]`, or a single one.
        settings: by expert, arguments that differ from its defaults.
        workers: processes, with one CPU thread each; fewer videos than processes share the threads.
        device: where the experts compute: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.
        engine: `local` processes, or `ray`.
        time_limit: seconds that one video may take; by default ten times its length, at least a minute.
        memory_limit: megabytes of memory that one video may take, beyond the encoders themselves; by default 4,000.
        progress: called with the number of videos that are done.

    Raises:
        InputError: no videos, no expert, an unknown expert, setting or engine, no worker, or a package that is not
            installed.
    """
    specs = check_items("expert", experts, check_string)
    if not specs:
        raise InputError("there is no expert", f"choose from {', '.join(VIDEO_EXPERTS)}")
    folder, target = Path(check_place("dataset", dataset)), Path(check_place("out", out))
    listed = check_has_videos(folder)
    extraction = extract_videos(
        listed.videos,
        specs,
        target / "video",
        settings=settings or {},
        workers=workers,
        device=device,
        engine=engine,
        time_limit=time_limit,
        memory_limit=memory_limit,
        progress=progress,
    )
    return replace(extraction, notes=[*listed.notes, *extraction.notes])


def metrics(
    similarity: Any,
    video_of: Sequence[int] | NDArray[np.int64] | None = None,
    *,
    ndcg: bool = False,
    trec: str | Path | None = None,
) -> dict[str, Metrics]:
    """Compute retrieval metrics of a similarity matrix.

    Args:
        similarity: (C, B) scores, rows = texts, columns = videos, as an array or tensor; or a file that
            `teachtext metrics` reads (.npy, .npz, .pt, .safetensors, .csv) with a single matrix in it. (V, K, V) scores
            are K texts for each of V videos.
        video_of: (C,) column of each text's own video; by default text i belongs to video i.
        ndcg: also compute nDCG@10, `ndcg10`.
        trec: folder for runs and qrels in the format of TREC. trec_eval orders equal scores by id, this function
            averages over them.

    Returns:
        Metrics by direction, `t2v` and `v2t`, each with its `ties`.

    Raises:
        InputError: shapes that do not fit, values that are no numbers, NaN, a video without a text, or a file with
            several matrices.

    >>> import teachtext
    >>> teachtext.metrics([[0.9, 0.1], [0.2, 0.8]])["t2v"].r1
    100.0
    """
    scores = _scores(similarity, video_of)
    if trec is not None:
        folder = Path(check_place("trec", trec))
        write_trec(folder, scores.similarity, scores.video_of, scores.caption_ids, scores.video_ids)
    return scores.metrics(ndcg=ndcg)


def _scores(similarity: Any, video_of: Sequence[int] | NDArray[np.int64] | None) -> StoredScores:
    if isinstance(similarity, (str, Path)):
        cases = read_similarity(Path(check_place("similarity", similarity)))
        if len(cases) > 1:
            raise InputError(f"{similarity} holds {len(cases)} matrices", "give one of them as an array")
        return next(iter(cases.values()))
    scores = _numbers("similarity", similarity, "biuf", "give a matrix of numbers, with rows of one length")
    if video_of is None:
        if scores.ndim != 3 and (scores.ndim != 2 or scores.shape[0] != scores.shape[1]):
            raise InputError(f"a matrix of shape {scores.shape} is not square", "give 'video_of'")
        return scores_alone(scores, "'similarity'")
    columns = _numbers("video_of", video_of, "iu", "give a whole number for each text")
    return StoredScores(scores, columns.astype(np.int64))


def _numbers(name: str, values: Any, kinds: str, mend: str) -> NDArray[Any]:
    """Return an array or a tensor as an array whose type is of one of numpy's kinds."""
    tensor = values.detach().cpu() if hasattr(values, "detach") else values
    if str(getattr(tensor, "dtype", "")) == "torch.bfloat16":
        # numpy has no such numbers, and all of them are numbers of 32 bits
        tensor = tensor.float()
    try:
        array = np.asarray(tensor)
    except (TypeError, ValueError) as error:
        raise InputError(f"'{name}' is no array of numbers", mend) from error
    if array.dtype.kind not in kinds:
        raise InputError(f"'{name}' holds values of type {array.dtype}", mend)
    return array
