import numpy as np
import pytest

from teachtext.data.protocol import Caption
from teachtext.evaluation.by_language import languages_of, metrics_by_language, results_by_language
from teachtext.evaluation.compare import Pair
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.significance import compare

VIDEOS = [f"v{number}" for number in range(40)]
CAPTIONS = [Caption(f"{video}#{end}", video, "x", end) for video in VIDEOS for end in ("de", "en")]


def ranks_of(t2v):
    """Ranks of captions; what else a model keeps of them is their own number."""
    count = len(CAPTIONS)
    numbers = np.arange(count)[:, None]
    return QueryRanks(
        t2v=np.asarray(t2v, float),
        v2t=np.zeros(len(VIDEOS)),
        top=numbers,
        top_scores=numbers.astype(np.float32),
        weights=numbers.astype(np.float32),
        video_of=np.arange(count) // 2,
        caption_ids=[caption.id for caption in CAPTIONS],
        video_ids=VIDEOS,
        experts=["scene"],
        t2v_ties=np.arange(count),
        v2t_ties=np.zeros(len(VIDEOS), int),
    )


@pytest.fixture
def models():
    """One that finds every German caption at rank 3, and one that finds most of them first; both alike in English."""
    random = np.random.default_rng(0)
    weak, strong = np.full(len(CAPTIONS), 2.0), np.full(len(CAPTIONS), 2.0)
    strong[::2] = random.random(len(VIDEOS)) < 0.2
    return {"alone": [ranks_of(weak)], "taught": [ranks_of(strong)]}


def test_some_captions_keep_their_rows():
    ranks = ranks_of(np.arange(80))
    part = ranks.of_captions(["v3#en", "v1#de"])
    assert part.t2v.tolist() == [7, 2] and part.caption_ids == ["v3#en", "v1#de"] and part.video_of.tolist() == [3, 1]
    assert [value[:, 0].tolist() for value in (part.top, part.top_scores, part.weights)] == [[7, 2]] * 3
    assert part.t2v_ties.tolist() == [7, 2] and part.video_ids == VIDEOS


def test_each_language_has_its_own_metrics_and_differences(models):
    languages = languages_of(CAPTIONS)
    assert list(languages) == ["en", "de"]
    english, german = results_by_language([Pair("taught", "alone", "claim")], models, languages)
    assert (english.language, english.captions, german.captions) == ("en", 40, 40)
    assert english.spread("taught", "r1").mean == english.spread("alone", "r1").mean == 0
    assert german.spread("taught", "r1").mean > 60 and german.spread("alone", "r1").mean == 0
    assert [comparison.verdict for comparison in english.comparisons] == ["undecided"]
    (gain,) = german.comparisons
    assert (gain.ours, gain.theirs, gain.claim, gain.verdict) == ("taught", "alone", "claim", "gain")
    rows = slice(0, None, 2)
    alone = compare([models["taught"][0].t2v[rows]], [models["alone"][0].t2v[rows]], np.arange(40))
    assert gain.difference.value == pytest.approx(alone.value)
    # two comparisons, one a language, are one family
    assert gain.p_holm == pytest.approx(min(1.0, 2 * gain.difference.p_interval))
    assert metrics_by_language(models["taught"][0], languages)["de"].r1 == german.spread("taught", "r1").mean


def test_a_row_that_was_tested_on_one_language_is_left_out(models):
    english_alone = [models["alone"][0].of_captions(languages_of(CAPTIONS)["en"])]
    found = results_by_language(
        [Pair("taught", "english")], models | {"english": english_alone}, languages_of(CAPTIONS)
    )
    assert all(language.rows.keys() == {"alone", "taught"} and not language.comparisons for language in found)


def test_captions_in_one_language_have_no_results_by_language():
    assert languages_of([caption for caption in CAPTIONS if caption.language == "en"]) == {}
