"""Videos like a video of the index, or like a file from outside, whatever a user names."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from teachtext.errors import InputError, NotFound
from teachtext.search import RankBy
from teachtext.search.answer import Answer
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.request import check_k
from teachtext.search.searcher import Searcher
from teachtext.search.upkeep import find_ids


def check_example(text: str, by: RankBy, k: int) -> None:
    """Check what is asked for beside a file that is to be looked for; no model is needed.

    Raises:
        InputError: there are words, videos are to be ranked by words alone, or k is below 1.
    """
    check_k(k)
    if text.strip():
        raise InputError("both words and a file are given", "search with the words, or with --like FILE")
    if by == "words":
        raise InputError("a file has no words to rank by", "leave out --by words, or search with words")


def similar_to(searcher: Searcher, name: str, where: Filter = EVERYTHING) -> Callable[[int], Answer]:
    """Return what finds the k videos that are most like what a name stands for.

    Args:
        searcher: of the index.
        name: id of a video of the index, path of its file, or path of a picture, a sound or a clip from outside. A
            video of the index itself is left out of the answer.
        where: the filter.

    Raises:
        NotFound: the index holds no such video, and there is no such file.
        InputError: see `Searcher.embed_file`.
    """
    path = Path(name)
    try:
        video_id = find_ids(searcher.store, [name])[0]
    except NotFound as error:
        if not path.is_file():
            raise NotFound(f"{error.problem}, and there is no such file", error.mend) from error
    else:
        return lambda k: searcher.like(video_id, k=k, where=where)
    embedded = searcher.embed_file(path)
    like = partial(searcher.like_vectors, embedded.vectors, where=where)

    def ask(k: int) -> Answer:
        answer = like(k=k)
        return replace(answer, notes=[*answer.notes, *embedded.notes])

    return ask
