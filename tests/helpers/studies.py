"""Studies of made-up ranks, with real intervals and comparisons."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from teachtext.evaluation.compare import Pair, compare_all, interval_of
from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import Row, SeedResult
from teachtext.evaluation.result_rows import TestedOn as SplitTested  # pytest collects names in Test*
from teachtext.evaluation.results import Missing, Results

VIDEOS, PER_VIDEO = 30, 4
RESAMPLES = 200


def make_ranks(difficulty: float, seed: int, videos: int = VIDEOS) -> QueryRanks:
    """Ranks as of a model; those of one seed have their easy and hard videos in common, whatever the difficulty."""
    rng = np.random.default_rng(seed)
    hardness = np.repeat(rng.normal(0, 0.5, videos), PER_VIDEO) + rng.normal(0, 0.5, videos * PER_VIDEO)
    captions = videos * PER_VIDEO
    return QueryRanks(
        t2v=np.clip(np.floor(np.exp(difficulty + hardness)), 0, videos - 1),
        v2t=np.clip(np.floor(np.exp(difficulty + hardness[:videos])), 0, captions - 1),
        top=np.zeros((captions, 1), np.int64),
        top_scores=np.zeros((captions, 1), np.float32),
        weights=np.ones((captions, 1), np.float32),
        video_of=np.repeat(np.arange(videos), PER_VIDEO),
        caption_ids=[f"v{row // PER_VIDEO}#{row % PER_VIDEO}" for row in range(captions)],
        video_ids=[f"v{column}" for column in range(videos)],
        experts=["clip"],
    )


def make_study(
    rows: Sequence[tuple[str, str, float, dict[str, Any]]],
    pairs: Sequence[Pair] = (),
    *,
    seeds: Sequence[int] = (0, 1, 2),
    statistic: str = "geometric_mean",
    missing: Sequence[Missing] = (),
    generated: bool = False,
    name: str = "a-study",
) -> Results:
    """A study of rows (label, role, difficulty, changes), with real intervals and comparisons of made-up ranks."""
    settings: dict[str, Any] = {"statistic": statistic, "level": 0.95, "resamples": RESAMPLES}
    ranks = {label: [make_ranks(difficulty, seed) for seed in seeds] for label, _, difficulty, _ in rows}
    tested = SplitTested(
        dataset="MSVD <small>",
        split="test",
        videos=VIDEOS,
        listed_videos=VIDEOS,
        queries=VIDEOS * PER_VIDEO,
        train_videos=100,
        selection_videos=20,
        generated=generated,
        notes=["A note <b>of</b> the dataset"],
    )
    made = []
    for label, role, _, changes in rows:
        found = [
            SeedResult.of(
                seed,
                f"models/{label}-{seed}",
                4,
                {"t2v": metrics_from_ranks(own.t2v), "v2t": metrics_from_ranks(own.v2t)},
            )
            for seed, own in zip(seeds, ranks[label], strict=True)
        ]
        interval, problem = interval_of(ranks[label], **settings)
        made.append(
            Row.model_validate(
                {
                    "label": label,
                    "role": role,
                    "text_encoder": changes.get("student.text", "glove"),
                    "experts": ["clip"],
                    "parameters": 1234,
                    "seeds": found,
                    "changes": changes,
                    "teachers": [] if role == "student" else ["use", "minilm"],
                    "tested": tested,
                    "ranks": [f"models/{label}-{seed}/test.npz" for seed in seeds],
                    "interval": interval,
                    "problem": problem,
                }
            )
        )
    return Results(
        name=name,
        question="Does <i>it</i> help?",
        **settings,
        seeds=list(seeds),
        rows=made,
        comparisons=compare_all(pairs, ranks, {gone.label: gone.problem for gone in missing}, **settings),
        missing=list(missing),
        config={"base": {"note": "</pre><script>bad()</script>"}},
        versions={"torch": "2.9"},
    )
