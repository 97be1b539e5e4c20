import pytest
from archives import FIXED, ODD

from teachtext.errors import InputError
from teachtext.originals.archive.layouts import LAYOUTS, layout_of, role_of

TEXTS = {
    "w2v.pkl": ("w2v", ""),
    "gpt2-xl-finetune.pkl": ("gpt2-xl-finetune", ""),
    "openai-gpt.pkl": ("openai-gpt", ""),
    "w2v_MSRVTT_openAIGPT.pickle": ("openai", ""),
    "openai-text.pickle": ("openai", ""),
    "openai-feats.pkl": ("openai", ""),
    "openai-train.pkl": ("openai", "train"),
    "openai_val_1.pkl": ("openai", "val1"),
    "openai-val2.pkl": ("openai", "val2"),
    "gpt2-xl-test.pkl": ("gpt2-xl", "test"),
}
LISTS = [
    ("MSVD", "train_list.txt", "train", "main"),
    ("MSRVTT", "test_list_full.txt", "test", "main"),
    ("MSRVTT", "val_list_jsfusion.txt", "val", "1k-a"),
    ("MSRVTT", "train_list_miech.txt", "train", "1k-b"),
    ("MSRVTT", "train_list_mine.txt", "train", "mine"),
    ("activity-net", "train_list.txt", "train", "main"),
    ("activity-net", "val1_list.txt", "val1", "main"),
    ("activity-net", "val_1_list.txt", "val1", "main"),
    ("activity-net", "val_list.txt", "val1", "main"),
    ("activity-net", "test_list.txt", "val1", "main"),
    ("activity-net", "val_2_list.txt", "val2", "val2"),
]
OTHERS = [
    ("MSVD", "raw-captions.pkl", "captions"),
    ("activity-net", "raw-captions-train-val_1.pkl", "captions"),
    ("MSVD", "dict_youtube_mapping.pkl", "mapping"),
    ("MSRVTT", "jsfusion_val_caption_idx.pkl", "chosen"),
    ("MSRVTT", "denoising_masks/denoise-less80.pkl", "mask"),
    ("MSRVTT", "denoising_masks/denoise-less80.txt", "reduced list"),
    ("MSRVTT", "denoise-less80.txt", "reduced list"),
    ("MSRVTT", "teachers/train-full-ce-refined-text-w2v.pkl", "teacher"),
]
NOTHING = [
    "notes.txt",
    "raw-captions.json",
    "elsewhere/raw-captions.pkl",
    "antoine/resnet_features.pickle",
    "aggregated_ocr_feats/ocr-raw.pickle",
    "aggregated_imagenet_25fps_256px_stride1_offset0/deeper/senet154-avg.pickle",
    "test_list.txt/raw",
    "jsfusion_val_caption_idx.pkl",
]


@pytest.mark.parametrize("dataset", LAYOUTS)
def test_every_expert_is_recognised(dataset):
    for path, expert in (FIXED | ODD[dataset]).items():
        role = role_of(path, dataset)
        assert role is not None and (role.kind, role.name) == ("expert", expert), path
    assert {*FIXED.values(), *ODD[dataset].values()} >= set(LAYOUTS[dataset].expected_experts)


def test_other_statistics_and_logits_are_experts_of_their_own():
    folder = "aggregated_s3dg_10fps_256px_stride16_offset0_inner_stride1_num_segments32"
    names = [role_of(f"{folder}/s3dg-{end}.pickle", "MSVD").name for end in ("avg", "avg-logits", "max")]
    assert names == ["s3dg.s3dg.0", "s3dg.s3dg.1", "s3dg.s3dg.0-max"]


@pytest.mark.parametrize("file", TEXTS)
def test_text_features(file):
    role = role_of(f"aggregated_text_feats/{file}", "MSRVTT")
    assert (role.kind, role.name, role.part) == ("text", *TEXTS[file])


@pytest.mark.parametrize(("dataset", "file", "split", "family"), LISTS)
def test_lists(dataset, file, split, family):
    role = role_of(file, dataset)
    assert (role.kind, role.name, role.part) == ("list", split, family)


@pytest.mark.parametrize(("dataset", "file", "kind"), OTHERS)
def test_other_files(dataset, file, kind):
    assert role_of(file, dataset).kind == kind


@pytest.mark.parametrize("file", NOTHING)
def test_other_files_have_no_role(file):
    assert role_of(file, "MSVD") is None


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("msvd", "MSVD"), ("msr-vtt", "MSRVTT"), ("ActivityNet", "activity-net"), ("Activity_Net", "activity-net")],
)
def test_names_of_datasets(name, dataset):
    assert layout_of(name)[0] == dataset
    with pytest.raises(InputError, match="there is no published archive of a dataset 'MSV': use one of MSRVTT, MSVD"):
        layout_of("MSV")
