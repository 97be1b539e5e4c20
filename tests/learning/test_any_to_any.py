import pytest
import torch
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.learning.any_to_any import AnyToAny, exchanged, nce
from teachtext.learning.losses import InfoNCE
from teachtext.models.omni import MODALITIES, GatedFusion, OmniEmbedded
from teachtext.models.similarity import Embedded, TextEmbedding, VideoEmbedding

ALL = [[True, True, True]] * 5
# the second has no sound, and the fourth is nothing but sound
SOME = [[True, True, True], [True, True, False], [True, True, True], [True, False, True], [True, True, True]]
T = 0.3


def units(count, seed, dim=4):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, dim, generator=generator, dtype=torch.float64), dim=1)


def lived_in_fusion():
    torch.manual_seed(3)
    fusion = GatedFusion(dim=4).double()
    torch.nn.init.normal_(fusion.gate.weight)
    torch.nn.init.normal_(fusion.offset)
    return fusion


FUSION = lived_in_fusion().requires_grad_(False)
# the modalities with other values dropped
AGAIN = {name: units(5, 10 + seed) for seed, name in enumerate(MODALITIES)}


def made_of(present=ALL, *, videos=None, parts=None, again=None, fusion=FUSION):
    """What a model makes of a batch, and the batch: one pair a video unless `videos` repeats them."""
    count = len(present)
    present = torch.tensor(present)
    parts = parts or {name: units(count, seed) for seed, name in enumerate(MODALITIES)}
    again = again or AGAIN
    ones = torch.ones(count, 1)
    student = OmniEmbedded(
        TextEmbedding({"joint": parts["text"]}, ones),
        VideoEmbedding({"joint": parts["video"]}, ones.bool()),
        parts,
        present,
        fusion(parts, present),
        fusion(again, present),
        fusion,
    )
    ids = [str(i) for i in range(count)]
    text = TextBatch(ids, torch.zeros(count, 1, 1), torch.ones(count, dtype=torch.long))
    return student, Batch(text, VideoBatch(videos or ids, {"x": ones[:, None]}, {"x": ones[:, 0].long()}))


def losses_of(student, batch, **settings):
    return AnyToAny(temperature=T, **settings)(student, batch)


def fused(parts, rows):
    """The fusion of rows that have all modalities, written out."""
    vectors = torch.stack([parts[name][rows] for name in MODALITIES], dim=1)
    gates = (vectors @ FUSION.gate.weight.T + FUSION.offset).softmax(dim=1)
    return F.normalize((gates * vectors).sum(dim=1), dim=1)


def cross_entropy(left, right, wrong=None):
    """Half the sum over both ways of minus the mean log-probability of the right pair."""
    total = 0
    for ours, theirs in ((left, right), (right, left)):
        for i, row in enumerate(ours):
            candidates = [*theirs, *([] if wrong is None else wrong)]
            scores = torch.stack([row @ other for other in candidates]) / T
            total = total - (scores[i] - scores.exp().sum().log()) / len(ours) / 2
    return total


def test_the_losses_of_the_paper_written_out():
    student, batch = made_of()
    parts, rows = student.parts, list(range(5))
    anchor = fused(parts, rows)
    pairs = [("text", "audio"), ("text", "video"), ("audio", "video")]
    wrong = [fused({**parts, slot: parts[slot].roll(-1, dims=0)}, rows) for slot in MODALITIES]
    expected = {
        "ranking": sum(cross_entropy(parts[m], parts[n]) for m, n in pairs) / 3,
        "distillation": sum(cross_entropy(anchor, parts[m]) for m in MODALITIES) / 3,
        "tuple": cross_entropy(anchor, fused(AGAIN, rows), torch.cat(wrong)),
    }
    torch.testing.assert_close(losses_of(student, batch), expected)
    halved = losses_of(student, batch, alignment_weight=0, distillation_weight=0.5, tuple_weight=2)
    torch.testing.assert_close(halved, {"distillation": 0.5 * expected["distillation"], "tuple": 2 * expected["tuple"]})


def test_the_code_takes_pairs_modalities_and_exchanges_in_turn():
    student, batch = made_of()
    parts, rows = student.parts, list(range(5))
    anchor, again = fused(parts, rows), fused(AGAIN, rows)
    objective = AnyToAny(temperature=T, preset_from="code")
    for m, n, slot in [("text", "audio", "text"), ("text", "video", "audio"), ("audio", "video", "video")] * 2:
        wrong = fused({**parts, slot: parts[slot].roll(-1, dims=0)}, rows)
        expected = {
            "ranking": cross_entropy(parts[m], parts[n]),
            "distillation": (cross_entropy(anchor, parts[m]) + cross_entropy(anchor, parts[n])) / 2,
            "tuple": cross_entropy(anchor, again, wrong),
        }
        torch.testing.assert_close(objective(student, batch), expected)
    objective.start_epoch(2, 9)
    torch.testing.assert_close(objective(student, batch)["ranking"], cross_entropy(parts["text"], parts["video"]))


def test_nce_is_info_nce_where_nothing_else_is_wrong():
    left, right = units(5, 0), units(5, 1)
    same = torch.eye(5, dtype=torch.bool)
    same[0, 3] = same[3, 0] = True
    reference = InfoNCE(temperature=T, learn_temperature=False).double()
    torch.testing.assert_close(nce(left, right, same, temperature=T), reference(left @ right.T, same))


def test_keys_and_exchanged_fusions_have_no_gradient():
    parts = {name: units(5, seed).requires_grad_() for seed, name in enumerate(MODALITIES)}
    fusion = lived_in_fusion()
    student, batch = made_of(parts=parts, fusion=fusion)
    losses_of(student, batch, alignment_weight=0, tuple_weight=0)["distillation"].backward()
    assert fusion.gate.weight.grad is None and fusion.offset.grad is None
    keys = fused({name: values.detach() for name, values in parts.items()}, list(range(5)))
    for values in parts.values():
        found, values.grad = values.grad, None
        (cross_entropy(keys, values) / 3).backward()
        torch.testing.assert_close(found, values.grad)
    assert not exchanged(student, "video", batch.same_video).requires_grad


def test_the_gradient_of_the_tuples_is_that_with_the_exchanged_held():
    parts = {name: units(5, seed).requires_grad_() for seed, name in enumerate(MODALITIES)}
    again = {name: units(5, 10 + seed).requires_grad_() for seed, name in enumerate(MODALITIES)}
    student, batch = made_of(parts=parts, again=again)
    asked, rows = [*parts.values(), *again.values()], list(range(5))
    loss = losses_of(student, batch, alignment_weight=0, distillation_weight=0)["tuple"]
    found = torch.autograd.grad(loss, asked)
    wrong = [fused({**parts, slot: parts[slot].roll(-1, dims=0)}, rows).detach() for slot in MODALITIES]
    expected = cross_entropy(fused(parts, rows), fused(again, rows), torch.cat(wrong))
    torch.testing.assert_close(found, torch.autograd.grad(expected, asked))


def test_gradients_are_those_of_finite_differences():
    same = torch.eye(4, dtype=torch.bool)
    same[1, 2] = same[2, 1] = True
    left, right, wrong = (units(count, seed).requires_grad_() for seed, count in enumerate((4, 4, 3)))
    assert torch.autograd.gradcheck(
        lambda *given: nce(given[0], given[1], same, given[2], temperature=T), (left, right, wrong)
    )

    def alignment(*vectors):
        student, batch = made_of(SOME, parts=dict(zip(MODALITIES, vectors, strict=True)))
        return losses_of(student, batch)["ranking"]

    assert torch.autograd.gradcheck(alignment, [units(5, seed).requires_grad_() for seed in range(3)])


@pytest.mark.parametrize("present", [ALL, SOME])
@pytest.mark.parametrize("preset_from", ["paper", "code"])
def test_the_order_of_a_batch_means_nothing_but_for_the_exchanged(present, preset_from):
    student, batch = made_of(present)
    order = [3, 0, 4, 2, 1]
    moved, other = made_of(
        [present[i] for i in order],
        parts={name: values[order] for name, values in student.parts.items()},
        again={name: values[order] for name, values in AGAIN.items()},
    )
    settings = {"preset_from": preset_from, "tuple_weight": 0}
    torch.testing.assert_close(losses_of(student, batch, **settings), losses_of(moved, other, **settings))
    # a cyclic order has the same next video for each
    turned = [1, 2, 3, 4, 0]
    moved, other = made_of(
        [present[i] for i in turned],
        parts={name: values[turned] for name, values in student.parts.items()},
        again={name: values[turned] for name, values in AGAIN.items()},
    )
    settings = {"preset_from": preset_from}
    torch.testing.assert_close(losses_of(student, batch, **settings), losses_of(moved, other, **settings))


def test_what_is_missing_changes_nothing():
    student, batch = made_of(SOME)
    noise = {name: values.clone() for name, values in student.parts.items()}
    noise["audio"][1], noise["video"][3] = units(2, 77)
    again = {name: values.clone() for name, values in AGAIN.items()}
    again["audio"][1], again["video"][3] = units(2, 78)
    other, _ = made_of(SOME, parts=noise, again=again)
    torch.testing.assert_close(losses_of(student, batch), losses_of(other, batch), atol=0, rtol=0)


def test_a_pair_that_lacks_a_modality_is_not_in_the_losses_of_that_modality():
    student, batch = made_of(SOME)
    parts = student.parts
    hear, see, both = [0, 2, 3, 4], [0, 1, 2, 4], [0, 2, 4]
    pairs = {("text", "audio"): hear, ("text", "video"): see, ("audio", "video"): both}
    expected = sum(cross_entropy(parts[m][rows], parts[n][rows]) for (m, n), rows in pairs.items()) / 3
    torch.testing.assert_close(losses_of(student, batch)["ranking"], expected)


def test_a_batch_in_which_all_videos_are_silent_can_be_learned_from():
    parts = {name: units(5, seed).requires_grad_() for seed, name in enumerate(MODALITIES)}
    student, batch = made_of([[True, True, False]] * 5, parts=parts)
    losses = losses_of(student, batch)
    torch.testing.assert_close(losses["ranking"], cross_entropy(parts["text"], parts["video"]) / 3)
    sum(losses.values()).backward()
    assert all(values.grad.isfinite().all() for values in parts.values())
    assert not parts["audio"].grad.any()


def test_captions_of_one_video_are_neither_wrong_nor_exchanged():
    videos = ["a", "a", "b", "b", "c"]
    student, batch = made_of(videos=videos)
    ranking = losses_of(student, batch)["ranking"]
    reference = InfoNCE(temperature=T, learn_temperature=False).double()
    pairs = [("text", "audio"), ("text", "video"), ("audio", "video")]
    matrices = [student.parts[m] @ student.parts[n].T for m, n in pairs]
    torch.testing.assert_close(ranking, sum(reference(scores, batch.same_video) for scores in matrices) / 3)
    for slot in MODALITIES:
        parts = {**student.parts, slot: student.parts[slot][[2, 2, 4, 4, 0]]}
        torch.testing.assert_close(exchanged(student, slot, batch.same_video), fused(parts, list(range(5))))


def test_a_missing_modality_is_not_exchanged_and_the_next_video_that_has_it_is_taken():
    student, batch = made_of(SOME)
    rows, others = [0, 2, 3, 4], [2, 3, 4, 0]
    parts = {name: values[rows] for name, values in student.parts.items()} | {"audio": student.parts["audio"][others]}
    expected = FUSION(parts, torch.tensor(SOME)[rows])
    torch.testing.assert_close(exchanged(student, "audio", batch.same_video), expected)
    alone, of_one = made_of(videos=["a"] * 5)
    assert exchanged(alone, "text", of_one.same_video).shape == (0, 4)


def test_another_student_is_refused():
    student, batch = made_of()
    with pytest.raises(TypeError, match="needs an Omni"):
        losses_of(Embedded(student.text, student.video), batch)
