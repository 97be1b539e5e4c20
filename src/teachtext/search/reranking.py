"""Ranks the first videos of a search anew: a slow scorer reads the query and the features of each video together."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.data.store import FeatureFile
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.learning.slow_scorer import SlowScorer
from teachtext.search import GroupBy, RankBy
from teachtext.search.blend import BLEND
from teachtext.search.manifest import Manifest
from teachtext.search.ranking import RankedVideo
from teachtext.search.segments import Stretch, StretchRows, long_settings
from teachtext.search.stores import is_url

SHORTLIST, SLOW_SHARE = 32, 0.25
"""By default so many videos are ranked anew, and the slow score has this share."""


class Reranked(NamedTuple):
    """The ranking of a search after the slow scorer.

    Attributes:
        videos: all videos, best first; those that were ranked anew have the blended score.
        sentence: what was done, and what a pair of query and video cost.
    """

    videos: Sequence[RankedVideo]
    sentence: str


class Reranker:
    """A slow scorer over the features of an index.

    The score of a video becomes (1 - share) times the index's score of its best place, plus share times the slow score
    of that place.

    Args:
        folder: of the scorer, `scorer-...` of a run.
        place: folder of the index.
        manifest: of the index.
        shortlist: number of videos that are ranked anew for each query.
        share: of the slow score, from 0 to 1.
        features: folder of the features of the index; by default in the index.
        device: of the scorer.

    Raises:
        InputError: the folder holds no scorer; an index behind a URL, of several models, without features, or without
            the experts of the scorer; a shortlist below 2 or a share beyond 0 and 1.
    """

    def __init__(
        self,
        folder: Path,
        place: str,
        manifest: Manifest,
        *,
        shortlist: int = SHORTLIST,
        share: float = SLOW_SHARE,
        features: Path | None = None,
        device: str = "auto",
    ) -> None:
        if shortlist < 2:
            raise InputError(f"{shortlist} videos cannot be ranked anew", "rank at least 2")
        if not 0 <= share <= 1:
            raise InputError(f"the share of the slow score is {share:g}", "give a number from 0 to 1")
        if is_url(place):
            raise InputError(
                f"the index {place} is behind a URL and holds no features, which a slow scorer reads",
                "rank anew in an index that is a folder",
            )
        if manifest.model["kind"] == BLEND:
            raise InputError(
                "the index holds several models, whose scores are no cosines like those of a slow scorer",
                "rank anew in an index of one trained model",
            )
        self.name = folder.resolve().name
        self.shortlist, self.share = shortlist, share
        self._scorer = SlowScorer(folder, device=device)
        self._files = self._open(features or Path(place) / "features", manifest)

    def check(self, by: RankBy, group_by: GroupBy, *, has_more_queries: bool = False) -> None:
        """Raise InputError for a search whose first videos cannot be ranked anew.

        Args:
            by: see `Searcher.search`.
            group_by: see `Searcher.search`.
            has_more_queries: whether further queries are asked.
        """
        if by == "words":
            raise InputError("a slow scorer ranks what the model ranks first, not words alone", "search by 'both'")
        if group_by == "moment":
            raise InputError("a slow scorer ranks videos, and not moments", "group by 'video'")
        if has_more_queries:
            raise InputError("a slow scorer reads one query, and a writer asks several", "leave out one of the two")

    def rerank(self, text: str, videos: Sequence[RankedVideo], places: Mapping[str, tuple[float, float]]) -> Reranked:
        """Rank the first videos of a search anew.

        Args:
            text: the query.
            videos: best first.
            places: start and end in seconds of the best place of each of the first videos; one without a place keeps
                the score of the index.
        """
        begun = time.perf_counter()
        first = videos[: self.shortlist]
        fast = np.array([video.score for video in first])
        blended = self.blended(text, [video.id for video in first], fast, places)
        seconds = time.perf_counter() - begun
        order = np.argsort(-blended, kind="stable").tolist()
        anew = [RankedVideo(first[number].id, float(blended[number])) for number in order]
        return Reranked(
            [*anew, *videos[self.shortlist :]],
            f"the first {len(first)} videos were ranked anew by {self.name} (share of the slow score {self.share:g}; "
            f"{1000 * seconds / max(1, len(first)):.2f} ms a pair, {1000 * seconds:.0f} ms in all)",
        )

    def blended(
        self, text: str, ids: Sequence[str], fast: NDArray[np.float64], places: Mapping[str, tuple[float, float]]
    ) -> NDArray[np.float64]:
        """Return the blended scores (M,) of videos.

        Args:
            text: the query.
            ids: M videos.
            fast: (M,), scores of the index.
            places: see `rerank`.
        """
        stretches = {name: Stretch(name, *places[name]) for name in ids if name in places}
        files = {name: StretchRows(name, file, stretches) for name, file in self._files.items()}
        slow = np.full(len(ids), np.nan)
        listed = [number for number, name in enumerate(ids) if name in stretches]
        if listed:
            slow[listed] = self._scorer.scores(text, files, [ids[number] for number in listed])
        mixed = (1 - self.share) * fast + self.share * slow
        return np.where(np.isnan(slow), fast, mixed)

    def _open(self, features: Path, manifest: Manifest) -> dict[str, FeatureFile]:
        """Open the features of the index that the scorer reads."""
        spec = self._scorer.spec
        folder = features / f"video-{manifest.detail}"
        if not folder.is_dir():
            raise InputError(
                f"{folder} is missing: a slow scorer reads the features of the index",
                "give the folder of the features that 'teachtext index' was given: --features",
            )
        settings = long_settings(spec.experts, spec.expert_settings)
        folders = {name: folder / VIDEO_EXPERTS.folder_name(name, settings.get(name, {})) for name in spec.experts}
        missing = [name for name, path in folders.items() if not path.is_dir()]
        if missing:
            raise InputError(
                f"{self.name} reads expert '{missing[0]}', and the index has no such features ({folders[missing[0]]})",
                "index the videos with a model of the run that the scorer comes from",
            )
        files = {name: FeatureFile(path) for name, path in folders.items()}
        for name, file in files.items():
            dim = spec.arguments["expert_dims"][name]
            if file.dim != dim:
                raise InputError(
                    f"{self.name} reads '{name}' of width {dim}, and the index has width {file.dim}",
                    "index the videos with a model of the run that the scorer comes from",
                )
        return files
