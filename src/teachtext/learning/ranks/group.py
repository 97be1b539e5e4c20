"""The processes of a training as a trainer knows them: the exchange of tensors and messages, devices, and failures."""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

from teachtext.data.batch import Batch
from teachtext.devices import resolve_device
from teachtext.errors import InputError, ProcessesEnded
from teachtext.learning.ranks.agreement import Place, SharedError, check_same, common_device
from teachtext.learning.ranks.batch_norm import synchronise
from teachtext.learning.ranks.gather import add_gradients, gather_embedded, rows_of
from teachtext.models.cross import CrossScorer
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import Embedded, Scored

T = TypeVar("T")

# all processes are in a step at the same time: a longer wait is a process that hangs
STEP = timedelta(minutes=30)
# process 0 may extract features meanwhile; gloo counts milliseconds in 32 bits
_IDLE = timedelta(days=20)
# between the seeds of two processes; the generator of the CPU reads 32 bits of a seed
_PRIME = 2_654_435_761
_FIRST_LOOKS, _LOOK_S, _LONG_LOOK_S = 50, 0.001, 0.05
# seconds in which a process that fails says why, before its connection is gone
_LAST_WORDS_S = 2.0
_ERROR, _SAID = "teachtext/error", "teachtext/said"


class _Lost(Exception):
    """The connection to another process is gone."""


class Ranks:
    """The processes of a training, seen from one of them. A single process is `ALONE`, for which nothing is exchanged.

    Args:
        place: of this process.
        count: number of processes.

    Attributes:
        rank: number of this process, from 0.
        count: number of processes.
        first: whether this is process 0, which alone writes files.
        stands_in: see `teachtext.learning.ranks.gather.Collectives`.
    """

    def __init__(self, place: Place | None = None, count: int = 1) -> None:
        self.place = place or Place(0, socket.gethostname(), 0)
        self.rank = self.place.rank
        self.count = count
        self.first = self.rank == 0
        self.stands_in = False
        self._messages: Any = None
        # by kind of device; None is the default group of torch
        self._steps: dict[str, Any] = {"cpu": None}
        self._places = [self.place]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Ranks":
        # a copy of a model has the same processes
        return self

    # what the trainer calls

    def embed(self, model: RetrievalModel | CrossScorer, batch: Batch) -> Embedded | Scored:
        """Return the embeddings of a whole batch, of which this process embeds its rows alone."""
        if self.count == 1:
            return model.embed(batch)
        if isinstance(model, CrossScorer):
            raise SharedError("a slow teacher cannot be trained by several processes", "train it without torchrun")
        rows = len(batch.text.ids)
        part = rows_of(self.rank, self.count, rows)
        # not every model can embed nothing
        self.stands_in = part.start == part.stop
        return gather_embedded(model.embed(batch.rows(slice(0, 1) if self.stands_in else part)), self, rows)

    def synchronise(self, model: nn.Module) -> None:
        """Let the batch normalisations of a model count the rows of all processes."""
        if self.count > 1:
            synchronise(model, self)

    def share(self, *modules: nn.Module | None) -> None:
        """Give all processes the weights and buffers of process 0."""
        if self.count > 1:
            for module in modules:
                for tensor in module.state_dict().values() if module is not None else ():
                    self._finish(dist.broadcast(tensor, 0, group=self._group_of(tensor), async_op=True))

    @torch.no_grad()
    def add_gradients(self, model: nn.Module, objective: nn.Module) -> None:
        """Add up the gradients of the model. Those of the objective are whole in every process: their mean is taken."""
        if self.count == 1:
            return
        of_objective = [parameter for parameter in objective.parameters() if parameter.requires_grad]
        for parameter in of_objective:
            if parameter.grad is not None:
                parameter.grad /= self.count
        add_gradients([*(each for each in model.parameters() if each.requires_grad), *of_objective], self)

    def seed(self, seed: int) -> int:
        """Return a seed for this process; process 0 has the seed itself.

        >>> ALONE.seed(7)
        7
        """
        return (seed + self.rank * _PRIME) % 2**63

    # exchanges

    def all_gather(self, values: Tensor) -> Tensor:
        """Return the tensors of all processes, (count, ...), which are of one shape."""
        every = values.new_empty(self.count, *values.shape)
        work = dist.all_gather(list(every.unbind()), values.contiguous(), group=self._group_of(values), async_op=True)
        self._finish(work)
        return every

    def all_reduce(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, in place of the tensor."""
        self._finish(dist.all_reduce(values, group=self._group_of(values), async_op=True))
        return values

    def wait(self) -> None:
        """Wait for all processes, as long as it takes."""
        if self.count > 1:
            self.exchange("")

    def exchange(self, text: str) -> list[str]:
        """Return the texts of all processes."""
        data = torch.frombuffer(bytearray(text.encode() or b" "), dtype=torch.uint8)
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.count)]
        self._await(dist.all_gather(lengths, torch.tensor([len(data)]), group=self._messages, async_op=True))
        longest = max(int(length) for length in lengths)
        padded = torch.full((longest,), ord(" "), dtype=torch.uint8)
        padded[: len(data)] = data
        texts = [torch.empty_like(padded) for _ in range(self.count)]
        self._await(dist.all_gather(texts, padded, group=self._messages, async_op=True))
        return [bytes(text.tolist()).decode().strip() for text in texts]

    def send(self, message: str) -> None:
        """Send a message from process 0 to the others, which `receive` it."""
        if self.count > 1:
            self.exchange(message)

    def receive(self) -> str:
        """Return the next message of process 0, however long that takes."""
        return self.exchange("")[0]

    def in_turn(self, work: Callable[[], T]) -> T:
        """Do some work in process 0, and then in the others: what process 0 has written is there.

        Raises:
            SharedError: a process has raised InputError; all raise the same.
        """
        if self.count == 1:
            return work()
        result: list[T] = []
        for is_turn in (self.first, not self.first):
            problem = ""
            if is_turn:
                try:
                    result.append(work())
                except InputError as error:
                    problem = json.dumps([error.problem, error.mend])
            self._raise_first(self.exchange(problem))
        return result[0]

    def check_same(self, facts: Mapping[str, str]) -> None:
        """Check that all processes see the same; see `teachtext.learning.ranks.agreement.check_same`."""
        if self.count > 1:
            check_same([json.loads(text) for text in self.exchange(json.dumps(dict(facts)))], self._places)

    def device(self, name: str) -> str:
        """Return the device of this process as torch writes it: among several processes each has a GPU of its own.

        Args:
            name: as in `teachtext.devices.resolve_device`.

        Raises:
            InputError: the device is not there, or some processes have a GPU and others have none.
        """
        if self.count == 1:
            return resolve_device(name)
        device, problem = "", ""
        try:
            device = _own_device(name, self.place)
        except InputError as error:
            problem = json.dumps([error.problem, error.mend])
        self._raise_first(self.exchange(problem))
        kind = common_device(self.exchange(device), self._places)
        if kind == "cuda":
            torch.cuda.set_device(self.place.local_rank)
            if kind not in self._steps:
                self._steps[kind] = dist.new_group(backend="nccl", timeout=STEP)
        return device

    def set_up(
        self,
        device: str,
        facts: Callable[[], Mapping[str, str]],
        build: Callable[[str], tuple[T, Mapping[str, str]]],
    ) -> T:
        """Build in each process what trains, process 0 first, and check that the processes see the same.

        Args:
            device: as in `device`.
            facts: returns what must be the same in all processes before anything is built, by name.
            build: returns what trains on the device of this process, and what must be the same then, by name.

        Raises:
            InputError: a process cannot build, or sees something else than process 0; all raise the same.
        """
        if self.count == 1:
            return build(self.device(device))[0]
        device_here = self.device(device)
        self.check_same(self.in_turn(facts))
        trains, made = self.in_turn(lambda: build(device_here))
        self.check_same(made)
        return trains

    # failures

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Do work that all processes must finish: the failure of one ends all, with one sentence.

        Raises:
            ProcessesEnded: a process has failed.
        """
        if self.count == 1:
            yield
            return
        try:
            yield
        except (SharedError, ProcessesEnded):
            raise
        except _Lost as error:
            raise self._ended() from error
        except InputError as error:
            self._say()
            raise ProcessesEnded(str(error) if self.first else f"{self.place}: {error}") from error
        except Exception:
            self._say()
            raise

    def _say(self) -> None:
        """Tell the other processes that this one says why all end."""
        with suppress(RuntimeError):
            _store().set(_ERROR, str(self.rank))

    def _ended(self) -> ProcessesEnded:
        """Return the error of a process that has lost another one; a single process says so."""
        try:
            store = _store()
            last = time.monotonic() + _LAST_WORDS_S
            while time.monotonic() < last:
                if store.check([_ERROR]):
                    return ProcessesEnded("")
                time.sleep(_LONG_LOOK_S)
            if store.add(_SAID, 1) > 1:
                return ProcessesEnded("")
        except RuntimeError:
            # the store went with its process
            if self.rank > 1:
                return ProcessesEnded("")
        return ProcessesEnded(
            f"one of {self.count} processes ended early, perhaps for lack of memory: run the same command again, which "
            "goes on after the last saved epoch"
        )

    def _raise_first(self, problems: Sequence[str]) -> None:
        for place, problem in zip(self._places, problems, strict=True):
            if problem:
                what, mend = json.loads(problem)
                raise SharedError(what if place.rank == 0 else f"{place}: {what}", mend)

    def _group_of(self, values: Tensor) -> Any:
        return self._steps[values.device.type]

    def _finish(self, work: Any) -> None:
        """Wait for an exchange within a step."""
        try:
            work.wait()
        except RuntimeError as error:
            # a signal that came during the wait is raised by this call: within a backward pass torch would lose it
            time.sleep(0)
            raise _Lost from error

    def _await(self, work: Any) -> None:
        """Wait for an exchange of messages: a signal is noticed meanwhile."""
        looks = 0
        while not work.is_completed():
            time.sleep(_LOOK_S if looks < _FIRST_LOOKS else _LONG_LOOK_S)
            looks += 1
        self._finish(work)

    def begin(self) -> None:
        """Open the exchange of messages, once all processes are joined."""
        self._messages = dist.new_group(backend="gloo", timeout=_IDLE)
        reports = self.exchange(json.dumps([self.place.host, self.place.local_rank]))
        self._places = [Place(rank, *json.loads(report)) for rank, report in enumerate(reports)]


ALONE = Ranks()


def _store() -> Any:
    return dist.distributed_c10d._get_default_store()


def _own_device(name: str, place: Place) -> str:
    if ":" in name:
        raise InputError(f"'device: {name}' names one GPU for several processes", "use 'device: cuda'")
    kind = resolve_device(name)
    if kind == "mps":
        raise InputError("processes cannot share the GPU 'mps'", "use one process, or 'device: cpu'")
    if kind == "cpu":
        return kind
    gpus = torch.cuda.device_count()
    if place.local_rank >= gpus:
        raise InputError(
            f"there is no GPU for {place}: the machine has {gpus}",
            "start as many processes on a machine as the machine has GPUs, or set 'device: cpu'",
        )
    return f"{kind}:{place.local_rank}"
