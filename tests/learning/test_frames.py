"""Frame weights: the loss in closed form, and a teacher's scores of single rows."""

import pytest
import torch
from halves import slow
from learning_fixtures import World

from teachtext.data.batch import Batch, VideoBatch
from teachtext.errors import InputError
from teachtext.learning.checkpoint import ModelSpec
from teachtext.learning.frames import FrameScores, frame_loss
from teachtext.models.similarity import similarity

LENGTHS = torch.tensor([4, 1, 0, 2])


def tables(longest: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(4, longest, dtype=torch.float64), torch.randn(4, longest, dtype=torch.float64)


def loss(logits, teacher, lengths=LENGTHS, *, temperature=0.7, reduction="sum"):
    return frame_loss(logits, teacher, lengths, temperature=temperature, reduction=reduction)


def test_the_loss_is_its_formula():
    logits, teacher = tables()
    for reduction in ("sum", "mean"):
        losses = loss(logits, teacher, reduction=reduction)
        for i, length in enumerate(LENGTHS.tolist()):
            p = [torch.exp(score / 0.7) for score in teacher[i, :length]]
            q = [torch.exp(logit) for logit in logits[i, :length]]
            terms = [-(a / sum(p)) * torch.log(b / sum(q)) for a, b in zip(p, q, strict=True)]
            expected = sum(terms, torch.zeros((), dtype=torch.float64))
            torch.testing.assert_close(losses[i], expected / max(1, length) if reduction == "mean" else expected)


def test_the_loss_is_least_where_the_weights_are_the_teachers():
    _, teacher = tables()
    same, p = teacher / 0.7, (teacher[0] / 0.7).softmax(dim=0)
    torch.testing.assert_close(loss(same, teacher)[0], -(p * p.log()).sum())
    for _ in range(20):
        other = same + 0.1 * torch.randn_like(same)
        assert (loss(other, teacher) >= loss(same, teacher) - 1e-12).all()


def test_padding_order_and_constants_change_nothing():
    logits, teacher = tables()
    expected = loss(logits, teacher)
    beyond = torch.arange(4)[None] >= LENGTHS[:, None]
    for padding in (0.0, -1e20, 1e20):
        filled = (table.masked_fill(beyond, padding) for table in (logits, teacher))
        torch.testing.assert_close(loss(*filled), expected, atol=0, rtol=0)
    longer = (torch.nn.functional.pad(table, (0, 3), value=5.0) for table in (logits, teacher))
    torch.testing.assert_close(loss(*longer), expected)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(loss(logits[:1, order], teacher[:1, order], LENGTHS[:1]), expected[:1])
    torch.testing.assert_close(loss(logits + 3, teacher - 2), expected)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_gradients_are_those_of_finite_differences(reduction):
    logits, teacher = tables()
    assert torch.autograd.gradcheck(lambda given: loss(given, teacher, reduction=reduction), logits.requires_grad_())


def scores_of(world: World, spec: ModelSpec, model, **options) -> FrameScores:
    video_of = {caption.id: caption.video_id for caption in world.captions}
    return FrameScores.made_by(model, world.features(spec), video_of, ["audio"], **options)


def audio_batch(world: World, spec: ModelSpec) -> Batch:
    captions = [world.by_video[video][-1] for video in world.videos]
    return world.batch(world.features(spec), captions, world.videos)


@pytest.mark.parametrize("kind", ["pooled", "mmt", *slow(["ce", "moee", "concat"])])
def test_a_teacher_scores_a_row_as_a_video_of_that_row_alone(world, trained_a_little, kind):
    small = {"heads": 2, "layers": 1, "feedforward": 8} if kind == "mmt" else {}
    spec = world.spec(kind=kind, **small)
    model = trained_a_little(spec)
    batch = audio_batch(world, spec)
    rows, lengths = batch.video.experts["audio"], batch.video.lengths["audio"]
    scores = scores_of(world, spec, model).of(batch, "audio")
    assert scores.shape == rows.shape[:2] and lengths.max() > 1
    for i, length in enumerate(lengths.tolist()):
        for t in range(length):
            experts = {"audio": rows[i : i + 1, t : t + 1], "rgb.0": torch.zeros(1, 1, 5)}
            alone = VideoBatch(["row"], experts, {"audio": torch.tensor([1]), "rgb.0": torch.tensor([0])})
            with torch.no_grad():
                text = model.encode_text(batch.text.rows(slice(i, i + 1)))
                torch.testing.assert_close(scores[i, t], similarity(text, model.encode_video(alone))[0, 0])


def test_scores_are_kept_in_a_file(world, trained_a_little, tmp_path):
    spec = world.spec(kind="pooled")
    made = scores_of(world, spec, trained_a_little(spec), made_from={"weights": "0"})
    path = tmp_path / "frames.safetensors"
    made.save(path)
    read, batch = FrameScores.load(path), audio_batch(world, spec)
    assert read.made_from == {"weights": "0"} and read.of(batch, "audio").equal(made.of(batch, "audio"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="is no whole file of frame scores"):
        FrameScores.load(path)


def test_scores_of_other_rows_than_the_student_reads_are_refused(world, trained_a_little):
    spec = world.spec(kind="pooled")
    longer = ModelSpec(**{**vars(spec), "max_tokens": {"audio": 6, "rgb.0": 4}})
    with pytest.raises(InputError, match=r"rows of 'audio' of video .* the student reads [56].*'max_tokens'"):
        scores_of(world, spec, trained_a_little(longer)).of(audio_batch(world, longer), "audio")
