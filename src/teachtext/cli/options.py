"""Arguments and options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

DatasetFolder = Annotated[Path, typer.Argument(help="Dataset folder.")]
FeatureFolder = Annotated[Path, typer.Option("--out", help="Folder of the features.")]
Device = Annotated[str, typer.Option(help="Device that computes: auto, cpu, cuda, cuda:<number> or mps.")]
Ndcg = Annotated[bool, typer.Option("--ndcg", help="Also compute nDCG@10. All captions of a video are right answers.")]
Trec = Annotated[
    Path | None,
    typer.Option(
        help="Folder for runs and qrels in the format of TREC, the first 1,000 answers of each query. trec_eval orders "
        "equal scores by id, this program averages over them, so that figures of tied queries differ."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
