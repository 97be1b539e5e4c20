import builtins
import importlib.util
import signal
import time
from contextlib import contextmanager

import pytest
import torch

from teachtext.errors import InputError
from teachtext.evaluation.metrics import retrieval_metrics
from teachtext.learning.batches import CaptionPicks
from teachtext.learning.inference import score
from teachtext.learning.loggers import LOGGERS, scalars
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.learning.model_files import WEIGHTS
from teachtext.learning.objective import Retrieval
from teachtext.learning.trainer import Trainer

EPOCHS = 4
FACTS = {"role": "student", "seed": 3, "training": {"lr": 0.01}}


def make_trainer(world, folder):
    torch.manual_seed(4)
    spec = world.spec()
    features = world.features(spec)

    def validate(model):
        found = score(model, features, world.captions, world.videos)
        return retrieval_metrics(found.similarity, found.video_of)

    return Trainer(
        model=spec.build(),
        objective=Retrieval(ranking=MaxMarginRankingLoss(margin=0.2)),
        batches=CaptionPicks(features=features, captions=world.by_video, batch_size=4, seed=3),
        validate=validate,
        folder=folder,
        epochs=EPOCHS,
        lr=0.01,
    )


def written(folder):
    """What TensorBoard reads: values by name, in the order of their epochs."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    found = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert events.Tags()["tensors"] == ["training/text_summary"]
    return found


def stop_after(epoch):
    def listen(history):
        if len(history) == epoch:
            raise KeyboardInterrupt

    return listen


@pytest.fixture
def needs_tensorboard():
    pytest.importorskip("tensorboard")


def test_the_numbers_of_an_epoch_have_names():
    entry = {
        "epoch": 2,
        "lr": 0.1,
        "losses": {"ranking": 0.5},
        "validation": {"t2v": {"r1": 3.0}, "v2t": {"r1": 4.0}},
        "seconds": 1.5,
    }
    assert scalars(entry) == {
        "loss/ranking": 0.5,
        "validation/t2v/r1": 3.0,
        "validation/v2t/r1": 4.0,
        "lr": 0.1,
        "seconds": 1.5,
    }
    assert scalars(entry | {"validation": {}}).keys() == {"loss/ranking", "lr", "seconds"}


def test_tensorboard_reads_every_epoch_of_a_training(world, tmp_path, needs_tensorboard):
    with LOGGERS["tensorboard"](tmp_path / "logs", FACTS) as log:
        history = make_trainer(world, tmp_path / "model").fit(log)
    found = written(tmp_path / "logs")
    assert found.keys() == scalars(history[0]).keys() and "validation/t2v/geometric_mean" in found
    for name, values in found.items():
        expected = [(entry["epoch"], pytest.approx(scalars(entry)[name])) for entry in history]
        assert values == expected


@pytest.mark.parametrize("stopped", [1, EPOCHS])
def test_a_stopped_training_tells_every_epoch_once(world, tmp_path, needs_tensorboard, stopped):
    with pytest.raises(KeyboardInterrupt), LOGGERS["tensorboard"](tmp_path / "logs", FACTS) as log:
        # stopped before the epoch is told: it would be missing if only new ones were told
        make_trainer(world, tmp_path / "model").fit(stop_after(stopped), log)
    with LOGGERS["tensorboard"](tmp_path / "logs", FACTS) as log:
        history = make_trainer(world, tmp_path / "model").fit(log)
    for name, values in written(tmp_path / "logs").items():
        assert values == [(entry["epoch"], pytest.approx(scalars(entry)[name])) for entry in history]


def test_logging_changes_no_bit(world, tmp_path, needs_tensorboard):
    def trained(name):
        trainer = make_trainer(world, tmp_path / name)
        with LOGGERS[name](tmp_path / "logs" / name, FACTS) as log:
            history = trainer.fit(log)
        for entry in history:
            del entry["seconds"]
        return history, (tmp_path / name / WEIGHTS).read_bytes()

    assert trained("tensorboard") == trained("none")
    assert not (tmp_path / "logs" / "none").exists()


def test_logging_takes_little_time(tmp_path, needs_tensorboard):
    metrics = dict.fromkeys(("r1", "r5", "r10", "r50", "mdr", "mnr", "geometric_mean"), 50.0)
    entry = {"lr": 0.1, "losses": {"ranking": 0.5, "distillation": 0.1}, "seconds": 1.0}
    entry["validation"] = {"t2v": metrics, "v2t": metrics}
    history = []
    with LOGGERS["tensorboard"](tmp_path, FACTS) as log:
        started = time.process_time()
        for epoch in range(1, 101):
            history.append({"epoch": epoch, **entry})
            log(history)
        seconds = time.process_time() - started
    # an epoch of the smallest example takes a tenth of a second
    assert seconds / 100 < 0.05


def test_without_tensorboard_the_default_logs_nothing_and_a_wish_is_refused(tmp_path, monkeypatch):
    find, load = importlib.util.find_spec, builtins.__import__

    def no_spec(name, *args):
        return None if name == "tensorboard" else find(name, *args)

    def no_import(name, *args):
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return load(name, *args)

    monkeypatch.setattr(importlib.util, "find_spec", no_spec)
    monkeypatch.setattr(builtins, "__import__", no_import)
    with LOGGERS["auto"](tmp_path / "logs", FACTS) as log:
        log([])
    assert not (tmp_path / "logs").exists()
    with (
        pytest.raises(InputError, match=r"not installed: pip install 'teachtext\[tensorboard\]', or set 'logging: non"),
        LOGGERS["tensorboard"](tmp_path / "logs", FACTS),
    ):
        pass


def test_a_logger_of_ones_own_hears_the_same(world, tmp_path, monkeypatch):
    told = {}

    @contextmanager
    def own(folder, facts):
        steps = told.setdefault((folder.name, facts["role"]), [])
        yield lambda history: steps.append(scalars(history[-1])["loss/ranking"])
        steps.append("closed")

    monkeypatch.setitem(LOGGERS, "own", own)
    with LOGGERS["own"](tmp_path / "a-model", FACTS) as log:
        history = make_trainer(world, tmp_path / "model").fit(log)
    assert told == {("a-model", "student"): [*(entry["losses"]["ranking"] for entry in history), "closed"]}


def test_ctrl_c_while_tensorboard_writes_comes_once_it_has_written(tmp_path, needs_tensorboard, monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    done = []

    def flush(writer: SummaryWriter) -> None:
        signal.raise_signal(signal.SIGINT)
        done.append(writer)

    with pytest.raises(KeyboardInterrupt), LOGGERS["tensorboard"](tmp_path / "logs", FACTS) as log:
        monkeypatch.setattr(SummaryWriter, "flush", flush)
        log([])
    assert len(done) >= 1
