"""`teachtext search` and `like`: find videos with words, or like a video, a picture or a sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.options import (
    INDEX,
    AllCopies,
    AsJson,
    Cut,
    Device,
    Exact,
    Fuse,
    IndexPlace,
    Most,
    MovedModel,
    Null,
    Open,
    Paths,
    Playlist,
    RerankBy,
    Shortlist,
    SlowShare,
    Where,
    WriterSpec,
)
from teachtext.errors import counted
from teachtext.search import RankBy

if TYPE_CHECKING:
    from teachtext.search.answer import Answer, SearchResult
    from teachtext.search.expansion import Expander


def search(
    query: Annotated[
        list[str],
        typer.Argument(
            help="What to look for, with or without quotes. After -- a word may begin with a dash.", show_default=False
        ),
    ] = [],  # noqa: B006
    example: Annotated[
        str | None,
        typer.Option("--like", metavar="FILE", help="A picture, a sound or a clip to look for, instead of words."),
    ] = None,
    place: IndexPlace = INDEX,
    model: MovedModel = [],  # noqa: B006
    k: Most = 10,
    where: Where = [],  # noqa: B006
    by: Annotated[
        RankBy,
        typer.Option(
            help="Rank by the model's similarity, by words (heard, read, in subtitles, titles, file names), or by both."
        ),
    ] = "both",
    exact: Exact = None,
    device: Device = "auto",
    least_score: Annotated[
        float, typer.Option("--min-score", min=-1, max=1, help="Leave out videos with a lower score.")
    ] = -1.0,
    rerank: RerankBy = None,
    shortlist: Shortlist = 32,
    slow_share: SlowShare = 0.25,
    features: Annotated[
        Path | None,
        typer.Option(help="Folder of the features of the index, which '--rerank' reads.", show_default="in the index"),
    ] = None,
    writer: WriterSpec = None,
    queries: Annotated[
        int, typer.Option(help="Queries that are asked with --writer, yours among them: those farthest apart.")
    ] = 3,
    fuse: Fuse = "reciprocal",
    writer_seconds: Annotated[float, typer.Option(help="Seconds that the writer has.")] = 10.0,
    all_copies: AllCopies = False,
    as_json: AsJson = False,
    paths: Paths = False,
    null: Null = False,
    number: Open = None,
    playlist: Playlist = None,
    cut: Cut = None,
) -> None:
    """Find videos with words, or like a file.

    Prints the videos and the reasons: the part of each expert in the score, and the words that were heard or read, or
    that stand in subtitles, titles or file names.
    """
    from teachtext.cli.paths import check_output
    from teachtext.cli.quick_start import open_searcher
    from teachtext.errors import InputError
    from teachtext.search.filters import parse_filters
    from teachtext.search.folding import folded
    from teachtext.search.like import check_example, similar_to
    from teachtext.search.request import check_query

    check_output(as_json=as_json, paths=paths, null=null)
    text, conditions = " ".join(query), parse_filters(where)
    expander = _expander(writer, by, like_file=example is not None, queries=queries, fuse=fuse, seconds=writer_seconds)
    if example is not None:
        check_example(text, by, k)
    elif not query:
        raise InputError("there is nothing to look for", "give some words, or --like FILE")
    else:
        check_query(text, k)
    if rerank is not None and example is not None:
        raise InputError("a slow scorer reads words, and --like looks for a file", "leave out --rerank or --like")
    searcher = open_searcher(place, model, device, exact)
    reranker = None
    if rerank is not None:
        from teachtext.search.reranking import Reranker

        reranker = Reranker(
            rerank,
            place,
            searcher.manifest,
            shortlist=shortlist,
            share=slow_share,
            features=features,
            device=device,
        )
        reranker.check(by, "video", has_more_queries=expander is not None)
    similar = None if example is None else similar_to(searcher, example, conditions)
    expansion = None if expander is None else expander.expand(text, searcher)

    def ask(most: int) -> "Answer":
        if similar is not None:
            return similar(most).from_score(least_score)
        return searcher.search(
            text,
            k=most,
            where=conditions,
            by=by,
            least_score=least_score,
            count=as_json,
            expansion=expansion,
            reranker=reranker,
        )

    answer = ask(k) if all_copies else folded(ask, k)
    print_answer(answer, as_json=as_json, paths=paths, null=null)
    _use(answer, number, playlist, cut)


def _expander(
    spec: str | None, by: RankBy, *, like_file: bool, queries: int, fuse: str, seconds: float
) -> "Expander | None":
    """Return what writes further queries; None without a writer."""
    if spec is None:
        return None
    from teachtext.errors import InputError
    from teachtext.rewriting.fusion import check_fusion
    from teachtext.rewriting.writers import open_writer
    from teachtext.search.expansion import Expander, check_can_expand

    if like_file:
        raise InputError("a writer writes words, and --like looks for a file", "leave out --writer or --like")
    check_can_expand(by, "video")
    return Expander(open_writer(spec), queries=queries, fuse=check_fusion(fuse), seconds=seconds)


def like(
    video: Annotated[str, typer.Argument(help="Id of a video of the index, or path of a file, in the index or not.")],
    place: IndexPlace = INDEX,
    model: MovedModel = [],  # noqa: B006
    k: Most = 10,
    where: Where = [],  # noqa: B006
    exact: Exact = None,
    device: Device = "auto",
    all_copies: AllCopies = False,
    as_json: AsJson = False,
    paths: Paths = False,
    null: Null = False,
    number: Open = None,
    playlist: Playlist = None,
    cut: Cut = None,
) -> None:
    """Find videos like a video of the index, or like a picture, a sound or a clip."""
    from teachtext.cli.paths import check_output
    from teachtext.cli.quick_start import open_searcher
    from teachtext.search.filters import parse_filters
    from teachtext.search.folding import folded
    from teachtext.search.like import similar_to

    check_output(as_json=as_json, paths=paths, null=null)
    conditions = parse_filters(where)
    ask = similar_to(open_searcher(place, model, device, exact), video, conditions)
    answer = ask(k) if all_copies else folded(ask, k)
    print_answer(answer, as_json=as_json, paths=paths, null=null)
    _use(answer, number, playlist, cut)


def print_answer(answer: "Answer", *, as_json: bool, paths: bool, null: bool) -> None:
    """Print the results of a search as a table, as JSON, or as paths."""
    if as_json:
        _print_json(answer)
    elif paths or null:
        _print_paths(answer, null=null)
    else:
        _print_table(answer)


def _use(answer: "Answer", number: int | None, playlist: Path | None, cut: Path | None) -> None:
    import sys

    from teachtext.cli.play import open_result, write_clips, write_playlist

    if playlist is not None:
        count = write_playlist(answer.results, playlist)
        print(f"{count} of {len(answer.results)} results in {playlist}", file=sys.stderr)
    if number is not None:
        open_result(answer.results, number)
    if cut is not None:
        write_clips(answer.results, cut)


def _print_paths(answer: "Answer", *, null: bool) -> None:
    import sys

    from teachtext.cli.paths import print_paths

    print_paths([result.path for result in answer.results], null=null)
    for sentence in [*([] if answer.results else [_nothing(answer)]), *_notes(answer)]:
        print(sentence, file=sys.stderr)


def _print_json(answer: "Answer") -> None:
    import json

    from teachtext.service.schemas import AnswerJson, ResultJson

    results = [
        {"id": result.item.id, "path": str(result.path), **ResultJson.of(result).model_dump()}
        for result in answer.results
    ]
    fields = AnswerJson.of(answer).model_dump(exclude={"query", "results"})
    reranked = {"reranked": answer.reranked} if answer.reranked else {}
    print(json.dumps({**fields, **reranked, "results": results}, indent=2, ensure_ascii=False))


def _print_table(answer: "Answer") -> None:
    from teachtext.cli.progress import console
    from teachtext.cli.tables import print_rows

    if not answer.results:
        console.print(_nothing(answer))
        _print_notes(answer)
        return
    if answer.confidence == "nothing":
        console.print("Nothing here is like that. What is nearest:")
    elif answer.confidence == "weaker":
        console.print("No video is a strong match.")
    rows = [
        [
            str(number),
            result.item.id + ("" if result.has_file else " (gone)") + _copies(result, answer),
            f"{result.score:.3f}" + (" weaker" if answer.confidence == "strong" and not result.is_strong else ""),
            _why(result),
            _at(result),
            ", ".join(result.words),
        ]
        for number, result in enumerate(answer.results, start=1)
    ]
    print_rows(["", "video", "score", "why", "at", "words"], rows)
    how = "exact" if answer.exact else "approximate"
    _print_notes(answer)
    corrected = ", hubs corrected" if answer.corrected else ""
    console.print(f"{counted(answer.total, 'video')}, {how}{corrected}, {1000 * answer.seconds:.0f} ms")


def _notes(answer: "Answer") -> list[str]:
    from teachtext.data.video_files import printable

    asked = [f"also asked: {'; '.join(map(printable, answer.written))}"] if answer.written else []
    anew = [answer.reranked] if answer.reranked else []
    notes = [*asked, *anew, *answer.notes, *([answer.about_model] if answer.about_model else [])]
    return [f"note: {note}" for note in notes]


def _print_notes(answer: "Answer") -> None:
    from teachtext.cli.progress import console

    for note in _notes(answer):
        console.print(note, markup=False, soft_wrap=True)


def _nothing(answer: "Answer") -> str:
    return "Nothing was found." if answer.total else "The index holds no videos yet."


def _copies(result: "SearchResult", answer: "Answer") -> str:
    """Return how many copies of a video there are, where the answer lists one of them."""
    listed = {other.item.id for other in answer.results}
    is_alone = len(result.copies) > 1 and len(listed.intersection(result.copies)) == 1
    return f" ({len(result.copies)} copies)" if is_alone else ""


def _at(result: "SearchResult") -> str:
    """Return when words of the query were heard or read, else the best place of a video that has several segments."""
    from teachtext.search.types import clock

    start_s, end_s = result.span_s
    if result.moments:
        return clock(start_s)
    return f"{clock(start_s)}-{clock(end_s)}" if result.is_cut else ""


def _why(result: "SearchResult") -> str:
    parts = sorted(result.why.items(), key=lambda part: -part[1])
    return " + ".join(f"{name} {part:.3f}" for name, part in parts)
