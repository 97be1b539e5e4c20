from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from halves import slow
from torch.nn.functional import huber_loss

from teachtext.errors import InputError
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.inference import embed_texts, embed_videos, score
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.learning.teachers import CachedTeacher, LiveTeacher
from teachtext.models.similarity import TextEmbedding, VideoEmbedding

MODELS = {
    "ce": {},
    "sequential": {"gating": "sequential"},
    "original": {"gating": "sequential", "mask_padding": False},
    "moee": {"kind": "moee"},
    "other experts": {"text": "sentences", "experts": ("flow", "audio", "rgb.0")},
}
# captions of other videos, an order of its own, videos that lack an expert and videos that do not
BATCHES = [[0, 1], [8, 3, 5], [4, 2, 7, 1, 0, 6, 8], list(range(9))]


@pytest.fixture(params=["ce", *slow(name for name in MODELS if name != "ce")])
def teacher(request, world, trained_a_little):
    spec = world.spec(**MODELS[request.param])
    model, features = trained_a_little(spec), world.features(spec)
    return model, features, CachedTeacher.of(model, features, world.caption_ids, world.videos)


def batch_of(world, features, numbers, caption=-1):
    videos = [world.videos[number] for number in numbers]
    return world.batch(features, [world.by_video[video][caption] for video in videos], videos)


def test_the_world_has_videos_that_lack_experts(world):
    lacking = {name: sum(world.file(name).rows_of(video) == 0 for video in world.videos) for name in ("audio", "flow")}
    assert all(0 < count < len(world.videos) for count in lacking.values())


@pytest.mark.parametrize("numbers", BATCHES)
def test_cached_scores_are_those_of_the_live_model(world, teacher, numbers, tmp_path):
    model, features, cached = teacher
    batch = batch_of(world, features, numbers)
    with torch.no_grad():
        expected = model.eval()(batch)
    found = cached.scores(batch)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    cached.save(tmp_path / "cache.safetensors")
    loaded = CachedTeacher.load(tmp_path / "cache.safetensors")
    torch.testing.assert_close(loaded.scores(batch), found, atol=0, rtol=0)


def test_scores_do_not_depend_on_the_size_of_pieces(world, teacher):
    model, features, _ = teacher
    small, large = (embed_videos(model, features, world.videos, batch_size=size) for size in (2, 100))
    for e, name in enumerate(sorted(small.vectors)):
        present = small.present[:, e]
        torch.testing.assert_close(small.vectors[name][present], large.vectors[name][present])
    small, large = (embed_texts(model, features, world.caption_ids, batch_size=size) for size in (1, 100))
    torch.testing.assert_close(small.weights, large.weights)
    for name in small.vectors:
        torch.testing.assert_close(small.vectors[name], large.vectors[name])


def test_a_teacher_finds_by_ids_what_the_student_reads_otherwise(world, trained_a_little):
    student = world.features(world.spec())
    spec = world.spec(**MODELS["other experts"])
    model, features = trained_a_little(spec), world.features(spec)
    cached = CachedTeacher.of(model, features, world.caption_ids[::-1], world.videos[::-1])
    numbers = [6, 0, 3, 8]
    with torch.no_grad():
        expected = model(batch_of(world, features, numbers))
    torch.testing.assert_close(cached.scores(batch_of(world, student, numbers)), expected, atol=1e-6, rtol=0)


def test_scores_of_a_gallery(world, teacher):
    model, features, _ = teacher
    found = score(model, features, world.captions, world.videos)
    assert found.similarity.shape == (len(world.captions), len(world.videos))
    assert [world.videos[column] for column in found.video_of] == [caption.video_id for caption in world.captions]
    assert (found.caption_ids, found.video_ids) == (world.caption_ids, list(world.videos))
    batch = batch_of(world, features, [7, 2], caption=0)
    with torch.no_grad():
        expected = model(batch)
    rows = [world.caption_ids.index(caption_id) for caption_id in batch.text.ids]
    torch.testing.assert_close(torch.from_numpy(found.similarity[rows][:, [7, 2]]), expected, atol=1e-6, rtol=0)
    assert found.weights.sum(axis=1) == pytest.approx(1)


def test_a_teacher_has_no_opinion_on_videos_of_which_it_knows_nothing(world):
    seeing, hearing = world.spec(), world.spec(experts=["audio"])
    heard = torch.tensor([world.file("audio").rows_of(video) > 0 for video in world.videos])
    everything, little = (
        CachedTeacher.of(spec.build(), world.features(spec), world.caption_ids, world.videos)
        for spec in (seeing, hearing)
    )
    batch = batch_of(world, world.features(seeing), range(9))
    opinion = little.scores(batch)
    assert opinion.isnan().all(dim=0).equal(~heard)
    assert opinion[:, heard].isfinite().all()
    student = seeing.build().embed(batch)
    scores = student.scores

    def distilled(*teachers):
        objective = Distillation(ranking=MaxMarginRankingLoss(), parts=preset("teachtext"), teachers=teachers)
        losses = objective(student, batch)
        (gradient,) = torch.autograd.grad(losses["distillation"], scores, retain_graph=True)
        return losses["distillation"], gradient

    # two teachers: where one has no opinion the other's is the target
    own = everything.scores(batch)
    target = torch.where(heard, (own + opinion) / 2, own)
    torch.testing.assert_close(distilled(everything, little)[0], huber_loss(scores, target))
    # one teacher: what nobody knows pulls the student nowhere
    loss, gradient = distilled(little)
    assert loss > 0 and gradient.isfinite().all()
    assert (gradient == 0).all(dim=0).equal(~heard)


def test_no_gradient_reaches_teachers(world):
    spec = world.spec()
    model, features = spec.build(), world.features(spec)
    batch = batch_of(world, features, [1, 4, 5])
    # a teacher whose embeddings still hang on a model that could learn
    text, video = model.encode_text(batch.text), model.encode_video(batch.video)
    live = CachedTeacher(caption_ids=batch.text.ids, text=text, video_ids=batch.video.ids, video=video)
    frozen = CachedTeacher.of(model, features, world.caption_ids, world.videos)
    student = world.spec().build()
    objective = Distillation(ranking=MaxMarginRankingLoss(), teachers=[live, frozen], parts=preset("teachtext"))
    objective(student.embed(batch), batch)["distillation"].backward()
    assert any(parameter.grad is not None for parameter in student.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    tensors = [*frozen.text.vectors.values(), frozen.text.weights, *frozen.video.vectors.values()]
    assert not any(tensor.requires_grad for tensor in tensors)


def test_any_id_survives_the_file(tmp_path):
    captions, videos = ["two\nlines", "", "ü", "two"], ["a\nb", "a", "b\r\n"]
    text = TextEmbedding({"e": torch.randn(4, 2)}, torch.ones(4, 1))
    video = VideoEmbedding({"e": torch.randn(3, 2)}, torch.ones(3, 1, dtype=torch.bool))
    cached = CachedTeacher(caption_ids=captions, text=text, video_ids=videos, video=video)
    cached.save(tmp_path / "cache.safetensors")
    loaded = CachedTeacher.load(tmp_path / "cache.safetensors")

    class Ids:
        def __init__(self, ids):
            self.ids = ids
            self.tokens = torch.zeros(1)

    class Asked:
        text, video = Ids(captions[:3]), Ids(videos)

    torch.testing.assert_close(loaded.scores(Asked), text.vectors["e"][:3] @ video.vectors["e"].T)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_cache_is_refused(world, teacher, tmp_path, keep):
    path = tmp_path / "cache.safetensors"
    teacher[2].save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cache\.safetensors is not a whole teacher cache.*delete it and run again"):
        CachedTeacher.load(path)


def test_a_cache_that_is_missing_or_something_else_is_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "cache.safetensors"
    with pytest.raises(InputError, match=r"cache\.safetensors"):
        CachedTeacher.load(path)
    for metadata in (None, {"captions": "a", "videos": "b"}, {"captions": "[]", "videos": "[]"}):
        save_file({"weights": torch.zeros(1)}, path, metadata=metadata)
        with pytest.raises(InputError, match=r"cache\.safetensors"):
            CachedTeacher.load(path)


def test_a_live_teacher_scores_like_its_cache_and_learns_nothing(world, teacher):
    model, features, cached = teacher
    live = LiveTeacher(model=model.train(), features=features)
    student = world.features(world.spec())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for numbers in BATCHES:
        # what the student reads of the batch does not matter: ids do
        batch = batch_of(world, student, numbers)
        torch.testing.assert_close(live.scores(batch), cached.scores(batch), atol=1e-6, rtol=0)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), "not even statistics of batches change"
    live.require(world.caption_ids, world.videos)
    with pytest.raises(InputError, match=r"(words|sentences) knows nothing of caption 'nobody' and 1 others"):
        live.require(["nobody", world.caption_ids[0], "none"], world.videos)
    with pytest.raises(InputError, match="knows nothing of video 'nobody'"):
        live.require(world.caption_ids, ["nobody"])


def test_a_missing_id_names_the_file_and_the_id(world, teacher, tmp_path):
    path = tmp_path / "cache.safetensors"
    teacher[2].save(path)
    loaded = CachedTeacher.load(path)
    loaded.require(world.caption_ids, world.videos)
    assert loaded.knows(world.caption_ids, world.videos) and not loaded.knows(["nobody"], world.videos)
    batch = batch_of(world, world.features(world.spec()), [0, 1])
    for what, changed in (("caption", replace(batch.text, ids=["x", "y"])), ("video", replace(batch.video, ids=["x"]))):
        asked = replace(batch, **{"text" if what == "caption" else "video": changed})
        with pytest.raises(InputError, match=rf"cache\.safetensors knows nothing of {what} 'x'"):
            loaded.scores(asked)


def test_half_precision_stays_so_in_memory_and_scores_are_single(world, teacher, tmp_path):
    cached = teacher[2]
    half = CachedTeacher(
        caption_ids=world.caption_ids,
        text=TextEmbedding({name: vector.half() for name, vector in cached.text.vectors.items()}, cached.text.weights),
        video_ids=world.videos,
        video=VideoEmbedding({e: vector.half() for e, vector in cached.video.vectors.items()}, cached.video.present),
    )
    half.save(tmp_path / "half.safetensors")
    loaded = CachedTeacher.load(tmp_path / "half.safetensors")
    assert all(vector.dtype == torch.float16 for vector in loaded.text.vectors.values())
    batch = batch_of(world, world.features(world.spec()), [1, 4, 5])
    assert loaded.scores(batch).dtype == torch.float32
    torch.testing.assert_close(loaded.scores(batch), cached.scores(batch), atol=2e-3, rtol=0)


def test_a_cache_says_what_it_was_made_from(world, teacher, tmp_path):
    model, features, cached = teacher
    assert cached.made_from is None
    told = {"weights": "abc", "experts": {"x": "1"}}
    CachedTeacher.of(model, features, world.caption_ids, world.videos, made_from=told).save(tmp_path / "c.safetensors")
    assert CachedTeacher.load(tmp_path / "c.safetensors").made_from == told


@pytest.mark.parametrize("spoilt", ["ids", "weights", "present", "width", "nan", "empty"])
def test_a_cache_whose_parts_do_not_fit_is_refused(tmp_path, spoilt):
    text = TextEmbedding({"e": torch.randn(3, 2)}, torch.ones(3, 1))
    video = VideoEmbedding({"e": torch.randn(2, 2)}, torch.ones(2, 1, dtype=torch.bool))
    captions, videos = ["a", "b", "c"], ["v", "w"]
    if spoilt == "ids":
        captions = ["a", "b", "a"]
    elif spoilt == "weights":
        text = TextEmbedding(text.vectors, torch.ones(3, 2))
    elif spoilt == "present":
        video = VideoEmbedding(video.vectors, torch.ones(3, 1, dtype=torch.bool))
    elif spoilt == "width":
        video = VideoEmbedding({"e": torch.randn(2, 3)}, video.present)
    elif spoilt == "nan":
        text.vectors["e"][1, 1] = torch.nan
    else:
        videos = []
    path = tmp_path / "cache.safetensors"
    CachedTeacher(caption_ids=captions, text=text, video_ids=videos, video=video).save(path)
    with pytest.raises(InputError, match=r"cache\.safetensors is not a whole teacher cache"):
        CachedTeacher.load(path)


def test_several_writers_of_one_cache_do_not_remove_each_others_files(teacher, tmp_path):
    """Candidates of a study have the same teachers, and freeze them at the same time."""
    path, (_, _, cached) = tmp_path / "c.safetensors", teacher
    with ThreadPoolExecutor(6) as pool:
        for writing in [pool.submit(cached.save, path) for _ in range(200)]:
            writing.result()
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.safetensors"]
    assert CachedTeacher.load(path).knows(list(cached._caption_row), list(cached._video_row))
