import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachtext.data.protocol import Caption
from teachtext.data.rivals import rivals_of


def queries(pairs):
    return [Caption(f"{video}#{number}", video, text) for number, (video, text) in enumerate(pairs)]


def test_three_videos_that_share_a_sentence():
    rivals = rivals_of(queries([("a", "a dog"), ("b", "a  dog"), ("c", "a dog"), ("c", "a cat"), ("c", "a cat")]))
    assert (rivals.queries, rivals.with_rival, rivals.repeated, rivals.first) == (5, 3, 2, "a dog")
    assert rivals.r1_bound == pytest.approx(60.0)
    assert rivals.sentence == (
        "3 of 5 test queries are word for word a query of another video too (first: 'a dog'), so no model can have an "
        "R@1 (t2v) above 60.00"
    )


def test_without_equal_texts_nothing_is_said():
    rivals = rivals_of(queries([("a", "a dog"), ("b", "A dog"), ("b", "a dogs")]))
    assert (rivals.with_rival, rivals.r1_bound, rivals.sentence) == (0, 100.0, "")
    assert rivals_of([]).sentence == ""


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_the_bound_is_what_the_best_answer_to_each_text_reaches(pairs):
    best = sum(max(pairs.count((video, text)) for video in "abc") for text in "xyz")
    assert rivals_of(queries(pairs)).r1_bound == pytest.approx(100 * best / len(pairs))


def test_rivals_by_words_alone():
    """Capitals, punctuation, forms of letters and spaces aside."""
    texts = [("a", "A dog runs."), ("b", "a  dog, runs"), ("c", "a dog ran"), ("d", "Stra\u00dfe"), ("e", "STRASSE!")]
    rivals = rivals_of(queries(texts), words_alone=True)
    assert (rivals.queries, rivals.with_rival, rivals.first) == (5, 4, "a dog runs")
    # two texts of two videos each: one query of each pair can be right, and the fifth query
    assert rivals.r1_bound == pytest.approx(60.0)
    # of the words of k other videos one query in k + 1 is right at best
    three = rivals_of(queries([("a", "A dog"), ("b", "a dog!"), ("c", "a dog")]), words_alone=True)
    assert three.r1_bound == pytest.approx(100 / 3)
    assert rivals_of(queries([("a", "!"), ("b", "?")]), words_alone=True).with_rival == 0
