"""Arguments and options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

INDEX = "teachtext-index"

DatasetFolder = Annotated[Path, typer.Argument(help="Dataset folder.")]
FeatureFolder = Annotated[Path, typer.Option("--out", help="Folder of the features.")]
Device = Annotated[str, typer.Option(help="Device that computes: auto, cpu, cuda, cuda:<number> or mps.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes, of one thread each.",
        show_default="one a core and for 1.5 GB of free memory, at most 8",
    ),
]
Ndcg = Annotated[bool, typer.Option("--ndcg", help="Also compute nDCG@10. All captions of a video are right answers.")]
Trec = Annotated[
    Path | None,
    typer.Option(
        help="Folder for runs and qrels in the format of TREC, the first 1,000 answers of each query. trec_eval orders "
        "equal scores by id, this program averages over them, so that figures of tied queries differ."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Language = Annotated[
    str | None,
    typer.Option(
        help="Language of the captions, such as de, or all.", show_default="English, or all where no caption is English"
    ),
]

IndexPlace = Annotated[
    str, typer.Option("--index", envvar="TEACHTEXT_INDEX", help="Folder of the index, or milvus://host:port/name.")
]
MovedModel = Annotated[
    list[str],
    typer.Option(
        "--model",
        help="Folder of the model or of its run, or an id of the hub, if the model was moved. Can be repeated.",
        show_default=False,
    ),
]
RerankBy = Annotated[
    Path | None,
    typer.Option(
        "--rerank",
        metavar="SCORER",
        help="Folder of a slow scorer ('scorer-...' of a run) that ranks the model's first videos anew.",
    ),
]
Shortlist = Annotated[int, typer.Option("--shortlist", help="Number of videos that '--rerank' ranks anew.")]
SlowShare = Annotated[
    float, typer.Option("--slow-share", help="Share of the slow score of '--rerank' in the score, from 0 to 1.")
]
Exact = Annotated[
    bool | None,
    typer.Option(
        "--exact/--approximate", help="Compare with every video, or not.", show_default="exact up to 50,000 segments"
    ),
]
Where = Annotated[
    list[str],
    typer.Option(
        "--where",
        "--filter",
        help="duration<=30, added>=2026-01-31, tag=<tag>, speech=yes or id=<id>; all must hold. Can be repeated.",
        show_default=False,
    ),
]
WriterSpec = Annotated[
    str | None,
    typer.Option(
        "--writer",
        metavar="SPEC",
        help="Writer of further queries for the same scene: file:PATH, chat:URL#MODEL or wordnet.",
        show_default=False,
    ),
]
Fuse = Annotated[
    str, typer.Option("--fuse", help="How the rankings of all queries are fused: reciprocal, borda, vote or mean.")
]
Counts = Annotated[
    list[int],
    typer.Option("--queries", help="Number of queries that is measured with --writer; can be repeated."),
]
Most = Annotated[int, typer.Option("-k", help="Number of videos, at most.")]
AllCopies = Annotated[
    bool,
    typer.Option(
        "--all-copies", help="List copies of a video (equal files, other encodings and sizes) one by one, not once."
    ),
]
Paths = Annotated[bool, typer.Option("--paths", help="Print the paths of the files alone, a line each.")]
Open = Annotated[int | None, typer.Option("--open", metavar="N", help="Open result N with the player of the system.")]
Playlist = Annotated[
    Path | None,
    typer.Option("--playlist", help="File to write the results to, as a playlist (.m3u).", show_default=False),
]
Cut = Annotated[
    Path | None,
    typer.Option(
        "--cut", help="Folder to write the best place of each result to, as clips (.mp4).", show_default=False
    ),
]
Null = Annotated[
    bool, typer.Option("-0", "--null", help="Print the paths of the files alone, a NUL after each, for xargs -0.")
]
