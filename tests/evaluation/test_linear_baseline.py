"""The linear baseline: it finds a linear relation, bears odd data, and never sees what it is tested on."""

import re
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from missing_packages import uninstall

from teachtext.errors import InputError
from teachtext.evaluation import linear_baseline
from teachtext.evaluation.linear_baseline import RIDGES, Pairs, fit_linear
from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.ranks import t2v_ranks

TOPICS = ("dog", "boat", "cook", "guitar", "snow", "child", "car", "dance")


def world(videos: int, per_video: int = 3, seed: int = 0, noise: float = 0.3) -> Pairs:
    """Videos in which some things occur. The features are a linear image of these, the captions name them."""
    random = np.random.default_rng(seed)
    mixing = {"sight": (len(TOPICS), 40), "sound": (len(TOPICS), 12)}
    fixed = np.random.default_rng(99)
    occurs = random.random((videos, len(TOPICS))) < 0.5
    features = {
        name: occurs @ fixed.standard_normal(shape) + noise * random.standard_normal((videos, shape[1]))
        for name, shape in mixing.items()
    }
    texts = [
        " ".join(["a video of", *random.permutation([word for word, there in zip(TOPICS, row, strict=True) if there])])
        for row in occurs
        for _ in range(per_video)
    ]
    return Pairs(features, texts, np.repeat(np.arange(videos), per_video))


def r10(baseline: linear_baseline.LinearBaseline, pairs: Pairs) -> float:
    scores = baseline.similarity(pairs.features, pairs.texts)
    assert np.isfinite(scores).all() and scores.dtype == np.float32 and np.abs(scores).max() <= 1.0001
    return metrics_from_ranks(t2v_ranks(scores, pairs.video_of)).r10


@pytest.fixture(scope="module")
def tested() -> Pairs:
    return world(100, seed=2)


def test_a_linear_relation_is_found(tested: Pairs):
    baseline = fit_linear(world(300), world(40, seed=1))
    assert r10(baseline, tested) > 80, "chance is 10"
    assert (baseline.videos, baseline.captions) == (300, 900)


def test_fewer_videos_than_dimensions(tested: Pairs):
    assert r10(fit_linear(world(30), world(20, seed=1)), tested) > 30


def test_features_and_captions_without_a_relation_have_chance(tested: Pairs):
    pairs = world(300)
    shuffled = pairs._replace(video_of=np.random.default_rng(5).permutation(pairs.video_of))
    assert r10(fit_linear(shuffled), tested) < 20


def test_the_ridge_is_chosen_on_the_validation_pairs_alone():
    train, select = world(60, noise=2.0), world(40, seed=1, noise=2.0)
    chosen = fit_linear(train, select)
    assert list(chosen.tried) == list(RIDGES)
    assert chosen.tried[chosen.ridge] == max(chosen.tried.values())
    for ridge, tried in chosen.tried.items():
        scores = chosen._views.scores(*_projected(chosen, select), ridge)
        assert metrics_from_ranks(t2v_ranks(scores, select.video_of)).geometric_mean == tried
    without = fit_linear(train)
    assert without.tried == {} and without.ridge in RIDGES
    nothing = fit_linear(train, Pairs({name: rows[:0] for name, rows in select.features.items()}, [], np.zeros(0, int)))
    assert nothing.tried == {} and nothing.ridge == without.ridge


def _projected(baseline: linear_baseline.LinearBaseline, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    return baseline._views.of_videos(pairs.features), baseline._views.of_texts(pairs.texts)


@pytest.mark.parametrize("per_video", [1, 4])
def test_three_training_videos(per_video: int, tested: Pairs):
    train = world(3, per_video)
    baseline = fit_linear(train, world(2, seed=1))
    assert r10(baseline, tested) >= 0
    own = baseline.similarity(train.features, train.texts)
    assert t2v_ranks(own, train.video_of).tolist() == [0] * len(train.texts), "it knows what it has learned"


def test_odd_features_leave_the_others_as_they_are(tested: Pairs):
    """Constant dimensions, an outlier, experts that most or all videos lack: nothing is divided by zero."""
    random = np.random.default_rng(7)

    def odd(pairs: Pairs) -> Pairs:
        count = len(pairs.features["sight"])
        rare, outlier = np.full((count, 5), np.nan), random.standard_normal((count, 3))
        rare[0] = 1.0
        outlier[0] = 1e6
        more = {"constant": np.full((count, 4), 0.1, np.float32), "rare": rare, "outlier": outlier}
        return pairs._replace(features={**pairs.features, **more, "nowhere": np.full((count, 2), np.nan)})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        baseline = fit_linear(odd(world(300)), odd(world(40, seed=1)))
        assert r10(baseline, odd(tested)) > 70


def test_words_that_no_training_caption_has(tested: Pairs):
    baseline = fit_linear(world(60))
    scores = baseline.similarity(tested.features, ["zebra", "☃", "a video of a dog and a boat"])
    assert np.isfinite(scores).all() and np.array_equal(scores[0], scores[1])


def test_equal_numbers_twice(tested: Pairs):
    first, second = (fit_linear(world(50), world(20, seed=1)) for _ in range(2))
    texts = tested.texts
    assert np.array_equal(first.similarity(tested.features, texts), second.similarity(tested.features, texts))


def test_a_large_training_set_is_represented_by_a_part(monkeypatch: pytest.MonkeyPatch, tested: Pairs):
    monkeypatch.setattr(linear_baseline, "_MOST_VIDEOS", 150)
    monkeypatch.setattr(linear_baseline, "_MOST_CAPTIONS", 400)
    monkeypatch.setattr(linear_baseline, "_FEW_VIDEOS", 10)
    baseline = fit_linear(world(400), world(40, seed=1))
    assert (baseline.videos, baseline.captions) == (150, 400)
    assert r10(baseline, tested) > 70
    monkeypatch.setattr(linear_baseline, "_FEW_VIDEOS", 40)
    larger = fit_linear(world(400), world(40, seed=1))
    assert larger.ridge in RIDGES and larger.tried.keys() == baseline.tried.keys()
    assert all(baseline.tried[ridge] > larger.tried[ridge] for ridge in RIDGES), "ten videos are fewer to confuse"
    ids = [f"v{place:03}" for place in range(400)]
    drawn = linear_baseline.videos_to_fit(ids)
    assert len(drawn) == 150 and drawn == sorted(drawn) and drawn == linear_baseline.videos_to_fit(ids)


def test_a_large_vocabulary_is_cut(monkeypatch: pytest.MonkeyPatch, tested: Pairs):
    monkeypatch.setattr(linear_baseline, "_COMPONENTS", 9)
    assert r10(fit_linear(world(300)), tested) > 50


def test_what_cannot_be_fitted_is_named(monkeypatch: pytest.MonkeyPatch):
    pairs = world(4)
    with pytest.raises(InputError, match="the training captions have no words"):
        fit_linear(pairs._replace(texts=["☃"] * len(pairs.texts)))
    with pytest.raises(InputError, match="the training captions are all alike"):
        fit_linear(pairs._replace(texts=["a dog"] * len(pairs.texts)))
    with pytest.raises(InputError, match="the training videos are all alike"):
        fit_linear(pairs._replace(features={"sight": np.ones((4, 3))}))
    uninstall(monkeypatch, "sklearn", "sklearn.decomposition", "sklearn.feature_extraction.text")
    with pytest.raises(InputError, match=re.escape("pip install 'teachtext[report]'")):
        fit_linear(pairs)
