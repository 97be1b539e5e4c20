"""Objectives in training: what they learn and where they stand is resumed to the bit."""

from dataclasses import replace

import pytest
import torch
from halves import slow

from teachtext.learning.batches import CaptionPicks
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.teachers import CachedTeacher
from teachtext.learning.trainer import Trainer

TEACHTEXT = preset("teachtext")
OBJECTIVES = {
    "exponential": replace(TEACHTEXT, schedule="exponential", decay=0.5),
    "cosine, learned pool": replace(TEACHTEXT, schedule="cosine", pool="learned", weight=3.0),
    "warm-up of momentum": replace(preset("momentum"), schedule="warm_up", momentum=0.7),
    "dcd": preset("dcd"),
    "c2kd": preset("c2kd"),
    "fusion": preset("fusion"),
    "crosskd": preset("crosskd"),
    "teachclip": preset("teachclip", preset_from="code"),
}
EPOCHS = 5


@pytest.fixture
def train(world):
    """Train, or go on, until an epoch."""
    specs = [world.spec(kind="moee"), world.spec(text="sentences", experts=("flow", "audio", "rgb.0"))]
    teachers = [CachedTeacher.of(spec.build(), world.features(spec), world.caption_ids, world.videos) for spec in specs]

    def run(folder, parts, *, ranking=None, until=EPOCHS, captions=1):
        torch.manual_seed(4)
        spec = world.spec()
        model = spec.build()
        objective = Distillation(
            ranking=ranking or MaxMarginRankingLoss(),
            parts=parts,
            teachers=teachers if parts.source == "teachers" else (),
            student=model,
        )

        def stop(history):
            if len(history) == until:
                raise KeyboardInterrupt

        trainer = Trainer(
            model=model,
            objective=objective,
            batches=CaptionPicks(
                features=world.features(spec),
                captions=world.by_video,
                batch_size=4,
                seed=3,
                captions_per_video=captions,
            ),
            validate=None,
            folder=folder,
            epochs=EPOCHS,
            lr=0.01,
            seed=3,
        )
        if until < EPOCHS:
            with pytest.raises(KeyboardInterrupt):
                trainer.fit(*([stop] if until < EPOCHS else []))
        else:
            trainer.fit(*([stop] if until < EPOCHS else []))
        return trainer

    return run


def state(trainer):
    kept = trainer.model.state_dict() | {f"of {name}": value for name, value in trainer.objective.state_dict().items()}
    return {name: value.numpy().tobytes() for name, value in kept.items()}, [one["losses"] for one in trainer.history]


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_stop_in_the_middle_of_a_schedule_changes_no_bit(train, tmp_path, name):
    whole = train(tmp_path / "whole", OBJECTIVES[name], ranking=InfoNCE(temperature=0.1))
    train(tmp_path / "cut", OBJECTIVES[name], ranking=InfoNCE(temperature=0.1), until=3)
    torch.manual_seed(77)
    cut = train(tmp_path / "cut", OBJECTIVES[name], ranking=InfoNCE(temperature=0.1))
    assert state(cut) == state(whole)
    assert all(loss == loss and abs(loss) < 100 for losses in state(whole)[1] for loss in losses.values())


@pytest.mark.parametrize(("schedule", "last"), [("constant", 1), ("exponential", 0.0625), ("cosine", 0)])
def test_the_trainer_tells_the_objective_of_its_epochs(train, tmp_path, schedule, last):
    asked = train(tmp_path, replace(TEACHTEXT, schedule=schedule, decay=0.5))
    assert asked.objective.weight == pytest.approx(last, abs=1e-12)
    asked.objective.start_epoch(1, EPOCHS)
    assert asked.objective.weight == 1


def test_a_learned_pool_and_a_temperature_are_trained(train, tmp_path):
    trainer = train(tmp_path, replace(TEACHTEXT, pool="learned"), ranking=InfoNCE(temperature=0.1))
    weights = trainer.objective.pool.logits
    assert weights.abs().min() > 0 and weights[0] != weights[1]
    assert trainer.objective.ranking.log_scale.exp().item() != pytest.approx(10, abs=1e-3)


@pytest.mark.parametrize("name", ["teachtext", "c2kd", "teachclip", *slow(["dcd", "momentum", "fusion", "crosskd"])])
def test_several_captions_a_video(train, tmp_path, name):
    trainer = train(tmp_path, preset(name), captions=3)
    assert all(loss == loss for entry in trainer.history for loss in entry["losses"].values())
