"""Who teaches, and which matrices of the student: with real models."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.distillation.student_side import VIEWS
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.teachers import CachedTeacher

TEACHTEXT = preset("teachtext")
NCE = replace(preset("fusion"), views="fused", target="raw", distance="nce", temperature=0.3)


@pytest.fixture
def batch(world):
    """Nine videos, some of which lack an expert, and a caption of each."""
    spec = world.spec(experts=("rgb.0", "audio", "flow"))
    return world.batch(world.features(spec), [world.by_video[video][-1] for video in world.videos], world.videos)


@pytest.fixture
def student(world, trained_a_little):
    return trained_a_little(world.spec(experts=("rgb.0", "audio", "flow")))


def loss_of(parts, student, batch, *teachers):
    objective = Distillation(ranking=MaxMarginRankingLoss(), parts=parts, teachers=teachers, student=student)
    return objective(student.embed(batch), batch)["distillation"]


@pytest.mark.slow
def test_teachers_are_asked_for_the_batch_by_its_ids(world, student, batch):
    specs = [
        world.spec(**other)
        for other in ({}, {"kind": "moee"}, {"text": "sentences", "experts": ("flow", "audio", "rgb.0")})
    ]
    captions, videos = world.caption_ids[::-1], world.videos[::-1]
    teachers = [CachedTeacher.of(spec.build(), world.features(spec), captions, videos) for spec in specs]
    target = sum(teacher.scores(batch) for teacher in teachers) / 3
    expected = F.smooth_l1_loss(student(batch), target)
    torch.testing.assert_close(loss_of(TEACHTEXT, student, batch, *teachers), expected)


def test_a_view_an_expert_is_what_the_model_says_of_videos_that_have_it_alone(student, batch):
    embedded = student.embed(batch)
    views = VIEWS["experts"](embedded)
    assert len(views) == 3
    for e, name in enumerate(student.experts):
        scores, known = views[e]
        assert known.equal(batch.video.present[:, e].expand(9, 9))
        torch.testing.assert_close(scores, embedded.text.vectors[name] @ embedded.video.vectors[name].T)
    assert [not known.all() for _, known in views] == [True, True, False], "two experts are missing somewhere"
    (fused,) = VIEWS["fused"](embedded)
    assert fused[0] is embedded.scores and fused[1].all()
    assert len(VIEWS["both"](embedded)) == 4


def test_the_fused_matrix_teaches_every_expert_and_is_not_taught(student, batch):
    embedded = student.embed(batch)
    objective = Distillation(ranking=MaxMarginRankingLoss(), parts=replace(preset("fusion"), direction="rows"))
    expected = []
    for scores, known in VIEWS["experts"](embedded):
        there = known[0]
        theirs = (embedded.scores[:, there].detach() / 0.1).log_softmax(1)
        ours = (scores[:, there] / 0.1).log_softmax(1)
        expected.append(F.kl_div(ours, theirs, log_target=True, reduction="batchmean"))
    loss = objective(embedded, batch)["distillation"]
    torch.testing.assert_close(loss, sum(expected) / 3)
    (grad,) = torch.autograd.grad(loss, embedded.text.weights, allow_unused=True)
    assert grad is None, "mixture weights make the target alone"


def test_captions_teach_by_how_alike_they_are(student, batch):
    """CrossKD: KL(softmax(text with text / tau) || softmax(text with video / tau)) over rows."""
    embedded = student.embed(batch)
    weights, there = embedded.text.weights, embedded.video.present.float()
    alike = torch.zeros(9, 9)
    for e, name in enumerate(student.experts):
        vectors = embedded.text.vectors[name]
        alike += (weights[:, e, None] * there[None, :, e]) * (vectors @ vectors.T)
    alike /= weights @ there.T
    expected = F.kl_div((embedded.scores / 2).log_softmax(1), (alike / 2).softmax(1), reduction="batchmean")
    torch.testing.assert_close(loss_of(preset("crosskd"), student, batch), expected)


class TestKeys:
    def test_where_keys_are_the_other_side_it_is_info_nce(self, student, batch):
        expected = InfoNCE(temperature=0.3)(student(batch))
        torch.testing.assert_close(loss_of(NCE, student, batch), expected)

    def test_with_several_captions_a_video_it_still_is(self, world, student):
        videos = [world.videos[number] for number in (2, 2, 5, 8, 5, 0)]
        captions = [world.by_video[video][i] for video, i in zip(videos, (0, 1, 0, 0, 1, 0), strict=True)]
        features = world.features(world.spec(experts=("rgb.0", "audio", "flow")))
        batch = world.batch(features, captions, videos)
        expected = InfoNCE(temperature=0.3)(student(batch), batch.same_video)
        torch.testing.assert_close(loss_of(NCE, student, batch), expected)
        assert expected.item() != pytest.approx(InfoNCE(temperature=0.3)(student(batch)).item(), rel=1e-3)

    @pytest.mark.parametrize("direction", ["rows", "columns"])
    def test_each_side_learns_from_the_other_as_it_is(self, student, batch, direction):
        embedded = student.embed(batch)
        objective = Distillation(ranking=MaxMarginRankingLoss(), parts=replace(NCE, direction=direction))
        loss = objective(embedded, batch)["distillation"]
        sides = [embedded.text.vectors["audio"], embedded.video.vectors["audio"]]
        text, video = torch.autograd.grad(loss, sides, allow_unused=True)
        learns, teaches = (text, video) if direction == "rows" else (video, text)
        assert learns.abs().max() > 0 and teaches is None

    def test_an_expert_alone_has_keys_where_the_video_has_it(self, student, batch):
        loss = loss_of(replace(NCE, views="experts", direction="columns"), student, batch)
        embedded = student.embed(batch)
        expected = []
        for e, (scores, _) in enumerate(VIEWS["experts"](embedded)):
            there = batch.video.present[:, e]
            own = there.nonzero().flatten()
            expected.append(F.cross_entropy(scores.T[there] / 0.3, own))
        torch.testing.assert_close(loss, sum(expected) / 3)


class TestMomentum:
    def test_it_starts_as_the_student_and_follows_slowly(self, world, batch):
        spec = world.spec(experts=("rgb.0", "audio", "flow"))
        student = spec.build()
        objective = Distillation(
            ranking=MaxMarginRankingLoss(), parts=replace(preset("momentum"), momentum=0.9), student=student
        )
        expected = {name: parameter.detach().clone() for name, parameter in student.named_parameters()}
        for step in range(3):
            with torch.no_grad():
                for parameter in student.parameters():
                    parameter += 0.1 * torch.randn_like(parameter)
            for name, parameter in student.named_parameters():
                share = 0.0 if step == 0 else 0.9
                expected[name] = share * expected[name] + (1 - share) * parameter.detach()
            objective(student.train().embed(batch), batch)
        average = objective.source.average.module
        for name, parameter in average.named_parameters():
            torch.testing.assert_close(parameter, expected[name])
        for name, buffer in student.named_buffers():
            assert dict(average.named_buffers())[name].equal(buffer), "it counts nothing of its own"

    def test_its_weights_are_kept_and_are_neither_trained_nor_the_students(self, student, batch):
        objective = Distillation(ranking=MaxMarginRankingLoss(), parts=preset("momentum"), student=student)
        assert not any(parameter.requires_grad for parameter in objective.parameters())
        kept = set(objective.state_dict())
        assert {f"source.average.module.{name}" for name in student.state_dict()} < kept
        assert len(kept) == len(student.state_dict()) + 1, "and how often it moved"
        sum(objective(student.embed(batch), batch).values()).backward()
        assert all(parameter.grad is None for parameter in objective.parameters())

    def test_what_it_wants_is_the_label_and_what_the_average_says(self, student, batch):
        student.eval()
        scores = student(batch)
        wanted = 0.6 * torch.eye(9) + 0.4 * (scores.detach() / 0.07).softmax(1)
        entropy = -(wanted * wanted.log()).sum(1)
        rows = replace(preset("momentum"), direction="rows")
        found = loss_of(rows, student, batch)
        torch.testing.assert_close(found, (F.cross_entropy(scores / 0.07, wanted, reduction="none") - entropy).mean())

    def test_it_gives_keys(self, student, batch):
        parts = replace(NCE, source="momentum")
        expected = InfoNCE(temperature=0.3)(student.eval()(batch))
        torch.testing.assert_close(loss_of(parts, student, batch), expected)
