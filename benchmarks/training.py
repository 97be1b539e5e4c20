"""A training step at the published shapes, beside the same mathematics as one writes them down (`baseline.py`).

Run: python benchmarks/training.py [--case msvd-ce+] [--threads 2] [--steps 12] [--output FILE.json]

First the machine is measured: float32 products and memory bandwidth at the number of threads. Each case then trains
three models with equal weights on equal batches, a step of each in turn: the yardstick, ours, and ours with `precision:
bfloat16`. Losses of the first two must agree. Reported are medians, ratios to the yardstick over three runs, and the
share of the floor: the flops of the step and the bytes that the optimizer moves, at the speeds of the machine.
"""

import argparse
import copy
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
import yaml
from baseline import PlainCE, max_margin
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.experiment.torch_settings import cpu_products
from teachtext.learning.cpu_bfloat16 import LargeLayersInBfloat16
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.learning.objective import Objective, Retrieval
from teachtext.learning.optimizers import OPTIMIZERS
from teachtext.learning.teachers import CachedTeacher
from teachtext.learning.teachtext import TeachText
from teachtext.models.ce import CE
from teachtext.models.similarity import TextEmbedding, VideoEmbedding
from teachtext.originals.archive.layouts import EXPERT_DIMS, TEXT_DIMS
from teachtext.originals.recipes import recipe

CASES = {"msvd-ce+": "msvd/ce+", "msrvtt-ce+": "msrvtt/ce+"}
BATCH, MARGIN, RUNS = 64, 0.2, 3
# the first steps of rectified Adam are others; and memory is fresh
WARM_UP = 7
# rectified Adam reads weight, gradient and two moments, and writes weight and moments
BYTES_A_WEIGHT = 7 * 4


def ceiling(threads: int) -> dict[str, Any]:
    """Return what the machine can do: GFLOP/s of a float32 product, and GB/s of a copy."""
    torch.set_num_threads(threads)
    left, right, source = torch.randn(2048, 2048), torch.randn(2048, 2048), torch.randn(2**26)
    target = torch.empty_like(source)
    product = best_of(lambda: torch.mm(left, right))
    copy = best_of(lambda: target.copy_(source))
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": threads,
        "torch": torch.__version__,
        "gflops": round(2 * 2048**3 / product / 1e9, 1),
        "copy_gb_s": round(2 * source.nbytes / copy / 1e9, 1),
    }


def best_of(work: Callable[[], object], repeats: int = 7) -> float:
    """Return the least seconds of several calls."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


class Shapes:
    """The model of a recipe with random weights, and batches of random features of its widths."""

    def __init__(self, name: str) -> None:
        config = yaml.safe_load(recipe(name, data="data"))
        model = config["model"]
        experts = [{"name": one} if isinstance(one, str) else one for one in config["experts"]]
        self.dims = {one["name"]: EXPERT_DIMS[one["name"]] for one in experts}
        clusters = {one["name"]: one["clusters"] for one in experts if one.get("clusters")}
        self.rows = {one["name"]: one.get("max_tokens", 1) for one in experts}
        self.words, self.text_dim = model["max_text_tokens"], TEXT_DIMS[config["student"]["text"]]
        self.model = CE(
            expert_dims=self.dims,
            expert_clusters=clusters,
            text_dim=self.text_dim,
            text_clusters=model["text_clusters"],
            ghost_clusters=model.get("ghost_clusters", 0),
            shared_dim=model["shared_dim"],
        )

    def batch(self) -> Batch:
        """Return a batch in which nothing is missing."""
        names = [str(number) for number in range(BATCH)]
        words = torch.randint(5, self.words + 1, (BATCH,))
        tokens = torch.randn(BATCH, self.words, self.text_dim)
        tokens[torch.arange(self.words)[None] >= words[:, None]] = 0
        experts = {name: torch.randn(BATCH, self.rows[name], dim) for name, dim in self.dims.items()}
        lengths = {name: torch.full((BATCH,), self.rows[name]) for name in self.dims}
        return Batch(TextBatch(names, tokens, words), VideoBatch(names, experts, lengths))

    def teacher(self) -> CachedTeacher:
        """Return a teacher with random embeddings of one width for the captions and videos of a batch."""
        names = [str(number) for number in range(BATCH)]

        def unit() -> dict[str, Tensor]:
            return {name: nn.functional.normalize(torch.randn(BATCH, 768), dim=1).half() for name in self.dims}

        weights = torch.rand(BATCH, len(self.dims)).softmax(dim=1)
        present = torch.ones(BATCH, len(self.dims), dtype=torch.bool)
        return CachedTeacher(
            caption_ids=names,
            text=TextEmbedding(unit(), weights),
            video_ids=names,
            video=VideoEmbedding(unit(), present),
        )


class Step:
    """A training step, and the seconds of its parts.

    Args:
        loss: returns the loss of a batch.
        optimizer: of all weights.
        products: see `torch.set_float32_matmul_precision`.
    """

    def __init__(
        self, loss: Callable[[Batch], Tensor], optimizer: torch.optim.Optimizer, products: str = "highest"
    ) -> None:
        self.loss, self.optimizer, self.products = loss, optimizer, products
        self.parts: dict[str, list[float]] = {"forward": [], "backward": [], "optimizer": []}

    def __call__(self, batch: Batch) -> float:
        """Train on a batch; return the loss."""
        torch.set_float32_matmul_precision(self.products)
        times = [time.perf_counter()]
        loss = self.loss(batch)
        times.append(time.perf_counter())
        self.optimizer.zero_grad()
        loss.backward()
        times.append(time.perf_counter())
        self.optimizer.step()
        times.append(time.perf_counter())
        for part, begin, end in zip(self.parts.values(), times, times[1:], strict=False):
            part.append(end - begin)
        return loss.item()

    def parts_ms(self) -> dict[str, float]:
        """Return the median of each part after the first steps, in milliseconds."""
        return {name: round(1000 * statistics.median(part[WARM_UP:]), 1) for name, part in self.parts.items()}


def our_step(model: CE, objective: Objective, *, bfloat16: bool = False) -> Step:
    """Return a step as `teachtext.learning.trainer.Trainer` does it, under `teachtext.experiment.torch_settings`."""
    optimizer = OPTIMIZERS["radam"]([{"params": list(model.parameters())}], lr=1e-3, weight_decay=1e-5)
    products = LargeLayersInBfloat16() if bfloat16 else nullcontext()

    def loss(batch: Batch) -> Tensor:
        with products:
            embedded = model.embed(batch)
        return sum(objective(embedded, batch).values(), torch.zeros(()))

    return Step(loss, optimizer, cpu_products())


def plain_step(model: PlainCE) -> Step:
    """Return a step of the yardstick."""
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-3, weight_decay=1e-5, decoupled_weight_decay=True)
    return Step(lambda batch: max_margin(model(batch), MARGIN), optimizer)


def in_turn(steps: Mapping[str, Step], batches: list[Batch]) -> dict[str, list[float]]:
    """Return the seconds of each kind of step, one step of each kind after the other on each batch."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for batch in batches:
        for name, step in steps.items():
            begin = time.perf_counter()
            step(batch)
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def difference(losses: list[dict[str, float]], kind: str) -> float:
    """Return the greatest difference between the losses of a kind of step and those of the yardstick."""
    return max(abs(loss[kind] - loss["yardstick"]) for loss in losses)


def ratios(runs: list[dict[str, list[float]]], kind: str) -> list[float]:
    """Return how many times as fast as the yardstick a kind of step is, by run, in rising order."""
    return sorted(round(statistics.median(run["yardstick"]) / statistics.median(run[kind]), 2) for run in runs)


def measure(name: str, steps: int, machine: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a case."""
    torch.manual_seed(0)
    shapes = Shapes(CASES[name])
    weights = sum(parameter.numel() for parameter in shapes.model.parameters())
    plain, batches = PlainCE(shapes.model), [shapes.batch() for _ in range(steps)]
    retrieval = Retrieval(ranking=MaxMarginRankingLoss(margin=MARGIN))
    kinds = {
        "yardstick": plain_step(plain),
        "bfloat16": our_step(copy.deepcopy(shapes.model), retrieval, bfloat16=True),
        "ours": our_step(shapes.model, retrieval),
    }
    losses = [{kind: step(batch) for kind, step in kinds.items()} for batch in batches[:WARM_UP]]
    with FlopCounterMode(display=False) as counter:
        kinds["ours"](batches[0])
    flops, moved = counter.get_total_flops(), weights * BYTES_A_WEIGHT
    floor = flops / (machine["gflops"] * 1e9) + moved / (machine["copy_gb_s"] * 1e9)
    runs = [in_turn(kinds, batches) for _ in range(RUNS)]
    medians = {kind: statistics.median([second for run in runs for second in run[kind]]) for kind in kinds}
    ours = medians["ours"]
    parts = {kind: step.parts_ms() for kind, step in kinds.items()}
    taught = {}
    for count in (3, 8):
        teachers = [shapes.teacher() for _ in range(count)]
        step = our_step(shapes.model, TeachText(teachers=teachers, margin=MARGIN))
        for batch in batches[:WARM_UP]:
            step(batch)
        pair = in_turn({"taught": step, "plain": kinds["ours"]}, batches)
        taught[str(count)] = round(statistics.median(pair["taught"]) / statistics.median(pair["plain"]), 3)
    return {
        "case": name,
        "parameters": weights,
        "gflop_a_step": round(flops / 1e9, 1),
        "greatest_difference_of_losses": difference(losses, "ours"),
        "greatest_difference_of_losses_bfloat16": difference(losses, "bfloat16"),
        **{f"{kind}_ms": round(1000 * seconds, 1) for kind, seconds in medians.items()},
        "parts_ms": parts,
        "ratio": ratios(runs, "ours"),
        "ratio_bfloat16": ratios(runs, "bfloat16"),
        "share_of_floor": round(floor / ours, 2),
        "by_teachers": taught,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=[*CASES], action="append")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12, help="steps of each kind in a run; there are three runs")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    machine = ceiling(asked.threads)
    print(f"{machine['gflops']} GFLOP/s, {machine['copy_gb_s']} GB/s with {asked.threads} threads")
    columns = ["case", "yardstick ms", "ours ms", "bfloat16 ms", "ratio of three runs", "ratio with bfloat16"]
    columns += ["share of the floor", "with 3 teachers", "with 8"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    rows = []
    for name in asked.case or CASES:
        row = measure(name, asked.steps, machine)
        cells = [name, row["yardstick_ms"], row["ours_ms"], row["bfloat16_ms"]]
        cells += [", ".join(map(str, row[key])) for key in ("ratio", "ratio_bfloat16")]
        cells += [row["share_of_floor"], *row["by_teachers"].values()]
        print(f"| {' | '.join(map(str, cells))} |")
        rows.append(row)
    print("\n| case | | forward ms | backward ms | optimizer ms |\n|---|---|---|---|---|")
    for row in rows:
        for kind, parts in row["parts_ms"].items():
            print(f"| {row['case']} | {kind} | " + " | ".join(map(str, parts.values())) + " |")
    if asked.output:
        asked.output.write_text(json.dumps({"machine": machine, "cases": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
