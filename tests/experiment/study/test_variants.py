import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.experiment.study.study import Study, load_study, show_study
from teachtext.experiment.study.variants import flat, merged

Tiny = Callable[..., Study]
EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "studies"

KEYS = st.text("abc", min_size=1, max_size=2)
SETTINGS = st.recursive(
    st.integers() | st.none() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def labels(study: Study) -> list[str]:
    return [variant.label for variant in study.variants]


def refused(tiny: Tiny, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        tiny(**changes)
    told = str(caught.value)
    assert "study.yaml" in told and "\n" not in told and len(told) < 500, "one sentence that names the file"
    return told


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid(path: Path):
    study = load_study(path)
    assert study.config.name == path.stem
    assert len(study.config.seeds) >= 5 and study.config.question and study.pairs


def test_there_are_examples_of_both_datasets():
    names = [path.stem for path in EXAMPLES.glob("*.yaml")]
    assert {name.rpartition("-")[2] for name in names} == {"playground", "msvd476"}


@given(st.dictionaries(KEYS, SETTINGS, max_size=3), st.dictionaries(KEYS, SETTINGS, max_size=3))
def test_dotted_and_nested_changes_are_the_same(base: dict[str, Any], changes: dict[str, Any]):
    assert merged(base, changes) == merged(base, flat(changes))


def test_changes_go_deep_and_lists_are_replaced():
    base = {"student": {"text": "a", "experts": ["x"]}, "teachers": ["a", "b"], "training": {"lr": 1}}
    changes = {"student.text": "c", "teachers": [], "training": {"epochs": 2}, "model.kind": "ce"}
    assert merged(base, changes) == {
        "student": {"text": "c", "experts": ["x"]},
        "teachers": [],
        "training": {"lr": 1, "epochs": 2},
        "model": {"kind": "ce"},
    }
    assert base["student"] == {"text": "a", "experts": ["x"]}, "the base is not changed"


def test_variants_are_runs_of_their_own_with_shared_seeds_and_folder(tiny: Tiny):
    study = tiny(variants={"a": None, "b": {"student.text": "phrases", "teachers": ["words"]}})
    a, b = study.variants
    assert (a.config.student.text, b.config.student.text) == ("words", "phrases")
    assert [teacher.text for teacher in b.config.teachers] == ["words"]
    assert a.config.seeds == b.config.seeds == [0, 1]
    assert a.config.folder == b.config.folder and a.config.folder.parent == study.folder
    assert a.changes == {} and b.changes == {"student.text": "phrases", "teachers": ["words"]}


def test_a_grid_tries_all_combinations_with_labels_from_the_values(tiny: Tiny):
    grid = {"student.text": ["words", "phrases"], "distillation.weight": [1, 0.5]}
    assert labels(tiny(variants=None, grid=grid)) == [
        "words, weight 1",
        "words, weight 0.5",
        "phrases, weight 1",
        "phrases, weight 0.5",
    ]
    grid = {
        "teachers": [[], ["words", {"text": "phrases", "experts": ["clip"]}]],
        "student.experts": [None, ["clip"]],
        "model.mask_padding": [True],
    }
    assert labels(tiny(variants=None, grid=grid)) == [
        "no teachers, no experts, mask_padding True",
        "no teachers, clip, mask_padding True",
        "words + text phrases, experts clip, no experts, mask_padding True",
        "words + text phrases, experts clip, clip, mask_padding True",
    ]


def test_a_grid_may_name_its_values_and_is_tried_in_every_variant(tiny: Tiny):
    study = tiny(
        variants={"small": {"model.shared_dim": 4}, "large": None},
        grid={"teachers": {"one": ["words"], "two": ["words", "phrases"]}},
    )
    assert labels(study) == ["small, one", "small, two", "large, one", "large, two"]
    assert [len(variant.config.teachers) for variant in study.variants] == [1, 2, 1, 2]
    assert study.variants[1].changes == {"model.shared_dim": 4, "teachers": ["words", "phrases"]}


def test_datasets_have_folders_of_their_own(tiny: Tiny):
    noisy = {"dataset": {"playground": {"videos": 24}}, "experts": ["motion"], "teachers": ["glove"]}
    grid = {"dataset.playground.wrong_captions": [0, 0.3], "distillation.weight": [1, 2]}
    study = tiny(variants=None, grid=grid, base=noisy | {"student": {"text": "glove"}})
    folders = [variant.config.folder.name for variant in study.variants]
    assert folders[0] == folders[1] != folders[2] == folders[3]
    assert all(name.startswith("playground-") for name in folders)


def test_rows_are_the_students_and_a_shared_one_is_one_row(tiny: Tiny):
    study = tiny()
    assert [entry.label for entry in study.entries] == [
        "student words, alone",
        "light, TeachText",
        "heavy, TeachText",
    ]
    assert [(pair.ours, pair.theirs) for pair in study.pairs] == [
        ("light, TeachText", "student words, alone"),
        ("heavy, TeachText", "student words, alone"),
    ]
    study = tiny(
        variants={"a": None, "b": {"training.epochs": 5}, "c": {"training.epochs": 5, "distillation.weight": 2}}
    )
    assert [entry.label for entry in study.entries] == [
        "a, alone",
        "a, TeachText",
        "student words, alone",
        "b, TeachText",
        "c, TeachText",
    ]


def test_by_default_a_variant_is_its_teachtext_student_or_its_only_one(tiny: Tiny):
    study = tiny(
        members=None,
        variants={"taught": None, "untaught": {"teachers": []}, "both": {"members": ["student", "taught"]}},
    )
    assert [(entry.label, entry.plan.role) for entry in study.entries] == [
        ("taught", "taught"),
        ("untaught", "student"),
        ("both, alone", "student"),
        ("both, TeachText", "taught"),
    ]


def test_a_taught_row_is_called_by_its_variant_and_its_method(tiny: Tiny):
    study = tiny(variants={"TeachText": None, "C2KD": {"distillation.preset": "c2kd"}, "mined": {"method": "dcd"}})
    assert [entry.label for entry in study.entries[1:]] == ["TeachText", "C2KD", "mined, dcd"]
    assert [pair.ours for pair in study.pairs] == ["TeachText", "C2KD", "mined, dcd"]


def test_what_is_compared(tiny: Tiny):
    compare = {"taught": False, "against": "light", "pairs": [["heavy, alone", "heavy, TeachText"]]}
    study = tiny(compare=compare, claims={"More is better": ["heavy", "light"]})
    assert [(pair.ours, pair.theirs, pair.claim) for pair in study.pairs] == [
        ("heavy, TeachText", "light, TeachText", "More is better"),
        ("student words, alone", "light, TeachText", ""),
        ("student words, alone", "heavy, TeachText", ""),
    ]
    assert "- heavy, TeachText against light, TeachText" in show_study(study)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"variants": {"odd": {"student.tex": "words"}}},
            r"variant 'odd': 'student.tex' is not a setting \(did you mean 'text'",
        ),
        ({"variants": {"odd": {"training": {"lr": "fast"}}}}, r"variant 'odd': 'training.lr' is 'fast'"),
        ({"variants": {"odd": {"distillation.weight.x": 1}}}, r"variant 'odd': 'distillation.weight'"),
        ({"variants": {"odd": {"seeds": [1]}}}, r"variant 'odd': 'seeds' is the study's own"),
        ({"variants": {"odd": {"members": ["teacher"]}}}, r"'variants.odd.members.0' is 'teacher'"),
        (
            {"grid": {"student.experts": [["clip"], ["sound"]]}},
            r"variant 'light, sound': 'student.experts' names 'sound'",
        ),
        ({"grid": {"training.epochs": []}}, r"'training.epochs' has no values"),
        ({"grid": {"training.epochs": 3}}, r"'training.epochs' has no values"),
        ({"grid": {"training.epochs": [3, 3]}}, r"variant 'light, epochs 3' is there twice"),
        ({"base": {"student": {"tex": "words"}}}, r"'base': 'student.tex' is not a setting"),
        ({"base": {"name": "mine"}}, r"'base': 'name' is the study's own"),
        ({"variants": None}, r"neither 'variants' nor a 'grid'"),
        ({"variant": {}}, r"'variant' is not a setting \(did you mean 'variants'\?"),
        ({"statistic": "r2"}, r"'statistic' is 'r2': choose from r1, r5"),
        ({"seeds": [1, 1]}, r"'seeds' names '1' twice"),
        ({"seeds": []}, r"'seeds'"),
        ({"choosing_seeds": [0, 7]}, r"'choosing_seeds' names 7, which is none of 'seeds'"),
        ({"compare": {"against": "hevy"}}, r"'compare.against' names 'hevy', which is no row \(did you mean 'heavy'"),
        ({"compare": {"pairs": [["heavy", "heavy"]]}}, r"'heavy, TeachText' is compared with itself"),
        ({"compare": {"pairs": [["heavy"]]}}, r"'compare.pairs.0.1' is missing"),
        ({"claims": {"x": ["heavy", "nobody"]}}, r"'claims.x' names 'nobody', which is no row \(rows: student words"),
        ({"claims": {"x": ["heavy", "light"], "y": ["light", "heavy"]}}, r"'y' and 'x' compare the same rows"),
    ],
)
def test_what_is_wrong_is_told_with_variant_and_key(tiny: Tiny, changes: dict[str, Any], told: str):

    assert re.search(told, refused(tiny, **changes)), refused(tiny, **changes)


def test_one_name_for_two_feature_files_is_refused(tiny: Tiny, tmp_path: Path):
    experts = [[{"name": "x", "file": str(tmp_path / name)}] for name in ("a.npz", "b.npz")]
    told = refused(tiny, grid={"experts": {"a": experts[0], "b": experts[1]}})
    assert "expert 'x' of variant 'light, a' is another in variant 'light, b': give them two names" in told
