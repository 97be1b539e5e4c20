import numpy as np
import pytest

from teachtext.errors import InputError
from teachtext.evaluation.by_direction import (
    DIRECTION_NAMES,
    FORMS,
    EmbeddedForms,
    left_out,
    load_directions,
    ranks_by_direction,
    results_by_direction,
    save_directions,
)
from teachtext.evaluation.compare import Pair
from teachtext.evaluation.metrics import retrieval_metrics

CAPTIONS = [f"{video}#{number}" for video in "abcde" for number in range(3)]
VIDEO_OF = np.repeat(np.arange(5), 3)


def made(seed=0, has=None, dim=4):
    """Random unit vectors of 15 captions and 5 videos, each form by itself."""
    random = np.random.default_rng(seed)
    vectors = {}
    for form in FORMS:
        values = random.normal(size=(15 if "text" in form else 5, dim))
        vectors[form] = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    return vectors, {"video": np.ones(5, bool), "audio": np.ones(5, bool)} | (has or {})


def forms_of(vectors, has):
    return EmbeddedForms(vectors=vectors, has=has, video_of=VIDEO_OF, caption_ids=CAPTIONS, video_ids=list("abcde"))


def ranked(vectors, has):
    return {ranks.direction: ranks for ranks in ranks_by_direction(forms_of(vectors, has))}


def test_twelve_directions_between_forms_with_nothing_in_common():
    assert len(set(DIRECTION_NAMES)) == 12
    for name in DIRECTION_NAMES:
        asked, answer = name.split(" to ")
        assert not set(asked.split(" + ")) & set(answer.split(" + "))
        assert f"{answer} to {asked}" in DIRECTION_NAMES


@pytest.mark.parametrize(("left", "right"), [("text", "video + audio"), ("text + audio", "video"), ("video", "audio")])
def test_the_metrics_of_a_direction_are_those_of_its_matrix(left, right):
    vectors, has = made()
    directions = ranked(vectors, has)
    video_of = VIDEO_OF if "text" in left else np.arange(5)
    expected = retrieval_metrics(vectors[left] @ vectors[right].T, video_of, ndcg=True)
    for name, way in ((f"{left} to {right}", "t2v"), (f"{right} to {left}", "v2t")):
        metrics = directions[name].metrics
        assert {key: metrics[key] for key in expected[way]} == expected[way].as_dict()
        assert metrics["mrr"] == pytest.approx(100 * np.mean(1 / (directions[name].ranks + 1)))
    assert directions[f"{left} to {right}"].answers == 5
    assert directions[f"{right} to {left}"].answers == len(vectors[left])


def test_a_video_without_sound_is_left_out_of_the_directions_with_sound():
    silent = {"audio": np.array([True, False, True, True, True])}
    vectors, has = made(has=silent)
    directions = ranked(vectors, has)
    noisy = {form: values.copy() for form, values in vectors.items()}
    noisy["audio"][1] = noisy["video + audio"][1] = -7
    noisy["text + audio"][3:6] = 9
    others = ranked(noisy, has)
    for name in DIRECTION_NAMES:
        np.testing.assert_array_equal(directions[name].ranks, others[name].ranks)
        assert "b" in directions[name].video_ids if "audio" not in name else "b" not in directions[name].video_ids
    assert directions["text to audio"].answers == 4 and len(directions["text to audio"].ranks) == 12
    assert directions["text to video"].answers == 5 and len(directions["text to video"].ranks) == 15
    (sentence,) = left_out(has, list("abcde"))
    assert sentence.startswith("1 of 5 tested videos has no audio features") and "10 directions" in sentence


def test_a_set_without_sound_has_empty_directions_that_are_counted():
    vectors, has = made(has={"audio": np.zeros(5, bool)})
    directions = ranked(vectors, has)
    assert [name for name in DIRECTION_NAMES if len(directions[name].ranks)] == ["text to video", "video to text"]
    assert directions["audio to text"].as_dict() == {"queries": 0, "answers": 0}
    assert left_out(has, list("abcde")) == [
        "no tested video has audio features: the 10 directions with audio are empty"
    ]
    results = results_by_direction([], {"one": [list(directions.values())]})
    assert [part.direction for part in results] == list(DIRECTION_NAMES)
    assert [bool(part.rows) for part in results].count(True) == 2


def test_directions_are_read_as_they_were_written(tmp_path):
    directions = ranks_by_direction(forms_of(*made(has={"audio": np.zeros(5, bool)})))
    save_directions(tmp_path / "directions.npz", directions)
    for found, ours in zip(load_directions(tmp_path / "directions.npz"), directions, strict=True):
        assert found.as_dict() == ours.as_dict() and found.direction == ours.direction
        assert (found.query_ids, found.video_ids) == (list(ours.query_ids), list(ours.video_ids))
    whole = (tmp_path / "directions.npz").read_bytes()
    (tmp_path / "directions.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is not a whole file of directions"):
        load_directions(tmp_path / "directions.npz")


def test_rows_are_compared_in_each_direction_and_corrected_over_all():
    random = np.random.default_rng(0)
    captions, videos = [f"{i}#0" for i in range(40)], [str(i) for i in range(40)]
    has = {"video": np.ones(40, bool), "audio": np.ones(40, bool)}

    def model(skill):
        # every form of a video has a share of one vector
        common = random.normal(size=(40, 6))
        noise = {form: random.normal(size=(40, 6)) for form in FORMS}
        vectors = {form: skill * common + noise[form] for form in FORMS}
        vectors["audio"] = noise["audio"]
        units = {form: (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32) for form, v in vectors.items()}
        return ranks_by_direction(
            EmbeddedForms(vectors=units, has=has, video_of=np.arange(40), caption_ids=captions, video_ids=videos)
        )

    ranks = {"weak": [model(0.0)], "strong": [model(5.0)]}
    pairs = [Pair("strong", "weak", "it is better"), Pair("strong", "absent")]
    results = {part.direction: part for part in results_by_direction(pairs, ranks, statistic="r5", resamples=999)}
    (comparison,) = results["text to video"].comparisons
    assert (comparison.ours, comparison.theirs, comparison.claim) == ("strong", "weak", "it is better")
    assert comparison.verdict == "gain" and comparison.difference.scope
    assert comparison.p_holm == pytest.approx(min(1, 12 * comparison.difference.p_interval), abs=0.05)
    assert results["text to audio"].comparisons[0].verdict == "undecided"
    assert results["text to video"].spread("strong", "r5").mean > 90
