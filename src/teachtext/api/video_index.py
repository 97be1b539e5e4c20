"""A folder of videos that can be searched, in Python."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from teachtext.arguments import check_choice, check_count, check_items, check_place, check_string
from teachtext.progress import Progress, silent
from teachtext.rewriting.fusion import Fusion, check_fusion
from teachtext.rewriting.writer import Writer
from teachtext.rewriting.writers import open_writer
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import Answer, SearchResult
from teachtext.search.cuts import cut_results
from teachtext.search.expansion import QUERIES, WRITER_S, Expander, check_can_expand
from teachtext.search.filters import Filter, parse_filters
from teachtext.search.folding import folded
from teachtext.search.indexing import Indexed, check_tags
from teachtext.search.like import similar_to
from teachtext.search.quality import SearchQuality, measure_quality, read_split
from teachtext.search.request import check_query
from teachtext.search.searcher import Searcher
from teachtext.search.types import Item
from teachtext.search.upkeep import change_tags, find_ids

if TYPE_CHECKING:
    from teachtext.search.reranking import Reranker

# seconds that a change of tags waits for another writer
_WAIT_S = 60.0


class Index:
    """An index that answers searches. Get one with `teachtext.index` or `teachtext.open_index`.

    Args:
        searcher: the opened index.
        indexed: what became of the videos of a folder that was just indexed.

    Attributes:
        searcher: the opened index, with all its settings.
        indexed: counts of added, updated and failed videos; None for an index that was only opened.
    """

    def __init__(self, searcher: Searcher, indexed: Indexed | None = None) -> None:
        self.searcher = searcher
        self.indexed = indexed
        self._rerankers: dict[Path, Reranker] = {}

    def search(
        self,
        text: str,
        k: int = 10,
        *,
        where: Filter | str | Sequence[str] = (),
        by: RankBy = "both",
        group_by: GroupBy = "video",
        least_score: float = -1.0,
        all_copies: bool = False,
        writer: str | Writer | None = None,
        queries: int = QUERIES,
        fuse: Fusion = "reciprocal",
        writer_seconds: float = WRITER_S,
        rerank: "str | Path | Reranker | None" = None,
    ) -> list[SearchResult]:
        """Find videos with words.

        Args:
            text: the query.
            k: how many results, at most.
            where: a filter, or conditions such as `["duration<=30", "tag=holiday"]`, which must all hold.
            by: `model` for the similarity of query and video, `words` for words that are heard, read, in subtitles,
                titles or file names, `both` fused.
            group_by: `video` returns each video once, with its best places; `moment` returns each place by itself.
            least_score: videos with a lower score, from -1 to 1, are left out.
            all_copies: list copies of a video (equal files, other encodings and sizes) one by one, not once. By
                default moments are those of the copy that ranks first.
            writer: writes further queries for the same scene, whose rankings are fused: `file:PATH`, `chat:URL#MODEL`,
                `wordnet`, or a `teachtext.rewriting.writer.Writer`. A writer that fails leaves a warning, and the
                search is that of the query alone.
            queries: how many queries are asked, with the query itself; the written ones are chosen by farthest query
                sampling.
            fuse: `reciprocal`, `borda`, `vote` or `mean` (see `teachtext.rewriting.fusion`).
            writer_seconds: time limit of the writer.
            rerank: folder of a slow scorer, which ranks the first 32 videos of the model anew; or a
                `teachtext.search.reranking.Reranker`, with a length of the list and a share of its own. Scores stay
                those of the model.

        Returns:
            Best first. Each has `video_id`, `path`, `score`, `why` (share of the score by space), `places` (the parts
            of the video that answer the query, in seconds), `is_strong`, `moments` (words that were heard or read, or
            stand in subtitles) and `copies` (ids of all copies).

        Raises:
            InputError: an empty query, k below 1, an unknown `by`, a filter that cannot be read, or a store that is
                down.
        """
        check_string("text", text)
        check_choice("by", by, get_args(RankBy))
        check_choice("group_by", group_by, get_args(GroupBy))
        count, conditions = check_count("k", k), _filter(where)
        expansion = None
        if writer is not None:
            check_query(text, count)
            check_can_expand(by, group_by)
            expander = Expander(
                open_writer(writer) if isinstance(writer, str) else writer,
                queries=check_count("queries", queries),
                fuse=check_fusion(check_string("fuse", fuse)),
                seconds=writer_seconds,
            )
            expansion = expander.expand(text, self.searcher)
        reranker = None if rerank is None else self._reranker(rerank)

        def ask(k: int) -> Answer:
            return self.searcher.search(
                text,
                k=k,
                where=conditions,
                by=by,
                group_by=group_by,
                least_score=least_score,
                expansion=expansion,
                reranker=reranker,
            )

        answer = ask(count) if all_copies else folded(ask, count)
        for note in answer.notes:
            warnings.warn(note, stacklevel=2)
        return list(answer.results)

    def _reranker(self, rerank: "str | Path | Reranker") -> "Reranker":
        """Return a slow scorer; one of a folder is loaded once."""
        from teachtext.search.reranking import Reranker

        if isinstance(rerank, Reranker):
            return rerank
        folder = Path(check_place("rerank", rerank))
        if folder not in self._rerankers:
            manifest, device = self.searcher.snapshot().manifest, self.searcher.device
            self._rerankers[folder] = Reranker(folder, self.place, manifest, device=device)
        return self._rerankers[folder]

    def like(
        self, video: str | Path, k: int = 10, *, where: Filter | str | Sequence[str] = (), all_copies: bool = False
    ) -> list[SearchResult]:
        """Find videos like one of the index, or like a picture, a sound or a clip from outside.

        A file from outside goes through the video experts of the index, in a process of its own that stays for further
        files until `close`.

        Args:
            video: id of a video of the index, path of its file, or path of a file from outside.
            k: how many videos, at most.
            where: see `search`.
            all_copies: see `search`.

        Raises:
            NotFound: the index does not hold the video, and there is no such file.
            InputError: a file that is no picture, sound or video, or that shows nothing that the model sees or hears; k
                below 1, a filter that cannot be read, or a store that is down.
        """
        name, count = str(check_place("video", video)), check_count("k", k)
        ask = similar_to(self.searcher, name, _filter(where))
        answer = ask(count) if all_copies else folded(ask, count)
        for note in answer.notes:
            warnings.warn(note, stacklevel=2)
        return list(answer.results)

    def close(self) -> None:
        """End the process that looks at files from outside, if there is one."""
        self.searcher.close()

    def cut(self, results: Sequence[SearchResult], folder: str | Path, *, progress: Progress = silent) -> list[Path]:
        """Write the best place of each result as an MP4; `teachtext search --cut` does the same.

        A warning names each result that gave no clip.

        Args:
            results: of a search, best first.
            folder: of the clips; made if need be.
            progress: called with the number of results that are done.

        Returns:
            The files, best result first.

        Raises:
            InputError: the disk is full, or the folder cannot be written to.
        """
        cuts = cut_results(results, Path(check_place("folder", folder)), progress=progress)
        for sentence in cuts.left_out:
            warnings.warn(f"left out: {sentence}", stacklevel=2)
        return list(cuts.files)

    def tag(
        self, videos: str | Sequence[str], *, add: str | Collection[str] = (), remove: str | Collection[str] = ()
    ) -> int:
        """Add tags to videos, and remove tags; return how many videos have changed.

        Args:
            videos: ids, or paths of files.
            add: tags that the videos are to have.
            remove: tags that the videos are not to have.

        Raises:
            NotFound: the index does not hold a video.
            InputError: an empty tag, another writer is at work, or a store that is down.
        """
        added, removed = (check_items("tag", tags, check_string) for tags in (add, remove))
        check_tags([*added, *removed])
        ids = find_ids(self.searcher.store, check_items("video", videos, check_string))
        return change_tags(self.searcher.store, ids, add=added, remove=removed, wait_s=_WAIT_S)

    def evaluate(self, dataset: str | Path, split: str = "test", *, progress: Progress = silent) -> SearchQuality:
        """Measure how well searches by the model find the videos of captions; `teachtext evaluate-index` does the same.

        Args:
            dataset: folder of the captions.
            split: whose captions are searched, each among all videos of the index.
            progress: told how many captions are ranked.

        Returns:
            Metrics with intervals over videos, ranks, and the captions whose video is not in the index.

        Raises:
            InputError: no such dataset or split, an empty index, or no caption whose video is in the index.
        """
        check_string("split", split)
        return measure_quality(
            self.searcher, read_split(Path(check_place("dataset", dataset)), split), split, progress=progress
        )

    @property
    def about_model(self) -> str:
        """What the built-in model is, in a sentence; empty for an index of any other model."""
        return self.searcher.about_model

    @property
    def place(self) -> str:
        """Folder or URL of the index."""
        return self.searcher.store.place

    @property
    def items(self) -> list[Item]:
        """All videos of the index, sorted by id."""
        return sorted(self.searcher.store.catalog(), key=lambda item: item.id)

    def __len__(self) -> int:
        return self.searcher.store.count()

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __repr__(self) -> str:
        return f"Index({self.place!r}, {len(self)} videos)"


def _filter(where: Filter | str | Sequence[str]) -> Filter:
    return where if isinstance(where, Filter) else parse_filters(check_items("condition", where, check_string))
