import copy
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from halves import slow
from processes import PATIENCE_S
from safetensors.torch import load_file

from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.learning.batches import CaptionPicks
from teachtext.learning.inference import score
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.model_files import WEIGHTS
from teachtext.learning.objective import Objective, Retrieval
from teachtext.learning.trainer import RESUME, Trainer, best_epoch

EPOCHS = 5


class Noisy(Objective):
    """The ranking loss of scores with noise: an objective that draws random numbers, as dropout would."""

    def __init__(self, ranking=None):
        super().__init__()
        self.ranking = ranking or MaxMarginRankingLoss(margin=0.2)

    def forward(self, student, batch):
        scores = student.scores
        return {"ranking": self.ranking(scores + 0.1 * torch.randn_like(scores))}


def make_trainer(world, folder, **changes):
    torch.manual_seed(4)
    spec = changes.pop("spec", None) or world.spec()
    features = world.features(spec)

    def validate(model):
        found = score(model, features, world.captions, world.videos)
        return retrieval_metrics(found.similarity, found.video_of)

    parts = {
        "model": spec.build(),
        "objective": Noisy(),
        "batches": CaptionPicks(features=features, captions=world.by_video, batch_size=4, seed=3),
        "validate": validate,
        "epochs": EPOCHS,
        "lr": 0.01,
        "seed": 3,
        "save_s": 0.0,
    }
    return Trainer(folder=folder, **(parts | changes))


def without_seconds(history):
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in history]


def outcome(trainer):
    """All that a training leaves behind, bit by bit."""
    assert sorted(path.name for path in trainer.folder.iterdir()) == [WEIGHTS]
    state = {name: value.numpy().tobytes() for name, value in trainer.model.state_dict().items()}
    selected = best_epoch(trainer.history)
    return state, without_seconds(trainer.history), selected, (trainer.folder / WEIGHTS).read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(world, tmp_path_factory):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trainer = make_trainer(world, tmp_path_factory.mktemp("uninterrupted"))
    trainer.fit()
    torch.set_num_threads(threads)
    return outcome(trainer)


def stop(*_):
    raise KeyboardInterrupt


class StopAfter:
    def __init__(self, epoch):
        self.epoch = epoch

    def __call__(self, history):
        if len(history) == self.epoch:
            stop()


def test_training_moves_the_weights_and_draws_random_numbers(world, uninterrupted, tmp_path):
    assert uninterrupted[0] != {
        name: value.numpy().tobytes() for name, value in make_trainer(world, tmp_path).model.state_dict().items()
    }
    other = make_trainer(world, tmp_path, seed=8)
    other.fit()
    assert outcome(other)[0] != uninterrupted[0]


def test_the_same_training_gives_the_same_bits(world, uninterrupted, tmp_path):
    trainer = make_trainer(world, tmp_path)
    # whatever was drawn before does not matter
    torch.manual_seed(77)
    trainer.fit()
    assert outcome(trainer) == uninterrupted


@pytest.mark.parametrize("epoch", [2, *slow(epoch for epoch in range(1, EPOCHS + 1) if epoch != 2)])
def test_a_stop_after_any_epoch_changes_no_bit(world, uninterrupted, tmp_path, epoch):
    with pytest.raises(KeyboardInterrupt):
        make_trainer(world, tmp_path).fit(StopAfter(epoch))
    torch.manual_seed(77)
    trainer = make_trainer(world, tmp_path)
    told = []
    trainer.fit(lambda history: told.append(len(history)))
    assert told == list(range(epoch, EPOCHS + 1)), "epochs that were done are told, and not done again"
    assert outcome(trainer) == uninterrupted


@pytest.mark.parametrize("epoch", [2, *slow(epoch for epoch in range(1, EPOCHS + 1) if epoch != 2)])
def test_a_stop_within_any_epoch_changes_no_bit(world, uninterrupted, tmp_path, epoch):
    trainer = make_trainer(world, tmp_path)
    whole = trainer.batches

    def batches(number):
        for i, batch in enumerate(whole(number)):
            if (number, i) == (epoch, 1):
                stop()
            yield batch

    trainer.batches = batches
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    trainer = make_trainer(world, tmp_path)
    trainer.fit()
    assert outcome(trainer) == uninterrupted


@pytest.mark.slow
def test_a_stop_after_every_epoch_changes_no_bit(world, uninterrupted, tmp_path):
    for epoch in range(1, EPOCHS + 1):
        with pytest.raises(KeyboardInterrupt):
            make_trainer(world, tmp_path).fit(StopAfter(epoch))
    trainer = make_trainer(world, tmp_path)
    trainer.fit()
    assert outcome(trainer) == uninterrupted


def test_a_stop_before_the_state_is_saved_loses_time_and_changes_no_bit(world, uninterrupted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make_trainer(world, tmp_path).fit(StopAfter(2))
    saved = (tmp_path / RESUME).stat().st_mtime_ns
    with pytest.raises(KeyboardInterrupt):
        make_trainer(world, tmp_path, save_s=3600.0).fit(StopAfter(4))
    assert (tmp_path / RESUME).stat().st_mtime_ns == saved
    told = []
    trainer = make_trainer(world, tmp_path, save_s=3600.0)
    trainer.fit(lambda history: told.append(len(history)))
    assert told == [2, 3, 4, 5]
    assert outcome(trainer) == uninterrupted


def test_a_full_disk_is_a_sentence_and_leaves_the_state_before(world, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make_trainer(world, tmp_path).fit(StopAfter(1))
    before = (tmp_path / RESUME).read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limit[1]))
    try:
        with pytest.raises(InputError, match=RESUME):
            make_trainer(world, tmp_path, keep="last").fit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (tmp_path / RESUME).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([RESUME, WEIGHTS])


def test_a_stop_between_the_two_files_of_an_epoch_changes_no_bit(world, uninterrupted, tmp_path):
    # the weights of one epoch beside the state of the epoch before it
    for epoch in (1, 2):
        folder = tmp_path / str(epoch)
        with pytest.raises(KeyboardInterrupt):
            make_trainer(world, folder).fit(StopAfter(epoch))
    shutil.copy(tmp_path / "2" / WEIGHTS, tmp_path / "1" / WEIGHTS)
    trainer = make_trainer(world, tmp_path / "1")
    trainer.fit()
    assert outcome(trainer) == uninterrupted


@pytest.mark.slow
def test_a_killed_process_changes_no_bit(world, uninterrupted, tmp_path):
    folder = tmp_path / "model"
    command = [sys.executable, __file__, str(tmp_path / "world"), str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if line.strip() == "2":
                break
        # the third epoch stops after its first batch
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
    assert {RESUME, WEIGHTS} <= {path.name for path in folder.iterdir()}
    trainer = make_trainer(world, folder)
    told = []
    trainer.fit(lambda history: told.append(len(history)))
    assert told == [2, 3, 4, 5]
    assert outcome(trainer) == uninterrupted


def test_a_finished_training_can_be_asked_again(world, uninterrupted, tmp_path):
    trainer = make_trainer(world, tmp_path)
    trainer.fit()
    trainer.fit()
    assert outcome(trainer) == uninterrupted


def test_the_history_tells_of_every_epoch_and_is_json(uninterrupted):
    history = uninterrupted[1]
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5]
    assert [entry["lr"] for entry in history] == pytest.approx([0.01 * 0.95**i for i in range(5)])
    assert all(entry["losses"].keys() == {"ranking"} for entry in history)
    assert all(entry["validation"].keys() == {"t2v", "v2t"} for entry in history)
    assert json.loads(json.dumps(history)) == history


def test_the_losses_of_an_epoch_are_the_mean_over_its_pairs(world, tmp_path):
    class Size(Objective):
        def forward(self, student, batch):
            scores = student.scores
            return {"size": scores.sum() * 0 + len(scores), "one": scores.sum() * 0 + 1}

    # nine videos in batches of four and five
    history = make_trainer(world, tmp_path, objective=Size(), epochs=1).fit()
    assert history[0]["losses"] == pytest.approx({"size": (4 * 4 + 5 * 5) / 9, "one": 1})


@pytest.mark.parametrize(
    ("geometric_means", "selected"), [([3, 5, 5, 1], 3), ([0, 0, 0, 0], 4), ([9, 1, 2, 3], 1), ([1, 2, 3, 4], 4)]
)
def test_the_best_epoch_is_kept_of_equal_ones_the_later(world, tmp_path, geometric_means, selected):
    validations = iter(geometric_means)

    def validate(model):
        value = float(next(validations))
        # the other direction and the other metrics say otherwise
        return {
            "t2v": Metrics({"r1": 100 - value, "geometric_mean": value}),
            "v2t": Metrics({"r1": 0, "geometric_mean": 100 - value}),
        }

    states = []
    trainer = make_trainer(world, tmp_path, validate=validate, epochs=4)
    history = trainer.fit(lambda history: states.append(copy.deepcopy(trainer.model.state_dict())))
    kept = load_file(tmp_path / WEIGHTS)
    same = [all(kept[name].equal(value) for name, value in state.items()) for state in states]
    assert best_epoch(history) == selected
    assert same == [epoch == selected for epoch in (1, 2, 3, 4)]


def test_the_last_epoch_is_kept_where_that_is_asked_for(world, tmp_path):
    def validate(model):
        return {"t2v": Metrics({"geometric_mean": 9.0 - len(trainer.history)})}

    trainer = make_trainer(world, tmp_path, validate=validate, epochs=3, keep="last")
    assert best_epoch(trainer.fit()) == 1 and trainer.best_epoch == 3
    kept = load_file(tmp_path / WEIGHTS)
    assert all(kept[name].equal(value) for name, value in trainer.model.state_dict().items())


def test_an_average_of_the_weights_is_kept_whatever_validation_says(world, tmp_path):
    keep, states, validated = 0.9, [], []

    class Watched(Noisy):
        def forward(self, student, batch):
            if states or validated:
                states.append(copy.deepcopy(trainer.model.state_dict()))
            return super().forward(student, batch)

    def validate(model):
        validated.append(copy.deepcopy(model.state_dict()))
        return {"t2v": Metrics({"geometric_mean": 9.0 - len(validated)})}

    # two batches an epoch; a batch begins with the weights of the step before
    trainer = make_trainer(world, tmp_path, objective=Watched(), validate=validate, epochs=3, average=keep)
    states.append(copy.deepcopy(trainer.model.state_dict()))
    trainer.fit()
    steps = [*states[2:], trainer.model.state_dict()]
    assert len(steps) == 6 and trainer.best_epoch == 3
    kept = load_file(tmp_path / WEIGHTS)
    assert all(kept[name].equal(value) for name, value in validated[-1].items())
    name = next(iter(dict(trainer.model.named_parameters())))
    average = steps[0][name]
    for count, step in enumerate(steps[1:], 1):
        share = min(keep, count / (count + 10))
        average = share * average + (1 - share) * step[name]
    torch.testing.assert_close(kept[name], average)
    statistics = next(name for name, value in kept.items() if name.endswith("running_var"))
    assert not kept[statistics].equal(trainer.model.state_dict()[statistics])


def test_a_stop_changes_no_bit_of_an_average(world, tmp_path):
    whole = make_trainer(world, tmp_path / "whole", average=0.9)
    whole.fit()
    stopped = make_trainer(world, tmp_path / "parts", average=0.9)

    class Stop(Exception):
        pass

    def stop(history):
        if len(history) == 2:
            raise Stop

    with pytest.raises(Stop):
        stopped.fit(stop)
    make_trainer(world, tmp_path / "parts", average=0.9).fit()
    assert (tmp_path / "parts" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()


def test_two_steps_are_those_of_radam_with_decoupled_decay(world, tmp_path):
    """RAdam in its first steps: p <- p - lr wd p - lr m_hat before the variance is known; the rate times 0.95."""
    rate, decay = 0.1, 0.7
    trainer = make_trainer(
        world, tmp_path, epochs=2, lr=rate, weight_decay=decay, objective=Retrieval(ranking=MaxMarginRankingLoss())
    )
    model, whole = copy.deepcopy(trainer.model), trainer.batches
    trainer.batches = lambda epoch: [next(iter(whole(epoch)))]
    trainer.fit()

    def gradients(epoch):
        model.train().zero_grad()
        batch = next(iter(whole(epoch)))
        MaxMarginRankingLoss()(model(batch)).backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    moments = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for epoch, lr in ((1, rate), (2, rate * 0.95)):
        for parameter, gradient, moment in zip(model.parameters(), gradients(epoch), moments, strict=True):
            moment.mul_(0.9).add_(0.1 * gradient)
            parameter.data -= lr * decay * parameter.data + lr * moment / (1 - 0.9**epoch)
    found = dict(trainer.model.named_parameters())
    for name, expected in model.named_parameters():
        torch.testing.assert_close(found[name], expected, atol=1e-6, rtol=1e-4)


def interrupted(world, folder, **changes):
    with pytest.raises(KeyboardInterrupt):
        make_trainer(world, folder, **changes).fit(StopAfter(1))
    return folder / RESUME


def test_the_state_to_resume_from_is_read_without_pickles(world, tmp_path):
    state = torch.load(interrupted(world, tmp_path), weights_only=True)
    assert len(state["history"]) == 1


def test_a_state_of_an_earlier_version_is_resumed_from(world, uninterrupted, tmp_path):
    """The history was a list of entries."""
    path = interrupted(world, tmp_path)
    state = torch.load(path, weights_only=True)
    (line,) = state["history"]
    torch.save({**state, "history": [json.loads(bytes(line.tolist()))]}, path)
    trainer = make_trainer(world, tmp_path)
    trainer.fit()
    assert outcome(trainer) == uninterrupted


def test_a_history_is_saved_as_it_is(world, uninterrupted, tmp_path):
    """With entries of different lengths, characters outside ASCII, and numbers that no decimal fraction equals."""
    trainer = make_trainer(world, tmp_path)
    trainer.history = [{"epoch": 1, "losses": {"größe": 0.1 + 0.2}, "validation": {}}, *uninterrupted[1][1:]]
    trainer._save()
    again = make_trainer(world, tmp_path)
    again._resume()
    assert again.history == trainer.history


def test_weights_that_a_later_epoch_replaces_are_not_written(world, tmp_path):
    """With `keep="last"` the weights come with the last epoch; until then the state to resume from holds them."""
    interrupted(world, tmp_path, keep="last")
    assert not (tmp_path / WEIGHTS).exists()
    make_trainer(world, tmp_path, keep="last").fit()
    whole = make_trainer(world, tmp_path / "whole", keep="last")
    whole.fit()
    assert (tmp_path / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()


@pytest.mark.parametrize("keep", [0, 10, 1000, -1, -2000])
def test_a_truncated_state_is_refused(world, tmp_path, keep):
    path = interrupted(world, tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    refuses(world, path)


@pytest.mark.parametrize("content", [{}, [], {"model": {}}, {"model": {}, "optimizer": {}, "history": []}, 3])
def test_a_state_of_another_form_is_refused(world, tmp_path, content):
    path = tmp_path / RESUME
    torch.save(content, path)
    refuses(world, path)


def test_a_state_of_another_model_is_refused(world, tmp_path):
    refuses(world, interrupted(world, tmp_path, spec=world.spec(shared_dim=16)))


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_in_the_state_is_not_executed(world, tmp_path):
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists(), "the trap works"
    sprung.unlink()
    folder = tmp_path / "model"
    path = interrupted(world, folder)
    state = torch.load(path, weights_only=True)
    traps = [pickle.dumps(Trap(sprung)), pickle.dumps({"model": {}, "optimizer": {}, "history": [Trap(sprung)]})]
    for zipped in (True, False):
        state["history"] = [Trap(sprung)]
        torch.save(state, tmp_path / "trap", _use_new_zipfile_serialization=zipped)
        traps.append((tmp_path / "trap").read_bytes())
    for trap in traps:
        path.write_bytes(trap)
        refuses(world, path)
        assert not sprung.exists()


def refuses(world, path):
    trainer = make_trainer(world, path.parent)
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        trainer.fit()
    assert str(caught.value) == f"{path} cannot be resumed from: delete it to train from the start"
    assert path.read_bytes() == before


LEARNING = {
    "a loss that learns": lambda: {"objective": Noisy(InfoNCE(temperature=0.1))},
    "ranger": lambda: {"objective": Noisy(), "optimizer": "ranger"},
}


@pytest.mark.parametrize("what", ["ranger", *slow(["a loss that learns"])])
def test_what_a_loss_and_an_optimizer_keep_is_resumed_to_the_bit(world, tmp_path, what):
    # eight epochs of two steps: Lookahead has moved its slow weights before and after the stop
    whole = make_trainer(world, tmp_path / "whole", epochs=8, **LEARNING[what]())
    whole.fit()
    with pytest.raises(KeyboardInterrupt):
        make_trainer(world, tmp_path / "cut", epochs=8, **LEARNING[what]()).fit(StopAfter(5))
    cut = make_trainer(world, tmp_path / "cut", epochs=8, **LEARNING[what]())
    cut.fit()
    assert outcome(cut) == outcome(whole)
    for name, value in whole.objective.state_dict().items():
        assert cut.objective.state_dict()[name].equal(value)


def test_a_temperature_is_learned_and_not_decayed(world, tmp_path):
    loss = InfoNCE(temperature=0.2)
    start = loss.log_scale.item()
    trainer = make_trainer(world, tmp_path, objective=Retrieval(ranking=loss), weight_decay=0.9, epochs=1)
    assert [group["weight_decay"] for group in trainer.optimizer.param_groups] == [0.9, 0.0]
    trainer.fit()
    assert loss.log_scale.item() != start
    assert "log_scale" not in load_file(tmp_path / WEIGHTS)


def test_without_a_validation_the_last_epoch_is_kept(world, tmp_path):
    trainer = make_trainer(world, tmp_path, validate=None, epochs=3)
    history = trainer.fit()
    assert [entry["validation"] for entry in history] == [{}, {}, {}]
    assert best_epoch(history) == 3
    kept = load_file(tmp_path / WEIGHTS)
    assert all(kept[name].equal(value) for name, value in trainer.model.state_dict().items())


@pytest.mark.slow
def test_a_tiny_set_is_learned_by_heart(world, tmp_path):
    spec = world.spec(experts=("rgb.0", "audio", "flow"), text_clusters=4, shared_dim=32)
    history = make_trainer(
        world,
        tmp_path,
        spec=spec,
        objective=Retrieval(ranking=MaxMarginRankingLoss(margin=0.2)),
        batches=CaptionPicks(features=world.features(spec), captions=world.by_video, batch_size=9, seed=0),
        epochs=80,
        lr=0.1,
    ).fit()
    first, best = history[0], history[best_epoch(history) - 1]
    assert first["validation"]["t2v"]["r1"] < 30
    assert best["validation"]["t2v"]["r1"] == best["validation"]["v2t"]["r1"] == 100
    assert best["losses"]["ranking"] < 0.05 * first["losses"]["ranking"]


if __name__ == "__main__":
    from learning_fixtures import make_world

    torch.set_num_threads(1)
    training = make_trainer(make_world(Path(sys.argv[1])), Path(sys.argv[2]))
    fast = training.batches

    def stopping(epoch):
        for batch in fast(epoch):
            yield batch
            if epoch == 3:
                time.sleep(3600)

    training.batches = stopping
    training.fit(lambda history: print(len(history), flush=True))
