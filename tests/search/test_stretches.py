from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.search.segments import Stretch, StretchRows, long_settings, stretches_of

SCENES = np.eye(3, dtype=np.float32)


def store(
    folder: Path, settings: Mapping[str, str] | None = None, **videos: tuple[np.ndarray, list[tuple[float, float]]]
) -> FeatureFile:
    provenance = {"encoder": folder.name, "settings": dict(settings or {})}
    with FeatureWriter(folder, provenance=provenance, dim=3, dtype="float32") as writer:
        for name, (values, times) in videos.items():
            writer.add(name, values, times=np.array(times, np.float32).reshape(-1, 2))
    return FeatureFile(folder)


def two_seconds_each(count: int) -> list[tuple[float, float]]:
    return [(2.0 * number, 2.0 * number + 2) for number in range(count)]


@pytest.fixture
def files(tmp_path: Path) -> Mapping[str, FeatureFile]:
    film = SCENES[[0] * 4 + [1] * 3 + [2] * 3]
    sounds = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    return {
        "appearance": store(
            tmp_path / "appearance", film=(film, two_seconds_each(10)), clip=(SCENES[:1], [(0.0, 7.5)])
        ),
        "scene": store(tmp_path / "scene", film=(film, two_seconds_each(10)), clip=(SCENES[1:2], [(0.0, 7.5)])),
        "speech": store(tmp_path / "speech", film=(sounds, [(1.0, 3.0), (13.0, 15.5)])),
        "ocr": store(tmp_path / "ocr", film=(SCENES[:1], [(9.0, 9.0)])),
    }


def test_a_film_is_cut_where_its_pictures_change_and_a_clip_is_whole(files: Mapping[str, FeatureFile]):
    assert stretches_of(files, "film") == [("film", 0, 8), ("film", 8, 14), ("film", 14, 20)]
    assert stretches_of(files, "clip") == [("clip", 0, 7.5)]


def test_a_video_that_is_only_heard_is_one_segment(files: Mapping[str, FeatureFile]):
    assert stretches_of({"speech": files["speech"]}, "film") == [("film", 0, 15.5)]


def test_a_video_of_a_single_picture_has_its_row(tmp_path: Path):
    files = {"scene": store(tmp_path / "scene", still=(SCENES[:1], [(0.0, 0.0)]))}
    [stretch] = stretches_of(files, "still")
    assert StretchRows("scene", files["scene"], {"s": stretch}).read("s").tolist() == SCENES[:1].tolist()


def test_a_stretch_has_the_rows_inside_it(files: Mapping[str, FeatureFile]):
    stretches = {f"s{number}": stretch for number, stretch in enumerate(stretches_of(files, "film"))}
    rows = {name: StretchRows(name, file, stretches) for name, file in files.items()}
    assert [rows["scene"].rows_of(key) for key in stretches] == [1, 1, 1]
    assert np.concatenate([rows["scene"].read(key) for key in stretches]).tolist() == SCENES.tolist()
    # words that are said across a cut belong to both sides; a sign is seen at 9 s
    assert [rows["speech"].rows_of(key) for key in stretches] == [1, 1, 1]
    assert rows["speech"].read("s1").tolist() == rows["speech"].read("s2").tolist() == [[0, 1, 0]]
    assert [rows["ocr"].rows_of(key) for key in stretches] == [0, 1, 0]


def test_rows_of_pieces_are_joined_by_their_share_of_the_time(tmp_path: Path):
    values = np.array([[0.6, 0.8, 0], [0, 0.6, 0.8], [9, 9, 9]], np.float32)
    file = store(tmp_path / "f", film=(values, [(0.0, 3.0), (3.0, 4.0), (4.0, 6.0)]))
    stretches = {"s": Stretch("film", 0.0, 4.0), "one": Stretch("film", 4.0, 6.0)}
    mean = 0.75 * values[0] + 0.25 * values[1]
    assert StretchRows("appearance", file, stretches).read("s")[0].tolist() == pytest.approx(mean.tolist())
    root = np.sqrt(0.75 * values[0] ** 2 + 0.25 * values[1] ** 2)
    joined = StretchRows("scene", file, stretches).read("s")[0]
    assert joined.tolist() == pytest.approx(root.tolist())
    # classes keep unit length
    assert np.linalg.norm(joined) == pytest.approx(1)
    assert StretchRows("scene", file, stretches).read("one").tolist() == [[9, 9, 9]]


def test_films_are_heard_to_their_end_and_settings_of_the_model_count():
    assert long_settings(["audio", "scene"], {}) == {"audio": {"most": 20_000, "most_s": 14_400.0}}
    assert long_settings(["audio"], {"audio": {"most": 64}})["audio"]["most"] == 64


def test_rows_of_moments_stay_a_sequence(tmp_path: Path):
    film = {"film": (SCENES, [(0.5, 0.5), (1.5, 1.5), (2.5, 2.5)])}
    stretches = {"s": Stretch("film", 0.0, 2.0)}
    moments = StretchRows("scene", store(tmp_path / "scene", {"rows": "moments"}, **film), stretches)
    assert moments.rows_of("s") == 2 and moments.read("s").tolist() == SCENES[:2].tolist()
