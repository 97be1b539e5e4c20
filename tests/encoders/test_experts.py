import sys
from pathlib import Path

import pytest

from teachtext.encoders import registry
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError

ALL = "appearance, scene, motion, audio, speech, ocr, face, hf:<model id or local folder>, "


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("motoin", f"did you mean 'motion'? choose from {ALL}hf:<model id or local folder>#pooled"),
        ("motion#pooled", "unknown video expert 'motion#pooled'"),
        ("hf", "write hf:<model id or local folder>"),
        ("hf:a/b#poled", "did you mean 'pooled'? choose from frames, pooled"),
        ("", "unknown video expert ''"),
    ],
)
def test_a_wrong_expert_is_named_with_what_is_allowed(spec: str, message: str):
    with pytest.raises(InputError) as caught:
        VIDEO_EXPERTS.check(["scene", spec])
    assert message in str(caught.value)


def test_folder_names_are_safe_and_differ():
    specs = ["motion", "hf:a/b", "hf:a_b", "hf:a/b#pooled", "hf:/x/" + "long" * 50, "hf:../..", "elsewhere-1.0"]
    names = [VIDEO_EXPERTS.folder_name(spec) for spec in specs]
    assert len({name.lower() for name in names}) == len(specs) and names[0] == "motion" and names[-1] == specs[-1]
    assert all(len(name) < 90 and not set(name) & set("/\\:#") and name.strip(".") == name for name in names)
    assert VIDEO_EXPERTS.folder_name("hf:a/b#frames") == VIDEO_EXPERTS.folder_name("hf:a/b")


def test_settings_have_folders_of_their_own():
    settings: list[dict[str, object]] = [
        {},
        {"most": 3},
        {"most": 4},
        {"most": 3, "per_second": 2},
        {"encoder": "hf:/a/b"},
    ]
    names = [VIDEO_EXPERTS.folder_name("motion", item) for item in settings]
    assert len(set(names)) == len(names) and names[0] == "motion" and names[1].startswith("motion-most_3-")
    assert all(len(name) < 60 and not set(name) & set("/\\:#") for name in names)
    assert VIDEO_EXPERTS.folder_name("motion", {"per_second": 2.0, "most": 3}) == names[3]
    assert VIDEO_EXPERTS.folder_name("hf:a/b", {"most": 3}) != VIDEO_EXPERTS.folder_name("hf:a/b#pooled", {"most": 3})


def test_keys_are_not_checked_where_a_package_is_missing(monkeypatch: pytest.MonkeyPatch):
    for module in [item for item in sys.modules if item.split(".")[0] == "dlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "dlib", None)
    monkeypatch.delitem(sys.modules, "teachtext.encoders.video.face", raising=False)
    registry.check_video_settings(["face"], {"face": {"nose": 3}})
    with pytest.raises(InputError, match="is not installed"):
        registry.build_video_experts(["face"], settings={"face": {"nose": 3}})


def test_appearance_and_scene_are_one_network():
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("cv2")
    built = registry.build_video_experts(["scene", "motion", "appearance"])
    assert [set(expert.outputs) for expert in built] == [{"appearance", "scene"}, {"motion"}]


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("audio", "aisfx", "sound"), ("speech", "faster_whisper", "sound"), ("ocr", "rapidocr_onnxruntime", "ocr"),
     ("face", "dlib", "face"), ("motion", "cv2", "video")],
)  # fmt: skip
def test_a_missing_package_says_what_to_install(name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch):
    for module in [item for item in sys.modules if item.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, VIDEO_EXPERTS[name].target.split(":")[0], raising=False)
    with pytest.raises(InputError, match=rf"'{package}[\w.]*' is not installed: .*teachtext\[{extra}\]"):
        registry.build_video_experts([name])


def test_missing_weights_say_what_to_install(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("faster_whisper")
    from teachtext.encoders.video import speech

    monkeypatch.setattr(speech, "_WEIGHTS", "no-such-package")
    with pytest.raises(InputError, match=r"'no-such-package' is not installed: .*teachtext\[sound\]"):
        registry.build_video_experts(["speech"])


def test_settings_reach_the_expert_and_its_provenance():
    pytest.importorskip("cv2")
    both = {"appearance": {"most": 3}, "scene": {"most": 3}}
    [network] = registry.build_video_experts(["appearance", "scene"], settings=both)
    assert network.sampling.most == 3
    [motion] = registry.build_video_experts(["motion"], settings={"motion": {"per_second": 2, "most": 5}})
    assert (motion.sampling.per_second, motion.sampling.most) == (2, 5)
    assert motion.settings["sampling"]["most"] == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"motion": {"mots": 3}},
            "unknown setting of motion 'mots': did you mean 'most'? choose from per_second, most, gap_s",
        ),
        ({"motion": {"most": 2.5}}, "setting 'motion.most' cannot be 2.5: give something like 64"),
        ({"motion": {"per_second": 0}}, "setting 'motion.per_second' cannot be 0"),
        ({"motion": {"per_second": "fast"}}, "setting 'motion.per_second' cannot be 'fast'"),
        ({"motion": {"per_second": float("nan")}}, "setting 'motion.per_second' cannot be nan"),
        ({"motion": {"gap_s": float("inf")}}, "setting 'motion.gap_s' cannot be inf"),
        ({"motion": {"most": True}}, "setting 'motion.most' cannot be True"),
        ({"scene": {"rows": "all"}}, "setting 'scene.rows' cannot be 'all': give 'mean' or 'moments'"),
        (
            {"scene": {"most": 3}, "appearance": {"most": 4}},
            "most is set in two ways for one network, that of scene and appearance: give both the same settings",
        ),
        ({"appearance": {"per_second": 4}}, "per_second is set in two ways for one network"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, dict[str, object]], message: str):
    pytest.importorskip("cv2")
    pytest.importorskip("efficientnet_lite_pytorch")
    with pytest.raises(InputError) as caught:
        registry.build_video_experts(["motion", "scene", "appearance"], settings=settings)
    assert message in str(caught.value)
    with pytest.raises(InputError, match="unknown expert in the settings 'audio'"):
        registry.check_video_settings(["motion"], {"audio": {}})


def test_a_model_of_ones_own_that_is_not_there_is_an_error(tmp_path: Path):
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="is not the folder of a model"):
        registry.build_video_experts([f"hf:{tmp_path}"])
