"""The contract of every family: vectors of the library's own recipe, of unit length, alone as in a batch."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

transformers = pytest.importorskip("transformers")
import shared_models  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from teachtext.encoders.shared_space.families import FAMILIES  # noqa: E402
from teachtext.encoders.shared_space.model import SharedSpace  # noqa: E402

TEXTS = ["a dog runs", "the red car", "a photo of a green ball quickly runs", "cat"]
Open = Callable[[str], SharedSpace]
Values = NDArray[np.float32]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a tiny model of a family."""
    root = tmp_path_factory.mktemp("shared")
    folders: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in folders:
            folders[kind] = shared_models.BUILDERS[kind](root / kind)
        return folders[kind]

    return folder


@pytest.fixture(scope="module")
def opened(folder_of: Callable[[str], Path]) -> Open:
    """Return a tiny model of a family."""
    models: dict[str, SharedSpace] = {}
    return lambda kind: models.setdefault(kind, SharedSpace(model=str(folder_of(kind)), device="cpu"))


def photos() -> list[NDArray[np.uint8]]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*size, 3), np.uint8) for size in ((40, 60), (80, 50), (32, 32))]


def unit(output: Any) -> Values:
    values = output if isinstance(output, torch.Tensor) else output.pooler_output
    return torch.nn.functional.normalize(values.flatten(1), dim=1).numpy()


def features(folder: Path, texts: Sequence[str], pictures: Sequence[Any]) -> tuple[Values, Values]:
    """The recipe of transformers' own documentation, one input at a time."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prepare = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    with torch.no_grad():
        read = [unit(model.get_text_features(**tokenizer(text, return_tensors="pt"))) for text in texts]
        seen = [
            unit(model.get_image_features(**prepare(images=Image.fromarray(picture), return_tensors="pt")))
            for picture in pictures
        ]
    return np.concatenate(read), np.concatenate(seen)


RECIPES: Mapping[str, Callable[[Path, Sequence[str], Sequence[Any]], tuple[Values, Values]]] = dict.fromkeys(
    ("align", "altclip", "chinese_clip", "clip", "metaclip_2"), features
)


def test_every_family_has_a_tiny_model():
    assert set(shared_models.BUILDERS) == set(FAMILIES)


@pytest.mark.parametrize("kind", sorted(RECIPES))
def test_texts_and_pictures_equal_the_recipe_of_the_library(kind: str, opened: Open, folder_of: Callable[[str], Path]):
    texts, pictures = RECIPES[kind](folder_of(kind), TEXTS, photos())
    model = opened(kind)
    assert np.allclose(model.encode_texts(TEXTS), texts, atol=1e-5)
    assert np.allclose(model.encode_pictures(photos()), pictures, atol=1e-5)
    assert np.abs(texts[0] - texts[1]).max() > 1e-3 and np.abs(pictures[0] - pictures[1]).max() > 1e-4


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_vector_has_unit_length_and_does_not_depend_on_its_neighbours(kind: str, opened: Open):
    model = opened(kind)
    together = {"text": model.encode_texts(TEXTS)}
    alone = {"text": [model.encode_texts([text]) for text in TEXTS]}
    if "pictures" in model.towers:
        together["pictures"] = model.encode_pictures(photos())
        alone["pictures"] = [model.encode_pictures([photo]) for photo in photos()]
    if "clips" in model.towers:
        clips = [np.stack([photo] * frames) for photo, frames in zip(photos(), (1, 5, 20), strict=True)]
        together["clips"] = model.encode_clips(clips)
        alone["clips"] = [model.encode_clips([clip]) for clip in clips]
    assert set(together) == model.towers - {"sound"} and len(together) + ("sound" in model.towers) > 1
    for tower, vectors in together.items():
        assert vectors.shape == (len(alone[tower]), model.dim) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert np.allclose(vectors, np.concatenate(alone[tower]), atol=1e-5), tower
    assert model.encode_texts([]).shape == (0, model.dim)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_long_text_is_cut_and_the_limit_says_so(kind: str, opened: Open):
    model = opened(kind)
    assert model.limit is not None
    long = "a red car " * model.limit.most
    assert model.limit.exceeded([long, "a red car"]) == [True, False]
    assert np.isfinite(model.encode_texts([long])).all()
