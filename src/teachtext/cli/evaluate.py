"""`teachtext evaluate`: a trained model on a split."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachtext.cli.options import AsJson, Counts, Device, Fuse, Language, Ndcg, Trec, WriterSpec
from teachtext.data.protocol import CaptionUse
from teachtext.devices import AUTO

if TYPE_CHECKING:
    from teachtext.evaluation.metrics import Metrics
    from teachtext.rewriting.quality import QualityByQueries


def evaluate(
    model: Annotated[str, typer.Argument(help="Folder of a run or of a trained model, or an id of the hub.")],
    dataset: Annotated[Path, typer.Argument(help="Dataset folder.")],
    features: Annotated[Path, typer.Option(help="Folder with video/<expert> and text/<encoder>.")],
    split: Annotated[str | None, typer.Option(help="Split to test on; by default the test split.")] = None,
    captions: Annotated[
        CaptionUse | None,
        typer.Option(help="How captions become queries, as in the config of the run; by default 'separate'."),
    ] = None,
    chosen_file: Annotated[
        str | None,
        typer.Option(help="File of the dataset folder with the query of each video, for '--captions chosen'."),
    ] = None,
    language: Language = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Benchmark whose protocol is used; see 'teachtext benchmarks'.")
    ] = None,
    ensemble: Annotated[
        list[str] | None,
        typer.Option(help="Run or folder of another model of an ensemble, the mean of similarities; may be repeated."),
    ] = None,
    normalise: Annotated[
        list[str] | None,
        typer.Option(
            help="Also test this score normaliser: inverted-softmax, qb-norm (a bank of the training captions), "
            "dual-softmax, sinkhorn (all test queries at once); may be repeated."
        ),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(help="Inverse temperature of the normalisers; by default chosen on the validation split."),
    ] = None,
    by_language: Annotated[
        bool, typer.Option("--by-language", help="Also print the metrics of the captions in each language.")
    ] = False,
    directions: Annotated[
        bool,
        typer.Option(
            "--directions", help="Also print the metrics from any to any of text, video, audio and their pairs."
        ),
    ] = False,
    rerank: Annotated[
        Path | None,
        typer.Option(
            metavar="SCORER",
            help="Folder of a slow scorer ('scorer-...' of a run) that ranks the first videos of each caption anew.",
        ),
    ] = None,
    shortlist: Annotated[int, typer.Option(min=2, help="Number of videos that '--rerank' ranks anew.")] = 32,
    ndcg: Ndcg = False,
    trec: Trec = None,
    writer: WriterSpec = None,
    queries: Counts = [1, 2, 3, 5],  # noqa: B006
    fuse: Fuse = "reciprocal",
    device: Device = AUTO,
    as_json: AsJson = False,
) -> None:
    """Test a trained model on a split.

    Prints text-to-video and video-to-text metrics. Score normalisers have separate tables: their numbers do not compare
    with numbers of models that see a single query. Refuses a split with videos that the model was trained on.

    With --directions a model of 'method: omni' is also asked with text, video, audio and their pairs for what they are
    not: twelve directions, of the videos that have all that a direction needs.

    With --rerank a second table has the text-to-video metrics after re-ranking, and what a pair costs.

    With --writer each caption is also written anew, and another table has the metrics by the number of queries that are
    asked.
    """
    from teachtext.api.load import model_folder
    from teachtext.cli.queries_table import print_by_queries
    from teachtext.cli.tables import print_directions, print_metrics
    from teachtext.errors import InputError
    from teachtext.experiment.evaluate import evaluate_folder

    folder = model_folder(model)
    rewritten = None
    if writer is not None:
        if captions not in (None, "separate") or benchmark:
            raise InputError("a writer writes single captions anew", "leave out --captions and --benchmark")
        rewritten = _by_queries(folder, dataset, features, writer, split, language, queries, fuse, device)
    done = evaluate_folder(
        folder,
        dataset,
        features,
        split=split,
        captions=captions,
        chosen_file=chosen_file,
        language=language,
        benchmark_name=benchmark,
        others=[model_folder(other) for other in ensemble or ()],
        normalisers=normalise or (),
        beta=beta,
        ndcg=ndcg,
        directions=directions,
        trec=trec,
        scorer_folder=rerank,
        shortlist=shortlist,
        device=device,
    )
    for note in dict.fromkeys([*done.notes, *(rewritten.notes if rewritten else ())]):
        print(f"note: {note}", file=sys.stderr)
    languages = done.languages if by_language else {}
    only = "model" if languages else ""
    title = only if as_json else f"{folder.name} on {dataset.name}, {done.split}; trained on: {done.trained_on}"
    cases: dict[str, Mapping[str, Metrics]] = {title: done.ranks.metrics}
    if done.ensemble:
        single = "model" if as_json else title
        title = "ensemble" if as_json else f"mean of {1 + len(ensemble or ())} models on {dataset.name}, {done.split}"
        cases = {single: done.ranks.metrics, title: done.ensemble}
    if by_language and not done.languages:
        print("note: all queries are in one language", file=sys.stderr)
    cases |= {language: {"t2v": metrics} for language, metrics in languages.items()}
    facts: dict[str, Any] = {"trained_on": done.trained_on}
    if done.directions:
        facts["directions"] = {ranks.direction: ranks.as_dict() for ranks in done.directions}
    if done.reranked and as_json:
        facts["reranked"] = done.reranked.as_dict()
    elif done.reranked:
        cases[done.reranked.label] = {"t2v": done.reranked.metrics}
    if rewritten:
        facts["by_queries"] = rewritten.as_dict()
    print_metrics(cases, as_json=as_json, normalised={title: done.normalised}, facts=facts)
    if done.directions and not as_json:
        print_directions(f"{folder.name} on {dataset.name}, {done.split}, from any to any", done.directions)
    if rewritten and not as_json:
        print_by_queries(rewritten)


def _by_queries(
    model: Path,
    dataset: Path,
    features: Path,
    writer: str,
    split: str | None,
    language: str | None,
    counts: list[int],
    fuse: str,
    device: str,
) -> "QualityByQueries":
    """Measure a model by the number of queries that a writer writes."""
    from teachtext.cli.progress import shown
    from teachtext.experiment.evaluate_queries import evaluate_by_queries
    from teachtext.rewriting.fusion import check_fusion
    from teachtext.rewriting.writers import open_writer

    fusion, opened = check_fusion(fuse), open_writer(writer)
    with shown() as progress:
        return evaluate_by_queries(
            model,
            dataset,
            features,
            opened,
            split=split,
            language=language,
            counts=counts,
            fuse=fusion,
            device=device,
            progress=progress,
        )
