"""Two matrix products against the C x B x M tensor, side by side. Run: python benchmarks/similarity.py."""

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity

CAPTIONS, VIDEOS, EXPERTS, WIDTH, REPEATS = 2000, 500, 7, 256, 5


def dense(text: TextEmbedding, video: VideoEmbedding) -> Tensor:
    cosines = torch.stack([text.vectors[name] @ video.vectors[name].T for name in sorted(text.vectors)], dim=2)
    weights = text.weights[:, None] * video.present[None]
    return (cosines * weights).sum(dim=2) / weights.sum(dim=2)


def seconds(
    score: Callable[[TextEmbedding, VideoEmbedding], Tensor], text: TextEmbedding, video: VideoEmbedding
) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        score(text, video)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    torch.manual_seed(0)
    names = [f"expert{e}" for e in range(EXPERTS)]
    text = TextEmbedding(
        {name: F.normalize(torch.randn(CAPTIONS, WIDTH), dim=1) for name in names},
        torch.rand(CAPTIONS, EXPERTS).softmax(dim=1),
    )
    present = torch.rand(VIDEOS, EXPERTS) < 0.8
    present[:, 0] = True
    video = VideoEmbedding({name: F.normalize(torch.randn(VIDEOS, WIDTH), dim=1) for name in names}, present)
    torch.testing.assert_close(similarity(text, video), dense(text, video), atol=1e-5, rtol=0)
    fast, slow = seconds(similarity, text, video), seconds(dense, text, video)
    print(f"two products {1000 * fast:.1f} ms, dense tensor {1000 * slow:.1f} ms, ratio {slow / fast:.1f}")


if __name__ == "__main__":
    main()
